//! Holds what a node answered against what it was asked. Only what names a leg and terms that were asked for counts; of
//! the rest it is noted what was wrong, for the operators of both.

use crate::domain::kinds;
use crate::domain::protocol::{Leg, LegId, LegRef};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::demands;
use crate::domain::value::{Side, TransferId};
use crate::proto::hub::AnswerKind;
use crate::proto::node;
use crate::wire::status::Problem;
use std::collections::{BTreeMap, HashSet};

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What it is.
    pub(super) kind: AnswerKind,
    /// The transfer that it is about, if it names one.
    pub(super) transfer_id: Option<TransferId>,
    /// The field that is wrong.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) reason: Reason,
}

impl Fault {
    /// What is wrong with a leg that was told to a hub that recovers.
    pub(super) fn of_leg(leg: &node::LegView, problem: &Problem) -> Fault {
        let (field, reason) = problem.first_field();
        Fault { kind: AnswerKind::Leg, transfer_id: TransferId::parse(&leg.transfer_id), field, reason }
    }

    /// Why the transfer of a leg is aborted that got this instead of a vote.
    fn refusal(&self, side: Side) -> RefusalRecord {
        RefusalRecord::new(Reason::VoteMalformed, side).with("field", &self.field)
    }
}

/// An answer to many legs, sorted.
pub(super) struct Sorted<T> {
    /// What counts.
    pub(super) counts: Vec<T>,
    /// What is wrong with the rest.
    pub(super) faults: Vec<Fault>,
    /// The legs without an answer that counts, and why their transfers are aborted if a vote was asked for.
    pub(super) without: Vec<(TransferId, RefusalRecord)>,
}

/// How an answer is read: `read` makes sense of it, `named` gives the leg that it is about, `says` the id and side that
/// it states if no sense can be made of it.
pub(super) struct Reading<W, T> {
    pub(super) kind: AnswerKind,
    /// The field of the answer that holds them.
    pub(super) list: &'static str,
    pub(super) read: fn(&W) -> Result<T, Problem>,
    pub(super) named: fn(&T) -> LegRef,
    pub(super) says: fn(&W) -> (&str, i32),
}

impl<W, T> Reading<W, T> {
    /// Sorts answers by the legs that were asked for.
    pub(super) fn sort(&self, asked: impl Iterator<Item = LegRef>, answers: &[W]) -> Sorted<T> {
        let asked: HashSet<LegRef> = asked.collect();
        let mut open: BTreeMap<LegId, Option<Fault>> = asked.iter().map(|leg| (leg.id, None)).collect();
        let (mut counts, mut faults) = (Vec::with_capacity(answers.len()), Vec::new());
        let ids: HashSet<LegId> = open.keys().copied().collect();
        for wire in answers {
            let (id, field, reason) = match (self.read)(wire) {
                Ok(answer) => {
                    let leg = (self.named)(&answer);
                    if asked.contains(&leg) {
                        open.remove(&leg.id);
                        counts.push(answer);
                        continue;
                    }
                    let differs = ids.contains(&leg.id);
                    let field = if differs { "terms_digest" } else { "transfer_id" };
                    let reason = if differs { Reason::TermsDiffer } else { Reason::RequestMalformed };
                    (Some(leg.id), field.to_owned(), reason)
                }
                Err(problem) => {
                    let (id, side) = (self.says)(wire);
                    let id = TransferId::parse(id).zip(Side::from_number(side.into()));
                    let (field, reason) = problem.first_field();
                    (id.map(|(transfer_id, side)| LegId { transfer_id, side }), field, reason)
                }
            };
            let transfer_id = id.map(|id| id.transfer_id);
            let fault = Fault { kind: self.kind, transfer_id, field, reason };
            if let Some(of_leg) = id.and_then(|id| open.get_mut(&id)) {
                *of_leg = Some(fault.clone());
            }
            faults.push(fault);
        }
        let without = open.into_iter().map(|(LegId { transfer_id, side }, fault)| {
            let fault = fault.unwrap_or_else(|| {
                let field = self.list.to_owned();
                let transfer_id = Some(transfer_id);
                let none = Fault { kind: self.kind, transfer_id, field, reason: Reason::FieldRequired };
                faults.push(none.clone());
                none
            });
            (transfer_id, fault.refusal(side))
        });
        let without = without.collect();
        Sorted { counts, faults, without }
    }
}

/// Why a node that knows the protocol up to this version cannot be asked for a leg; nothing: it can.
pub(super) fn too_new(leg: &Leg, known: u32) -> Option<(TransferId, RefusalRecord)> {
    let needed = kinds::of(leg.terms.kind).since.max(demands::since(&leg.terms.demands));
    let LegId { transfer_id, side } = leg.reference.id;
    let refusal = || RefusalRecord::new(Reason::NodeTooOld, side).with("needed", needed).with("known", known);
    (needed > known).then(|| (transfer_id, refusal()))
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
