//! A hub on the engine's core, and two provinces that do what it says.

use super::{PAUSE_MS, ROUND, SIX, TURN_MS, TURNS_IN_ALL, WAITING};
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{Answer, CreateRequest, Effect, HubMachine, Input, Key, Record, WaitMode};
use crate::domain::machine::{Machine, Output, TableRow, Ticket};
use crate::domain::protocol::{
    Ack, AckResult, Announced, Ask, Decision, LegId, LegRef, Outcome, PeerMark, TransferState, Verdict, Vote,
};
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, Digest, Mono, Now, ProvinceCode, Side, StartId, TransferId};
use crate::engine::Core;
use crate::store::Tables;
use crate::testkit::{Cluster, Country, NOON, PAYEE, PAYER, accept, announcement, transfer};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn id(number: u32) -> TransferId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    TransferId(id)
}

pub(super) fn create(number: u32) -> Input {
    let request = CreateRequest { wait: WaitMode::Decided, ..transfer(id(number), 100) };
    Input::Create { ticket: Ticket::new(u64::from(number)), request: Box::new(request) }
}

/// Tickets of their own for what is said about a transfer, in time and too late.
pub(super) const IN_TIME: u64 = 1 << 32;
pub(super) const LATE: u64 = 2 << 32;

pub(super) fn say(tickets: u64, number: u32, takes: bool) -> Input {
    accept(tickets + u64::from(number), id(number), takes, WaitMode::Decided)
}

pub(super) fn node(province: ProvinceCode) -> PeerMark {
    let start_id = StartId([province.number(); 16]);
    PeerMark { incarnation: 1, start_id, sequence: 1, head_hash: Digest::default() }
}

/// A hub, and two provinces that do what it says.
pub(super) struct World {
    pub(super) cluster: Cluster<()>,
    pub(super) now: Now,
    pub(super) starts: u8,
    /// What the provinces answer in the next turn.
    pub(super) answers: Vec<Input>,
    /// What each leg was told, for ever.
    pub(super) told: BTreeMap<(TransferId, Side), Outcome>,
    /// Who was answered what.
    pub(super) heard: BTreeMap<u64, (TransferState, Option<Reason>)>,
    /// Those that wait, or were taken and not decided yet.
    pub(super) open: BTreeSet<TransferId>,
    pub(super) turns: u32,
    /// When the sweep gave something back, and how much: one entry a round.
    pub(super) rounds: Vec<(Mono, usize)>,
}

impl World {
    pub(super) fn new() -> World {
        let mut world = World {
            cluster: Cluster::down(Country::pair(|_| ()), 0, ()),
            now: Now { mono: Mono(0), civil: Civil(NOON) },
            starts: 0,
            answers: Vec::new(),
            told: BTreeMap::new(),
            heard: BTreeMap::new(),
            open: BTreeSet::new(),
            turns: 0,
            rounds: Vec::new(),
        };
        world.restart();
        for province in [PAYER, PAYEE] {
            let mark = PeerMark { incarnation: 0, ..node(province) };
            world.run(vec![announcement(0, province, mark, None)]);
        }
        world
    }

    /// The process is gone, with all that was on its way; what is stored stays.
    pub(super) fn restart(&mut self) {
        self.starts += 1;
        self.answers.clear();
        self.cluster.start_hub(StartId([self.starts; 16]), 0, false).expect("a core");
        self.run(Vec::new());
    }

    /// When the hub wants to be woken.
    pub(super) fn wake_at(&self) -> Option<Mono> {
        self.cluster.hub.wake_at()
    }

    /// One turn of the writer: what came, what the provinces answered, and a tick when it is time for one, as the
    /// engine's thread does it. Gives how many transfers the sweep gave back in it.
    pub(super) fn turn(&mut self, came: Vec<Input>) -> usize {
        self.turns += 1;
        assert!(self.turns <= TURNS_IN_ALL, "it does not come to an end");
        self.now = Now { mono: self.now.mono.after(TURN_MS), civil: Civil(self.now.civil.0 + 5) };
        let mut inputs = std::mem::take(&mut self.answers);
        inputs.extend(came);
        let said: BTreeSet<TransferId> = inputs.iter().filter_map(said_about).collect();
        let own: usize = inputs.iter().map(records_of).sum();
        if self.wake_at().is_some_and(|at| at <= self.now.mono) {
            inputs.push(HubMachine::tick());
        }
        let records = self.run(inputs);
        let swept = records.iter().filter_map(not_taken).filter(|id| !said.contains(id)).count();
        assert!(swept <= ROUND, "{swept} in one round");
        // What the turn's inputs may make, a round, receipts of both provinces and marks of both.
        assert!(records.len() <= own + ROUND + 4, "{} records in a turn of {own} inputs", records.len());
        if swept > 0 {
            if let Some((before, _)) = self.rounds.last() {
                let apart = self.now.mono.0 - before.0;
                assert!(apart >= PAUSE_MS, "rounds {apart} ms apart: others are kept waiting");
            }
            self.rounds.push((self.now.mono, swept));
        }
        swept
    }

    /// Runs a batch; gives its records.
    pub(super) fn run(&mut self, inputs: Vec<Input>) -> Vec<Record> {
        let hub = &mut self.cluster.hub;
        let before = hub.mark().sequence;
        hub.inbox.extend(inputs);
        let outputs = hub.run(self.now).expect("stored");
        assert_eq!(hub.core.as_ref().map(Core::failures), Some(0));
        let (mut votes, mut acks) = (BTreeMap::new(), BTreeMap::new());
        for output in outputs {
            match output {
                Output::Answer(ticket, Answer::Transfer(row)) => {
                    let outcome = (row.state, row.refusal.as_ref().map(|refusal| refusal.reason));
                    assert_eq!(self.heard.insert(ticket, outcome), None, "answered twice: {ticket}");
                }
                Output::Answer(_, Answer::Announced(Announced::Admitted { incarnation, .. })) => {
                    assert_eq!(incarnation, 1)
                }
                Output::Answer(ticket, other) => panic!("{ticket}: {other:?}"),
                Output::Effect(Effect::Prepare(province, leg)) => {
                    let vote = match leg.ask {
                        Ask::ByPerson { .. } => first_vote(leg.reference),
                        Ask::ById | Ask::ByOriginal { .. } => yes(leg.reference),
                    };
                    votes.entry(province).or_insert_with(Vec::new).push(vote);
                }
                Output::Effect(Effect::Decide(province, decision)) => {
                    acks.entry(province).or_insert_with(Vec::new).push(self.obey(&decision));
                }
                Output::Effect(Effect::News) => {}
                Output::Effect(other) => panic!("{other:?}"),
            }
        }
        let votes =
            votes.into_iter().map(|(province, votes)| Input::Votes { province, node: node(province), votes });
        let acks = acks.into_iter().map(|(province, acks): (_, Vec<Ack>)| {
            let told = acks.iter().map(|ack| (ack.transfer_id, ack.side)).collect();
            Input::Acks { province, node: node(province), told, acks }
        });
        self.answers.extend(votes.chain(acks));
        let journal = self.cluster.hub.disk.journal(before, usize::MAX).expect("records");
        let records: Vec<Record> = journal.into_iter().map(|entry| entry.record).collect();
        for record in &records {
            match record {
                Record::TransferAwaiting(it) => drop(self.open.insert(it.transfer_id)),
                Record::TransferDecided(it) => drop(self.open.remove(&it.transfer_id)),
                _ => {}
            }
        }
        records
    }

    /// A province does what it is told, and would notice a contrary order.
    pub(super) fn obey(&mut self, decision: &Decision) -> Ack {
        let leg = (decision.transfer_id, decision.side);
        let before = self.told.insert(leg, decision.outcome);
        assert!(before.is_none_or(|it| it == decision.outcome), "{leg:?} is told both");
        Ack {
            transfer_id: decision.transfer_id,
            side: decision.side,
            terms_digest: decision.terms_digest,
            result: if before.is_some() { AckResult::Already } else { AckResult::Recorded },
            refusal: None,
            leg_record: Vec::new(),
        }
    }

    pub(super) fn transfer(&self, number: u32) -> TransferRow {
        self.cluster.hub.get(&Key::Transfer(id(number))).expect("a transfer")
    }

    /// How many of the evening's have not ended.
    pub(super) fn count_waiting(&self) -> usize {
        self.open.len()
    }

    pub(super) fn count(&self, is: impl Fn(&TransferRow) -> bool) -> usize {
        self.cluster.hub.disk.rows().iter().filter_map(TransferRow::of).filter(|row| is(row)).count()
    }
}

/// The payer's province holds; the payee's asks him first for those of the evening, and takes those of the morning.
pub(super) fn first_vote(leg: LegRef) -> Vote {
    match leg.id.side {
        Side::Payee if leg.id.transfer_id < id(WAITING) => {
            vote(leg, Verdict::Awaiting { until: Civil(SIX), rulebook: Some(Digest([9; 32])) })
        }
        Side::Payer | Side::Payee => yes(leg),
    }
}

pub(super) fn yes(leg: LegRef) -> Vote {
    vote(leg, Verdict::Yes { leg_record: vec![1], rulebook: Digest([9; 32]) })
}

fn vote(leg: LegRef, verdict: Verdict) -> Vote {
    let LegRef { id: LegId { transfer_id, side }, terms_digest } = leg;
    Vote { transfer_id, side, terms_digest, verdict }
}

pub(super) fn said_about(input: &Input) -> Option<TransferId> {
    match input {
        Input::Accept { request, .. } => Some(request.transfer_id),
        _ => None,
    }
}

/// Most records that an input of these makes by itself.
pub(super) fn records_of(input: &Input) -> usize {
    match input {
        Input::Votes { votes, .. } => votes.len(),
        _ => 1,
    }
}

/// The transfer that a record gives back because nobody took it.
pub(super) fn not_taken(record: &Record) -> Option<TransferId> {
    match record {
        Record::TransferDecided(it)
            if it.refusal.as_ref().is_some_and(|refusal| refusal.reason == Reason::NotTakenInTime) =>
        {
            Some(it.transfer_id)
        }
        _ => None,
    }
}
