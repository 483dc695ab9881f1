//! What two operators must agree on, in the words of the wire.

use crate::domain::hub::compensation::reason_of;
use crate::domain::machine::lineage::role_of;
use crate::domain::machine::operation::{Operation, OperationState, OperationWord};
use crate::domain::machine::{AssignRequest, OperationRow};
use crate::domain::protocol::Outcome;
use crate::domain::reason::Reason::{
    CompensationReasonMalformed, FieldRequired, HashMalformed, UnknownRegion, ValueUnsupported,
};
use crate::domain::value::{Digest, ProvinceCode, Side, TransferId, hex};
use crate::proto::hub::operation_action::Action;
use crate::proto::{hub, types};
use crate::wire::reader::{Path, Violations, choice, reason_code, transfer_id, whole};
use crate::wire::status::{Problem, refusal_side_to_proto};
use crate::wire::time::{required_time, timestamp};

/// Reads a proposal: its id, and what is proposed and why.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn proposal_from_proto(
    request: &hub::ProposeOperationRequest,
) -> Result<(TransferId, OperationWord), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("operation_id"), &request.operation_id, found);
        let operation = action(&root.field("action"), request.action.as_ref(), found);
        let code = reason_code(&root.field("reason_code"), &request.reason_code, found);
        let note = note(&root.field("note"), &request.note, found);
        let word = OperationWord::Propose { operation: operation?, reason_code: code?, note: note? };
        Some((id?, word))
    })
}

/// Reads who is to look into which incident; `is_operator` knows the names of operators.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn assign_from_proto(
    request: &hub::AssignIncidentRequest,
    operator: String,
    is_operator: impl Fn(&str) -> bool,
) -> Result<AssignRequest, Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("transfer_id"), &request.transfer_id, found);
        let side = side(&root.field("side"), request.side, found);
        let at = root.field("owner");
        let owner = Some(request.owner.clone()).filter(|owner| !owner.is_empty());
        let owner = found.need(&at, FieldRequired, owner);
        let known = owner.map(|owner| Some(owner).filter(|owner| is_operator(owner)));
        let owner = known.and_then(|owner| found.need(&at, ValueUnsupported, owner));
        let note = note(&root.field("note"), &request.note, found);
        Some(AssignRequest { transfer_id: id?, side: side?, owner: owner?, note: note?, operator })
    })
}

/// Reads words on why something is done; may be empty: `COMPENSATION_REASON_MALFORMED`.
pub fn note(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<String> {
    match text.trim() {
        "" => Some(String::new()),
        note => found.need(at, CompensationReasonMalformed, reason_of(note)),
    }
}

fn side(at: &Path<'_>, number: i32, found: &mut Violations) -> Option<Side> {
    let side = match types::RefusalSide::try_from(number) {
        Ok(types::RefusalSide::Payer) => Some(Side::Payer),
        Ok(types::RefusalSide::Payee) => Some(Side::Payee),
        Ok(types::RefusalSide::Hub | types::RefusalSide::Unspecified) | Err(_) => None,
    };
    choice(at, number, ValueUnsupported, side, found)
}

/// Reads the id of an operation that is all a request is about.
///
/// # Errors
/// `FIELD_REQUIRED`, `TRANSFER_ID_MALFORMED`.
pub fn only_operation_id(text: &str) -> Result<TransferId, Problem> {
    whole(|found| transfer_id(&Path::Root.field("operation_id"), text, found))
}

fn action(at: &Path<'_>, action: Option<&hub::OperationAction>, found: &mut Violations) -> Option<Operation> {
    let action = action.and_then(|it| it.action.as_ref());
    Some(match found.need(at, FieldRequired, action)? {
        Action::AcceptClock(hub::AcceptClock {}) => Operation::AcceptClock,
        Action::LowerTime(it) => {
            let at = at.field("lower_time");
            Operation::LowerTime(required_time(&at.field("to_time"), it.to_time.as_ref(), found)?)
        }
        Action::CloseIncident(it) => {
            let at = at.field("close_incident");
            let id = transfer_id(&at.field("transfer_id"), &it.transfer_id, found);
            let side = side(&at.field("side"), it.side, found);
            Operation::CloseIncident(id?, side?)
        }
        Action::BuryId(it) => {
            let at = at.field("bury_id");
            Operation::BuryId(transfer_id(&at.field("transfer_id"), &it.transfer_id, found)?)
        }
        Action::LeaveOut(it) => {
            let at = at.field("leave_out");
            Operation::LeaveOut(province(&at.field("province_code"), &it.province_code, found)?)
        }
        Action::FinishTransfer(it) => {
            let at = at.field("finish_transfer");
            let id = transfer_id(&at.field("transfer_id"), &it.transfer_id, found);
            let outcome = match it.outcome() {
                hub::TransferState::Committed => Some(Outcome::Commit),
                hub::TransferState::Aborted => Some(Outcome::Abort),
                _ => None,
            };
            let outcome = choice(&at.field("outcome"), it.outcome, ValueUnsupported, outcome, found);
            Operation::FinishTransfer(id?, outcome?)
        }
        Action::AcceptLineage(it) => {
            let at = at.field("accept_lineage");
            let peer = peer(&at.field("peer"), &it.peer, found);
            let lineage = lineage(&at.field("lineage"), &it.lineage, found);
            Operation::AcceptLineage(peer?, lineage?)
        }
    })
}

/// A peer's role: "hub", "node:51".
fn peer(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<ProvinceCode> {
    let given = found.need(at, FieldRequired, Some(text).filter(|text| !text.is_empty()))?;
    let peer = match given.strip_prefix("node:") {
        Some(province) => ProvinceCode::parse(province).filter(|it| *it != ProvinceCode::HUB),
        None => (given == "hub").then_some(ProvinceCode::HUB),
    };
    found.need(at, ValueUnsupported, peer)
}

fn lineage(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<Digest> {
    let given = found.need(at, FieldRequired, Some(text).filter(|text| !text.is_empty()))?;
    found.need(at, HashMalformed, Digest::parse(given))
}

/// A province's two digits, whether it is listed or not.
fn province(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<ProvinceCode> {
    let given = found.need(at, FieldRequired, Some(text).filter(|text| !text.is_empty()))?;
    found.need(at, UnknownRegion, ProvinceCode::parse(given))
}

fn action_to_proto(operation: &Operation) -> hub::OperationAction {
    let action = match *operation {
        Operation::AcceptClock => Action::AcceptClock(hub::AcceptClock {}),
        Operation::LowerTime(to) => Action::LowerTime(hub::LowerTime { to_time: Some(timestamp(to)) }),
        Operation::CloseIncident(transfer_id, side) => Action::CloseIncident(hub::CloseIncident {
            transfer_id: transfer_id.to_string(),
            side: refusal_side_to_proto(side.into()).into(),
        }),
        Operation::BuryId(transfer_id) => {
            Action::BuryId(hub::BuryId { transfer_id: transfer_id.to_string() })
        }
        Operation::LeaveOut(province) => {
            Action::LeaveOut(hub::LeaveOut { province_code: province.to_string() })
        }
        Operation::FinishTransfer(transfer_id, outcome) => {
            let outcome = match outcome {
                Outcome::Commit => hub::TransferState::Committed,
                Outcome::Abort => hub::TransferState::Aborted,
            };
            let (transfer_id, outcome) = (transfer_id.to_string(), outcome.into());
            Action::FinishTransfer(hub::FinishTransfer { transfer_id, outcome })
        }
        Operation::AcceptLineage(peer, lineage) => {
            let (peer, lineage) = (role_of(peer), hex(&lineage.0));
            Action::AcceptLineage(hub::AcceptLineage { peer, lineage })
        }
    };
    hub::OperationAction { action: Some(action) }
}

/// An operation as it stands.
pub fn operation_to_proto(row: &OperationRow) -> hub::Operation {
    let state = match row.state {
        OperationState::Proposed => hub::OperationState::Proposed,
        OperationState::Done => hub::OperationState::Done,
        OperationState::Withdrawn => hub::OperationState::Withdrawn,
    };
    hub::Operation {
        operation_id: row.operation_id.to_string(),
        action: Some(action_to_proto(&row.operation)),
        reason_code: row.reason_code.clone(),
        note: row.note.clone(),
        state: state.into(),
        proposer: row.proposer.clone(),
        propose_time: Some(timestamp(row.propose_time)),
        answerer: row.answerer.clone().unwrap_or_default(),
        answer_time: row.answer_time.map(timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::domain::value::Civil;
    use crate::wire::test_kit::{found, one};

    fn request(operation: &Operation) -> hub::ProposeOperationRequest {
        hub::ProposeOperationRequest {
            operation_id: TransferId([1; 16]).to_string(),
            action: Some(action_to_proto(operation)),
            reason_code: "CLOCK_REPAIRED".to_owned(),
            note: " 时钟已校正 ".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let id = TransferId([2; 16]);
        for operation in [
            Operation::AcceptClock,
            Operation::LowerTime(Civil(1_795_233_600_250)),
            Operation::CloseIncident(id, Side::Payee),
            Operation::BuryId(id),
            Operation::AcceptLineage(ProvinceCode::HUB, Digest([7; 32])),
            Operation::AcceptLineage(ProvinceCode::new(51), Digest::default()),
            Operation::LeaveOut(ProvinceCode::new(51)),
            Operation::FinishTransfer(id, Outcome::Commit),
            Operation::FinishTransfer(id, Outcome::Abort),
        ] {
            let (operation_id, word) = proposal_from_proto(&request(&operation)).expect("whole");
            let OperationWord::Propose { operation: read, reason_code, note } = word else {
                panic!("a proposal");
            };
            assert_eq!((operation_id, read), (TransferId([1; 16]), operation));
            assert_eq!((reason_code.as_str(), note.as_str()), ("CLOCK_REPAIRED", "时钟已校正"));
        }
    }

    #[test]
    fn everything_that_is_missing_is_told() {
        let empty = hub::ProposeOperationRequest::default();
        let missing = ["operation_id", "action", "reason_code"];
        let missing = missing.map(|field| one(field, Reason::FieldRequired)).concat();
        assert_eq!(found(proposal_from_proto(&empty)), missing);
        let mut bare = request(&Operation::AcceptClock);
        bare.action =
            Some(hub::OperationAction { action: Some(Action::CloseIncident(hub::CloseIncident::default())) });
        let missing = ["action.close_incident.transfer_id", "action.close_incident.side"];
        let missing = missing.map(|field| one(field, Reason::FieldRequired)).concat();
        assert_eq!(found(proposal_from_proto(&bare)), missing);
    }

    #[test]
    fn whose_store_and_which_are_read_strictly() {
        let said = |peer: &str, lineage: &str| {
            let (peer, lineage) = (peer.to_owned(), lineage.to_owned());
            let accept = Action::AcceptLineage(hub::AcceptLineage { peer, lineage });
            let action = Some(hub::OperationAction { action: Some(accept) });
            found(proposal_from_proto(&hub::ProposeOperationRequest {
                action,
                ..request(&Operation::AcceptClock)
            }))
        };
        let (peer, lineage) = ("action.accept_lineage.peer", "action.accept_lineage.lineage");
        let missing = [peer, lineage].map(|field| one(field, Reason::FieldRequired)).concat();
        assert_eq!(said("", ""), missing);
        for bad in ["51", "node:", "node:00", "node:5", "HUB"] {
            assert_eq!(said(bad, &"0".repeat(64)), one(peer, Reason::ValueUnsupported), "{bad}");
        }
        assert_eq!(said("hub", "empty"), one(lineage, Reason::HashMalformed));
    }
}
