//! Decide: decisions go out, acknowledgements come back.

use crate::domain::protocol::{Ack, AckResult, Decision, Kind, LegRef, LostLeg, Outcome, PeerMark, Whose};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Digest, IdNumber, Money, RegionCode, TransferId, Window};
use crate::proto::node::ack_result;
use crate::proto::{node, types};
use crate::wire::leg::{leg_reference, side_to_proto};
use crate::wire::prepare::LEG_RECORD_MAX;
use crate::wire::reader::{Path, Violations, check_batch};
use crate::wire::sender::sender;
use crate::wire::status::{Problem, refusal_from_proto, refusal_to_proto};
use crate::wire::time::{civil, required_time, timestamp};

/// A decision as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionReading {
    /// To be obeyed.
    Order(Decision),
    /// It says no outcome, or a commit lacks its window or number: rejected, the others of the call go on.
    Rejected(Ack),
}

/// A request to carry out these decisions.
pub fn decide_to_proto(sender: types::Sender, decisions: &[Decision]) -> node::DecideRequest {
    let decisions = decisions.iter().map(decision_to_proto).collect();
    node::DecideRequest { sender: Some(sender), decisions }
}

/// Reads a request to decide: the hub's mark and each decision, in order.
///
/// # Errors
/// The whole call: `BATCH_SIZE_INVALID`, and of any decision that cannot be named or has no time: `FIELD_REQUIRED`,
/// `TRANSFER_ID_MALFORMED`, `VALUE_UNSUPPORTED`, `REQUEST_MALFORMED`.
pub fn decide_from_proto(request: &node::DecideRequest) -> Result<(PeerMark, Vec<DecisionReading>), Problem> {
    check_batch("decisions", request.decisions.len())?;
    let mut found = Violations::default();
    let mark = sender(request.sender.as_ref(), &mut found);
    let read =
        |(index, decision)| decision_from_proto(&Path::Root.item("decisions", index), decision, &mut found);
    let decisions: Vec<DecisionReading> = request.decisions.iter().enumerate().filter_map(read).collect();
    found.finish(mark.map(|mark| (mark, decisions)))
}

/// A decision in the words of the wire.
pub fn decision_to_proto(decision: &Decision) -> node::Decision {
    let outcome = match decision.outcome {
        Outcome::Commit => node::Outcome::Commit,
        Outcome::Abort => node::Outcome::Abort,
    };
    node::Decision {
        transfer_id: decision.transfer_id.to_string(),
        side: side_to_proto(decision.side),
        outcome: outcome.into(),
        terms_digest: decision.terms_digest.0.to_vec(),
        window_id: decision.window.map_or_else(String::new, |it| it.to_string()),
        hub_seq: decision.hub_seq.unwrap_or(0),
        leg_record: decision.leg_record.clone(),
        decide_time: Some(timestamp(decision.decide_time)),
        lost_leg: decision.lost.as_deref().map(lost_leg_to_proto),
    }
}

fn decision_from_proto(
    at: &Path<'_>,
    wire: &node::Decision,
    found: &mut Violations,
) -> Option<DecisionReading> {
    let name = leg_reference(at, &wire.transfer_id, wire.side, &wire.terms_digest, found);
    let decide_time = required_time(&at.field("decide_time"), wire.decide_time.as_ref(), found);
    let (name, decide_time) = name.zip(decide_time)?;
    let decision = |outcome| Decision {
        transfer_id: name.id.transfer_id,
        side: name.id.side,
        terms_digest: name.terms_digest,
        outcome,
        window: None,
        hub_seq: None,
        decide_time,
        leg_record: wire.leg_record.clone(),
        posting: None,
        lost: wire.lost_leg.as_ref().and_then(lost_leg_from_proto).map(Box::new),
    };
    let order = DecisionReading::Order;
    Some(match node::Outcome::try_from(wire.outcome) {
        Ok(node::Outcome::Abort) => order(decision(Outcome::Abort)),
        Ok(node::Outcome::Commit) => match (Window::parse(&wire.window_id), wire.hub_seq) {
            (None, _) => reject(&name, Reason::RequestMalformed, "window_id"),
            (Some(_), 0) => reject(&name, Reason::FieldRequired, "hub_seq"),
            (Some(window), hub_seq) => {
                order(Decision { window: Some(window), hub_seq: Some(hub_seq), ..decision(Outcome::Commit) })
            }
        },
        Ok(node::Outcome::Unspecified) => reject(&name, Reason::FieldRequired, "outcome"),
        Err(_) => reject(&name, Reason::ValueUnsupported, "outcome"),
    })
}

fn lost_leg_to_proto(lost: &LostLeg) -> node::LostLeg {
    node::LostLeg {
        kind: lost.kind.number().into(),
        original_transfer_id: lost.original.map_or_else(String::new, |id| id.to_string()),
        amount: lost.amount.to_string(),
        counter_region_code: lost.counter_region.to_string(),
        receipt_time: Some(timestamp(lost.receipt_time)),
        id_number: lost.whose.as_ref().map_or_else(String::new, |it| it.id_number.reveal().to_owned()),
    }
}

/// Nothing of what cannot be read: the commit of an id that is unknown here is rejected then.
fn lost_leg_from_proto(wire: &node::LostLeg) -> Option<LostLeg> {
    let number = u8::try_from(wire.kind).ok()?;
    let original = match wire.original_transfer_id.as_str() {
        "" => None,
        text => Some(TransferId::parse(text)?),
    };
    Some(LostLeg {
        kind: *Kind::ALL.iter().find(|kind| kind.number() == number)?,
        original,
        amount: Money::parse(&wire.amount).ok().filter(|amount| *amount > Money::ZERO)?,
        counter_region: RegionCode::parse(&wire.counter_region_code)?,
        receipt_time: civil(wire.receipt_time.as_ref()?)?,
        // A number that cannot be read names nobody.
        whose: IdNumber::parse(&wire.id_number)
            .ok()
            .map(|id_number| Whose { id_number, id_hash: Digest::default() }),
    })
}

fn reject(name: &LegRef, reason: Reason, field: &str) -> DecisionReading {
    DecisionReading::Rejected(Ack {
        transfer_id: name.id.transfer_id,
        side: name.id.side,
        terms_digest: name.terms_digest,
        result: AckResult::Rejected,
        refusal: Some(RefusalRecord::new(reason, name.id.side).with("field", field)),
        leg_record: Vec::new(),
    })
}

/// An acknowledgement in the words of the wire.
pub fn ack_to_proto(ack: &Ack) -> node::Ack {
    let result = match ack.result {
        AckResult::Recorded => ack_result::Ack::Recorded,
        AckResult::Already => ack_result::Ack::Already,
        AckResult::Rejected => ack_result::Ack::Rejected,
        // No receipt: the hub tells it again.
        AckResult::NotYet => ack_result::Ack::Unspecified,
    };
    node::Ack {
        transfer_id: ack.transfer_id.to_string(),
        side: side_to_proto(ack.side),
        result: result.into(),
        terms_digest: ack.terms_digest.0.to_vec(),
        refusal: ack.refusal.as_ref().map(refusal_to_proto),
        leg_record: ack.leg_record.clone(),
    }
}

/// Reads an acknowledgement.
///
/// # Errors
/// One that names no leg, or says no result that this program knows: no answer, the decision is sent again.
pub fn ack_from_proto(ack: &node::Ack) -> Result<Ack, Problem> {
    let (at, mut found) = (Path::Root, Violations::default());
    let name = leg_reference(&at, &ack.transfer_id, ack.side, &ack.terms_digest, &mut found);
    let result = match ack_result::Ack::try_from(ack.result) {
        Ok(ack_result::Ack::Recorded) => Some(AckResult::Recorded),
        Ok(ack_result::Ack::Already) => Some(AckResult::Already),
        Ok(ack_result::Ack::Rejected) => Some(AckResult::Rejected),
        Ok(ack_result::Ack::Unspecified) | Err(_) => None,
    };
    let result = found.need(&at.field("result"), Reason::ValueUnsupported, result);
    let ack = name.zip(result).map(|(name, result)| Ack {
        transfer_id: name.id.transfer_id,
        side: name.id.side,
        terms_digest: name.terms_digest,
        result,
        refusal: ack.refusal.as_ref().map(|refusal| refusal_from_proto(refusal, name.id.side.into())),
        // One that is too long cannot be kept: as if it were none.
        leg_record: Some(&ack.leg_record)
            .filter(|it| it.len() <= LEG_RECORD_MAX)
            .cloned()
            .unwrap_or_default(),
    });
    found.finish(ack)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
