//! One moment of a store, held still: for checks that read much beside a running server.

use super::read::SqliteReader;
use super::{Report, head_file};
use crate::domain::machine::{Filter, Record, Scan};
use crate::domain::value::Digest;
use crate::store::{Head, JournalEntry, StoreError, TableOf, Tables, hash_at};
use std::path::Path;

/// A read-only view in which nothing moves. While it lives a running server's write-ahead log only grows.
#[derive(Debug)]
pub struct Snapshot<R> {
    reader: SqliteReader<R>,
    head: Head,
}

impl<R: Record> Snapshot<R> {
    /// Opens the folder as it is now.
    ///
    /// # Errors
    /// As [`SqliteReader::open`], and `Damaged` when the journal ends before the head that was noted beside it.
    pub fn open(dir: &Path) -> Result<Snapshot<R>, StoreError> {
        // The note is written after a commit: read first, it is never ahead of a sound journal.
        let noted = head_file::read(dir)?;
        Snapshot::of(SqliteReader::open(dir)?, noted)
    }

    /// Holds a reader still; it must have come as far as was noted of it.
    pub(super) fn of(reader: SqliteReader<R>, noted: Option<Head>) -> Result<Snapshot<R>, StoreError> {
        reader.hold_still()?;
        let head = reader.head()?;
        head_file::check_reached(noted, head)?;
        Ok(Snapshot { reader, head })
    }

    /// The format of the store: how many migrations it has seen.
    ///
    /// # Errors
    /// `Io`.
    pub fn format(&self) -> Result<usize, StoreError> {
        self.reader.format()
    }

    /// Who wrote the store: "hub", "node:13".
    ///
    /// # Errors
    /// `Damaged` when it does not say.
    pub fn owner(&self) -> Result<String, StoreError> {
        self.reader.owner()
    }

    /// Which store it is: see [`super::lineage`].
    ///
    /// # Errors
    /// As [`Tables::journal`].
    pub fn lineage(&mut self) -> Result<Option<Digest>, StoreError> {
        hash_at(&mut self.reader, 1)
    }

    /// How far the journal had come.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Checks the chain from its first record on, every row of every table, and the database file.
    ///
    /// # Errors
    /// `Damaged` or `Record` with the first place that is wrong.
    pub fn verify(&mut self) -> Result<Report, StoreError> {
        self.reader.verify(1)
    }

    /// A page of rows, as of [`Tables::scan`].
    ///
    /// # Errors
    /// As there.
    pub fn scan(&mut self, scan: &Scan<R::Row>) -> Result<Vec<R::Row>, StoreError> {
        self.reader.scan(scan)
    }

    /// How many records of these kinds stand behind a sequence, up to another; and the last one's sequence.
    ///
    /// # Errors
    /// `Io`.
    pub fn count_records(
        &self,
        kinds: &[u16],
        (after, upto): (u64, u64),
    ) -> Result<(u64, Option<u64>), StoreError> {
        self.reader.count_records(kinds, after, upto)
    }

    /// How many rows there are for each number in a column.
    ///
    /// # Errors
    /// `Io`.
    pub fn count_by(&self, filter: &Filter<TableOf<R>>, column: &str) -> Result<Vec<(i64, u64)>, StoreError> {
        self.reader.count_by(filter, column)
    }

    /// A page of the journal, as of [`Tables::journal`].
    ///
    /// # Errors
    /// As there.
    pub fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry<R>>, StoreError> {
        self.reader.journal(after, limit)
    }
}
