//! Two operators close a break. The first says which entry corrected it and what proves that nothing is open any more;
//! it is closed when another one says the same. What differs from that is another proposal, and waits for somebody
//! else.

use super::{BreakId, key, known};
use crate::domain::hub::record::{BreakCloseProposed, BreakClosed};
use crate::domain::hub::tables::{BreakRow, Key, TransferRow};
use crate::domain::hub::{Rows, Step, refusal};
use crate::domain::protocol::TransferState;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::TransferId;

/// How an operator would close a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseBreakRequest {
    /// Which one.
    pub id: BreakId,
    /// The committed transfer, or compensation, that corrects it; none: nothing had to be moved.
    pub correction: Option<TransferId>,
    /// What proves that nothing is open any more, without personal data.
    pub proof: String,
    /// URI SAN of the operator who speaks.
    pub operator: String,
}

pub(super) fn needs(request: &CloseBreakRequest, keys: &mut Vec<Key>) {
    keys.push(key(request.id));
    keys.extend(request.correction.map(Key::Transfer));
}

/// Check order: whether it is there, whether it is closed (a repeat of its content is answered), the correction, who
/// says the same.
///
/// # Errors
/// `BREAK_NOT_FOUND`, `BREAK_CLOSED`, `CORRECTION_NOT_FOUND`, `SAME_OPERATOR`.
pub(super) fn close(request: CloseBreakRequest, step: &mut Step<'_>) -> Result<BreakRow, RefusalRecord> {
    let CloseBreakRequest { id, correction, proof, operator } = request;
    let ((window, province, transfer_id), time) = (id, step.now.civil);
    let row = known(id, step.rows())?;
    let is_same = row.correction == correction && row.proof.as_ref() == Some(&proof);
    if row.close_time.is_some() {
        return if is_same { Ok(row) } else { Err(refusal(Reason::BreakClosed)) };
    }
    if let Some(correction) = correction {
        let transfer = step.rows().get::<TransferRow>(&Key::Transfer(correction));
        if transfer.is_none_or(|row| row.state != TransferState::Committed) {
            return Err(refusal(Reason::CorrectionNotFound));
        }
    }
    match row.proposer.filter(|_| is_same) {
        Some(proposer) if proposer == operator => return Err(refusal(Reason::SameOperator)),
        Some(_) => step.record(BreakClosed { window, province, transfer_id, operator, time }),
        None => {
            step.record(BreakCloseProposed {
                window,
                province,
                transfer_id,
                correction,
                proof,
                operator,
                time,
            });
        }
    }
    known(id, step.rows())
}

/// One operator would close it.
pub(in crate::domain::hub) fn close_proposed(record: &BreakCloseProposed, rows: &mut Rows) {
    let id = (record.window, record.province, record.transfer_id);
    let row: &BreakRow = rows.get(&key(id)).expect("only what was found is closed");
    rows.put(BreakRow {
        correction: record.correction,
        proof: Some(record.proof.clone()),
        proposer: Some(record.operator.clone()),
        propose_time: Some(record.time),
        ..row.clone()
    });
}

/// Another one has said the same.
pub(in crate::domain::hub) fn closed(record: &BreakClosed, rows: &mut Rows) {
    let id = (record.window, record.province, record.transfer_id);
    let row: &BreakRow = rows.get(&key(id)).expect("only what was found is closed");
    let (closer, close_time) = (Some(record.operator.clone()), Some(record.time));
    rows.put(BreakRow { closer, close_time, ..row.clone() });
}
