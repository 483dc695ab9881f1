//! What must hold for any rows: they survive their columns, and both stores do the same with them.

use super::conformance::{account, all_rows, rows};
use crate::domain::machine::{Change, Filter, Key as _, Row, Stored, Table};
use crate::domain::node::tables::AccountRow;
use crate::domain::value::column::Value;
use crate::domain::value::{AccountKind, Money};
use crate::domain::{hub, node};
use crate::store::memory::MemoryStore;
use crate::store::samples::{Sample, row, runner, typed, values};
use crate::store::sqlite::SqliteStore;
use crate::store::{Commit, Journal, KeyOf, Store, StoreError, Tables};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn rows_of_every_table_survive_their_columns() {
    survive_their_columns::<hub::Row>();
    survive_their_columns::<node::Row>();
}

fn survive_their_columns<R: Row>() {
    for table in R::Table::ALL {
        let outcome = runner(64).run(&values(*table), |values| {
            let row = typed::<R>(*table, values.clone());
            prop_assert_eq!(row.values(), values.clone());
            let key = row.key();
            prop_assert_eq!(key.values(), &values[..table.key_columns().len()]);
            let longer = values.iter().cloned().chain([Value::Null]);
            prop_assert_eq!(R::from_values(*table, longer), None);
            let key_again = R::Key::from_values(*table, key.values());
            prop_assert_eq!(key_again, Some(key));
            Ok(())
        });
        assert_eq!(outcome, Ok(()), "{}", table.name());
    }
}

#[test]
fn both_stores_agree() {
    agree::<hub::Record>();
    agree::<node::Record>();
}

fn agree<R: Sample>() {
    let commits = vec((vec(any::<u8>(), 0..4), vec((row::<R::Row>(), any::<bool>()), 0..30)), 1..6);
    let outcome = runner(24).run(&commits, |commits| {
        let dir = tempfile::tempdir().unwrap();
        let mut sqlite = SqliteStore::<R>::open(dir.path(), "hub").unwrap();
        let mut memory = MemoryStore::<R>::new();
        for (records, rows) in commits {
            let records = records.into_iter().map(R::sample).collect();
            let commit = commit(records, rows, &memory);
            prop_assert_eq!(sqlite.append(&commit).unwrap(), memory.append(&commit).unwrap());
        }
        prop_assert_eq!(sqlite.journal(0, 99).unwrap(), memory.journal(0, 99).unwrap());
        for table in <R::Row as Row>::Table::ALL {
            let all = all_rows(&mut memory, Filter::all(*table), 7);
            prop_assert_eq!(&all_rows(&mut sqlite, Filter::all(*table), 7), &all);
            let keys: Vec<KeyOf<R>> = all.iter().map(Row::key).collect();
            prop_assert_eq!(sqlite.load(&keys).unwrap(), memory.load(&keys).unwrap());
        }
        let report = sqlite.verify(1).unwrap();
        prop_assert_eq!((report.records, report.head), (memory.head().sequence, memory.head()));
        Ok(())
    });
    assert_eq!(outcome, Ok(()));
}

/// A commit of these rows (of several under one key the last), by a writer who knows of some what is stored.
fn commit<R: Sample>(records: Vec<R>, rows: Vec<(R::Row, bool)>, memory: &MemoryStore<R>) -> Commit<R> {
    let by_key: BTreeMap<KeyOf<R>, (R::Row, bool)> =
        rows.into_iter().map(|(row, known)| (row.key(), (row, known))).collect();
    let mut commit = Commit { records, ..Commit::default() };
    for (key, (row, known)) in by_key {
        if row.table().is_vault() {
            commit.vault.push(row);
            continue;
        }
        let stored = match memory.disk().row(&key) {
            _ if !known => Stored::Unknown,
            None => Stored::Nothing,
            Some(row) => Stored::Row(row),
        };
        commit.rows.push(Change { row, stored });
    }
    commit
}

/// A writer who is wrong about what is stored is stopped: by SQLite as far as it can tell, by the other store always.
#[test]
fn neither_store_takes_a_change_of_what_is_not_there() {
    let row = |posted| node::Row::from(account(1, AccountKind::Wallet, posted, 0));
    let (there, change) = (rows::<node::Record>(vec![row(1)]), |stored| Change { row: row(2), stored });
    for (before, change) in [(None, change(Stored::Row(row(1)))), (Some(&there), change(Stored::Nothing))] {
        let dir = tempfile::tempdir().unwrap();
        let mut stores: [Box<dyn Store<node::Record>>; 2] =
            [Box::new(SqliteStore::open(dir.path(), "hub").unwrap()), Box::new(MemoryStore::new())];
        for store in &mut stores {
            if let Some(before) = before {
                store.append(before).unwrap();
            }
            let wrong =
                Commit { records: vec![node::Record::sample(1)], rows: vec![change.clone()], vault: vec![] };
            assert!(matches!(store.append(&wrong), Err(StoreError::Damaged { .. })));
            assert_eq!(store.head().sequence, 0, "all of it is rolled back");
        }
    }
}

#[test]
fn both_stores_guard_the_same_money() {
    let broken = |posted, held, pending, kind| {
        let row = AccountRow { pending: Money::from_fen(pending), ..account(1, kind, posted, held) };
        let commit = rows::<node::Record>(vec![row.into()]);
        let dir = tempfile::tempdir().unwrap();
        let error = SqliteStore::open(dir.path(), "hub")
            .unwrap()
            .append(&commit)
            .err()
            .map(|error| error.to_string());
        assert_eq!(error, MemoryStore::new().append(&commit).err().map(|error| error.to_string()));
        error.is_some()
    };
    for kind in [AccountKind::Personal, AccountKind::Wallet] {
        assert!(!broken(5, 5, 0, kind));
        assert!(broken(5, 6, 0, kind) && broken(-1, 0, 0, kind));
    }
    for kind in AccountKind::ALL {
        assert!(broken(5, -1, 0, *kind) && broken(5, 0, -1, *kind));
    }
    assert!(!broken(-5, 0, 0, AccountKind::Clearing) && !broken(-5, 0, 0, AccountKind::Allotment));
}
