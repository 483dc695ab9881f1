//! The rows that a batch works on: loaded before it is decided, changed only by applying records.

use crate::domain::row::{Key, Row, TableRow};
use std::collections::{BTreeMap, BTreeSet};

/// Rows by key, with absence remembered too, and which of them changed.
#[derive(Debug, Default)]
pub struct WorkingSet {
    rows: BTreeMap<Key, Option<Row>>,
    older: BTreeMap<Key, Option<Row>>,
    changed: BTreeSet<Key>,
    complete: bool,
}

impl WorkingSet {
    /// A set that holds everything there is, so that what it does not know does not exist: for replay.
    pub fn complete() -> WorkingSet {
        WorkingSet { complete: true, ..WorkingSet::default() }
    }

    /// Whether the key's row, or its absence, is known.
    pub fn knows(&self, key: &Key) -> bool {
        self.found(key).is_some()
    }

    /// Remembers what the store holds under a key.
    pub fn learn(&mut self, key: Key, row: Option<Row>) {
        self.rows.insert(key, row);
    }

    /// The row under a key, if there is one.
    ///
    /// # Panics
    /// When the key was never loaded: `needs` forgot it, and absence must not be guessed where money is at stake.
    pub fn get<T: TableRow>(&self, key: &Key) -> Option<&T> {
        match self.found(key) {
            Some(row) => row.as_ref().and_then(T::of),
            None if self.complete => None,
            None => panic!("{} was decided on before it was loaded", key.table().name()),
        }
    }

    /// The row under a key as it is kept, if there is one.
    pub fn row(&self, key: &Key) -> Option<&Row> {
        self.found(key).and_then(Option::as_ref)
    }

    /// Replaces or adds a row.
    pub fn put(&mut self, row: impl Into<Row>) {
        let row = row.into();
        let key = row.key();
        self.changed.insert(key.clone());
        self.rows.insert(key, Some(row));
    }

    /// The rows changed since the last call, each once, in key order.
    pub fn take_changed(&mut self) -> Vec<Row> {
        let changed = std::mem::take(&mut self.changed);
        let mut rows = Vec::with_capacity(changed.len());
        rows.extend(changed.iter().filter_map(|key| self.row(key).cloned()));
        rows
    }

    fn found(&self, key: &Key) -> Option<&Option<Row>> {
        self.rows.get(key).or_else(|| self.older.get(key))
    }

    /// Every row that exists here, in key order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().flatten()
    }

    /// Forgets the rows that were neither loaded nor changed lately, once `most` others are held. Only between batches,
    /// when all changes are stored.
    pub fn forget_beyond(&mut self, most: usize) {
        if self.rows.len() > most {
            self.older = std::mem::take(&mut self.rows);
        }
    }
}
