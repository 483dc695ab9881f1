//! Searches against nodes that are in memory: sound but for some rows, and ones that contradict themselves.

use super::*;
use crate::domain::protocol::Kind;
use crate::domain::value::{ProvinceCode, Side};

const GROUP: Group = (ProvinceCode::new(51), Side::Payer, Kind::TRANSFER);

fn window() -> Window {
    Window::parse("20261121").expect("a window")
}

fn seen(number: u64) -> Seen {
    let transfer_id = TransferId(u128::from(number).to_be_bytes());
    Seen { window: window(), hub_seq: number * 7, transfer_id, amount: Money::from_fen(100) }
}

fn rows(count: u64) -> Vec<Seen> {
    (1..=count).map(seen).collect()
}

fn within(rows: &[Seen], first: u64, last: u64) -> impl Iterator<Item = Seen> {
    rows.iter().copied().filter(move |it| (first..=last).contains(&it.hub_seq))
}

/// A search against a node that has these rows, in their order by number, and answers as `falsify` leaves it.
fn search(hub: Vec<Seen>, mut node: Vec<Seen>, falsify: impl Fn(Ask, &mut Counted, &mut Vec<Seen>)) -> Found {
    node.sort_unstable_by_key(|it| it.hub_seq);
    let mut search = Search::new(window(), GROUP, hub, counted_of(GROUP, &node));
    let mut asked = 0;
    while let Some(ask) = search.ask() {
        asked += 1;
        let (Ask::Total(first, last) | Ask::Rows(first, last)) = ask;
        let rows: Vec<Seen> = within(&node, first, last).collect();
        let mut total = counted_of(GROUP, &rows);
        let mut page = rows.into_iter().take(PAGE).collect();
        falsify(ask, &mut total, &mut page);
        match ask {
            Ask::Total(..) => search.told(total),
            Ask::Rows(..) => search.shown(Some(page)),
        }
    }
    let found = search.into_found();
    assert_eq!(found.calls, asked);
    assert!(asked <= CALLS_MAX);
    found
}

fn honest(hub: Vec<Seen>, node: Vec<Seen>) -> Found {
    let found = search(hub, node, |_, _, _| {});
    assert!(!found.contradicts, "{found:?}");
    found
}

#[test]
fn one_wrong_row_of_a_million_is_found_in_less_than_forty_calls() {
    let hub = rows(1_000_000);
    for at in [0, 1, 499_999, 500_000, 777_777, 999_999] {
        let mut node = hub.clone();
        node[at].amount = Money::from_fen(101);
        let found = honest(hub.clone(), node.clone());
        let row = Differing { hub: Some(hub[at]), node: Some(node[at]) };
        assert_eq!(found.rows, [(hub[at].transfer_id, row)].into());
        assert!(found.calls < 40, "{} calls", found.calls);
    }
}

#[test]
fn what_is_missing_or_too_much_or_elsewhere_is_found_on_both_sides() {
    let hub = rows(5_000);
    let mut node = hub.clone();
    let lost = node.remove(3_210);
    let extra = Seen { hub_seq: 8, ..seen(9_999) };
    node.push(extra);
    let moved = Seen { hub_seq: 1_000_000_000, ..node[40] };
    let was = std::mem::replace(&mut node[40], moved);
    let found = honest(hub.clone(), node.clone());
    let of = |hub, node| Differing { hub, node };
    let expected = [
        (lost.transfer_id, of(Some(lost), None)),
        (extra.transfer_id, of(None, Some(extra))),
        (was.transfer_id, of(Some(was), Some(moved))),
    ];
    assert_eq!(found.rows, expected.into());
    assert_eq!(found.rows, differing(&hub, &node), "as whoever reads all of them finds it");
    assert!(found.calls < 40, "{} calls", found.calls);
}

#[test]
fn a_group_that_one_side_lacks_is_found_whole() {
    assert_eq!(honest(rows(3), Vec::new()).rows.len(), 3);
    assert_eq!(honest(Vec::new(), rows(3)).rows.len(), 3);
    assert_eq!(honest(rows(3), rows(3)), Found::default(), "equal totals end it before the first call");
}

#[test]
fn a_node_that_has_lost_everything_ends_a_search_by_the_number_of_rows() {
    let found = honest(rows(100_000), Vec::new());
    assert!(found.given_up && found.rows.len() >= FOUND_MAX, "{} rows", found.rows.len());
    let found = honest(Vec::new(), rows(100_000));
    assert!(found.given_up && found.rows.len() <= FOUND_MAX + PAGE, "{} rows", found.rows.len());
}

#[test]
fn a_node_that_contradicts_itself_is_found_out_and_no_search_goes_on_for_ever() {
    let hub = rows(10_000);
    let mut wrong = hub.clone();
    wrong[77].amount = Money::from_fen(1);
    let cases: [fn(Ask, &mut Counted, &mut Vec<Seen>); 6] = [
        // Rows that are not asked for.
        |_, _, page| page.iter_mut().for_each(|row| row.hub_seq = u64::MAX),
        |_, _, page| page.iter_mut().for_each(|row| row.window = Window::parse("20261122").expect("another")),
        // The same page again and again.
        |_, _, page| *page = std::iter::repeat_n(seen(1), PAGE).collect(),
        // A part is more than the whole.
        |_, total, _| total.count = u64::MAX,
        // Totals of what is not shown.
        |_, _, page| page.clear(),
        |_, total, _| total.digest = Some(Digest([9; 32])),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let found = search(hub.clone(), wrong.clone(), case);
        assert!(found.contradicts, "case {number}: {found:?}");
    }
    // All it shows is as it should be, and its total is not.
    let mut one = Search::new(window(), GROUP, rows(1), Counted { count: 2, ..counted_of(GROUP, &rows(1)) });
    assert_eq!(one.ask(), Some(Ask::Rows(0, u64::MAX)));
    one.shown(Some(rows(1)));
    assert_eq!(one.ask(), None);
    assert!(one.into_found().contradicts);
}

#[test]
fn an_answer_that_cannot_be_read_ends_it() {
    let mut search = Search::new(window(), GROUP, rows(2), NOTHING);
    assert!(search.ask().is_some());
    search.shown(None);
    assert_eq!(search.ask(), None);
    assert!(search.into_found().contradicts);
}
