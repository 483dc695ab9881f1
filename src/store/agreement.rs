//! What must hold for any rows: they survive their columns, and both stores do the same with them.

use super::conformance::{account, all_rows, rows};
use crate::domain::ledger::AccountKind;
use crate::domain::money::Money;
use crate::domain::row::{AccountRow, Key, Row, Table, Value};
use crate::domain::scan::Filter;
use crate::store::memory::MemoryStore;
use crate::store::samples::{record, row, runner, typed, values};
use crate::store::sqlite::SqliteStore;
use crate::store::{Commit, Journal, Tables};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn rows_of_every_table_survive_their_columns() {
    for table in Table::ALL {
        let outcome = runner(64).run(&values(*table), |values| {
            let row = typed(*table, values.clone());
            prop_assert_eq!(row.values(), values.clone());
            prop_assert_eq!(row.key().values(), &values[..table.key_columns().len()]);
            let longer = values.iter().cloned().chain([Value::Null]).collect();
            prop_assert_eq!(Row::from_values(*table, longer), None);
            Ok(())
        });
        assert_eq!(outcome, Ok(()), "{}", table.name());
    }
}

#[test]
fn both_stores_agree() {
    let commits = vec((vec(any::<u8>(), 0..4), vec(row(), 0..30)), 1..6);
    let outcome = runner(24).run(&commits, |commits| {
        let dir = tempfile::tempdir().unwrap();
        let mut sqlite = SqliteStore::open(dir.path(), "hub").unwrap();
        let mut memory = MemoryStore::new();
        for (records, rows) in commits {
            let records = records.into_iter().map(record).collect();
            let (vault, rows) = rows.into_iter().partition(|row| row.key().table().is_vault());
            let commit = Commit { records, rows, vault };
            prop_assert_eq!(sqlite.append(&commit).unwrap(), memory.append(&commit).unwrap());
        }
        prop_assert_eq!(sqlite.journal(0, 99).unwrap(), memory.journal(0, 99).unwrap());
        for table in Table::ALL {
            let all = all_rows(&mut memory, Filter::All(*table), 7);
            prop_assert_eq!(&all_rows(&mut sqlite, Filter::All(*table), 7), &all);
            let keys: Vec<Key> = all.iter().map(Row::key).collect();
            prop_assert_eq!(sqlite.load(&keys).unwrap(), memory.load(&keys).unwrap());
        }
        let report = sqlite.verify(1).unwrap();
        prop_assert_eq!((report.records, report.head), (memory.head().sequence, memory.head()));
        Ok(())
    });
    assert_eq!(outcome, Ok(()));
}

#[test]
fn both_stores_guard_the_same_money() {
    let broken = |posted, held, pending, kind| {
        let row = AccountRow { pending: Money::from_fen(pending), ..account(1, kind, posted, held) };
        let commit = rows(vec![row.into()]);
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
