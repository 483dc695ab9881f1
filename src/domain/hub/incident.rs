//! Incidents: what must not go on without people, and the ids that a recovery has left to them.

use super::{Effect, Key, Rows, Step, TransferRow};
use crate::domain::machine::own::own;
use crate::domain::machine::{IncidentRaised, IncidentRow};
use crate::domain::protocol::LegId;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Side, TransferId};

/// What [`is_parked`] needs: nothing at a hub that was never restored.
pub(super) fn needs(transfer_id: TransferId, rows: &Rows, keys: &mut Vec<Key>) {
    if rows.knows(&Key::OWN) && own(rows).recovered > 0 {
        keys.push(Key::Incident(transfer_id, Side::Payer));
    }
}

/// Raises an incident for people, once. What was noted about the leg for another reason hides nothing.
pub(super) fn raise(LegId { transfer_id, side }: LegId, refusal: RefusalRecord, step: &mut Step<'_>) {
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, side));
    if noted.is_none_or(|noted| noted.refusal.reason != refusal.reason) {
        step.record(IncidentRaised { transfer_id, side, refusal, time: step.now.civil });
        step.effect(Effect::Alarm(transfer_id, side));
    }
}

/// The same of a transfer as a whole, also when it was raised for the same reason and closed since.
pub(super) fn raise_again(transfer_id: TransferId, refusal: RefusalRecord, step: &mut Step<'_>) {
    let side = Side::Payer;
    step.record(IncidentRaised { transfer_id, side, refusal, time: step.now.civil });
    step.effect(Effect::Alarm(transfer_id, side));
}

/// Whether a recovery has left a transfer to people: a node has recorded a commit of it that cannot be adopted, so it
/// may neither be committed nor be aborted here, whether the hub still knows it or not.
pub(super) fn is_parked(transfer_id: TransferId, step: &Step<'_>) -> bool {
    let decided = |transfer: &TransferRow| transfer.state.is_decided();
    is_left_to_people(transfer_id, step) && !step.rows().get(&Key::Transfer(transfer_id)).is_some_and(decided)
}

/// Whether people must look at an id, since a recovery could not adopt what a node has recorded of it, or one side was
/// left out of it.
pub(super) fn is_left_to_people(transfer_id: TransferId, step: &Step<'_>) -> bool {
    if own(step.rows()).recovered == 0 {
        return false;
    }
    let incident: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    incident.is_some_and(|it| it.refusal.reason == Reason::ContraryOrder)
        || is_undecided_here(transfer_id, step)
}

/// Whether an id stays undecided until a province is heard that was left out.
pub(super) fn is_undecided_here(transfer_id: TransferId, step: &Step<'_>) -> bool {
    let incident: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    incident.is_some_and(|it| it.refusal.reason == Reason::LeftOutUndecided && it.close_time.is_none())
}

/// Whether an incident stands open.
pub(super) fn is_open(LegId { transfer_id, side }: LegId, step: &Step<'_>) -> bool {
    let incident: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, side));
    incident.is_some_and(|it| it.close_time.is_none())
}
