//! Requests of the province's own systems: each is done once, and answered with how its member stands.

use super::account::{account, needs_of_member};
use super::{Standing, Step, suspense};
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::node::record::{RequestMark, RequestNoted};
use crate::domain::node::tables::{Key, RequestRow, Row};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{AccountKind, Civil, MemberRef};

/// A refusal of the node's own services; they have no payer or payee.
pub(super) fn refusal(reason: Reason) -> RefusalRecord {
    RefusalRecord::new(reason, RefusalSide::Hub)
}

/// What a request about a member needs: whether it was done before, and how he stands.
pub(super) fn needs(request: &RequestMark, member_ref: MemberRef, keys: &mut Vec<Key>) {
    keys.push(Key::Request(request.request_id.clone()));
    needs_of_member(member_ref, keys);
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

/// Does what was judged of a request: refuses it, leaves things as they are, or has its change made; and answers how
/// its member stands.
pub(super) fn conclude(
    ticket: Ticket<Box<Standing>>,
    (judged, request): (Result<Course, RefusalRecord>, RequestMark),
    member_ref: MemberRef,
    step: &mut Step<'_>,
    change: impl FnOnce(RequestMark, Civil, &mut Step<'_>),
) {
    let (request_id, time) = (request.request_id.clone(), step.now.civil);
    match &judged {
        Err(refusal) => return step.refuse(ticket, refusal.clone()),
        Ok(Course::Repeat) => {}
        Ok(Course::AsItIs) => step.record(RequestNoted { request, time }),
        Ok(Course::Change) => change(request, time, step),
    }
    let changed = judged == Ok(Course::Change);
    answer_member(ticket, member_ref, Some(request_id), changed, step);
}

/// Tells how a member stands.
pub(super) fn answer_member(
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
        suspense: suspense::sum(rows, member_ref, AccountKind::Personal),
        wallet_suspense: suspense::sum(rows, member_ref, AccountKind::Wallet),
    };
    step.answer(ticket, Box::new(standing));
}

/// A request asked for what was so already.
pub fn noted(record: &RequestNoted, rows: &mut WorkingSet<Row>) {
    done(&record.request, None, record.time, rows);
}

/// A request is carried out: its repeat changes nothing.
pub(super) fn done(request: &RequestMark, entry_id: Option<u64>, time: Civil, rows: &mut WorkingSet<Row>) {
    let request_id = request.request_id.clone();
    rows.put(RequestRow { request_id, digest: request.digest, entry_id, done_time: time });
}
