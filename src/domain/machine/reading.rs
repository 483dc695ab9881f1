//! What can be read of a machine's store: rows by key, pages of rows, the journal.

use crate::domain::machine::need::Prefix;
use crate::domain::machine::record::Record;
use crate::domain::machine::scan::Scan;
use crate::domain::machine::table::Row;
use crate::domain::value::{Digest, TransferId};

/// One stored record with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry<R> {
    /// 1, 2, 3 … without gaps.
    pub sequence: u64,
    /// The one transfer that it is about, if there is one.
    pub transfer_id: Option<TransferId>,
    /// What happened.
    pub record: R,
    /// SHA-256(previous ‖ be64 sequence ‖ be16 kind ‖ version ‖ bytes).
    pub hash: Digest,
}

/// The keys of a machine's rows, by what it records.
pub type KeyOf<R> = <<R as Record>::Row as Row>::Key;

/// A machine's tables, by what it records.
pub type TableOf<R> = <<R as Record>::Row as Row>::Table;

/// Reads what is committed.
pub trait Tables<R: Record> {
    /// Why it could not be read.
    type Error;

    /// The rows under these keys, in their order; nothing where there is none.
    fn load(&mut self, keys: &[KeyOf<R>]) -> Result<Vec<Option<R::Row>>, Self::Error>;

    /// The rows under a prefix, in key order, at most `limit`.
    fn load_under(&mut self, prefix: &Prefix<TableOf<R>>, limit: usize) -> Result<Vec<R::Row>, Self::Error>;

    /// A page of rows in key order.
    fn scan(&mut self, scan: &Scan<R::Row>) -> Result<Vec<R::Row>, Self::Error>;

    /// Journal entries with a sequence greater than `after`, in order, at most `limit`.
    fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry<R>>, Self::Error>;
}
