//! The hub's side: it receives transfers, asks both provinces, decides once, and tells until it is acknowledged.

mod accept;
#[cfg(test)]
mod accept_tests;
mod acks;
mod announce;
mod awaiting;
pub mod breaks;
pub mod clearing;
pub mod compensation;
mod create;
mod decide;
mod finish;
mod heard;
mod heard_later;
mod incident;
mod left_out;
#[cfg(test)]
mod lineage_tests;
mod link;
mod live;
mod messages;
mod name_leg;
mod operate;
#[cfg(test)]
mod operate_tests;
mod outbox;
mod pages;
mod peers;
mod position;
mod post;
mod prepare_failed;
mod read_back;
mod receipts;
pub mod record;
mod recovery;
mod resolve;
mod resync;
#[cfg(test)]
mod rules_tests;
mod start;
pub mod statement;
pub mod tables;
#[cfg(test)]
mod tests;
mod tick;
mod transfer;
mod votes;
mod waits;
mod windows;

pub use accept::AcceptRequest;
pub use compensation::{CompensationRequest, CompensationWord};
pub use create::first_legs;
pub use messages::{Answer, Compensated, CreateRequest, Effect, Input, WaitMode};
pub use pages::{Page, ReadBack, decisions_of, late_decisions_of};
pub use record::Record;
pub use tables::{Key, Row, Table, first_window, transfers_where, unfinished_transfers};

use crate::domain::machine::{Caller, Machine, Needs, Ticket, WorkingSet, vault};
use crate::domain::machine::{assign, operation};
use crate::domain::protocol::{LegId, PeerMark};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::rules::rulebook::Rulebook;
use crate::domain::value::{Mono, Now, ProvinceCode, RegionDirectory, StartId, TransferId, Window};
use awaiting::{Awaiting, AwaitingVote};
use incident::{is_left_to_people, is_parked};
use left_out::LeftOut;
use live::{Live, YesVote};
use outbox::{Outbox, send};
use receipts::Receipts;
use recovery::Recovery;
use resync::Resync;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;
use tables::TransferRow;
use transfer::{begun, decision_for, row, stored, tombstone};
use waits::Waits;

/// How long transfers may take, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Shorter deadlines of a caller are refused.
    pub least_ms: u64,
    /// Longer ones are cut.
    pub most_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines { least_ms: 500, most_ms: 60_000 }
    }
}

impl Deadlines {
    /// The refusal of a deadline that is shorter than these allow.
    fn too_short(&self, deadline_ms: u64) -> Option<RefusalRecord> {
        (deadline_ms < self.least_ms).then(|| {
            let refusal = refusal(Reason::DeadlineTooShort);
            refusal.with("remaining_ms", deadline_ms).with("needed_ms", self.least_ms)
        })
    }
}

/// A refusal of the hub itself.
fn refusal(reason: Reason) -> RefusalRecord {
    RefusalRecord::new(reason, RefusalSide::Hub)
}

/// The hub's side of the protocol. Holds only what a crash may take: votes and waiting callers.
#[derive(Clone, Debug)]
pub struct HubMachine {
    start_id: StartId,
    places: Arc<RegionDirectory>,
    rulebook: Arc<Rulebook>,
    deadlines: Deadlines,
    live: BTreeMap<TransferId, Live>,
    expiries: BTreeSet<(Mono, TransferId)>,
    waits: Waits,
    outbox: Outbox,
    awaiting: Awaiting,
    receipts: Receipts,
    /// Marks seen since the last record: they are journaled with the next one, and worth no commit of their own.
    seen: BTreeMap<ProvinceCode, PeerMark>,
    resyncs: BTreeMap<ProvinceCode, Resync>,
    recovery: Option<Recovery>,
    left_out: BTreeMap<ProvinceCode, LeftOut>,
    /// Lost legs whose nodes are being told whose they are.
    naming: BTreeSet<LegId>,
    /// The earliest window of this store's commits, where no window was ever opened.
    first_window: Option<Window>,
    /// When the day ends, and its window is closed.
    day_ends: Option<Mono>,
    /// Whether every node was known to read the name of a further window of a day when operators spoke last.
    reads_cuts: bool,
}

/// The rows that this machine decides by.
type Rows = WorkingSet<Row>;

/// A step of this machine.
type Step<'a> = crate::domain::machine::step::Step<'a, Record, Answer, Effect>;

impl HubMachine {
    /// A hub at its start; its first input is [`Input::Start`].
    pub fn new(
        start_id: StartId,
        places: Arc<RegionDirectory>,
        rulebook: Arc<Rulebook>,
        deadlines: Deadlines,
    ) -> HubMachine {
        HubMachine {
            start_id,
            places,
            rulebook,
            deadlines,
            live: BTreeMap::new(),
            expiries: BTreeSet::new(),
            waits: Waits::default(),
            outbox: Outbox::default(),
            awaiting: Awaiting::default(),
            receipts: Receipts::default(),
            seen: BTreeMap::new(),
            resyncs: BTreeMap::new(),
            recovery: None,
            left_out: BTreeMap::new(),
            naming: BTreeSet::new(),
            first_window: None,
            day_ends: None,
            reads_cuts: false,
        }
    }

    /// What a crash takes: with its rows, all that its next step goes by. A model checker tells its states apart by it.
    pub fn volatile(&self) -> impl Hash + '_ {
        let told = (&self.outbox, &self.receipts, &self.resyncs);
        (
            &self.live,
            &self.expiries,
            &self.waits,
            self.awaiting.due(),
            told,
            &self.seen,
            (&self.recovery, &self.left_out, &self.naming),
        )
    }

    /// A hub that was restored decides nothing and answers nobody until it has heard what it lost.
    fn step_while_recovering(&mut self, input: Input, step: &mut Step<'_>) {
        let caller = HubMachine::caller(&input);
        match input {
            Input::Announce { ticket, province, node, announcement, .. } => {
                self.announce_while_recovering(ticket, (province, node), &announcement, step);
            }
            Input::Heard { province, legs, notices } => self.heard(province, (legs, notices), step),
            Input::Link { province, up } => self.link(province, up, step),
            Input::Create { .. }
            | Input::Accept { .. }
            | Input::Compensate { .. }
            | Input::Post { .. }
            | Input::CloseWindow { .. }
            | Input::Clear { .. }
            | Input::Breaks(_)
            | Input::Resolve { .. } => {
                if let Some(caller) = caller {
                    step.refuse_caller(caller, refusal(Reason::Recovering));
                }
            }
            Input::Operate { ticket, request, reads_cuts } => {
                self.reads_cuts = reads_cuts;
                operation::operate(self, ticket, &request, step);
            }
            Input::Assign { ticket, request } => assign::assign(ticket, request, step),
            Input::Keep { ticket, changes } => {
                let kept = vault::keep(changes, step);
                step.answer(ticket, kept);
            }
            Input::Rules(rulebook) => self.rulebook = rulebook,
            // What was asked by an earlier life does not count, and is asked again.
            Input::Votes { .. }
            | Input::PrepareFailed { .. }
            | Input::DecideFailed { .. }
            | Input::NoVote { .. }
            | Input::Acks { .. }
            | Input::ReadBack { .. }
            | Input::NoticesTold { .. }
            | Input::Start { .. }
            | Input::Tick => {}
        }
    }
}

impl HubMachine {
    /// Windows, months, breaks, and how far provinces were told of them.
    fn step_of_clearing(&mut self, input: Input, step: &mut Step<'_>) {
        match input {
            Input::CloseWindow { ticket, window, operator, unread_by } => {
                let closed = self.close_window(window, operator, unread_by, step);
                answer_or_refuse(ticket, closed, step);
            }
            Input::Clear { ticket, request } => self.clear(ticket, &request, step),
            Input::Breaks(input) => input.step(step),
            Input::NoticesTold { province, number, unread } => {
                self.notices_told((province, number, unread), step);
            }
            // It comes from a match that names these.
            _ => unreachable!("it is of clearing"),
        }
    }
}

/// Answers with what came of it, or with why it did not.
fn answer_or_refuse<T>(ticket: Ticket<T>, result: Result<T, RefusalRecord>, step: &mut Step<'_>)
where
    Answer: From<T>,
{
    match result {
        Ok(answer) => step.answer(ticket, answer),
        Err(refusal) => step.refuse(ticket, refusal),
    }
}

impl Machine for HubMachine {
    type Record = Record;
    type Row = Row;
    type Input = Input;
    type Answer = Answer;
    type Effect = Effect;

    fn needs(&self, now: Now, input: &Input, rows: &Rows) -> Needs<Key> {
        let mut keys = vec![Key::OWN];
        // Marks that were seen since the last record go with the next one, whatever it is about.
        keys.extend(self.seen.keys().map(|province| Key::Peer(*province)));
        let mut prefixes = Vec::new();
        let needed = &mut keys;
        windows::needs(self, now, rows, needed);
        match input {
            Input::Create { request, .. } => create::needs(request.transfer_id, rows, needed),
            Input::Accept { request, .. } => accept::needs(request.transfer_id, rows, needed),
            Input::Compensate { request, .. } => compensation::needs(request, rows, needed),
            Input::Assign { request, .. } => needed.push(assign::needs::<Row>(request)),
            Input::Operate { request, .. } => operate::needs(self, now, request, rows, needed),
            Input::Votes { province, votes, .. } => votes::needs(self, now, (*province, votes), rows, needed),
            Input::PrepareFailed { transfer_ids, .. } => prepare_failed::needs(self, transfer_ids, needed),
            Input::NoVote { refusals, .. } => {
                let ids: Vec<TransferId> = refusals.iter().map(|(id, _)| *id).collect();
                prepare_failed::needs(self, &ids, needed);
            }
            Input::Acks { province, acks, .. } => acks::needs(self, now, *province, acks, needed),
            Input::Link { .. } => link::needs(self, needed),
            Input::Announce { province, .. } => announce::needs(self, *province, needed),
            Input::ReadBack { province, decisions, .. } => read_back::needs(*province, decisions, needed),
            Input::Resolve { province, questions, .. } => resolve::needs(*province, questions, rows, needed),
            Input::Post { province, postings, .. } => post::needs(now, (*province, postings), rows, needed),
            Input::Start { unfinished, first_window, .. } => {
                start::needs(self, now, (unfinished, *first_window), rows, needed);
            }
            Input::Heard { province, legs, notices } => {
                heard::needs(self, now, (*province, legs, notices), rows, needed);
            }
            Input::NoticesTold { province, .. } => needed.push(Key::Told(*province)),
            Input::Keep { changes, .. } => vault::needs(changes, needed),
            Input::CloseWindow { window, .. } => needed.push(Key::Window(*window)),
            Input::Clear { request, .. } => prefixes = clearing::needs(request, rows, needed),
            Input::Breaks(input) => prefixes = input.needs(rows, needed),
            Input::DecideFailed { .. } | Input::Rules(_) => {}
            Input::Tick => tick::needs(self, now, needed),
        }
        keys.retain(|key| !rows.knows(key));
        Needs { keys, prefixes }
    }

    fn step(&mut self, input: Input, step: &mut Step<'_>) {
        if let Input::Announce { ticket, province, node, announcement, lineage, .. } = &input
            && let Err(other) = announce::same_stores((*province, node), (announcement, *lineage), step)
        {
            return step.refuse(*ticket, other.into());
        }
        if self.recovery.is_some() {
            return self.step_while_recovering(input, step);
        }
        self.awaiting.look(step.now);
        if HubMachine::stamps(&input) && !matches!(input, Input::Start { .. }) {
            self.close_due(step);
        }
        match input {
            Input::Create { ticket, request } => self.create(ticket, *request, step),
            Input::Accept { ticket, request } => self.accept(ticket, request, step),
            Input::Compensate { ticket, request } => self.compensate(ticket, request, step),
            Input::Operate { ticket, request, reads_cuts } => {
                self.reads_cuts = reads_cuts;
                operation::operate(self, ticket, &request, step);
            }
            Input::Assign { ticket, request } => assign::assign(ticket, request, step),
            Input::Votes { province, node, votes } => self.votes(province, node, votes, step),
            Input::PrepareFailed { province, transfer_ids } => {
                self.prepare_failed(province, &transfer_ids, step);
            }
            Input::DecideFailed { province, legs } => {
                legs.into_iter().for_each(|leg| self.outbox.rest(province, leg, step.now.mono));
            }
            Input::NoVote { province, refusals } => self.no_vote(province, refusals, step),
            Input::Acks { province, node, told, acks } => self.acks((province, node), &told, &acks, step),
            Input::Link { province, up } => self.link(province, up, step),
            Input::Announce { ticket, province, node, announcement, .. }
                if self.left_out.contains_key(&province) =>
            {
                self.announce_left_out(ticket, (province, node), &announcement, step);
            }
            Input::Announce { ticket, province, node, announcement, knows_us_to, lineage } => {
                self.announce(ticket, (province, node), (&announcement, knows_us_to, lineage), step);
            }
            Input::ReadBack { province, page, upto, end, decisions } => {
                self.read_back(province, (page, upto, end), decisions, step);
            }
            Input::Resolve { ticket, province, node, questions } => {
                self.resolve(ticket, province, node, &questions, step);
            }
            Input::Post { ticket, province, node, postings } => {
                self.post(ticket, (province, node), &postings, step);
            }
            Input::Start { unfinished, restored, first_window } => {
                self.first_window = first_window;
                self.start(unfinished, restored.as_deref(), step);
            }
            Input::Heard { province, legs, notices } => {
                self.hear_left_out(province, (legs, notices), step);
            }
            Input::Keep { ticket, changes } => {
                let kept = vault::keep(changes, step);
                step.answer(ticket, kept);
            }
            Input::CloseWindow { .. }
            | Input::Clear { .. }
            | Input::Breaks(_)
            | Input::NoticesTold { .. } => self.step_of_clearing(input, step),
            Input::Rules(rulebook) => self.rulebook = rulebook,
            Input::Tick => self.pass_time(step),
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        let awaiting = self.awaiting.wake();
        let others = [self.waits.next(), self.receipts.due(), awaiting, self.outbox.wake(), self.day_ends];
        expiry.into_iter().chain(others.into_iter().flatten()).min()
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn stamps(input: &Input) -> bool {
        !matches!(input, Input::Operate { .. } | Input::Assign { .. } | Input::Keep { .. } | Input::Breaks(_))
    }

    fn supersedes(later: &Input, earlier: &Input) -> bool {
        match (later, earlier) {
            // That a province was out of reach has its own consequences: the last of both words is kept.
            (Input::Link { province, up }, Input::Link { province: other, up: before }) => {
                (province, up) == (other, before)
            }
            (Input::Rules(_), Input::Rules(_)) | (Input::Tick, Input::Tick) => true,
            _ => false,
        }
    }

    fn caller(input: &Input) -> Option<Caller> {
        match input {
            Input::Create { ticket, .. } | Input::Accept { ticket, .. } => Some(ticket.caller()),
            Input::Compensate { ticket, .. } => Some(ticket.caller()),
            Input::Operate { ticket, .. } => Some(ticket.caller()),
            Input::Assign { ticket, .. } => Some(ticket.caller()),
            Input::Keep { ticket, .. } => Some(ticket.caller()),
            Input::CloseWindow { ticket, .. } => Some(ticket.caller()),
            Input::Clear { ticket, .. } => Some(ticket.caller()),
            Input::Breaks(input) => Some(input.caller()),
            Input::Announce { ticket, .. } => Some(ticket.caller()),
            Input::Resolve { ticket, .. } | Input::Post { ticket, .. } => Some(ticket.caller()),
            Input::Votes { .. }
            | Input::PrepareFailed { .. }
            | Input::DecideFailed { .. }
            | Input::NoVote { .. }
            | Input::Acks { .. }
            | Input::Link { .. }
            | Input::ReadBack { .. }
            | Input::Heard { .. }
            | Input::NoticesTold { .. }
            | Input::Start { .. }
            | Input::Rules(_)
            | Input::Tick => None,
        }
    }
}
