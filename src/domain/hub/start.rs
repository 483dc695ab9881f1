//! The hub starts: it takes up where its last life stopped.

use super::recovery::Recovery;
use super::{HubMachine, Key, Rows, Step, TransferRow, is_parked, refusal, windows};
use crate::domain::hub::record::HubStarted;
use crate::domain::machine::own::own;
use crate::domain::protocol::TransferState;
use crate::domain::reason::Reason;
use crate::domain::value::{Now, ProvinceCode, Side, Window};

/// What is not settled, and how far each node was seen to have come.
pub(super) fn needs(
    hub: &HubMachine,
    now: Now,
    (unfinished, first_window): (&[TransferRow], Option<Window>),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    windows::needs_since(first_window, now, rows, keys);
    let ids = unfinished.iter().map(|transfer| transfer.transfer_id);
    keys.extend(ids.flat_map(|id| [Key::Transfer(id), Key::Incident(id, Side::Payer)]));
    keys.extend(hub.places.provinces().map(|province| Key::Peer(province.code)));
}

impl HubMachine {
    /// Takes up where the last life stopped; a hub that was restored first hears from these provinces what it lost.
    pub(super) fn start(
        &mut self,
        unfinished: Vec<TransferRow>,
        restored: Option<&[ProvinceCode]>,
        step: &mut Step<'_>,
    ) {
        let incarnation = own(step.rows()).incarnation + 1;
        step.record(HubStarted { incarnation, start_id: self.start_id, time: step.now.civil });
        self.resume_telling(step);
        self.resume_left_out(&unfinished, step);
        match restored {
            Some(provinces) if !provinces.is_empty() => {
                self.recovery = Some(Recovery::new(provinces, unfinished));
            }
            Some(_) | None => {
                self.close_due(step);
                self.take_up(unfinished, step);
            }
        }
    }

    /// Decides what the last life left undecided (it kept no persons, so it cannot ask again), and takes up
    /// delivery where it stopped.
    pub(super) fn take_up(&mut self, unfinished: Vec<TransferRow>, step: &mut Step<'_>) {
        for stored in unfinished {
            let key = Key::Transfer(stored.transfer_id);
            let transfer = step.rows().get::<TransferRow>(&key).cloned().unwrap_or_else(|| stored.clone());
            if is_parked(transfer.transfer_id, step) {
                continue;
            }
            match transfer.state {
                TransferState::Pending => {
                    self.abort(transfer.transfer_id, refusal(Reason::HubRestarted), step);
                }
                // What was decided just now is queued already.
                TransferState::Committed | TransferState::Aborted if stored.state.is_decided() => {
                    self.queue(&transfer, step);
                }
                TransferState::Committed | TransferState::Aborted => {}
                TransferState::AwaitingAcceptance | TransferState::Accepted => {
                    self.resume(transfer.transfer_id, step);
                }
            }
        }
    }
}
