//! The rows that a batch works on: loaded before it is decided, changed only by applying records.

use crate::domain::row::{Key, Row, TableRow};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

/// Rows found by key, tens of thousands of them: an ordered map costs a tenth of a step. Its own order is never looked
/// at ([`WorkingSet::rows`] sorts), and its hasher has no random seed, so every run does the same.
type Lookup = HashMap<Key, Option<Row>, BuildHasherDefault<DefaultHasher>>;

/// Rows by key, with absence remembered too, and which of them changed.
#[derive(Debug, Default)]
pub struct WorkingSet {
    rows: Lookup,
    older: Lookup,
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

    /// The rows changed since the last call, each once, in key order. Those that are settled are not needed here any
    /// more, and make room for others.
    pub fn take_changed(&mut self) -> Vec<Row> {
        let changed = std::mem::take(&mut self.changed);
        let mut rows = Vec::with_capacity(changed.len());
        for key in changed {
            let Some(row) = self.row(&key).cloned() else { continue };
            if row.is_settled() && !self.complete {
                self.forget(&key);
            }
            rows.push(row);
        }
        rows
    }

    /// Forgets what is known of a key, once it is stored.
    pub fn forget(&mut self, key: &Key) {
        self.rows.remove(key);
        // An earlier state of it must not come back.
        self.older.remove(key);
    }

    fn found(&self, key: &Key) -> Option<&Option<Row>> {
        self.rows.get(key).or_else(|| self.older.get(key))
    }

    /// Every row that exists here, in key order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let mut rows: Vec<(&Key, &Row)> =
            self.rows.iter().filter_map(|(key, row)| row.as_ref().map(|row| (key, row))).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.into_iter().map(|(_, row)| row)
    }

    /// Forgets the rows that were neither loaded nor changed lately, once `most` others are held. Only between batches,
    /// when all changes are stored.
    pub fn forget_beyond(&mut self, most: usize) {
        if self.rows.len() > most {
            self.older = std::mem::take(&mut self.rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::TransferId;
    use crate::domain::region::ProvinceCode;
    use crate::domain::row::BuriedRow;

    fn buried(province: u8) -> BuriedRow {
        let province = ProvinceCode::new(province);
        BuriedRow { transfer_id: TransferId([1; 16]), province, bury_time: Default::default() }
    }

    /// A settled row leaves together with what an older generation remembers of its key, such as its absence.
    #[test]
    fn a_settled_row_is_handed_over_once_and_then_unknown() {
        let (key, mut rows) = (Key::BuriedRow(TransferId([1; 16])), WorkingSet::default());
        rows.learn(key.clone(), None);
        rows.forget_beyond(0);
        rows.put(buried(13));
        assert_eq!(rows.take_changed(), vec![buried(13).into()]);
        assert!(!rows.knows(&key));
        assert_eq!(rows.take_changed(), vec![]);
    }

    #[test]
    fn rows_come_in_key_order_whatever_the_order_of_hashing() {
        let mut rows = WorkingSet::complete();
        for number in (0..50).rev() {
            let transfer_id = TransferId([number; 16]);
            rows.put(BuriedRow { transfer_id, ..buried(13) });
        }
        let keys: Vec<Key> = rows.rows().map(Row::key).collect();
        assert!(keys.is_sorted() && keys.len() == 50);
    }
}
