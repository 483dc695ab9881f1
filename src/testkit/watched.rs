//! The machines of production with somebody who looks over their shoulder: which message finds which state.

use super::marks::Marks;
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{self, CompensationWord, HubMachine};
use crate::domain::machine::operation::{Operation, of_request};
use crate::domain::machine::{Caller, Machine, Needs, Step, TableRow, WorkingSet};
use crate::domain::node::tables::LegRow;
use crate::domain::node::{self, NodeMachine};
use crate::domain::protocol::leg::named;
use crate::domain::protocol::{AckResult, Ask, Decision, LegState, Outcome, Ruling, Verdict};
use crate::domain::value::{Digest, Mono, Now, Side, TransferId};
use crate::store::KeyOf;
use crate::store::memory::MemoryDisk;

/// A machine, and what its inputs find.
#[derive(Debug)]
pub struct Watched<M: Machine> {
    machine: M,
    disk: MemoryDisk<M::Record>,
    marks: Marks,
}

/// A machine whose inputs speak of transfers in states.
pub trait Marked: Machine + Sized {
    /// Marks the cells of an input.
    fn mark(&self, input: &Self::Input, sight: &Sight<'_, Self>);
}

/// Rows as a step finds them: those that its batch has loaded or changed, else those on the disk.
pub struct Sight<'a, M: Machine> {
    rows: &'a WorkingSet<M::Row>,
    disk: &'a MemoryDisk<M::Record>,
    marks: &'a Marks,
}

impl<M: Machine> Sight<'_, M> {
    fn row(&self, key: &KeyOf<M::Record>) -> Option<M::Row> {
        if self.rows.knows(key) { self.rows.row(key).cloned() } else { self.disk.row(key) }
    }
}

impl Sight<'_, NodeMachine> {
    fn leg(&self, transfer_id: TransferId, side: Side) -> (&'static str, Option<Digest>) {
        let row = self.row(&node::Key::Leg(transfer_id, side));
        let leg = row.as_ref().and_then(LegRow::of);
        (leg.map_or("never seen", |leg| LegState::name(leg.state)), leg.map(|leg| leg.terms_digest))
    }
}

impl<M: Marked> Watched<M> {
    /// The machine.
    pub fn watched(&self) -> &M {
        &self.machine
    }

    /// A machine over a disk.
    pub fn new(machine: M, disk: &MemoryDisk<M::Record>, marks: &Marks) -> Watched<M> {
        Watched { machine, disk: disk.clone(), marks: marks.clone() }
    }
}

impl<M: Marked> Machine for Watched<M> {
    type Record = M::Record;
    type Row = M::Row;
    type Input = M::Input;
    type Answer = M::Answer;
    type Effect = M::Effect;

    fn needs(&self, now: Now, input: &Self::Input, rows: &WorkingSet<M::Row>) -> Needs<KeyOf<M::Record>> {
        self.machine.needs(now, input, rows)
    }

    fn step(&mut self, input: Self::Input, step: &mut Step<'_, M::Record, M::Answer, M::Effect>) {
        let sight = Sight { rows: step.rows(), disk: &self.disk, marks: &self.marks };
        self.machine.mark(&input, &sight);
        self.machine.step(input, step);
    }

    fn wake_at(&self) -> Option<Mono> {
        self.machine.wake_at()
    }

    fn tick() -> Self::Input {
        M::tick()
    }

    fn stamps(input: &Self::Input) -> bool {
        M::stamps(input)
    }

    fn supersedes(later: &Self::Input, earlier: &Self::Input) -> bool {
        M::supersedes(later, earlier)
    }

    fn caller(input: &Self::Input) -> Option<Caller> {
        M::caller(input)
    }
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Yes { .. } => "vote yes",
        Verdict::No { .. } => "vote no",
        Verdict::Awaiting { .. } => "vote awaiting",
        Verdict::Conflict { .. } => "vote conflict",
    }
}

fn receipt(result: AckResult) -> &'static str {
    match result {
        AckResult::Recorded => "receipt",
        AckResult::Already => "receipt again",
        AckResult::Rejected => "rejection",
        AckResult::NotYet => "too early",
    }
}

impl HubMachine {
    fn mark_transfer(
        &self,
        id: TransferId,
        sight: &Sight<'_, HubMachine>,
        message: impl FnOnce(Option<&TransferRow>) -> &'static str,
    ) {
        let row = sight.row(&hub::Key::Transfer(id));
        let transfer = row.as_ref().and_then(TransferRow::of);
        let state = match transfer {
            _ if self.is_recovering() => "the hub recovers",
            Some(transfer) => transfer.state.name(),
            None if sight.row(&hub::Key::Tombstone(id)).is_some() => "tombstone",
            None => "never seen",
        };
        sight.marks.mark("hub", message(transfer), state);
    }
}

impl Marked for HubMachine {
    fn mark(&self, input: &Self::Input, sight: &Sight<'_, Self>) {
        use hub::Input;
        let same = |row: Option<&TransferRow>, digest: Digest| row.is_none_or(|it| it.terms_digest == digest);
        match input {
            Input::Create { request, .. } => {
                self.mark_transfer(request.transfer_id, sight, |row| {
                    if same(row, request.digests.whole) { "create" } else { "create, other content" }
                });
            }
            Input::Accept { request, .. } => {
                let word = if request.takes { "accept" } else { "decline" };
                self.mark_transfer(request.transfer_id, sight, |_| word);
            }
            Input::Compensate { request, .. } => {
                let word = match request.word {
                    CompensationWord::Propose { .. } => "propose",
                    CompensationWord::Approve { .. } => "approve",
                    CompensationWord::Withdraw => "withdraw",
                };
                self.mark_transfer(request.compensation_id, sight, |_| word);
            }
            Input::Operate { request, .. } => {
                if let Some(Operation::BuryId(id)) = of_request(request, sight.rows) {
                    self.mark_transfer(id, sight, |_| "bury");
                }
            }
            Input::Votes { votes, .. } => {
                for vote in votes {
                    self.mark_transfer(vote.transfer_id, sight, |_| verdict(&vote.verdict));
                }
            }
            Input::PrepareFailed { transfer_ids, .. } => {
                transfer_ids.iter().for_each(|id| self.mark_transfer(*id, sight, |_| "no vote"));
            }
            Input::NoVote { refusals, .. } => {
                refusals.iter().for_each(|(id, _)| self.mark_transfer(*id, sight, |_| "no vote"));
            }
            Input::Acks { acks, .. } => {
                acks.iter()
                    .for_each(|ack| self.mark_transfer(ack.transfer_id, sight, |_| receipt(ack.result)));
            }
            Input::Resolve { questions, .. } => {
                for question in questions {
                    self.mark_transfer(question.transfer_id, sight, |row| {
                        if same(row, question.terms_digest) { "question" } else { "question, other terms" }
                    });
                }
            }
            Input::Post { postings, .. } => {
                let ids = postings.iter().map(|posting| posting.reference.id.transfer_id);
                ids.for_each(|id| self.mark_transfer(id, sight, |_| "posting"));
            }
            Input::Start { unfinished, .. } => {
                unfinished.iter().for_each(|it| self.mark_transfer(it.transfer_id, sight, |_| "restart"));
            }
            Input::Link { .. }
            | Input::Announce { .. }
            | Input::ReadBack { .. }
            | Input::DecideFailed { .. }
            | Input::Heard { .. }
            | Input::NoticesTold { .. }
            | Input::Assign { .. }
            | Input::Keep { .. }
            | Input::CloseWindow { .. }
            | Input::Clear { .. }
            | Input::Breaks(_)
            | Input::Rules(_)
            | Input::Tick => {}
        }
    }
}

impl NodeMachine {
    fn mark_leg(&self, sight: &Sight<'_, NodeMachine>, message: &'static str, state: &'static str) {
        let state = if self.is_admitted() { state } else { "the node is not admitted" };
        sight.marks.mark("node", message, state);
    }

    fn mark_order(
        &self,
        decision: &Decision,
        sight: &Sight<'_, NodeMachine>,
        [commit, abort]: [&'static str; 2],
    ) {
        let (state, _) = sight.leg(decision.transfer_id, decision.side);
        let message = match decision.outcome {
            Outcome::Commit if decision.leg_record.is_empty() => commit,
            Outcome::Commit => "commit, replayed",
            Outcome::Abort => abort,
        };
        self.mark_leg(sight, message, state);
    }
}

impl Marked for NodeMachine {
    fn mark(&self, input: &Self::Input, sight: &Sight<'_, Self>) {
        use node::Input;
        match input {
            Input::Prepare { legs, .. } => {
                for presented in legs {
                    let by = match presented.as_ref().map(|leg| &leg.ask) {
                        Ok(Ask::ByPerson { .. }) | Err(_) => "prepare",
                        Ok(Ask::ById) => "prepare by id",
                        Ok(Ask::ByOriginal { .. }) => "prepare return",
                    };
                    let leg = named(presented);
                    let (state, known) = sight.leg(leg.id.transfer_id, leg.id.side);
                    let other = known.is_some_and(|known| known != leg.terms_digest);
                    self.mark_leg(sight, if other { "prepare, other terms" } else { by }, state);
                }
            }
            Input::Decide { decisions, .. } => {
                decisions.iter().for_each(|it| self.mark_order(it, sight, ["commit", "abort"]));
            }
            Input::Rulings { rulings, .. } => {
                for ruling in rulings {
                    match ruling {
                        Ruling::Decided(it) => self.mark_order(it, sight, ["ruling commit", "ruling abort"]),
                        Ruling::Pending { question, .. } | Ruling::Refused { question, .. } => {
                            let (state, _) = sight.leg(question.transfer_id, question.side);
                            self.mark_leg(sight, "ruling not yet", state);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}
