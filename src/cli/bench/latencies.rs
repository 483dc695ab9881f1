//! Latencies in a few kilobytes.

use hdrhistogram::Histogram;
use std::time::Duration;

/// Of each value two digits are kept: what is told of it is at most 1/128 too high.
const DIGITS: u8 = 2;
/// More counts as so much: an hour, in microseconds.
const MOST: u64 = 3_600_000_000;

/// Counts of durations, in microseconds.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies(Histogram::new_with_max(MOST, DIGITS).expect("two digits up to an hour fit"))
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Takes over what another has counted.
    pub fn add(&mut self, other: &Latencies) {
        self.0 += &other.0;
    }

    /// The value that this share does not exceed, 0.5 for half; zero when nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(share))
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_told_within_one_per_cent() {
        for micros in (1..5_000).chain([12_345, 99_999, 1_000_000, 59_999_999, 3_600_000_000]) {
            let mut one = Latencies::default();
            one.record(Duration::from_micros(micros));
            let told = u64::try_from(one.quantile(1.0).as_micros()).expect("small");
            assert!(told >= micros && told - micros <= micros / 128, "{micros} is told as {told}");
        }
    }

    #[test]
    fn shares_are_counted_from_below() {
        let (mut half, mut all) = (Latencies::default(), Latencies::default());
        (1..=50).for_each(|ms| half.record(Duration::from_millis(ms)));
        (51..=100).for_each(|ms| all.record(Duration::from_millis(ms)));
        all.add(&half);
        assert_eq!(all.total(), 100);
        for (share, ms) in [(0.5, 50u128), (0.99, 99), (1.0, 100)] {
            let found = all.quantile(share).as_micros();
            assert!((ms * 1000..=ms * 1010).contains(&found), "{share}: {found}");
        }
        assert_eq!(Latencies::default().quantile(0.5), Duration::ZERO);
    }
}
