//! Operators who lose patience, in some worlds: of the provinces for which a restored hub waits the last are left out
//! of its recovery, whether their nodes are down, slow or cut off. They come back by themselves; until then operators
//! finish some of what stays undecided for them. What such a province has recorded otherwise must get a name, and
//! nothing may be turned round.

use super::joint::goes_joint;
use super::stale::{OF_A_SPLIT, goes_stale};
use super::world::World;
use crate::domain::audit::invariant::Violation;
use crate::domain::hub::Key;
use crate::domain::hub::tables::TransferRow;
use crate::domain::machine::operation::Operation;
use crate::domain::machine::{IncidentRow, PeerRow, TableRow};
use crate::domain::protocol::{Outcome, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, TransferId};
use crate::testkit::HUB;

/// Whether provinces are left out in a seed's world.
pub fn leaves_out(seed: u64) -> bool {
    seed % 15 == 8 && !goes_stale(seed) && !goes_joint(seed)
}

impl World {
    /// Two operators leave a province out, once half of all were heard.
    pub(super) fn leave_out(&mut self) {
        // A life of the hub that is lost and had left out others has given numbers above those that it kept. Where no
        // province that is heard now has seen that life, nobody can say so, and they are given again: what the others
        // tell then is left to people (docs/operate/backup.md), which no world expects.
        let again = self.report.counts.contains_key("hub recovered");
        // By a clock that is not believed they end no recovery.
        if again || self.cluster.hub.doubts || !self.hub_restored || !leaves_out(self.plan.seed) {
            return;
        }
        let unheard =
            self.cluster.hub.core.as_ref().map_or_else(Vec::new, |_| self.cluster.hub.machine().unheard());
        if let Some(province) =
            unheard.last().filter(|_| unheard.len() * 2 <= self.cluster.country.provinces.len())
        {
            self.log(format_args!("{province} is left out"));
            self.report.count("left out of a recovery");
            self.two_operators(HUB, Operation::LeaveOut(*province));
        }
    }

    /// Two operators finish some of what stays undecided for a province that is not heard: as its client says that it
    /// was, or, where he knows nothing, one way or the other. Now and then they are wrong.
    pub(super) fn finish_some(&mut self) {
        let serves = self.cluster.hub.core.is_some() && !self.hub_restored;
        if !leaves_out(self.plan.seed) || !serves || !self.lacks_somebody() {
            return;
        }
        let rows = self.cluster.hub.disk.rows();
        let left = [Reason::LeftOutUndecided, Reason::ContraryOrder];
        let is_decided = |id| {
            let row = self.cluster.hub.disk.row(&Key::Transfer(id));
            row.as_ref().and_then(TransferRow::of).is_some_and(|row| row.state.is_decided())
        };
        let open = |it: &&IncidentRow| {
            left.contains(&it.refusal.reason) && it.close_time.is_none() && !is_decided(it.transfer_id)
        };
        let open = rows.iter().filter_map(IncidentRow::of).filter(open).map(|it| it.transfer_id);
        for transfer_id in open.collect::<Vec<_>>() {
            if self.finished.contains(&transfer_id) || !self.chance.permille(200) {
                continue;
            }
            let commits = match self.told(transfer_id) {
                Some(told) => (told == TransferState::Committed) != self.chance.permille(200),
                None => self.chance.permille(500),
            };
            let outcome = if commits { Outcome::Commit } else { Outcome::Abort };
            self.log(format_args!("{transfer_id} is finished: {}", outcome.name()));
            self.report.count(if commits { "finished as committed" } else { "finished as aborted" });
            self.finished.insert(transfer_id);
            self.two_operators(HUB, Operation::FinishTransfer(transfer_id, outcome));
        }
    }

    /// What those who asked for a transfer were told of it.
    fn told(&self, id: TransferId) -> Option<TransferState> {
        let client = self.wishes.get(&id).and_then(|number| self.clients.get(*number));
        let returned = || self.returning.iter().find(|it| it.id == id).and_then(|it| it.told);
        client.and_then(|it| it.told).or_else(returned)
    }

    /// Whether a violation is what comes of it when operators finish a transfer otherwise than it was: it has a name
    /// where a side has recorded it so; and who was told otherwise by a life of the hub that is lost was so before it.
    pub(super) fn is_of_finished(&self, violation: &Violation) -> bool {
        match violation.transfer_id {
            Some(id) if self.finished.contains(&id) => {
                violation.invariant == "INV-10"
                    || (OF_A_SPLIT.contains(&violation.invariant)
                        && (self.is_contrary(Some(id)) || self.is_being_told(id)))
            }
            None if violation.invariant == "INV-06" => {
                self.finished.iter().any(|id| self.is_contrary(Some(*id)))
            }
            Some(_) | None => false,
        }
    }

    /// Whether a decision has not reached both sides yet: whoever must reject it has not heard of it.
    fn is_being_told(&self, id: TransferId) -> bool {
        let row = self.cluster.hub.disk.row(&Key::Transfer(id));
        row.as_ref().and_then(TransferRow::of).is_some_and(|row| !row.is_recorded_by_both())
    }

    /// Whether somebody was left out and not heard yet: the hub's books lack what that province alone knows.
    pub(super) fn lacks_somebody(&self) -> bool {
        let is_left = |province: &ProvinceCode| {
            let row = self.cluster.hub.disk.row(&Key::Peer(*province));
            row.as_ref().and_then(PeerRow::of).is_some_and(|peer| peer.left_out.is_some())
        };
        self.hub_lost && self.cluster.country.provinces.iter().any(is_left)
    }
}
