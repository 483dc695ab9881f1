//! Two operators finish a transfer that would stay undecided for ever: it waits for a province that was left out and
//! may never be heard, or a recovery has left it to people, since a province has recorded a commit of it that could not
//! be adopted. What a province has recorded is never turned round: one that has recorded it otherwise rejects the
//! decision, and that is an incident of its own.

use super::clearing;
use super::decide::decision;
use super::incident::told_commit;
use super::left_out::has_promised;
use super::windows::{window_at, window_now};
use super::{
    HubMachine, Key, Rows, Step, TransferRow, is_left_to_people, position, refusal, row, tombstone, transfer,
};
use crate::domain::hub::record::{CommitDetail, LegLost, NumbersSkipped};
use crate::domain::machine::own::own;
use crate::domain::machine::{IncidentClosed, SelfRow};
use crate::domain::protocol::{Outcome, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Now, Side, TransferId, Window};

/// The transfer; once it is known, the positions that its commit would move.
pub(super) fn needs(transfer_id: TransferId, now: Now, rows: &Rows, keys: &mut Vec<Key>) {
    transfer::needs(transfer_id, rows, keys);
    let (key, incident) = (Key::Transfer(transfer_id), Key::Incident(transfer_id, Side::Payer));
    if rows.knows(&key)
        && rows.knows(&incident)
        && let Some(transfer) = rows.get::<TransferRow>(&key)
    {
        let told = told_commit(transfer_id, rows).map(|(window, _)| window);
        let windows = [window_at(now.civil, rows), told].into_iter().flatten();
        let (provinces, kind) = (transfer.provinces(), transfer.kind);
        for window in windows {
            keys.extend(position::keys(window, provinces, kind));
            clearing::needs_if_late(window, (provinces.payer, provinces.payee), (now, rows), keys);
        }
    }
    keys.push(incident);
}

impl HubMachine {
    /// Whether it may be finished so.
    pub(super) fn may_finish(
        &self,
        (transfer_id, outcome): (TransferId, Outcome),
        step: &Step<'_>,
    ) -> Result<(), RefusalRecord> {
        let left = is_left_to_people(transfer_id, step);
        let Some(transfer) = row(transfer_id, step) else {
            return match outcome {
                _ if tombstone(transfer_id, step).is_some() => {
                    Err(refusal(Reason::AlreadyDecided).with("state", TransferState::Aborted.name()))
                }
                _ if !left => Err(refusal(Reason::TransferNotFound)),
                // Nobody has told its terms so that they can be taken.
                Outcome::Commit => Err(refusal(Reason::TermsUnknown)),
                Outcome::Abort => Ok(()),
            };
        };
        if transfer.state.is_decided() {
            return Err(refusal(Reason::AlreadyDecided).with("state", transfer.state.name()));
        }
        if !left {
            return Err(refusal(Reason::EndsByRule));
        }
        let (what, (window, _)) = ((transfer.kind, transfer.amount), commit_of(transfer_id, step));
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
        self.close_due(step);
        let (window, hub_seq) = commit_of(transfer_id, step);
        if outcome == Outcome::Abort {
            return self.bury(transfer_id, step);
        }
        // Who has not told that it holds its leg may have lost it: a node that was restored books the amount then,
        // whoever's it was; one that has the leg goes by that.
        for side in Side::BOTH {
            if !has_promised(transfer_id, side, step) {
                step.record(LegLost { transfer_id, side });
            }
        }
        let SelfRow { mut skipped, hub_seq: last, .. } = own(step.rows());
        if skipped.take(hub_seq) {
            step.record(NumbersSkipped { numbers: skipped, hub_seq: last });
        }
        let commit = CommitDetail { window, hub_seq, payer_leg: Vec::new(), payee_leg: Vec::new() };
        let owed = BySide { payer: true, payee: true };
        step.record(decision(transfer_id, step.now.civil, Ok(commit), BySide::default(), owed));
        self.tell(transfer_id, step);
    }
}

/// Window and number of its commit: as a province has recorded it, where nothing else has got that number meanwhile; or
/// today's window, and the next number.
fn commit_of(transfer_id: TransferId, step: &Step<'_>) -> (Window, u64) {
    let own = own(step.rows());
    let told = told_commit(transfer_id, step.rows()).filter(|(_, hub_seq)| own.skipped.contains(*hub_seq));
    told.unwrap_or_else(|| (window_now(step), own.hub_seq + 1))
}
