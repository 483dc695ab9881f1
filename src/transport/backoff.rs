//! Waiting longer after each failure, never all at the same moment.

use crate::privacy::random::random_16;
use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_bound_and_start_again() {
        let mut backoff = Backoff::new(100, 1_000);
        let waits: Vec<u128> = (0..6).map(|_| backoff.wait().as_millis()).collect();
        for (wait, base) in waits.iter().zip([100, 200, 400, 800, 1_000, 1_000]) {
            assert!((base / 2..=base).contains(wait), "{wait} for {base}");
        }
        backoff.reset();
        assert!(backoff.wait().as_millis() <= 100);
    }
}
