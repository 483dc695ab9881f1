//! Compensations: one operator proposes to carry money of a committed transfer back, another one approves, and a
//! transfer begins that goes the same way as every other: prepare, one decision, receipts. The original's decision
//! stays what it is.

mod answer;
mod propose;
mod reason;
#[cfg(test)]
mod tests;

pub(super) use answer::answered;
pub(super) use propose::proposed;
pub use reason::reason_of;

use super::{Compensated, HubMachine, Key, Rows, Step, WaitMode, refusal, transfer};
use crate::domain::hub::tables::{CompensationRow, TransferRow};
use crate::domain::machine::Ticket;
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, Money, TransferId};

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
pub(super) fn needs(request: &CompensationRequest, rows: &Rows, keys: &mut Vec<Key>) {
    let id = request.compensation_id;
    let proposal = Key::Compensation(id);
    transfer::needs(id, rows, keys);
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
            CompensationWord::Propose { .. } => propose::propose(request, step),
            CompensationWord::Approve { deadline_ms } => {
                let deadline_ms = (*deadline_ms).min(self.deadlines.most_ms);
                let approved = self.approve(&request, deadline_ms, step);
                if approved.is_ok() {
                    self.wait(ticket.narrowed(), id, (WaitMode::Recorded, deadline_ms), step);
                    return self.answer_ready(id, step);
                }
                approved
            }
            CompensationWord::Withdraw => answer::withdraw(&request, step),
        };
        let proposal = step.rows().get::<CompensationRow>(&Key::Compensation(id)).cloned();
        match (answer, proposal) {
            (Ok(()), Some(proposal)) => step.answer(ticket, Compensated::Said(Box::new(proposal))),
            (Ok(()), None) => step.refuse(ticket, refusal(Reason::Internal)),
            (Err(refusal), _) => step.refuse(ticket, refusal),
        }
    }
}
