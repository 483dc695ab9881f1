//! A node asks about legs in doubt.

use super::incident::{is_left_to_people, is_undecided_here};
use super::{HubMachine, Key, Rows, Step, decision_for, refusal, transfer};
use crate::domain::hub::record::TransferTombstoned;
use crate::domain::hub::tables::{TombstoneRow, TransferRow};
use crate::domain::machine::Ticket;
use crate::domain::protocol::{Decision, Outcome, PeerMark, Question, Ruling};
use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;

/// A node is told to ask again so long after the transfer's own time is up.
const ASK_MARGIN_MS: u64 = 500;
/// And about one that people must look at after so long.
pub(super) const PARKED_ASK_MS: u64 = 600_000;
/// About one that waits for a province sooner: nobody has to do anything once that is back.
const LEFT_OUT_ASK_MS: u64 = 30_000;

/// What became of each id.
pub(super) fn needs(province: ProvinceCode, questions: &[Question], rows: &Rows, keys: &mut Vec<Key>) {
    keys.push(Key::Peer(province));
    questions.iter().for_each(|question| transfer::needs(question.transfer_id, rows, keys));
}

impl HubMachine {
    /// Answers a node's questions. An unknown id is first written as aborted, then answered: "not found" never means
    /// aborted, and what was answered stays true.
    pub(super) fn resolve(
        &mut self,
        ticket: Ticket<Vec<Ruling>>,
        province: ProvinceCode,
        node: PeerMark,
        questions: &[Question],
        step: &mut Step<'_>,
    ) {
        if !self.meet_node(province, node, step) {
            return step.refuse(ticket, refusal(Reason::SenderRefused));
        }
        let rulings = questions.iter().map(|question| self.rule(province, question, step)).collect();
        step.answer(ticket, rulings);
    }

    pub(super) fn rule(
        &mut self,
        province: ProvinceCode,
        question: &Question,
        step: &mut Step<'_>,
    ) -> Ruling {
        let left = is_left_to_people(question.transfer_id, step);
        let transfer: Option<&TransferRow> = step.rows().get(&Key::Transfer(question.transfer_id));
        // What a node has recorded may be a commit of these terms, whatever the id is used for here.
        let says = |it: &TransferRow| it.state.is_decided() && it.terms_digest == question.terms_digest;
        if left && !transfer.is_some_and(says) {
            let ask_after_ms =
                if is_undecided_here(question.transfer_id, step) { LEFT_OUT_ASK_MS } else { PARKED_ASK_MS };
            return Ruling::Pending { question: question.clone(), ask_after_ms };
        }
        // Terms that one province alone has told do not say who the parties of others are.
        let is_told = |it: &TransferRow| it.is_adopted() && it.terms_digest != question.terms_digest;
        if transfer.is_some_and(|it| it.provinces()[question.side] != province && !is_told(it)) {
            return Ruling::Refused { question: question.clone(), refusal: refusal(Reason::NotAParty) };
        }
        // Terms that were never this id's can only be aborted, whatever becomes of the id.
        let others = transfer.filter(|it| it.terms_digest != question.terms_digest).map(|it| it.receipt_time);
        if let Some(transfer) = transfer.filter(|_| others.is_none()) {
            return match decision_for(transfer, question.side) {
                Some(decision) => Ruling::Decided(decision),
                None => {
                    let left = self.undecided_for(transfer, step.now);
                    Ruling::Pending {
                        question: question.clone(),
                        ask_after_ms: left.saturating_add(ASK_MARGIN_MS),
                    }
                }
            };
        }
        let tombstone: Option<&TombstoneRow> = step.rows().get(&Key::Tombstone(question.transfer_id));
        let decide_time = tombstone.map(|row| row.bury_time).or(others).unwrap_or(step.now.civil);
        if tombstone.is_none() && others.is_none() {
            step.record(TransferTombstoned {
                transfer_id: question.transfer_id,
                province,
                time: step.now.civil,
            });
        }
        Ruling::Decided(Decision {
            transfer_id: question.transfer_id,
            side: question.side,
            terms_digest: question.terms_digest,
            outcome: Outcome::Abort,
            window: None,
            hub_seq: None,
            decide_time,
            leg_record: Vec::new(),
            posting: None,
            lost: None,
        })
    }
}

/// An id that a province asked for and the hub did not know.
pub(super) fn tombstoned(record: &TransferTombstoned, rows: &mut Rows) {
    rows.put(TombstoneRow {
        transfer_id: record.transfer_id,
        province: record.province,
        bury_time: record.time,
    });
}
