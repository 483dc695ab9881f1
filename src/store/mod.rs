//! Where journal and tables are kept: two small traits, an embedded SQLite store, and a store in memory for tests.

#[cfg(test)]
mod agreement;
pub mod chain;
#[cfg(test)]
mod conformance;
pub mod failpoint;
pub mod memory;
pub mod owner_only;
pub mod replay;
pub mod rulebook_archive;
#[cfg(test)]
mod samples;
pub mod sqlite;

use crate::domain::machine::record::{DecodeError, Record};
use crate::domain::machine::row::{Key, Row};
use crate::domain::machine::scan::Scan;
use crate::domain::machine::table::Change;
use crate::domain::value::id::{Digest, TransferId};

/// How far a journal has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Sequence of the last record; 0 when there is none. The first record has 1.
    pub sequence: u64,
    /// Chain hash of the last record; zeros when there is none.
    pub hash: Digest,
}

/// One stored record with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// 1, 2, 3 … without gaps.
    pub sequence: u64,
    /// The one transfer that it is about, if there is one.
    pub transfer_id: Option<TransferId>,
    /// What happened.
    pub record: Record,
    /// SHA-256(previous ‖ be64 sequence ‖ be16 kind ‖ version ‖ bytes).
    pub hash: Digest,
}

/// Everything that one batch makes durable, in one transaction with one sync.
#[derive(Debug, Default)]
pub struct Commit {
    /// New records, in order; they take the sequences after the head.
    pub records: Vec<Record>,
    /// Rows that applying them changed, each once.
    pub rows: Vec<Change>,
    /// Rows of the vault, which no record carries.
    pub vault: Vec<Row>,
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
        /// Where.
        sequence: u64,
        /// Why.
        error: DecodeError,
    },
    /// The file system or SQLite.
    #[error("the store cannot be read or written: {0}")]
    Io(String),
}

/// Appends what a batch decided. Only the engine has one.
pub trait Journal {
    /// How far it has come.
    fn head(&self) -> Head;

    /// Makes records and rows durable in one transaction with one sync, and gives the new head.
    /// After an error the store must not be used any more.
    fn append(&mut self, commit: &Commit) -> Result<Head, StoreError>;
}

/// Reads what is committed.
pub trait Tables {
    /// The rows under these keys, in their order; nothing where there is none.
    fn load(&mut self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError>;

    /// A page of rows in key order.
    fn scan(&mut self, scan: &Scan) -> Result<Vec<Row>, StoreError>;

    /// Journal entries with a sequence greater than `after`, in order, at most `limit`.
    fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError>;
}

/// A whole store: what an engine drives.
pub trait Store: Journal + Tables + Send {
    /// A second, read-only view for lists and streams, beside the writer. It sees only what is committed.
    fn reader(&self) -> Result<Box<dyn Tables + Send>, StoreError>;
}
