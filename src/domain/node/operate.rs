//! Two operators have something done at a node.

use super::{Answer, Effect, Key, NodeMachine, Record, Row, Step};
use crate::domain::machine::operation::{
    self, Operated, Operation, OperationRequest, OperationRow, may_close, may_lower,
};
use crate::domain::machine::{IncidentClosed, WorkingSet};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::ProvinceCode;

/// The operation, and what it is about.
pub(super) fn needs(request: &OperationRequest, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    keys.extend([Key::OWN, Key::Operation(request.operation_id)]);
    match operation::of_request(request, rows) {
        Some(Operation::CloseIncident(transfer_id, side)) => keys.push(Key::Incident(transfer_id, side)),
        Some(Operation::AcceptLineage(peer, _)) => keys.push(Key::Peer(peer)),
        _ => {}
    }
}

impl Operated<Record, Answer, Effect> for NodeMachine {
    fn may(&self, operation: &Operation, step: &Step<'_>) -> Result<(), RefusalRecord> {
        match *operation {
            Operation::AcceptClock => Ok(()),
            Operation::LowerTime(to) => may_lower(to, step.rows()),
            Operation::CloseIncident(transfer_id, side) => may_close(transfer_id, side, step.rows()),
            Operation::AcceptLineage(ProvinceCode::HUB, _) => Ok(()),
            Operation::BuryId(_)
            | Operation::LeaveOut(_)
            | Operation::FinishTransfer(..)
            | Operation::AcceptLineage(..) => Err(super::request::refusal(Reason::OperationElsewhere)),
        }
    }

    fn carry_out(&mut self, row: &OperationRow, step: &mut Step<'_>) {
        match row.operation {
            Operation::AcceptClock => step.effect(Effect::AcceptClock),
            Operation::LowerTime(to) => operation::lower(to, step),
            Operation::CloseIncident(transfer_id, side) => step.record(IncidentClosed {
                transfer_id,
                side,
                code: row.reason_code.clone(),
                time: step.now.civil,
            }),
            Operation::AcceptLineage(_, lineage) => self.accept_hub(lineage, step),
            // They are the hub's, and were refused.
            Operation::BuryId(_) | Operation::LeaveOut(_) | Operation::FinishTransfer(..) => {}
        }
    }
}
