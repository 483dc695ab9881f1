use super::*;
use crate::domain::hub::tables::WindowRow;
use crate::domain::hub::{Answer, Input};
use crate::domain::machine::Output;
use crate::domain::value::Civil;
use crate::testkit::{PAYEE, PAYER, Pair, id, operator};

fn window() -> Window {
    Window::parse("20261121").expect("a window")
}

/// A pair with one transfer of 400.00 in a window that is closed.
fn closed() -> Pair {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let (ticket, operator) = (Ticket::new(8), operator("wang"));
    pair.run_hub(Input::CloseWindow { ticket, window: window(), operator, unread_by: None });
    assert!(pair.hub.get::<WindowRow>(&Key::Window(window())).is_some());
    pair
}

fn found(number: u8, node_fen: i64) -> FoundBreak {
    FoundBreak {
        transfer_id: id(number),
        bucket: Bucket::Amount,
        counterpart: PAYER,
        side: Side::Payee,
        kind: Kind::TRANSFER,
        hub_seq: 1,
        hub_amount: Some(Money::from_fen(40_000)),
        node_amount: Some(Money::from_fen(node_fen)),
    }
}

fn comparison(province: ProvinceCode, found: Vec<FoundBreak>) -> Comparison {
    let state = if found.is_empty() { Standing::Agrees } else { Standing::Differs };
    Comparison {
        window: window(),
        province,
        state,
        found,
        incomplete: false,
        counted: 1,
        pending_count: 0,
        late_count: 0,
        due_within_ms: 86_400_000,
    }
}

/// What is answered to a caller.
fn said(pair: &mut Pair, input: BreakInput) -> Answer {
    let outputs = pair.run_hub(Input::Breaks(input));
    let answer = outputs.into_iter().find_map(|output| match output {
        Output::Answer(9, answer) => Some(answer),
        _ => None,
    });
    answer.expect("an answer")
}

fn compare(pair: &mut Pair, comparison: Comparison) -> Answer {
    said(pair, BreakInput::Compared { ticket: Ticket::new(9), comparison })
}

fn row(pair: &Pair) -> BreakRow {
    pair.hub.get::<BreakRow>(&Key::Break(window(), PAYEE, id(1))).expect("a break")
}

fn close(pair: &mut Pair, name: &str, correction: Option<u8>, proof: &str) -> Result<BreakRow, Reason> {
    let request = CloseBreakRequest {
        id: (window(), PAYEE, id(1)),
        correction: correction.map(id),
        proof: proof.to_owned(),
        operator: operator(name),
    };
    match said(pair, BreakInput::Close { ticket: Ticket::new(9), request }) {
        Answer::Break(row) => Ok(*row),
        Answer::Refused(refusal) => Err(refusal.reason),
        other => panic!("{other:?}"),
    }
}

fn assign(pair: &mut Pair, owner: &str, request_id: &str) -> Result<BreakRow, Reason> {
    let request = AssignBreakRequest {
        id: (window(), PAYEE, id(1)),
        owner: operator(owner),
        note: "both journals".to_owned(),
        request_id: request_id.to_owned(),
        operator: operator("a"),
    };
    match said(pair, BreakInput::Assign { ticket: Ticket::new(9), request }) {
        Answer::Break(row) => Ok(*row),
        Answer::Refused(refusal) => Err(refusal.reason),
        other => panic!("{other:?}"),
    }
}

fn records(pair: &Pair) -> usize {
    pair.hub.journal().len()
}

fn reconciled(pair: &Pair) -> bool {
    is_reconciled(window(), &pair.hub.disk.rows())
}

#[test]
fn what_differs_is_one_break_however_often_it_is_found_and_what_is_equal_again_is_noted() {
    let mut pair = closed();
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_001)]));
    let first = row(&pair);
    assert_eq!((first.bucket, first.node_amount), (Bucket::Amount, Some(Money::from_fen(40_001))));
    assert_eq!(first.due_time, Civil(first.find_time.0 + 86_400_000));
    let before = records(&pair);
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_001)]));
    assert_eq!(records(&pair), before + 1, "that it was compared, and no other break");
    assert_eq!(row(&pair), first);
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_002)]));
    assert_eq!(row(&pair).node_amount, Some(Money::from_fen(40_002)), "as it was found last");
    // A search that was given up, and a province that has not recorded all, say nothing of what they do not show.
    compare(&mut pair, Comparison { incomplete: true, ..comparison(PAYEE, vec![found(2, 1)]) });
    compare(&mut pair, Comparison { state: Standing::Pending, ..comparison(PAYEE, vec![]) });
    assert_eq!(row(&pair).equal_time, None);
    compare(&mut pair, comparison(PAYEE, vec![]));
    assert!(row(&pair).equal_time.is_some() && row(&pair).close_time.is_none());
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_002)]));
    assert_eq!(row(&pair).equal_time, None, "it differs again");
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
}

#[test]
fn a_window_that_is_open_is_not_compared() {
    let mut pair = Pair::new();
    let answer = compare(&mut pair, comparison(PAYEE, vec![]));
    assert!(matches!(answer, Answer::Refused(refusal) if refusal.reason == Reason::WindowOpen));
}

#[test]
fn an_owner_is_noted_once_for_each_request_and_a_closed_break_gets_none() {
    let mut pair = closed();
    assert_eq!(assign(&mut pair, "wang", "r1"), Err(Reason::BreakNotFound));
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_001)]));
    let assigned = assign(&mut pair, "wang", "r1").expect("assigned");
    assert_eq!(assigned.owner, Some(operator("wang")));
    let before = records(&pair);
    assert_eq!(assign(&mut pair, "wang", "r1"), Ok(assigned.clone()));
    assert_eq!(assign(&mut pair, "li", "r1"), Err(Reason::ContentDiffers));
    assert_eq!(records(&pair), before);
    assert_eq!(assign(&mut pair, "li", "r2").expect("another").owner, Some(operator("li")));
    // Found anew it keeps its owner.
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_009)]));
    assert_eq!(row(&pair).owner, Some(operator("li")));
    close(&mut pair, "a", None, "equal").expect("proposed");
    close(&mut pair, "b", None, "equal").expect("closed");
    assert_eq!(assign(&mut pair, "wang", "r3"), Err(Reason::BreakClosed));
}

#[test]
fn two_operators_close_a_break_by_saying_the_same() {
    let mut pair = closed();
    assert_eq!(close(&mut pair, "a", None, "p"), Err(Reason::BreakNotFound));
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_001)]));
    assert_eq!(close(&mut pair, "a", Some(77), "p"), Err(Reason::CorrectionNotFound));
    let proposed = close(&mut pair, "a", Some(1), "p").expect("proposed");
    assert_eq!((proposed.proposer, proposed.close_time), (Some(operator("a")), None));
    assert_eq!(close(&mut pair, "a", Some(1), "p"), Err(Reason::SameOperator));
    // What differs is another proposal, by whoever makes it.
    let other = close(&mut pair, "b", Some(1), "q").expect("proposed");
    assert_eq!((other.proposer, other.close_time), (Some(operator("b")), None));
    assert_eq!(close(&mut pair, "b", Some(1), "q"), Err(Reason::SameOperator));
    let row = close(&mut pair, "a", Some(1), "q").expect("closed");
    assert_eq!((row.closer.clone(), row.correction), (Some(operator("a")), Some(id(1))));
    assert!(row.close_time.is_some());
    assert_eq!(close(&mut pair, "b", Some(1), "q"), Ok(row.clone()), "a repeat");
    assert_eq!(close(&mut pair, "c", None, "r"), Err(Reason::BreakClosed));
    // It stays closed while what differs is what it was, and is open again when that changes.
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_001)]));
    assert_eq!(self::row(&pair), row);
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_003)]));
    assert_eq!((self::row(&pair).close_time, self::row(&pair).proposer), (None, None));
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
}

#[test]
fn a_window_is_reconciled_when_all_agree_or_differ_by_closed_breaks_alone() {
    let mut pair = closed();
    assert!(!reconciled(&pair), "nobody was compared");
    compare(&mut pair, comparison(PAYER, vec![]));
    assert!(!reconciled(&pair), "51 was not");
    compare(&mut pair, comparison(PAYEE, vec![]));
    assert!(reconciled(&pair));
    compare(&mut pair, Comparison { counted: 0, ..comparison(PAYEE, vec![]) });
    assert!(!reconciled(&pair), "a commit came since");
    compare(&mut pair, Comparison { state: Standing::Pending, ..comparison(PAYEE, vec![]) });
    assert!(!reconciled(&pair));
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_001)]));
    assert!(!reconciled(&pair));
    close(&mut pair, "a", Some(1), "p").expect("proposed");
    assert!(!reconciled(&pair), "one operator alone");
    close(&mut pair, "b", Some(1), "p").expect("closed");
    assert!(reconciled(&pair));
    compare(&mut pair, Comparison { incomplete: true, ..comparison(PAYEE, vec![found(1, 40_001)]) });
    assert!(!reconciled(&pair), "there may be more");
    compare(&mut pair, comparison(PAYEE, vec![found(1, 40_001), found(2, 1)]));
    assert!(!reconciled(&pair), "another break");
    let rows: Vec<Row> = pair.hub.disk.rows().into_iter().filter(|row| TotalRow::of(row).is_none()).collect();
    assert!(!is_reconciled(window(), &rows));
}
