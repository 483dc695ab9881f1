//! A store in memory, for tests and the simulator: the same behaviour as SQLite's, with faults on demand.

use crate::domain::machine::{Order, Prefix, Record, Row, Scan, Stored, Table};
use crate::store::{
    AnyTables, Commit, Head, Journal, JournalEntry, KeyOf, Store, StoreError, TableOf, Tables, chain,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When an append fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it was stored.
    Before,
    /// All of it was stored, but the caller is not told so.
    After,
}

/// What stays when a store's process dies. Clones share the content.
#[derive(Debug)]
pub struct MemoryDisk<R: Record> {
    content: Arc<Mutex<Content<R>>>,
}

impl<R: Record> Clone for MemoryDisk<R> {
    fn clone(&self) -> MemoryDisk<R> {
        MemoryDisk { content: Arc::clone(&self.content) }
    }
}

impl<R: Record> Default for MemoryDisk<R> {
    fn default() -> MemoryDisk<R> {
        MemoryDisk::with(BTreeMap::new(), Vec::new())
    }
}

#[derive(Debug)]
struct Content<R: Record> {
    rows: BTreeMap<KeyOf<R>, R::Row>,
    journal: Vec<JournalEntry<R>>,
    /// Counts the stores that were opened: only the last may write.
    writer: u64,
    appends: u64,
    faults: BTreeMap<u64, Fault>,
    /// What the last appends replaced, and how many records each made; the newest comes last.
    last: VecDeque<(Replaced<R>, usize)>,
    touched: Touched<KeyOf<R>>,
}

/// Rows as they were before an append.
type Replaced<R> = Vec<(KeyOf<R>, Option<<R as Record>::Row>)>;

/// Most appends that can be lost again.
const KEPT: usize = 8;

/// What has changed since somebody last looked.
#[derive(Debug)]
enum Touched<K> {
    /// Nobody looks.
    Unwatched,
    /// These keys.
    Keys(BTreeSet<K>),
    /// Not by appends: anything.
    Anything,
}

impl<K: Ord> Touched<K> {
    fn add(&mut self, key: K) {
        if let Touched::Keys(keys) = self {
            keys.insert(key);
        }
    }

    fn behind_the_journal(&mut self) {
        if !matches!(self, Touched::Unwatched) {
            *self = Touched::Anything;
        }
    }
}

impl<R: Record> MemoryDisk<R> {
    /// An empty disk.
    pub fn new() -> MemoryDisk<R> {
        MemoryDisk::default()
    }

    /// Opens what is on it, as a start after a crash does. A store that was opened before can write no more.
    pub fn open(&self) -> MemoryStore<R> {
        let mut content = self.lock();
        content.writer += 1;
        MemoryStore { writer: content.writer, head: content.head(), poisoned: false, disk: self.clone() }
    }

    /// Opens what is on it beside the store that writes.
    pub fn open_for_reading(&self) -> MemoryStore<R> {
        let content = self.lock();
        MemoryStore { writer: 0, head: content.head(), poisoned: false, disk: self.clone() }
    }

    /// Lets nothing be read or written while what this gives is kept: a sync that hangs.
    pub fn hang(&self) -> impl Drop + '_ {
        self.lock()
    }

    /// Lets the `nth` append from now on fail; 1 is the next.
    pub fn fail_append(&self, nth: u64, fault: Fault) {
        let mut content = self.lock();
        let at = content.appends + nth;
        content.faults.insert(at, fault);
    }

    /// Loses the last append, as a disk does that says it has synced and has not.
    pub fn lose_last(&self) {
        let mut content = self.lock();
        let Some((rows, records)) = content.last.pop_back() else { return };
        let left = content.journal.len() - records;
        content.journal.truncate(left);
        for (key, row) in rows {
            match row {
                Some(row) => drop(content.rows.insert(key, row)),
                None => drop(content.rows.remove(&key)),
            }
        }
        content.touched.behind_the_journal();
    }

    /// How many records the last append made that can still be lost; 0 when none can.
    pub fn last_records(&self) -> u64 {
        self.lock().last.back().map_or(0, |(_, records)| *records as u64)
    }

    /// The keys that appends have changed since the last call; nothing when more than appends has changed something, or
    /// at the first call.
    pub fn take_touched(&self) -> Option<BTreeSet<KeyOf<R>>> {
        match std::mem::replace(&mut self.lock().touched, Touched::Keys(BTreeSet::new())) {
            Touched::Keys(keys) => Some(keys),
            Touched::Unwatched | Touched::Anything => None,
        }
    }

    /// A backup of what is on it now.
    pub fn backup(&self) -> MemoryDisk<R> {
        let content = self.lock();
        let (rows, journal) = (content.rows.clone(), content.journal.clone());
        MemoryDisk::with(rows, journal)
    }

    fn with(rows: BTreeMap<KeyOf<R>, R::Row>, journal: Vec<JournalEntry<R>>) -> MemoryDisk<R> {
        let content = Content {
            rows,
            journal,
            writer: 0,
            appends: 0,
            faults: BTreeMap::new(),
            last: VecDeque::new(),
            touched: Touched::Unwatched,
        };
        MemoryDisk { content: Arc::new(Mutex::new(content)) }
    }

    /// Puts a backup's content in the place of what is on it.
    pub fn restored(&self, backup: &MemoryDisk<R>) {
        let (rows, journal) = {
            let content = backup.lock();
            (content.rows.clone(), content.journal.clone())
        };
        let mut content = self.lock();
        (content.rows, content.journal, content.last) = (rows, journal, VecDeque::new());
        content.touched.behind_the_journal();
    }

    /// Puts a row in the place of another behind the journal's back.
    pub fn put(&self, row: impl Into<R::Row>) {
        let (row, mut content) = (row.into(), self.lock());
        content.rows.insert(row.key(), row);
        content.touched.behind_the_journal();
    }

    /// Removes a row behind the journal's back.
    pub fn remove(&self, key: &KeyOf<R>) {
        let mut content = self.lock();
        content.rows.remove(key);
        content.touched.behind_the_journal();
    }

    /// Every row, in key order.
    pub fn rows(&self) -> Vec<R::Row> {
        self.lock().rows.values().cloned().collect()
    }

    /// The row under a key.
    pub fn row(&self, key: &KeyOf<R>) -> Option<R::Row> {
        self.lock().rows.get(key).cloned()
    }

    /// Whether a row is there of which `is` says so.
    pub fn any(&self, is: impl Fn(&R::Row) -> bool) -> bool {
        self.lock().rows.values().any(is)
    }

    /// Every record, in order.
    pub fn records(&self) -> Vec<R> {
        self.lock().journal.iter().map(|entry| entry.record.clone()).collect()
    }

    // A panic elsewhere leaves the content as whole as a crash would.
    fn lock(&self) -> MutexGuard<'_, Content<R>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Record> Content<R> {
    fn head(&self) -> Head {
        self.journal
            .last()
            .map_or_else(Head::default, |last| Head { sequence: last.sequence, hash: last.hash })
    }

    /// What the writer says of the rows that it changes must be so: SQLite would write only what differs from it.
    fn check_known(&self, commit: &Commit<R>) -> Result<(), StoreError> {
        let wrong = commit.rows.iter().find(|change| match &change.stored {
            Stored::Unknown => false,
            Stored::Nothing => self.rows.contains_key(&change.row.key()),
            Stored::Row(stored) => self.rows.get(&change.row.key()) != Some(stored),
        });
        wrong.map_or(Ok(()), |change| {
            let what = "it does not hold what the writer takes for stored".to_owned();
            Err(StoreError::Damaged { place: format!("table {}", change.row.table().name()), what })
        })
    }

    /// All or nothing, with the fault that is due.
    fn append(&mut self, commit: &Commit<R>) -> Result<Head, StoreError> {
        self.appends += 1;
        let fault = self.faults.remove(&self.appends);
        if fault == Some(Fault::Before) {
            return Err(StoreError::Io("injected fault before the write".to_owned()));
        }
        self.check_known(commit)?;
        if let Some(name) =
            commit.rows.iter().map(|change| &change.row).chain(&commit.vault).find_map(|row| row.violated())
        {
            return Err(StoreError::Io(format!("CHECK constraint failed: {name}")));
        }
        let keys = commit.rows.iter().map(|change| &change.row).chain(&commit.vault).map(Row::key);
        let before = keys.map(|key| (self.rows.get(&key).cloned(), key)).map(|(row, key)| (key, row));
        self.last.push_back((before.collect(), commit.records.len()));
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
        for record in &commit.records {
            let (Head { sequence, hash }, bytes) = (self.head(), record.encode());
            let hash = chain::link(&hash, sequence + 1, record.kind(), record.version(), &bytes);
            let transfer_id = record.transfer_id();
            self.journal.push(JournalEntry {
                sequence: sequence + 1,
                transfer_id,
                record: record.clone(),
                hash,
            });
        }
        for row in commit.rows.iter().map(|change| &change.row).chain(&commit.vault) {
            self.touched.add(row.key());
            self.rows.insert(row.key(), row.clone());
        }
        match fault {
            Some(_) => Err(StoreError::Io("injected fault after the write".to_owned())),
            None => Ok(self.head()),
        }
    }
}

/// A store on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryStore<R: Record> {
    disk: MemoryDisk<R>,
    writer: u64,
    head: Head,
    poisoned: bool,
}

impl<R: Record> MemoryStore<R> {
    /// A store on an empty disk of its own.
    #[expect(clippy::new_without_default, reason = "a store is opened, not a plain value")]
    pub fn new() -> MemoryStore<R> {
        MemoryDisk::new().open()
    }

    /// What it writes on: to inject faults, and to open it again.
    pub fn disk(&self) -> MemoryDisk<R> {
        self.disk.clone()
    }

    fn sound(&self) -> Result<(), StoreError> {
        let message =
            || StoreError::Io("an earlier write failed; start again from what is stored".to_owned());
        if self.poisoned { Err(message()) } else { Ok(()) }
    }
}

impl<R: Record> Journal<R> for MemoryStore<R> {
    fn head(&self) -> Head {
        self.head
    }

    fn append(&mut self, commit: &Commit<R>) -> Result<Head, StoreError> {
        self.sound()?;
        if commit.is_empty() {
            return Ok(self.head);
        }
        let mut content = self.disk.lock();
        let outcome = if content.writer == self.writer {
            content.append(commit)
        } else {
            Err(StoreError::Locked("the store in memory".to_owned()))
        };
        self.poisoned = outcome.is_err();
        self.head = outcome?;
        Ok(self.head)
    }
}

impl<R: Record> Tables<R> for MemoryStore<R> {
    type Error = StoreError;

    fn load(&mut self, keys: &[KeyOf<R>]) -> Result<Vec<Option<R::Row>>, StoreError> {
        self.sound()?;
        self.disk.load(keys)
    }

    fn load_under(&mut self, prefix: &Prefix<TableOf<R>>, limit: usize) -> Result<Vec<R::Row>, StoreError> {
        self.sound()?;
        self.disk.load_under(prefix, limit)
    }

    fn scan(&mut self, scan: &Scan<R::Row>) -> Result<Vec<R::Row>, StoreError> {
        self.sound()?;
        self.disk.scan(scan)
    }

    fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry<R>>, StoreError> {
        self.sound()?;
        self.disk.journal(after, limit)
    }
}

/// A disk is its own reader: all that is on it is committed.
impl<R: Record> Tables<R> for MemoryDisk<R> {
    type Error = StoreError;

    fn load(&mut self, keys: &[KeyOf<R>]) -> Result<Vec<Option<R::Row>>, StoreError> {
        let content = self.lock();
        Ok(keys.iter().map(|key| content.rows.get(key).cloned()).collect())
    }

    fn load_under(&mut self, prefix: &Prefix<TableOf<R>>, limit: usize) -> Result<Vec<R::Row>, StoreError> {
        let content = self.lock();
        let under = content.rows.iter().filter(|(key, _)| prefix.covers(*key));
        Ok(under.take(limit).map(|(_, row)| row.clone()).collect())
    }

    fn scan(&mut self, scan: &Scan<R::Row>) -> Result<Vec<R::Row>, StoreError> {
        let content = self.lock();
        let filter = &scan.filter;
        // Behind a row that is not there comes nothing, but in the order of keys.
        let after = scan.after.as_ref().map(|key| content.rows.get(key));
        let from = scan.after.as_ref().filter(|_| filter.order == Order::Key);
        let from = from.map_or(Bound::Unbounded, Bound::Excluded);
        let is_behind = |row: &R::Row| match after {
            Some(place) if filter.order != Order::Key => {
                place.is_some_and(|place| filter.compare::<R::Row>(row, place).is_gt())
            }
            Some(_) | None => true,
        };
        let rows = content.rows.range((from, Bound::Unbounded)).map(|(_, row)| row);
        let rows = rows.filter(|row| filter.admits::<R::Row>(row) && is_behind(row));
        let mut rows: Vec<R::Row> = rows.cloned().collect();
        if filter.order != Order::Key {
            rows.sort_by(|one, other| filter.compare::<R::Row>(one, other));
        }
        rows.truncate(scan.limit);
        Ok(rows)
    }

    fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry<R>>, StoreError> {
        // Sequences have no gaps, so a sequence is a place.
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(self.lock().journal.iter().skip(skip).take(limit).cloned().collect())
    }
}

impl<R: Record> Store<R> for MemoryStore<R> {
    fn reader(&self) -> Result<Box<AnyTables<R>>, StoreError> {
        Ok(Box::new(self.disk()))
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
