//! An operator proposes to carry money of a committed transfer back.

use super::{CompensationRequest, CompensationWord};
use crate::domain::hub::record::CompensationProposed;
use crate::domain::hub::tables::{CompensationRow, TransferRow};
use crate::domain::hub::{Key, Rows, Step, refusal, row, stored, tombstone};
use crate::domain::kinds;
use crate::domain::machine::own::note_time;
use crate::domain::protocol::{CompensationState, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::Money;

/// Check order: a repeat (whose it is, content), the id, the original, how much of it is left.
pub(super) fn propose(request: CompensationRequest, step: &mut Step<'_>) -> Result<(), RefusalRecord> {
    let CompensationRequest { compensation_id, operator, word } = request;
    let CompensationWord::Propose { original_id, amount, reason, terms_digest } = word else {
        return Err(refusal(Reason::Internal));
    };
    if let Some(known) = step.rows().get::<CompensationRow>(&Key::Compensation(compensation_id)) {
        if known.proposer != operator {
            return Err(refusal(Reason::NotOwner).with("field", "compensation_id"));
        }
        let fields = [
            ("transfer_id", known.original_id == original_id),
            ("amount", known.amount == amount),
            ("reason", known.reason == reason),
        ];
        return match fields.into_iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((field, _)) => Err(refusal(Reason::ContentDiffers).with("field", field)),
        };
    }
    // What a hub that was restored has adopted may be proposed again: that brings back why it was made.
    if row(compensation_id, step).is_some_and(|transfer| transfer.terms_digest != terms_digest) {
        return Err(refusal(Reason::ContentDiffers).with("field", "compensation_id"));
    }
    if let Some(refusal) = tombstone(compensation_id, step) {
        return Err(refusal);
    }
    let original = row(original_id, step).ok_or_else(|| refusal(Reason::TransferNotFound))?;
    if kinds::of(original.kind).corrected_by.is_none() {
        return Err(refusal(Reason::IsCompensation));
    }
    if original.state != TransferState::Committed {
        return Err(refusal(Reason::OriginalNotCommitted).with("state", original.state.name()));
    }
    if !original.is_recorded_by_both() {
        return Err(refusal(Reason::OriginalNotRecorded));
    }
    let left = compensated(&original, step.rows()).and_then(|sum| original.amount.checked_sub(sum));
    let left = left.ok_or_else(|| refusal(Reason::Internal))?;
    if left < amount {
        return Err(refusal(Reason::OverCompensated).with("limit", left).with("value", amount));
    }
    let time = step.now.civil;
    step.record(CompensationProposed {
        compensation_id,
        original_id,
        amount,
        reason,
        terms_digest,
        operator,
        time,
    });
    Ok(())
}

/// What goes back of a transfer, or may: all that was proposed but what was withdrawn or aborted.
fn compensated(original: &TransferRow, rows: &Rows) -> Option<Money> {
    let (mut sum, mut next) = (Money::ZERO, original.compensation);
    while let Some(id) = next {
        let proposal: &CompensationRow = rows.get(&Key::Compensation(id))?;
        let transfer: Option<&TransferRow> = rows.get(&Key::Transfer(id));
        let carried = transfer.filter(|it| it.terms_digest == proposal.terms_digest).map(|it| it.state);
        let counts = match (proposal.state, carried) {
            (_, Some(state)) => state != TransferState::Aborted,
            (CompensationState::Proposed | CompensationState::Approved, None) => true,
            (CompensationState::Withdrawn, None) => false,
        };
        if counts {
            sum = sum.checked_add(proposal.amount)?;
        }
        next = proposal.previous;
    }
    Some(sum)
}

/// Money is to be carried back.
pub(in crate::domain::hub) fn proposed(record: &CompensationProposed, rows: &mut Rows) {
    let original = stored(record.original_id, rows);
    rows.put(CompensationRow {
        compensation_id: record.compensation_id,
        original_id: record.original_id,
        amount: record.amount,
        reason: record.reason.clone(),
        terms_digest: record.terms_digest,
        state: CompensationState::Proposed,
        proposer: record.operator.clone(),
        propose_time: record.time,
        answerer: None,
        answer_time: None,
        previous: original.compensation,
    });
    rows.put(TransferRow { compensation: Some(record.compensation_id), ..original });
    note_time(record.time, rows);
}
