//! Receipts on their way into the journal. A receipt may be lost without harm (the decision is told again), so it waits
//! for the other side's, and both for a batch that makes decisions anyway: the transfer's row changes once, and under
//! load its receipts cost no commit of their own.

use super::{HubMachine, Step, WaitMode};
use crate::domain::hub::record::DecisionsRecorded;
use crate::domain::value::calendar::Mono;
use crate::domain::value::id::TransferId;
use crate::domain::value::region::ProvinceCode;
use crate::domain::value::side::Side;
use std::collections::BTreeMap;

/// A receipt is journaled after so long at the latest.
const KEPT_MS: u64 = 100;

/// Most legs of one record: readers of the journal take records whole.
const LEGS_MAX: usize = 1_000;

/// Receipts that are not journaled yet.
#[derive(Clone, Debug, Default, Hash)]
pub struct Receipts {
    kept: BTreeMap<TransferId, Kept>,
    due: Option<Mono>,
}

/// One transfer's receipts.
#[derive(Clone, Debug, Default, Hash)]
struct Kept {
    legs: Vec<(ProvinceCode, Side)>,
    whole: bool,
}

impl Receipts {
    /// Keeps a receipt. `whole`: with it the transfer waits for no other.
    fn keep(&mut self, transfer_id: TransferId, leg: (ProvinceCode, Side), whole: bool, now: Mono) {
        self.due.get_or_insert(now.after(KEPT_MS));
        let kept = self.kept.entry(transfer_id).or_default();
        kept.whole |= whole;
        if !kept.legs.contains(&leg) {
            kept.legs.push(leg);
        }
    }

    /// Whether the side's receipt is kept here.
    pub fn has(&self, transfer_id: TransferId, side: Side) -> bool {
        self.kept.get(&transfer_id).is_some_and(|kept| kept.legs.iter().any(|(_, it)| *it == side))
    }

    /// When they have to be journaled.
    pub fn due(&self) -> Option<Mono> {
        self.due
    }

    /// The transfers whose receipts are journaled at the next occasion: those that wait for no other, or all when they
    /// are due.
    pub fn ready(&self, now: Mono) -> impl Iterator<Item = TransferId> {
        let all = self.are_due(now);
        self.kept.iter().filter(move |(_, kept)| all || kept.whole).map(|(transfer_id, _)| *transfer_id)
    }

    fn are_due(&self, now: Mono) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

impl HubMachine {
    /// Takes a receipt. True: somebody waits for it, and it should be journaled now.
    pub(super) fn take_receipt(
        &mut self,
        (transfer_id, side): (TransferId, Side),
        province: ProvinceCode,
        other: Option<ProvinceCode>,
        now: Mono,
    ) -> bool {
        let missing = |other: ProvinceCode| {
            !self.receipts.has(transfer_id, side.other()) && !self.outbox.is_dark(other)
        };
        let whole = !other.is_some_and(missing);
        self.receipts.keep(transfer_id, (province, side), whole, now);
        whole && self.waits.is_awaited(transfer_id, WaitMode::Recorded)
    }

    /// Journals the receipts of transfers that wait for no other, and those that are due.
    pub(super) fn journal_receipts(&mut self, step: &mut Step<'_>) {
        let all = self.receipts.are_due(step.now.mono);
        let ready: Vec<(TransferId, Kept)> =
            self.receipts.kept.extract_if(.., |_, kept| all || kept.whole).collect();
        if self.receipts.kept.is_empty() {
            self.receipts.due = None;
        }
        let mut told: BTreeMap<ProvinceCode, Vec<(TransferId, Side)>> = BTreeMap::new();
        for (transfer_id, kept) in &ready {
            for (province, side) in &kept.legs {
                told.entry(*province).or_default().push((*transfer_id, *side));
            }
        }
        if !told.is_empty() {
            self.note_seen(step);
        }
        for (province, legs) in &told {
            for legs in legs.chunks(LEGS_MAX) {
                step.record(DecisionsRecorded { province: *province, legs: legs.to_vec() });
            }
        }
        ready.iter().for_each(|(transfer_id, _)| self.answer_ready(*transfer_id, step));
    }
}

#[cfg(test)]
#[path = "receipts_tests.rs"]
mod tests;
