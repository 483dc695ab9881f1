use super::*;
use crate::domain::hub::tables::{PositionRow, TransferRow};
use crate::domain::hub::{Answer, Input};
use crate::domain::machine::operation::{Operation, OperationRequest, OperationWord};
use crate::domain::machine::{Machine, Output, SelfRow, TableRow, Ticket};
use crate::domain::protocol::TransferState;
use crate::domain::value::{Money, ProvinceCode};
use crate::testkit::{NOON, PAYER, Pair, id, operator};

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

/// A node of an earlier program would refuse what it is told of "20261121-2", and the hub would take that for its word.
#[test]
fn no_further_cut_is_opened_while_a_node_cannot_read_its_name() {
    let mut pair = Pair::new();
    pair.network.now.civil.0 += i64::try_from(DAY_MS).expect("small");
    assert_eq!(counted_in(&mut pair, 1), Some(day("20261122")));
    pair.network.now.civil.0 = NOON;
    let propose = |name: &str, word| {
        let operator = operator(name);
        let request = OperationRequest { operation_id: id(50), operator, word, is_clock_believed: true };
        Input::Operate { ticket: Ticket::new(77), request, reads_cuts: false }
    };
    let (operation, reason_code) = (Operation::LowerTime(Civil(NOON)), "CLOCK_REPAIRED".to_owned());
    let word = OperationWord::Propose { operation, reason_code, note: String::new() };
    pair.run_hub(propose("a", word));
    pair.run_hub(propose("b", OperationWord::Approve));
    assert_eq!(pair.hub.get::<SelfRow>(&Key::OWN).map(|own| own.civil), Some(Civil(NOON)), "lowered");
    assert_eq!(open(&pair), Some(day("20261122")));
    assert_eq!(counted_in(&mut pair, 2), Some(day("20261122")));
}

fn close(pair: &mut Pair, window: &str, unread_by: Option<ProvinceCode>) -> Result<WindowRow, Reason> {
    let (ticket, operator) = (Ticket::new(8), operator("wang"));
    let outputs = pair.run_hub(Input::CloseWindow { ticket, window: day(window), operator, unread_by });
    let answer = outputs.into_iter().find_map(|output| match output {
        Output::Answer(8, Answer::Closed(row)) => Some(Ok(row)),
        Output::Answer(8, Answer::Refused(refusal)) => Some(Err(refusal.reason)),
        _ => None,
    });
    answer.expect("an answer")
}

#[test]
fn an_operator_closes_a_window_early_and_a_repeat_closes_no_other_one() {
    let mut pair = Pair::new();
    assert_eq!(counted_in(&mut pair, 1), Some(day("20261121")));
    let row = close(&mut pair, "20261121", None).expect("closed");
    assert_eq!((row.close_time, row.closer.as_str()), (Civil(NOON), operator("wang").as_str()));
    pass(&mut pair, 1_000);
    assert_eq!(close(&mut pair, "20261121", None), Ok(row.clone()), "as it stands");
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261121-2")), vec![day("20261121")]));
    assert_eq!(counted_in(&mut pair, 2), Some(day("20261121-2")));
    close(&mut pair, "20261121-2", None).expect("closed");
    for never in ["20261120", "20261122", "20261121-4"] {
        assert_eq!(close(&mut pair, never, None), Err(Reason::WindowNotFound), "{never}");
    }
    // The day ends with its third window.
    pass(&mut pair, HALF_DAY_MS);
    let of_day = ["20261121", "20261121-2", "20261121-3"].map(day);
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261122")), of_day.to_vec()));
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
}

/// A node of an earlier program cannot read the name of what would be open next.
#[test]
fn a_window_is_not_closed_early_while_a_node_cannot_read_the_next_one() {
    let mut pair = Pair::new();
    assert_eq!(close(&mut pair, "20261121", Some(PAYER)), Err(Reason::CutNotRead));
    assert_eq!((open(&pair), closed(&pair)), (Some(day("20261121")), vec![]));
    pass(&mut pair, HALF_DAY_MS);
    assert!(close(&mut pair, "20261121", Some(PAYER)).is_ok(), "its day is over");
}

#[test]
fn a_day_has_42_windows_at_most() {
    let mut pair = Pair::new();
    for cut in 2..=42 {
        let window = open(&pair).expect("open").to_string();
        close(&mut pair, &window, None).expect("closed");
        assert_eq!(open(&pair), Some(day(&format!("20261121-{cut}"))));
    }
    assert_eq!(close(&mut pair, "20261121-42", None), Err(Reason::CutsUsedUp));
    pass(&mut pair, HALF_DAY_MS);
    assert_eq!(open(&pair), Some(day("20261122")));
}
