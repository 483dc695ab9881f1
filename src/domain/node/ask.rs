//! Legs in doubt: the hub is asked about them, at once when it has restarted, and past the deadline otherwise. What was
//! decided here alone is told to the hub in the same way, until it has ruled.

use super::decide;
use super::posting::posting_of;
use super::{Effect, Life, NodeMachine, Step};
use crate::domain::machine::WorkingSet;
use crate::domain::node::tables::{Key, LegRow, Row};
use crate::domain::protocol::{PeerMark, Posting, Question, Ruling};
use crate::domain::value::{Digest, Mono, Side, TransferId};

/// After the hub's deadline has passed a node waits so long before it asks: decisions are on their way.
pub(super) const ASK_MARGIN_MS: u64 = 1_000;
/// How long a question waits for its answer before it is asked again.
pub const ASK_AGAIN_MS: u64 = 5_000;
/// Most questions in one call.
pub const ASK_MAX: usize = 1_000;

/// A leg in doubt: what it voted on, and when to ask.
#[derive(Clone, Debug, Hash)]
pub(super) struct Doubt {
    pub terms_digest: Digest,
    pub ask_at: Mono,
    /// What was decided here, to be told to the hub; none: the hub is only asked.
    pub posting: Option<Box<Posting>>,
}

impl Doubt {
    /// Of a leg that is stored, to be asked about at once.
    pub fn of(row: &LegRow) -> Doubt {
        let posting = posting_of(row).map(Box::new);
        Doubt { terms_digest: row.terms_digest, ask_at: Mono(0), posting }
    }
}

/// What the hub's answers need: what their decisions do.
pub(super) fn needs(rulings: &[Ruling], rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let decisions = rulings.iter().filter_map(|ruling| match ruling {
        Ruling::Decided(decision) => Some(decision),
        Ruling::Pending { .. } => None,
    });
    decide::needs(decisions, rows, keys);
}

impl NodeMachine {
    pub(super) fn ask(&mut self, step: &mut Step<'_>) {
        let (now, joined) = (step.now.mono, self.life == Life::Joined);
        let due = self.in_doubt.iter_mut().filter(|(_, doubt)| joined && doubt.ask_at <= now).take(ASK_MAX);
        let (mut questions, mut postings) = (Vec::new(), Vec::new());
        for ((transfer_id, side), doubt) in due {
            doubt.ask_at = now.after(ASK_AGAIN_MS);
            match &doubt.posting {
                Some(posting) => postings.push(posting.as_ref().clone()),
                None => {
                    let (transfer_id, side, terms_digest) = (*transfer_id, *side, doubt.terms_digest);
                    questions.push(Question { transfer_id, side, terms_digest });
                }
            }
        }
        if !questions.is_empty() {
            step.effect(Effect::Ask(questions));
        }
        if !postings.is_empty() {
            // The hub takes them in the order of their numbers.
            postings.sort_by_key(|posting| (posting.terms.original, posting.terms.number));
            step.effect(Effect::Post(postings));
        }
    }

    /// The hub's answers to our questions.
    pub(super) fn rulings(&mut self, hub: PeerMark, rulings: Vec<Ruling>, step: &mut Step<'_>) {
        if self.admitted(Life::Joined).and_then(|()| self.meet_admitting_hub(hub, step)).is_err() {
            return;
        }
        for ruling in rulings {
            match ruling {
                Ruling::Decided(decision) => {
                    self.take(&decision, step);
                }
                Ruling::Pending { question, ask_after_ms } => self.ask_later(&[question], ask_after_ms, step),
            }
        }
    }

    /// Puts questions off.
    pub(super) fn ask_later(&mut self, questions: &[Question], after_ms: u64, step: &Step<'_>) {
        let ask_at = step.now.mono.after(after_ms);
        for question in questions {
            if let Some(doubt) = self.in_doubt.get_mut(&(question.transfer_id, question.side)) {
                doubt.ask_at = ask_at;
            }
        }
    }

    pub(super) fn ask_at_once(&mut self, leg: (TransferId, Side), step: &Step<'_>) {
        if let Some(doubt) = self.in_doubt.get_mut(&leg) {
            doubt.ask_at = step.now.mono;
        }
    }
}
