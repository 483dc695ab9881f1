//! Where journal and tables are kept: two small traits, an embedded SQLite store, and a store in memory for tests.

#[cfg(test)]
mod agreement;
pub mod chain;
#[cfg(test)]
mod conformance;
pub mod failpoint;
pub mod memory;
pub mod replay;
pub mod rulebook_archive;
#[cfg(test)]
mod samples;
pub mod sqlite;
pub mod unlisted;

use crate::domain::machine::{Change, DecodeError, Record};
use crate::domain::value::Digest;

pub use crate::domain::machine::reading::{JournalEntry, KeyOf, TableOf, Tables};

/// How far a journal has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Sequence of the last record; 0 when there is none. The first record has 1.
    pub sequence: u64,
    /// Chain hash of the last record; zeros when there is none.
    pub hash: Digest,
}

/// Everything that one batch makes durable, in one transaction with one sync.
#[derive(Debug)]
pub struct Commit<R: Record> {
    /// New records, in order; they take the sequences after the head.
    pub records: Vec<R>,
    /// Rows that applying them changed, each once.
    pub rows: Vec<Change<R::Row>>,
    /// Rows of the vault, which no record carries.
    pub vault: Vec<R::Row>,
}

impl<R: Record> Default for Commit<R> {
    fn default() -> Commit<R> {
        Commit { records: Vec::new(), rows: Vec::new(), vault: Vec::new() }
    }
}

impl<R: Record> Commit<R> {
    /// Whether there is nothing to make durable.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.rows.is_empty() && self.vault.is_empty()
    }
}

/// What went wrong with a store. None of it is retried: the process stops and recovers from what is stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder.
    #[error("{0} is in use by another process")]
    Locked(String),
    /// A restore was asked to go where something is.
    #[error("{0} is not empty; a restore goes into an empty folder only: move what is there away first")]
    NotEmpty(String),
    /// Written by a newer program.
    #[error("the store has format {found}, this program knows up to {known}: use the newer program")]
    Newer {
        /// Format of the store.
        found: i64,
        /// Newest format that this program knows.
        known: i64,
    },
    /// The folder belongs to another role or province.
    #[error("the store belongs to {found}, not to {wanted}")]
    Foreign {
        /// Who wrote it.
        found: String,
        /// Who opens it.
        wanted: String,
    },
    /// The chain is broken or a row cannot be read.
    #[error("the store is damaged at {place}: {what}; restore it from a backup")]
    Damaged {
        /// Table or journal sequence.
        place: String,
        /// What was found.
        what: String,
    },
    /// A record that this program cannot read.
    #[error("journal sequence {sequence}: {error}")]
    Record {
        /// Sequence of the record in the journal.
        sequence: u64,
        /// What is wrong with its bytes.
        error: DecodeError,
    },
    /// The file system or SQLite.
    #[error("the store cannot be read or written: {0}")]
    Io(String),
}

/// Appends what a batch decided. Only the engine has one.
pub trait Journal<R: Record> {
    /// How far it has come.
    fn head(&self) -> Head;

    /// Makes records and rows durable in one transaction with one sync, and gives the new head.
    /// After an error the store must not be used any more.
    fn append(&mut self, commit: &Commit<R>) -> Result<Head, StoreError>;
}

/// A whole store: what an engine drives.
pub trait Store<R: Record>: Journal<R> + Tables<R, Error = StoreError> + Send {
    /// A second, read-only view for lists and streams, beside the writer. It sees only what is committed.
    fn reader(&self) -> Result<Box<AnyTables<R>>, StoreError>;
}

/// The tables of some store.
pub type AnyTables<R> = dyn Tables<R, Error = StoreError> + Send;

/// Whether a store is an older state of itself: it was made from a backup at the journal sequence `restored`, and
/// nothing that it recorded since says that it has been told what it lost.
///
/// # Errors
/// Those of the store.
pub fn is_restored<R: Record>(
    tables: &mut dyn Tables<R, Error = StoreError>,
    restored: Option<u64>,
    is_whole: impl Fn(&R) -> bool,
) -> Result<bool, StoreError> {
    let Some(after) = restored else { return Ok(false) };
    let mut whole = false;
    each_after(tables, after, |record| {
        whole = is_whole(record);
        !whole
    })?;
    Ok(!whole)
}

/// Goes through the records after a sequence, until one says that it is enough.
///
/// # Errors
/// Those of the store.
pub fn each_after<R: Record>(
    tables: &mut dyn Tables<R, Error = StoreError>,
    mut after: u64,
    mut goes_on: impl FnMut(&R) -> bool,
) -> Result<(), StoreError> {
    const PAGE: usize = 1_000;
    loop {
        let page = tables.journal(after, PAGE)?;
        if !page.iter().all(|entry| goes_on(&entry.record)) {
            return Ok(());
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.sequence,
            Some(_) | None => return Ok(()),
        }
    }
}

/// The chain hash of a journal at a sequence; nothing where it does not reach so far.
///
/// # Errors
/// Those of the store.
pub fn hash_at<R: Record>(
    tables: &mut dyn Tables<R, Error = StoreError>,
    sequence: u64,
) -> Result<Option<Digest>, StoreError> {
    let Some(before) = sequence.checked_sub(1) else { return Ok(None) };
    Ok(tables.journal(before, 1)?.first().filter(|entry| entry.sequence == sequence).map(|entry| entry.hash))
}
