//! Transfers that await acceptance: the payer's money is held, and what the payee has not taken by the hour goes back.

use super::{HubMachine, Rows, Step, TransferRow, YesVote, refusal, row, stored};
use crate::domain::hub::record::TransferAwaiting;
use crate::domain::protocol::{TransferEvent, TransferState, Transition};
use crate::domain::reason::Reason;
use crate::domain::value::calendar::next_six;
use crate::domain::value::{Civil, Digest, Mono, Now, TransferId};
use std::collections::BTreeSet;

/// Most transfers that one round of the sweep gives back, and how long others have the writer before the next round:
/// payments go on beside it.
const SWEEP_MAX: usize = 100;
const SWEEP_PAUSE_MS: u64 = 20;
/// The civil clock is looked at so often while transfers await acceptance: it may be set meanwhile.
const LOOK_EVERY_MS: u64 = 60_000;
/// An acceptance shortly before the hour has so long for its votes.
const VOTES_WITHIN_MS: i64 = 60_000;

/// A first vote of the payee's side that binds nothing.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct AwaitingVote {
    pub(super) until: Civil,
    pub(super) rulebook: Option<Digest>,
}

/// Transfers that have not been taken, by when they go back. Found again from the rows after a restart.
#[derive(Clone, Debug, Default)]
pub(super) struct Awaiting {
    due: BTreeSet<(Civil, TransferId)>,
    pause_until: Mono,
    seen: Now,
}

impl Awaiting {
    /// Takes note of the clocks.
    pub(super) fn look(&mut self, now: Now) {
        self.seen = now;
    }

    /// By when which transfers go back.
    pub(super) fn due(&self) -> &BTreeSet<(Civil, TransferId)> {
        &self.due
    }

    /// When the next round of the sweep is due.
    pub(super) fn wake(&self) -> Option<Mono> {
        let (at, _) = self.due.first()?;
        let left = u64::try_from(at.0.saturating_sub(self.seen.civil.0)).unwrap_or(0);
        Some(self.seen.mono.after(left.min(LOOK_EVERY_MS)).max(self.pause_until))
    }

    /// The transfers of the next round.
    pub(super) fn round(&self, now: Now) -> Vec<TransferId> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now.civil && self.pause_until <= now.mono);
        due.take(SWEEP_MAX).map(|(_, id)| *id).collect()
    }

    /// A transfer has ended, or goes back at another time.
    pub(super) fn forget(&mut self, transfer: &TransferRow) {
        if let Some(at) = gives_up_at(transfer) {
            self.due.remove(&(at, transfer.transfer_id));
        }
    }

    /// It goes on from its row.
    pub(super) fn remember(&mut self, transfer: &TransferRow) {
        self.due.extend(gives_up_at(transfer).map(|at| (at, transfer.transfer_id)));
    }
}

/// When a transfer goes back if nothing happens: at its hour, or when an accepted one has had time for its votes.
fn gives_up_at(transfer: &TransferRow) -> Option<Civil> {
    let voted = |at: Civil| Civil(at.0.saturating_add(VOTES_WITHIN_MS));
    transfer.await_until.map(|until| transfer.accept_time.map_or(until, |at| until.max(voted(at))))
}

impl HubMachine {
    /// Once the payer's side is bound and the payee's waits for its person, the transfer waits too, for hours.
    pub(super) fn begin_awaiting(
        &mut self,
        transfer: &TransferRow,
        payer: &YesVote,
        payee: AwaitingVote,
        step: &mut Step<'_>,
    ) {
        if transfer.state.on(TransferEvent::AcceptanceAsked) == Transition::Stays {
            return;
        }
        self.note_seen(step);
        step.record(TransferAwaiting {
            transfer_id: transfer.transfer_id,
            // A place may give less time, never more.
            until: payee.until.min(next_six(transfer.receipt_time)),
            payer_rulebook: Some(payer.rulebook),
            payee_rulebook: payee.rulebook,
            time: step.now.civil,
        });
        self.end_live(transfer.transfer_id);
        self.resume(transfer.transfer_id, step);
        self.answer_ready(transfer.transfer_id, step);
    }

    /// One round of the sweep.
    pub(super) fn sweep(&mut self, step: &mut Step<'_>) {
        let round = self.awaiting.round(step.now);
        if round.len() == SWEEP_MAX {
            self.awaiting.pause_until = step.now.mono.after(SWEEP_PAUSE_MS);
        }
        for transfer_id in round {
            // A round is the first of those that are due: whatever its row says, it is not due again.
            self.awaiting.due.pop_first();
            self.give_back(transfer_id, step);
        }
    }

    /// It goes back to the payer.
    pub(super) fn give_back(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        let Some(transfer) = row(transfer_id, step) else { return };
        let reason = match transfer.state.on(TransferEvent::NotTaken) {
            Transition::To(_) => Reason::NotTakenInTime,
            // It was accepted in time, and no votes came.
            Transition::Stays => Reason::DeadlineExpired,
        };
        self.awaiting.forget(&transfer);
        self.abort(transfer_id, refusal(reason), step);
    }

    /// How long a node may leave an undecided leg alone, in milliseconds.
    pub(super) fn undecided_for(&self, transfer: &TransferRow, now: Now) -> u64 {
        match self.live.get(&transfer.transfer_id) {
            Some(live) => live.abort_at.0.saturating_sub(now.mono.0),
            None => transfer
                .await_until
                .map_or(0, |until| u64::try_from(until.0.saturating_sub(now.civil.0)).unwrap_or(0)),
        }
    }
}

/// The payer's money is held, and the payee must accept.
pub(super) fn awaits(record: &TransferAwaiting, sequence: u64, rows: &mut Rows) {
    rows.put(TransferRow {
        state: TransferState::AwaitingAcceptance,
        await_until: Some(record.until),
        awaiting_seq: Some(sequence),
        payer_rulebook: record.payer_rulebook,
        payee_rulebook: record.payee_rulebook,
        ..stored(record.transfer_id, rows)
    });
}
