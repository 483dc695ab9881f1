//! A node tells what it has decided by itself (a posted kind): it is booked, or parked, that is set aside for people.
//! What is posted against one transfer is ruled on by number, without gaps, and never passes what that transfer has
//! brought. The payer's node is told of what is booked in the same way as of every commit.

use super::decide::decision;
use super::incident::{self, is_left_to_people};
use super::recovery::Commit;
use super::resolve::PARKED_ASK_MS;
use super::windows::{window_at, window_now};
use super::{
    HubMachine, Key, Rows, Step, TransferRow, begun, decision_for, position, refusal, row, stored, transfer,
};
use crate::domain::hub::record::{CommitDetail, TransferPosted};
use crate::domain::kinds::{self, Form};
use crate::domain::machine::Ticket;
use crate::domain::machine::own::own;
use crate::domain::protocol::message::PostingTerms;
use crate::domain::protocol::{LegRef, PeerMark, Posting, Ruling, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Now, ProvinceCode, Side, Window};
use std::sync::Arc;

/// A posting that is not the next is told again so long after.
const GAP_ASK_MS: u64 = 1_000;

/// What became of each, what backs it, and the positions that it would move.
pub(super) fn needs(
    now: Now,
    (province, postings): (ProvinceCode, &[Posting]),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    keys.push(Key::Peer(province));
    for posting in postings {
        let id = posting.reference.id;
        transfer::needs(id.transfer_id, rows, keys);
        keys.push(Key::Incident(id.transfer_id, id.side));
        if let Some(window) = window_at(now.civil, rows) {
            needs_of_original(&posting.terms, window, rows, keys);
        }
    }
}

/// First what backs a posting; once that is known, the positions of its provinces.
fn needs_of_original(terms: &PostingTerms, window: Window, rows: &Rows, keys: &mut Vec<Key>) {
    let key = Key::Transfer(terms.original);
    if !rows.knows(&key) {
        return keys.push(key);
    }
    if let Some(original) = rows.get::<TransferRow>(&key) {
        keys.extend(position::keys(window, original.provinces(), terms.kind));
    }
}

/// What backs a posting of a province, if it is what the hub knows of: a committed transfer of the kind that its own
/// kind names, which that province's member received; the posting has an amount, and a number that is not used yet.
pub(super) fn backing<'a>(
    terms: &PostingTerms,
    (province, side): (ProvinceCode, Side),
    rows: &'a Rows,
) -> Option<&'a TransferRow> {
    let original: &TransferRow = rows.get(&Key::Transfer(terms.original))?;
    let form = kinds::of(terms.kind).form;
    let backs = matches!(form, Form::Posted { backed_by } if backed_by == original.kind)
        && original.state == TransferState::Committed
        && (side, original.payee_province) == (Side::Payee, province);
    (backs && terms.amount.is_positive() && terms.number > original.last_posting).then_some(original)
}

/// Whether what backs a posting has so much left, and both positions can hold it.
pub(super) fn is_covered(terms: &PostingTerms, original: &TransferRow, window: Window, rows: &Rows) -> bool {
    let used = original.used.checked_add(terms.amount);
    used.is_some_and(|used| used <= original.amount)
        && position::can_hold((terms.kind, terms.amount), original.provinces(), window, rows)
}

/// What is said of a posting that is set aside for people.
pub(super) fn parked() -> RefusalRecord {
    RefusalRecord::new(Reason::PostingParked, Side::Payee)
}

impl HubMachine {
    /// Rules on each posting, in order. One that cannot be ruled on keeps no other from it.
    pub(super) fn post(
        &mut self,
        ticket: Ticket<Vec<Ruling>>,
        (province, node): (ProvinceCode, PeerMark),
        postings: &[Posting],
        step: &mut Step<'_>,
    ) {
        if !self.meet_node(province, node, step) {
            return step.refuse(ticket, refusal(Reason::SenderRefused));
        }
        let rulings = postings.iter().map(|posting| self.rule_on(province, posting, step)).collect();
        step.answer(ticket, rulings);
    }

    /// What was ruled before; what can be ruled now; or when to ask again. What belongs to nothing that this hub knows
    /// may be booked later, and is noted for people.
    fn rule_on(&mut self, province: ProvinceCode, posting: &Posting, step: &mut Step<'_>) -> Ruling {
        let LegRef { id, terms_digest } = posting.reference;
        let later = |ask_after_ms| Ruling::Pending { question: posting.question(), ask_after_ms };
        let is_it = |known: &Arc<TransferRow>| {
            known.provinces()[id.side] == province && known.terms_digest == terms_digest
        };
        let ruled = row(id.transfer_id, step).filter(is_it).and_then(|it| decision_for(&it, id.side));
        if let Some(decision) = ruled {
            return Ruling::Decided(decision);
        }
        let is_taken = row(id.transfer_id, step).is_some()
            || transfer::tombstone(id.transfer_id, step).is_some()
            || is_left_to_people(id.transfer_id, step);
        let original = backing(&posting.terms, (province, id.side), step.rows()).filter(|_| !is_taken);
        let Some(original) = original else {
            incident::raise(id, parked(), step);
            return later(PARKED_ASK_MS);
        };
        if posting.terms.number != original.last_posting + 1 {
            return later(GAP_ASK_MS);
        }
        let window = window_now(step);
        let books = is_covered(&posting.terms, original, window, step.rows());
        // From here on nothing may fail.
        self.note_seen(step);
        let hub_seq = own(step.rows()).hub_seq + 1;
        let commit = books.then_some((window, hub_seq, step.now.civil));
        self.record_posting(posting, commit, BySide::default(), step);
        let decision = row(id.transfer_id, step).and_then(|it| decision_for(&it, id.side));
        decision.map_or_else(|| later(GAP_ASK_MS), Ruling::Decided)
    }

    /// Journals a posting with its ruling: a commit with this window, number and time, or parked. Both nodes are told
    /// of a commit; the payer's has nothing to hear of what is parked.
    pub(super) fn record_posting(
        &mut self,
        posting: &Posting,
        commit: Option<Commit>,
        has_recorded: BySide<bool>,
        step: &mut Step<'_>,
    ) {
        let LegRef { id, terms_digest } = posting.reference;
        let PostingTerms { kind, original, number, amount, post_time, .. } = posting.terms;
        let (transfer_id, leg_record) = (id.transfer_id, posting.leg_record.clone());
        step.record(TransferPosted {
            transfer_id,
            kind,
            original,
            number,
            amount,
            terms_digest,
            post_time,
            leg_record,
        });
        let (time, outcome) = match commit {
            Some((window, hub_seq, time)) => {
                // The leg stands in the record before this one, whatever the ruling.
                let (payer_leg, payee_leg) = (Vec::new(), Vec::new());
                (time, Ok(CommitDetail { window, hub_seq, payer_leg, payee_leg }))
            }
            None => (step.now.civil, Err(parked())),
        };
        let owed = BySide { payer: commit.is_some() && !has_recorded.payer, payee: !has_recorded.payee };
        step.record(decision(transfer_id, time, outcome, BySide::default(), owed));
        self.tell(transfer_id, step);
    }
}

/// A node has decided it; the hub's own decision follows.
pub(super) fn recorded(record: &TransferPosted, sequence: u64, rows: &mut Rows) {
    let original = stored(record.original, rows);
    let (regions, provinces) = (original.regions(), original.provinces());
    let places = BySide::new(|side| (regions[side], provinces[side]));
    rows.put(TransferRow {
        // No client has it: it belongs to the node that decided it.
        owner: format!("urn:gongji:node:{}", provinces.payee),
        terms_digest: record.terms_digest,
        returns: Some(record.original),
        number: Some(record.number),
        booked_after: Some(original.last_booked),
        ..begun(record.kind, (record.transfer_id, record.amount), places, (record.post_time, sequence))
    });
    rows.put(TransferRow { last_posting: original.last_posting.max(record.number), ..original });
}

/// What a posting uses of the transfer that backs it, once it is booked; nothing of a prepared kind.
pub(super) fn booked(transfer: &TransferRow, rows: &mut Rows) {
    let (Some(original), Some(number)) = (transfer.returns, transfer.number) else { return };
    let original = stored(original, rows);
    let used = original.used.checked_add(transfer.amount).expect("sums are checked before a record is made");
    rows.put(TransferRow { last_booked: original.last_booked.max(number), used, ..original });
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
