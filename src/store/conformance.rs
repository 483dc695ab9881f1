//! What every store must do, run on each of them.

use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{transfers_where, unfinished_transfers};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Change, Filter, Key as _, Order, Prefix, Record, Row, Scan, Table, Term};
use crate::domain::node::account::empty_account;
use crate::domain::node::legs_in_doubt;
use crate::domain::node::tables::{AccountRow, PersonRow, RequestRow};
use crate::domain::value::column::Value;
use crate::domain::value::{AccountKind, Digest, MemberRef, Money, Side, TransferId, Window};
use crate::domain::value::{Civil, ProvinceCode};
use crate::domain::{hub, node};
use crate::store::samples::{Sample, runner, typed, values};
use crate::store::sqlite::SqliteStore;
use crate::store::{Commit, Head, KeyOf, Store, StoreError, TableOf, Tables, chain, each_after, is_restored};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use std::collections::BTreeSet;

/// Each function as a test of both stores, with the records and rows of one machine.
macro_rules! on_each_store {
    ($tests:ident of $machine:ident: $($name:ident),+ $(,)?) => {
        mod $tests {
            type Record = crate::domain::$machine::Record;

            mod memory {
                $(#[test] fn $name() {
                    super::super::$name(&mut crate::store::memory::MemoryStore::<super::Record>::new());
                })+
            }
            mod sqlite {
                $(#[test] fn $name() {
                    let dir = tempfile::tempdir().unwrap();
                    let mut store = super::super::SqliteStore::<super::Record>::open(dir.path(), "hub").unwrap();
                    super::super::$name(&mut store);
                })+
            }
        }
    };
}

on_each_store!(
        hubs of hub: an_empty_store_has_nothing,
        rows_under_a_prefix_come_in_key_order,
        an_append_is_there_for_the_writer_and_for_readers,
        an_empty_commit_changes_nothing,
        the_journal_is_chained_and_read_in_pages,
        whether_a_restored_store_is_whole_is_read_in_its_journal,
        scans_come_in_key_order_and_in_pages,
        undecided_transfers_are_filtered_as_the_domain_says,
        lists_are_newest_first,
);
on_each_store!(
        nodes of node: an_empty_store_has_nothing,
        rows_under_a_prefix_come_in_key_order,
        an_append_is_there_for_the_writer_and_for_readers,
        an_empty_commit_changes_nothing,
        the_journal_is_chained_and_read_in_pages,
        whether_a_restored_store_is_whole_is_read_in_its_journal,
        scans_come_in_key_order_and_in_pages,
        legs_in_doubt_are_filtered_as_the_domain_says,
        rows_are_replaced_and_the_vault_goes_along,
        texts_are_ordered_by_their_bytes,
        a_broken_constraint_rolls_all_back_and_ends_the_store,
);

/// An account with nothing pending.
pub(super) fn account(n: u8, kind: AccountKind, posted: i64, held: i64) -> AccountRow {
    let money = Money::from_fen;
    AccountRow { posted: money(posted), held: money(held), ..empty_account(MemberRef([n; 16]), kind) }
}

pub(super) fn rows<R: Record>(rows: Vec<R::Row>) -> Commit<R> {
    Commit { rows: rows.into_iter().map(Change::unknown).collect(), ..Commit::default() }
}

pub(super) fn all_rows<R: Record, T: Tables<R, Error = StoreError> + ?Sized>(
    store: &mut T,
    filter: Filter<<R::Row as Row>::Table>,
    limit: usize,
) -> Vec<R::Row> {
    let mut scan = Scan { filter, after: None, limit };
    let mut all: Vec<R::Row> = Vec::new();
    loop {
        let page = store.scan(&scan).unwrap();
        assert!(page.len() <= limit);
        scan.after = page.last().map(Row::key);
        all.extend(page);
        if scan.after.is_none() {
            return all;
        }
    }
}

/// Rows of all tables, the same at each run, each key once.
fn many_rows<R: Row>() -> Vec<R> {
    let mut runner = runner(1);
    let mut by_key = std::collections::BTreeMap::new();
    for table in R::Table::ALL {
        for values in vec(values(*table), 200).new_tree(&mut runner).unwrap().current() {
            let row = typed::<R>(*table, values);
            by_key.insert(row.key(), row);
        }
    }
    by_key.into_values().collect()
}

/// A key that no sample has.
fn nobodys<R: Record>() -> KeyOf<R> {
    KeyOf::<R>::incident(TransferId([250; 16]), Side::Payer)
}

fn an_empty_store_has_nothing<R: Sample>(store: &mut dyn Store<R>) {
    assert_eq!(store.head(), Head { sequence: 0, hash: Digest([0; 32]) });
    assert_eq!(store.load(&[nobodys::<R>()]).unwrap(), [None]);
    assert_eq!(store.journal(0, 10).unwrap(), []);
    for table in <R::Row as Row>::Table::ALL {
        assert_eq!(store.scan(&Scan { filter: Filter::all(*table), after: None, limit: 10 }).unwrap(), []);
    }
}

fn an_append_is_there_for_the_writer_and_for_readers<R: Sample>(store: &mut dyn Store<R>) {
    let mut reader = store.reader().unwrap();
    let row = many_rows::<R::Row>().swap_remove(0);
    let records = vec![R::sample(1), R::sample(2)];
    let commit = Commit { records, rows: vec![Change::unknown(row.clone())], vault: vec![] };
    let head = store.append(&commit).unwrap();
    assert_eq!((head.sequence, head), (2, store.head()));
    let keys = [nobodys::<R>(), row.key(), nobodys::<R>(), row.key()];
    let there = Some(row);
    for written in [true, false] {
        let loaded = if written { store.load(&keys) } else { reader.load(&keys) };
        assert_eq!(loaded.unwrap(), [None, there.clone(), None, there.clone()]);
        let journal = if written { store.journal(0, 10) } else { reader.journal(0, 10) }.unwrap();
        assert_eq!(
            journal.iter().map(|entry| entry.record.clone()).collect::<Vec<_>>(),
            [R::sample(1), R::sample(2)]
        );
        assert_eq!(journal[0].transfer_id, Some(TransferId([1; 16])));
        assert_eq!(journal[1].transfer_id, None);
        assert_eq!(journal[1].hash, head.hash);
    }
}

fn an_empty_commit_changes_nothing<R: Sample>(store: &mut dyn Store<R>) {
    let head = store.append(&Commit { records: vec![R::sample(1)], ..Commit::default() }).unwrap();
    assert_eq!(store.append(&Commit::default()).unwrap(), head);
    assert_eq!(store.journal(0, 10).unwrap().len(), 1);
}

fn rows_are_replaced_and_the_vault_goes_along(store: &mut dyn Store<node::Record>) {
    let person = |sealed: &[u8]| PersonRow {
        id_hash: Digest([7; 32]),
        member_ref: MemberRef([1; 16]),
        sealed: sealed.to_vec(),
    };
    let first = Commit {
        records: vec![],
        rows: vec![
            Change::unknown(account(1, AccountKind::Personal, 5, 0)),
            Change::unknown(account(2, AccountKind::Personal, 6, 0)),
        ],
        vault: vec![person(b"old").into()],
    };
    store.append(&first).unwrap();
    let new = account(1, AccountKind::Personal, 900, 30);
    store
        .append(&Commit {
            records: vec![],
            rows: vec![Change::unknown(new.clone())],
            vault: vec![person(b"").into()],
        })
        .unwrap();
    let accounts = all_rows(store, Filter::all(node::Table::Account), 9);
    assert_eq!(accounts, [new.into(), account(2, AccountKind::Personal, 6, 0).into()]);
    assert_eq!(store.load(&[node::Key::Person(Digest([7; 32]))]).unwrap(), [Some(person(b"").into())]);
    assert_eq!(store.head().sequence, 0, "rows alone add no record");
}

fn the_journal_is_chained_and_read_in_pages<R: Sample>(store: &mut dyn Store<R>) {
    for first in [1u8, 4, 7] {
        let records = (first..first + 3).map(R::sample).collect();
        store.append(&Commit { records, ..Commit::default() }).unwrap();
    }
    let journal = store.journal(0, usize::MAX).unwrap();
    let mut previous = Digest::default();
    for (n, entry) in (1u8..).zip(&journal) {
        let (sequence, record) = (u64::from(n), R::sample(n));
        previous = chain::link(&previous, sequence, record.kind(), record.version(), &record.encode());
        assert_eq!((entry.sequence, &entry.record, entry.hash), (sequence, &record, previous));
    }
    assert_eq!(journal.len(), 9);
    assert_eq!(store.head(), Head { sequence: 9, hash: previous });
    assert_eq!(store.journal(4, 2).unwrap(), journal[4..6]);
    assert_eq!(store.journal(9, 2).unwrap(), []);
    assert_eq!(store.journal(0, 0).unwrap(), []);
    assert_eq!(store.journal(u64::MAX, 1).unwrap(), []);
}

fn whether_a_restored_store_is_whole_is_read_in_its_journal<R: Sample>(store: &mut dyn Store<R>) {
    // More than a page, and what is looked for in its last record.
    let records = (0..2_000).map(|_| R::sample(1)).chain([R::sample(2)]).collect();
    store.append(&Commit { records, ..Commit::default() }).unwrap();
    let mut is_restored = |at| is_restored(store, at, |record| *record == R::sample(2)).unwrap();
    assert!(!is_restored(None), "it was never restored");
    assert!(!is_restored(Some(0)) && !is_restored(Some(2_000)), "it has said since that it is whole");
    assert!(is_restored(Some(2_001)), "only before");
    let mut seen = 0;
    let mut upto = |most| {
        seen = 0;
        each_after(store, 1, |_| {
            seen += 1;
            seen < most
        })
        .unwrap();
        seen
    };
    assert_eq!((upto(usize::MAX), upto(1_500)), (2_000, 1_500));
}

fn scans_come_in_key_order_and_in_pages<R: Sample>(store: &mut dyn Store<R>) {
    let mut expected = many_rows::<R::Row>();
    store.append(&rows(expected.iter().rev().cloned().collect())).unwrap();
    expected.sort_by_key(Row::key);
    for table in <R::Row as Row>::Table::ALL {
        let of: Vec<R::Row> = expected.iter().filter(|row| row.table() == *table).cloned().collect();
        assert!(!of.is_empty(), "no sample of {}", table.name());
        for limit in [1, 3, 1_000] {
            assert_eq!(all_rows(store, Filter::all(*table), limit), of, "{} by {limit}", table.name());
        }
    }
}

fn rows_under_a_prefix_come_in_key_order<R: Sample>(store: &mut dyn Store<R>) {
    let all = many_rows::<R::Row>();
    store.append(&rows(all.iter().rev().cloned().collect())).unwrap();
    let mut reader = store.reader().unwrap();
    let prefixes: BTreeSet<Prefix<TableOf<R>>> =
        all.iter().flat_map(|row| Prefix::over(&row.key())).collect();
    let mut longest = 0;
    for prefix in &prefixes {
        let under = all.iter().filter(|row| prefix.covers(&row.key()));
        let mut under: Vec<R::Row> = under.cloned().collect();
        under.sort_by_key(Row::key);
        assert_eq!(reader.load_under(prefix, 1_000).unwrap(), under, "{prefix:?}");
        for limit in 0..=under.len() {
            assert_eq!(store.load_under(prefix, limit).unwrap(), under[..limit], "{prefix:?}");
        }
        longest = longest.max(under.len());
    }
    assert!(prefixes.len() > 1 && longest > 1, "several ranges, and several rows in one");
    let nobodys = Prefix::over(&nobodys::<R>()).remove(0);
    assert_eq!(store.load_under(&nobodys, 9).unwrap(), []);
}

fn texts_are_ordered_by_their_bytes(store: &mut dyn Store<node::Record>) {
    let done_time = crate::domain::value::calendar::Civil(1);
    let request = |id: &str| RequestRow {
        request_id: id.to_owned(),
        digest: Digest([1; 32]),
        entry_id: None,
        done_time,
    };
    let mut expected: Vec<node::Row> =
        ["a", "b", "B", "é", "医", ""].iter().map(|text| request(text).into()).collect();
    store.append(&rows(expected.clone())).unwrap();
    expected.sort_by_key(Row::key);
    assert_eq!(all_rows(store, Filter::all(node::Table::Request), 4), expected);
}

fn undecided_transfers_are_filtered_as_the_domain_says(store: &mut dyn Store<hub::Record>) {
    takes_some_and_leaves_some(store, unfinished_transfers());
}

fn legs_in_doubt_are_filtered_as_the_domain_says(store: &mut dyn Store<node::Record>) {
    takes_some_and_leaves_some(store, legs_in_doubt());
}

fn takes_some_and_leaves_some<R: Sample>(store: &mut dyn Store<R>, filter: Filter<<R::Row as Row>::Table>) {
    let all = many_rows::<R::Row>();
    store.append(&rows(all.clone())).unwrap();
    let of: Vec<&R::Row> = all.iter().filter(|row| row.table() == filter.table).collect();
    let admitted: Vec<R::Row> =
        of.iter().filter(|row| filter.admits::<R::Row>(row)).map(|row| (*row).clone()).collect();
    assert!(!admitted.is_empty() && admitted.len() < of.len(), "{filter:?} must take some and leave some");
    for limit in [1, 2, 1_000] {
        assert_eq!(all_rows(store, filter.clone(), limit), admitted, "{filter:?}");
    }
}

/// Lists for people: the newest first, of several branches each once, page by page.
fn lists_are_newest_first(store: &mut dyn Store<hub::Record>) {
    let (mut all, day) = (many_rows::<hub::Row>(), Window::from_number(20_261_121));
    // Many of the same time, so that keys tell them apart, and several of each province.
    for (number, row) in all.iter_mut().enumerate() {
        let hub::Row::Transfer(transfer) = row else { continue };
        let transfer = TransferRow {
            receipt_time: Civil(i64::try_from(number % 7).unwrap()),
            payer_province: ProvinceCode::new(11 + u8::try_from(number % 3).unwrap()),
            payee_province: ProvinceCode::new(11 + u8::try_from(number % 2).unwrap()),
            window: (number % 2 == 0).then_some(day),
            decide_time: (number % 4 == 0).then_some(Civil(6)),
            ..(**transfer).clone()
        };
        *row = transfer.into();
    }
    store.append(&rows(all.clone())).unwrap();
    let is = |column, number| Term::Is(column, Value::Int(number));
    let of_province = || {
        let receives = vec![is("payee_province", 11), Term::IsNot("payer_province", Value::Int(11))];
        transfers_where(vec![vec![is("payer_province", 11)], receives])
    };
    let from = |at| Term::AtLeast("receipt_time", Value::Int(at));
    let until = |at| Term::AtMost(&["receipt_time"], Value::Int(at));
    let lists = [
        transfers_where(vec![vec![]]),
        of_province(),
        of_province().and(from(2)).and(until(5)),
        of_province().and(Term::OneOf("state", vec![1, 3])),
        of_province().and(Term::Is("window", value(&day))),
        transfers_where(vec![vec![Term::AtMost(&["decide_time", "receipt_time"], Value::Int(5))]]),
        Filter { order: Order::Rising("receipt_time"), ..of_province() },
    ];
    for filter in lists {
        let mut expected: Vec<hub::Row> =
            all.iter().filter(|row| filter.admits::<hub::Row>(row)).cloned().collect();
        expected.sort_by(|one, other| filter.compare::<hub::Row>(one, other));
        assert!(expected.len() > 1, "{filter:?} must take some");
        for limit in [1, 2, 1_000] {
            assert_eq!(all_rows(store, filter.clone(), limit), expected, "{filter:?} by {limit}");
        }
        let nobodys = Scan { filter, after: Some(hub::Key::Transfer(TransferId([255; 16]))), limit: 9 };
        assert_eq!(store.scan(&nobodys).unwrap(), [], "behind what is not there");
    }
}

fn a_broken_constraint_rolls_all_back_and_ends_the_store(store: &mut dyn Store<node::Record>) {
    let head = store.append(&Commit { records: vec![node::Record::sample(1)], ..Commit::default() }).unwrap();
    let commit = Commit {
        records: vec![node::Record::sample(2)],
        rows: vec![
            Change::unknown(account(1, AccountKind::Wallet, 5, 0)),
            Change::unknown(account(1, AccountKind::Personal, 5, 6)),
        ],
        vault: vec![],
    };
    let mut reader = store.reader().unwrap();
    let error = store.append(&commit).unwrap_err();
    assert!(matches!(&error, StoreError::Io(text) if text.contains("account_covers_holds")), "{error}");
    assert_eq!(reader.journal(0, 9).unwrap().len(), 1);
    assert_eq!(all_rows(&mut *reader, Filter::all(node::Table::Account), 9), []);
    assert_eq!(store.head(), head);
    let ended =
        "the store cannot be read or written: an earlier write failed; start again from what is stored";
    let later = [
        store.append(&rows(vec![account(1, AccountKind::Wallet, 5, 0).into()])).unwrap_err(),
        store.load(&[node::Key::Member(MemberRef([1; 16]))]).unwrap_err(),
        store.load_under(&Prefix::of::<AccountRow>((MemberRef([1; 16]),)), 1).unwrap_err(),
        store.scan(&Scan { filter: legs_in_doubt(), after: None, limit: 1 }).unwrap_err(),
        store.journal(0, 1).unwrap_err(),
    ];
    assert_eq!(later.map(|error| error.to_string()), [ended; 5]);
}
