//! Acceptance at a node: a first vote that only remembers whose leg it is, and a second one, by the id, that binds.

use super::decide::blank;
use super::prepare::refuse;
use super::record::LegAwaited;
use super::tables::{LegRow, Row};
use super::{NodeMachine, Step};
use crate::domain::machine::WorkingSet;
use crate::domain::protocol::{Leg, LegId, LegRef, LegState, Verdict};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::identity::Identity;
use crate::domain::value::calendar::next_six;
use crate::domain::value::{Day, Digest, MemberRef};

impl NodeMachine {
    /// The vote on a leg whose payee has accepted. It is judged as things stand now, for the member that the first vote
    /// was about; a node that knows no such leg (its store was lost since) refuses for good.
    pub(super) fn accepted_vote(&mut self, leg: &Leg, row: Option<&LegRow>, step: &mut Step<'_>) -> Verdict {
        match row {
            Some(row) => self.judged_vote(leg, Identity::Known(row.member_ref), step),
            None => {
                let refusal = RefusalRecord::new(Reason::NothingToAccept, leg.reference.id.side);
                refuse(leg.refused(refusal), None, step)
            }
        }
    }
}

/// Nothing stands against a leg but that its payee has not taken it: nothing is reserved, and nothing is promised.
pub(super) fn await_acceptance(
    leg: &Leg,
    member_ref: MemberRef,
    rulebook: Digest,
    step: &mut Step<'_>,
) -> Verdict {
    let LegRef { id: LegId { transfer_id, side }, terms_digest } = leg.reference;
    let terms = &leg.terms;
    step.record(LegAwaited {
        transfer_id,
        side,
        member_ref,
        amount: terms.amount,
        counter_region: terms.counter_region,
        receipt_time: terms.receipt_time,
        terms_digest,
        rulebook,
        time: step.now.civil,
    });
    Verdict::Awaiting { until: next_six(terms.receipt_time), rulebook: Some(rulebook) }
}

/// A leg waits for the payee's acceptance: it is only remembered whose it is.
pub fn awaited(record: &LegAwaited, rows: &mut WorkingSet<Row>) {
    rows.put(LegRow {
        member_ref: record.member_ref,
        amount: record.amount,
        counter_region: Some(record.counter_region),
        day: Day::of(record.receipt_time),
        receipt_time: record.receipt_time,
        rulebook: Some(record.rulebook),
        ..blank(record.transfer_id, record.side, LegState::Awaiting, record.terms_digest, record.time)
    });
}
