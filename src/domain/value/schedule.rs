//! Keys by the time at which each is due: what is due is found without a look at the others.

use std::collections::{BTreeMap, BTreeSet};

/// When each key is due; one time a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schedule<K, T> {
    times: BTreeMap<K, T>,
    by_time: BTreeSet<(T, K)>,
}

impl<K, T> Default for Schedule<K, T> {
    fn default() -> Schedule<K, T> {
        Schedule { times: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Ord + Copy, T: Ord + Copy> Schedule<K, T> {
    /// Sets a key's time, whatever it was before.
    pub fn set(&mut self, key: K, at: T) {
        if let Some(before) = self.times.insert(key, at) {
            self.by_time.remove(&(before, key));
        }
        self.by_time.insert((at, key));
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: K) {
        if let Some(at) = self.times.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    /// The time of the key that is due first.
    pub fn first(&self) -> Option<T> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The keys that are due by `now`, the earliest first.
    pub fn due(&self, now: T) -> impl Iterator<Item = K> {
        self.by_time.iter().take_while(move |(at, _)| *at <= now).map(|(_, key)| *key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::cmp::Ordering;

    thread_local! {
        static COMPARED: Cell<u64> = const { Cell::new(0) };
    }

    /// A key that counts how often it is looked at.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Counted(u64);

    impl Ord for Counted {
        fn cmp(&self, other: &Counted) -> Ordering {
            COMPARED.set(COMPARED.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Counted) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    #[test]
    fn keys_come_by_their_latest_time() {
        let mut schedule = Schedule::default();
        [(1, 30), (2, 10), (3, 20), (1, 5)].into_iter().for_each(|(key, at)| schedule.set(key, at));
        schedule.remove(3);
        schedule.remove(9);
        assert_eq!(schedule.first(), Some(5));
        assert_eq!(schedule.due(9).collect::<Vec<_>>(), [1]);
        assert_eq!(schedule.due(99).collect::<Vec<_>>(), [1, 2]);
        [1, 2].into_iter().for_each(|key| schedule.remove(key));
        assert_eq!(schedule, Schedule::default());
    }

    #[test]
    fn those_that_are_not_due_cost_nothing() {
        const WAITING: u64 = 30_000;
        let mut schedule = Schedule::default();
        (0..WAITING).for_each(|key| schedule.set(Counted(key), 1_000 + key));
        COMPARED.set(0);
        for key in 0..1_000 {
            schedule.set(Counted(key), 100_000 + key);
            assert!(schedule.first().is_some());
            assert_eq!(schedule.due(999).count(), 0);
        }
        // Three searches of a tree each, of at most 15 levels with a few keys.
        assert!(COMPARED.get() < 1_000 * 300, "{} comparisons", COMPARED.get());
    }
}
