//! Civil clocks that jump, and the operators who mend what a wrong one has done.

use super::network::Event;
use super::world::World;
use crate::domain::hub;
use crate::domain::machine::Ticket;
use crate::domain::machine::operation::{Operation, OperationRequest, OperationWord};
use crate::domain::node;
use crate::domain::value::{Civil, ProvinceCode, TransferId};
use crate::engine::LIMIT_MS;
use crate::testkit::HUB;

/// Names callers of whom nobody hears.
const NOBODY: u64 = 1;

impl World {
    /// A civil clock steps, forwards or back, by up to a quarter of an hour, or by up to two days. One clock is wrong
    /// at a time: two that are wrong alike would be believed.
    pub(super) fn skew(&mut self, place: ProvinceCode) {
        self.report.count("clock step");
        self.set_clocks_right();
        let widest: u32 = if self.chance.permille(250) { 172_800_000 } else { 900_000 };
        let drawn = self.chance.between(0, 2 * u64::from(widest));
        let step = i64::try_from(drawn).unwrap_or(0) - i64::from(widest);
        self.log(format_args!("the clock of {place} is off by {step} ms"));
        if place == HUB {
            self.cluster.hub.skew += step;
        } else if let Some(node) = self.cluster.nodes.get_mut(&place) {
            node.skew += step;
        }
        let right_at = self.at + self.chance.between(200, 8_000);
        self.cluster.network.at(right_at, Event::ClocksRight);
        // People make mistakes: two operators say that it is right.
        if self.chance.permille(150) {
            self.report.count("wrong clock accepted");
            self.operators_erred = true;
            self.two_operators(place, Operation::AcceptClock);
        }
    }

    /// Every clock has the right time.
    pub(super) fn set_clocks_right(&mut self) {
        self.cluster.hub.skew = self.right_skew;
        self.cluster.nodes.values_mut().for_each(|node| node.skew = self.right_skew);
    }

    /// A server hears what its peer's clock has.
    pub(super) fn hear_clock(&mut self, from: ProvinceCode, to: ProvinceCode) {
        let at = self.at;
        let civil = match self.cluster.nodes.get(&from) {
            Some(node) => node.now(at).civil,
            None => self.cluster.hub.now(at).civil,
        };
        match self.cluster.nodes.get_mut(&to) {
            Some(node) => node.hear_clock(from, civil, at),
            None => self.cluster.hub.hear_clock(from, civil, at),
        }
    }

    /// Where a time is stamped that is too far ahead, two operators lower it. What only a node's own records stamped
    /// would be mended by the first word of the hub, but for a node that had accepted it.
    pub(super) fn mend_stamps(&mut self) {
        if !self.operators_erred {
            return;
        }
        for place in [HUB].into_iter().chain(self.cluster.country.provinces.clone()) {
            let (stamped, right) = match self.cluster.nodes.get(&place) {
                Some(node) => (node.keeper.stamped(), node.now(self.at).civil),
                None => (self.cluster.hub.keeper.stamped(), self.cluster.hub.now(self.at).civil),
            };
            if stamped.is_some_and(|stamped| stamped.0 - right.0 > LIMIT_MS)
                && self.cluster.life(place).is_some()
            {
                self.report.count("time lowered");
                self.two_operators(place, Operation::LowerTime(right));
            }
        }
    }

    /// What is stamped is never far ahead of the right time, unless operators have said that a wrong clock is right.
    pub(super) fn check_stamps(&mut self) {
        if self.operators_erred {
            return;
        }
        let right =
            |skew: i64, at: u64| crate::testkit::NOON.saturating_add_unsigned(at).saturating_add(skew);
        let right = right(self.right_skew, self.at);
        let hub = (HUB, self.cluster.hub.keeper.stamped());
        let nodes = self.cluster.nodes.iter().map(|(place, node)| (*place, node.keeper.stamped()));
        let ahead = |stamped: Option<Civil>| stamped.is_some_and(|stamped| stamped.0 - right > LIMIT_MS);
        let wrong: Vec<_> =
            nodes.chain([hub]).filter(|(_, stamped)| ahead(*stamped)).map(|(it, _)| it).collect();
        for place in wrong {
            self.complain(format!("{place} has stamped a time that is far ahead"));
        }
    }

    pub(super) fn two_operators(&mut self, place: ProvinceCode, operation: Operation) {
        self.operations += 1;
        let mut operation_id = TransferId([0xee; 16]);
        operation_id.0[..8].copy_from_slice(&self.operations.to_be_bytes());
        let propose =
            OperationWord::Propose { operation, reason_code: "SIMULATED".to_owned(), note: String::new() };
        let doubts = self.cluster.nodes.get(&place).map_or(self.cluster.hub.doubts, |node| node.doubts);
        for (name, word) in [("a", propose), ("b", OperationWord::Approve)] {
            let operator = format!("urn:gongji:operator:{name}");
            let request = OperationRequest { operation_id, operator, word, is_clock_believed: !doubts };
            match self.cluster.nodes.get_mut(&place) {
                Some(node) => {
                    node.inbox.push(node::Input::Operate { ticket: Ticket::new(NOBODY), request });
                }
                None => {
                    let input =
                        hub::Input::Operate { ticket: Ticket::new(NOBODY), request, reads_cuts: true };
                    self.cluster.hub.inbox.push(input);
                }
            }
        }
        self.soon(place);
    }
}
