//! Latencies in a few kilobytes: octaves of microseconds, each in equal steps.

use std::time::Duration;

/// Steps of an octave: a value is given at most 1/128 too high.
const STEPS: u64 = 128;
/// Octaves above the first `STEPS` microseconds: up to more than an hour.
const OCTAVES: usize = 26;

/// Counts of durations, exact below 128 µs and within 0.8 % above; the largest is exact.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; (OCTAVES + 1) * 128], total: 0, max: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        self.counts[slot(micros).min(last)] += 1;
        self.total += 1;
        self.max = self.max.max(duration);
    }

    /// Takes over what another has counted.
    pub fn add(&mut self, other: &Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The value that so many of a thousand do not exceed; zero when nothing was counted.
    pub fn per_mille(&self, mille: u64) -> Duration {
        let wanted = (self.total * mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_micros(top(at)).min(self.max);
            }
        }
        self.max
    }

    /// The largest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }
}

fn slot(micros: u64) -> usize {
    let octave = (micros / STEPS).checked_ilog2().map_or(0, |log| log + 1);
    let step = if octave == 0 { micros } else { (micros >> (octave - 1)) - STEPS };
    usize::try_from(u64::from(octave) * STEPS + step).unwrap_or(usize::MAX)
}

/// The largest value of a slot.
fn top(slot: usize) -> u64 {
    let (octave, step) = (slot as u64 / STEPS, slot as u64 % STEPS);
    if octave == 0 { step } else { ((STEPS + step + 1) << (octave - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_slot_within_one_per_cent() {
        for micros in (0..5_000).chain([12_345, 99_999, 1_000_000, 59_999_999, 3_600_000_000]) {
            let high = top(slot(micros));
            assert!(high >= micros && high - micros <= micros / 128, "{micros} is given as {high}");
            assert!(slot(micros) == 0 || top(slot(micros) - 1) < micros, "{micros}");
        }
    }

    #[test]
    fn shares_are_counted_from_below() {
        let mut half = Histogram::default();
        let mut all = Histogram::default();
        (1..=50).for_each(|ms| half.record(Duration::from_millis(ms)));
        (51..=100).for_each(|ms| all.record(Duration::from_millis(ms)));
        all.add(&half);
        assert_eq!(all.total(), 100);
        assert_eq!(all.max(), Duration::from_millis(100));
        let near = |mille, ms: u128| {
            let found = all.per_mille(mille).as_micros();
            assert!((ms * 1000..=ms * 1010).contains(&found), "{mille}: {found}");
        };
        near(500, 50);
        near(990, 99);
        assert_eq!(all.per_mille(1000), Duration::from_millis(100));
        assert_eq!(Histogram::default().per_mille(500), Duration::ZERO);
    }
}
