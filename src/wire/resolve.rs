//! Resolve: questions about legs in doubt, and the hub's rulings.

use crate::domain::protocol::{Decision, Outcome, PeerMark, Question, REFUSED_ASK_MS, Ruling};
use crate::domain::reason::{Reason, RefusalSide};
use crate::domain::value::Window;
use crate::proto::{hub, types};
use crate::wire::leg::{leg_reference, side_to_proto};
use crate::wire::reader::{Path, Violations, check_batch};
use crate::wire::sender::sender;
use crate::wire::status::{Problem, refusal_from_proto, refusal_to_proto};
use crate::wire::time::{duration, milliseconds, required_time, timestamp};

/// How long to wait before asking again when the answer does not say, in milliseconds.
const ASK_AFTER_MS: u64 = 1000;

/// A request for rulings.
pub fn resolve_to_proto(sender: types::Sender, questions: &[Question]) -> hub::ResolveRequest {
    let questions = questions.iter().map(question_to_proto).collect();
    hub::ResolveRequest { sender: Some(sender), questions }
}

/// Reads a request for rulings: the node's mark and each question, in order.
///
/// # Errors
/// `BATCH_SIZE_INVALID`, `FIELD_REQUIRED`, `TRANSFER_ID_MALFORMED`, `VALUE_UNSUPPORTED`, `REQUEST_MALFORMED`.
pub fn resolve_from_proto(request: &hub::ResolveRequest) -> Result<(PeerMark, Vec<Question>), Problem> {
    check_batch("questions", request.questions.len())?;
    let mut found = Violations::default();
    let mark = sender(request.sender.as_ref(), &mut found);
    let read = |(index, question): (usize, &hub::ResolveQuestion)| {
        let at = Path::Root.item("questions", index);
        let name =
            leg_reference(&at, &question.transfer_id, question.side, &question.terms_digest, &mut found)?;
        Some(Question {
            transfer_id: name.id.transfer_id,
            side: name.id.side,
            terms_digest: name.terms_digest,
        })
    };
    let questions: Vec<Question> = request.questions.iter().enumerate().filter_map(read).collect();
    found.finish(mark.map(|mark| (mark, questions)))
}

fn question_to_proto(question: &Question) -> hub::ResolveQuestion {
    hub::ResolveQuestion {
        transfer_id: question.transfer_id.to_string(),
        side: side_to_proto(question.side),
        terms_digest: question.terms_digest.0.to_vec(),
    }
}

/// A ruling in the words of the wire.
pub fn ruling_to_proto(ruling: &Ruling) -> hub::Resolution {
    match ruling {
        Ruling::Pending { question, ask_after_ms } => hub::Resolution {
            transfer_id: question.transfer_id.to_string(),
            side: side_to_proto(question.side),
            ruling: hub::Ruling::Pending.into(),
            ask_after: Some(duration(*ask_after_ms)),
            terms_digest: question.terms_digest.0.to_vec(),
            ..hub::Resolution::default()
        },
        Ruling::Refused { question, refusal } => hub::Resolution {
            transfer_id: question.transfer_id.to_string(),
            side: side_to_proto(question.side),
            ruling: hub::Ruling::Pending.into(),
            ask_after: Some(duration(REFUSED_ASK_MS)),
            terms_digest: question.terms_digest.0.to_vec(),
            refusal: Some(refusal_to_proto(refusal)),
            ..hub::Resolution::default()
        },
        Ruling::Decided(decision) => hub::Resolution {
            transfer_id: decision.transfer_id.to_string(),
            side: side_to_proto(decision.side),
            ruling: match decision.outcome {
                Outcome::Commit => hub::Ruling::Commit.into(),
                Outcome::Abort => hub::Ruling::Abort.into(),
            },
            window_id: decision.window.map_or_else(String::new, |it| it.to_string()),
            hub_seq: decision.hub_seq.unwrap_or(0),
            decide_time: Some(timestamp(decision.decide_time)),
            ask_after: None,
            terms_digest: decision.terms_digest.0.to_vec(),
            refusal: None,
        },
    }
}

/// Reads a ruling. One that is missing or unknown counts as pending.
///
/// # Errors
/// One that names no leg, a decision without its time, a commit without window or number: no answer, ask again.
pub fn ruling_from_proto(answer: &hub::Resolution) -> Result<Ruling, Problem> {
    let (at, mut found) = (Path::Root, Violations::default());
    let name = leg_reference(&at, &answer.transfer_id, answer.side, &answer.terms_digest, &mut found);
    let outcome = match hub::Ruling::try_from(answer.ruling) {
        Ok(hub::Ruling::Commit) => Outcome::Commit,
        Ok(hub::Ruling::Abort) => Outcome::Abort,
        Ok(hub::Ruling::Pending | hub::Ruling::Unspecified) | Err(_) => {
            let ask_after_ms = answer.ask_after.as_ref().map_or(ASK_AFTER_MS, milliseconds);
            let (transfer_id, side, terms_digest) =
                found.finish(name.map(|name| (name.id.transfer_id, name.id.side, name.terms_digest)))?;
            let question = Question { transfer_id, side, terms_digest };
            return Ok(match &answer.refusal {
                Some(refusal) => {
                    Ruling::Refused { question, refusal: refusal_from_proto(refusal, RefusalSide::Hub) }
                }
                None => Ruling::Pending { question, ask_after_ms },
            });
        }
    };
    let decide_time = required_time(&at.field("decide_time"), answer.decide_time.as_ref(), &mut found);
    let (window, hub_seq) = match outcome {
        Outcome::Abort => (None, None),
        Outcome::Commit => (
            found.need(&at.field("window_id"), Reason::RequestMalformed, Window::parse(&answer.window_id)),
            found.need(
                &at.field("hub_seq"),
                Reason::FieldRequired,
                Some(answer.hub_seq).filter(|seq| *seq > 0),
            ),
        ),
    };
    let decision = name.zip(decide_time).map(|(name, decide_time)| Decision {
        transfer_id: name.id.transfer_id,
        side: name.id.side,
        terms_digest: name.terms_digest,
        outcome,
        window,
        hub_seq,
        decide_time,
        leg_record: Vec::new(),
        posting: None,
        lost: None,
    });
    found.finish(decision).map(Ruling::Decided)
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
