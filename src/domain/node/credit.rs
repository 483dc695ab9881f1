//! The province's own system credits an allotment (划入) to a personal account.

use super::account::{Line, PROVINCE, account, can_grow, post};
use super::request::{self, Course, conclude, done, is_repeat, refusal};
use super::{NodeMachine, Standing, Step};
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::node::record::{AccountCredited, RequestMark};
use crate::domain::node::tables::{Key, MemberRow, Row};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, AccountState, EntryKind, MemberRef, Money};

pub(super) fn needs(request: &RequestMark, member_ref: MemberRef, keys: &mut Vec<Key>) {
    keys.extend([Key::OWN, Key::Account(PROVINCE, AccountKind::Allotment)]);
    request::needs(request, member_ref, keys);
}

impl NodeMachine {
    /// Credits an allotment of a month (YYYYMM).
    pub(super) fn credit(
        &mut self,
        ticket: Ticket<Box<Standing>>,
        request: RequestMark,
        member_ref: MemberRef,
        (amount, period): (Money, u32),
        step: &mut Step<'_>,
    ) {
        let judged = (judge(&request, member_ref, amount, step), request);
        conclude(ticket, judged, member_ref, step, |request, time, step| {
            step.record(AccountCredited { member_ref, amount, period, time, request });
            self.set_off(member_ref, None, step);
        });
    }
}

/// Check order: repeat, member, his account, sums.
fn judge(
    request: &RequestMark,
    member_ref: MemberRef,
    amount: Money,
    step: &Step<'_>,
) -> Result<Course, RefusalRecord> {
    if is_repeat(request, step)? {
        return Ok(Course::Repeat);
    }
    let member: Option<&MemberRow> = step.rows().get(&Key::Member(member_ref));
    if member.ok_or_else(|| refusal(Reason::MemberNotFound))?.account_state == AccountState::Absent {
        return Err(refusal(Reason::AccountAbsent));
    }
    let own = account(step.rows(), PROVINCE, AccountKind::Allotment).posted;
    let fits = can_grow(&account(step.rows(), member_ref, AccountKind::Personal), amount)
        && own.checked_sub(amount).is_some();
    if fits { Ok(Course::Change) } else { Err(refusal(Reason::Overflow)) }
}

/// An allotment to a personal account.
pub fn credited(record: &AccountCredited, rows: &mut WorkingSet<Row>) {
    let row = account(rows, record.member_ref, AccountKind::Personal);
    let line = Line {
        kind: EntryKind::Allotment,
        transfer_id: None,
        counter_region: None,
        period: Some(u64::from(record.period)),
        time: record.time,
    };
    let entry_id = post(rows, row, record.amount, AccountKind::Allotment, line);
    done(&record.request, Some(entry_id), record.time, rows);
}
