//! Two operators finish a transfer that would stay undecided for as long as a province that was left out is not heard,
//! perhaps for ever. What a province has recorded is never turned round: where one that was heard has recorded a commit
//! that could not be adopted, nothing is finished here.

use super::decide::decision;
use super::incident::is_undecided_here;
use super::left_out::has_promised;
use super::{HubMachine, Key, Rows, Step, TransferRow, is_left_to_people, position, refusal, row, transfer};
use crate::domain::hub::record::{CommitDetail, LegLost};
use crate::domain::machine::IncidentClosed;
use crate::domain::machine::own::own;
use crate::domain::protocol::Outcome;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Day, Now, Side, TransferId};

/// The transfer; once it is known, the positions that its commit would move.
pub(super) fn needs(transfer_id: TransferId, now: Now, rows: &Rows, keys: &mut Vec<Key>) {
    transfer::needs(transfer_id, rows, keys);
    keys.push(Key::Incident(transfer_id, Side::Payer));
    let key = Key::Transfer(transfer_id);
    if let Some(transfer) = rows.knows(&key).then(|| rows.get::<TransferRow>(&key)).flatten() {
        let window = Day::of(now.civil);
        keys.extend(transfer.provinces().into_array().map(|province| Key::Position(window, province)));
    }
}

impl HubMachine {
    /// Whether it may be finished so.
    pub(super) fn may_finish(
        &self,
        (transfer_id, outcome): (TransferId, Outcome),
        step: &Step<'_>,
    ) -> Result<(), RefusalRecord> {
        let Some(transfer) = row(transfer_id, step) else {
            let left = is_left_to_people(transfer_id, step);
            return Err(refusal(if left { Reason::ContraryToRecord } else { Reason::TransferNotFound }));
        };
        if transfer.state.is_decided() {
            return Err(refusal(Reason::AlreadyDecided).with("state", transfer.state.name()));
        }
        if !is_undecided_here(transfer_id, step) {
            let left = is_left_to_people(transfer_id, step);
            return Err(refusal(if left { Reason::ContraryToRecord } else { Reason::EndsByRule }));
        }
        let (what, window) = ((transfer.kind, transfer.amount), Day::of(step.now.civil));
        let fits = position::can_hold(what, transfer.provinces(), window, step.rows());
        if outcome == Outcome::Commit && !fits { Err(refusal(Reason::Overflow)) } else { Ok(()) }
    }

    /// Finishes it. What a province that comes back later has recorded otherwise becomes an incident.
    pub(super) fn finish(
        &mut self,
        (transfer_id, outcome): (TransferId, Outcome),
        code: &str,
        step: &mut Step<'_>,
    ) {
        let (side, code) = (Side::Payer, code.to_owned());
        step.record(IncidentClosed { transfer_id, side, code, time: step.now.civil });
        if outcome == Outcome::Abort {
            return self.abort(transfer_id, refusal(Reason::EndedByOperators), step);
        }
        // Who has not told that it holds its leg may have lost it: a node that was restored books the amount then,
        // whoever's it was; one that has the leg goes by that.
        for side in Side::BOTH {
            if !has_promised(transfer_id, side, step) {
                step.record(LegLost { transfer_id, side });
            }
        }
        let (window, hub_seq) = (Day::of(step.now.civil), own(step.rows()).hub_seq + 1);
        let commit = CommitDetail { window, hub_seq, payer_leg: Vec::new(), payee_leg: Vec::new() };
        let owed = BySide { payer: true, payee: true };
        step.record(decision(transfer_id, step.now.civil, Ok(commit), BySide::default(), owed));
        self.tell(transfer_id, step);
    }
}
