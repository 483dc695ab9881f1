//! What every store must do, run on each of them.

use crate::domain::machine::row::{AccountRow, Key, PersonRow, RequestRow, Row, Table};
use crate::domain::machine::scan::{Filter, Scan};
use crate::domain::machine::table::Change;
use crate::domain::node::apply::empty_account;
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::money::Money;
use crate::store::memory::MemoryStore;
use crate::store::samples::{record, runner, typed, values};
use crate::store::sqlite::SqliteStore;
use crate::store::{Commit, Head, Store, StoreError, Tables, chain};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};

/// Each function as a test of both stores.
macro_rules! on_each_store {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&mut super::MemoryStore::new()); })+
        }
        mod sqlite {
            $(#[test] fn $name() {
                let dir = tempfile::tempdir().unwrap();
                super::$name(&mut super::SqliteStore::open(dir.path(), "hub").unwrap());
            })+
        }
    };
}

on_each_store!(
    an_empty_store_has_nothing,
    an_append_is_there_for_the_writer_and_for_readers,
    an_empty_commit_changes_nothing,
    rows_are_replaced_and_the_vault_goes_along,
    the_journal_is_chained_and_read_in_pages,
    scans_come_in_key_order_and_in_pages,
    filters_admit_what_the_domain_says,
    lists_are_newest_first,
    a_broken_constraint_rolls_all_back_and_ends_the_store,
);

/// An account with nothing pending.
pub(super) fn account(n: u8, kind: AccountKind, posted: i64, held: i64) -> AccountRow {
    let money = Money::from_fen;
    AccountRow { posted: money(posted), held: money(held), ..empty_account(MemberRef([n; 16]), kind) }
}

pub(super) fn rows(rows: Vec<Row>) -> Commit {
    Commit { rows: rows.into_iter().map(Change::from).collect(), ..Commit::default() }
}

pub(super) fn all_rows(store: &mut dyn Tables, filter: Filter, limit: usize) -> Vec<Row> {
    let mut scan = Scan { filter, after: None, limit };
    let mut all: Vec<Row> = Vec::new();
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
fn many_rows() -> Vec<Row> {
    let mut runner = runner(1);
    let mut by_key = std::collections::BTreeMap::new();
    for table in Table::ALL {
        for values in vec(values(*table), 200).new_tree(&mut runner).unwrap().current() {
            let row = typed(*table, values);
            by_key.insert(row.key(), row);
        }
    }
    by_key.into_values().collect()
}

fn an_empty_store_has_nothing(store: &mut dyn Store) {
    assert_eq!(store.head(), Head { sequence: 0, hash: Digest([0; 32]) });
    assert_eq!(store.load(&[Key::BuriedRow(TransferId([1; 16]))]).unwrap(), [None]);
    assert_eq!(store.journal(0, 10).unwrap(), []);
    for table in Table::ALL {
        assert_eq!(store.scan(&Scan { filter: Filter::All(*table), after: None, limit: 10 }).unwrap(), []);
    }
}

fn an_append_is_there_for_the_writer_and_for_readers(store: &mut dyn Store) {
    let mut reader = store.reader().unwrap();
    let wallet = account(1, AccountKind::Wallet, 5, 0);
    let commit =
        Commit { records: vec![record(1), record(2)], rows: vec![wallet.clone().into()], vault: vec![] };
    let head = store.append(&commit).unwrap();
    assert_eq!((head.sequence, head), (2, store.head()));
    let keys = [
        Key::AccountRow(MemberRef([1; 16]), AccountKind::Personal),
        Key::AccountRow(MemberRef([1; 16]), AccountKind::Wallet),
        Key::BuriedRow(TransferId([1; 16])),
        Key::AccountRow(MemberRef([1; 16]), AccountKind::Wallet),
    ];
    let there = Some(Row::from(wallet));
    let views: [&mut dyn Tables; 2] = [&mut *store, &mut *reader];
    for view in views {
        assert_eq!(view.load(&keys).unwrap(), [None, there.clone(), None, there.clone()]);
        let journal = view.journal(0, 10).unwrap();
        assert_eq!(
            journal.iter().map(|entry| entry.record.clone()).collect::<Vec<_>>(),
            [record(1), record(2)]
        );
        assert_eq!(journal[0].transfer_id, Some(TransferId([1; 16])));
        assert_eq!(journal[1].transfer_id, None);
        assert_eq!(journal[1].hash, head.hash);
    }
}

fn an_empty_commit_changes_nothing(store: &mut dyn Store) {
    let head = store.append(&Commit { records: vec![record(1)], ..Commit::default() }).unwrap();
    assert_eq!(store.append(&Commit::default()).unwrap(), head);
    assert_eq!(store.journal(0, 10).unwrap().len(), 1);
}

fn rows_are_replaced_and_the_vault_goes_along(store: &mut dyn Store) {
    let person = |sealed: &[u8]| PersonRow {
        id_hash: Digest([7; 32]),
        member_ref: MemberRef([1; 16]),
        sealed: sealed.to_vec(),
    };
    let first = Commit {
        records: vec![],
        rows: vec![
            account(1, AccountKind::Personal, 5, 0).into(),
            account(2, AccountKind::Personal, 6, 0).into(),
        ],
        vault: vec![person(b"old").into()],
    };
    store.append(&first).unwrap();
    let new = account(1, AccountKind::Personal, 900, 30);
    store
        .append(&Commit { records: vec![], rows: vec![new.clone().into()], vault: vec![person(b"").into()] })
        .unwrap();
    let accounts = all_rows(store, Filter::All(Table::AccountRow), 9);
    assert_eq!(accounts, [new.into(), account(2, AccountKind::Personal, 6, 0).into()]);
    assert_eq!(store.load(&[Key::PersonRow(Digest([7; 32]))]).unwrap(), [Some(person(b"").into())]);
    assert_eq!(store.head().sequence, 0, "rows alone add no record");
}

fn the_journal_is_chained_and_read_in_pages(store: &mut dyn Store) {
    for first in [1u8, 4, 7] {
        let records = (first..first + 3).map(record).collect();
        store.append(&Commit { records, ..Commit::default() }).unwrap();
    }
    let journal = store.journal(0, usize::MAX).unwrap();
    let mut previous = Digest::default();
    for (n, entry) in (1u8..).zip(&journal) {
        let (sequence, record) = (u64::from(n), record(n));
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

fn scans_come_in_key_order_and_in_pages(store: &mut dyn Store) {
    let mut expected = many_rows();
    let texts = ["a", "b", "B", "é", "医", ""];
    let request = |id: &str| {
        let done_time = crate::domain::value::calendar::Civil(1);
        Row::from(RequestRow {
            request_id: id.to_owned(),
            digest: Digest([1; 32]),
            entry_id: None,
            done_time,
        })
    };
    expected.retain(|row| row.key().table() != Table::RequestRow);
    expected.extend(texts.iter().map(|text| request(text)));
    store.append(&rows(expected.iter().rev().cloned().collect())).unwrap();
    expected.sort_by_key(Row::key);
    for table in Table::ALL {
        let of: Vec<Row> = expected.iter().filter(|row| row.key().table() == *table).cloned().collect();
        assert!(!of.is_empty(), "no sample of {}", table.name());
        for limit in [1, 3, 1_000] {
            assert_eq!(all_rows(store, Filter::All(*table), limit), of, "{} by {limit}", table.name());
        }
    }
}

fn filters_admit_what_the_domain_says(store: &mut dyn Store) {
    let all = many_rows();
    store.append(&rows(all.clone())).unwrap();
    for filter in [Filter::UnsettledTransfers, Filter::LegsInDoubt] {
        let of: Vec<&Row> = all.iter().filter(|row| row.key().table() == filter.table()).collect();
        let admitted: Vec<Row> =
            of.iter().filter(|row| filter.admits(row)).map(|row| (*row).clone()).collect();
        assert!(
            !admitted.is_empty() && admitted.len() < of.len(),
            "{filter:?} must take some and leave some"
        );
        for limit in [1, 2, 1_000] {
            assert_eq!(all_rows(store, filter, limit), admitted, "{filter:?}");
        }
    }
}

/// Lists for people: the newest first, and only what comes before the number they were told.
fn lists_are_newest_first(store: &mut dyn Store) {
    let all = many_rows();
    store.append(&rows(all.clone())).unwrap();
    let number = |row: &Row| match row {
        Row::TransferRow(row) => row.received_seq,
        other => panic!("{other:?} is in no list"),
    };
    for before in [0, 1, 2, 3, u64::MAX] {
        let filter = Filter::TransfersBefore(before);
        let mut expected: Vec<Row> = all.iter().filter(|row| filter.admits(row)).cloned().collect();
        expected.sort_by_key(|row| std::cmp::Reverse(number(row)));
        for limit in [1, 2, 1_000] {
            let scan = Scan { filter, after: None, limit };
            let page: Vec<Row> = expected.iter().take(limit).cloned().collect();
            assert_eq!(store.scan(&scan).unwrap(), page, "{filter:?}");
        }
        assert!(before < u64::MAX || expected.len() > 1, "there must be something to order");
    }
}

fn a_broken_constraint_rolls_all_back_and_ends_the_store(store: &mut dyn Store) {
    let head = store.append(&Commit { records: vec![record(1)], ..Commit::default() }).unwrap();
    let commit = Commit {
        records: vec![record(2)],
        rows: vec![
            account(1, AccountKind::Wallet, 5, 0).into(),
            account(1, AccountKind::Personal, 5, 6).into(),
        ],
        vault: vec![],
    };
    let mut reader = store.reader().unwrap();
    let error = store.append(&commit).unwrap_err();
    assert!(matches!(&error, StoreError::Io(text) if text.contains("account_covers_holds")), "{error}");
    assert_eq!(reader.journal(0, 9).unwrap().len(), 1);
    assert_eq!(all_rows(&mut *reader, Filter::All(Table::AccountRow), 9), []);
    assert_eq!(store.head(), head);
    let ended =
        "the store cannot be read or written: an earlier write failed; start again from what is stored";
    let later = [
        store.append(&rows(vec![account(1, AccountKind::Wallet, 5, 0).into()])).unwrap_err(),
        store.load(&[Key::BuriedRow(TransferId([1; 16]))]).unwrap_err(),
        store.scan(&Scan { filter: Filter::LegsInDoubt, after: None, limit: 1 }).unwrap_err(),
        store.journal(0, 1).unwrap_err(),
    ];
    assert_eq!(later.map(|error| error.to_string()), [ended; 4]);
}
