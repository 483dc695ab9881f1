//! Incidents: what must not go on without people, and the ids that a recovery has left to them.

use super::{Effect, Key, Rows, Step, TransferRow, refusal};
use crate::domain::machine::own::own;
use crate::domain::machine::{IncidentRaised, IncidentRow};
use crate::domain::protocol::LegId;
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Side, TransferId, Window};

/// What [`is_parked`] needs: nothing at a hub that was never restored.
pub(super) fn needs(transfer_id: TransferId, rows: &Rows, keys: &mut Vec<Key>) {
    if rows.knows(&Key::OWN) && own(rows).recovered > 0 {
        keys.push(Key::Incident(transfer_id, Side::Payer));
    }
}

/// Raises an incident for people, once. What was noted about the leg for another reason hides nothing.
pub(super) fn raise(leg: LegId, refusal: RefusalRecord, step: &mut Step<'_>) {
    raise_since(leg, Civil(0), refusal, step);
}

/// The same, where what was closed until a time, and was the hub's own word, was about something else.
pub(super) fn raise_since(leg: LegId, since: Civil, refusal: RefusalRecord, step: &mut Step<'_>) {
    let LegId { transfer_id, side } = leg;
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, side));
    let is_other = |noted: &IncidentRow| {
        noted.refusal.reason != refusal.reason
            || (noted.refusal.side == RefusalSide::Hub && noted.close_time.is_some_and(|time| time <= since))
    };
    if noted.is_none_or(is_other) {
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

/// Leaves a transfer to people, of which a node has recorded a commit that cannot be adopted. `commit`: its window and
/// number, where nothing else has them.
pub(super) fn leave_to_people(transfer_id: TransferId, commit: Option<(Window, u64)>, step: &mut Step<'_>) {
    let contrary = refusal(Reason::ContraryOrder);
    match commit {
        Some((window, hub_seq)) if told_commit(transfer_id, step.rows()).is_none() => {
            raise_again(transfer_id, contrary.with("window", window).with("hub_seq", hub_seq), step);
        }
        _ => raise(LegId { transfer_id, side: Side::Payer }, contrary, step),
    }
}

/// Window and number of the commit that a node has recorded of what is left to people.
pub(super) fn told_commit(transfer_id: TransferId, rows: &Rows) -> Option<(Window, u64)> {
    let incident: &IncidentRow = rows.get(&Key::Incident(transfer_id, Side::Payer))?;
    let told = |name: &str| {
        let mut all = incident.refusal.metadata.iter();
        all.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    };
    Window::parse(told("window")?).zip(told("hub_seq")?.parse().ok())
}

/// Whether a recovery has left a transfer to people: a node has recorded a commit of it that cannot be adopted, so
/// nobody but two operators may commit or abort it here, whether the hub still knows it or not.
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
    let reasons = [Reason::ContraryOrder, Reason::LeftOutUndecided];
    incident.is_some_and(|it| reasons.contains(&it.refusal.reason) && it.close_time.is_none())
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
