//! An incident gets an owner. One operator is enough: it moves no money and decides nothing.

use crate::domain::machine::own::{IncidentAssigned, IncidentRow, incident};
use crate::domain::machine::record::Record;
use crate::domain::machine::step::{Step, Ticket};
use crate::domain::machine::table::{Key as _, Row};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Side, TransferId};

/// Whom an operator wants to look into an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignRequest {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// The side whose leg it is.
    pub side: Side,
    /// URI SAN of the operator who looks into it.
    pub owner: String,
    /// What he should know, without personal data; may be empty.
    pub note: String,
    /// URI SAN of the operator who speaks.
    pub operator: String,
}

/// The incident.
pub fn needs<R: Row>(request: &AssignRequest) -> R::Key {
    R::Key::incident(request.transfer_id, request.side)
}

/// Notes who looks into an incident that is open. A repeat changes nothing.
pub fn assign<R, A, E>(ticket: Ticket<Box<IncidentRow>>, request: AssignRequest, step: &mut Step<'_, R, A, E>)
where
    R: Record + From<IncidentAssigned>,
    A: From<Box<IncidentRow>> + From<RefusalRecord>,
{
    let AssignRequest { transfer_id, side, owner, note, operator } = request;
    let refusal = |reason| RefusalRecord::new(reason, RefusalSide::Hub);
    let known = incident(step.rows(), transfer_id, side);
    match known {
        None => return step.refuse(ticket, refusal(Reason::IncidentNotFound)),
        Some(row) if row.close_time.is_some() => return step.refuse(ticket, refusal(Reason::IncidentClosed)),
        Some(row) if (row.owner.as_deref(), row.note.as_deref()) == (Some(&owner), Some(&note)) => {}
        Some(_) => {
            step.record(IncidentAssigned { transfer_id, side, owner, note, operator, time: step.now.civil });
        }
    }
    match incident(step.rows(), transfer_id, side).cloned() {
        Some(row) => step.answer(ticket, Box::new(row)),
        None => step.refuse(ticket, refusal(Reason::Internal)),
    }
}

/// Somebody looks into it.
pub fn assigned<R: Row>(record: &IncidentAssigned, rows: &mut WorkingSet<R>) {
    let known = incident(rows, record.transfer_id, record.side).expect("only what was raised").clone();
    rows.put(IncidentRow { owner: Some(record.owner.clone()), note: Some(record.note.clone()), ..known });
}
