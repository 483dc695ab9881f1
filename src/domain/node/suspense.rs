//! What stands in suspense of a member since a restore: a leg that came back and that his account could not take. What
//! he is credited again pays first what he owes there, and what he is owed there is paid to him as soon as he has an
//! account for it: nobody spends the same money twice.

use super::account::{Line, PROVINCE, account, account_of, can_move, enter, free, minus, needs_of_member};
use super::record::SuspenseSetOff;
use super::tables::{AccountRow, Key, LegRow, Row, Table};
use super::{Input, NodeMachine, Step};
use crate::domain::kinds;
use crate::domain::machine::{Filter, Term, WorkingSet, scan};
use crate::domain::protocol::{Decision, Kind, Ruling};
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, Civil, Direction, EntryKind, MemberRef, Money, Side, TransferId};

/// The accounts in which something stands in suspense, of a member or of nobody who is known.
pub fn in_suspense() -> Filter<Table> {
    let kinds = AccountKind::ALL.iter().filter(|kind| kind.is_suspense());
    Filter::all(Table::Account)
        .and(Term::OneOf("kind", kinds.map(|kind| kind.number()).collect()))
        .and(Term::IsNot("posted", scan::value(&Money::ZERO)))
}

/// Where a leg waits that this account of a member cannot take; at the province when nobody knows the member.
pub(super) fn suspense_of(member_ref: MemberRef, account: AccountKind) -> AccountKind {
    if member_ref == PROVINCE { AccountKind::Suspense } else { account.suspense() }
}

/// All that setting off looks at, and moves.
pub(super) fn needs(member_ref: MemberRef, keys: &mut Vec<Key>) {
    keys.push(Key::OWN);
    needs_of_member(member_ref, keys);
    keys.extend(AccountKind::OF_MEMBERS.map(|kind| Key::Account(member_ref, kind.suspense())));
}

/// The sum in suspense beside a member's account. Negative: he owes it. It is loaded wherever there is any.
pub(super) fn sum(rows: &WorkingSet<Row>, member_ref: MemberRef, kind: AccountKind) -> Money {
    let key = Key::Account(member_ref, kind.suspense());
    if rows.knows(&key) { account(rows, member_ref, kind.suspense()).posted } else { Money::ZERO }
}

/// The account that what goes back of a transfer moves on the side where it was booked as `original`. What still stands
/// in suspense goes back from there; what comes back stands there where the member has no account any more.
///
/// # Errors
/// His account cannot give or take it.
pub(super) fn account_back(
    original: &LegRow,
    (kind, side): (Kind, Side),
    amount: Money,
    rows: &WorkingSet<Row>,
) -> Result<AccountKind, Reason> {
    if original.account == AccountKind::Suspense {
        return Ok(AccountKind::Suspense);
    }
    let direction = kinds::of(kind).legs[side].direction;
    let moves = |account| can_move(rows, (original.member_ref, account), direction, amount).map(|()| account);
    let (own, waits) = (account_of(kind, side), original.account.is_suspense());
    match direction {
        _ if !waits => moves(own),
        Direction::Out => moves(original.account).or_else(|_| moves(own)),
        Direction::In => moves(own).or_else(|_| moves(original.account)),
    }
}

/// What is to be set off against an account: as much of what he owes as he can spend, or all that he is owed.
fn due(rows: &WorkingSet<Row>, member_ref: MemberRef, kind: AccountKind) -> Option<Money> {
    let (row, suspense) = (account(rows, member_ref, kind), account(rows, member_ref, kind.suspense()));
    if suspense.posted < Money::ZERO {
        let paid = Money::ZERO.checked_sub(suspense.posted)?.min(free(&row));
        return paid.is_positive().then(|| minus(Money::ZERO, paid));
    }
    let owed = Some(free(&suspense)).filter(|owed| owed.is_positive())?;
    can_move(rows, (member_ref, kind), Direction::In, owed).is_ok().then_some(owed)
}

/// Whose rows an input about one member changes.
fn member_of(input: &Input) -> Option<MemberRef> {
    match input {
        Input::Upsert { report, .. } => Some(report.person.member_ref),
        Input::Credit { member_ref, .. }
        | Input::OpenWallet { member_ref, .. }
        | Input::ChangeWallet { member_ref, .. }
        | Input::Suspend { member_ref, .. }
        | Input::Look { member_ref, .. } => Some(*member_ref),
        _ => None,
    }
}

impl NodeMachine {
    /// What an input needs beside, where something stands in suspense of a member that it is about. There are few of
    /// them, and they are known by heart: nobody else's rows are looked for.
    pub(super) fn needs_of_suspense(&self, input: &Input, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
        let mut of = |member_ref| {
            if self.in_suspense.contains(&member_ref) {
                needs(member_ref, keys);
            }
        };
        member_of(input).into_iter().for_each(&mut of);
        let mut of_decision = |decision: &Decision| {
            let key = Key::Leg(decision.transfer_id, decision.side);
            let leg = if rows.knows(&key) { rows.get::<LegRow>(&key) } else { None };
            leg.into_iter().for_each(|leg| of(leg.member_ref));
        };
        match input {
            Input::Decide { decisions, .. } => decisions.iter().for_each(of_decision),
            Input::Rulings { rulings, .. } => rulings.iter().for_each(|ruling| {
                if let Ruling::Decided(decision) = ruling {
                    of_decision(decision);
                }
            }),
            _ => {}
        }
    }

    /// A leg has moved this account of a member: if it stands in suspense, it is set off from now on.
    pub(super) fn booked(
        &mut self,
        leg: (MemberRef, AccountKind),
        transfer_id: TransferId,
        step: &mut Step<'_>,
    ) {
        let (member_ref, account) = leg;
        if account.beside().is_some() {
            self.in_suspense.insert(member_ref);
        }
        self.set_off(member_ref, Some(transfer_id), step);
    }

    /// Sets off what stands in suspense of a member, as far as his accounts can give or take it.
    pub(super) fn set_off(
        &mut self,
        member_ref: MemberRef,
        transfer_id: Option<TransferId>,
        step: &mut Step<'_>,
    ) {
        if !self.in_suspense.contains(&member_ref) {
            return;
        }
        for account in AccountKind::OF_MEMBERS {
            if let Some(amount) = due(step.rows(), member_ref, account) {
                step.record(SuspenseSetOff {
                    member_ref,
                    account,
                    amount,
                    transfer_id,
                    time: step.now.civil,
                });
            }
        }
        if AccountKind::OF_MEMBERS.iter().all(|kind| sum(step.rows(), member_ref, *kind) == Money::ZERO) {
            self.in_suspense.remove(&member_ref);
        }
    }
}

/// What stood in suspense was set off: both accounts have a line of it.
pub fn was_set_off(record: &SuspenseSetOff, rows: &mut WorkingSet<Row>) {
    let line = |time: Civil| Line {
        kind: EntryKind::SetOff,
        transfer_id: record.transfer_id,
        counter_region: None,
        period: None,
        time,
    };
    let row = |rows: &WorkingSet<Row>, kind| -> AccountRow { account(rows, record.member_ref, kind) };
    let own = row(rows, record.account);
    enter(rows, own, record.amount, &line(record.time));
    let suspense = row(rows, record.account.suspense());
    enter(rows, suspense, minus(Money::ZERO, record.amount), &line(record.time));
}

#[cfg(test)]
#[path = "suspense_tests.rs"]
mod tests;
