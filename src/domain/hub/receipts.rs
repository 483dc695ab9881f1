//! Receipts that are not journaled yet: by transfer, until they wait for no other or have waited long enough.

use crate::domain::protocol::LegId;
use crate::domain::value::{Mono, ProvinceCode, Side, TransferId};
use std::collections::BTreeMap;

/// A receipt is journaled after so long at the latest.
const KEPT_MS: u64 = 100;

/// Receipts that are not journaled yet.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Receipts {
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
    /// Keeps a receipt of a province. `whole`: with it the transfer waits for no other.
    pub(super) fn keep(&mut self, leg: LegId, province: ProvinceCode, whole: bool, now: Mono) {
        self.due.get_or_insert(now.after(KEPT_MS));
        let kept = self.kept.entry(leg.transfer_id).or_default();
        kept.whole |= whole;
        if !kept.legs.contains(&(province, leg.side)) {
            kept.legs.push((province, leg.side));
        }
    }

    /// Whether a leg's receipt is kept here.
    pub(super) fn has(&self, leg: LegId) -> bool {
        self.kept
            .get(&leg.transfer_id)
            .is_some_and(|kept| kept.legs.iter().any(|(_, side)| *side == leg.side))
    }

    /// When they have to be journaled.
    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// The transfers whose receipts are journaled at the next occasion: those that wait for no other, or all when they
    /// are due.
    pub(super) fn ready(&self, now: Mono) -> impl Iterator<Item = TransferId> {
        let all = self.are_due(now);
        self.kept.iter().filter(move |(_, kept)| all || kept.whole).map(|(transfer_id, _)| *transfer_id)
    }

    /// Takes the receipts of those.
    pub(super) fn take_ready(&mut self, now: Mono) -> Vec<(TransferId, Vec<(ProvinceCode, Side)>)> {
        let all = self.are_due(now);
        let ready = self.kept.extract_if(.., |_, kept| all || kept.whole);
        let ready = ready.map(|(transfer_id, kept)| (transfer_id, kept.legs)).collect();
        if self.kept.is_empty() {
            self.due = None;
        }
        ready
    }

    fn are_due(&self, now: Mono) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

#[cfg(test)]
#[path = "receipts_tests.rs"]
mod tests;
