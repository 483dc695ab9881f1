use super::*;
use crate::domain::machine::Change;
use crate::domain::value::{AccountKind, Civil, EntryKind, MemberRef};
use crate::store::memory::MemoryStore;
use crate::store::{Commit, Journal};

const DAY_MS: i64 = 86_400_000;
/// Midnight of 2027-01-01 in Shanghai.
const NEW_YEAR: i64 = 1_798_732_800_000;

/// Lines of one wallet, given as (milliseconds after the new year, fen), with ids 10, 20, 30 …
fn ledger(lines: &[(i64, i64)]) -> (MemoryStore<Record>, u64) {
    let (mut balance, mut last) = (Money::ZERO, 0);
    let mut rows: Vec<Change<crate::domain::node::Row>> = Vec::new();
    for (number, (after, fen)) in (1u64..).zip(lines) {
        balance = balance.checked_add(Money::from_fen(*fen)).unwrap();
        let entry_id = number * 10;
        rows.push(Change::unknown(EntryRow {
            entry_id,
            member_ref: MemberRef([1; 16]),
            kind: AccountKind::Wallet,
            entry_no: number,
            previous: last,
            amount: Money::from_fen(*fen),
            balance,
            entry_kind: EntryKind::TransferIn,
            transfer_id: None,
            counter_region: None,
            period: None,
            entry_time: Civil(NEW_YEAR + after),
        }));
        last = entry_id;
    }
    let mut store = MemoryStore::new();
    store.append(&Commit { records: Vec::new(), rows, vault: Vec::new() }).unwrap();
    (store, last)
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn whole(
    store: &mut MemoryStore<Record>,
    last_entry: u64,
    from: &str,
    to: &str,
) -> (i64, i64, i64, i64, Vec<u64>) {
    let period = Period { last_entry, from: day(from), to: day(to), before: None, limit: 99 };
    let found = statement(store, period).unwrap();
    assert_eq!((found.count, found.next), (found.page.len() as u64, None));
    let lines = found.page.iter().map(|row| row.entry_no).collect();
    (found.opening.fen(), found.closing.fen(), found.credit.unwrap().fen(), found.debit.unwrap().fen(), lines)
}

#[test]
fn a_period_begins_and_ends_at_midnight_in_shanghai() {
    // Last moment of the old year, first of the new one; last of January, first of February; 28 February and 1 March.
    let lines =
        [(-1, 100), (0, 20), (31 * DAY_MS - 1, -3), (31 * DAY_MS, 4), (59 * DAY_MS - 1, 5), (59 * DAY_MS, 6)];
    let (mut store, last) = ledger(&lines);
    let mut of = |from, to| whole(&mut store, last, from, to);
    assert_eq!(of("2026-12-31", "2026-12-31"), (0, 100, 100, 0, vec![1]));
    assert_eq!(of("2027-01-01", "2027-01-31"), (100, 117, 20, 3, vec![3, 2]));
    assert_eq!(of("2027-02-01", "2027-02-28"), (117, 126, 9, 0, vec![5, 4]));
    assert_eq!(of("2026-01-01", "2027-12-31"), (0, 132, 135, 3, vec![6, 5, 4, 3, 2, 1]));
    assert_eq!(of("2027-01-02", "2027-01-30"), (120, 120, 0, 0, vec![]));
    assert_eq!(of("2025-01-01", "2025-12-31"), (0, 0, 0, 0, vec![]));
    assert_eq!(of("2027-03-02", "2028-02-29"), (132, 132, 0, 0, vec![]));
}

#[test]
fn an_account_in_which_nothing_was_booked_has_an_empty_statement() {
    let period =
        Period { last_entry: 0, from: day("2026-01-01"), to: day("2026-12-31"), before: None, limit: 9 };
    let nothing = Some(Money::ZERO);
    let expected = Statement { credit: nothing, debit: nothing, ..Statement::default() };
    assert_eq!(statement(&mut MemoryStore::new(), period).unwrap(), expected);
    assert_eq!(page(&mut MemoryStore::new(), 0, 9).unwrap(), (Vec::new(), None));
}

#[test]
fn pages_give_every_line_once_and_the_same_balances() {
    let lines: Vec<(i64, i64)> = (0..7).map(|number| (number, 100)).collect();
    let (mut store, last_entry) = ledger(&lines);
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let (from, to) = (day("2027-01-01"), day("2027-01-01"));
        let page = statement(&mut store, Period { last_entry, from, to, before, limit: 3 }).unwrap();
        assert_eq!((page.opening.fen(), page.closing.fen(), page.count), (0, 700, 7));
        assert!(page.page.len() <= 3);
        seen.extend(page.page.iter().map(|row| row.entry_no));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_missing_line_is_damage_and_not_an_end() {
    let period =
        Period { last_entry: 5, from: day("2026-01-01"), to: day("2026-12-31"), before: None, limit: 9 };
    let damaged = statement(&mut MemoryStore::new(), period);
    assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
    // Also in the midst of a page: its token would lead to the same place again and again.
    let (mut store, last) = ledger(&[(0, 1), (1, 1), (2, 1)]);
    store.disk().remove(&Key::Entry(20));
    let damaged = page(&mut store, last, 9);
    assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
    assert_eq!(page(&mut store, last, 1).unwrap().1, Some(20));
    let damaged = page(&mut store, 20, 1);
    assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
}

#[test]
fn pages_of_all_lines_give_each_once() {
    let lines: Vec<(i64, i64)> = (0..7).map(|number| (number, 100)).collect();
    let (mut store, last) = ledger(&lines);
    let (mut from, mut seen) = (last, Vec::new());
    loop {
        let (lines, next) = page(&mut store, from, 3).unwrap();
        assert!((1..=3).contains(&lines.len()));
        seen.extend(lines.iter().map(|row| row.entry_no));
        let Some(next) = next else { break };
        from = next;
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_sum_that_does_not_fit_is_not_a_smaller_one() {
    let (day, most) = (day("2027-01-01"), i64::MAX);
    let (mut store, last_entry) = ledger(&[(0, most), (1, -most), (2, most), (3, -most), (4, 5)]);
    let period = Period { last_entry, from: day, to: day, before: None, limit: 9 };
    let found = statement(&mut store, period).unwrap();
    assert_eq!((found.credit, found.debit, found.closing.fen()), (None, None, 5));
    let (mut store, last_entry) = ledger(&[(0, most), (1, -most)]);
    let found = statement(&mut store, Period { last_entry, ..period }).unwrap();
    assert_eq!((found.credit, found.debit), (Some(Money::from_fen(most)), Some(Money::from_fen(most))));
}
