//! Reading rows and journal entries over any connection, and the read-only view beside the writer.

use super::DATABASE;
use super::sql::{self, Bound, PageSql, Statements};
use crate::domain::machine::{Filter, Key, Prefix, Record, Row, Scan, Table};
use crate::domain::value::column::Value;
use crate::domain::value::{Digest, TransferId};
use crate::store::{Head, JournalEntry, KeyOf, StoreError, TableOf, Tables};
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension, params_from_iter};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

/// How long a reader waits where it needs a lock: only while the writer recovers the log after a crash.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// A read-only view of a store's folder. It sees only what is committed, and needs no lock: it may be opened
/// beside a running server, by this process or another.
#[derive(Debug)]
pub struct SqliteReader<R> {
    connection: Connection,
    statements: Statements,
    of: PhantomData<fn() -> R>,
}

/// A connection that reads a database as one of today's format.
pub(super) fn open_file(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(super::STATEMENTS);
    connection.execute_batch("PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY;")?;
    super::digest_sum::define(&connection)?;
    super::overlay::overlay(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Who wrote the store in a folder: "hub", "node:13". Whoever reads it must know whose records it holds.
///
/// # Errors
/// `Io` when there is no store; `Damaged` when it does not say.
pub fn owner(dir: &Path) -> Result<String, StoreError> {
    owner_of(&open_file(&dir.join(DATABASE))?)
}

/// Which store it is, whatever became of it since: the chain hash of its first record, which its copies share and no
/// other store has. Nothing before there is one.
///
/// # Errors
/// `Io` when there is no store; `Damaged`.
pub fn lineage(dir: &Path) -> Result<Option<Digest>, StoreError> {
    let connection = open_file(&dir.join(DATABASE))?;
    let first = connection.query_row("SELECT hash FROM journal WHERE sequence = 1", [], |row| row.get(0));
    first.optional()?.map(|hash: Vec<u8>| digest(1, &hash)).transpose()
}

fn owner_of(connection: &Connection) -> Result<String, StoreError> {
    super::schema::owner(connection)?.ok_or_else(|| StoreError::Damaged {
        place: "meta".to_owned(),
        what: "it does not say whose store it is".to_owned(),
    })
}

impl<R: Record> SqliteReader<R> {
    /// Opens the folder for reading. A store of an older format is shown as today's and is left as it is.
    ///
    /// # Errors
    /// `Io` when there is no store, `Newer` and `Damaged` as when it is opened for writing.
    pub fn open(dir: &Path) -> Result<SqliteReader<R>, StoreError> {
        SqliteReader::open_file(&dir.join(DATABASE))
    }

    /// Opens a database by its file.
    pub(super) fn open_file(path: &Path) -> Result<SqliteReader<R>, StoreError> {
        let connection = open_file(path)?;
        let statements = Statements::new::<<R::Row as Row>::Table>();
        Ok(SqliteReader { connection, statements, of: PhantomData })
    }

    /// Who wrote the store: "hub", "node:13".
    pub fn owner(&self) -> Result<String, StoreError> {
        owner_of(&self.connection)
    }

    /// The journal sequence that the store had when it was made from a backup; nothing where it was not.
    ///
    /// # Errors
    /// `Damaged`, `Io`.
    pub fn restored(&self) -> Result<Option<u64>, StoreError> {
        super::backup::restored(&self.connection)
    }

    /// The format of the store: how many migrations it has seen.
    pub(super) fn format(&self) -> Result<usize, StoreError> {
        super::schema::format(&self.connection)
    }

    /// See [`super::Snapshot::count_records`].
    pub(super) fn count_records(
        &self,
        kinds: &[u16],
        after: u64,
        upto: u64,
    ) -> Result<(u64, Option<u64>), StoreError> {
        let kinds: Vec<String> = kinds.iter().map(u16::to_string).collect();
        let select = format!(
            "SELECT count(*), max(sequence) FROM journal WHERE sequence > ? AND sequence <= ? AND kind IN ({})",
            kinds.join(", ")
        );
        let bound = |sequence: u64| i64::try_from(sequence).unwrap_or(i64::MAX);
        let found = self.connection.query_row(&select, [bound(after), bound(upto)], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
        });
        let (count, last) = found?;
        Ok((ordinal(count)?, last.map(ordinal).transpose()?))
    }

    /// See [`super::Snapshot::count_by`].
    pub(super) fn count_by(
        &self,
        filter: &Filter<TableOf<R>>,
        column: &str,
    ) -> Result<Vec<(i64, u64)>, StoreError> {
        let (text, values) = super::sql::count_by(filter, column);
        let mut statement = self.connection.prepare(&text)?;
        let found = statement.query_map(params_from_iter(values.iter().map(Bound)), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        found
            .map(|found| found.map_err(StoreError::from).and_then(|(at, count)| Ok((at, ordinal(count)?))))
            .collect()
    }

    /// How far the journal has come.
    pub fn head(&self) -> Result<Head, StoreError> {
        head(&self.connection)
    }

    /// Begins a transaction, so that all later reads see this moment. [`Tables::load`] cannot be used any more.
    pub(super) fn hold_still(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("BEGIN")?)
    }

    /// Checks the journal from a sequence on, every row and the database file: see [`super::Report`].
    pub fn verify(&mut self, from: u64) -> Result<super::Report, StoreError> {
        super::verify::verify::<R>(&self.connection, from)
    }
}

impl<R: Record> Tables<R> for SqliteReader<R> {
    type Error = StoreError;

    fn load(&mut self, keys: &[KeyOf<R>]) -> Result<Vec<Option<R::Row>>, StoreError> {
        load(&self.connection, &self.statements, keys)
    }

    fn load_under(&mut self, prefix: &Prefix<TableOf<R>>, limit: usize) -> Result<Vec<R::Row>, StoreError> {
        load_under(&self.connection, prefix, limit)
    }

    fn scan(&mut self, wanted: &Scan<R::Row>) -> Result<Vec<R::Row>, StoreError> {
        scan(&self.connection, wanted)
    }

    fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry<R>>, StoreError> {
        journal(&self.connection, after, limit)
    }
}

/// The rows under these keys, in one snapshot.
pub(super) fn load<R: Row>(
    connection: &Connection,
    statements: &Statements,
    keys: &[R::Key],
) -> Result<Vec<Option<R>>, StoreError> {
    // One transaction around all of them: taking the read lock costs as much as reading a row.
    let snapshot = connection.unchecked_transaction()?;
    let mut rows = Vec::with_capacity(keys.len());
    let mut current: Option<(R::Table, CachedStatement<'_>)> = None;
    for key in keys {
        let table = key.table();
        let mut statement = match current.take() {
            Some((of, statement)) if of == table => statement,
            _ => connection.prepare_cached(&statements.of(table).load)?,
        };
        let values = key.values();
        let mut found = statement.query(params_from_iter(values.iter().map(Bound)))?;
        rows.push(found.next()?.map(|row| typed(table, row)).transpose()?);
        drop(found);
        current = Some((table, statement));
    }
    drop(current);
    snapshot.finish()?;
    Ok(rows)
}

/// The rows under a prefix, in key order.
pub(super) fn load_under<R: Row>(
    connection: &Connection,
    prefix: &Prefix<R::Table>,
    limit: usize,
) -> Result<Vec<R>, StoreError> {
    page(connection, prefix.table(), &sql::under(prefix, limit))
}

/// A page of rows in key order.
pub(super) fn scan<R: Row>(connection: &Connection, wanted: &Scan<R>) -> Result<Vec<R>, StoreError> {
    page(connection, wanted.filter.table, &sql::scan(wanted))
}

fn page<R: Row>(connection: &Connection, table: R::Table, sql: &PageSql<'_>) -> Result<Vec<R>, StoreError> {
    let mut statement = connection.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values.iter().map(Bound)))?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(typed(table, row)?);
    }
    Ok(page)
}

fn typed<R: Row>(table: R::Table, row: &rusqlite::Row<'_>) -> Result<R, StoreError> {
    let values: Option<Vec<Value<'_>>> =
        (0..row.as_ref().column_count()).map(|at| row.get_ref(at).ok().and_then(value)).collect();
    values.and_then(|values| R::from_values(table, values)).ok_or_else(|| StoreError::Damaged {
        place: format!("table {}", table.name()),
        what: "a row holds what this program never writes".to_owned(),
    })
}

fn value(stored: ValueRef<'_>) -> Option<Value<'_>> {
    match stored {
        ValueRef::Null => Some(Value::Null),
        ValueRef::Integer(number) => Some(Value::Int(number)),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().map(|text| Value::Text(Cow::Borrowed(text))),
        ValueRef::Blob(bytes) => Some(Value::Blob(Cow::Borrowed(bytes))),
        ValueRef::Real(_) => None,
    }
}

/// The last record's sequence and hash.
pub(super) fn head(connection: &Connection) -> Result<Head, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1")?;
    let last = statement.query_one([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    last.map_or(Ok(Head::default()), |(sequence, hash): (i64, Vec<u8>)| {
        Ok(Head { sequence: ordinal(sequence)?, hash: digest(ordinal(sequence)?, &hash)? })
    })
}

/// One journal row as it is stored, not yet decoded.
pub(super) struct StoredRecord {
    pub(super) sequence: u64,
    pub(super) transfer_id: Option<Vec<u8>>,
    pub(super) kind: u16,
    pub(super) version: u8,
    pub(super) bytes: Vec<u8>,
    pub(super) hash: Digest,
}

impl StoredRecord {
    /// Decodes it, and checks the one column that the chain does not cover.
    pub(super) fn entry<R: Record>(self) -> Result<JournalEntry<R>, StoreError> {
        let sequence = self.sequence;
        let record = R::decode(self.kind, self.version, &self.bytes)
            .map_err(|error| StoreError::Record { sequence, error })?;
        let transfer_id = record.transfer_id();
        let stored = self.transfer_id.as_deref().map(TransferId::from_slice);
        if stored != transfer_id.map(Some) {
            return Err(damaged(sequence, "its transfer id is not that of its record"));
        }
        Ok(JournalEntry { sequence, transfer_id, record, hash: self.hash })
    }
}

/// Journal rows after a sequence, in order.
pub(super) fn stored(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, transfer_id, kind, version, bytes, hash FROM journal \
             WHERE sequence > ? ORDER BY sequence LIMIT ?",
    )?;
    let (after, limit) = (i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut rows = statement.query((after, limit))?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence = ordinal(row.get(0)?)?;
        let kind = u16::try_from(row.get::<_, i64>(2)?);
        let version = u8::try_from(row.get::<_, i64>(3)?);
        let (Ok(kind), Ok(version)) = (kind, version) else {
            return Err(damaged(sequence, "its kind or version is out of range"));
        };
        page.push(StoredRecord {
            sequence,
            transfer_id: row.get(1)?,
            kind,
            version,
            bytes: row.get(4)?,
            hash: digest(sequence, &row.get::<_, Vec<u8>>(5)?)?,
        });
    }
    Ok(page)
}

/// Journal entries after a sequence, in order.
pub(super) fn journal<R: Record>(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<JournalEntry<R>>, StoreError> {
    stored(connection, after, limit)?.into_iter().map(StoredRecord::entry).collect()
}

/// A table that does not hold what was written to it.
pub(super) fn disagrees(table: impl Table, what: &str) -> StoreError {
    StoreError::Damaged { place: format!("table {}", table.name()), what: what.to_owned() }
}

/// Damage at one journal record.
pub(super) fn damaged(sequence: u64, what: &str) -> StoreError {
    StoreError::Damaged { place: format!("journal sequence {sequence}"), what: what.to_owned() }
}

fn ordinal(sequence: i64) -> Result<u64, StoreError> {
    u64::try_from(sequence).map_err(|_| damaged(0, "a sequence is negative"))
}

fn digest(sequence: u64, bytes: &[u8]) -> Result<Digest, StoreError> {
    Digest::from_slice(bytes).ok_or_else(|| damaged(sequence, "its hash has not 32 bytes"))
}
