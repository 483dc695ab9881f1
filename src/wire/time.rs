//! Times, days and durations.

use crate::domain::reason::Reason;
use crate::domain::value::{Civil, Day};
use crate::wire::reader::{Path, Violations};
use prost_types::{Duration, Timestamp};

/// Civil time as the wire has it.
pub fn timestamp(at: Civil) -> Timestamp {
    let nanos = i32::try_from(at.0.rem_euclid(1000) * 1_000_000).unwrap_or(0);
    Timestamp { seconds: at.0.div_euclid(1000), nanos }
}

/// Civil time, cut to milliseconds; nothing when it is out of range.
pub fn civil(at: &Timestamp) -> Option<Civil> {
    // google.protobuf.Timestamp: years 1 to 9999, nanos never negative.
    const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
    let fits = SECONDS.contains(&at.seconds) && (0..1_000_000_000).contains(&at.nanos);
    fits.then(|| Civil(at.seconds * 1000 + i64::from(at.nanos) / 1_000_000))
}

/// Reads a required time: `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn required_time(at: &Path<'_>, time: Option<&Timestamp>, found: &mut Violations) -> Option<Civil> {
    let time = found.need(at, Reason::FieldRequired, time)?;
    found.need(at, Reason::RequestMalformed, civil(time))
}

/// Reads a required day, "2026-11-21": `FIELD_REQUIRED`, `DATE_MALFORMED`.
pub fn required_date(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<Day> {
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::DateMalformed };
    found.need(at, reason, Day::parse(text))
}

/// Milliseconds as the wire has them.
pub fn duration(ms: u64) -> Duration {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    Duration { seconds, nanos: i32::try_from(ms % 1000 * 1_000_000).unwrap_or(0) }
}

/// Milliseconds of a duration; 0 for a negative one, since what is over is over.
pub fn milliseconds(duration: &Duration) -> u64 {
    let ms = duration.seconds.saturating_mul(1000).saturating_add(i64::from(duration.nanos) / 1_000_000);
    u64::try_from(ms).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_time_comes_back_to_the_millisecond() {
        for ms in [0, 1, 999, 1000, 1_795_190_400_123, -1, -999, -1000, -1001] {
            let wire = timestamp(Civil(ms));
            assert!((0..1_000_000_000).contains(&wire.nanos), "{ms}");
            assert_eq!(civil(&wire), Some(Civil(ms)));
        }
    }

    #[test]
    fn refuses_times_out_of_range() {
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            assert_eq!(civil(&Timestamp { seconds, nanos }), None);
        }
    }

    #[test]
    fn durations_come_back_and_negative_ones_are_over() {
        for ms in [0, 1, 1500, 60_000] {
            assert_eq!(milliseconds(&duration(ms)), ms);
        }
        assert_eq!(milliseconds(&Duration { seconds: -3, nanos: -1 }), 0);
        assert_eq!(milliseconds(&Duration { seconds: i64::MAX, nanos: 999_999_999 }), i64::MAX as u64);
    }
}
