//! A break gets an owner. One operator is enough: it moves no money and closes nothing.

use super::{BreakId, key, known};
use crate::domain::hub::record::BreakAssigned;
use crate::domain::hub::tables::BreakRow;
use crate::domain::hub::{Rows, Step, refusal};
use crate::domain::reason::{Reason, RefusalRecord};

/// Whom an operator wants to look into a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignBreakRequest {
    /// Which one.
    pub id: BreakId,
    /// Identity (URI SAN) of who looks into it.
    pub owner: String,
    /// What he should know, without personal data; may be empty.
    pub note: String,
    /// Chosen by the operator: a repeat changes nothing.
    pub request_id: String,
    /// URI SAN of the operator who speaks.
    pub operator: String,
}

/// Check order: whether it is there, a repeat, whether it is open.
///
/// # Errors
/// `BREAK_NOT_FOUND`, `CONTENT_DIFFERS`, `BREAK_CLOSED`.
pub(super) fn assign(request: AssignBreakRequest, step: &mut Step<'_>) -> Result<BreakRow, RefusalRecord> {
    let AssignBreakRequest { id, owner, note, request_id, operator } = request;
    let row = known(id, step.rows())?;
    if row.request_id.as_ref() == Some(&request_id) {
        let fields =
            [("owner", row.owner.as_ref() == Some(&owner)), ("note", row.note.as_ref() == Some(&note))];
        return match fields.into_iter().find(|(_, same)| !same) {
            Some((field, _)) => Err(refusal(Reason::ContentDiffers).with("field", field)),
            None => Ok(row),
        };
    }
    if row.close_time.is_some() {
        return Err(refusal(Reason::BreakClosed));
    }
    let ((window, province, transfer_id), time) = (id, step.now.civil);
    step.record(BreakAssigned { window, province, transfer_id, owner, note, request_id, operator, time });
    known(id, step.rows())
}

/// Somebody looks into it.
pub(in crate::domain::hub) fn assigned(record: &BreakAssigned, rows: &mut Rows) {
    let id = (record.window, record.province, record.transfer_id);
    let row: &BreakRow = rows.get(&key(id)).expect("only what was found is assigned");
    rows.put(BreakRow {
        owner: Some(record.owner.clone()),
        note: Some(record.note.clone()),
        request_id: Some(record.request_id.clone()),
        ..row.clone()
    });
}
