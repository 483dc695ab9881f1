//! The sweep of 06:00 under load: twenty thousand transfers that nobody took go back at one moment, while some were
//! taken just before it, others are taken too late, and new ones come. The hub's machine runs on the engine's core,
//! over a store that outlives it; time is handed in, so nothing here waits, and what is counted is turns and records.

use super::Core;
use crate::domain::acceptance::AcceptedLeg;
use crate::domain::apply::apply;
use crate::domain::calendar::{Civil, Mono, Now};
use crate::domain::coordinator::{
    AcceptRequest, Answer, Coordinator, CreateRequest, Deadlines, Effect, Input, WaitMode,
};
use crate::domain::id::{Digest, StartId, TransferId};
use crate::domain::protocol::{Ack, AckResult, Decision, Verdict, Vote};
use crate::domain::reason::Reason;
use crate::domain::record::{PeerMark, Record};
use crate::domain::region::ProvinceCode;
use crate::domain::row::{Key, Row, TableRow, TransferRow};
use crate::domain::scan::{Filter, Scan};
use crate::domain::step::{Machine, Output};
use crate::domain::toy::{self, NOON, PAYEE, PAYER};
use crate::domain::transfer::{Outcome, Side, TransferState};
use crate::domain::working_set::WorkingSet;
use crate::store::Tables;
use crate::store::memory::{MemoryDisk, MemoryStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// 06:00 of the next morning in Shanghai.
const SIX: i64 = NOON + 18 * 3_600_000;
/// Transfers that wait in the evening.
const WAITING: u32 = 20_000;
/// What one round of the sweep may give back, and the least time between two rounds.
const ROUND: usize = 100;
const PAUSE_MS: u64 = 20;
/// How long a turn of the writer takes here.
const TURN_MS: u64 = 5;
/// So many turns after its own a payment is decided that comes while the sweep goes on: as soon as its votes are there.
const TURNS_MAX: u64 = 1;
/// More turns than a test has: one that loses something must fail.
const TURNS_IN_ALL: u32 = 3_000;

fn id(number: u32) -> TransferId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    TransferId(id)
}

fn digest(number: u32) -> Digest {
    let mut digest = [3; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    Digest(digest)
}

fn create(number: u32) -> Input {
    let Input::Create { request, .. } = toy::create(0, 1, 100) else { panic!("not what it makes") };
    let mut digests = request.digests;
    digests.whole = digest(number);
    let mut parties = request.parties.clone();
    parties.transfer_id = id(number);
    let request = CreateRequest {
        transfer_id: id(number),
        digests,
        parties,
        wait: WaitMode::Decided,
        ..request.as_ref().clone()
    };
    Input::Create { ticket: u64::from(number), request: Box::new(request) }
}

/// Tickets of their own for what is said about a transfer, in time and too late.
const IN_TIME: u64 = 1 << 32;
const LATE: u64 = 2 << 32;

fn say(tickets: u64, number: u32, takes: bool) -> Input {
    let request = AcceptRequest {
        transfer_id: id(number),
        payee: Digest([1; 32]),
        takes,
        wait: WaitMode::Decided,
        deadline_ms: 10_000,
    };
    Input::Accept { ticket: tickets + u64::from(number), request }
}

fn node(province: ProvinceCode) -> PeerMark {
    let start_id = StartId([province.number(); 16]);
    PeerMark { incarnation: 1, start_id, sequence: 1, head_hash: Digest::default() }
}

/// A hub, and two provinces that do what it says.
struct World {
    disk: MemoryDisk,
    core: Core<Coordinator, MemoryStore>,
    now: Now,
    starts: u8,
    /// What the provinces answer in the next turn.
    answers: Vec<Input>,
    /// What each leg was told, for ever.
    told: BTreeMap<(TransferId, Side), Outcome>,
    /// Who was answered what.
    heard: BTreeMap<u64, (TransferState, Option<Reason>)>,
    /// Those that wait, or were taken and not decided yet.
    open: BTreeSet<TransferId>,
    turns: u32,
    /// When the sweep gave something back, and how much: one entry a round.
    rounds: Vec<(Mono, usize)>,
}

impl World {
    fn new() -> World {
        let disk = MemoryDisk::new();
        let core = Core::new(machine(1), disk.open()).expect("a core");
        let now = Now { mono: Mono(0), civil: Civil(NOON) };
        let mut world = World {
            disk,
            core,
            now,
            starts: 1,
            answers: Vec::new(),
            told: BTreeMap::new(),
            heard: BTreeMap::new(),
            open: BTreeSet::new(),
            turns: 0,
            rounds: Vec::new(),
        };
        world.begin();
        for province in [PAYER, PAYEE] {
            let mark = PeerMark { incarnation: 0, ..node(province) };
            world.run(vec![toy::announcement(0, province, mark, None)]);
        }
        world
    }

    fn begin(&mut self) {
        let all = Scan { filter: Filter::UnsettledTransfers, after: None, limit: usize::MAX };
        let unsettled = self.core.store().scan(&all).expect("rows");
        let unsettled = unsettled.iter().filter_map(TableRow::of).cloned().collect();
        self.run(vec![Input::Start { unsettled, put_back: None }]);
    }

    /// The process is gone, with all that was on its way; what is stored stays.
    fn restart(&mut self) {
        self.starts += 1;
        self.answers.clear();
        self.core = Core::new(machine(self.starts), self.disk.open()).expect("a core");
        self.begin();
    }

    /// One turn of the writer: what came, what the provinces answered, and a tick when it is time for one, as the
    /// engine's thread does it. Gives how many transfers the sweep gave back in it.
    fn turn(&mut self, came: Vec<Input>) -> usize {
        self.turns += 1;
        assert!(self.turns <= TURNS_IN_ALL, "it does not come to an end");
        self.now = Now { mono: self.now.mono.after(TURN_MS), civil: Civil(self.now.civil.0 + 5) };
        let mut inputs = std::mem::take(&mut self.answers);
        inputs.extend(came);
        let said: BTreeSet<TransferId> = inputs.iter().filter_map(said_about).collect();
        let own: usize = inputs.iter().map(records_of).sum();
        if self.core.wake_at().is_some_and(|at| at <= self.now.mono) {
            inputs.push(Coordinator::tick());
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
    fn run(&mut self, inputs: Vec<Input>) -> Vec<Record> {
        let before = self.core.head().sequence;
        let outputs = self.core.run(self.now, inputs).expect("stored");
        assert_eq!(self.core.panics(), 0);
        let (mut votes, mut acks) = (BTreeMap::new(), BTreeMap::new());
        for output in outputs {
            match output {
                Output::Answer(ticket, Answer::Transfer(row)) => {
                    let outcome = (row.state, row.refusal.map(|refusal| refusal.reason));
                    assert_eq!(self.heard.insert(ticket, outcome), None, "answered twice: {ticket}");
                }
                Output::Answer(_, Answer::Admitted { incarnation, .. }) => assert_eq!(incarnation, 1),
                Output::Answer(ticket, other) => panic!("{ticket}: {other:?}"),
                Output::Effect(Effect::Prepare(province, leg)) => {
                    let vote = first_vote(leg.transfer_id, leg.side, leg.terms_digest);
                    votes.entry(province).or_insert_with(Vec::new).push(vote);
                }
                Output::Effect(Effect::PrepareAccepted(province, leg)) => {
                    votes.entry(province).or_insert_with(Vec::new).push(yes(&leg));
                }
                Output::Effect(Effect::Decide(province, decision)) => {
                    acks.entry(province).or_insert_with(Vec::new).push(self.obey(&decision));
                }
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
        let journal = self.core.store().journal(before, usize::MAX).expect("records");
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
    fn obey(&mut self, decision: &Decision) -> Ack {
        let leg = (decision.transfer_id, decision.side);
        let before = self.told.insert(leg, decision.outcome);
        assert!(before.is_none_or(|it| it == decision.outcome), "{leg:?} is told both");
        Ack {
            transfer_id: decision.transfer_id,
            side: decision.side,
            terms_digest: decision.terms_digest,
            result: if before.is_some() { AckResult::Already } else { AckResult::Recorded },
            refusal: None,
        }
    }

    fn transfer(&self, number: u32) -> TransferRow {
        let row = self.disk.row(&Key::TransferRow(id(number)));
        row.as_ref().and_then(TransferRow::of).expect("a transfer").clone()
    }

    /// How many of the evening's have not ended.
    fn count_waiting(&self) -> usize {
        self.open.len()
    }

    fn count(&self, is: impl Fn(&TransferRow) -> bool) -> usize {
        self.disk.rows().iter().filter_map(TransferRow::of).filter(|row| is(row)).count()
    }
}

fn machine(start: u8) -> Coordinator {
    let places = Arc::new(toy::places());
    let rulebook = Arc::new(toy::rulebook(|_| ()));
    Coordinator::new(StartId([start; 16]), places, rulebook, Deadlines::default())
}

/// The payer's province holds; the payee's asks him first for those of the evening, and takes those of the morning.
fn first_vote(transfer_id: TransferId, side: Side, terms_digest: Digest) -> Vote {
    let evening = transfer_id < id(WAITING);
    let rulebook = Digest([9; 32]);
    let verdict = match side {
        Side::Payee if evening => Verdict::Awaiting { until: Civil(SIX), rulebook: Some(rulebook) },
        Side::Payer | Side::Payee => Verdict::Yes { leg_record: vec![1], rulebook },
    };
    Vote { transfer_id, side, terms_digest, verdict }
}

fn yes(leg: &AcceptedLeg) -> Vote {
    let verdict = Verdict::Yes { leg_record: vec![1], rulebook: Digest([9; 32]) };
    Vote { transfer_id: leg.transfer_id, side: leg.terms.side, terms_digest: leg.terms_digest, verdict }
}

fn said_about(input: &Input) -> Option<TransferId> {
    match input {
        Input::Accept { request, .. } => Some(request.transfer_id),
        _ => None,
    }
}

/// Most records that an input of these makes by itself.
fn records_of(input: &Input) -> usize {
    match input {
        Input::Votes { votes, .. } => votes.len(),
        _ => 1,
    }
}

/// The transfer that a record gives back because nobody took it.
fn not_taken(record: &Record) -> Option<TransferId> {
    match record {
        Record::TransferDecided(it)
            if it.refusal.as_ref().is_some_and(|refusal| refusal.reason == Reason::NotTakenInTime) =>
        {
            Some(it.transfer_id)
        }
        _ => None,
    }
}

/// A world in which so many of the evening's transfers wait, a moment before 06:00.
fn evening(waiting: u32) -> World {
    let mut world = World::new();
    for first in (0..waiting).step_by(1_000) {
        world.turn((first..first + 1_000).map(create).collect());
    }
    while !world.answers.is_empty() {
        world.turn(Vec::new());
    }
    assert_eq!(world.count(|row| row.state == TransferState::AwaitingAcceptance), waiting as usize);
    world.now.civil = Civil(SIX - 20);
    world
}

/// Of the morning, numbered after the evening's.
fn morning(turn: u32) -> impl Iterator<Item = u32> {
    WAITING + turn * 3..WAITING + turn * 3 + 3
}

/// All of the evening's transfers have ended, each once and on both sides: committed if they were taken in time.
fn demand_all_ended(world: &World, waiting: u32, taken: &BTreeSet<u32>) {
    let mut decided: BTreeMap<TransferId, u32> = BTreeMap::new();
    let mut rows = WorkingSet::complete();
    for (at, record) in world.disk.records().iter().enumerate() {
        apply(record, at as u64 + 1, &mut rows);
        if let Record::TransferDecided(it) = record {
            *decided.entry(it.transfer_id).or_default() += 1;
        }
    }
    assert!(decided.values().all(|times| *times == 1), "a transfer ends once");
    for number in 0..waiting {
        let row = world.transfer(number);
        let (state, reason, outcome) = match taken.contains(&number) {
            true => (TransferState::Committed, None, Outcome::Commit),
            false => (TransferState::Aborted, Some(Reason::NotTakenInTime), Outcome::Abort),
        };
        assert_eq!((row.state, row.refusal.map(|it| it.reason)), (state, reason), "{number}");
        for side in Side::ALL {
            assert_eq!(world.told.get(&(id(number), *side)), Some(&outcome), "{number} {side:?}");
        }
    }
    assert_eq!(world.count(|row| !row.state.is_decided()), 0);
    assert_eq!(world.count(|row| row.payer_recorded_seq.is_none() || row.payee_recorded_seq.is_none()), 0);
    let kept = world.disk.rows();
    let tables: Vec<&Row> = kept.iter().filter(|row| !row.key().table().is_vault()).collect();
    assert!(rows.rows().eq(tables), "the tables are what the journal gives");
}

#[test]
fn the_sweep_of_06_00_gives_back_twenty_thousand_while_payments_and_late_acceptances_go_on() {
    let mut world = evening(WAITING);
    // Taken in the last 20 ms before the hour: the first in the sweep's order, and some from everywhere.
    let taken: BTreeSet<u32> = (0..150).chain((0..WAITING).step_by(97)).collect();
    world.turn(taken.iter().map(|number| say(IN_TIME, *number, true)).collect());
    assert!(world.now.civil < Civil(SIX));
    let (mut swept, mut turns, mut late, mut waited) = (0, 0, 0, BTreeMap::new());
    while world.count_waiting() > 0 {
        turns += 1;
        let mut came: Vec<Input> = morning(turns).map(create).collect();
        waited.extend(morning(turns).map(|number| (u64::from(number), turns)));
        // From the other end of the sweep's order: it has not come to them yet, and they are late all the same.
        if world.now.civil >= Civil(SIX) {
            late += 1;
            came.extend([say(LATE, WAITING - 2 * late, true), say(LATE, WAITING - 2 * late + 1, false)]);
        }
        swept += world.turn(came);
        waited.retain(|ticket, since| {
            assert!(u64::from(turns - *since) <= TURNS_MAX, "{ticket} waits behind the sweep");
            !world.heard.contains_key(ticket)
        });
    }
    finish(&mut world);
    demand_all_ended(&world, WAITING, &taken);
    let said_late: BTreeSet<u32> =
        (1..=late).flat_map(|it| [WAITING - 2 * it, WAITING - 2 * it + 1]).collect();
    for number in &said_late {
        let outcome = world.heard.get(&(LATE + u64::from(*number)));
        let expected = match taken.contains(number) {
            true => (TransferState::Committed, None),
            false => (TransferState::Aborted, Some(Reason::NotTakenInTime)),
        };
        assert_eq!(outcome, Some(&expected), "{number}");
    }
    let ended_by_others = said_late.difference(&taken).count();
    assert_eq!(
        swept + taken.len() + ended_by_others,
        WAITING as usize,
        "nothing is lost, nothing ends twice"
    );
    // Full rounds, one at each pause: so long the sweep takes, and no longer.
    assert_eq!(world.rounds.len(), swept.div_ceil(ROUND));
    let (first, last) = (world.rounds[0].0, world.rounds[world.rounds.len() - 1].0);
    assert!(last.0 - first.0 <= world.rounds.len() as u64 * (PAUSE_MS + TURN_MS));
    let paid = world.count(|row| row.transfer_id >= id(WAITING) && row.state == TransferState::Committed);
    assert_eq!(paid, 3 * turns as usize, "every payment of the morning went through");
}

#[test]
fn a_hub_that_is_killed_in_the_middle_of_the_sweep_goes_on_where_it_was() {
    let waiting = 4_000;
    let mut world = evening(waiting);
    let taken: BTreeSet<u32> = (0..waiting).step_by(97).collect();
    world.turn(taken.iter().map(|number| say(IN_TIME, *number, true)).collect());
    // Its votes are on their way when it is killed for the first time.
    world.restart();
    let mut swept = 0;
    for kill in 1..=3_usize {
        while swept < kill * 1_000 {
            swept += world.turn(Vec::new());
        }
        let left = world.count_waiting();
        world.restart();
        assert_eq!(world.count_waiting(), left, "a start gives nothing back by itself, and forgets nothing");
        world.rounds.clear();
    }
    while world.count_waiting() > 0 {
        swept += world.turn(Vec::new());
    }
    finish(&mut world);
    demand_all_ended(&world, waiting, &taken);
    assert_eq!(swept + taken.len(), waiting as usize);
}

/// Turns until nothing is on its way and no receipt is owed.
fn finish(world: &mut World) {
    while !world.answers.is_empty() || world.core.wake_at().is_some() {
        world.turn(Vec::new());
    }
}
