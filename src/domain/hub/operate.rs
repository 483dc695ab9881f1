//! Two operators have something done at the hub.

use super::{
    Effect, HubMachine, Key, Rows, Step, finish, heard, is_left_to_people, refusal, row, tombstone, transfer,
    windows,
};
use crate::domain::hub::record::{Record, TransferTombstoned};
use crate::domain::hub::{Answer, is_parked};
use crate::domain::machine::operation::{
    self, Operated, Operation, OperationRequest, OperationRow, may_close, may_lower,
};
use crate::domain::machine::own::own;
use crate::domain::machine::{IncidentClosed, PeerLineage};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Day, Now, ProvinceCode, Side, TransferId};

/// The operation, and what it is about.
pub(super) fn needs(
    hub: &HubMachine,
    now: Now,
    request: &OperationRequest,
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    keys.push(Key::Operation(request.operation_id));
    match operation::of_request(request, rows) {
        Some(Operation::CloseIncident(transfer_id, side)) => {
            // What a recovery has left to people stands at the payer's side, whichever is closed.
            let noted = [side, Side::Payer].map(|side| Key::Incident(transfer_id, side));
            keys.extend(noted.into_iter().chain([Key::Transfer(transfer_id), Key::Tombstone(transfer_id)]));
        }
        Some(Operation::BuryId(transfer_id)) => transfer::needs(transfer_id, rows, keys),
        Some(Operation::FinishTransfer(transfer_id, _)) => finish::needs(transfer_id, now, rows, keys),
        Some(Operation::LeaveOut(province)) => {
            keys.push(Key::Peer(province));
            heard::needs(hub, now, (province, &[], &[]), rows, keys);
        }
        Some(Operation::AcceptLineage(peer, _)) => keys.push(Key::Peer(peer)),
        Some(Operation::LowerTime(to)) => windows::needs_of_day(Day::of(to), rows, keys),
        Some(Operation::AcceptClock) | None => {}
    }
}

impl HubMachine {
    /// An id that nobody can speak for any more: what is undecided is aborted, what is not known is never begun.
    pub(super) fn bury(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        if row(transfer_id, step).is_some() {
            return self.abort(transfer_id, refusal(Reason::EndedByOperators), step);
        }
        step.record(TransferTombstoned { transfer_id, province: ProvinceCode::HUB, time: step.now.civil });
    }
}

impl Operated<Record, Answer, Effect> for HubMachine {
    fn may(&self, operation: &Operation, step: &Step<'_>) -> Result<(), RefusalRecord> {
        match *operation {
            Operation::AcceptClock => Ok(()),
            Operation::LowerTime(to) => may_lower(to, step.rows()),
            Operation::CloseIncident(transfer_id, _)
                if is_parked(transfer_id, step) && tombstone(transfer_id, step).is_none() =>
            {
                Err(refusal(Reason::LeftToPeople))
            }
            Operation::CloseIncident(transfer_id, side) => may_close(transfer_id, side, step.rows()),
            // What this store does not know a node may have recorded: until it has heard them, nobody can say.
            Operation::BuryId(_) | Operation::FinishTransfer(..)
                if self.recovery.is_some() || own(step.rows()).start_id != self.start_id =>
            {
                Err(refusal(Reason::Recovering))
            }
            Operation::LeaveOut(province) => self.may_leave_out(province),
            Operation::AcceptLineage(peer, _) => {
                let is_listed = self.places.provinces().any(|province| province.code == peer);
                is_listed.then_some(()).ok_or_else(|| refusal(Reason::OperationElsewhere))
            }
            Operation::FinishTransfer(transfer_id, outcome) => self.may_finish((transfer_id, outcome), step),
            Operation::BuryId(transfer_id) => {
                let known = row(transfer_id, step);
                let decided = known.filter(|row| row.state.is_decided()).map(|row| row.state.name());
                let ended = tombstone(transfer_id, step).map(|_| "ABORTED");
                match decided.or(ended) {
                    Some(state) => Err(refusal(Reason::AlreadyDecided).with("state", state)),
                    None if is_left_to_people(transfer_id, step) => Err(refusal(Reason::LeftToPeople)),
                    None => Ok(()),
                }
            }
        }
    }

    fn carry_out(&mut self, row: &OperationRow, step: &mut Step<'_>) {
        match row.operation {
            Operation::AcceptClock => step.effect(Effect::AcceptClock),
            Operation::LowerTime(to) => {
                operation::lower(to, step);
                self.return_to(to, step);
            }
            Operation::CloseIncident(transfer_id, side) => step.record(IncidentClosed {
                transfer_id,
                side,
                code: row.reason_code.clone(),
                time: step.now.civil,
            }),
            Operation::BuryId(transfer_id) => self.bury(transfer_id, step),
            Operation::LeaveOut(province) => self.leave_out(province, step),
            Operation::AcceptLineage(province, lineage) => {
                step.record(PeerLineage { province, lineage, accepted: true });
            }
            Operation::FinishTransfer(transfer_id, outcome) => {
                self.finish((transfer_id, outcome), &row.reason_code, step);
            }
        }
    }
}
