//! Prepares did not reach a province, or their answer did not come back.

use super::{HubMachine, Key, Step, refusal, row};
use crate::domain::protocol::TransferState;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{ProvinceCode, TransferId};

/// Those that are still being decided.
pub(super) fn needs(hub: &HubMachine, transfer_ids: &[TransferId], keys: &mut Vec<Key>) {
    keys.extend(hub.live_of(transfer_ids).map(Key::Transfer));
}

impl HubMachine {
    /// Aborts those that can have no vote.
    pub(super) fn prepare_failed(
        &mut self,
        province: ProvinceCode,
        transfer_ids: &[TransferId],
        step: &mut Step<'_>,
    ) {
        for transfer_id in self.live_of(transfer_ids).collect::<Vec<_>>() {
            self.lose_vote(transfer_id, province, step);
        }
    }

    /// Aborts those to which a node has given no vote that counts, or can give none, each for its reason. The node may
    /// be bound all the same, so it is told.
    pub(super) fn no_vote(
        &mut self,
        province: ProvinceCode,
        refusals: Vec<(TransferId, RefusalRecord)>,
        step: &mut Step<'_>,
    ) {
        for (transfer_id, refusal) in refusals {
            // Of what is decided nothing was read.
            let transfer = self.live.contains_key(&transfer_id).then(|| row(transfer_id, step)).flatten();
            if transfer.is_some_and(|transfer| transfer.provinces().side_of(&province).is_some()) {
                self.abort(transfer_id, refusal, step);
            }
        }
    }

    fn live_of(&self, transfer_ids: &[TransferId]) -> impl Iterator<Item = TransferId> {
        transfer_ids.iter().filter(|id| self.live.contains_key(id)).copied()
    }

    /// A province's vote cannot be had, or counts no more. The acceptance stands all the same: it is asked for again.
    pub(super) fn lose_vote(&mut self, transfer_id: TransferId, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(transfer) = row(transfer_id, step) else { return };
        // A node can fail its own legs only, whatever ids its answer names.
        let Some(side) = transfer.provinces().side_of(&province) else { return };
        if transfer.state != TransferState::Accepted {
            let refusal = refusal(Reason::ProvinceUnreachable).with("province", province);
            return self.abort(transfer_id, refusal, step);
        }
        if let Some(live) = self.live.get_mut(&transfer_id) {
            live.votes[side] = None;
        }
    }
}
