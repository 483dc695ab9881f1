//! The hub's side: it receives transfers, asks both provinces, decides once, and tells until it is acknowledged.

mod accept;
#[cfg(test)]
mod accept_tests;
pub mod apply;
pub mod compensation;
mod create;
mod decide;
mod messages;
mod needs;
mod outbox;
mod peers;
mod read_back;
mod receipts;
pub mod record;
mod recovery;
mod resync;
#[cfg(test)]
mod rules_tests;
pub mod tables;
#[cfg(test)]
mod tests;
mod waits;

pub use accept::AcceptRequest;
pub use compensation::{CompensationRequest, CompensationWord};
pub use create::first_legs;

use crate::domain::hub::tables::TransferRow;
use crate::domain::machine::need::Needs;
use crate::domain::machine::step::{Caller, Machine, Ticket};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::call::PeerMark;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::rulebook::Rulebook;
use crate::domain::value::calendar::{Mono, Now};
use crate::domain::value::id::{Digest, StartId, TransferId};
use crate::domain::value::region::{ProvinceCode, RegionDirectory};
use crate::domain::value::side::BySide;
use accept::{Awaiting, AwaitingVote};
pub use messages::{Answer, Compensated, CreateRequest, Effect, Found, Input, WaitMode};
use outbox::Outbox;
pub use read_back::ReadBack;
use receipts::Receipts;
pub use record::Record;
use recovery::Recovery;
use resync::Resync;
pub use resync::{Page, decisions_of, late_decisions_of};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;
pub use tables::{Key, Row, Table, transfers_before, unsettled_transfers};
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
}

/// A transfer that is being decided.
#[derive(Clone, Debug, Hash)]
struct Live {
    votes: BySide<Option<YesVote>>,
    /// Rulebooks by which each side was judged, whatever the vote.
    judged_by: BySide<Option<Digest>>,
    /// The rulebook of the payer's place at the hub: what it demands of the payee travels in his leg.
    demands: Digest,
    /// The payee's first vote, when he must accept.
    awaiting: Option<AwaitingVote>,
    /// When it is aborted; an accepted transfer is asked for again then.
    abort_at: Mono,
}

impl Live {
    /// Both sides are asked; `demands`: the rulebook of the payer's place, by which the payee is asked.
    fn asked(demands: Digest, abort_at: Mono) -> Live {
        Live { votes: BySide::default(), judged_by: BySide::default(), demands, awaiting: None, abort_at }
    }
}

/// A yes that binds its node.
#[derive(Clone, Debug, Hash)]
struct YesVote {
    leg_record: Vec<u8>,
    rulebook: Digest,
}

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
        }
    }

    /// What a crash takes: with its rows, all that its next step goes by. A model checker tells its states apart by it.
    pub fn volatile(&self) -> impl Hash + '_ {
        let told = (&self.outbox, &self.receipts, &self.resyncs);
        (&self.live, &self.expiries, &self.waits, self.awaiting.due(), told, &self.seen, &self.recovery)
    }

    fn get(&self, ticket: Ticket<Vec<Option<Found>>>, transfer_ids: &[TransferId], step: &mut Step<'_>) {
        let rows = step.rows();
        let found = |id: &TransferId| {
            let transfer: Option<&TransferRow> = rows.get(&Key::Transfer(*id));
            transfer.map(|row| (row.clone(), rows.get(&Key::Parties(*id)).cloned()))
        };
        let transfers = transfer_ids.iter().map(found).collect();
        step.answer(ticket, transfers);
    }

    fn tick(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        for transfer_id in self.expired(now) {
            self.expire(transfer_id, step);
        }
        self.sweep(step);
        if self.receipts.due().is_some_and(|due| due <= now) {
            self.journal_receipts(step);
        }
        self.waits.expire(step);
    }

    /// A hub that was restored decides nothing and answers nobody until it has heard what it lost.
    fn step_while_recovering(&mut self, input: Input, step: &mut Step<'_>) {
        let caller = HubMachine::caller(&input);
        match input {
            Input::Announce { ticket, province, node, announcement, .. } => {
                self.announce_while_recovering(ticket, (province, node), &announcement, step);
            }
            Input::Heard { province, legs } => self.heard(province, legs, step),
            Input::Link { province, up } => self.link(province, up, step),
            Input::Create { .. }
            | Input::Accept { .. }
            | Input::Compensate { .. }
            | Input::Get { .. }
            | Input::Resolve { .. } => {
                let refusal = RefusalRecord::new(Reason::Recovering, decide::HUB);
                if let Some(caller) = caller {
                    step.refuse_caller(caller, refusal);
                }
            }
            Input::Rules(rulebook) => self.rulebook = rulebook,
            // What was asked by an earlier life does not count, and is asked again.
            Input::Votes { .. }
            | Input::PrepareFailed { .. }
            | Input::Acks { .. }
            | Input::ReadBack { .. }
            | Input::Start { .. }
            | Input::Tick => {}
        }
    }

    fn expired(&self, now: Mono) -> Vec<TransferId> {
        self.expiries.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }
}

impl Machine for HubMachine {
    type Record = Record;
    type Row = Row;
    type Input = Input;
    type Answer = Answer;
    type Effect = Effect;

    fn needs(&self, now: Now, input: &Input, rows: &WorkingSet<Row>) -> Needs<Key> {
        self.needed(now, input, rows).into()
    }

    fn step(&mut self, input: Input, step: &mut Step<'_>) {
        if self.recovery.is_some() {
            return self.step_while_recovering(input, step);
        }
        self.awaiting.look(step.now);
        match input {
            Input::Create { ticket, request } => self.create(ticket, *request, step),
            Input::Accept { ticket, request } => self.accept(ticket, request, step),
            Input::Compensate { ticket, request } => self.compensate(ticket, request, step),
            Input::Get { ticket, transfer_ids } => self.get(ticket, &transfer_ids, step),
            Input::Votes { province, node, votes } => self.votes(province, node, votes, step),
            Input::PrepareFailed { province, transfer_ids } => {
                self.prepare_failed(province, &transfer_ids, step);
            }
            Input::Acks { province, node, told, acks } => {
                self.acks(province, node, &acks, step);
                self.outbox.unanswered(province, &told);
            }
            Input::Link { province, up } => self.link(province, up, step),
            Input::Announce { ticket, province, node, announcement, knows_us_to } => {
                self.announce(ticket, (province, node), (&announcement, knows_us_to), step);
            }
            Input::ReadBack { province, page, upto, end, decisions } => {
                self.read_back(province, (page, upto, end), decisions, step);
            }
            Input::Resolve { ticket, province, node, questions } => {
                self.resolve(ticket, province, node, &questions, step);
            }
            Input::Start { unsettled, restored } => self.start(unsettled, restored.as_deref(), step),
            Input::Heard { .. } => {}
            Input::Rules(rulebook) => self.rulebook = rulebook,
            Input::Tick => self.tick(step),
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        let others = [self.waits.next(), self.receipts.due(), self.awaiting.wake()];
        expiry.into_iter().chain(others.into_iter().flatten()).min()
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn caller(input: &Input) -> Option<Caller> {
        match input {
            Input::Create { ticket, .. } | Input::Accept { ticket, .. } => Some(ticket.caller()),
            Input::Compensate { ticket, .. } => Some(ticket.caller()),
            Input::Get { ticket, .. } => Some(ticket.caller()),
            Input::Announce { ticket, .. } => Some(ticket.caller()),
            Input::Resolve { ticket, .. } => Some(ticket.caller()),
            Input::Votes { .. }
            | Input::PrepareFailed { .. }
            | Input::Acks { .. }
            | Input::Link { .. }
            | Input::ReadBack { .. }
            | Input::Heard { .. }
            | Input::Start { .. }
            | Input::Rules(_)
            | Input::Tick => None,
        }
    }
}
