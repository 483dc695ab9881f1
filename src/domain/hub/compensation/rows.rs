//! What the records of compensations do to rows.

use crate::domain::hub::apply;
use crate::domain::hub::record::{CompensationAnswered, CompensationProposed};
use crate::domain::hub::tables::{CompensationRow, Key, Row, TransferRow};
use crate::domain::machine::own::{SelfRow, own};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::transfer::CompensationState;

/// Money is to be carried back.
pub fn proposed(record: &CompensationProposed, rows: &mut WorkingSet<Row>) {
    let key = Key::Transfer(record.original_id);
    let original: &TransferRow = rows.get(&key).expect("only a known transfer is compensated");
    let original = original.clone();
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
    let own = own(rows);
    rows.put(SelfRow { civil: own.civil.max(record.time), ..own });
}

/// Another operator approves, and the transfer begins; or it is withdrawn.
pub fn answered(record: &CompensationAnswered, sequence: u64, rows: &mut WorkingSet<Row>) {
    let id = record.compensation_id;
    let proposal: &CompensationRow =
        rows.get(&Key::Compensation(id)).expect("only what was proposed is answered");
    let proposal = proposal.clone();
    let state = if record.approved { CompensationState::Approved } else { CompensationState::Withdrawn };
    rows.put(CompensationRow {
        state,
        answerer: Some(record.operator.clone()),
        answer_time: Some(record.time),
        ..proposal.clone()
    });
    if record.approved {
        let key = Key::Transfer(proposal.original_id);
        let original: &TransferRow = rows.get(&key).expect("only a known transfer is compensated");
        let transfer = begun(record, sequence, &proposal, original);
        rows.put(transfer);
    }
    let own = own(rows);
    rows.put(SelfRow { civil: own.civil.max(record.time), ..own });
}

/// The compensating transfer as it begins: from where the original's money arrived to where it came from.
fn begun(
    record: &CompensationAnswered,
    sequence: u64,
    proposal: &CompensationRow,
    original: &TransferRow,
) -> TransferRow {
    let places =
        [(original.payee_region, original.payee_province), (original.payer_region, original.payer_province)];
    let begun = apply::begun((record.compensation_id, proposal.amount), places, (record.time, sequence));
    TransferRow {
        owner: proposal.proposer.clone(),
        terms_digest: proposal.terms_digest,
        kind: Kind::COMPENSATION,
        returns: Some(proposal.original_id),
        // What relatives are to each other has no part in it.
        ..begun
    }
}
