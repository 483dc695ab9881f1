use super::*;
use crate::domain::hub::tables::{PositionRow, TransferRow};
use crate::domain::machine::operation::Operation;
use crate::domain::machine::{Machine, TableRow};
use crate::domain::protocol::TransferState;
use crate::domain::value::{Money, ProvinceCode};
use crate::testkit::{NOON, PAYER, Pair};

const DAY_MS: u64 = 86_400_000;
const HALF_DAY_MS: u64 = DAY_MS / 2;

fn day(text: &str) -> Window {
    Window::parse(text).expect("a window")
}

/// So much time passes at hub and nodes, by both clocks.
fn pass(pair: &mut Pair, ms: u64) {
    pair.network.now.civil.0 += i64::try_from(ms).expect("small");
    pair.pass(ms);
}

fn open(pair: &Pair) -> Option<Window> {
    pair.hub.get::<ClearingRow>(&Key::CLEARING).map(|row| row.open)
}

fn closed(pair: &Pair) -> Vec<Window> {
    let mut rows: Vec<Window> =
        pair.hub.disk.rows().iter().filter_map(|row| WindowRow::of(row).map(|row| row.window)).collect();
    rows.sort_unstable();
    rows
}

fn counted_in(pair: &mut Pair, number: u8) -> Option<Window> {
    pair.send(1, number, 10_000);
    let transfer: TransferRow = pair.transfer(number);
    assert_eq!(transfer.state, TransferState::Committed, "{number}: {:?}", transfer.refusal);
    transfer.window
}

#[test]
fn a_window_is_closed_when_its_day_is_over_though_nobody_pays() {
    let mut pair = Pair::new();
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261121")), vec![]));
    assert_eq!(counted_in(&mut pair, 1), Some(day("20261121")));
    let ends = pair.network.now.mono.after(HALF_DAY_MS);
    assert!(pair.hub.machine().wake_at().is_some_and(|at| at <= ends), "it wakes by itself");
    pass(&mut pair, HALF_DAY_MS - 1);
    assert_eq!(open(&pair), Some(day("20261121")), "the last millisecond is its own");
    pass(&mut pair, 1);
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261122")), vec![day("20261121")]));
    assert_eq!(counted_in(&mut pair, 2), Some(day("20261122")));
    // Three days without a word: each has its window, in order.
    pass(&mut pair, 3 * DAY_MS);
    let days = ["20261121", "20261122", "20261123", "20261124"].map(day);
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261125")), days.to_vec()));
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
}

/// What both have voted for is decided in the same step that closes the window: in the next one.
#[test]
fn what_is_decided_at_the_cut_is_counted_in_the_next_window() {
    let mut pair = Pair::new();
    pair.pass(1);
    let asked = pair.create(1, 1, 40_000);
    pair.network.now.civil.0 = NOON + i64::try_from(HALF_DAY_MS).expect("small");
    let decided = pair.vote_on(&asked);
    assert!(!decided.is_empty());
    assert_eq!(pair.transfer(1).window, Some(day("20261122")));
    assert_eq!(closed(&pair), [day("20261121")]);
}

/// A store of a program that closed no windows: its first start closes all days that are over, in order.
#[test]
fn the_first_start_closes_every_day_since_the_first_commit() {
    let mut pair = Pair::new();
    pair.hub.disk.remove(&Key::CLEARING);
    let position = |window, province, fen| PositionRow {
        window,
        province,
        owed: Money::from_fen(fen),
        sent_count: 0,
        received_count: 0,
    };
    pair.hub.disk.put(position(day("20261119"), PAYER, 100));
    pair.hub.disk.put(position(day("20261118"), ProvinceCode::new(31), -100));
    pair.start_hub_as(91, false);
    let days = ["20261118", "20261119", "20261120"].map(day);
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261121")), days.to_vec()));
    pair.start_hub_as(92, false);
    assert_eq!(closed(&pair), days, "once");
}

/// A clock that was a day ahead had closed today: what comes later today has a window of its own, and tomorrow's is
/// there when its day comes.
#[test]
fn a_clock_that_is_lowered_counts_in_its_own_day_again() {
    let mut pair = Pair::new();
    pair.network.now.civil.0 += i64::try_from(DAY_MS).expect("small");
    assert_eq!(counted_in(&mut pair, 1), Some(day("20261122")));
    pair.network.now.civil.0 = NOON;
    pair.agree(50, Operation::LowerTime(Civil(NOON))).expect("lowered");
    assert_eq!(open(&pair), Some(day("20261121-2")));
    assert_eq!(counted_in(&mut pair, 2), Some(day("20261121-2")));
    pass(&mut pair, HALF_DAY_MS);
    let days = ["20261121", "20261121-2"].map(day);
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261122")), days.to_vec()));
    assert_eq!(counted_in(&mut pair, 3), Some(day("20261122")));
}
