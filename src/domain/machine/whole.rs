//! The prefixes under which every row is known, so that a key that is not there is known to have no row.

use crate::domain::machine::need::Prefix;
use crate::domain::machine::table::Key;
use std::collections::{BTreeMap, BTreeSet};

/// Whole prefixes, each with the keys of the rows under it.
#[derive(Debug)]
pub(super) struct Whole<K: Key> {
    prefixes: BTreeMap<Prefix<K::Table>, Under<K>>,
}

#[derive(Debug)]
struct Under<K> {
    keys: BTreeSet<K>,
    /// When it was loaded: what is known of its rows is as young or younger.
    generation: u32,
}

impl<K: Key> Default for Whole<K> {
    fn default() -> Whole<K> {
        Whole { prefixes: BTreeMap::new() }
    }
}

impl<K: Key> Whole<K> {
    /// A prefix under which these are all keys that have a row. Gives whether it was not whole before.
    pub(super) fn learn(&mut self, prefix: Prefix<K::Table>, keys: BTreeSet<K>, generation: u32) -> bool {
        self.prefixes.insert(prefix, Under { keys, generation }).is_none()
    }

    /// The keys under a prefix, in order; nothing when neither it nor a shorter one is whole.
    pub(super) fn under(&self, prefix: &Prefix<K::Table>) -> Option<impl Iterator<Item = &K>> {
        let whole = prefix.and_shorter().find_map(|whole| self.prefixes.get(&whole))?;
        Some(whole.keys.iter().filter(|key| prefix.covers(*key)))
    }

    /// Whether a key is under a whole prefix.
    pub(super) fn covers(&self, key: &K) -> bool {
        !self.over(key).is_empty()
    }

    /// A key has a row now. Gives whether it is under a whole prefix.
    pub(super) fn add(&mut self, key: &K) -> bool {
        let over = self.over(key);
        for prefix in &over {
            if let Some(under) = self.prefixes.get_mut(prefix) {
                under.keys.insert(key.clone());
            }
        }
        !over.is_empty()
    }

    /// A key is not known any more, so nothing over it is whole. Gives how many prefixes of this generation were.
    pub(super) fn forget(&mut self, key: &K, generation: u32) -> usize {
        let over = self.over(key);
        let forgotten = over.iter().filter_map(|prefix| self.prefixes.remove(prefix));
        forgotten.filter(|under| under.generation == generation).count()
    }

    /// Keeps only the prefixes that were loaded in this generation.
    pub(super) fn forget_before(&mut self, generation: u32) {
        self.prefixes.retain(|_, under| under.generation == generation);
    }

    /// The whole prefixes over a key. Most tables have none, and are not asked for their columns.
    fn over(&self, key: &K) -> Vec<Prefix<K::Table>> {
        let first = Prefix::first(key.table());
        let mut of_table =
            self.prefixes.range(first..).take_while(|(prefix, _)| prefix.table() == key.table());
        if of_table.next().is_none() {
            return Vec::new();
        }
        Prefix::over(key).into_iter().filter(|prefix| self.prefixes.contains_key(prefix)).collect()
    }
}
