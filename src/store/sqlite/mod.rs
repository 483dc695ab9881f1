//! The embedded store: one folder with one SQLite database, a lock file, and the head beside the database.

mod backup;
mod checkpoint;
mod digest_sum;
mod head_file;
mod overlay;
mod read;
mod rows;
mod schema;
mod snapshot;
mod sql;
mod verify;

pub use backup::{Restoring, copy};
pub use read::{SqliteReader, lineage, owner};
pub use schema::FORMAT;
pub use snapshot::Snapshot;
pub use verify::Report;

use crate::domain::machine::{Prefix, Record, Row, Scan, Stored, Table};
use crate::durable;
use crate::store::failpoint::{Failpoint, hit};
use crate::store::{
    AnyTables, Commit, Head, Journal, JournalEntry, KeyOf, Store, StoreError, TableOf, Tables, chain,
};
use checkpoint::{Checkpointer, Limits};
use head_file::HeadFile;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use sql::Statements;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The database's name in the folder.
const DATABASE: &str = "gongji.sqlite";
/// The lock file's name in the folder.
const LOCK: &str = "lock";
/// Statements kept ready for a connection: three a table, those for the few sets of columns that change together, the
/// pages of lists, the journal's.
const STATEMENTS: usize = 128;
/// Records whose chain is checked at each start; `verify` does the rest.
const RECENT: u64 = 10_000;

/// The writer's connection settings. Overwritten persons are scrubbed, see `scrub`;
/// 16 MiB of cache keep an idle server small.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
    PRAGMA foreign_keys = OFF; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = OFF;";

/// A store in a folder. The folder is locked while it lives; dropping it closes it cleanly.
#[derive(Debug)]
pub struct SqliteStore<R: Record> {
    // Fields drop in this order: the thread ends before the database closes, the lock goes last.
    checkpointer: Checkpointer,
    connection: Connection,
    head_file: HeadFile,
    head: Head,
    statements: Statements,
    updates: rows::Updates<<R::Row as Row>::Table>,
    poisoned: bool,
    scrubs: bool,
    dir: PathBuf,
    _lock: File,
}

/// Whether the folder holds a store, or a restore that did not end.
pub fn exists(dir: &Path) -> bool {
    [DATABASE, backup::DRAFT].iter().any(|name| dir.join(name).exists())
}

impl<R: Record> SqliteStore<R> {
    /// Opens the folder, and makes it a new store if it is none. `owner` says whose it is: "hub", "node:13".
    ///
    /// # Errors
    /// `Locked`, `Newer`, `Foreign`; `Damaged` when the last records do not fit the chain, or fewer of them are there
    /// than once were; `Io`.
    pub fn open(dir: &Path, owner: &str) -> Result<SqliteStore<R>, StoreError> {
        durable::make_folder(dir).map_err(|error| io(dir, &error))?;
        let lock = lock(dir)?;
        check_restored(dir)?;
        create(dir)?;
        let mut connection = Connection::open(dir.join(DATABASE))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        schema::format(&connection)?;
        connection.execute_batch(PRAGMAS)?;
        check_wal(&connection)?;
        digest_sum::define(&connection)?;
        schema::migrate(&mut connection)?;
        schema::claim(&connection, owner)?;
        let head = read::head(&connection)?;
        check_noted(&connection, dir, head)?;
        verify::check_chain::<R>(&connection, head.sequence.saturating_sub(RECENT) + 1)?;
        let head_file = HeadFile::open(dir, head)?;
        durable::sync_folder(dir).map_err(|error| io(dir, &error))?;
        hit(Failpoint::Opened);
        let checkpointer = Checkpointer::start(dir, &mut connection, Limits::of_a_store())?;
        Ok(SqliteStore {
            checkpointer,
            connection,
            head_file,
            head,
            statements: Statements::new::<<R::Row as Row>::Table>(),
            updates: rows::Updates::new(),
            poisoned: false,
            scrubs: false,
            dir: dir.to_owned(),
            _lock: lock,
        })
    }

    /// Checks the journal from a sequence on (1 is the first), every row of every table, and the database file.
    ///
    /// # Errors
    /// `Damaged` or `Record` with the first place that is wrong.
    pub fn verify(&mut self, from: u64) -> Result<Report, StoreError> {
        self.sound()?;
        verify::verify::<R>(&self.connection, from)
    }

    /// The journal sequence that the store had when it was made from a backup; nothing where it was not.
    ///
    /// # Errors
    /// `Damaged`, `Io`.
    pub fn restored(&self) -> Result<Option<u64>, StoreError> {
        backup::restored(&self.connection)
    }

    fn sound(&self) -> Result<(), StoreError> {
        let message =
            || StoreError::Io("an earlier write failed; start again from what is stored".to_owned());
        if self.poisoned { Err(message()) } else { Ok(()) }
    }

    /// Overwritten persons are scrubbed from the file; scrubbing everything else would cost a sixth of the speed.
    fn scrub(&mut self, commit: &Commit<R>) -> Result<(), StoreError> {
        let scrub = commit.vault.iter().any(|row| row.table().holds_persons());
        if scrub != self.scrubs {
            self.connection.pragma_update(None, "secure_delete", scrub)?;
            self.scrubs = scrub;
        }
        Ok(())
    }

    fn write(&mut self, commit: &Commit<R>) -> Result<Head, StoreError> {
        self.scrub(commit)?;
        hit(Failpoint::BeforeBegin);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stored = read::head(&transaction)?;
        if stored != self.head {
            return Err(read::damaged(
                stored.sequence,
                "another writer was here: the journal has another head",
            ));
        }
        let head = write_records(&transaction, self.head, commit)?;
        hit(Failpoint::RecordsWritten);
        let rows = commit.rows.iter().map(|change| (&change.row, &change.stored));
        rows::write(&transaction, &self.statements, rows, &mut self.updates)?;
        hit(Failpoint::RowsWritten);
        let vault = commit.vault.iter().map(|row| (row, &Stored::Unknown));
        rows::write(&transaction, &self.statements, vault, &mut self.updates)?;
        hit(Failpoint::BeforeCommit);
        transaction.commit()?;
        hit(Failpoint::Committed);
        self.head = head;
        self.head_file.note(head)?;
        hit(Failpoint::HeadNoted);
        if self.checkpointer.after_commit(&self.connection)? {
            hit(Failpoint::CheckpointDone);
            self.head_file.sync()?;
        }
        Ok(head)
    }
}

impl<R: Record> Journal<R> for SqliteStore<R> {
    fn head(&self) -> Head {
        self.head
    }

    fn append(&mut self, commit: &Commit<R>) -> Result<Head, StoreError> {
        self.sound()?;
        if commit.is_empty() {
            return Ok(self.head);
        }
        let outcome = self.write(commit);
        self.poisoned = outcome.is_err();
        outcome
    }
}

impl<R: Record> Tables<R> for SqliteStore<R> {
    type Error = StoreError;

    fn load(&mut self, keys: &[KeyOf<R>]) -> Result<Vec<Option<R::Row>>, StoreError> {
        self.sound()?;
        read::load(&self.connection, &self.statements, keys)
    }

    fn load_under(&mut self, prefix: &Prefix<TableOf<R>>, limit: usize) -> Result<Vec<R::Row>, StoreError> {
        self.sound()?;
        read::load_under(&self.connection, prefix, limit)
    }

    fn scan(&mut self, scan: &Scan<R::Row>) -> Result<Vec<R::Row>, StoreError> {
        self.sound()?;
        read::scan(&self.connection, scan)
    }

    fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry<R>>, StoreError> {
        self.sound()?;
        read::journal(&self.connection, after, limit)
    }
}

impl<R: Record> Store<R> for SqliteStore<R> {
    fn reader(&self) -> Result<Box<AnyTables<R>>, StoreError> {
        Ok(Box::new(SqliteReader::<R>::open(&self.dir)?))
    }
}

impl<R: Record> Drop for SqliteStore<R> {
    fn drop(&mut self) {
        let sound = self.checkpointer.stop() && !self.poisoned;
        // What cannot be written now stays in the log, which the next start reads; there is nobody to tell.
        if !sound {
            drop(self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true));
        } else if checkpoint::pass(&self.connection).is_ok() {
            drop(self.head_file.sync());
        }
    }
}

fn write_records<R: Record>(
    transaction: &Transaction<'_>,
    from: Head,
    commit: &Commit<R>,
) -> Result<Head, StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO journal (sequence, transfer_id, kind, version, bytes, hash) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    let mut head = from;
    for record in &commit.records {
        let (kind, version, bytes) = (record.kind(), record.version(), record.encode());
        let sequence = head.sequence + 1;
        head = Head { sequence, hash: chain::link(&head.hash, sequence, kind, version, &bytes) };
        let number = i64::try_from(sequence).unwrap_or(i64::MAX);
        let transfer_id = record.transfer_id().map(|id| id.0);
        insert.execute((number, transfer_id, kind, version, bytes, head.hash.0))?;
    }
    Ok(head)
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let open = durable::owner_only().create(true).truncate(false).open(&path);
    let file = open.map_err(|error| io(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(dir.display().to_string())),
        Err(TryLockError::Error(error)) => Err(io(&path, &error)),
    }
}

/// A restore that did not end left no store that may be served, and none may be made in its place.
fn check_restored(dir: &Path) -> Result<(), StoreError> {
    if dir.join(backup::DRAFT).exists() {
        let what = "a restore into it did not end".to_owned();
        return Err(StoreError::Damaged { place: "the folder".to_owned(), what });
    }
    Ok(())
}

/// Creates the database file for its owner's eyes only; SQLite gives the log the same permissions.
fn create(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(DATABASE);
    let made = durable::owner_only().create(true).truncate(false).open(&path);
    made.map(|_| ()).map_err(|error| io(&path, &error))
}

/// Some file systems have no shared memory, and SQLite then quietly keeps its old mode.
fn check_wal(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode == "wal" {
        Ok(())
    } else {
        Err(StoreError::Io("this file system allows no write-ahead log".to_owned()))
    }
}

/// Compares the journal with the head that was last noted beside it.
fn check_noted(connection: &Connection, dir: &Path, head: Head) -> Result<(), StoreError> {
    let Some(noted) = head_file::read(dir)? else {
        return Ok(());
    };
    head_file::check_reached(Some(noted), head)?;
    let there = read::stored(connection, noted.sequence.saturating_sub(1), 1)?;
    let fits = noted.sequence == 0 || there.first().is_some_and(|row| row.hash == noted.hash);
    if fits {
        Ok(())
    } else {
        Err(read::damaged(noted.sequence, "its hash is not the one that was noted beside it"))
    }
}

fn io(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io(format!("{}: {error}", path.display()))
}

/// What SQLite says, without values: its texts name columns, constraints and files only.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { place: "the database file".to_owned(), what: error.to_string() }
            }
            _ => StoreError::Io(error.to_string()),
        }
    }
}

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod upgrade_tests;
