//! A province's receipts for decisions. A receipt may be lost without harm (the decision is told again), so it waits
//! for the other side's, and both for a batch that makes decisions anyway: the transfer's row changes once, and under
//! load its receipts cost no commit of their own.

use super::{HubMachine, Key, Rows, Step, TransferRow, WaitMode, incident, row, send};
use crate::domain::hub::record::DecisionsRecorded;
use crate::domain::protocol::{Ack, AckResult, LegId, PeerMark, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Mono, Now, ProvinceCode, Side, TransferId};
use std::collections::{BTreeMap, BTreeSet};

/// Most legs of one record: readers of the journal take records whole.
const LEGS_MAX: usize = 1_000;

/// The transfers, those whose receipts may be journaled now, and what is noted of a leg whose decision was rejected.
pub(super) fn needs(hub: &HubMachine, now: Now, province: ProvinceCode, acks: &[Ack], keys: &mut Vec<Key>) {
    keys.push(Key::Peer(province));
    keys.extend(acks.iter().map(|ack| Key::Transfer(ack.transfer_id)));
    keys.extend(hub.receipts.ready(now.mono).map(Key::Transfer));
    let rejected = acks.iter().filter(|ack| ack.result == AckResult::Rejected);
    keys.extend(rejected.map(|ack| Key::Incident(ack.transfer_id, ack.side)));
    let named = acks.iter().filter(|ack| !ack.leg_record.is_empty());
    keys.extend(named.map(|ack| Key::Incident(ack.transfer_id, Side::Payer)));
}

impl HubMachine {
    /// Takes the receipts of `told`; what has none waits to be told again.
    pub(super) fn acks(
        &mut self,
        (province, node): (ProvinceCode, PeerMark),
        told: &[(TransferId, Side)],
        acks: &[Ack],
        step: &mut Step<'_>,
    ) {
        let mut answered = BTreeSet::new();
        if self.meet_node(province, node, step) {
            let mut awaited = false;
            for ack in acks {
                if let Some(is_awaited) = self.ack(province, ack, step) {
                    awaited |= is_awaited;
                    answered.insert((ack.transfer_id, ack.side));
                }
            }
            if awaited {
                self.journal_receipts(step);
            }
        }
        // A decision that was told twice may have been released anew by its own receipt: another one is to come.
        let unanswered: Vec<_> = told.iter().filter(|leg| !answered.contains(leg)).copied().collect();
        self.outbox.unanswered(province, &unanswered);
    }

    /// Nothing: it answers no decision. True: somebody waits for the receipt, and it should be journaled now.
    fn ack(&mut self, province: ProvinceCode, ack: &Ack, step: &mut Step<'_>) -> Option<bool> {
        let transfer = row(ack.transfer_id, step)?;
        let is_party =
            transfer.provinces()[ack.side] == province && transfer.terms_digest == ack.terms_digest;
        if !is_party || !transfer.state.is_decided() {
            return None;
        }
        self.leg_named(ack, &transfer, step);
        let mut awaited = false;
        match ack.result {
            // An incident for people; it is told again only after a restart.
            AckResult::Rejected if !is_moot(ack, &transfer) => {
                let contrary = || RefusalRecord::new(Reason::ContraryOrder, ack.side);
                let refusal = ack.refusal.clone().unwrap_or_else(contrary);
                // What a recovery had left to people was another matter, and ended with the decision.
                let since = transfer.decide_time.unwrap_or(Civil(0));
                incident::raise_since(ack.leg(), since, refusal, step);
            }
            AckResult::NotYet => {
                self.outbox.rest(province, ack.leg(), step.now.mono);
                return None;
            }
            AckResult::Recorded | AckResult::Already | AckResult::Rejected => {
                awaited = self.take_receipt(ack.leg(), &transfer, step.now.mono);
            }
        }
        send(province, self.outbox.answered(province, ack.leg()), step);
        self.told_again(ack.leg(), province, step);
        Some(awaited)
    }

    /// True: somebody waits for it, and it should be journaled now.
    fn take_receipt(&mut self, leg: LegId, transfer: &TransferRow, now: Mono) -> bool {
        let (recorded, provinces, other) = (transfer.recorded(), transfer.provinces(), leg.side.other());
        if recorded[leg.side].is_some() {
            return false;
        }
        let whole = recorded[other].is_some()
            || self.receipts.has(LegId { side: other, ..leg })
            || self.outbox.is_dark(provinces[other]);
        self.receipts.keep(leg, provinces[leg.side], whole, now);
        whole && self.waits.is_awaited(leg.transfer_id, WaitMode::Recorded)
    }

    /// Journals the receipts of transfers that wait for no other, and those that are due.
    pub(super) fn journal_receipts(&mut self, step: &mut Step<'_>) {
        let ready = self.receipts.take_ready(step.now.mono);
        let mut told: BTreeMap<ProvinceCode, Vec<(TransferId, Side)>> = BTreeMap::new();
        for (transfer_id, legs) in &ready {
            for (province, side) in legs {
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

/// Whether a rejection says all that the hub wants to know: what was aborted is not held there, but other terms, of an
/// earlier life of a hub that lost them, are. They end when the node asks about them. It counts as a receipt.
fn is_moot(ack: &Ack, transfer: &TransferRow) -> bool {
    let differs = ack.refusal.as_ref().is_some_and(|refusal| refusal.reason == Reason::TermsDiffer);
    differs && transfer.state == TransferState::Aborted
}

/// A province has recorded decisions.
pub(super) fn recorded(record: &DecisionsRecorded, sequence: u64, rows: &mut Rows) {
    for (transfer_id, side) in &record.legs {
        if let Some(transfer) = rows.get::<TransferRow>(&Key::Transfer(*transfer_id)).cloned() {
            rows.put(transfer.recorded_by(*side, sequence));
        }
    }
}
