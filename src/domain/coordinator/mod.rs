//! The hub's side: it receives transfers, asks both provinces, decides once, and tells until it is acknowledged.

mod accept;
#[cfg(test)]
mod accept_tests;
pub mod apply;
mod create;
mod decide;
mod needs;
mod peers;
mod receipts;
mod recovery;
mod resync;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;
mod waits;

pub use accept::AcceptRequest;

use crate::domain::acceptance::AcceptedLeg;
use crate::domain::calendar::{Mono, Now};
use crate::domain::id::{Digest, StartId, TransferId};
use crate::domain::outbox::Outbox;
use crate::domain::policy::rulebook::Rulebook;
use crate::domain::policy::verification::Verification;
use crate::domain::protocol::{Ack, Decision, Question, Ruling, Vote};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::record::PeerMark;
use crate::domain::region::{ProvinceCode, RegionDirectory};
use crate::domain::row::{Key, PartiesRow, TransferRow};
use crate::domain::step::{Machine, Ticket};
use crate::domain::transfer::{Leg, Side, Terms, TermsDigests};
use crate::domain::working_set::WorkingSet;
use accept::{Awaiting, AwaitingVote};
use receipts::Receipts;
pub use recovery::HeardLeg;
use recovery::Recovery;
use resync::Resync;
pub use resync::decisions_of;
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
    /// A payee takes a transfer, or declines it.
    Accept {
        /// Who waits.
        ticket: Ticket,
        /// What he says.
        request: AcceptRequest,
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
        /// What it says of itself.
        node: Box<Announcement>,
    },
    /// A page of this hub's journal, for a node that is told again what it lost.
    ReadBack {
        /// The node's province.
        province: ProvinceCode,
        /// The page begins after this sequence.
        after: u64,
        /// And ends with this one.
        upto: u64,
        /// Whether there was no more then.
        end: bool,
        /// Its decisions on legs of the province, commits with their leg.
        decisions: Vec<Decision>,
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
        /// The store was put back from an older state: every node that may know more. Nothing: it was not.
        put_back: Option<Vec<ProvinceCode>>,
    },
    /// A node has told a hub that was put back what it may have lost.
    Heard {
        /// The node's province.
        province: ProvinceCode,
        /// Its committed legs with later numbers, and its legs in doubt.
        legs: Vec<HeardLeg>,
    },
    /// Another rulebook is in force from here on; legs that are being decided keep what they were judged by.
    Rules(Arc<Rulebook>),
    /// Time has passed.
    Tick,
}

/// What a node says when it announces itself.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The province.
    pub province: ProvinceCode,
    /// The node as it spoke.
    pub mark: PeerMark,
    /// Its journal's hash at a sequence, as proof that it holds what was seen of it.
    pub proof: Option<(u64, Digest)>,
    /// Whether this start was admitted before.
    pub again: bool,
    /// The latest life of this hub that it knows; 0 when it knows none.
    pub hub_incarnation: u64,
    /// Up to where it knows this hub's journal; nothing when what it knows is not in that.
    pub knows_us_to: Option<u64>,
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
    /// How the giver proved himself, as the client states it; no part of the content.
    pub verification: Option<Verification>,
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
    /// A node's start is admitted.
    Admitted {
        /// Its incarnation.
        incarnation: u64,
        /// Whether it is told again what it lost, and must not vote yet.
        resync: bool,
        /// The life in which this hub last recovered from being put back; 0 when it never was.
        hub_recovered: u64,
    },
    /// A node's start must prove what its journal holds at this sequence.
    Prove {
        /// The last that was seen of it.
        sequence: u64,
    },
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
    /// Ask a province to prepare a leg by its id: the payee has accepted.
    PrepareAccepted(ProvinceCode, Box<AcceptedLeg>),
    /// Tell a province a decision.
    Decide(ProvinceCode, Decision),
    /// Read this hub's journal after a sequence, for a node that is told again what it lost.
    ReadBack(ProvinceCode, u64),
    /// Ask a node for what a hub that was put back may have lost: commits with a number above this one, and what is in
    /// doubt there.
    AskWhatWasLost(ProvinceCode, u64),
    /// The hub has recovered, and speaks as this life from now on.
    Recovered(u64),
    /// People must look: a province rejected a decision, or a recovery had to decide.
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
    payer: Option<YesVote>,
    payee: Option<YesVote>,
    /// Rulebooks by which the payer's and the payee's side were judged, whatever the vote.
    judged_by: (Option<Digest>, Option<Digest>),
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
        Live { payer: None, payee: None, judged_by: (None, None), demands, awaiting: None, abort_at }
    }
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
        (&self.live, &self.expiries, &self.waits, self.awaiting.due(), told, &self.seen)
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
            self.expire(transfer_id, step);
        }
        self.sweep(step);
        if self.receipts.due().is_some_and(|due| due <= now) {
            self.journal_receipts(step);
        }
        self.waits.expire(step);
    }

    /// A hub that was put back decides nothing and answers nobody until it has heard what it lost.
    fn step_while_recovering(&mut self, input: Input, step: &mut Step<'_>) {
        match input {
            Input::Announce { ticket, node } => self.announce_while_recovering(ticket, &node, step),
            Input::Heard { province, legs } => self.heard(province, legs, step),
            Input::Link { province, up } => self.link(province, up, step),
            Input::Create { ticket, .. }
            | Input::Accept { ticket, .. }
            | Input::Get { ticket, .. }
            | Input::Resolve { ticket, .. } => {
                step.answer(ticket, Answer::Refused(RefusalRecord::new(Reason::Recovering, decide::HUB)));
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

impl Machine for Coordinator {
    type Input = Input;
    type Answer = Answer;
    type Effect = Effect;

    fn needs(&self, now: Now, input: &Input, rows: &WorkingSet) -> Vec<Key> {
        self.needed(now, input, rows)
    }

    fn step(&mut self, input: Input, step: &mut Step<'_>) {
        if self.recovery.is_some() {
            return self.step_while_recovering(input, step);
        }
        self.awaiting.look(step.now);
        match input {
            Input::Create { ticket, request } => self.create(ticket, *request, step),
            Input::Accept { ticket, request } => self.accept(ticket, request, step),
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
            Input::Announce { ticket, node } => self.announce(ticket, *node, step),
            Input::ReadBack { province, after, upto, end, decisions } => {
                self.read_back(province, (after, upto, end), decisions, step);
            }
            Input::Resolve { ticket, province, node, questions } => {
                self.resolve(ticket, province, node, &questions, step);
            }
            Input::Start { unsettled, put_back } => self.start(unsettled, put_back.as_deref(), step),
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

    fn ticket(input: &Input) -> Option<Ticket> {
        match input {
            Input::Create { ticket, .. }
            | Input::Accept { ticket, .. }
            | Input::Get { ticket, .. }
            | Input::Announce { ticket, .. }
            | Input::Resolve { ticket, .. } => Some(*ticket),
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
