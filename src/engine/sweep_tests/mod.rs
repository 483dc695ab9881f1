//! The sweep of 06:00 under load: twenty thousand transfers that nobody took go back at one moment, while some were
//! taken just before it, others are taken too late, and new ones come. The hub's machine runs on the engine's core,
//! over a store that outlives it; time is handed in, so nothing here waits, and what is counted is turns and records.

mod world;

use crate::domain::hub::{Input, Record};
use crate::domain::protocol::{Outcome, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, Side, TransferId};
use crate::testkit::NOON;
use std::collections::{BTreeMap, BTreeSet};

use world::{IN_TIME, LATE, World, create, id, say};

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
    for record in world.cluster.hub.journal() {
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
    assert!(world.cluster.hub.rebuilds().0, "the tables are what the journal gives");
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

/// Turns until nothing is on its way and no receipt is owed: what is left is the end of the day.
fn finish(world: &mut World) {
    let soon = |world: &World| world.wake_at().is_some_and(|at| at < world.now.mono.after(3_600_000));
    while !world.answers.is_empty() || soon(world) {
        world.turn(Vec::new());
    }
}
