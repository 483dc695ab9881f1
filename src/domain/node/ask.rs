//! Legs in doubt: the hub is asked about them, at once when it has restarted, and past the deadline otherwise. What was
//! decided here alone is told to the hub in the same way, until it has ruled.

use super::decide;
use super::posting::posting_of;
use super::{Effect, Life, NodeMachine, Step};
use crate::domain::machine::WorkingSet;
use crate::domain::node::tables::{Key, LegRow, Row};
use crate::domain::protocol::{PeerMark, Posting, Question, REFUSED_ASK_MS, Ruling};
use crate::domain::value::{Digest, Mono, Schedule, Side, TransferId};
use std::collections::BTreeMap;

/// After the hub's deadline has passed a node waits so long before it asks: decisions are on their way.
pub(super) const ASK_MARGIN_MS: u64 = 1_000;
/// How long a question waits for its answer before it is asked again.
pub const ASK_AGAIN_MS: u64 = 5_000;
/// Most questions in one call.
pub const ASK_MAX: usize = 1_000;

/// A leg in doubt: what it voted on.
#[derive(Clone, Debug, Hash)]
pub(super) struct Doubt {
    pub terms_digest: Digest,
    /// What was decided here, to be told to the hub; none: the hub is only asked.
    pub posting: Option<Box<Posting>>,
}

impl Doubt {
    /// Of a leg that is stored.
    pub fn of(row: &LegRow) -> Doubt {
        let posting = posting_of(row).map(Box::new);
        Doubt { terms_digest: row.terms_digest, posting }
    }
}

/// The legs in doubt, and when to ask about each.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Doubts {
    legs: BTreeMap<(TransferId, Side), Doubt>,
    ask_at: Schedule<(TransferId, Side), Mono>,
}

impl Doubts {
    /// From now on a leg is in doubt.
    pub fn insert(&mut self, leg: (TransferId, Side), doubt: Doubt, ask_at: Mono) {
        self.legs.insert(leg, doubt);
        self.ask_at.set(leg, ask_at);
    }

    /// Its decision is known.
    pub fn remove(&mut self, leg: (TransferId, Side)) {
        self.legs.remove(&leg);
        self.ask_at.remove(leg);
    }

    /// When to ask next.
    pub fn first(&self) -> Option<Mono> {
        self.ask_at.first()
    }

    /// Asks about a leg at another time, if it is in doubt.
    fn ask_at(&mut self, leg: (TransferId, Side), at: Mono) {
        if self.legs.contains_key(&leg) {
            self.ask_at.set(leg, at);
        }
    }

    /// Asks about all of them.
    pub fn ask_all_at(&mut self, at: Mono) {
        self.legs.keys().for_each(|leg| self.ask_at.set(*leg, at));
    }

    /// Those of a call, which come again if it is not answered.
    fn take_due(&mut self, now: Mono) -> Vec<((TransferId, Side), &Doubt)> {
        let mut due: Vec<(TransferId, Side)> = self.ask_at.due(now).take(ASK_MAX).collect();
        due.sort_unstable();
        due.iter().for_each(|leg| self.ask_at.set(*leg, now.after(ASK_AGAIN_MS)));
        due.into_iter().filter_map(|leg| self.legs.get(&leg).map(|doubt| (leg, doubt))).collect()
    }
}

/// What the hub's answers need: what their decisions do.
pub(super) fn needs(rulings: &[Ruling], rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let decisions = rulings.iter().filter_map(|ruling| match ruling {
        Ruling::Decided(decision) => Some(decision),
        Ruling::Pending { .. } | Ruling::Refused { .. } => None,
    });
    decide::needs(decisions, rows, keys);
}

impl NodeMachine {
    pub(super) fn ask(&mut self, step: &mut Step<'_>) {
        if self.life != Life::Joined {
            return;
        }
        let (mut questions, mut postings) = (Vec::new(), Vec::new());
        for ((transfer_id, side), doubt) in self.in_doubt.take_due(step.now.mono) {
            match &doubt.posting {
                Some(posting) => postings.push(posting.as_ref().clone()),
                None => {
                    questions.push(Question { transfer_id, side, terms_digest: doubt.terms_digest });
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
                Ruling::Refused { question, .. } => self.ask_later(&[question], REFUSED_ASK_MS, step),
            }
        }
    }

    /// Puts questions off.
    pub(super) fn ask_later(&mut self, questions: &[Question], after_ms: u64, step: &Step<'_>) {
        let ask_at = step.now.mono.after(after_ms);
        questions.iter().for_each(|it| self.in_doubt.ask_at((it.transfer_id, it.side), ask_at));
    }

    pub(super) fn ask_at_once(&mut self, leg: (TransferId, Side), step: &Step<'_>) {
        self.in_doubt.ask_at(leg, step.now.mono);
    }
}
