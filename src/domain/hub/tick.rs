//! Time has passed: transfers whose time is up, those that nobody took, receipts that are due, callers who waited
//! long enough.

use super::{HubMachine, Key, Step, refusal, row, send};
use crate::domain::protocol::TransferState;
use crate::domain::reason::Reason;
use crate::domain::value::{Now, TransferId};

/// All that is due.
pub(super) fn needs(hub: &HubMachine, now: Now, keys: &mut Vec<Key>) {
    let due = hub.waits.due(now.mono).chain(hub.receipts.ready(now.mono));
    let expired = hub.expired(now.mono).into_iter().chain(hub.awaiting.round(now));
    keys.extend(expired.chain(due).map(Key::Transfer));
}

impl HubMachine {
    /// Does what is due.
    pub(super) fn pass_time(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        for transfer_id in self.expired(now) {
            self.expire(transfer_id, step);
        }
        self.sweep(step);
        if self.receipts.due().is_some_and(|due| due <= now) {
            self.journal_receipts(step);
        }
        for (province, released) in self.outbox.rouse(now) {
            send(province, released, step);
        }
        self.waits.expire(step);
    }

    /// A transfer's time is up: an undecided one is aborted, an accepted one is asked for again.
    fn expire(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        match row(transfer_id, step) {
            Some(transfer) if transfer.state == TransferState::Accepted => self.ask_again(&transfer, step),
            Some(_) | None => self.abort(transfer_id, refusal(Reason::DeadlineExpired), step),
        }
    }
}
