//! Prepare and Check: legs go out, votes come back.

use crate::domain::protocol::{Leg, LegId, LegRead, LegRef, PeerMark, Verdict, Vote};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::Digest;
use crate::proto::{node, types};
use crate::wire::leg::{leg_reference, leg_to_check_to_proto, leg_to_proto, side_to_proto};
use crate::wire::reader::{Path, Reader, Violations, check_batch};
use crate::wire::sender::sender;
use crate::wire::status::{Problem, refusal_from_proto, refusal_to_proto};
use crate::wire::time::{required_time, timestamp};

/// Most bytes of a vote's `leg_record`.
pub const LEG_RECORD_MAX: usize = 4096;

/// A request to prepare these legs.
pub fn prepare_to_proto(sender: types::Sender, legs: &[Leg]) -> node::PrepareRequest {
    node::PrepareRequest { sender: Some(sender), legs: legs.iter().map(leg_to_proto).collect() }
}

/// A request to check these legs.
pub fn check_to_proto(legs: &[Leg]) -> node::CheckRequest {
    node::CheckRequest { legs: legs.iter().map(leg_to_check_to_proto).collect() }
}

impl Reader<'_> {
    /// Reads a request to prepare: the hub's mark and each leg, in order.
    ///
    /// # Errors
    /// The whole call: `BATCH_SIZE_INVALID`, and those of [`Reader::leg`], of all legs.
    pub fn prepare(&self, request: &node::PrepareRequest) -> Result<(PeerMark, Vec<LegRead>), Problem> {
        check_batch("legs", request.legs.len())?;
        let mut found = Violations::default();
        let mark = sender(request.sender.as_ref(), &mut found);
        let legs = self.legs(&request.legs, |at, leg| self.leg(at, leg), &mut found);
        found.finish(mark.map(|mark| (mark, legs)))
    }

    /// Reads a request to check legs.
    ///
    /// # Errors
    /// As [`Reader::prepare`].
    pub fn check(&self, request: &node::CheckRequest) -> Result<Vec<LegRead>, Problem> {
        check_batch("legs", request.legs.len())?;
        let mut found = Violations::default();
        let legs = self.legs(&request.legs, |at, leg| self.leg_to_check(at, leg), &mut found);
        found.finish(Some(legs))
    }

    fn legs(
        &self,
        legs: &[node::Leg],
        read: impl Fn(&Path<'_>, &node::Leg) -> Result<LegRead, Problem>,
        found: &mut Violations,
    ) -> Vec<LegRead> {
        let mut readings = Vec::with_capacity(legs.len());
        for (index, leg) in legs.iter().enumerate() {
            match read(&Path::Root.item("legs", index), leg) {
                Ok(reading) => readings.push(reading),
                Err(problem) => problem.violations.into_iter().for_each(|violation| found.push(violation)),
            }
        }
        readings
    }
}

/// A vote in the words of the wire.
pub fn vote_to_proto(vote: &Vote) -> node::Vote {
    let mut wire = node::Vote {
        transfer_id: vote.transfer_id.to_string(),
        side: side_to_proto(vote.side),
        terms_digest: vote.terms_digest.0.to_vec(),
        ..node::Vote::default()
    };
    let verdict = match &vote.verdict {
        Verdict::Yes { leg_record, rulebook } => {
            wire.leg_record = leg_record.clone();
            wire.rulebook_hash = rulebook.0.to_vec();
            node::Verdict::Yes
        }
        Verdict::No { refusal, rulebook } => {
            wire.refusal = Some(refusal_to_proto(refusal));
            wire.rulebook_hash = rulebook.map_or_else(Vec::new, |hash| hash.0.to_vec());
            node::Verdict::No
        }
        Verdict::Awaiting { until, rulebook } => {
            wire.until = Some(timestamp(*until));
            wire.rulebook_hash = rulebook.map_or_else(Vec::new, |hash| hash.0.to_vec());
            node::Verdict::Awaiting
        }
        Verdict::Conflict { refusal } => {
            wire.refusal = Some(refusal_to_proto(refusal));
            node::Verdict::Conflict
        }
    };
    wire.verdict = verdict.into();
    wire
}

/// Reads a vote. A verdict that is missing or unknown counts as no. A yes without `rulebook_hash`, from a node that
/// has no rulebooks, gets the digest of zeros.
///
/// # Errors
/// A vote that names no leg, an AWAITING without `until`, a YES whose `leg_record` is missing or too long, a
/// `rulebook_hash` that is none. It does not count: its transfer is aborted and the node told, since it may be bound.
pub fn vote_from_proto(vote: &node::Vote) -> Result<Vote, Problem> {
    let (at, mut found) = (Path::Root, Violations::default());
    let name = leg_reference(&at, &vote.transfer_id, vote.side, &vote.terms_digest, &mut found);
    let side = name.map_or(RefusalSide::Hub, |name| name.id.side.into());
    let rulebook = match vote.rulebook_hash.as_slice() {
        [] => None,
        hash => found.need(&at.field("rulebook_hash"), Reason::RequestMalformed, Digest::from_slice(hash)),
    };
    let refusal = |fallback| refusal_or(vote.refusal.as_ref(), side, fallback);
    let verdict = match node::Verdict::try_from(vote.verdict) {
        Ok(node::Verdict::Yes) => {
            let (at, bytes) = (at.field("leg_record"), &vote.leg_record);
            let reason = if bytes.is_empty() { Reason::FieldRequired } else { Reason::RequestMalformed };
            let fits = (1..=LEG_RECORD_MAX).contains(&bytes.len());
            let leg_record = found.need(&at, reason, fits.then(|| bytes.clone()));
            leg_record.map(|leg_record| Verdict::Yes { leg_record, rulebook: rulebook.unwrap_or_default() })
        }
        Ok(node::Verdict::Awaiting) => required_time(&at.field("until"), vote.until.as_ref(), &mut found)
            .map(|until| Verdict::Awaiting { until, rulebook }),
        Ok(node::Verdict::Conflict) => Some(Verdict::Conflict { refusal: refusal(Reason::TermsDiffer) }),
        Ok(node::Verdict::No | node::Verdict::Unspecified) | Err(_) => {
            Some(Verdict::No { refusal: refusal(Reason::RefusedByPlace), rulebook })
        }
    };
    let vote =
        name.zip(verdict).map(|(LegRef { id: LegId { transfer_id, side }, terms_digest }, verdict)| Vote {
            transfer_id,
            side,
            terms_digest,
            verdict,
        });
    found.finish(vote)
}

/// An answer to a check.
pub fn check_result_to_proto(refusals: &[RefusalRecord]) -> node::CheckResult {
    node::CheckResult { refusals: refusals.iter().map(refusal_to_proto).collect() }
}

/// Reads an answer to a check of a leg of this side.
pub fn check_result_from_proto(result: &node::CheckResult, side: RefusalSide) -> Vec<RefusalRecord> {
    result.refusals.iter().map(|refusal| refusal_from_proto(refusal, side)).collect()
}

pub(super) fn refusal_or(
    refusal: Option<&types::Refusal>,
    side: RefusalSide,
    fallback: Reason,
) -> RefusalRecord {
    refusal.map_or_else(|| RefusalRecord::new(fallback, side), |refusal| refusal_from_proto(refusal, side))
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
