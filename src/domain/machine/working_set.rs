//! The rows that a batch works on: loaded before it is decided, changed only by applying records.

use crate::domain::machine::need::Prefix;
use crate::domain::machine::table::{Change, Key, Row, Stored, Table, TableRow};
use crate::domain::machine::whole::Whole;
use foldhash::fast::RandomState;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What is known of a key.
#[derive(Debug)]
struct Slot<R> {
    /// Its row, or that there is none.
    row: Option<R>,
    /// Whether it changed since the last commit.
    changed: bool,
    /// When it was last loaded or changed.
    generation: u32,
}

/// Rows by key, with absence remembered too, and which of them changed.
///
/// Tens of thousands of rows are found by hash: an ordered map costs a tenth of a step. Clients choose the ids that
/// rows are kept by, and could choose many that fall together if they knew the hash: each process and each map has a
/// seed of its own. So the map's order is another one each time, and never looked at ([`WorkingSet::rows`] sorts).
#[derive(Debug)]
pub struct WorkingSet<R: Row> {
    slots: HashMap<R::Key, Slot<R>, RandomState>,
    whole: Whole<R::Key>,
    changed: Vec<(R::Key, Stored<R>)>,
    /// Rows of the vault that the batch keeps beside its changes.
    kept: Vec<R::Key>,
    generation: u32,
    /// Slots and whole prefixes of the present generation.
    young: usize,
    complete: bool,
}

impl<R: Row> Default for WorkingSet<R> {
    fn default() -> WorkingSet<R> {
        WorkingSet {
            slots: HashMap::default(),
            whole: Whole::default(),
            changed: Vec::new(),
            kept: Vec::new(),
            generation: 0,
            young: 0,
            complete: false,
        }
    }
}

impl<R: Row> WorkingSet<R> {
    /// A set that holds everything there is, so that what it does not know does not exist: for replay.
    pub fn complete() -> WorkingSet<R> {
        WorkingSet { complete: true, ..WorkingSet::default() }
    }

    /// Whether the key's row, or its absence, is known.
    pub fn knows(&self, key: &R::Key) -> bool {
        self.slots.contains_key(key) || self.whole.covers(key)
    }

    /// Whether every row under a prefix is known.
    pub fn knows_all(&self, prefix: &Prefix<R::Table>) -> bool {
        self.whole.under(prefix).is_some()
    }

    /// Remembers what the store holds under a key.
    pub fn learn(&mut self, key: R::Key, row: Option<R>) {
        self.set(key, row);
    }

    /// Remembers that these are all rows that the store holds under a prefix. What this batch has made of them, or
    /// added to them, stays as it is: from now on the prefix is whole.
    pub fn learn_all(&mut self, prefix: Prefix<R::Table>, stored: Vec<R>) {
        let unstored = self.changed.iter().map(|(key, _)| key).chain(&self.kept);
        let mut keys: BTreeSet<R::Key> = unstored.filter(|key| prefix.covers(*key)).cloned().collect();
        for row in stored {
            let key = row.key();
            if keys.insert(key.clone()) {
                self.set(key, Some(row));
            }
        }
        self.young += usize::from(self.whole.learn(prefix, keys, self.generation));
    }

    /// The rows under a prefix, in key order, with those that this batch has added.
    ///
    /// # Panics
    /// As [`WorkingSet::get`], when the prefix was never loaded, or something under it is forgotten since.
    pub fn under<T: TableRow<R>>(&self, prefix: &Prefix<R::Table>) -> Vec<&T> {
        let rows: Vec<&R> = match self.whole.under(prefix) {
            Some(keys) => keys.filter_map(|key| self.row(key)).collect(),
            // A replay: no machine asks for ranges in it so often that an index of everything would pay.
            None if self.complete => self.sorted(|key| prefix.covers(key)),
            None => panic!("a range of {} was decided on before it was loaded", prefix.table().name()),
        };
        rows.into_iter().filter_map(T::of).collect()
    }

    /// The row under a key, shared, if there is one.
    ///
    /// # Panics
    /// As [`WorkingSet::get`].
    pub fn share<T: TableRow<R>>(&self, key: &R::Key) -> Option<Arc<T>> {
        self.known(key).and_then(T::share)
    }

    /// The row under a key, if there is one.
    ///
    /// # Panics
    /// When the key was never loaded: `needs` forgot it, and absence must not be guessed where money is at stake.
    pub fn get<T: TableRow<R>>(&self, key: &R::Key) -> Option<&T> {
        self.known(key).and_then(T::of)
    }

    /// The row under a key, if there is one, of whatever table.
    ///
    /// # Panics
    /// As [`WorkingSet::get`].
    pub fn known(&self, key: &R::Key) -> Option<&R> {
        match self.slots.get(key) {
            Some(slot) => slot.row.as_ref(),
            None if self.complete || self.whole.covers(key) => None,
            None => panic!("{} was decided on before it was loaded", key.table().name()),
        }
    }

    /// The row under a key as it is kept, if there is one.
    pub fn row(&self, key: &R::Key) -> Option<&R> {
        self.slots.get(key).and_then(|slot| slot.row.as_ref())
    }

    /// Replaces or adds a row.
    pub fn put(&mut self, row: impl Into<R>) {
        let row = row.into();
        let key = row.key();
        let is_complete = self.complete;
        let (slot, was) = self.set(key.clone(), Some(row));
        let is_first = !std::mem::replace(&mut slot.changed, true);
        let stored = match was {
            Some(Some(row)) => Stored::Row(row),
            was => match (self.whole.add(&key), was) {
                (false, None) => Stored::Unknown,
                (true, _) | (false, Some(_)) => Stored::Nothing,
            },
        };
        if is_first {
            // What holds all there is has loaded nothing.
            self.changed.push((key, if is_complete { Stored::Unknown } else { stored }));
        }
    }

    /// Adds or replaces a row of the vault, which the batch keeps without a record.
    pub fn keep(&mut self, row: R) {
        let key = row.key();
        self.set(key.clone(), Some(row));
        self.whole.add(&key);
        self.kept.push(key);
    }

    /// Gives the slot, and what was known of the key before.
    fn set(&mut self, key: R::Key, row: Option<R>) -> (&mut Slot<R>, Option<Option<R>>) {
        match self.slots.entry(key) {
            Entry::Occupied(entry) => {
                let slot = entry.into_mut();
                self.young += usize::from(slot.generation != self.generation);
                slot.generation = self.generation;
                let was = std::mem::replace(&mut slot.row, row);
                (slot, Some(was))
            }
            Entry::Vacant(entry) => {
                self.young += 1;
                (entry.insert(Slot { row, changed: false, generation: self.generation }), None)
            }
        }
    }

    /// The rows changed since the last call, each once, in key order, without those of the vault. Rows that are settled
    /// are not needed here any more, and make room for others.
    pub fn take_changed(&mut self) -> Vec<Change<R>> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut rows = Vec::with_capacity(changed.len());
        for (key, stored) in changed {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            slot.changed = false;
            let Some(row) = slot.row.clone() else { continue };
            if row.is_finished() && !self.complete {
                self.forget(&key);
            }
            rows.push(Change { row, stored });
        }
        for key in std::mem::take(&mut self.kept) {
            if self.row(&key).is_some_and(Row::is_finished) && !self.complete {
                self.forget(&key);
            }
        }
        rows
    }

    /// Forgets what is known of a key, once it is stored, and with it that any prefix over it is whole.
    pub fn forget(&mut self, key: &R::Key) {
        if let Some(slot) = self.slots.remove(key) {
            self.young -= usize::from(slot.generation == self.generation);
        }
        self.young -= self.whole.forget(key, self.generation);
    }

    /// Every row that exists here, in key order.
    pub fn rows(&self) -> impl Iterator<Item = &R> {
        self.sorted(|_| true).into_iter()
    }

    fn sorted(&self, is_wanted: impl Fn(&R::Key) -> bool) -> Vec<&R> {
        let wanted = self.slots.iter().filter(|(key, _)| is_wanted(key));
        let mut rows: Vec<(&R::Key, &R)> =
            wanted.filter_map(|(key, slot)| slot.row.as_ref().map(|row| (key, row))).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Forgets the rows that were neither loaded nor changed lately, once `most` others are held; a prefix that was not
    /// loaded lately is not whole any more. Only between batches, when all changes are stored.
    pub fn forget_beyond(&mut self, most: usize) {
        if self.young > most {
            let present = self.generation;
            self.slots.retain(|_, slot| slot.generation == present);
            self.whole.forget_before(present);
            (self.generation, self.young) = (present + 1, 0);
        }
    }
}

#[cfg(test)]
#[path = "working_set_tests.rs"]
mod ranges;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hub::tables::{Key, Row, TombstoneRow};
    use crate::domain::machine::own::PeerRow;
    use crate::domain::machine::table::Row as _;
    use crate::domain::value::id::TransferId;
    use crate::domain::value::region::ProvinceCode;

    fn tombstone(province: u8) -> TombstoneRow {
        let province = ProvinceCode::new(province);
        TombstoneRow { transfer_id: TransferId([1; 16]), province, bury_time: Default::default() }
    }

    /// A settled row leaves together with what an older generation remembers of its key, such as its absence.
    #[test]
    fn a_settled_row_is_handed_over_once_and_then_unknown() {
        let (key, mut rows) = (Key::Tombstone(TransferId([1; 16])), WorkingSet::<Row>::default());
        rows.learn(key.clone(), None);
        rows.forget_beyond(0);
        assert!(rows.knows(&key), "the generation before is kept");
        rows.put(tombstone(13));
        assert_eq!(rows.take_changed(), [Change { row: tombstone(13).into(), stored: Stored::Nothing }]);
        assert!(!rows.knows(&key));
        assert_eq!(rows.take_changed(), []);
    }

    /// A store writes only what differs from what it is said to hold.
    #[test]
    fn a_change_says_what_is_stored_as_far_as_that_was_learned() {
        let peer =
            |sequence| Row::from(PeerRow { incarnation: 1, sequence, ..PeerRow::unseen(ProvinceCode::HUB) });
        let (key, mut rows) = (peer(1).key(), WorkingSet::<Row>::default());
        let changed = |rows: &mut WorkingSet<Row>, sequences: &[u64]| {
            sequences.iter().for_each(|sequence| rows.put(peer(*sequence)));
            rows.take_changed().remove(0)
        };
        let expected = |sequence, stored| Change { row: peer(sequence), stored };
        assert_eq!(changed(&mut rows, &[1]), expected(1, Stored::Unknown), "nobody looked");
        assert_eq!(
            changed(&mut rows, &[2, 3]),
            expected(3, Stored::Row(peer(1))),
            "as it was before the batch"
        );
        rows.forget(&key);
        rows.learn(key.clone(), Some(peer(3)));
        assert_eq!(changed(&mut rows, &[4]), expected(4, Stored::Row(peer(3))), "as it was read");
        assert_eq!(
            changed(&mut WorkingSet::<Row>::complete(), &[5]),
            expected(5, Stored::Unknown),
            "a replay"
        );
    }

    #[test]
    fn what_was_not_used_for_two_generations_is_forgotten() {
        let key = |number: u8| Key::Tombstone(TransferId([number; 16]));
        let mut rows = WorkingSet::<Row>::default();
        (1..=3).for_each(|number| rows.learn(key(number), None));
        rows.forget_beyond(3);
        assert_eq!(rows.young, 3, "no more than may be");
        rows.forget_beyond(2);
        (3..=5).for_each(|number| rows.learn(key(number), None));
        rows.learn(key(5), None);
        rows.forget(&key(4));
        rows.forget(&key(4));
        assert_eq!(rows.young, 2, "3 is young again, 5 counts once, 4 is gone");
        rows.forget_beyond(1);
        let known: Vec<u8> = (1..=5).filter(|number| rows.knows(&key(*number))).collect();
        assert_eq!(known, [3, 5]);
    }

    #[test]
    fn rows_come_in_key_order_whatever_the_order_of_hashing() {
        let mut rows = WorkingSet::<Row>::complete();
        for number in (0..50).rev() {
            let transfer_id = TransferId([number; 16]);
            rows.put(TombstoneRow { transfer_id, ..tombstone(13) });
        }
        let keys: Vec<Key> = rows.rows().map(Row::key).collect();
        assert!(keys.is_sorted() && keys.len() == 50);
    }
}
