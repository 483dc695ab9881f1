//! Checks of what SQLite cannot see: that no journal record was changed, and that every row is one of ours.

use super::read::{damaged, scan, stored};
use crate::domain::machine::{Filter, Record, Row, Scan, Table};
use crate::store::{Head, StoreError, chain};
use rusqlite::Connection;

/// Records read at a time.
const PAGE: usize = 1_000;

/// What a check went through without finding damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Journal records whose hash was computed again.
    pub records: u64,
    /// Rows of all tables, each of which could be read.
    pub rows: u64,
    /// The last record that was checked.
    pub head: Head,
}

/// Checks journal records from `from` (1 is the first) on, all rows of all tables, and the database file itself.
pub(super) fn verify<R: Record>(connection: &Connection, from: u64) -> Result<Report, StoreError> {
    let outcome: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if outcome != "ok" {
        // SQLite's line may quote a page, never a value; it is the operator's only hint.
        return Err(StoreError::Damaged { place: "the database file".to_owned(), what: outcome });
    }
    let (records, head) = check_chain::<R>(connection, from)?;
    let tables = <R::Row as Row>::Table::ALL.iter();
    let rows = tables.map(|table| count_rows::<R::Row>(connection, *table)).sum::<Result<u64, _>>()?;
    Ok(Report { records, rows, head })
}

/// Recomputes the chain from the sequence `from` on. The record before it is taken as it is.
pub(super) fn check_chain<R: Record>(connection: &Connection, from: u64) -> Result<(u64, Head), StoreError> {
    let before = from.max(1) - 1;
    let mut head = Head::default();
    if before > 0 {
        let row = stored(connection, before - 1, 1)?.into_iter().find(|row| row.sequence == before);
        let row = row.ok_or_else(|| damaged(before, "the record is missing"))?;
        head = Head { sequence: row.sequence, hash: row.hash };
    }
    let mut records = 0;
    loop {
        let page = stored(connection, head.sequence, PAGE)?;
        let last = page.len() < PAGE;
        for row in page {
            if row.sequence != head.sequence + 1 {
                return Err(damaged(head.sequence + 1, "the record is missing"));
            }
            if chain::link(&head.hash, row.sequence, row.kind, row.version, &row.bytes) != row.hash {
                return Err(damaged(
                    row.sequence,
                    "its hash does not fit its content and the record before it",
                ));
            }
            head = Head { sequence: row.sequence, hash: row.hash };
            row.entry::<R>()?;
            records += 1;
        }
        if last {
            return Ok((records, head));
        }
    }
}

fn count_rows<R: Row>(connection: &Connection, table: R::Table) -> Result<u64, StoreError> {
    let mut wanted = Scan::<R> { filter: Filter::all(table), after: None, limit: PAGE };
    let mut count = 0;
    loop {
        let page = scan(connection, &wanted)?;
        count += page.len() as u64;
        if page.len() < PAGE {
            return Ok(count);
        }
        wanted.after = page.last().map(Row::key);
    }
}
