//! The one decision of a transfer: commit or abort, written once, and told until each province has recorded it.

use super::windows::window_now;
use super::{
    Effect, HubMachine, Rows, Step, TransferRow, WaitMode, YesVote, decision_for, position, post, refusal,
    row, send, stored,
};
use crate::domain::hub::record::{CommitDetail, TransferDecided};
use crate::domain::machine::SelfRow;
use crate::domain::machine::own::own;
use crate::domain::protocol::{Outcome, TransferEvent, TransferState, Transition};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Civil, Digest, Side, TransferId};

impl HubMachine {
    /// Both sides have voted yes.
    pub(super) fn commit(&mut self, transfer: &TransferRow, votes: BySide<YesVote>, step: &mut Step<'_>) {
        if transfer.state.on(TransferEvent::AllVotedYes) == Transition::Stays {
            return;
        }
        let window = window_now(step);
        if !position::can_hold((transfer.kind, transfer.amount), transfer.provinces(), window, step.rows()) {
            return self.abort(transfer.transfer_id, refusal(Reason::Overflow), step);
        }
        // From here on nothing may fail.
        self.note_seen(step);
        let hub_seq = own(step.rows()).hub_seq + 1;
        let rulebooks = votes.as_ref().map(|vote| Some(vote.rulebook));
        let BySide { payer: payer_leg, payee: payee_leg } = votes.map(|vote| vote.leg_record);
        let commit = CommitDetail { window, hub_seq, payer_leg, payee_leg };
        let owed = BySide { payer: true, payee: true };
        step.record(decision(transfer.transfer_id, step.now.civil, Ok(commit), rulebooks, owed));
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
        let Some(transfer) = row(transfer_id, step) else { return };
        if transfer.state.on(TransferEvent::Refused) == Transition::Stays {
            return;
        }
        self.note_seen(step);
        let judged_by = self.live.get(&transfer_id).map(|live| live.judged_by).unwrap_or_default();
        let before = BySide { payer: transfer.payer_rulebook, payee: transfer.payee_rulebook };
        let rulebooks = BySide::new(|side| judged_by[side].or(before[side]));
        let owed = BySide::new(|side| refused_by != Some(side));
        step.record(decision(transfer_id, step.now.civil, Err(refusal), rulebooks, owed));
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

    /// Queues a decided transfer for the provinces that have not recorded it.
    pub(super) fn queue(&mut self, transfer: &TransferRow, step: &mut Step<'_>) {
        let recorded = transfer.recorded();
        for (side, _) in recorded.iter().filter(|(_, recorded)| recorded.is_none()) {
            let Some(decision) = decision_for(transfer, side) else { continue };
            let province = transfer.provinces()[side];
            let Some(decision) = self.put_off(province, decision) else { continue };
            send(province, self.outbox.push(province, decision), step);
            if self.waits.is_awaited(transfer.transfer_id, WaitMode::Recorded) {
                step.effect(Effect::Flush(province));
            }
        }
    }
}

/// A decision by the rulebooks that judged: what is committed, or why it is aborted. `owed`: the sides whose provinces
/// must be told.
pub(super) fn decision(
    transfer_id: TransferId,
    decide_time: Civil,
    outcome: Result<CommitDetail, RefusalRecord>,
    rulebooks: BySide<Option<Digest>>,
    owed: BySide<bool>,
) -> TransferDecided {
    let (outcome, commit, refusal) = match outcome {
        Ok(commit) => (Outcome::Commit, Some(commit), None),
        Err(refusal) => (Outcome::Abort, None, Some(refusal)),
    };
    TransferDecided {
        transfer_id,
        outcome,
        refusal,
        decide_time,
        commit,
        payer_rulebook: rulebooks.payer,
        payee_rulebook: rulebooks.payee,
        payer_owed: owed.payer,
        payee_owed: owed.payee,
    }
}

/// The decision, with its double entry.
pub(super) fn decided(record: &TransferDecided, sequence: u64, rows: &mut Rows) {
    let transfer = stored(record.transfer_id, rows);
    let state = match record.outcome {
        Outcome::Commit => TransferState::Committed,
        Outcome::Abort => TransferState::Aborted,
    };
    if let Some(commit) = &record.commit {
        position::enter(&transfer, (commit.window, commit.hub_seq), rows);
        post::booked(&transfer, rows);
        let own = own(rows);
        // A recovering hub gives numbers that lie between those that it adopts.
        let hub_seq = own.hub_seq.max(commit.hub_seq);
        rows.put(SelfRow { hub_seq, civil: own.civil.max(record.decide_time), ..own });
    }
    rows.put(TransferRow {
        state,
        refusal: record.refusal.clone(),
        decide_time: Some(record.decide_time),
        window: record.commit.as_ref().map(|commit| commit.window),
        hub_seq: record.commit.as_ref().map(|commit| commit.hub_seq),
        decided_seq: Some(sequence),
        // A side that was never asked, or voted no, has nothing left to record.
        payer_recorded_seq: (!record.payer_owed).then_some(sequence),
        payee_recorded_seq: (!record.payee_owed).then_some(sequence),
        payer_rulebook: record.payer_rulebook,
        payee_rulebook: record.payee_rulebook,
        ..transfer
    });
}
