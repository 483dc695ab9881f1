//! Votes in, one decision out, receipts in.

use super::accept::AwaitingVote;
use super::apply::owed_after;
use super::{Effect, HubMachine, Live, Step, WaitMode, YesVote};
use crate::domain::hub::record::{CommitDetail, TransferDecided};
use crate::domain::hub::tables::{Key, TransferRow};
use crate::domain::machine::own::{IncidentRaised, IncidentRow, own};
use crate::domain::protocol::call::PeerMark;
use crate::domain::protocol::message::{Ack, AckResult, Decision, Verdict, Vote};
use crate::domain::protocol::transfer::{Outcome, TransferEvent, TransferState, Transition};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::calendar::Day;
use crate::domain::value::id::TransferId;
use crate::domain::value::region::ProvinceCode;
use crate::domain::value::side::{BySide, Side};
use std::sync::Arc;

/// The hub as the one that refuses.
pub(super) const HUB: RefusalSide = RefusalSide::Hub;

/// A live transfer's own row; a live transfer is always received.
pub(super) fn row(transfer_id: TransferId, step: &Step<'_>) -> Option<Arc<TransferRow>> {
    step.rows().share::<TransferRow>(&Key::Transfer(transfer_id))
}

/// The decision of a decided transfer for one side.
pub(super) fn decision_for(transfer: &TransferRow, side: Side) -> Option<Decision> {
    let outcome = match transfer.state {
        TransferState::Committed => Outcome::Commit,
        TransferState::Aborted => Outcome::Abort,
        TransferState::Pending | TransferState::AwaitingAcceptance | TransferState::Accepted => {
            return None;
        }
    };
    Some(Decision {
        transfer_id: transfer.transfer_id,
        side,
        terms_digest: transfer.terms_digest,
        outcome,
        window: transfer.window,
        hub_seq: transfer.hub_seq,
        decide_time: transfer.decide_time.unwrap_or_default(),
        leg_record: Vec::new(),
    })
}

impl HubMachine {
    pub(super) fn votes(
        &mut self,
        province: ProvinceCode,
        node: PeerMark,
        votes: Vec<Vote>,
        step: &mut Step<'_>,
    ) {
        if !self.meet_node(province, node, step) {
            let ids: Vec<TransferId> = votes.iter().map(|vote| vote.transfer_id).collect();
            return self.prepare_failed(province, &ids, step);
        }
        for vote in votes {
            self.vote(province, vote, step);
        }
        if step.has_records() {
            self.journal_receipts(step);
        }
    }

    /// Counts a vote of a live transfer; votes for what is decided, from who is no party, or on other terms do not
    /// count.
    fn vote(&mut self, province: ProvinceCode, vote: Vote, step: &mut Step<'_>) {
        let Some(live) = self.live.get_mut(&vote.transfer_id) else {
            return;
        };
        let Some(transfer) = row(vote.transfer_id, step) else {
            return;
        };
        if transfer.provinces()[vote.side] != province || vote.terms_digest != transfer.terms_digest {
            return;
        }
        match vote.verdict {
            Verdict::Yes { leg_record, rulebook } => {
                live.votes[vote.side] = Some(YesVote { leg_record, rulebook });
                live.judged_by[vote.side] = Some(rulebook);
                let BySide { payer, payee } = std::mem::take(&mut live.votes);
                match (payer, payee, live.awaiting) {
                    (Some(payer), Some(payee), _) => self.commit(&transfer, BySide { payer, payee }, step),
                    (Some(payer), None, Some(awaiting)) => {
                        live.votes.payer = Some(payer.clone());
                        self.begin_awaiting(&transfer, &payer, awaiting, step);
                    }
                    (payer, payee, _) => live.votes = BySide { payer, payee },
                }
            }
            Verdict::No { refusal, rulebook } => {
                if refusal.reason == Reason::PayeeTypeNotAllowed {
                    live.judged_by.payer = Some(live.demands);
                }
                live.judged_by[vote.side] = rulebook;
                self.refuse(vote.transfer_id, refusal, Some(vote.side), step);
            }
            Verdict::Conflict { refusal } => {
                self.refuse(vote.transfer_id, refusal, Some(vote.side), step);
            }
            // The first vote again, late: it binds nothing, and was heard.
            Verdict::Awaiting { .. } if transfer.state == TransferState::Accepted => {}
            Verdict::Awaiting { until, rulebook } if vote.side == Side::Payee => {
                let awaiting = AwaitingVote { until, rulebook };
                live.awaiting = Some(awaiting);
                if let Some(payer) = live.votes.payer.clone() {
                    self.begin_awaiting(&transfer, &payer, awaiting, step);
                }
            }
            // A payer has nothing to accept: a node that answers so speaks of what was not agreed.
            Verdict::Awaiting { .. } => {
                let refusal = RefusalRecord::new(Reason::Unsupported, vote.side);
                self.refuse(vote.transfer_id, refusal, None, step);
            }
        }
    }

    fn commit(&mut self, transfer: &TransferRow, votes: BySide<YesVote>, step: &mut Step<'_>) {
        if transfer.state.on(TransferEvent::AllVotedYes) == Transition::Stays {
            return;
        }
        let window = Day::of(step.now.civil);
        let fits = |(side, province): (Side, &ProvinceCode)| {
            let position = super::apply::position(step.rows(), window, *province);
            owed_after(&position, side, transfer).is_some()
        };
        if !transfer.provinces().iter().all(fits) {
            return self.refuse(transfer.transfer_id, RefusalRecord::new(Reason::Overflow, HUB), None, step);
        }
        // From here on nothing may fail.
        self.note_seen(step);
        let hub_seq = own(step.rows()).hub_seq + 1;
        let BySide { payer, payee } = votes;
        step.record(TransferDecided {
            transfer_id: transfer.transfer_id,
            outcome: Outcome::Commit,
            refusal: None,
            decide_time: step.now.civil,
            commit: Some(CommitDetail {
                window,
                hub_seq,
                payer_leg: payer.leg_record,
                payee_leg: payee.leg_record,
            }),
            payer_rulebook: Some(payer.rulebook),
            payee_rulebook: Some(payee.rulebook),
            payer_owed: true,
            payee_owed: true,
        });
        self.tell(transfer.transfer_id, step);
    }

    /// Aborts a live transfer because of time, a dark province or the like.
    pub(super) fn abort(&mut self, transfer_id: TransferId, refusal: RefusalRecord, step: &mut Step<'_>) {
        self.refuse(transfer_id, refusal, None, step);
    }

    /// Aborts a transfer. `refused_by`: the side that voted no and so has nothing to undo.
    pub(super) fn refuse(
        &mut self,
        transfer_id: TransferId,
        refusal: RefusalRecord,
        refused_by: Option<Side>,
        step: &mut Step<'_>,
    ) {
        let Some(transfer) = row(transfer_id, step) else {
            return;
        };
        if transfer.state.on(TransferEvent::Refused) == Transition::Stays {
            return;
        }
        self.note_seen(step);
        let judged_by = self.live.get(&transfer_id).map(|live| live.judged_by).unwrap_or_default();
        step.record(TransferDecided {
            transfer_id,
            outcome: Outcome::Abort,
            refusal: Some(refusal),
            decide_time: step.now.civil,
            commit: None,
            payer_rulebook: judged_by.payer.or(transfer.payer_rulebook),
            payee_rulebook: judged_by.payee.or(transfer.payee_rulebook),
            payer_owed: refused_by != Some(Side::Payer),
            payee_owed: refused_by != Some(Side::Payee),
        });
        self.tell(transfer_id, step);
    }

    /// Ends the live transfer, queues its decision for the provinces that need it, and answers who waits.
    pub(super) fn tell(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        self.end_live(transfer_id);
        if let Some(transfer) = row(transfer_id, step) {
            self.awaiting.forget(&transfer);
            self.queue(&transfer, step);
        }
        self.answer_ready(transfer_id, step);
    }

    /// No votes of the transfer are expected any more.
    pub(super) fn end_live(&mut self, transfer_id: TransferId) {
        if let Some(Live { abort_at, .. }) = self.live.remove(&transfer_id) {
            self.expiries.remove(&(abort_at, transfer_id));
        }
    }

    /// Queues a decided transfer for the provinces that have not recorded it.
    pub(super) fn queue(&mut self, transfer: &TransferRow, step: &mut Step<'_>) {
        let recorded = transfer.recorded();
        for (side, _) in recorded.iter().filter(|(_, recorded)| recorded.is_none()) {
            let Some(decision) = decision_for(transfer, side) else {
                continue;
            };
            let province = transfer.provinces()[side];
            let Some(decision) = self.put_off(province, decision) else {
                continue;
            };
            for decision in self.outbox.push(province, decision) {
                step.effect(Effect::Decide(province, decision));
            }
            if self.waits.is_awaited(transfer.transfer_id, WaitMode::Recorded) {
                step.effect(Effect::Flush(province));
            }
        }
    }

    pub(super) fn prepare_failed(
        &mut self,
        province: ProvinceCode,
        transfer_ids: &[TransferId],
        step: &mut Step<'_>,
    ) {
        let live: Vec<TransferId> =
            transfer_ids.iter().filter(|id| self.live.contains_key(id)).copied().collect();
        for transfer_id in live {
            // A node can fail its own legs only, whatever ids its answer names.
            let is_party =
                |it: Arc<TransferRow>| it.payer_province == province || it.payee_province == province;
            if !row(transfer_id, step).is_some_and(is_party) {
                continue;
            }
            self.lose_vote(transfer_id, province, step);
        }
    }

    pub(super) fn acks(&mut self, province: ProvinceCode, node: PeerMark, acks: &[Ack], step: &mut Step<'_>) {
        if !self.meet_node(province, node, step) {
            return;
        }
        let mut awaited = false;
        for ack in acks {
            let Some(transfer) = row(ack.transfer_id, step) else {
                continue;
            };
            let is_party =
                transfer.provinces()[ack.side] == province && transfer.terms_digest == ack.terms_digest;
            if !is_party || !transfer.state.is_decided() {
                continue;
            }
            match ack.result {
                AckResult::Rejected if !is_moot(ack, &transfer) => self.park(ack, step),
                AckResult::Recorded | AckResult::Already | AckResult::Rejected => {
                    let recorded = transfer.recorded();
                    if recorded[ack.side].is_none() {
                        let other = recorded[ack.side.other()]
                            .is_none()
                            .then(|| transfer.provinces()[ack.side.other()]);
                        let leg = (ack.transfer_id, ack.side);
                        awaited |= self.take_receipt(leg, province, other, step.now.mono);
                    }
                }
            }
            for decision in self.outbox.answered(province, ack.transfer_id, ack.side) {
                step.effect(Effect::Decide(province, decision));
            }
            self.told_again((ack.transfer_id, ack.side), province, step);
        }
        if awaited {
            self.journal_receipts(step);
        }
    }

    /// A province rejected a decision: an incident for people; it is told again only after a restart.
    fn park(&mut self, ack: &Ack, step: &mut Step<'_>) {
        let refusal =
            ack.refusal.clone().unwrap_or_else(|| RefusalRecord::new(Reason::ContraryOrder, ack.side));
        let noted = step.rows().get::<IncidentRow>(&Key::Incident(ack.transfer_id, ack.side));
        // What a recovery noted about the transfer hides no rejection.
        if noted.is_none_or(|noted| noted.refusal.reason != refusal.reason) {
            step.record(IncidentRaised {
                transfer_id: ack.transfer_id,
                side: ack.side,
                refusal,
                time: step.now.civil,
            });
            step.effect(Effect::Alarm(ack.transfer_id, ack.side));
        }
    }

    /// Answers the callers of a transfer whose wait is over.
    pub(super) fn answer_ready(&mut self, transfer_id: TransferId, step: &mut Step<'_>) {
        let Some(transfer) = row(transfer_id, step) else {
            return;
        };
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

/// Whether a rejection says all that the hub wants to know: what was aborted is not held there, but other terms, of an
/// earlier life of a hub that lost them, are. They end when the node asks about them. It counts as a receipt.
fn is_moot(ack: &Ack, transfer: &TransferRow) -> bool {
    let differs = ack.refusal.as_ref().is_some_and(|refusal| refusal.reason == Reason::TermsDiffer);
    differs && transfer.state == TransferState::Aborted
}
