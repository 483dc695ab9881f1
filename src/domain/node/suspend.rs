//! The province reports that a member is excluded from the network settlement, or no longer. Transfers that voted yes
//! are not touched.

use super::request::{Course, conclude, done, is_repeat, refusal};
use super::{NodeMachine, Standing, Step};
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::node::record::{RequestMark, SettlementSuspended};
use crate::domain::node::tables::{Key, MemberRow, Row};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Day, MemberRef};

/// From when and until when; without an end it is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// The day of the decision: today or earlier.
    pub from: Day,
    /// First day on which settlement is open again; none: it is lifted now.
    pub until: Option<Day>,
}

impl NodeMachine {
    /// Records a suspension or its lifting; of one that changes nothing only the request is kept.
    pub(super) fn suspend(
        &mut self,
        ticket: Ticket<Box<Standing>>,
        request: RequestMark,
        member_ref: MemberRef,
        suspension: Suspension,
        step: &mut Step<'_>,
    ) {
        let judged = (judge(&request, member_ref, suspension, step), request);
        let Suspension { from, until } = suspension;
        conclude(ticket, judged, member_ref, step, |request, time, step| {
            step.record(SettlementSuspended { member_ref, from, until, time, request });
        });
    }
}

fn judge(
    request: &RequestMark,
    member_ref: MemberRef,
    suspension: Suspension,
    step: &Step<'_>,
) -> Result<Course, RefusalRecord> {
    if is_repeat(request, step)? {
        return Ok(Course::Repeat);
    }
    let member: Option<&MemberRow> = step.rows().get(&Key::Member(member_ref));
    let member = member.ok_or_else(|| refusal(Reason::MemberNotFound))?;
    let today = Day::of(step.now.civil);
    if suspension.from > today {
        return Err(refusal(Reason::DateInFuture).with("field", "from_date").with("today", today));
    }
    Ok(Course::change_if(member.settlement_suspended_until != suspension.until))
}

/// A member is excluded from the network settlement until a day, or no longer.
pub fn suspended(record: &SettlementSuspended, rows: &mut WorkingSet<Row>) {
    let member: Option<&MemberRow> = rows.get(&Key::Member(record.member_ref));
    if let Some(member) = member.cloned() {
        rows.put(MemberRow { settlement_suspended_until: record.until, update_time: record.time, ..member });
    }
    done(&record.request, None, record.time, rows);
}
