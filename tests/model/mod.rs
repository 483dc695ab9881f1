//! The exhaustive model: every state that a small world can reach, with the machines of production.
//!
//! A hub and two nodes run the same `step` as production does, over rows that they have made durable. Whatever may
//! happen next is tried: requests, letters in any order and any number, timers, crashes. The search is breadth first,
//! so what it finds, it finds by a shortest path.

mod broken;
mod checked;
mod checks;
mod clocks;
mod journal;
mod letter;
mod restores;
mod runs;
mod server;
mod spent;
mod starts;
mod world;

use broken::Broken;
use checked::{Checked, describe};
use checks::{COUNT, ENDS, ENDS_ALIKE, Expect, STAMPS, found, healed, is_for, named};
use restores::Restore;
use stateright::{Checker, Model, Path};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Instant;
use world::{Action, Bounds, State, World};

/// One transfer, and nothing but the network against it.
const CALM: Bounds = Bounds {
    name: "one transfer",
    requests: &[(1, 10_000)],
    daily: 3,
    hub_crashes: 0,
    node_crashes: 0,
    crashes: 0,
    failures: false,
    clocks: false,
    strays: false,
    accepts: false,
    restore: Restore::None,
    begun: &[],
    asked: false,
    steps: None,
};

/// Requests of which the second repeats the first, and the third uses its id for another amount.
const AGAIN: &[(u8, i64)] = &[(1, 10_000), (1, 10_000), (1, 20_000)];
/// Two transfers of the same payer.
const TWO: &[(u8, i64)] = &[(1, 10_000), (2, 20_000)];

/// The worlds that every `cargo test` goes through.
const SMALL: &[Bounds] = &[
    CALM,
    Bounds { name: "an id used again", requests: AGAIN, ..CALM },
    Bounds { name: "the hub crashes", hub_crashes: 1, crashes: 1, steps: Some(9), ..CALM },
    Bounds { name: "a node crashes", node_crashes: 1, crashes: 1, steps: Some(9), ..CALM },
    Bounds { name: "calls fail", failures: true, steps: Some(9), ..CALM },
    Bounds { name: "other terms", strays: true, steps: Some(9), ..CALM },
    Bounds { name: "a clock jumps", steps: Some(9), ..CLOCKS },
];

/// A clock jumps a day ahead, the hub's or a node's.
const CLOCKS: Bounds = Bounds { name: "a clock jumps", clocks: true, ..CALM };

/// A payee who takes, declines, or lets the hour pass.
const ACCEPTS: Bounds = Bounds { name: "acceptance", accepts: true, ..CALM };

/// A node's store is restored when both sides have recorded.
const NODE_BACK: Bounds =
    Bounds { name: "a node is restored", restore: Restore::Node, begun: &[6], steps: Some(5), ..CALM };
/// The hub's store is restored, and marked so.
const HUB_BACK: Bounds =
    Bounds { name: "the hub is restored", restore: Restore::Hub, begun: BEGUN, steps: Some(3), ..CALM };
/// The same, once both nodes know and are asked.
const HUB_ASKS: Bounds = Bounds { name: "and asks the nodes", asked: true, steps: Some(6), ..HUB_BACK };
/// The hub's store is restored, and nobody says so.
const HUB_UNMARKED: Bounds = Bounds { name: "nobody says so", restore: Restore::HubUnmarked, ..HUB_BACK };

/// Stores that are restored to any of their earlier states.
const RESTORES: &[Bounds] = &[
    NODE_BACK,
    Bounds { name: "before a decision", begun: &[2], steps: Some(3), ..NODE_BACK },
    HUB_BACK,
    HUB_ASKS,
    HUB_UNMARKED,
];

/// A transfer until a store is restored: prepared by the payer's side; by both; decided; recorded by one side; by both;
/// and both receipts taken.
const BEGUN: &[usize] = &[1, 2, 4, 5, 6, 8];

/// The worlds that take minutes.
const LARGE: &[Bounds] = &[
    Bounds { name: "the hub crashes", hub_crashes: 1, crashes: 1, ..CALM },
    Bounds { name: "a node crashes", node_crashes: 1, crashes: 1, ..CALM },
    Bounds { name: "calls fail", failures: true, ..CALM },
    Bounds { name: "other terms", strays: true, ..CALM },
    Bounds { steps: Some(12), ..CLOCKS },
    Bounds {
        name: "hub and nodes crash",
        hub_crashes: 1,
        node_crashes: 1,
        crashes: 2,
        steps: Some(9),
        ..CALM
    },
    Bounds {
        name: "acceptance, and a crash",
        hub_crashes: 1,
        node_crashes: 1,
        crashes: 1,
        steps: Some(9),
        ..ACCEPTS
    },
    Bounds { begun: BEGUN, ..NODE_BACK },
    Bounds { name: "a node, at any time", begun: &[], steps: Some(8), ..NODE_BACK },
    Bounds { name: "the hub, at any time", begun: &[], steps: Some(8), ..HUB_BACK },
    Bounds { steps: Some(7), ..HUB_ASKS },
    Bounds { steps: Some(5), ..HUB_UNMARKED },
    Bounds { name: "two transfers", requests: TWO, steps: Some(10), ..CALM },
    Bounds { name: "two, one a day", requests: TWO, daily: 1, steps: Some(9), ..CALM },
];

/// What a world may do at most, as a table.
fn table(worlds: &[Bounds]) {
    println!(
        "\n{:<24} {:<28} steps  crashes (hub, each node)  calls fail  strays  clocks  begun, restored",
        "world", "requests: id, fen"
    );
    for it in worlds {
        let requests: Vec<String> = it.requests.iter().map(|(id, fen)| format!("{id}, {fen}")).collect();
        let steps = it.steps.map_or("all".to_owned(), |steps| steps.to_string());
        let crashes = format!("{} ({}, {})", it.crashes, it.hub_crashes, it.node_crashes);
        let (name, requests, clocks) = (it.name, requests.join("; "), it.clocks);
        print!(
            "{name:<24} {requests:<28} {steps:<6} {crashes:<25} {:<11} {:<7} {clocks:<7}",
            it.failures, it.strays
        );
        match it.restore {
            Restore::None => println!(),
            restore => println!(" {:?}, {restore:?}", it.begun),
        }
    }
    println!("begun: letters of a transfer that have come when the store is restored; none: at any time");
    println!(
        "letters in flight: every one that was ever sent, in any order, any number of times, or never\n"
    );
}

/// A path that people can read.
fn told(checked: &Checked, path: Path<State, Action>) -> String {
    let (mut text, world) = (String::new(), &checked.world);
    for (number, (state, action)) in path.into_vec().into_iter().enumerate() {
        let beginnings = if number == 0 { world.beginnings() } else { Vec::new() };
        if let Some((how, _)) = beginnings.iter().find(|(how, first)| *first == state && !how.is_empty()) {
            let _ = writeln!(text, "   0. {how}");
        }
        match action {
            Some(action) => {
                let _ = writeln!(text, "  {:>2}. {}", number + 1, describe(world, &state, &action));
            }
            None => found(world, &state).iter().chain(healed(world, &state).1.iter()).for_each(|it| {
                let _ = writeln!(text, "      {it}");
            }),
        }
    }
    text
}

/// Goes through a world; complains with the shortest path to what must not be.
fn check(bounds: Bounds) {
    let began = Instant::now();
    let checker = Checked::new(World::new(bounds, None), None).checker();
    let checker = checker.target_max_depth(bounds.steps.map_or(usize::MAX, |steps| steps + 2));
    let checker = checker.spawn_bfs().join();
    let (states, transitions) = (checker.unique_state_count(), checker.state_count());
    // Depths begin at 1, and one more is looked at than is gone on from.
    let depth = (checker.max_depth() - 1).min(bounds.steps.unwrap_or(usize::MAX));
    let letters = checker.model().letters_most();
    println!(
        "{}: {states} states, {transitions} transitions, {depth} steps deep, at most {letters} letters, {:.1} s",
        bounds.name,
        began.elapsed().as_secs_f64()
    );
    let mut wrong = String::new();
    for number in (0..COUNT).filter(|number| is_for(*number, &checker.model().world)) {
        let (name, says, expect) = named(number);
        match (expect, checker.discovery(name)) {
            (Expect::Always, None) => println!("  always     {says}"),
            (Expect::Sometimes, Some(path)) => {
                println!("  sometimes  {says}: after {} steps", path.into_states().len() - 1);
            }
            (Expect::Always, Some(path)) => {
                let _ = writeln!(wrong, "not always: {says}\n{}", told(checker.model(), path));
            }
            (Expect::Sometimes, None) => {
                let _ = writeln!(wrong, "never: {says}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{wrong}", bounds.name);
}

#[test]
fn both_sides_or_neither_in_every_small_world() {
    table(SMALL);
    SMALL.iter().for_each(|bounds| check(*bounds));
}

#[test]
fn both_sides_or_neither_whatever_the_payee_does() {
    table(&[ACCEPTS]);
    check(ACCEPTS);
}

#[test]
fn both_sides_or_neither_when_a_store_is_restored() {
    table(RESTORES);
    RESTORES.iter().for_each(|bounds| check(*bounds));
}

#[test]
#[ignore = "takes eight minutes on two busy cores: .ci/run runs it"]
fn both_sides_or_neither_in_every_large_world() {
    table(LARGE);
    LARGE.iter().for_each(|bounds| check(*bounds));
}

/// The shortest path by which a broken protocol breaks what is watched.
fn caught(broken: Broken, bounds: Bounds, watched: &'static str) -> String {
    let checker = Checked::new(World::new(bounds, Some(broken)), Some(watched)).checker().spawn_bfs().join();
    let path = checker.discovery(watched);
    let path = path.unwrap_or_else(|| panic!("{broken:?} is not caught by {watched}"));
    let text = told(checker.model(), path);
    println!("{broken:?} breaks {watched}:\n{text}");
    text
}

#[test]
fn without_tombstones_an_aborted_id_is_held() {
    let path = caught(Broken::NoTombstone, CALM, "INV-09");
    assert!(path.contains("abort 1") && path.contains("prepare 1"), "{path}");
}

#[test]
fn an_answer_before_the_sync_splits_a_transfer() {
    let crashes = Bounds { hub_crashes: 1, crashes: 1, ..CALM };
    let path = caught(Broken::AnswersBeforeSync, crashes, ENDS_ALIKE);
    assert!(path.contains("dies before the sync"), "{path}");
}

#[test]
fn a_hub_that_presumes_abort_splits_a_transfer() {
    let crashes = Bounds { hub_crashes: 1, crashes: 1, ..CALM };
    let path = caught(Broken::HubPresumesAbort, crashes, ENDS_ALIKE);
    assert!(path.contains("starts again") && path.contains("ruling: abort 1"), "{path}");
}

#[test]
fn a_node_that_serves_before_it_was_told_what_it_lost_splits_a_transfer() {
    let lost = Bounds { restore: Restore::Node, begun: BEGUN, ..CALM };
    let path = caught(Broken::NoProof, lost, "INV-12");
    assert!(path.contains("admission"), "{path}");
}

#[test]
fn a_hub_that_was_restored_and_hears_nobody_splits_a_transfer() {
    let lost = Bounds { restore: Restore::Hub, begun: BEGUN, ..CALM };
    let path = caught(Broken::HearsNobody, lost, ENDS_ALIKE);
    assert!(path.contains("abort 1"), "{path}");
}

#[test]
fn without_a_digest_of_the_terms_two_amounts_are_booked() {
    let path = caught(Broken::NoDigest, Bounds { strays: true, ..CALM }, "INV-02");
    assert!(path.contains("of other terms"), "{path}");
}

#[test]
fn an_answer_that_never_came_is_no_receipt() {
    let path = caught(Broken::FailureIsReceipt, Bounds { failures: true, ..CALM }, "INV-09");
    assert!(path.contains("has no answer"), "{path}");
}

#[test]
fn a_clock_that_is_believed_whatever_it_shows_stamps_tomorrow() {
    let path = caught(Broken::BelievesAnyClock, CLOCKS, STAMPS);
    assert!(path.contains("jumps a day ahead"), "{path}");
}

#[test]
fn a_time_that_nobody_lowers_stops_all() {
    let path = caught(Broken::NobodyLowersTime, CLOCKS, ENDS);
    assert!(path.contains("say that the clock of the hub is right"), "{path}");
}

/// What servers and clients may come to within so many steps, with all letters kept or not.
fn reached(bounds: Bounds, keeps: bool) -> BTreeSet<u64> {
    let mut world = World::new(bounds, None);
    world.keeps = keeps;
    let steps = bounds.steps.expect("a number of steps");
    let checker = Checked::new(world, None).checker().target_max_depth(steps + 2).spawn_bfs().join();
    checker.model().world.sound.all()
}

#[test]
fn letters_that_are_taken_out_had_nothing_left_to_do() {
    let crashes = Bounds { hub_crashes: 1, node_crashes: 1, crashes: 1, ..CALM };
    for bounds in [Bounds { steps: Some(8), ..CALM }, Bounds { steps: Some(5), ..crashes }] {
        let (kept, taken_out) = (reached(bounds, true), reached(bounds, false));
        assert!(!kept.is_empty() && kept == taken_out, "{} and {}", kept.len(), taken_out.len());
    }
}
