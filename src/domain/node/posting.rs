//! Postings: what the payee's node decides by itself, against what a committed transfer has brought it. It asks nobody:
//! the money is there, and only this node can take from it. All that is posted against one transfer is numbered without
//! gaps; the hub books it in that order, and the payer's node is told in that order.

use super::account::{CLEARING, SUSPENSE, account_of, can_move};
use super::ask::Doubt;
use super::decide::books_take;
use super::prepare::clearing_takes_more;
use super::prepared::leg_record;
use super::record::{LegBound, PreparedLeg};
use super::request::refusal;
use super::suspense::{self, account_back, suspense_of};
use super::tables::{Key, LegRow, Row};
use super::{NodeMachine, Step, total};
use crate::domain::kinds::{self, Form};
use crate::domain::machine::own::own;
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::protocol::message::PostingTerms;
use crate::domain::protocol::{Decision, Kind, LegRef, LegState, Posting};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, Digest, Money, Side, TransferId, Window};
use std::sync::Arc;

/// The side whose node decides.
const OWNER: Side = Side::Payee;

/// What is to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostRequest {
    /// The posting's own id, by which a repeat is known.
    pub transfer_id: TransferId,
    /// What it does.
    pub kind: Kind,
    /// The committed transfer that backs it.
    pub original: TransferId,
    /// Amount, more than zero.
    pub amount: Money,
    /// Keyed digest of all of this.
    pub terms_digest: Digest,
}

/// Why a posting of another node is not booked here.
pub(super) enum NotBooked {
    /// Something that comes before it is not recorded here yet.
    Early,
    /// It contradicts what is recorded.
    Contrary(Reason),
}

/// What deciding a posting needs.
pub(super) fn needs_of_request(request: &PostRequest, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    keys.extend([Key::OWN, CLEARING, SUSPENSE, Key::Leg(request.transfer_id, OWNER)]);
    needs_of_original(request.original, OWNER, rows, keys);
}

/// What booking another node's posting needs.
pub(super) fn needs(
    terms: &PostingTerms,
    (side, window): (Side, Option<Window>),
    rows: &WorkingSet<Row>,
    keys: &mut Vec<Key>,
) {
    keys.push(SUSPENSE);
    needs_of_original(terms.original, side, rows, keys);
    let original = Key::Leg(terms.original, side);
    let original = rows.knows(&original).then(|| rows.get::<LegRow>(&original)).flatten();
    total::needs(window, original.and_then(|leg| leg.counter_region), (side, terms.kind), keys);
}

/// First what backs it; once that is known, its member.
fn needs_of_original(original: TransferId, side: Side, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let key = Key::Leg(original, side);
    if !rows.knows(&key) {
        return keys.push(key);
    }
    if let Some(original) = rows.get::<LegRow>(&key) {
        suspense::needs(original.member_ref, keys);
    }
}

/// What a row that was posted tells the hub; nothing of any other.
pub(super) fn posting_of(row: &LegRow) -> Option<Posting> {
    let reference = LegRef::new(row.transfer_id, row.side, row.terms_digest);
    let terms = PostingTerms {
        kind: row.kind,
        original: row.returns?,
        number: row.number?,
        after: row.number?.saturating_sub(1),
        amount: row.amount,
        post_time: row.receipt_time,
    };
    Some(Posting { reference, terms, leg_record: leg_record(row, None)? })
}

impl NodeMachine {
    /// Decides a posting and books it, in one record; the hub is told afterwards. A repeat is answered as it was.
    pub(super) fn post(&mut self, ticket: Ticket<Arc<LegRow>>, request: &PostRequest, step: &mut Step<'_>) {
        let key = Key::Leg(request.transfer_id, OWNER);
        match step.rows().share::<LegRow>(&key) {
            Some(known) if known.terms_digest == request.terms_digest && known.number.is_some() => {
                step.answer(ticket, known);
            }
            Some(_) => step.refuse(ticket, refusal(Reason::ContentDiffers).with("field", "transfer_id")),
            None => match judge(request, step) {
                Ok(bound) => {
                    // From here on nothing may fail.
                    let moves = (bound.leg.member_ref, bound.account);
                    step.record(bound);
                    self.booked(moves, request.transfer_id, step);
                    let Some(row) = step.rows().share::<LegRow>(&key) else { return };
                    self.in_doubt.insert((request.transfer_id, OWNER), Doubt::of(&row), step.now.mono);
                    step.answer(ticket, row);
                }
                Err(reason) => step.refuse(ticket, RefusalRecord::new(reason, OWNER)),
            },
        }
    }

    /// Books what the payee's node has decided. The money cannot be refused any more: what no account of the member can
    /// take stands in suspense of him.
    ///
    /// # Errors
    /// What comes before it is not here yet, or it contradicts what is recorded.
    pub(super) fn book_posting(&mut self, decision: &Decision, step: &mut Step<'_>) -> Result<(), NotBooked> {
        let terms = decision.posting.ok_or(NotBooked::Contrary(Reason::ContraryOrder))?;
        let (side, kind) = (decision.side, terms.kind);
        let original = step.rows().share::<LegRow>(&Key::Leg(terms.original, side));
        let original = match original {
            Some(row) if row.state == LegState::Committed && backs(&row, kind) => row,
            Some(row) if !matches!(row.state, LegState::Prepared | LegState::Awaiting) => {
                return Err(NotBooked::Contrary(Reason::ContraryOrder));
            }
            Some(_) | None => return Err(NotBooked::Early),
        };
        if terms.after > original.last_posting {
            return Err(NotBooked::Early);
        }
        let waits = (original.member_ref, account_of(kind, side));
        if !books_take(terms.amount, waits, step) {
            return Err(NotBooked::Contrary(Reason::Overflow));
        }
        let (account, direction) = (account_of(kind, side), kinds::of(kind).legs[side].direction);
        let takes = can_move(step.rows(), (original.member_ref, account), direction, terms.amount).is_ok();
        let account = if takes { account } else { suspense_of(original.member_ref, account) };
        let reference = LegRef::new(decision.transfer_id, side, decision.terms_digest);
        step.record(leg_of(&original, reference, terms, account, step).ok_or(NotBooked::Early)?);
        self.carry_out(decision, step);
        if !takes {
            let refusal = RefusalRecord::new(Reason::ReplayedToSuspense, side);
            self.raise(decision.transfer_id, side, refusal, step);
        }
        Ok(())
    }
}

/// Whether a posting of this kind can be made against a transfer.
fn backs(original: &LegRow, kind: Kind) -> bool {
    matches!(kinds::of(kind).form, Form::Posted { backed_by } if backed_by == original.kind)
}

/// Check order: the amount, what backs it, how much of that is left, sums, the member's account.
fn judge(request: &PostRequest, step: &Step<'_>) -> Result<LegBound, Reason> {
    if !request.amount.is_positive() {
        return Err(Reason::AmountNotPositive);
    }
    let original = step.rows().share::<LegRow>(&Key::Leg(request.original, OWNER));
    let original = original.filter(|row| row.state == LegState::Committed && backs(row, request.kind));
    let original = original.ok_or(Reason::OriginalNotHere)?;
    let left = original.amount.checked_sub(original.returned);
    if left.is_none_or(|left| left < request.amount) {
        return Err(Reason::OverCompensated);
    }
    if !clearing_takes_more(step.rows()) {
        return Err(Reason::Overflow);
    }
    let account = account_back(&original, (request.kind, OWNER), request.amount, step.rows())?;
    let terms = PostingTerms {
        kind: request.kind,
        original: request.original,
        number: original.last_posting + 1,
        after: original.last_posting,
        amount: request.amount,
        post_time: step.now.civil,
    };
    let reference = LegRef::new(request.transfer_id, OWNER, request.terms_digest);
    leg_of(&original, reference, terms, account, step).ok_or(Reason::OriginalNotHere)
}

/// The leg of a posting against what backs it, moving this account of the same member; none where that knows no other
/// place, as every committed leg does.
fn leg_of(
    original: &LegRow,
    reference: LegRef,
    terms: PostingTerms,
    account: AccountKind,
    step: &Step<'_>,
) -> Option<LegBound> {
    let leg = PreparedLeg {
        transfer_id: reference.id.transfer_id,
        side: reference.id.side,
        member_ref: original.member_ref,
        amount: terms.amount,
        counter_region: original.counter_region?,
        receipt_time: terms.post_time,
        terms_digest: reference.terms_digest,
        // No rulebook judges it.
        rulebook: Digest::default(),
        prepare_time: step.now.civil,
        incarnation: own(step.rows()).incarnation,
    };
    let (kind, original, number) = (terms.kind, Some(terms.original), Some(terms.number));
    Some(LegBound { leg, kind, original, account, number })
}
