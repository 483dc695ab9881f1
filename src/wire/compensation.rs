//! Compensations in the words of the wire.

use crate::domain::hub::compensation::reason_of;
use crate::domain::hub::tables::{CompensationRow, TransferRow};
use crate::domain::protocol::{CompensationState, TransferState};
use crate::domain::reason::Reason::{CompensationReasonMalformed, FieldRequired};
use crate::domain::value::{Money, TransferId};
use crate::proto::hub;
use crate::wire::reader::{Path, amount, only_transfer_id, transfer_id, whole};
use crate::wire::status::Problem;
use crate::wire::time::timestamp;
use crate::wire::transfer::transfer_to_proto;

/// A proposal, as far as its bytes allow to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCompensation {
    /// Its id.
    pub compensation_id: TransferId,
    /// The committed transfer.
    pub original_id: TransferId,
    /// Amount, more than zero.
    pub amount: Money,
    /// Why, in the words of the operator who proposed it.
    pub reason: String,
}

/// Reads a proposal.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn new_compensation(request: &hub::ProposeCompensationRequest) -> Result<NewCompensation, Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("compensation_id"), &request.compensation_id, found);
        let original = transfer_id(&root.field("transfer_id"), &request.transfer_id, found);
        let amount = amount(&root.field("amount"), &request.amount, found);
        let missing = if request.reason.is_empty() { FieldRequired } else { CompensationReasonMalformed };
        let reason = found.need(&root.field("reason"), missing, reason_of(&request.reason));
        Some(NewCompensation {
            compensation_id: id?,
            original_id: original?,
            amount: amount?,
            reason: reason?,
        })
    })
}

/// Reads the id of a compensation that is all a request is about.
///
/// # Errors
/// `FIELD_REQUIRED`, `TRANSFER_ID_MALFORMED`.
pub fn only_compensation_id(text: &str) -> Result<TransferId, Problem> {
    whole(|found| transfer_id(&Path::Root.field("compensation_id"), text, found))
}

/// Reads the transfer whose compensations are listed; none: all.
///
/// # Errors
/// `TRANSFER_ID_MALFORMED`.
pub fn listed_transfer(text: &str) -> Result<Option<TransferId>, Problem> {
    if text.is_empty() { Ok(None) } else { only_transfer_id(text).map(Some) }
}

/// A compensation with its transfer, if it has begun. Whatever else has the id is none of it.
pub fn compensation_to_proto(row: &CompensationRow, transfer: Option<&TransferRow>) -> hub::Compensation {
    let transfer = transfer.filter(|it| it.terms_digest == row.terms_digest);
    let state = match (row.state, transfer.map(|transfer| transfer.state)) {
        (_, Some(TransferState::Committed)) => hub::CompensationState::Committed,
        (_, Some(TransferState::Aborted)) => hub::CompensationState::Aborted,
        (CompensationState::Approved, _) | (_, Some(_)) => hub::CompensationState::Pending,
        (CompensationState::Proposed, None) => hub::CompensationState::Proposed,
        (CompensationState::Withdrawn, None) => hub::CompensationState::Withdrawn,
    };
    hub::Compensation {
        compensation_id: row.compensation_id.to_string(),
        transfer_id: row.original_id.to_string(),
        amount: row.amount.to_string(),
        reason: row.reason.clone(),
        state: state.into(),
        proposer: row.proposer.clone(),
        propose_time: Some(timestamp(row.propose_time)),
        answerer: row.answerer.clone().unwrap_or_default(),
        answer_time: row.answer_time.map(timestamp),
        transfer: transfer.map(|transfer| transfer_to_proto(transfer, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::wire::test_kit::{found, one};

    fn request(reason: &str) -> hub::ProposeCompensationRequest {
        let id = |byte| TransferId([byte; 16]).to_string();
        hub::ProposeCompensationRequest {
            compensation_id: id(1),
            transfer_id: id(2),
            amount: "400.00".to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn a_proposal_is_read_and_its_reason_trimmed() {
        let read = new_compensation(&request(" 系统故障重复转账，工单 20261122-7 ")).expect("whole");
        assert_eq!((read.amount.fen(), read.reason.as_str()), (40_000, "系统故障重复转账，工单 20261122-7"));
        let empty = hub::ProposeCompensationRequest::default();
        let missing = ["compensation_id", "transfer_id", "amount", "reason"];
        let missing = missing.map(|field| one(field, Reason::FieldRequired)).concat();
        assert_eq!(found(new_compensation(&empty)), missing);
    }

    #[test]
    fn a_reason_that_may_name_a_person_is_refused() {
        let malformed = one("reason", Reason::CompensationReasonMalformed);
        for bad in [
            "  ",
            "a\u{7}",
            &"长".repeat(201),
            "for 11010519491231002X",
            "电话 138-0013-8000",
            "li@example.com",
        ] {
            assert_eq!(found(new_compensation(&request(bad))), malformed, "{bad}");
        }
        assert!(new_compensation(&request(&"长".repeat(200))).is_ok());
    }
}
