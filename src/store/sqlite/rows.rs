//! Writing changed rows: a new one whole, of one that is there only the columns that differ.

use super::read;
use super::sql::{self, Bound, Statements};
use crate::domain::machine::{Row, Stored, Table};
use crate::store::StoreError;
use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID};
use rusqlite::{CachedStatement, Transaction, params_from_iter};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// How a row is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// Whatever is there: every index is written anew.
    Replace,
    /// Nothing is there.
    Insert,
    /// These columns of what is there: an index that holds none of them is left alone.
    Update(u64),
}

/// The texts of updates that were made so far: making one costs as much as carrying it out.
pub(super) type Updates<T> = BTreeMap<(T, u64), String>;

/// Writes rows, each as far as it differs from what is stored.
///
/// # Errors
/// `Damaged` when a row that should be there is not, or one is there that should not be; `Io`.
pub(super) fn write<'a, R: Row>(
    transaction: &Transaction<'_>,
    fixed: &Statements,
    rows: impl Iterator<Item = (&'a R, &'a Stored<R>)>,
    updates: &mut Updates<R::Table>,
) -> Result<(), StoreError> {
    let mut statements: BTreeMap<(R::Table, Form), CachedStatement<'_>> = BTreeMap::new();
    for (row, stored) in rows {
        let (table, form) = (row.table(), form(row, stored));
        if form == Form::Update(0) {
            continue;
        }
        let statement = match statements.entry((table, form)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(prepare(transaction, fixed, (table, form), updates)?),
        };
        let values = row.values();
        let (keys, others) = values.split_at(table.key_columns().len());
        let written = match form {
            Form::Replace | Form::Insert => statement.execute(params_from_iter(values.iter().map(Bound))),
            Form::Update(columns) => {
                let changed = others.iter().enumerate().filter(|(at, _)| columns >> at & 1 == 1);
                let bound = changed.map(|(_, value)| value).chain(keys).map(Bound);
                statement.execute(params_from_iter(bound))
            }
        };
        match written {
            Ok(1) => {}
            Ok(_) => return Err(read::disagrees(table, "a row that was stored is not there any more")),
            Err(error) if is_taken(&error) => {
                return Err(read::disagrees(table, "a row is there that was never stored"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a key belongs to another row already.
fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_ROWID))
}

fn form<R: Row>(row: &R, stored: &Stored<R>) -> Form {
    match stored {
        Stored::Unknown => Form::Replace,
        Stored::Nothing => Form::Insert,
        Stored::Row(stored) => Form::Update(row.differing(stored)),
    }
}

fn prepare<'a, T: Table>(
    transaction: &'a Transaction<'_>,
    fixed: &Statements,
    (table, form): (T, Form),
    updates: &mut Updates<T>,
) -> Result<CachedStatement<'a>, StoreError> {
    let prepared = match form {
        Form::Replace => transaction.prepare_cached(&fixed.of(table).replace),
        Form::Insert => transaction.prepare_cached(&fixed.of(table).insert),
        Form::Update(columns) => {
            let text = updates.entry((table, columns)).or_insert_with(|| sql::update(table, columns));
            transaction.prepare_cached(text)
        }
    };
    Ok(prepared?)
}
