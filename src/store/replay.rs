//! Whether a store's tables are what its journal makes.

use crate::domain::machine::{Filter, Key, Record, Row, Scan, Table, WorkingSet};
use crate::domain::value::column::Value;
use crate::domain::value::hex;
use crate::store::sqlite::{Report, Snapshot};
use crate::store::{JournalEntry, StoreError};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Records and rows read at a time.
const PAGE: usize = 1_000;
/// A server replays a journal of so many records at its start: as many as it checks the chain of.
const AT_START: u64 = 10_000;

/// What was found.
#[derive(Debug)]
pub struct Verified {
    /// What was gone through.
    pub report: Report,
    /// The first difference between tables and journal.
    pub difference: Option<String>,
}

/// Checks chain, rows and file, then replays the journal and compares.
///
/// # Errors
/// `Damaged` or `Record` with the first place that is wrong in the store itself.
pub fn verify<R: Record>(store: &mut Snapshot<R>) -> Result<Verified, StoreError> {
    let report = store.verify()?;
    let mut rows = WorkingSet::<R::Row>::complete();
    let mut after = 0;
    loop {
        let page = store.journal(after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        if let Some(sequence) = replay(&page, &mut rows) {
            let difference = Some(format!("the record at sequence {sequence} cannot follow those before it"));
            return Ok(Verified { report, difference });
        }
    }
    for table in <R::Row as Row>::Table::ALL.iter().filter(|table| !table.is_vault()) {
        if let Some(difference) = compare::<R>(store, *table, &rows)? {
            return Ok(Verified { report, difference: Some(difference) });
        }
    }
    Ok(Verified { report, difference: None })
}

/// What a server does at its start with a store that is still small: all of [`verify`]. A value that was changed in a
/// table is seen by nothing less.
///
/// # Errors
/// `Damaged` or `Record`; values are not in the text, which goes to a log.
pub fn check_start<R: Record>(dir: &Path) -> Result<(), StoreError> {
    let mut store = Snapshot::<R>::open(dir)?;
    if store.head().sequence > AT_START || verify(&mut store)?.difference.is_none() {
        return Ok(());
    }
    let what =
        format!("they are not what the journal gives (`gongji journal verify {}` says where)", dir.display());
    Err(StoreError::Damaged { place: "the tables".to_owned(), what })
}

/// Applies a page; gives the sequence of a record that cannot be applied.
fn replay<R: Record>(page: &[JournalEntry<R>], rows: &mut WorkingSet<R::Row>) -> Option<u64> {
    let mut at = 0;
    // Applying is checked when records are made; a journal that was forged with a sound chain can still break it.
    let applied = catch_unwind(AssertUnwindSafe(|| {
        for entry in page {
            at = entry.sequence;
            entry.record.apply(entry.sequence, rows);
        }
    }));
    applied.is_err().then_some(at)
}

/// The first difference between a stored table and the rows that the journal makes.
fn compare<R: Record>(
    store: &mut Snapshot<R>,
    table: <R::Row as Row>::Table,
    made: &WorkingSet<R::Row>,
) -> Result<Option<String>, StoreError> {
    let expected = made.rows().filter(|row| row.key().table() == table).count();
    let (mut count, mut scan) = (0, Scan { filter: Filter::all(table), after: None, limit: PAGE });
    loop {
        let page = store.scan(&scan)?;
        for row in &page {
            if let Some(difference) = differs(row, made.row(&row.key())) {
                return Ok(Some(difference));
            }
        }
        count += page.len();
        if page.len() < PAGE {
            break;
        }
        scan.after = page.last().map(Row::key);
    }
    if count == expected { Ok(None) } else { missing(store, table, made).map(Some) }
}

fn differs<R: Row>(stored: &R, made: Option<&R>) -> Option<String> {
    let table = stored.key().table();
    let Some(made) = made else {
        return Some(format!("{} has a row that no record made", place(&stored.key())));
    };
    let columns = table.key_columns().iter().chain(table.value_columns());
    let (left, right) = (stored.values(), made.values());
    let mut cells = columns.zip(left.iter().zip(&right));
    let (column, (left, right)) = cells.find(|(_, (left, right))| left != right)?;
    Some(format!(
        "{}: column {column} holds {}, the journal gives {}",
        place(&stored.key()),
        text(left),
        text(right)
    ))
}

fn missing<R: Record>(
    store: &mut Snapshot<R>,
    table: <R::Row as Row>::Table,
    made: &WorkingSet<R::Row>,
) -> Result<String, StoreError> {
    let stored = store.scan(&Scan { filter: Filter::all(table), after: None, limit: usize::MAX })?;
    let stored: BTreeSet<_> = stored.iter().map(Row::key).collect();
    let lost = made.rows().map(Row::key).find(|key| key.table() == table && !stored.contains(key));
    Ok(match lost {
        Some(key) => format!("{} lacks a row that the journal makes", place(&key)),
        None => format!("table {} holds a row twice", table.name()),
    })
}

/// "table leg, key 0196…, 1".
fn place(key: &impl Key) -> String {
    let values: Vec<String> = key.values().iter().map(text).collect();
    format!("table {}, key {}", key.table().name(), values.join(", "))
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => hex(bytes),
    }
}
