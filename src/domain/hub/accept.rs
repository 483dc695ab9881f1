//! The payee takes a transfer that awaits his acceptance, or declines it. Both contend with the hour, here in the one
//! writer, by the time of their receipt.
//!
//! An acceptance is journaled, and is no decision yet: both sides are asked once more, by the id, since the hub keeps
//! no persons and votes of the first round may be hours old. It is asked for again until both have voted, over restarts
//! too.

use super::{Effect, HubMachine, Key, Rows, Step, TransferRow, WaitMode, incident, refusal, transfer};
use crate::domain::hub::record::TransferAccepted;
use crate::domain::machine::Ticket;
use crate::domain::machine::own::note_time;
use crate::domain::protocol::{Ask, Leg, TransferEvent, TransferState, Transition};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::demands;
use crate::domain::rules::rulebook::PlaceRules;
use crate::domain::value::{Day, Digest, Side, TransferId};
use std::sync::Arc;

/// Votes on an accepted transfer are asked for again after so long.
const ASK_AGAIN_MS: u64 = 5_000;

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

/// The transfer, and whether it is left to people.
pub(super) fn needs(transfer_id: TransferId, rows: &Rows, keys: &mut Vec<Key>) {
    keys.push(Key::Transfer(transfer_id));
    incident::needs(transfer_id, rows, keys);
}

impl HubMachine {
    /// Whoever is not its payee learns no more than of an unknown id. Check order: the person, whether it awaits
    /// acceptance, the hour.
    pub(super) fn accept(
        &mut self,
        ticket: Ticket<Arc<TransferRow>>,
        request: AcceptRequest,
        step: &mut Step<'_>,
    ) {
        let transfer_id = request.transfer_id;
        let Some(transfer) = transfer::row(transfer_id, step).filter(|it| it.payee_digest == request.payee)
        else {
            return step.refuse(ticket, refusal(Reason::TransferNotFound));
        };
        if transfer.state == TransferState::Pending {
            return step.refuse(ticket, refusal(Reason::NotAwaiting));
        }
        let awaits = transfer.state == TransferState::AwaitingAcceptance;
        let late = awaits && transfer.await_until.is_none_or(|until| until <= step.now.civil);
        if incident::is_parked(transfer_id, step) {
            // It is answered as it stands.
        } else if late {
            self.give_back(transfer_id, step);
        } else if request.takes {
            self.taken(&transfer, step);
        } else if transfer.state.on(TransferEvent::NotTaken) != Transition::Stays {
            self.abort(transfer_id, RefusalRecord::new(Reason::Declined, Side::Payee), step);
        }
        self.wait(ticket, transfer_id, (request.wait, request.deadline_ms), step);
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
        let Some(transfer) = transfer::row(transfer_id, step) else { return };
        self.awaiting.remember(&transfer);
        if transfer.state == TransferState::Accepted {
            let demands = self.payers_rules(&transfer).hash;
            self.begin_live(transfer_id, demands, step.now.mono);
            self.ask_again(&transfer, step);
        }
    }

    /// Asks for the votes that an accepted transfer lacks. A dark province is asked when it can be reached.
    pub(super) fn ask_again(&mut self, transfer: &TransferRow, step: &mut Step<'_>) {
        self.expire_at(transfer.transfer_id, step.now.mono.after(ASK_AGAIN_MS));
        let Some(live) = self.live.get(&transfer.transfer_id) else { return };
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

    /// The leg of an accepted transfer, for a vote that binds. Nothing of a transfer that was adopted: that is decided.
    fn leg_by_id(&self, transfer: &TransferRow, side: Side) -> Option<Leg> {
        let demands = demands::on(side, self.payers_rules(transfer));
        transfer.kinship.map(|_| transfer::leg(transfer, side, demands, Ask::ById, ASK_AGAIN_MS))
    }

    fn payers_rules(&self, transfer: &TransferRow) -> &PlaceRules {
        let day = Day::of(transfer.receipt_time);
        self.rulebook.rules(transfer.payer_province, transfer.payer_region, day)
    }
}

/// The payee has accepted.
pub(super) fn accepted(record: &TransferAccepted, rows: &mut Rows) {
    let (state, accept_time) = (TransferState::Accepted, Some(record.time));
    rows.put(TransferRow { state, accept_time, ..transfer::stored(record.transfer_id, rows) });
    note_time(record.time, rows);
}
