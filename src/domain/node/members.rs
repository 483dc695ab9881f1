//! What the province's own system reports: insurance and allotments. Each request is done once.

use super::apply::{PROVINCE, account};
use super::{MemberReport, NodeMachine, Standing, Step, Upserted};
use crate::domain::machine::step::Ticket;
use crate::domain::node::record::{AccountCredited, MemberRecorded, RequestMark, RequestNoted};
use crate::domain::node::tables::{Key, MemberRow, PersonRow, RequestRow};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::id::MemberRef;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::{AccountState, InsuranceStatus};
use crate::domain::value::money::Money;

/// A refusal of the node's own services; they have no payer or payee.
pub(super) fn refusal(reason: Reason) -> RefusalRecord {
    RefusalRecord::new(reason, RefusalSide::Hub)
}

/// What a request of the province's own systems leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It was answered before: nothing is done.
    Repeat,
    /// What it asks for is so already: it is noted, so that its repeat changes nothing that others change meanwhile.
    AsItIs,
    /// It is carried out.
    Change,
}

impl Course {
    /// A change where there is one to make.
    pub(super) fn change_if(changes: bool) -> Course {
        if changes { Course::Change } else { Course::AsItIs }
    }
}

/// Whether the request was answered before; refused when it said something else then.
pub(super) fn is_repeat(request: &RequestMark, step: &Step<'_>) -> Result<bool, RefusalRecord> {
    match step.rows().get::<RequestRow>(&Key::Request(request.request_id.clone())) {
        Some(row) if row.digest != request.digest => {
            Err(refusal(Reason::ContentDiffers).with("field", "request_id"))
        }
        Some(_) => Ok(true),
        None => Ok(false),
    }
}

/// Answers a request that changes nothing.
pub(super) fn leave(
    ticket: Ticket<Box<Standing>>,
    (course, request): (Course, RequestMark),
    member_ref: MemberRef,
    step: &mut Step<'_>,
) {
    let request_id = Some(request.request_id.clone());
    if course == Course::AsItIs {
        step.record(RequestNoted { request, time: step.now.civil });
    }
    stand(ticket, member_ref, request_id, false, step);
}

/// Tells how a member stands.
pub(super) fn stand(
    ticket: Ticket<Box<Standing>>,
    member_ref: MemberRef,
    request_id: Option<String>,
    changed: bool,
    step: &mut Step<'_>,
) {
    let rows = step.rows();
    let request: Option<&RequestRow> = request_id.and_then(|id| rows.get(&Key::Request(id)));
    let standing = Standing {
        changed,
        entry_id: request.and_then(|request| request.entry_id),
        member: rows.get(&Key::Member(member_ref)).cloned(),
        account: account(rows, member_ref, AccountKind::Personal),
        wallet: rows.get(&Key::Wallet(member_ref)).cloned(),
        wallet_account: account(rows, member_ref, AccountKind::Wallet),
    };
    step.answer(ticket, Box::new(standing));
}

impl NodeMachine {
    /// Records a member; of a report that changes nothing only the request is kept.
    pub(super) fn upsert(&mut self, ticket: Ticket<Upserted>, report: MemberReport, step: &mut Step<'_>) {
        let known = step.rows().get::<PersonRow>(&Key::Person(report.person.id_hash)).cloned();
        let member_ref = report.person.member_ref;
        if known.as_ref().is_some_and(|known| known.member_ref != member_ref) {
            return step.answer(ticket, Upserted::PersonChanged);
        }
        match self.judge_report(&report, step) {
            Err(refusal) => step.refuse(ticket, refusal),
            Ok(course @ (Course::Repeat | Course::AsItIs)) => {
                leave(ticket.narrowed(), (course, report.request), member_ref, step);
            }
            Ok(Course::Change) => {
                step.keep(report.person);
                step.record(MemberRecorded {
                    member_ref,
                    region: report.region,
                    insurance_type: report.insurance_type,
                    insurance_status: report.insurance_status,
                    in_arrears: report.in_arrears,
                    public_medical: report.public_medical,
                    account_state: report.account_state,
                    time: step.now.civil,
                    request: report.request,
                });
                stand(ticket.narrowed(), member_ref, None, true, step);
            }
        }
    }

    fn judge_report(&self, report: &MemberReport, step: &Step<'_>) -> Result<Course, RefusalRecord> {
        if is_repeat(&report.request, step)? {
            return Ok(Course::Repeat);
        }
        let served = self.places.locate(report.region).is_some_and(|area| area.province == self.province);
        if !served {
            return Err(refusal(Reason::RegionElsewhere).with("region", report.region));
        }
        let member_ref = report.person.member_ref;
        let old = step.rows().get::<MemberRow>(&Key::Member(member_ref));
        let same = old.is_some_and(|old| report.person_known && says_nothing_new(report, old));
        if same {
            return Ok(Course::AsItIs);
        }
        let live =
            [AccountKind::Personal, AccountKind::Wallet].map(|kind| account(step.rows(), member_ref, kind));
        let live = live.iter().any(|row| row.held.is_positive() || row.pending.is_positive());
        // Suspension, arrears and freezes never touch a leg that voted yes; a move of place, or the end of the
        // insurance or of the account, must wait for its end.
        let leaves = |old: &MemberRow| {
            let ends = report.insurance_status == InsuranceStatus::Ended
                && old.insurance_status != report.insurance_status;
            let closes =
                report.account_state == AccountState::Absent && old.account_state != report.account_state;
            ends || closes || old.region != report.region
        };
        if live && old.is_some_and(leaves) {
            return Err(refusal(Reason::HasLiveLeg));
        }
        Ok(Course::Change)
    }

    /// Credits an allotment (划入) to a personal account.
    pub(super) fn credit(
        &mut self,
        ticket: Ticket<Box<Standing>>,
        request: RequestMark,
        member_ref: MemberRef,
        (amount, period): (Money, u32),
        step: &mut Step<'_>,
    ) {
        match judge_credit(&request, member_ref, amount, step) {
            Err(refusal) => step.refuse(ticket, refusal),
            Ok(course @ (Course::Repeat | Course::AsItIs)) => {
                leave(ticket, (course, request), member_ref, step);
            }
            Ok(Course::Change) => {
                let request_id = Some(request.request_id.clone());
                step.record(AccountCredited { member_ref, amount, period, time: step.now.civil, request });
                stand(ticket, member_ref, request_id, true, step);
            }
        }
    }
}

fn says_nothing_new(report: &MemberReport, old: &MemberRow) -> bool {
    report.region == old.region
        && report.insurance_type == old.insurance_type
        && report.insurance_status == old.insurance_status
        && report.in_arrears == old.in_arrears
        && report.public_medical == old.public_medical
        && report.account_state == old.account_state
}

fn judge_credit(
    request: &RequestMark,
    member_ref: MemberRef,
    amount: Money,
    step: &Step<'_>,
) -> Result<Course, RefusalRecord> {
    if is_repeat(request, step)? {
        return Ok(Course::Repeat);
    }
    let member: &MemberRow =
        step.rows().get(&Key::Member(member_ref)).ok_or_else(|| refusal(Reason::MemberNotFound))?;
    if member.account_state == AccountState::Absent {
        return Err(refusal(Reason::AccountAbsent));
    }
    let balance = account(step.rows(), member_ref, AccountKind::Personal);
    let balance = balance.posted.checked_add(balance.pending);
    let own = account(step.rows(), PROVINCE, AccountKind::Allotment).posted;
    let fits = balance.and_then(|sum| sum.checked_add(amount)).is_some() && own.checked_sub(amount).is_some();
    if fits { Ok(Course::Change) } else { Err(refusal(Reason::Overflow)) }
}
