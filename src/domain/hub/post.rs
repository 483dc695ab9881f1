//! A node tells what it has decided by itself (a posted kind): it is booked, or set aside for people. What is posted
//! against one transfer is booked by number, without gaps, and never passes what that transfer has brought. The payer's
//! node is told as of every decision.

use super::decide::decision;
use super::incident::{self, is_left_to_people};
use super::resolve::PARKED_ASK_MS;
use super::{
    HubMachine, Key, Rows, Step, TransferRow, begun, decision_for, position, refusal, row, stored, transfer,
};
use crate::domain::hub::record::{CommitDetail, TransferPosted};
use crate::domain::kinds::{self, Form};
use crate::domain::machine::Ticket;
use crate::domain::machine::own::own;
use crate::domain::protocol::call::PeerMark;
use crate::domain::protocol::leg::LegRef;
use crate::domain::protocol::message::{Posted, Posting, Ruling};
use crate::domain::protocol::transfer::TransferState;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Day, Now, ProvinceCode, Side, TransferId};

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
        needs_of_original(posting.posted.original, Day::of(now.civil), rows, keys);
    }
}

/// First what backs a posting; once that is known, the positions of its provinces.
pub(super) fn needs_of_original(original: TransferId, window: Day, rows: &Rows, keys: &mut Vec<Key>) {
    let key = Key::Transfer(original);
    if !rows.knows(&key) {
        return keys.push(key);
    }
    if let Some(original) = rows.get::<TransferRow>(&key) {
        let provinces = original.provinces().into_array();
        keys.extend(provinces.into_iter().map(|province| Key::Position(window, province)));
    }
}

/// What the hub does with a posting that it does not know yet.
pub(super) enum Booking {
    /// It is booked.
    Book,
    /// It is set aside: its number is used, and nothing is owed by it.
    Park,
    /// One that comes before it is missing.
    Gap,
    /// It belongs to nothing that this hub knows: people must look, and it may be booked later.
    Astray,
}

/// Check order: what backs it and whose it is, its number, how much is left, sums.
pub(super) fn booking(
    posted: &Posted,
    (province, side): (ProvinceCode, Side),
    window: Day,
    rows: &Rows,
) -> Booking {
    let original: Option<&TransferRow> = rows.get(&Key::Transfer(posted.original));
    let backs = |it: &&TransferRow| {
        let form = kinds::of(posted.kind).form;
        matches!(form, Form::Posted { backed_by } if backed_by == it.kind)
            && it.state == TransferState::Committed
            && side == Side::Payee
            && it.payee_province == province
            && posted.number > it.last_posting
    };
    let Some(original) = original.filter(backs) else { return Booking::Astray };
    if posted.number != original.last_posting + 1 {
        return Booking::Gap;
    }
    let used = original.posted.checked_add(posted.amount);
    let covered = posted.amount.is_positive() && used.is_some_and(|used| used <= original.amount);
    let what = (posted.kind, posted.amount);
    if covered && position::can_hold(what, original.provinces(), window, rows) {
        Booking::Book
    } else {
        Booking::Park
    }
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

    fn rule_on(&mut self, province: ProvinceCode, posting: &Posting, step: &mut Step<'_>) -> Ruling {
        let LegRef { id, terms_digest } = posting.reference;
        let later = |ask_after_ms| Ruling::Pending { question: posting.question(), ask_after_ms };
        if let Some(known) = row(id.transfer_id, step) {
            let is_it = known.provinces()[id.side] == province && known.terms_digest == terms_digest;
            if let Some(decision) = decision_for(&known, id.side).filter(|_| is_it) {
                return Ruling::Decided(decision);
            }
        } else if transfer::tombstone(id.transfer_id, step).is_none()
            && !is_left_to_people(id.transfer_id, step)
        {
            let window = Day::of(step.now.civil);
            let outcome = match booking(&posting.posted, (province, id.side), window, step.rows()) {
                Booking::Book => Some(Ok(())),
                Booking::Park => Some(Err(RefusalRecord::new(Reason::PostingParked, id.side))),
                Booking::Gap => return later(GAP_ASK_MS),
                Booking::Astray => None,
            };
            if let Some(outcome) = outcome {
                // From here on nothing may fail.
                self.note_seen(step);
                let hub_seq = own(step.rows()).hub_seq + 1;
                let leg = posting.leg_record.clone();
                let commit = |()| CommitDetail { window, hub_seq, payer_leg: Vec::new(), payee_leg: leg };
                let payer_is_told = outcome.is_ok();
                step.record(record_of(posting.reference, posting.posted));
                let owed = BySide { payer: payer_is_told, payee: true };
                let (time, outcome) = (step.now.civil, outcome.map(commit));
                step.record(decision(id.transfer_id, time, outcome, BySide::default(), owed));
                self.tell(id.transfer_id, step);
                let known = row(id.transfer_id, step);
                let decided = known.and_then(|known| decision_for(&known, id.side));
                return decided.map_or_else(|| later(GAP_ASK_MS), Ruling::Decided);
            }
        }
        incident::raise(id, RefusalRecord::new(Reason::PostingParked, id.side), step);
        later(PARKED_ASK_MS)
    }
}

/// The record of a posting.
pub(super) fn record_of(LegRef { id, terms_digest }: LegRef, posted: Posted) -> TransferPosted {
    let Posted { kind, original, number, amount, post_time, .. } = posted;
    TransferPosted { transfer_id: id.transfer_id, kind, original, number, amount, terms_digest, post_time }
}

/// A node has decided it; the hub's own decision follows.
pub(super) fn posted(record: &TransferPosted, sequence: u64, rows: &mut Rows) {
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
    rows.put(TransferRow { last_posting: record.number, ..original });
}

/// What a posting uses of the transfer that backs it, once it is booked; nothing of a prepared kind.
pub(super) fn booked(transfer: &TransferRow, rows: &mut Rows) {
    let (Some(original), Some(number)) = (transfer.returns, transfer.number) else { return };
    let original = stored(original, rows);
    let posted =
        original.posted.checked_add(transfer.amount).expect("sums are checked before a record is made");
    rows.put(TransferRow { last_booked: number, posted, ..original });
}
