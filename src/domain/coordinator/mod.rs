//! The hub's side: it receives transfers, asks both provinces, decides once, and tells until it is acknowledged.

pub mod apply;
mod create;
mod decide;
mod needs;
mod peers;
mod receipts;
#[cfg(test)]
mod tests;
mod waits;

use crate::domain::calendar::{Mono, Now};
use crate::domain::id::{Digest, StartId, TransferId};
use crate::domain::outbox::Outbox;
use crate::domain::policy::rulebook::Rulebook;
use crate::domain::protocol::{Ack, Decision, Question, Ruling, Vote};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::record::PeerMark;
use crate::domain::region::{ProvinceCode, RegionDirectory};
use crate::domain::row::{Key, PartiesRow, TransferRow};
use crate::domain::step::{Machine, Ticket};
use crate::domain::transfer::{Leg, Side, Terms, TermsDigests};
use crate::domain::working_set::WorkingSet;
use receipts::Receipts;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;
use waits::Waits;

/// What can happen to the hub.
#[derive(Clone, Debug)]
pub enum Input {
    /// A client hands in a transfer, or repeats one.
    Create {
        /// Who waits.
        ticket: Ticket,
        /// What it says.
        request: Box<CreateRequest>,
    },
    /// A client asks for transfers by id.
    Get {
        /// Who waits.
        ticket: Ticket,
        /// Which.
        transfer_ids: Vec<TransferId>,
    },
    /// A province's votes.
    Votes {
        /// The province.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// Its votes.
        votes: Vec<Vote>,
    },
    /// Prepares did not reach a province, or their answer did not come back.
    PrepareFailed {
        /// The province.
        province: ProvinceCode,
        /// Which transfers.
        transfer_ids: Vec<TransferId>,
    },
    /// A province's receipts.
    Acks {
        /// The province.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// What it was told.
        told: Vec<(TransferId, Side)>,
        /// Its receipts.
        acks: Vec<Ack>,
    },
    /// A province can, or cannot, be reached.
    Link {
        /// The province.
        province: ProvinceCode,
        /// Whether it can.
        up: bool,
    },
    /// A node announces its start.
    Announce {
        /// Who waits.
        ticket: Ticket,
        /// The province.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
    },
    /// A node asks about legs in doubt.
    Resolve {
        /// Who waits.
        ticket: Ticket,
        /// The province.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// Its questions.
        questions: Vec<Question>,
    },
    /// The hub starts: decisions that were never made are made now.
    Start {
        /// Undecided transfers and those that a province has not recorded, as stored.
        unsettled: Vec<TransferRow>,
    },
    /// Time has passed.
    Tick,
}

/// A transfer as a client hands it in, checked as far as bytes and region list allow.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Chosen by the first client.
    pub transfer_id: TransferId,
    /// URI SAN of the client.
    pub owner: String,
    /// What it says.
    pub terms: Terms,
    /// Keyed digests of it.
    pub digests: TermsDigests,
    /// Masked parties and remark for the vault.
    pub parties: PartiesRow,
    /// When to answer.
    pub wait: WaitMode,
    /// How long the client waits, in milliseconds.
    pub deadline_ms: u64,
}

/// When a client wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitMode {
    /// At the decision.
    Decided,
    /// When both provinces have recorded it.
    Recorded,
}

/// What the hub tells a waiting caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The transfer as it stands.
    Transfer(Box<TransferRow>),
    /// Transfers in the order of their ids, with the vault's row; nothing where there is none.
    Transfers(Vec<Option<(TransferRow, Option<PartiesRow>)>>),
    /// The incarnation given to a node.
    Admitted(u64),
    /// A ruling for each question, in order.
    Rulings(Vec<Ruling>),
    /// Refused, nothing changed.
    Refused(RefusalRecord),
}

/// What the hub wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a province to prepare a leg.
    Prepare(ProvinceCode, Box<Leg>),
    /// Tell a province a decision.
    Decide(ProvinceCode, Decision),
    /// People must look: a province rejected a decision.
    Alarm(TransferId, Side),
}

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
pub struct Coordinator {
    start_id: StartId,
    places: Arc<RegionDirectory>,
    rulebook: Arc<Rulebook>,
    deadlines: Deadlines,
    live: BTreeMap<TransferId, Live>,
    expiries: BTreeSet<(Mono, TransferId)>,
    waits: Waits,
    outbox: Outbox,
    receipts: Receipts,
    /// Marks seen since the last record: they are journaled with the next one, and worth no commit of their own.
    seen: BTreeMap<ProvinceCode, PeerMark>,
}

/// A transfer that is being decided.
#[derive(Clone, Debug, Hash)]
struct Live {
    payer: Option<YesVote>,
    payee: Option<YesVote>,
    abort_at: Mono,
}

/// A yes that binds its node.
#[derive(Clone, Debug, Hash)]
struct YesVote {
    leg_record: Vec<u8>,
    rulebook: Digest,
}

/// A step of this machine.
type Step<'a> = crate::domain::step::Step<'a, Answer, Effect>;

impl Coordinator {
    /// A hub at its start; its first input is [`Input::Start`].
    pub fn new(
        start_id: StartId,
        places: Arc<RegionDirectory>,
        rulebook: Arc<Rulebook>,
        deadlines: Deadlines,
    ) -> Coordinator {
        Coordinator {
            start_id,
            places,
            rulebook,
            deadlines,
            live: BTreeMap::new(),
            expiries: BTreeSet::new(),
            waits: Waits::default(),
            outbox: Outbox::default(),
            receipts: Receipts::default(),
            seen: BTreeMap::new(),
        }
    }

    /// What a crash takes: with its rows, all that its next step goes by. A model checker tells its states apart by it.
    pub fn volatile(&self) -> impl Hash + '_ {
        (&self.live, &self.expiries, &self.waits, &self.outbox, &self.receipts, &self.seen)
    }

    fn get(&self, ticket: Ticket, transfer_ids: &[TransferId], step: &mut Step<'_>) {
        let rows = step.rows();
        let found = |id: &TransferId| {
            let transfer: Option<&TransferRow> = rows.get(&Key::TransferRow(*id));
            transfer.map(|row| (row.clone(), rows.get(&Key::PartiesRow(*id)).cloned()))
        };
        let transfers = transfer_ids.iter().map(found).collect();
        step.answer(ticket, Answer::Transfers(transfers));
    }

    fn tick(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        for transfer_id in self.expired(now) {
            self.abort(transfer_id, RefusalRecord::new(Reason::DeadlineExpired, decide::HUB), step);
        }
        if self.receipts.due().is_some_and(|due| due <= now) {
            self.journal_receipts(step);
        }
        self.waits.expire(step);
    }

    fn expired(&self, now: Mono) -> Vec<TransferId> {
        self.expiries.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }
}

impl Machine for Coordinator {
    type Input = Input;
    type Answer = Answer;
    type Effect = Effect;

    fn needs(&self, now: Now, input: &Input, rows: &WorkingSet) -> Vec<Key> {
        self.needed(now, input, rows)
    }

    fn step(&mut self, input: Input, step: &mut Step<'_>) {
        match input {
            Input::Create { ticket, request } => self.create(ticket, *request, step),
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
            Input::Announce { ticket, province, node } => self.announce(ticket, province, node, step),
            Input::Resolve { ticket, province, node, questions } => {
                self.resolve(ticket, province, node, &questions, step);
            }
            Input::Start { unsettled } => self.start(unsettled, step),
            Input::Tick => self.tick(step),
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        expiry.into_iter().chain(self.waits.next()).chain(self.receipts.due()).min()
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn ticket(input: &Input) -> Option<Ticket> {
        match input {
            Input::Create { ticket, .. }
            | Input::Get { ticket, .. }
            | Input::Announce { ticket, .. }
            | Input::Resolve { ticket, .. } => Some(*ticket),
            Input::Votes { .. }
            | Input::PrepareFailed { .. }
            | Input::Acks { .. }
            | Input::Link { .. }
            | Input::Start { .. }
            | Input::Tick => None,
        }
    }
}
