//! What waits for too long: said once when it reaches an age, not again and again.

use crate::domain::value::{Civil, TransferId};
use std::collections::BTreeMap;

/// Something that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<G> {
    /// What it is counted with, such as the province that it waits for.
    pub group: G,
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// Since when.
    pub since: Civil,
}

/// What has reached an age since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late<G> {
    /// The group.
    pub group: G,
    /// The age that it has reached, in milliseconds.
    pub age_ms: u64,
    /// How many transfers.
    pub count: u64,
    /// The one that waits longest.
    pub oldest: TransferId,
    /// Since when it waits.
    pub since: Civil,
}

/// Knows which ages matter, and when it looked last. What it says depends on nothing else, so nothing about what waits
/// has to be remembered.
#[derive(Clone, Debug)]
pub struct Overdue {
    ages_ms: Vec<u64>,
    looked: Option<Civil>,
}

impl Overdue {
    /// These ages, in milliseconds.
    pub fn new(ages_ms: Vec<u64>) -> Overdue {
        Overdue { ages_ms, looked: None }
    }

    /// Begins a look at a moment. One that is given up half-way changes nothing: the next one tells what it would have.
    pub fn begin<G: Copy + Ord>(&self, now: Civil) -> Look<G> {
        Look { overdue: self.clone(), now, late: BTreeMap::new() }
    }

    /// What has reached an age since the last look, for each group and age. The first look tells all that is late, each
    /// at the highest age that it has reached.
    pub fn end<G>(&mut self, look: Look<G>) -> Vec<Late<G>> {
        let now = look.now;
        self.looked = Some(self.looked.map_or(now, |looked| looked.max(now)));
        look.late.into_values().collect()
    }

    /// The highest age that was reached since the last look.
    fn reached(&self, now: Civil, since: Civil) -> Option<u64> {
        let at = |age: u64| Civil(since.0.saturating_add(i64::try_from(age).unwrap_or(i64::MAX)));
        let reached = self.ages_ms.iter().copied().filter(|age| at(*age) <= now).max()?;
        self.looked.is_none_or(|looked| at(reached) > looked).then_some(reached)
    }
}

/// A look that goes on page by page; it holds a count for each group and age, however much waits.
#[derive(Clone, Debug)]
pub struct Look<G> {
    overdue: Overdue,
    now: Civil,
    late: BTreeMap<(G, u64), Late<G>>,
}

impl<G: Copy + Ord> Look<G> {
    /// Goes through more of what waits.
    pub fn see(&mut self, waiting: impl IntoIterator<Item = Waiting<G>>) {
        for it in waiting {
            let Some(age_ms) = self.overdue.reached(self.now, it.since) else { continue };
            let first = Late { group: it.group, age_ms, count: 0, oldest: it.transfer_id, since: it.since };
            let known = self.late.entry((it.group, age_ms)).or_insert(first);
            known.count += 1;
            if it.since < known.since {
                (known.oldest, known.since) = (it.transfer_id, it.since);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Overdue {
        /// A whole look, one of what waits at a time.
        fn look(&mut self, now: Civil, waiting: impl IntoIterator<Item = Waiting<u8>>) -> Vec<Late<u8>> {
            let mut look = self.begin(now);
            waiting.into_iter().for_each(|it| look.see([it]));
            self.end(look)
        }
    }

    fn waits(number: u8, since: i64) -> Waiting<u8> {
        Waiting { group: number / 10, transfer_id: TransferId([number; 16]), since: Civil(since) }
    }

    fn late(group: u8, age_ms: u64, count: u64, oldest: u8, since: i64) -> Late<u8> {
        Late { group, age_ms, count, oldest: TransferId([oldest; 16]), since: Civil(since) }
    }

    #[test]
    fn each_age_is_told_once_for_all_that_reached_it() {
        let mut overdue = Overdue::new(vec![100, 1_000]);
        let waiting = || [waits(11, 50), waits(12, 0), waits(21, 90)];
        assert_eq!(overdue.look(Civil(99), waiting()), []);
        assert_eq!(overdue.look(Civil(150), waiting()), [late(1, 100, 2, 12, 0)]);
        assert_eq!(overdue.look(Civil(151), waiting()), []);
        assert_eq!(overdue.look(Civil(190), waiting()), [late(2, 100, 1, 21, 90)]);
        assert_eq!(overdue.look(Civil(999), waiting()), []);
        assert_eq!(overdue.look(Civil(1_000), waiting()), [late(1, 1_000, 1, 12, 0)]);
        assert_eq!(
            overdue.look(Civil(5_000), waiting()),
            [late(1, 1_000, 1, 11, 50), late(2, 1_000, 1, 21, 90)]
        );
        assert_eq!(overdue.look(Civil(9_000), waiting()), []);
    }

    #[test]
    fn a_first_look_tells_what_is_late_already_at_its_highest_age() {
        let mut overdue = Overdue::new(vec![100, 1_000]);
        let waiting = [waits(11, 0), waits(12, 4_950), waits(13, 4_000)];
        assert_eq!(overdue.look(Civil(5_000), waiting), [late(1, 1_000, 2, 11, 0)]);
    }

    #[test]
    fn a_look_that_was_given_up_is_made_up_for_by_the_next() {
        let mut overdue = Overdue::new(vec![100]);
        overdue.begin(Civil(150)).see([waits(11, 0)]);
        assert_eq!(overdue.look(Civil(160), [waits(11, 0), waits(12, 10)]), [late(1, 100, 2, 11, 0)]);
    }

    #[test]
    fn a_clock_that_steps_back_tells_nothing_twice_and_no_ages_tell_nothing() {
        let mut overdue = Overdue::new(vec![100]);
        assert_eq!(overdue.look(Civil(500), [waits(11, 300)]).len(), 1);
        assert_eq!(overdue.look(Civil(350), [waits(11, 300)]), []);
        assert_eq!(overdue.look(Civil(600), [waits(11, 300)]), []);
        assert_eq!(Overdue::new(vec![]).look(Civil(i64::MAX), [waits(11, 0)]), []);
    }
}
