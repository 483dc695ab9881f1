//! Resync: a node that was put back from an older state of its store is told again, page by page of this hub's journal,
//! every decision that it may have lost, commits with the leg that it sealed itself. Until it has them all it is out of
//! reach for new transfers.
//!
//! Where to begin: the node names the last that it knows of this hub's journal. A decision up to there was made after
//! the node's yes had come here, and the node heard of it after it had made that yes durable; so its store knows the
//! leg, and what it does not know of the decision it asks. Only what was decided later can be missing.

use super::decide::{decision_for, province_of};
use super::{Coordinator, Effect, Step};
use crate::domain::id::TransferId;
use crate::domain::protocol::Decision;
use crate::domain::record::{ResyncMoved, TransferDecided};
use crate::domain::region::ProvinceCode;
use crate::domain::row::{Key, PeerRow, TransferRow};
use crate::domain::transfer::Side;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A node that is told again. A crash may take it: the peer's row says how far it had come.
#[derive(Clone, Debug, Default, Hash)]
pub struct Resync {
    /// The page that is asked for begins after this sequence.
    asked: Option<u64>,
    /// The page that is being told: where it ends, whether it is the last, and who has not answered yet.
    page: Option<(u64, bool)>,
    waiting: BTreeSet<(TransferId, Side)>,
    /// What of the page comes after that, in the order of the journal, and whether it carries money back.
    later: VecDeque<(Decision, bool)>,
    /// What it was to be told anyway: it knows the legs of those that no page holds.
    put_off: BTreeMap<(TransferId, Side), Decision>,
}

/// The decisions of a record for a province's legs, commits with the leg that its node sealed.
pub fn decisions_of(
    province: ProvinceCode,
    record: &TransferDecided,
    transfer: &TransferRow,
) -> Vec<Decision> {
    let told = |side: Side| {
        let decision = decision_for(transfer, side).filter(|_| province_of(transfer, side) == province)?;
        let leg = record.commit.as_ref().map(|commit| match side {
            Side::Payer => commit.payer_leg.clone(),
            Side::Payee => commit.payee_leg.clone(),
        });
        Some(Decision { leg_record: leg.unwrap_or_default(), ..decision })
    };
    [Side::Payer, Side::Payee].into_iter().filter_map(told).collect()
}

impl Coordinator {
    /// A node was put back: what waits for it is put off until it has been told what it lost.
    pub(super) fn tell_again(&mut self, province: ProvinceCode) {
        let mut put_off = self.resyncs.remove(&province).map(|resync| resync.put_off).unwrap_or_default();
        let waiting = self.outbox.take(province);
        put_off.extend(waiting.into_iter().map(|it| ((it.transfer_id, it.side), it)));
        self.resyncs.insert(province, Resync { put_off, ..Resync::default() });
    }

    /// After a restart of the hub: who was being told goes on being told.
    pub(super) fn resume_telling(&mut self, step: &Step<'_>) {
        let provinces = self.places.provinces().map(|province| province.code);
        let told = |province: &ProvinceCode| {
            step.rows().get::<PeerRow>(&Key::PeerRow(*province)).is_some_and(|peer| peer.resync.is_some())
        };
        self.resyncs = provinces.filter(told).map(|province| (province, Resync::default())).collect();
    }

    /// Asks for the next page, unless one is being told. A page that was asked for twice is told once.
    pub(super) fn go_on_telling(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let peer: Option<&PeerRow> = step.rows().get(&Key::PeerRow(province));
        let Some(told) = peer.and_then(|peer| peer.resync) else { return };
        let Some(resync) = self.resyncs.get_mut(&province).filter(|resync| resync.page.is_none()) else {
            return;
        };
        resync.asked = Some(told);
        step.effect(Effect::ReadBack(province, told));
    }

    /// Holds a decision back while its province is told again what it lost; gives it back when it is not.
    pub(super) fn put_off(&mut self, province: ProvinceCode, decision: Decision) -> Option<Decision> {
        match self.resyncs.get_mut(&province) {
            Some(resync) => {
                resync.put_off.insert((decision.transfer_id, decision.side), decision);
                None
            }
            None => Some(decision),
        }
    }

    /// A page of the journal came: its decisions are told.
    pub(super) fn read_back(
        &mut self,
        province: ProvinceCode,
        (after, upto, end): (u64, u64, bool),
        decisions: Vec<Decision>,
        step: &mut Step<'_>,
    ) {
        let Some(resync) = self.resyncs.get_mut(&province) else { return };
        if resync.asked != Some(after) || resync.page.is_some() {
            return;
        }
        resync.page = Some((upto, end));
        for decision in decisions {
            resync.put_off.remove(&(decision.transfer_id, decision.side));
            let transfer: Option<&TransferRow> = step.rows().get(&Key::TransferRow(decision.transfer_id));
            let returns = transfer.is_some_and(|transfer| transfer.returns.is_some());
            resync.later.push_back((decision, returns));
        }
        self.tell_next(province, step);
        self.end_page(province, step);
    }

    /// Tells what comes next of a page. Legs may come back in any order, but for those that carry money back: they move
    /// what others brought, and others may move what they bring.
    fn tell_next(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(resync) = self.resyncs.get_mut(&province).filter(|resync| resync.waiting.is_empty()) else {
            return;
        };
        let Some((_, first)) = resync.later.front() else { return };
        let first = *first;
        let alike = resync.later.iter().take_while(|(_, returns)| *returns == first).count();
        for (decision, _) in resync.later.drain(..alike).collect::<Vec<_>>() {
            resync.waiting.insert((decision.transfer_id, decision.side));
            for decision in self.outbox.push(province, decision) {
                step.effect(Effect::Decide(province, decision));
            }
        }
    }

    /// The node answered a decision of the page.
    pub(super) fn told_again(
        &mut self,
        leg: (TransferId, Side),
        province: ProvinceCode,
        step: &mut Step<'_>,
    ) {
        if self.resyncs.get_mut(&province).is_some_and(|resync| resync.waiting.remove(&leg)) {
            self.tell_next(province, step);
            self.end_page(province, step);
        }
    }

    /// Once all of a page are answered: the next one, or the end.
    fn end_page(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(resync) = self.resyncs.get_mut(&province) else { return };
        let Some((upto, end)) = resync.page.filter(|_| resync.waiting.is_empty()) else { return };
        resync.page = None;
        step.record(ResyncMoved { province, told: (!end).then_some(upto) });
        if !end {
            return self.go_on_telling(province, step);
        }
        let put_off = self.resyncs.remove(&province).map(|resync| resync.put_off).unwrap_or_default();
        for decision in
            put_off.into_values().flat_map(|it| self.outbox.push(province, it)).collect::<Vec<_>>()
        {
            step.effect(Effect::Decide(province, decision));
        }
    }

    /// Whether nothing new may be asked of a province.
    pub(super) fn is_out_of_reach(&self, province: ProvinceCode) -> bool {
        self.outbox.is_dark(province) || self.resyncs.contains_key(&province)
    }
}

#[cfg(test)]
#[path = "resync_tests.rs"]
mod tests;
