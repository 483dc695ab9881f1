//! Legs that carry money of a committed transfer back. None of the rules for transfers applies to them (hours, limits,
//! kinship, insurance, floors): what two operators return must have been booked here, must still be there, and must
//! have an account to go to.

use super::apply::{PROVINCE, account, account_of, minus, plus, prepared_row, put_prepared};
use super::needs::standing;
use super::prepare::{clearing_takes_more, encode, refuse};
use super::record::ReturnPrepared;
use super::tables::{Key, LegRow, MemberRow, Row, WalletRow};
use super::{NodeMachine, Step};
use crate::domain::kinds;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::{Leg, LegState};
use crate::domain::protocol::message::{Decision, Verdict};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::{AccountState, WalletState};
use crate::domain::value::money::Money;
use crate::domain::value::side::Side;

/// A leg that carries money back has voted yes: it counts against what the original moved.
pub fn prepared(record: &ReturnPrepared, rows: &mut WorkingSet<Row>) {
    let leg = prepared_row(&record.leg, Kind::COMPENSATION);
    let leg = LegRow { account: record.account, returns: Some(record.returns), ..leg };
    if let Some(original) = original_of(&leg, rows) {
        rows.put(LegRow { returned: plus(original.returned, leg.amount), ..original });
    }
    put_prepared(leg, rows);
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
fn account_back(original: &LegRow, side: Side) -> AccountKind {
    match original.account {
        AccountKind::Suspense => AccountKind::Suspense,
        AccountKind::Personal | AccountKind::Wallet | AccountKind::Allotment | AccountKind::Clearing => {
            account_of(Kind::COMPENSATION, side)
        }
    }
}

/// What judging a leg of a side needs that carries money of this transfer back.
pub(super) fn needs(original: TransferId, side: Side, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let original = original_key(original, side);
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
    /// The vote on a leg that carries money of a transfer (with these terms) back, made durable.
    pub(super) fn return_vote(
        &mut self,
        leg: &Leg,
        original: (TransferId, Digest),
        step: &mut Step<'_>,
    ) -> Verdict {
        let (member_ref, account) = match self.judge_return(leg, original, step) {
            Ok(found) => found,
            Err(reason) => {
                let refusal = RefusalRecord::new(reason, leg.reference.id.side);
                return refuse(leg.refused(refusal), None, step);
            }
        };
        // From here on nothing may fail. No rulebook judges it.
        let rulebook = Digest::default();
        let prepared = self.bind(leg, member_ref, rulebook, step);
        let record = ReturnPrepared { leg: prepared, returns: original.0, account };
        let leg_record = encode(&record);
        step.record(record);
        Verdict::Yes { leg_record, rulebook }
    }

    /// Whose account moves, and which. Check order: place, original, how much of it is left, account, sums.
    fn judge_return(
        &self,
        leg: &Leg,
        (original, digest): (TransferId, Digest),
        step: &Step<'_>,
    ) -> Result<(MemberRef, AccountKind), Reason> {
        let (side, terms) = (leg.reference.id.side, &leg.terms);
        if self.places.locate(terms.region).is_none_or(|area| area.province != self.province) {
            return Err(Reason::RegionElsewhere);
        }
        let is_it = |row: &&LegRow| {
            row.state == LegState::Committed
                && row.terms_digest == digest
                && kinds::of(row.kind()).corrected_by == Some(terms.kind)
        };
        let original = step.rows().get::<LegRow>(&original_key(original, side)).filter(is_it);
        let original = original.ok_or(Reason::OriginalNotHere)?;
        let left = original.amount.checked_sub(original.returned);
        if left.is_none_or(|left| left < terms.amount) {
            return Err(Reason::OverCompensated);
        }
        let account = account_back(original, side);
        if !clearing_takes_more(step.rows()) {
            return Err(Reason::Overflow);
        }
        if account != AccountKind::Suspense {
            takes(step.rows(), original.member_ref, (side, terms.amount))?;
        }
        Ok((original.member_ref, account))
    }
}

/// Whether the member's own account can give or take the money. A frozen one can do both: freezing it is how people
/// keep what is to go back.
fn takes(rows: &WorkingSet<Row>, member_ref: MemberRef, (side, amount): (Side, Money)) -> Result<(), Reason> {
    match side {
        Side::Payer => {
            let wallet: Option<&WalletRow> = rows.get(&Key::Wallet(member_ref));
            if wallet.is_none_or(|wallet| wallet.state == WalletState::Closed) {
                return Err(Reason::WalletClosed);
            }
            covers(rows, member_ref, amount.fen()).then_some(()).ok_or(Reason::ReturnNotCovered)
        }
        Side::Payee => {
            let member: Option<&MemberRow> = rows.get(&Key::Member(member_ref));
            if member.is_none_or(|member| member.account_state == AccountState::Absent) {
                return Err(Reason::AccountAbsent);
            }
            let row = account(rows, member_ref, AccountKind::Personal);
            let sum = row.posted.checked_add(row.pending).and_then(|sum| sum.checked_add(amount));
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

#[cfg(test)]
#[path = "compensation_tests.rs"]
mod tests;
