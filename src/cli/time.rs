//! Times for people and for programs.

use crate::domain::value::Civil;
use crate::wire::time::civil;
use prost_types::Timestamp;
use time::{OffsetDateTime, UtcOffset};

/// A time as people in China read it: "2026-11-21 12:00:03"; empty when there is none.
pub fn local_time(at: Option<&Timestamp>) -> String {
    at.and_then(civil).map_or_else(String::new, local)
}

/// The same of a time of the core.
pub fn local(at: Civil) -> String {
    let shanghai = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    let (date, clock) = parts(at, shanghai);
    format!("{date} {clock}")
}

/// A time as programs read it: "2026-11-21T04:00:03.250Z".
pub fn rfc3339(at: Civil) -> String {
    let (date, clock) = parts(at, UtcOffset::UTC);
    format!("{date}T{clock}.{:03}Z", at.0.rem_euclid(1000))
}

fn parts(at: Civil, offset: UtcOffset) -> (String, String) {
    let utc =
        OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let there = utc.to_offset(offset);
    let (hour, minute, second) = there.to_hms();
    (there.date().to_string(), format!("{hour:02}:{minute:02}:{second:02}"))
}
