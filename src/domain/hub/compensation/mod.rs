//! Compensations: one operator proposes to carry money of a committed transfer back, another one approves, and a
//! transfer begins that goes the same way as every other: prepare, one decision, receipts. The original's decision
//! stays what it is.

mod reason;
mod rows;
#[cfg(test)]
mod tests;

pub use reason::reason_of;
pub use rows::{answered, proposed};

use super::create::{ANSWER_PERCENT, DECIDE_PERCENT};
use super::decide::{HUB, row};
use super::peers::{is_parked, needs_if_parked};
use super::waits::Waiter;
use super::{Compensated, Effect, HubMachine, Live, Step, WaitMode};
use crate::domain::hub::record::{CompensationAnswered, CompensationProposed};
use crate::domain::hub::tables::{CompensationRow, Key, Row, TombstoneRow, TransferRow};
use crate::domain::kinds;
use crate::domain::machine::step::Ticket;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::leg::{Ask, Demands, Leg, LegRef, LegTerms};
use crate::domain::protocol::transfer::{CompensationState, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::at_hub::HubRefusal;
use crate::domain::value::id::{Digest, TransferId};
use crate::domain::value::money::Money;
use crate::domain::value::side::Side;

/// What an operator says about a compensation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompensationRequest {
    /// Chosen by the operator who proposes it.
    pub compensation_id: TransferId,
    /// URI SAN of the operator who speaks.
    pub operator: String,
    /// Whether he proposes, approves or withdraws.
    pub word: CompensationWord,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompensationWord {
    /// Money of a committed transfer is to go back.
    Propose {
        /// Id of the transfer.
        original_id: TransferId,
        /// Amount, more than zero.
        amount: Money,
        /// Why. No personal data.
        reason: String,
        /// Keyed digest of the whole terms.
        terms_digest: Digest,
    },
    /// It may: its transfer begins.
    Approve {
        /// How long the caller waits, in milliseconds.
        deadline_ms: u64,
    },
    /// It is not to be, after all.
    Withdraw,
}

/// What an operator's word needs: the proposal, its transfer, the original, and, for a new one, those before it.
pub(super) fn needs(request: &CompensationRequest, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let id = request.compensation_id;
    let proposal = Key::Compensation(id);
    keys.extend([Key::Transfer(id), Key::Tombstone(id)]);
    needs_if_parked(id, rows, keys);
    let original_id = match &request.word {
        CompensationWord::Propose { original_id, .. } => Some(*original_id),
        CompensationWord::Approve { .. } | CompensationWord::Withdraw if !rows.knows(&proposal) => None,
        CompensationWord::Approve { .. } | CompensationWord::Withdraw => {
            rows.get::<CompensationRow>(&proposal).map(|row| row.original_id)
        }
    };
    keys.push(proposal);
    let Some(original) = original_id.map(Key::Transfer) else { return };
    let proposes = matches!(request.word, CompensationWord::Propose { .. });
    if !rows.knows(&original) || !proposes {
        return keys.push(original);
    }
    let mut next = rows.get::<TransferRow>(&original).and_then(|original| original.compensation);
    while let Some(id) = next {
        let key = Key::Compensation(id);
        keys.push(Key::Transfer(id));
        if !rows.knows(&key) {
            return keys.push(key);
        }
        next = rows.get::<CompensationRow>(&key).and_then(|row| row.previous);
    }
}

/// What goes back of a transfer, or may: all that was proposed but what was withdrawn or aborted.
fn compensated(original: &TransferRow, rows: &WorkingSet<Row>) -> Option<Money> {
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

fn refusal(reason: Reason) -> RefusalRecord {
    RefusalRecord::new(reason, HUB)
}

impl HubMachine {
    /// An operator speaks. Who he is was told by his certificate.
    pub(super) fn compensate(
        &mut self,
        ticket: Ticket<Compensated>,
        request: CompensationRequest,
        step: &mut Step<'_>,
    ) {
        let id = request.compensation_id;
        let answer = match &request.word {
            CompensationWord::Propose { .. } => propose(request, step),
            CompensationWord::Approve { deadline_ms } => {
                let deadline_ms = (*deadline_ms).min(self.deadlines.most_ms);
                match self.approve(&request, deadline_ms, step) {
                    Ok(()) => return self.wait_for_return(ticket, id, deadline_ms, step),
                    Err(refusal) => Err(refusal),
                }
            }
            CompensationWord::Withdraw => withdraw(&request, step),
        };
        let proposal = step.rows().get::<CompensationRow>(&Key::Compensation(id)).cloned();
        match (answer, proposal) {
            (Ok(()), Some(proposal)) => step.answer(ticket, Compensated::Said(Box::new(proposal))),
            (Ok(()), None) => step.refuse(ticket, refusal(Reason::Internal)),
            (Err(refusal), _) => step.refuse(ticket, refusal),
        }
    }

    fn wait_for_return(
        &mut self,
        ticket: Ticket<Compensated>,
        id: TransferId,
        deadline_ms: u64,
        step: &mut Step<'_>,
    ) {
        let answer_by = step.now.mono.after(deadline_ms * ANSWER_PERCENT / 100);
        self.waits.add(id, Waiter { ticket: ticket.narrowed(), mode: WaitMode::Recorded, answer_by });
        self.answer_ready(id, step);
    }

    /// Check order: the proposal, who approves, whether it was answered, the id, the deadline. After the first record
    /// nothing may fail.
    fn approve(
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
            None if is_parked(id, step) => return Err(refusal(Reason::OutcomeUnknown)),
            None => {}
            // A hub that was restored has lost the approval, and adopted what came of it.
            Some(transfer) if transfer.terms_digest == proposal.terms_digest => return Ok(()),
            // A client has taken the id for a transfer of its own meanwhile.
            Some(_) => return Err(refusal(Reason::ContentDiffers).with("field", "compensation_id")),
        }
        if deadline_ms < self.deadlines.least_ms {
            return Err(refusal(Reason::DeadlineTooShort)
                .with("remaining_ms", deadline_ms)
                .with("needed_ms", self.deadlines.least_ms));
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
        match self.against_return(&transfer, step) {
            Some(found) => self.refuse_at_once(id, HubRefusal::plain(found), step),
            None => self.ask_for_return(&transfer, &proposal, decide_within_ms, step),
        }
        Ok(())
    }

    /// What the hub itself has against a compensating transfer that begins.
    fn against_return(&self, transfer: &TransferRow, step: &Step<'_>) -> Option<RefusalRecord> {
        let tombstone: Option<&TombstoneRow> = step.rows().get(&Key::Tombstone(transfer.transfer_id));
        if tombstone.is_some() {
            return Some(refusal(Reason::ResolvedUnknown));
        }
        let dark =
            transfer.provinces().into_array().into_iter().find(|province| self.is_out_of_reach(*province))?;
        Some(refusal(Reason::ProvinceUnreachable).with("province", dark))
    }

    fn ask_for_return(
        &mut self,
        transfer: &TransferRow,
        proposal: &CompensationRow,
        decide_within_ms: u64,
        step: &mut Step<'_>,
    ) {
        let id = transfer.transfer_id;
        let Some(original) = row(proposal.original_id, step) else { return };
        let abort_at = step.now.mono.after(decide_within_ms);
        self.expiries.insert((abort_at, id));
        self.live.insert(id, Live::asked(Digest::default(), abort_at));
        let (regions, provinces) = (transfer.regions(), transfer.provinces());
        for side in Side::BOTH {
            let terms = LegTerms {
                kind: transfer.kind,
                region: regions[side],
                province: provinces[side],
                counter_region: regions[side.other()],
                kinship: None,
                amount: transfer.amount,
                receipt_time: transfer.receipt_time,
                demands: Demands::default(),
            };
            let ask =
                Ask::ByOriginal { transfer_id: proposal.original_id, terms_digest: original.terms_digest };
            let reference = LegRef::new(id, side, transfer.terms_digest);
            let leg = Leg { reference, terms, ask, time_left_ms: decide_within_ms };
            step.effect(Effect::Prepare(provinces[side], Box::new(leg)));
        }
    }
}

/// Check order: a repeat (whose it is, content), the id, the original, how much of it is left.
fn propose(request: CompensationRequest, step: &mut Step<'_>) -> Result<(), RefusalRecord> {
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
    if step.rows().get::<TombstoneRow>(&Key::Tombstone(compensation_id)).is_some() {
        return Err(refusal(Reason::ResolvedUnknown));
    }
    let original = row(original_id, step).ok_or_else(|| refusal(Reason::TransferNotFound))?;
    if kinds::of(original.kind).corrected_by.is_none() {
        return Err(refusal(Reason::IsCompensation));
    }
    if original.state != TransferState::Committed {
        return Err(refusal(Reason::OriginalNotCommitted).with("state", original.state.name()));
    }
    if original.payer_recorded_seq.is_none() || original.payee_recorded_seq.is_none() {
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

/// Any operator may withdraw what nobody has approved yet: that moves nothing.
fn withdraw(request: &CompensationRequest, step: &mut Step<'_>) -> Result<(), RefusalRecord> {
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
