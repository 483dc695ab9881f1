//! Callers who wait for a transfer, and when each is answered at the latest.

use super::{HubMachine, Step, TransferRow, WaitMode, row};
use crate::domain::machine::{Caller, Ticket};
use crate::domain::protocol::TransferState;
use crate::domain::value::{Mono, Side, TransferId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Share of a caller's deadline after which it is answered, whatever is known, in percent.
const ANSWER_PERCENT: u64 = 92;

/// One waiting caller.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Waiter {
    /// Names the caller that waits for the answer.
    pub ticket: Ticket<Arc<TransferRow>>,
    /// For what.
    pub mode: WaitMode,
    /// Answered with the transfer as it stands at this time.
    pub answer_by: Mono,
}

/// All waiting callers.
#[derive(Clone, Debug, Default, Hash)]
pub struct Waits {
    by_transfer: BTreeMap<TransferId, Vec<Waiter>>,
    by_time: BTreeSet<(Mono, TransferId, Caller)>,
}

impl Waits {
    /// Adds a caller.
    pub fn add(&mut self, transfer_id: TransferId, waiter: Waiter) {
        self.by_time.insert((waiter.answer_by, transfer_id, waiter.ticket.caller()));
        self.by_transfer.entry(transfer_id).or_default().push(waiter);
    }

    /// When the next caller has to be answered.
    pub fn next(&self) -> Option<Mono> {
        self.by_time.first().map(|(at, _, _)| *at)
    }

    /// The transfers whose callers have to be answered by `now`.
    pub fn due(&self, now: Mono) -> impl Iterator<Item = TransferId> {
        self.by_time.iter().take_while(move |(at, _, _)| *at <= now).map(|(_, id, _)| *id)
    }

    /// Whether a caller waits for this of a transfer.
    pub fn is_awaited(&self, transfer_id: TransferId, mode: WaitMode) -> bool {
        self.by_transfer.get(&transfer_id).is_some_and(|waiters| waiters.iter().any(|it| it.mode == mode))
    }

    /// The transfers that callers wait for.
    pub fn transfers(&self) -> impl Iterator<Item = TransferId> {
        self.by_transfer.keys().copied()
    }

    /// Answers the callers of a transfer for whom `ready` says that their wait is over.
    pub fn answer_if(
        &mut self,
        transfer_id: TransferId,
        step: &mut Step<'_>,
        ready: impl Fn(&Waiter) -> bool,
    ) {
        let Some(waiters) = self.by_transfer.get_mut(&transfer_id) else { return };
        let Some(transfer) = row(transfer_id, step) else { return };
        waiters.retain(|waiter| {
            let done = ready(waiter);
            if done {
                self.by_time.remove(&(waiter.answer_by, transfer_id, waiter.ticket.caller()));
                step.answer(waiter.ticket, Arc::clone(&transfer));
            }
            !done
        });
        if waiters.is_empty() {
            self.by_transfer.remove(&transfer_id);
        }
    }

    /// Answers the callers whose time is up.
    pub fn expire(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        let due: BTreeSet<TransferId> = self.due(now).collect();
        for transfer_id in due {
            self.answer_if(transfer_id, step, |waiter| waiter.answer_by <= now);
        }
    }
}

impl HubMachine {
    /// Has a caller wait for this of a transfer, for most of its deadline.
    pub(super) fn wait(
        &mut self,
        ticket: Ticket<Arc<TransferRow>>,
        transfer_id: TransferId,
        (mode, deadline_ms): (WaitMode, u64),
        step: &Step<'_>,
    ) {
        let deadline_ms = deadline_ms.min(self.deadlines.most_ms);
        let answer_by = step.now.mono.after(deadline_ms * ANSWER_PERCENT / 100);
        self.waits.add(transfer_id, Waiter { ticket, mode, answer_by });
    }

    /// Answers the callers of a transfer whose wait is over.
    pub(super) fn answer_ready(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        let Some(transfer) = row(transfer_id, step) else { return };
        // Hours may pass until it is taken: that is an answer, too.
        let awaits = transfer.state == TransferState::AwaitingAcceptance;
        let decided = transfer.state.is_decided() || awaits;
        let recorded = awaits || (decided && self.nothing_to_wait_for(&transfer));
        self.waits.answer_if(transfer_id, step, |waiter| match waiter.mode {
            WaitMode::Decided => decided,
            WaitMode::Recorded => recorded,
        });
    }

    /// Whether both sides have recorded the decision. An abort does not wait for a dark province: the money is not
    /// there, and it will be told when it comes back.
    fn nothing_to_wait_for(&self, transfer: &TransferRow) -> bool {
        let aborted = transfer.state == TransferState::Aborted;
        let provinces = transfer.provinces();
        let done = |(side, recorded): (Side, &Option<u64>)| {
            recorded.is_some() || (aborted && self.outbox.is_dark(provinces[side]))
        };
        transfer.recorded().iter().all(done)
    }
}
