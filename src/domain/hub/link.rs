//! A province can, or cannot, be reached.

use super::{HubMachine, Key, Step, send};
use crate::domain::value::{ProvinceCode, TransferId};

/// The transfers that callers wait for.
pub(super) fn needs(hub: &HubMachine, keys: &mut Vec<Key>) {
    keys.extend(hub.waits.transfers().map(Key::Transfer));
}

impl HubMachine {
    /// What waits for the province goes out, or waits again.
    pub(super) fn link(&mut self, province: ProvinceCode, up: bool, step: &mut Step<'_>) {
        if let Some(left) = self.left_out.get_mut(&province) {
            // Nothing is told to it before it was heard.
            left.is_up = up;
        } else if up {
            send(province, self.outbox.set_reachable(province), step);
        } else {
            self.outbox.set_unreachable(province);
            // Callers of an aborted transfer need not wait for a province that cannot be told now.
            let awaited: Vec<TransferId> = self.waits.transfers().collect();
            awaited.into_iter().for_each(|transfer_id| self.answer_ready(transfer_id, step));
        }
    }
}
