//! The province's own system reports a member: his insurance, and how the vault is to keep him.

use super::account::account;
use super::request::{self, Course, conclude, done, is_repeat, refusal};
use super::{MemberReport, NodeMachine, Step, Upserted};
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::node::record::MemberRecorded;
use crate::domain::node::tables::{Key, MemberRow, PersonRow, Row};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, AccountState, Insurance};

pub(super) fn needs(report: &MemberReport, keys: &mut Vec<Key>) {
    keys.push(Key::Person(report.person.id_hash));
    request::needs(&report.request, report.person.member_ref, keys);
}

impl NodeMachine {
    /// Records a member; of a report that changes nothing only the request is kept.
    pub(super) fn upsert(&mut self, ticket: Ticket<Upserted>, report: MemberReport, step: &mut Step<'_>) {
        let known = step.rows().get::<PersonRow>(&Key::Person(report.person.id_hash));
        let member_ref = report.person.member_ref;
        if let Some(known) = known.filter(|known| known.member_ref != member_ref) {
            let known = known.member_ref;
            return step.answer(ticket, Upserted::PersonChanged(known));
        }
        let is_new = known.is_none();
        let judged = (self.judge_report(&report, step), report.request.clone());
        conclude(ticket.narrowed(), judged, member_ref, step, |request, time, step| {
            if is_new {
                step.keep(report.person.found_by());
            }
            step.keep(report.person);
            step.record(MemberRecorded { member_ref, insurance: report.insurance, time, request });
            self.set_off(member_ref, None, step);
        });
    }

    fn judge_report(&self, report: &MemberReport, step: &Step<'_>) -> Result<Course, RefusalRecord> {
        if is_repeat(&report.request, step)? {
            return Ok(Course::Repeat);
        }
        let Insurance { region, insurance_status, account_state, .. } = report.insurance;
        let member_ref = report.person.member_ref;
        let old = step.rows().get::<MemberRow>(&Key::Member(member_ref));
        // Whoever is in an area that is not listed any more stays there until he is reported elsewhere.
        let stays = old.is_some_and(|old| old.region == region);
        let served = self.places.locate(region).is_some_and(|area| area.province == self.province);
        if !served && !stays {
            return Err(refusal(Reason::RegionElsewhere).with("region", region));
        }
        let same = old.is_some_and(|old| report.person_known && old.insurance() == report.insurance);
        if same {
            return Ok(Course::AsItIs);
        }
        let live =
            [AccountKind::Personal, AccountKind::Wallet].map(|kind| account(step.rows(), member_ref, kind));
        let live = live.iter().any(|row| row.held.is_positive() || row.pending.is_positive());
        // Suspension, arrears and freezes never touch a leg that voted yes; a move of place, or the end of the
        // insurance or of the account, must wait for its end.
        let leaves = |old: &MemberRow| {
            let ends = insurance_status.is_over() && !old.insurance_status.is_over();
            let closes = account_state == AccountState::Absent && old.account_state != account_state;
            ends || closes || old.region != region
        };
        if live && old.is_some_and(leaves) {
            return Err(refusal(Reason::HasLiveLeg));
        }
        Ok(Course::Change)
    }
}

/// The province's system reported a member.
pub fn recorded(record: &MemberRecorded, rows: &mut WorkingSet<Row>) {
    let old: Option<&MemberRow> = rows.get(&Key::Member(record.member_ref));
    let settlement_suspended_until = old.and_then(|old| old.settlement_suspended_until);
    let row = MemberRow::new(record.member_ref, record.insurance, record.time);
    rows.put(MemberRow { settlement_suspended_until, ..row });
    done(&record.request, None, record.time, rows);
}
