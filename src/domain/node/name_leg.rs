//! Whose a leg is that came back: of a member whom the store does not know yet his reference is kept, and a leg of
//! nobody who is known is tied to its member once he is named. From then on it stands in suspense of him.

use super::account::{Line, PROVINCE, SUSPENSE, account, account_of, enter, minus};
use super::decide::books_take;
use super::prepared::{LegRecord, count_in_day, effect_of, leg_record};
use super::record::LegNamed;
use super::suspense;
use super::tables::{Key, LegRow, PersonRow, Row};
use super::{NodeMachine, Step};
use crate::domain::machine::{IncidentClosed, IncidentRow, WorkingSet};
use crate::domain::protocol::{Decision, LegState};
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, Digest, MemberRef, Money};

/// Why nobody needs to find out any more whose a leg is.
const NAMED_CODE: &str = "NAMED_BY_CLIENT";

/// First what says whose a leg is that comes back; once that is known, what it moves.
pub(super) fn needs(lost: &LegRecord, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let mut whose = Vec::new();
    lost.needs(&mut whose);
    if whose.iter().all(|key| rows.knows(key)) {
        suspense::needs(lost.clone().of_known(rows).bound.leg.member_ref, keys);
    }
    keys.extend(whose);
    keys.push(SUSPENSE);
}

/// Keeps a reference for the person with this hash whom nobody has reported, if that is so.
pub(super) fn await_person(id_hash: Digest, member_ref: MemberRef, step: &mut Step<'_>) {
    if step.rows().get::<PersonRow>(&Key::Person(id_hash)).is_none() {
        let person = PersonRow::awaited(id_hash, member_ref);
        step.keep(person.found_by());
        step.keep(person);
    }
}

/// Whether a leg is booked for nobody who is known. What went back of it went back for nobody: then it stays so.
pub(super) fn is_nobodys(leg: &LegRow) -> bool {
    leg.state == LegState::Committed && leg.account == AccountKind::Suspense && leg.returned == Money::ZERO
}

/// What its node tells of a lost leg whose member a decision named, once it is his; else nothing.
pub(super) fn named_leg(decision: &Decision, step: &Step<'_>) -> Option<Vec<u8>> {
    let whose = decision.lost.as_ref()?.whose.as_ref()?;
    let leg: &LegRow = step.rows().get(&Key::Leg(decision.transfer_id, decision.side))?;
    let is_his = leg.terms_digest == decision.terms_digest && leg.member_ref != PROVINCE;
    if is_his { leg_record(leg, Some(whose.id_hash)) } else { None }
}

impl NodeMachine {
    /// Ties a leg of nobody to the member whose it is, if what is told names him: by his number, or by what this node
    /// itself had sealed since. False: there is nothing to tie.
    pub(super) fn tie(&mut self, decision: &Decision, told: LegRecord, step: &mut Step<'_>) -> bool {
        let (transfer_id, side, time) = (decision.transfer_id, decision.side, step.now.civil);
        let leg = step.rows().share::<LegRow>(&Key::Leg(transfer_id, side)).filter(|leg| is_nobodys(leg));
        let Some((leg, id_hash)) = leg.zip(told.id_hash) else { return false };
        let member_ref = told.of_known(step.rows()).bound.leg.member_ref;
        let account = account_of(leg.kind, side);
        if member_ref == PROVINCE || !books_take(leg.amount, (member_ref, account), step) {
            return false;
        }
        // From here on nothing may fail.
        await_person(id_hash, member_ref, step);
        step.record(LegNamed { transfer_id, side, member_ref, time });
        let noted = step.rows().get::<IncidentRow>(&Key::Incident(transfer_id, side));
        let is_it =
            |it: &IncidentRow| it.refusal.reason == Reason::ReplayedToSuspense && it.close_time.is_none();
        if noted.is_some_and(is_it) {
            step.record(IncidentClosed { transfer_id, side, code: NAMED_CODE.to_owned(), time });
        }
        self.booked((member_ref, account.suspense()), transfer_id, step);
        true
    }
}

/// A leg of nobody is a member's: from the province's suspense account it goes in suspense of him.
pub fn named(record: &LegNamed, rows: &mut WorkingSet<Row>) {
    let leg: &LegRow =
        rows.get(&Key::Leg(record.transfer_id, record.side)).expect("only a leg that is booked is named");
    let leg = leg.clone();
    let effect = effect_of(&leg);
    let amount = effect.direction.signed(leg.amount);
    let line = Line {
        kind: effect.entry,
        transfer_id: Some(leg.transfer_id),
        counter_region: leg.counter_region,
        period: None,
        time: record.time,
    };
    let provinces = account(rows, PROVINCE, AccountKind::Suspense);
    enter(rows, provinces, minus(Money::ZERO, amount), &line);
    let account_kind = account_of(leg.kind, leg.side).suspense();
    let his = account(rows, record.member_ref, account_kind);
    enter(rows, his, amount, &line);
    let leg = LegRow { member_ref: record.member_ref, account: account_kind, ..leg };
    count_in_day(&leg, rows);
    rows.put(leg);
}
