//! Acceptance at the hub: the payer's money is held, and the payee takes the transfer, declines it, or lets the hour
//! pass. All three contend here, in the one writer, by the time of their receipt.
//!
//! An acceptance is journaled, and is no decision yet: both sides are asked once more, by the id, since the hub keeps
//! no persons and votes of the first round may be hours old. It is asked for again until both have voted, over restarts
//! too.

use super::create::ANSWER_PERCENT;
use super::decide::{HUB, row};
use super::peers::is_parked;
use super::waits::Waiter;
use super::{Effect, HubMachine, Live, Step, WaitMode, YesVote};
use crate::domain::hub::record::{TransferAccepted, TransferAwaiting};
use crate::domain::hub::tables::TransferRow;
use crate::domain::machine::step::Ticket;
use crate::domain::protocol::leg::{Ask, Leg, LegRef, LegTerms};
use crate::domain::protocol::transfer::{TransferEvent, TransferState, Transition};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::demands;
use crate::domain::value::calendar::{Civil, Day, Mono, Now, next_six};
use crate::domain::value::id::{Digest, TransferId};
use crate::domain::value::region::ProvinceCode;
use crate::domain::value::side::Side;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most transfers that one round of the sweep gives back, and how long others have the writer before the next round:
/// payments go on beside it.
const SWEEP_MAX: usize = 100;
const SWEEP_PAUSE_MS: u64 = 20;
/// The civil clock is looked at so often while transfers await acceptance: it may be set meanwhile.
const LOOK_EVERY_MS: u64 = 60_000;
/// Votes on an accepted transfer are asked for again after so long.
const ASK_AGAIN_MS: u64 = 5_000;
/// An acceptance shortly before the hour has so long for its votes.
const VOTES_WITHIN_MS: i64 = 60_000;
/// What a payee says to a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptRequest {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// Keyed digest of the person who says so, made as for the payee of this transfer.
    pub payee: Digest,
    /// Whether he takes it; else he declines.
    pub takes: bool,
    /// When to answer.
    pub wait: WaitMode,
    /// How long the client waits, in milliseconds.
    pub deadline_ms: u64,
}

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

    fn remember(&mut self, transfer: &TransferRow) {
        self.due.extend(gives_up_at(transfer).map(|at| (at, transfer.transfer_id)));
    }
}

/// When a transfer goes back if nothing happens: at its hour, or when an accepted one has had time for its votes.
fn gives_up_at(transfer: &TransferRow) -> Option<Civil> {
    let voted = |at: Civil| Civil(at.0.saturating_add(VOTES_WITHIN_MS));
    transfer.await_until.map(|until| transfer.accept_time.map_or(until, |at| until.max(voted(at))))
}

impl HubMachine {
    /// The payee takes a transfer or declines it. Whoever is not its payee learns no more than of an unknown id. Check
    /// order: the person, whether it awaits acceptance, the hour.
    pub(super) fn accept(
        &mut self,
        ticket: Ticket<Arc<TransferRow>>,
        request: AcceptRequest,
        step: &mut Step<'_>,
    ) {
        let transfer_id = request.transfer_id;
        let Some(transfer) = row(transfer_id, step).filter(|it| it.payee_digest == request.payee) else {
            let refusal = RefusalRecord::new(Reason::TransferNotFound, HUB);
            return step.refuse(ticket, refusal);
        };
        if transfer.state == TransferState::Pending {
            return step.refuse(ticket, RefusalRecord::new(Reason::NotAwaiting, HUB));
        }
        let awaits = transfer.state == TransferState::AwaitingAcceptance;
        let late = awaits && transfer.await_until.is_none_or(|until| until <= step.now.civil);
        if is_parked(transfer_id, step) {
            // It is answered as it stands.
        } else if late {
            self.give_back(transfer_id, step);
        } else if request.takes {
            self.taken(&transfer, step);
        } else if transfer.state.on(TransferEvent::NotTaken) != Transition::Stays {
            self.abort(transfer_id, RefusalRecord::new(Reason::Declined, Side::Payee), step);
        }
        let deadline_ms = request.deadline_ms.min(self.deadlines.most_ms);
        let answer_by = step.now.mono.after(deadline_ms * ANSWER_PERCENT / 100);
        self.waits.add(transfer_id, Waiter { ticket, mode: request.wait, answer_by });
        self.answer_ready(transfer_id, step);
    }

    fn taken(&mut self, transfer: &TransferRow, step: &mut Step<'_>) {
        if transfer.state.on(TransferEvent::Accepted) == Transition::Stays {
            return;
        }
        self.note_seen(step);
        self.awaiting.forget(transfer);
        step.record(TransferAccepted { transfer_id: transfer.transfer_id, time: step.now.civil });
        self.resume(transfer.transfer_id, step);
    }

    /// Goes on with a transfer that awaits acceptance, or was accepted: after a start, too.
    pub(super) fn resume(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        let Some(transfer) = row(transfer_id, step) else { return };
        self.awaiting.remember(&transfer);
        if transfer.state == TransferState::Accepted {
            let abort_at = step.now.mono;
            let day = Day::of(transfer.receipt_time);
            let demands = self.rulebook.rules(transfer.payer_province, transfer.payer_region, day).hash;
            self.live.insert(transfer_id, Live::asked(demands, abort_at));
            self.ask_again(&transfer, step);
        }
    }

    /// Asks for the votes that an accepted transfer lacks. A dark province is asked when it can be reached.
    pub(super) fn ask_again(&mut self, transfer: &TransferRow, step: &mut Step<'_>) {
        let transfer_id = transfer.transfer_id;
        self.ask_at(transfer_id, step.now.mono.after(ASK_AGAIN_MS));
        let Some(live) = self.live.get(&transfer_id) else { return };
        for (side, vote) in live.votes.iter() {
            let province = transfer.provinces()[side];
            if vote.is_none()
                && !self.is_out_of_reach(province)
                && let Some(leg) = self.leg_by_id(transfer, side)
            {
                step.effect(Effect::Prepare(province, Box::new(leg)));
            }
        }
    }

    fn ask_at(&mut self, transfer_id: TransferId, at: Mono) {
        if let Some(live) = self.live.get_mut(&transfer_id) {
            self.expiries.remove(&(live.abort_at, transfer_id));
            live.abort_at = at;
            self.expiries.insert((at, transfer_id));
        }
    }

    /// The leg of an accepted transfer, for a vote that binds. Nothing of a transfer that was adopted: that is decided.
    fn leg_by_id(&self, transfer: &TransferRow, side: Side) -> Option<Leg> {
        let day = Day::of(transfer.receipt_time);
        let rules = self.rulebook.rules(transfer.payer_province, transfer.payer_region, day);
        let regions = transfer.regions();
        let terms = LegTerms {
            kind: transfer.kind,
            region: regions[side],
            province: transfer.provinces()[side],
            counter_region: regions[side.other()],
            kinship: Some(transfer.kinship?),
            amount: transfer.amount,
            receipt_time: transfer.receipt_time,
            demands: demands::on(side, rules),
        };
        let reference = LegRef::new(transfer.transfer_id, side, transfer.terms_digest);
        Some(Leg { reference, terms, ask: Ask::ById, time_left_ms: ASK_AGAIN_MS })
    }

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

    fn give_back(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        let Some(transfer) = row(transfer_id, step) else { return };
        let reason = match transfer.state.on(TransferEvent::NotTaken) {
            Transition::To(_) => Reason::NotTakenInTime,
            // It was accepted in time, and no votes came.
            Transition::Stays => Reason::DeadlineExpired,
        };
        self.awaiting.forget(&transfer);
        self.abort(transfer_id, RefusalRecord::new(reason, HUB), step);
    }

    /// A transfer's time is up: an undecided one is aborted, an accepted one is asked for again.
    pub(super) fn expire(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        match row(transfer_id, step) {
            Some(transfer) if transfer.state == TransferState::Accepted => self.ask_again(&transfer, step),
            Some(_) | None => {
                self.abort(transfer_id, RefusalRecord::new(Reason::DeadlineExpired, HUB), step);
            }
        }
    }

    /// A province's vote cannot be had, or counts no more. The acceptance stands all the same: it is asked for again.
    pub(super) fn lose_vote(&mut self, transfer_id: TransferId, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(transfer) = row(transfer_id, step) else { return };
        if transfer.state != TransferState::Accepted {
            let refusal = RefusalRecord::new(Reason::ProvinceUnreachable, HUB).with("province", province);
            return self.abort(transfer_id, refusal, step);
        }
        if let Some(live) = self.live.get_mut(&transfer_id) {
            let side = transfer.provinces().side_of(&province).unwrap_or(Side::Payee);
            live.votes[side] = None;
        }
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
