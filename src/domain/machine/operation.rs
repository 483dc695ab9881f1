//! What two operators must agree on: one proposes it, another one approves it, and it is carried out in the same batch.
//! Who said so, when and why stays in the journal.

use crate::domain::machine::describe::{Describe, Details};
use crate::domain::machine::own::{TimeLowered, incident, own};
use crate::domain::machine::record::{Record, contents};
use crate::domain::machine::step::{Step, Ticket};
use crate::domain::machine::table::{Key, Row, rows};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::Outcome;
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::column::{Column, Value};
use crate::domain::value::{Civil, Digest, ProvinceCode, Side, TransferId};
use borsh::{BorshDeserialize, BorshSerialize};
use std::borrow::Cow;

/// What is to be done. A new one is added at the end: journals hold their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Operation {
    /// The civil clock is right as it is, though nothing else says so: decide again.
    AcceptClock,
    /// What was stamped too far ahead is lowered: the latest time that counts is this one.
    LowerTime(Civil),
    /// An incident needs no people any more.
    CloseIncident(TransferId, Side),
    /// Hub: an id that nobody can speak for any more is aborted for good; one that the hub does not know gets a
    /// tombstone.
    BuryId(TransferId),
    /// Hub: it ends its recovery without hearing this province.
    LeaveOut(ProvinceCode),
    /// Hub: a transfer that a recovery has left undecided, or to people, is committed, or aborted.
    FinishTransfer(TransferId, Outcome),
    /// The peer's store (0: the hub's) is another one than before, on purpose: this is its lineage; zeros: it begins
    /// from nothing.
    AcceptLineage(ProvinceCode, Digest),
}

impl Operation {
    /// Whether it decides transfers: that waits, as all deciding does, until the clock is believed.
    fn decides(self) -> bool {
        matches!(self, Operation::BuryId(_) | Operation::LeaveOut(_) | Operation::FinishTransfer(..))
    }

    /// Its name, for people and in details of records.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::AcceptClock => "ACCEPT_CLOCK",
            Operation::LowerTime(_) => "LOWER_TIME",
            Operation::CloseIncident(..) => "CLOSE_INCIDENT",
            Operation::BuryId(_) => "BURY_ID",
            Operation::LeaveOut(_) => "LEAVE_OUT",
            Operation::FinishTransfer(..) => "FINISH_TRANSFER",
            Operation::AcceptLineage(..) => "ACCEPT_LINEAGE",
        }
    }
}

impl Describe for Operation {
    fn describe(&self, name: &'static str, to: &mut Details) {
        self.name().to_owned().describe(name, to);
        match self {
            Operation::AcceptClock => {}
            Operation::LowerTime(time) => time.describe("to", to),
            Operation::CloseIncident(transfer_id, side) => {
                transfer_id.describe("transfer_id", to);
                side.describe("side", to);
            }
            Operation::BuryId(transfer_id) => transfer_id.describe("transfer_id", to),
            Operation::LeaveOut(province) => province.describe("province", to),
            Operation::FinishTransfer(transfer_id, outcome) => {
                transfer_id.describe("transfer_id", to);
                outcome.describe("outcome", to);
            }
            Operation::AcceptLineage(peer, lineage) => {
                peer.describe("peer", to);
                lineage.describe("lineage", to);
            }
        }
    }
}

impl Column for Operation {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Owned(borsh::to_vec(self).unwrap_or_default()))
    }
    fn from_value(value: Value<'_>) -> Option<Operation> {
        Vec::<u8>::from_value(value).and_then(|bytes| borsh::from_slice(&bytes).ok())
    }
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// Another operator must approve it.
    Proposed = 1,
    /// It was approved and carried out.
    Done = 2,
    /// It was withdrawn before anybody had approved it.
    Withdrawn = 3,
}

impl Column for OperationState {
    fn to_value(&self) -> Value<'_> {
        Value::Int(*self as i64)
    }
    fn from_value(value: Value<'_>) -> Option<OperationState> {
        match u64::from_value(value)? {
            1 => Some(OperationState::Proposed),
            2 => Some(OperationState::Done),
            3 => Some(OperationState::Withdrawn),
            _ => None,
        }
    }
}

rows! {
    /// What two operators agree on.
    OperationRow {
        /// Chosen by the operator who proposes it.
        operation_id: TransferId;
        /// What is to be done.
        operation: Operation,
        /// Why, as a code.
        reason_code: String,
        /// Why, in the proposer's words; may be empty. Holds no personal data.
        note: String,
        /// Proposed, done or withdrawn.
        state: OperationState,
        /// URI SAN of the operator who proposed it.
        proposer: String,
        /// When it was proposed.
        propose_time: Civil,
        /// URI SAN of the operator who approved or withdrew it.
        answerer: Option<String>,
        /// When it was approved or withdrawn.
        answer_time: Option<Civil>,
    }
}

contents! {
    /// An operator proposes what another one must approve. Nothing is done yet.
    OperationProposed {
        /// Chosen by the operator.
        operation_id: TransferId,
        /// What is to be done.
        operation: Operation,
        /// Why, as a code.
        reason_code: String,
        /// Why, in his words.
        note: String,
        /// URI SAN of the operator.
        operator: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Another operator approves it, and what it says was done by the records before this one; or it is withdrawn.
    OperationAnswered {
        /// Id of the operation.
        operation_id: TransferId,
        /// Approved; otherwise withdrawn.
        approved: bool,
        /// URI SAN of the operator.
        operator: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
}

/// What an operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRequest {
    /// Chosen by the operator who proposes it.
    pub operation_id: TransferId,
    /// URI SAN of the operator who speaks.
    pub operator: String,
    /// Whether he proposes, approves or withdraws.
    pub word: OperationWord,
    /// Whether this server's clock is believed.
    pub is_clock_believed: bool,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationWord {
    /// It is to be done.
    Propose {
        /// What is to be done.
        operation: Operation,
        /// Why, as a code.
        reason_code: String,
        /// Why, in words without personal data; may be empty.
        note: String,
    },
    /// It may.
    Approve,
    /// It is not to be, after all.
    Withdraw,
}

/// A machine that carries operations out.
pub trait Operated<R: Record, A, E> {
    /// Whether it may be done, as things stand: asked when it is proposed and when it is approved.
    ///
    /// # Errors
    /// Why not.
    fn may(&self, operation: &Operation, step: &Step<'_, R, A, E>) -> Result<(), RefusalRecord>;

    /// Does what may be done, for the reason that was given. Nothing can stand against it any more.
    fn carry_out(&mut self, row: &OperationRow, step: &mut Step<'_, R, A, E>);
}

fn refusal(reason: Reason) -> RefusalRecord {
    RefusalRecord::new(reason, RefusalSide::Hub)
}

/// An operation, if it is known.
pub fn operation<R: Row>(rows: &WorkingSet<R>, id: TransferId) -> Option<&OperationRow> {
    rows.known(&R::Key::operation(id)).and_then(Row::as_operation)
}

/// What an operation is about: that of a proposal in hand, or of one that is known.
pub fn of_request<R: Row>(request: &OperationRequest, rows: &WorkingSet<R>) -> Option<Operation> {
    match &request.word {
        OperationWord::Propose { operation, .. } => Some(*operation),
        OperationWord::Approve | OperationWord::Withdraw => {
            let key = R::Key::operation(request.operation_id);
            rows.knows(&key).then(|| operation(rows, request.operation_id)).flatten().map(|row| row.operation)
        }
    }
}

/// An operator speaks, and is answered with the operation as it stands then. Who he is was told by his certificate.
pub fn operate<R, A, E, M>(
    machine: &mut M,
    ticket: Ticket<Box<OperationRow>>,
    request: &OperationRequest,
    step: &mut Step<'_, R, A, E>,
) where
    R: Record + From<OperationProposed> + From<OperationAnswered>,
    A: From<Box<OperationRow>> + From<RefusalRecord>,
    M: Operated<R, A, E>,
{
    match say(machine, request, step) {
        Ok(row) => step.answer(ticket, Box::new(row)),
        Err(refusal) => step.refuse(ticket, refusal),
    }
}

/// An operator speaks; gives the operation as it stands then.
///
/// # Errors
/// Check order: a repeat (whose it is, content), who approves, where it stands, the clock, whether it may be done.
fn say<R, A, E, M>(
    machine: &mut M,
    request: &OperationRequest,
    step: &mut Step<'_, R, A, E>,
) -> Result<OperationRow, RefusalRecord>
where
    R: Record + From<OperationProposed> + From<OperationAnswered>,
    M: Operated<R, A, E>,
{
    let operation_id = request.operation_id;
    let known = operation(step.rows(), operation_id).cloned();
    match (&request.word, known) {
        (OperationWord::Propose { operation, reason_code, note }, None) => {
            machine.may(operation, step)?;
            step.record(OperationProposed {
                operation_id,
                operation: *operation,
                reason_code: reason_code.clone(),
                note: note.clone(),
                operator: request.operator.clone(),
                time: step.now.civil,
            });
        }
        (OperationWord::Propose { operation, reason_code, note }, Some(row)) => {
            if row.proposer != request.operator {
                return Err(refusal(Reason::NotOwner).with("field", "operation_id"));
            }
            let fields = [
                ("operation", row.operation == *operation),
                ("reason_code", row.reason_code == *reason_code),
                ("note", row.note == *note),
            ];
            if let Some((field, _)) = fields.into_iter().find(|(_, same)| !same) {
                return Err(refusal(Reason::ContentDiffers).with("field", field));
            }
        }
        (OperationWord::Approve | OperationWord::Withdraw, None) => {
            return Err(refusal(Reason::OperationNotFound));
        }
        (OperationWord::Approve, Some(row)) => match row.state {
            _ if row.proposer == request.operator => return Err(refusal(Reason::SameOperator)),
            OperationState::Proposed if row.operation.decides() && !request.is_clock_believed => {
                return Err(refusal(Reason::ClockNotBelieved));
            }
            OperationState::Proposed => {
                machine.may(&row.operation, step)?;
                machine.carry_out(&row, step);
                answer(request, true, step);
            }
            OperationState::Done => {}
            OperationState::Withdrawn => return Err(refusal(Reason::OperationWithdrawn)),
        },
        (OperationWord::Withdraw, Some(row)) => match row.state {
            OperationState::Proposed => answer(request, false, step),
            OperationState::Withdrawn => {}
            OperationState::Done => return Err(refusal(Reason::OperationDone)),
        },
    }
    operation(step.rows(), operation_id).cloned().ok_or_else(|| refusal(Reason::Internal))
}

fn answer<R, A, E>(request: &OperationRequest, approved: bool, step: &mut Step<'_, R, A, E>)
where
    R: Record + From<OperationAnswered>,
{
    let (operation_id, operator) = (request.operation_id, request.operator.clone());
    step.record(OperationAnswered { operation_id, approved, operator, time: step.now.civil });
}

/// Whether an incident may be closed: it is there, and open.
///
/// # Errors
/// `INCIDENT_NOT_FOUND`, `INCIDENT_CLOSED`.
pub fn may_close<R: Row>(id: TransferId, side: Side, rows: &WorkingSet<R>) -> Result<(), RefusalRecord> {
    match incident(rows, id, side) {
        None => Err(refusal(Reason::IncidentNotFound)),
        Some(row) if row.close_time.is_some() => Err(refusal(Reason::IncidentClosed)),
        Some(_) => Ok(()),
    }
}

/// Whether what is stamped may be lowered to this.
///
/// # Errors
/// `TIME_NOT_LOWER`: nothing later than that is stamped.
pub fn may_lower<R: Row>(to: Civil, rows: &WorkingSet<R>) -> Result<(), RefusalRecord> {
    if to < own(rows).civil { Ok(()) } else { Err(refusal(Reason::TimeNotLower)) }
}

/// Lowers what is stamped.
pub fn lower<R: Record + From<TimeLowered>, A, E>(to: Civil, step: &mut Step<'_, R, A, E>) {
    let from = own(step.rows()).civil;
    step.record(TimeLowered { from, to });
}

/// Something is proposed.
pub fn proposed<R: Row>(record: &OperationProposed, rows: &mut WorkingSet<R>) {
    rows.put(OperationRow {
        operation_id: record.operation_id,
        operation: record.operation,
        reason_code: record.reason_code.clone(),
        note: record.note.clone(),
        state: OperationState::Proposed,
        proposer: record.operator.clone(),
        propose_time: record.time,
        answerer: None,
        answer_time: None,
    });
}

/// It is approved, or withdrawn.
pub fn answered<R: Row>(record: &OperationAnswered, rows: &mut WorkingSet<R>) {
    let row = operation(rows, record.operation_id).expect("only what was proposed is answered").clone();
    rows.put(OperationRow {
        state: if record.approved { OperationState::Done } else { OperationState::Withdrawn },
        answerer: Some(record.operator.clone()),
        answer_time: Some(record.time),
        ..row
    });
}
