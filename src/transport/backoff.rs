//! What is done about what fails again and again: waiting longer after each failure, never all at the same moment, and
//! telling people at the first, then rarely.

use crate::privacy::random::random_16;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Doubles from the least to the most; each wait is cut at random to between half and all of it.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next_ms: u64,
    most_ms: u64,
    least_ms: u64,
}

impl Backoff {
    /// Waits between these bounds.
    pub fn new(least_ms: u64, most_ms: u64) -> Backoff {
        Backoff { next_ms: least_ms, most_ms, least_ms }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let base = self.next_ms;
        self.next_ms = (base * 2).min(self.most_ms);
        let random = u64::from(random_16()[0]);
        Duration::from_millis(base / 2 + base * random / 510)
    }

    /// Whether the last try went well.
    pub fn is_fresh(&self) -> bool {
        self.next_ms == self.least_ms
    }

    /// After a success the next wait is short again.
    pub fn reset(&mut self) {
        self.next_ms = self.least_ms;
    }
}

/// Between two lines of the log about one thing that fails.
const QUIET: Duration = Duration::from_secs(60);
/// Reasons that are told apart.
const KNOWN_MAX: usize = 16;

/// When a failure was last told, by its reason, and how often it came since.
#[derive(Debug, Default)]
pub struct Rarely(BTreeMap<String, (Instant, u64)>);

impl Rarely {
    /// Counts a failure at `now`. If it is to be told: how often it came since it was last.
    pub fn count(&mut self, reason: &str, now: Instant) -> Option<u64> {
        if let Some((told, unsaid)) = self.0.get_mut(reason) {
            *unsaid += 1;
            let due = now.duration_since(*told) >= QUIET;
            return due.then(|| {
                *told = now;
                std::mem::take(unsaid)
            });
        }
        if self.0.len() == KNOWN_MAX {
            self.0.clear();
        }
        self.0.insert(reason.to_owned(), (now, 0));
        Some(1)
    }

    /// It went well: the next failure is the first again.
    pub fn reset(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_told_at_once_and_then_once_a_minute_with_how_often() {
        let (mut rarely, begun) = (Rarely::default(), Instant::now());
        let mut count = |reason, second| rarely.count(reason, begun + Duration::from_secs(second));
        assert_eq!(count("refused", 0), Some(1));
        assert!((1..60).all(|second| count("refused", second).is_none()));
        assert_eq!(count("no answer", 30), Some(1), "another reason");
        assert_eq!(count("refused", 60), Some(60));
        assert_eq!(count("refused", 61), None);
        rarely.reset();
        assert_eq!(rarely.count("refused", begun + Duration::from_secs(62)), Some(1));
        let mut reasons = (0..1_000).map(|number| number.to_string());
        assert!(reasons.all(|reason| rarely.count(&reason, begun) == Some(1)));
        assert!(rarely.0.len() <= KNOWN_MAX);
    }

    #[test]
    fn waits_grow_to_the_bound_and_start_again() {
        let mut backoff = Backoff::new(100, 1_000);
        let waits: Vec<u128> = (0..6).map(|_| backoff.wait().as_millis()).collect();
        for (wait, base) in waits.iter().zip([100, 200, 400, 800, 1_000, 1_000]) {
            assert!((base / 2..=base).contains(wait), "{wait} for {base}");
        }
        assert!((0..64).any(|_| backoff.wait().as_millis() > 750), "at random");
        assert!(!backoff.is_fresh());
        backoff.reset();
        assert!(backoff.is_fresh());
        assert!(backoff.wait().as_millis() <= 100);
    }
}
