//! Another operator approves a compensation, and its transfer begins; or it is withdrawn.

use super::CompensationRequest;
use crate::domain::hub::create::DECIDE_PERCENT;
use crate::domain::hub::record::CompensationAnswered;
use crate::domain::hub::tables::{CompensationRow, TransferRow};
use crate::domain::hub::transfer::{leg, tombstone};
use crate::domain::hub::{Effect, HubMachine, Key, Rows, Step, begun, is_parked, refusal, row, stored};
use crate::domain::machine::own::note_time;
use crate::domain::protocol::{Ask, CompensationState, Demands, Kind};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::at_hub::HubRefusal;
use crate::domain::value::{BySide, Digest, Side};

impl HubMachine {
    /// Check order: the proposal, who approves, whether it was answered, the id, the deadline. After the first record
    /// nothing may fail.
    pub(super) fn approve(
        &mut self,
        request: &CompensationRequest,
        deadline_ms: u64,
        step: &mut Step<'_>,
    ) -> Result<(), RefusalRecord> {
        let id = request.compensation_id;
        let proposal = step.rows().get::<CompensationRow>(&Key::Compensation(id)).cloned();
        let proposal = proposal.ok_or_else(|| refusal(Reason::CompensationNotFound))?;
        if proposal.proposer == request.operator {
            return Err(refusal(Reason::SameOperator));
        }
        match proposal.state {
            CompensationState::Proposed => {}
            // Its transfer began in the same record. Nobody could ever be answered about one that is not there.
            CompensationState::Approved if row(id, step).is_none() => return Err(refusal(Reason::Internal)),
            CompensationState::Approved => return Ok(()),
            CompensationState::Withdrawn => return Err(refusal(Reason::CompensationWithdrawn)),
        }
        match row(id, step) {
            _ if is_parked(id, step) => return Err(refusal(Reason::OutcomeUnknown)),
            None => {}
            // A hub that was restored has lost the approval, and adopted what came of it.
            Some(transfer) if transfer.terms_digest == proposal.terms_digest => return Ok(()),
            // A client has taken the id for a transfer of its own meanwhile.
            Some(_) => return Err(refusal(Reason::ContentDiffers).with("field", "compensation_id")),
        }
        if let Some(refusal) = self.deadlines.too_short(deadline_ms) {
            return Err(refusal);
        }
        let original = row(proposal.original_id, step).ok_or_else(|| refusal(Reason::Internal))?;
        if let Some(refusal) = self.not_heard(original.provinces()) {
            return Err(refusal);
        }
        let decide_within_ms = deadline_ms * DECIDE_PERCENT / 100;
        step.record(CompensationAnswered {
            compensation_id: id,
            approved: true,
            operator: request.operator.clone(),
            time: step.now.civil,
            decide_within_ms,
        });
        let transfer = row(id, step).ok_or_else(|| refusal(Reason::Internal))?;
        match tombstone(id, step).or_else(|| self.unreachable(transfer.provinces())) {
            Some(found) => self.refuse_at_once(id, HubRefusal::plain(found), step),
            None => self.ask_for_return(&transfer, &proposal, decide_within_ms, step),
        }
        Ok(())
    }

    fn ask_for_return(
        &mut self,
        transfer: &TransferRow,
        proposal: &CompensationRow,
        decide_within_ms: u64,
        step: &mut Step<'_>,
    ) {
        let Some(original) = row(proposal.original_id, step) else { return };
        let abort_at = step.now.mono.after(decide_within_ms);
        self.begin_live(transfer.transfer_id, Digest::default(), abort_at);
        for side in Side::BOTH {
            let ask =
                Ask::ByOriginal { transfer_id: proposal.original_id, terms_digest: original.terms_digest };
            let leg = leg(transfer, side, Demands::default(), ask, decide_within_ms);
            step.effect(Effect::Prepare(leg.terms.province, Box::new(leg)));
        }
    }
}

/// Any operator may withdraw what nobody has approved yet: that moves nothing.
pub(super) fn withdraw(request: &CompensationRequest, step: &mut Step<'_>) -> Result<(), RefusalRecord> {
    let key = Key::Compensation(request.compensation_id);
    let proposal: Option<&CompensationRow> = step.rows().get(&key);
    let transfer = row(request.compensation_id, step);
    let carried =
        |it: &CompensationRow| transfer.as_ref().is_some_and(|row| row.terms_digest == it.terms_digest);
    match proposal.map(|it| if carried(it) { CompensationState::Approved } else { it.state }) {
        None => Err(refusal(Reason::CompensationNotFound)),
        Some(CompensationState::Approved) => Err(refusal(Reason::CompensationApproved)),
        Some(CompensationState::Withdrawn) => Ok(()),
        Some(CompensationState::Proposed) => {
            step.record(CompensationAnswered {
                compensation_id: request.compensation_id,
                approved: false,
                operator: request.operator.clone(),
                time: step.now.civil,
                decide_within_ms: 0,
            });
            Ok(())
        }
    }
}

/// Another operator approves, and the transfer begins; or it is withdrawn.
pub(in crate::domain::hub) fn answered(record: &CompensationAnswered, sequence: u64, rows: &mut Rows) {
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
        let original = stored(proposal.original_id, rows);
        let (regions, provinces) = (original.regions(), original.provinces());
        // From where the original's money arrived to where it came from.
        let places = BySide::new(|side| (regions[side.other()], provinces[side.other()]));
        rows.put(TransferRow {
            owner: proposal.proposer.clone(),
            terms_digest: proposal.terms_digest,
            returns: Some(proposal.original_id),
            // What relatives are to each other has no part in it.
            ..begun(Kind::COMPENSATION, (id, proposal.amount), places, (record.time, sequence))
        });
    }
    note_time(record.time, rows);
}
