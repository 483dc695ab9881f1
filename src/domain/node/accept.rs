//! Acceptance at a node: a first vote that only remembers whose leg it is, and a second one, by the id, that binds.

use super::prepare::refuse;
use super::{NodeMachine, Step};
use crate::domain::node::record::LegAwaited;
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::acceptance::{AcceptedLeg, LegTerms};
use crate::domain::protocol::message::Verdict;
use crate::domain::protocol::transfer::Leg;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::RefusedLeg;
use crate::domain::rules::identity::Identity;
use crate::domain::value::calendar::next_six;
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::side::Side;

/// A leg as it is judged: at first, and again when the payee has accepted.
pub(super) struct Judged {
    pub(super) transfer_id: TransferId,
    pub(super) terms_digest: Digest,
    pub(super) terms: LegTerms,
    pub(super) time_left_ms: u64,
}

impl From<&Leg> for Judged {
    fn from(leg: &Leg) -> Judged {
        Judged {
            transfer_id: leg.transfer_id,
            terms_digest: leg.terms_digest,
            terms: LegTerms::from(leg),
            time_left_ms: leg.time_left_ms,
        }
    }
}

impl NodeMachine {
    /// The vote on a leg whose payee has accepted. It is judged as things stand now, for the member that the first vote
    /// was about; a node that knows no such leg (its store was lost since) refuses for good.
    pub(super) fn accepted_vote(
        &mut self,
        leg: &AcceptedLeg,
        row: Option<&LegRow>,
        step: &mut Step<'_>,
    ) -> Verdict {
        let terms = LegTerms { accepted: true, ..leg.terms.clone() };
        let Some(row) = row else {
            let refused = RefusedLeg {
                transfer_id: leg.transfer_id,
                side: terms.side,
                terms_digest: leg.terms_digest,
                amount: terms.amount,
                counter_region: Some(terms.counter_region),
                receipt_time: terms.receipt_time,
                refusal: RefusalRecord::new(Reason::NothingToAccept, terms.side),
            };
            return refuse(refused, None, step);
        };
        let judged = Judged {
            transfer_id: leg.transfer_id,
            terms_digest: leg.terms_digest,
            terms,
            time_left_ms: leg.time_left_ms,
        };
        self.judged_vote(&judged, Identity::Known(row.member_ref), step)
    }
}

/// Nothing stands against a leg but that its payee has not taken it: nothing is reserved, and nothing is promised.
pub(super) fn await_acceptance(
    leg: &Judged,
    member_ref: MemberRef,
    rulebook: Digest,
    step: &mut Step<'_>,
) -> Verdict {
    let terms = &leg.terms;
    step.record(LegAwaited {
        transfer_id: leg.transfer_id,
        side: terms.side,
        member_ref,
        amount: terms.amount,
        counter_region: terms.counter_region,
        receipt_time: terms.receipt_time,
        terms_digest: leg.terms_digest,
        rulebook,
        time: step.now.civil,
    });
    Verdict::Awaiting { until: next_six(terms.receipt_time), rulebook: Some(rulebook) }
}

/// A leg without its person can be prepared, never checked.
pub(super) fn unsupported(side: Side, field: &str) -> RefusalRecord {
    RefusalRecord::new(Reason::Unsupported, side).with("field", field)
}
