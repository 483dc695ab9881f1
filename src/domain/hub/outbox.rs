//! What the hub still has to tell each province: every decision, until it is acknowledged, for ever. One lane a
//! province, so that a dark one stops nobody. Driven by inputs only, so that the simulator tests it as it is.

use super::{Effect, Step};
use crate::domain::protocol::{Decision, LegId};
use crate::domain::value::{Mono, ProvinceCode, Side, TransferId};
use std::collections::{BTreeMap, VecDeque};

/// How long a decision rests that came too early or whose call failed, in milliseconds.
const REST_MS: u64 = 1_000;

/// Most decisions of a province on their way at once; the others wait here, not in the network.
const SENT_MAX: usize = 4_000;

/// All lanes.
#[derive(Clone, Debug, Default, Hash)]
pub struct Outbox {
    lanes: BTreeMap<ProvinceCode, Lane>,
    /// When what rests is told again.
    rested: Option<Mono>,
}

#[derive(Clone, Debug, Default, Hash)]
struct Lane {
    queue: VecDeque<Decision>,
    sent: BTreeMap<LegId, Decision>,
    /// Those for which it is too early there, or whose call failed: they are told again after a rest.
    resting: VecDeque<Decision>,
    dark: bool,
}

impl Lane {
    fn take_back(&mut self) {
        let sent = std::mem::take(&mut self.sent);
        sent.into_values().rev().for_each(|decision| self.queue.push_front(decision));
        self.queue.append(&mut self.resting);
        // Postings of one transfer go out by number; the others stay in their order.
        let place = |it: &Decision| it.posting.map(|terms| (terms.original, terms.number));
        self.queue.make_contiguous().sort_by_key(place);
    }

    fn release(&mut self) -> Vec<Decision> {
        let free = if self.dark { 0 } else { SENT_MAX.saturating_sub(self.sent.len()) };
        let released: Vec<Decision> = self.queue.drain(..free.min(self.queue.len())).collect();
        for decision in &released {
            self.sent.insert(decision.leg(), decision.clone());
        }
        released
    }
}

impl Outbox {
    /// Puts a decision into its province's lane; gives what may be sent now.
    pub fn push(&mut self, province: ProvinceCode, decision: Decision) -> Vec<Decision> {
        let lane = self.lanes.entry(province).or_default();
        lane.queue.push_back(decision);
        lane.release()
    }

    /// A province answered a decision (recorded, or parked as an incident); gives what may be sent now.
    pub fn answered(&mut self, province: ProvinceCode, leg: LegId) -> Vec<Decision> {
        let lane = self.lanes.entry(province).or_default();
        lane.sent.remove(&leg);
        lane.release()
    }

    /// A call came back without a receipt for these: they wait again, behind the others, until something is released.
    pub fn unanswered(&mut self, province: ProvinceCode, legs: &[(TransferId, Side)]) {
        let lane = self.lanes.entry(province).or_default();
        let legs = legs.iter().map(|(transfer_id, side)| LegId { transfer_id: *transfer_id, side: *side });
        lane.queue.extend(legs.filter_map(|leg| lane.sent.remove(&leg)));
    }

    /// It was too early for a decision: what comes before it is not recorded there yet. Or its call had no answer.
    pub fn rest(&mut self, province: ProvinceCode, leg: LegId, now: Mono) {
        let lane = self.lanes.entry(province).or_default();
        lane.resting.extend(lane.sent.remove(&leg));
        self.rested.get_or_insert(now.after(REST_MS));
    }

    /// When something has rested long enough.
    pub fn wake(&self) -> Option<Mono> {
        self.rested
    }

    /// What has rested waits to be told again; gives what may be sent now, by province.
    pub fn rouse(&mut self, now: Mono) -> Vec<(ProvinceCode, Vec<Decision>)> {
        if self.rested.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.rested = None;
        let roused = |(province, lane): (&ProvinceCode, &mut Lane)| {
            lane.queue.append(&mut lane.resting);
            (*province, lane.release())
        };
        self.lanes.iter_mut().map(roused).collect()
    }

    /// The province cannot be reached: what was on its way waits again.
    pub fn set_unreachable(&mut self, province: ProvinceCode) {
        let lane = self.lanes.entry(province).or_default();
        lane.dark = true;
        lane.take_back();
    }

    /// What was on its way may be lost: gives what may be sent now, that included.
    pub fn again(&mut self, province: ProvinceCode) -> Vec<Decision> {
        let lane = self.lanes.entry(province).or_default();
        lane.take_back();
        lane.release()
    }

    /// Takes everything out of a province's lane.
    pub fn take(&mut self, province: ProvinceCode) -> Vec<Decision> {
        let lane = self.lanes.entry(province).or_default();
        lane.take_back();
        lane.queue.drain(..).collect()
    }

    /// The province can be reached: gives what may be sent now.
    pub fn set_reachable(&mut self, province: ProvinceCode) -> Vec<Decision> {
        let lane = self.lanes.entry(province).or_default();
        lane.dark = false;
        lane.release()
    }

    /// Whether the province is known to be out of reach.
    pub fn is_dark(&self, province: ProvinceCode) -> bool {
        self.lanes.get(&province).is_some_and(|lane| lane.dark)
    }
}

/// What was released goes out.
pub(super) fn send(province: ProvinceCode, released: Vec<Decision>, step: &mut Step<'_>) {
    for decision in released {
        step.effect(Effect::Decide(province, decision));
    }
}
