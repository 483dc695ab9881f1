//! Legs that carry money of a committed transfer back. None of the rules for transfers applies to them (hours, limits,
//! kinship, insurance, floors): what two operators return must have been booked here, must still be there, and must
//! have an account to go to.

use super::apply::{PROVINCE, account, minus, plus, promised};
use super::needs::standing;
use super::prepare::{clearing_takes_more, encode, refuse};
use super::{ASK_MARGIN_MS, Doubt, NodeMachine, Step};
use crate::domain::machine::own::own;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::record::{PreparedLeg, ReturnPrepared};
use crate::domain::node::tables::{AccountRow, Key, LegRow, MemberRow, Row, WalletRow};
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::message::{Decision, Verdict};
use crate::domain::protocol::returns::{ReturnLeg, account_kind};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::RefusedLeg;
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::{AccountState, WalletState};
use crate::domain::value::side::Side;

/// A leg that carries money back has voted yes: it is held, or promised, and counts against what the original moved.
pub fn prepared(record: &ReturnPrepared, rows: &mut WorkingSet<Row>) {
    let leg = LegRow { account: record.account, returns: Some(record.returns), ..promised(&record.leg) };
    let row = account(rows, leg.account_owner(), leg.account);
    rows.put(match leg.side {
        Side::Payer => AccountRow { held: plus(row.held, leg.amount), ..row },
        Side::Payee => AccountRow { pending: plus(row.pending, leg.amount), ..row },
    });
    if let Some(original) = original_of(&leg, rows) {
        rows.put(LegRow { returned: plus(original.returned, leg.amount), ..original });
    }
    rows.put(leg);
}

/// A leg was aborted: if it was to carry money back, that may be done by another one.
pub(super) fn released(leg: &LegRow, rows: &mut WorkingSet<Row>) {
    if let Some(original) = original_of(leg, rows) {
        rows.put(LegRow { returned: minus(original.returned, leg.amount), ..original });
    }
}

/// The leg whose money this one carries back, where it is known here.
fn original_of(leg: &LegRow, rows: &WorkingSet<Row>) -> Option<LegRow> {
    rows.get(&original_key(leg.returns?, leg.side)).cloned()
}

/// Where the original of a leg that carries money back stands: on the other side.
pub(super) fn original_key(original: TransferId, side: Side) -> Key {
    Key::Leg(original, side.other())
}

/// The account that a return moves, given the leg that moved it before: the suspense account gives back what stands
/// there.
fn account_of(original: &LegRow, side: Side) -> AccountKind {
    match original.account {
        AccountKind::Suspense => AccountKind::Suspense,
        AccountKind::Personal | AccountKind::Wallet | AccountKind::Allotment | AccountKind::Clearing => {
            account_kind(side, true)
        }
    }
}

/// What judging a return needs, once its original is known.
pub(super) fn needs(leg: &ReturnLeg, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let original = original_key(leg.original, leg.side);
    keys.push(Key::Leg(leg.transfer_id, leg.side));
    if !rows.knows(&original) {
        return keys.push(original);
    }
    if let Some(original) = rows.get::<LegRow>(&original) {
        standing(original.member_ref, keys);
        keys.push(Key::Account(PROVINCE, AccountKind::Suspense));
    }
}

/// What bringing a lost return back needs.
pub(super) fn needs_of_lost(lost: &ReturnPrepared, keys: &mut Vec<Key>) {
    keys.push(original_key(lost.returns, lost.leg.side));
    standing(lost.leg.member_ref, keys);
}

/// The lost return that a replayed commit brings, if it is the one that it decides.
pub(super) fn lost_return(decision: &Decision) -> Option<ReturnPrepared> {
    let lost: ReturnPrepared = borsh::from_slice(&decision.leg_record).ok()?;
    let same = (lost.leg.transfer_id, lost.leg.side, lost.leg.terms_digest)
        == (decision.transfer_id, decision.side, decision.terms_digest);
    let decided = decision.window.is_some() && decision.hub_seq.is_some();
    (same && decided).then_some(lost)
}

impl NodeMachine {
    /// The vote on a leg that carries money back, made durable.
    pub(super) fn return_vote(&mut self, leg: &ReturnLeg, step: &mut Step<'_>) -> Verdict {
        let (member_ref, account) = match self.judge_return(leg, step) {
            Ok(found) => found,
            Err(refusal) => return refuse(refused(leg, refusal), None, step),
        };
        // From here on nothing may fail.
        let rulebook = Digest::default();
        let prepared = PreparedLeg {
            transfer_id: leg.transfer_id,
            side: leg.side,
            member_ref,
            amount: leg.amount,
            counter_region: leg.counter_region,
            receipt_time: leg.receipt_time,
            terms_digest: leg.terms_digest,
            // No rulebook judges it.
            rulebook,
            prepare_time: step.now.civil,
            incarnation: own(step.rows()).incarnation,
        };
        let ask_at = step.now.mono.after(leg.time_left_ms).after(ASK_MARGIN_MS);
        self.in_doubt.insert((leg.transfer_id, leg.side), Doubt { terms_digest: leg.terms_digest, ask_at });
        let record = ReturnPrepared { leg: prepared, returns: leg.original, account };
        let leg_record = encode(&record);
        step.record(record);
        Verdict::Yes { leg_record, rulebook }
    }

    /// Whose account moves, and which. Check order: place, original, how much of it is left, account, sums.
    fn judge_return(
        &self,
        leg: &ReturnLeg,
        step: &Step<'_>,
    ) -> Result<(MemberRef, AccountKind), RefusalRecord> {
        let refusal = |reason| RefusalRecord::new(reason, leg.side);
        if self.places.locate(leg.region).is_none_or(|area| area.province != self.province) {
            return Err(refusal(Reason::RegionElsewhere));
        }
        let is_it = |row: &&LegRow| {
            row.state == LegState::Committed
                && row.terms_digest == leg.original_digest
                && row.returns.is_none()
        };
        let key = original_key(leg.original, leg.side);
        let original = step.rows().get::<LegRow>(&key).filter(is_it);
        let original = original.ok_or_else(|| refusal(Reason::OriginalNotHere))?;
        let left = original.amount.checked_sub(original.returned);
        if left.is_none_or(|left| left < leg.amount) {
            return Err(refusal(Reason::OverCompensated));
        }
        let account_kind = account_of(original, leg.side);
        let member_ref = original.member_ref;
        if !clearing_takes_more(step.rows()) {
            return Err(refusal(Reason::Overflow));
        }
        if account_kind != AccountKind::Suspense {
            takes(step.rows(), member_ref, leg).map_err(refusal)?;
        }
        Ok((member_ref, account_kind))
    }
}

/// Whether the member's own account can give or take the money. A frozen one can do both: freezing it is how people
/// keep what is to go back.
fn takes(rows: &WorkingSet<Row>, member_ref: MemberRef, leg: &ReturnLeg) -> Result<(), Reason> {
    match leg.side {
        Side::Payer => {
            let wallet: Option<&WalletRow> = rows.get(&Key::Wallet(member_ref));
            if wallet.is_none_or(|wallet| wallet.state == WalletState::Closed) {
                return Err(Reason::WalletClosed);
            }
            covers(rows, member_ref, leg.amount.fen()).then_some(()).ok_or(Reason::ReturnNotCovered)
        }
        Side::Payee => {
            let member: Option<&MemberRow> = rows.get(&Key::Member(member_ref));
            if member.is_none_or(|member| member.account_state == AccountState::Absent) {
                return Err(Reason::AccountAbsent);
            }
            let row = account(rows, member_ref, AccountKind::Personal);
            let sum = row.posted.checked_add(row.pending).and_then(|sum| sum.checked_add(leg.amount));
            sum.map(|_| ()).ok_or(Reason::Overflow)
        }
    }
}

fn covers(rows: &WorkingSet<Row>, member_ref: MemberRef, fen: i64) -> bool {
    let row = account(rows, member_ref, AccountKind::Wallet);
    row.posted.checked_sub(row.held).is_some_and(|free| free.fen() >= fen)
}

/// Which account takes a return that comes back after a loss: the one that it moved before, unless it cannot any more.
pub(super) fn account_of_lost(lost: &ReturnPrepared, rows: &WorkingSet<Row>) -> AccountKind {
    let (leg, member_ref) = (&lost.leg, lost.leg.member_ref);
    let takes = match leg.side {
        Side::Payer => covers(rows, member_ref, leg.amount.fen()),
        Side::Payee => {
            let row = account(rows, member_ref, AccountKind::Personal);
            let sum = row.posted.checked_add(row.pending).and_then(|sum| sum.checked_add(leg.amount));
            let member: Option<&MemberRow> = rows.get(&Key::Member(member_ref));
            member.is_some_and(|member| member.account_state != AccountState::Absent) && sum.is_some()
        }
    };
    if takes { lost.account } else { AccountKind::Suspense }
}

/// The refusal of a leg, with what names it.
fn refused(leg: &ReturnLeg, refusal: RefusalRecord) -> RefusedLeg {
    RefusedLeg {
        transfer_id: leg.transfer_id,
        side: leg.side,
        terms_digest: leg.terms_digest,
        amount: leg.amount,
        counter_region: Some(leg.counter_region),
        receipt_time: leg.receipt_time,
        refusal,
    }
}

#[cfg(test)]
#[path = "returns_tests.rs"]
mod tests;
