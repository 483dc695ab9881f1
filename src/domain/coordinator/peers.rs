//! Nodes: who they are, whether they can be reached, and what they ask. And the hub's own start.

use super::decide::{HUB, decision_for, province_of};
use super::{Answer, Coordinator, Effect, Live, Step};
use crate::domain::apply::own;
use crate::domain::id::TransferId;
use crate::domain::protocol::{Decision, Question, Ruling};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::record::{HubStarted, NodeAdmitted, PeerMark, PeerSeen, TransferBuried};
use crate::domain::region::ProvinceCode;
use crate::domain::row::{BuriedRow, Key, PeerRow, TransferRow};
use crate::domain::step::Ticket;
use crate::domain::transfer::{Outcome, TransferState};

/// A node is told to ask again so long after the transfer's own time is up.
const ASK_MARGIN_MS: u64 = 500;

impl Coordinator {
    /// Decides what the last life left undecided (it kept no persons, so it cannot ask again), and takes up
    /// delivery where it stopped.
    pub(super) fn start(&mut self, unsettled: Vec<TransferRow>, step: &mut Step<'_>) {
        let incarnation = own(step.rows()).incarnation + 1;
        step.record(HubStarted { incarnation, start_id: self.start_id, time: step.now.civil });
        for transfer in unsettled {
            match transfer.state {
                TransferState::Pending => {
                    let refusal = RefusalRecord::new(Reason::HubRestarted, HUB);
                    self.abort(transfer.transfer_id, refusal, step);
                }
                TransferState::Committed | TransferState::Aborted => self.queue(&transfer, step),
                TransferState::AwaitingAcceptance | TransferState::Accepted => {
                    self.resume(transfer.transfer_id, step);
                }
            }
        }
    }

    /// Takes note of a node as it spoke. False: it has not announced this start, or is older than what was seen.
    pub(super) fn meet_node(&mut self, province: ProvinceCode, node: PeerMark, step: &mut Step<'_>) -> bool {
        let seen = step.rows().get::<PeerRow>(&Key::PeerRow(province)).cloned();
        let Some(seen) = seen else { return false };
        if seen.incarnation != node.incarnation || seen.start_id != node.start_id {
            return false;
        }
        let latest = self.seen.get(&province).map_or(seen.sequence, |mark| mark.sequence);
        if node.sequence > latest {
            self.seen.insert(province, node);
        }
        true
    }

    /// Journals how far nodes were seen to have come, with the record that their words have led to.
    pub(super) fn note_seen(&mut self, step: &mut Step<'_>) {
        for (province, mark) in std::mem::take(&mut self.seen) {
            step.record(PeerSeen { province, mark });
        }
    }

    /// A province can, or cannot, be reached.
    pub(super) fn link(&mut self, province: ProvinceCode, up: bool, step: &mut Step<'_>) {
        if up {
            for decision in self.outbox.lighten(province) {
                step.effect(Effect::Decide(province, decision));
            }
        } else {
            self.outbox.darken(province);
            // Callers of an aborted transfer need not wait for a province that cannot be told now.
            for transfer_id in self.waits.transfers().collect::<Vec<_>>() {
                self.answer_ready(transfer_id, step);
            }
        }
    }

    /// Gives a node's new start its incarnation. A store that is older than what was seen of it is refused: it was
    /// restored or copied, and must be resynced before it may vote.
    pub(super) fn announce(
        &mut self,
        ticket: Ticket,
        province: ProvinceCode,
        node: PeerMark,
        step: &mut Step<'_>,
    ) {
        self.note_seen(step);
        let seen = step.rows().get::<PeerRow>(&Key::PeerRow(province)).cloned();
        if let Some(seen) = &seen {
            if seen.start_id == node.start_id {
                // It has taken what it was given: from now on a store that knows only an earlier life is old.
                let taken = node.incarnation == seen.incarnation && node.sequence >= seen.sequence;
                if taken && seen.spoken < seen.incarnation {
                    step.record(PeerSeen { province, mark: node });
                }
                return step.answer(ticket, Answer::Admitted(seen.incarnation));
            }
            let diverged = node.sequence == seen.sequence && node.head_hash != seen.head_hash;
            if node.sequence < seen.sequence || node.incarnation < seen.spoken || diverged {
                let refusal = RefusalRecord::new(Reason::SenderRefused, HUB)
                    .with("sequence", node.sequence)
                    .with("seen", seen.sequence);
                return step.answer(ticket, Answer::Refused(refusal));
            }
        }
        let incarnation = seen.map_or(0, |seen| seen.incarnation) + 1;
        step.record(NodeAdmitted { province, mark: PeerMark { incarnation, ..node } });
        step.answer(ticket, Answer::Admitted(incarnation));
        // Receipts of its last life that are still under way will not count: tell it again.
        for decision in self.outbox.again(province) {
            step.effect(Effect::Decide(province, decision));
        }
        self.drop_votes_of(province, step);
    }

    /// Only yes votes of a node's present life may commit: transfers that hold one of an earlier life are aborted, or,
    /// if they were accepted, asked for again.
    fn drop_votes_of(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let voted = |(transfer_id, live): (&TransferId, &Live)| {
            let transfer: Option<&TransferRow> = step.rows().get(&Key::TransferRow(*transfer_id));
            transfer.is_some_and(|transfer| {
                (live.payer.is_some() && transfer.payer_province == province)
                    || (live.payee.is_some() && transfer.payee_province == province)
            })
        };
        let stale: Vec<TransferId> =
            self.live.iter().filter(|it| voted((it.0, it.1))).map(|(id, _)| *id).collect();
        for transfer_id in stale {
            self.lose_vote(transfer_id, province, step);
        }
    }

    /// Answers a node's questions. An unknown id is first written as aborted, then answered: "not found" never means
    /// aborted, and what was answered stays true.
    pub(super) fn resolve(
        &mut self,
        ticket: Ticket,
        province: ProvinceCode,
        node: PeerMark,
        questions: &[Question],
        step: &mut Step<'_>,
    ) {
        if !self.meet_node(province, node, step) {
            let refusal = RefusalRecord::new(Reason::SenderRefused, HUB);
            return step.answer(ticket, Answer::Refused(refusal));
        }
        let is_party = |question: &Question| {
            let transfer: Option<&TransferRow> = step.rows().get(&Key::TransferRow(question.transfer_id));
            transfer.is_none_or(|transfer| {
                let same_terms = transfer.terms_digest == question.terms_digest;
                province_of(transfer, question.side) == province && same_terms
            })
        };
        if !questions.iter().all(is_party) {
            return step.answer(ticket, Answer::Refused(RefusalRecord::new(Reason::NotAParty, HUB)));
        }
        let rulings = questions.iter().map(|question| self.rule(province, question, step)).collect();
        step.answer(ticket, Answer::Rulings(rulings));
    }

    fn rule(&mut self, province: ProvinceCode, question: &Question, step: &mut Step<'_>) -> Ruling {
        let transfer: Option<&TransferRow> = step.rows().get(&Key::TransferRow(question.transfer_id));
        if let Some(transfer) = transfer {
            return match decision_for(transfer, question.side) {
                Some(decision) => Ruling::Decided(decision),
                None => {
                    let left = self.undecided_for(transfer, step.now);
                    Ruling::Pending { question: question.clone(), ask_after_ms: left + ASK_MARGIN_MS }
                }
            };
        }
        let buried: Option<&BuriedRow> = step.rows().get(&Key::BuriedRow(question.transfer_id));
        let decide_time = buried.map_or(step.now.civil, |row| row.bury_time);
        if buried.is_none() {
            step.record(TransferBuried { transfer_id: question.transfer_id, province, time: step.now.civil });
        }
        Ruling::Decided(Decision {
            transfer_id: question.transfer_id,
            side: question.side,
            terms_digest: question.terms_digest,
            outcome: Outcome::Abort,
            window: None,
            hub_seq: None,
            decide_time,
        })
    }
}
