//! Time as plain values that are handed in: a monotonic clock for deadlines, a civil one for rules.

use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use time::{Date, Month, OffsetDateTime, UtcOffset, Weekday};

/// Milliseconds on a monotonic clock of this process. Never stored, never compared between processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub u64);

impl Mono {
    /// This moment and `ms` milliseconds more.
    pub fn after(self, ms: u64) -> Mono {
        Mono(self.0.saturating_add(ms))
    }
}

/// Civil time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Civil(pub i64);

/// Both clocks, read once for a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines and retries.
    pub mono: Mono,
    /// For rules, days and what people read.
    pub civil: Civil,
}

/// The first 06:00 in Asia/Shanghai (UTC+8, no summer time) after `at`: what was not taken by then goes back
/// (policy_facts §2.2, R20). At 06:00 itself it is that of the next day.
pub fn next_six(at: Civil) -> Civil {
    const DAY_MS: i64 = 86_400_000;
    // 06:00 in Shanghai is 22:00 UTC of the day before.
    const SIX_MS: i64 = 22 * 3_600_000;
    let days = at.0.saturating_sub(SIX_MS).div_euclid(DAY_MS) + 1;
    Civil(days.saturating_mul(DAY_MS).saturating_add(SIX_MS))
}

/// A calendar day in Asia/Shanghai, as the number YYYYMMDD.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Day(u32);

impl Day {
    /// The day in Asia/Shanghai (UTC+8, no summer time) at `at`.
    pub fn of(at: Civil) -> Day {
        let utc =
            OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let shanghai = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
        Day::from_date(utc.to_offset(shanghai).date())
    }

    fn from_date(date: Date) -> Day {
        let year = u32::try_from(date.year()).unwrap_or(0);
        Day(year * 10_000 + u32::from(u8::from(date.month())) * 100 + u32::from(date.day()))
    }

    /// Reads "YYYY-MM-DD"; nothing when there is no such day.
    pub fn parse(text: &str) -> Option<Day> {
        let (year, month, day) = (text.get(0..4)?, text.get(5..7)?, text.get(8..10)?);
        let dashes = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        let digits = [year, month, day].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if !dashes || !digits {
            return None;
        }
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
        Some(Day::from_date(date))
    }

    /// Reads "YYYYMMDD"; nothing when there is no such day.
    pub fn parse_digits(text: &str) -> Option<Day> {
        let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Day::parse(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))).flatten()
    }

    /// The day after it.
    pub fn next(self) -> Day {
        Day::of(self.end())
    }

    /// When it ends: the first moment of the next day in Asia/Shanghai.
    pub fn end(self) -> Civil {
        const EIGHT_HOURS_S: i64 = 8 * 3_600;
        let date = self.date().and_then(Date::next_day).unwrap_or(Date::MAX);
        Civil((date.midnight().assume_utc().unix_timestamp() - EIGHT_HOURS_S).saturating_mul(1_000))
    }

    /// Nothing for a number that is no day.
    fn date(self) -> Option<Date> {
        let (year, month) = (i32::try_from(self.0 / 10_000).ok()?, u8::try_from(self.0 / 100 % 100).ok()?);
        let day = u8::try_from(self.0 % 100).ok()?;
        Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
    }

    /// The same day of the month so many months later; the month's last day where there is no such day. Nothing beyond
    /// the calendar.
    pub fn after_months(self, months: u32) -> Option<Day> {
        let since = (self.0 / 10_000) * 12 + self.0 / 100 % 100 - 1 + months;
        let (year, month) = (i32::try_from(since / 12).ok()?, u8::try_from(since % 12 + 1).ok()?);
        let month = Month::try_from(month).ok()?;
        let day = u8::try_from(self.0 % 100).ok()?.min(month.length(year));
        Date::from_calendar_date(year, month, day).ok().map(Day::from_date)
    }

    /// Whether it is a Saturday or a Sunday.
    pub fn is_weekend(self) -> bool {
        self.date().is_some_and(|date| matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday))
    }

    /// Its year, as in 2026.
    pub fn year(self) -> u32 {
        self.0 / 10_000
    }

    /// The number YYYYMMDD.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The day that the number YYYYMMDD stands for; not checked, for stored values only.
    pub fn from_number(yyyymmdd: u32) -> Day {
        Day(yyyymmdd)
    }
}

/// "YYYY-MM-DD".
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0 / 10_000, self.0 / 100 % 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        // 2026-11-20T16:00:00Z is midnight of the 21st in Shanghai.
        let midnight = Civil(1_795_190_400_000);
        assert_eq!(Day::of(midnight).to_string(), "2026-11-21");
        assert_eq!(Day::of(Civil(midnight.0 - 1)).to_string(), "2026-11-20");
    }

    #[test]
    fn the_next_six_is_always_later() {
        // 2026-11-20T22:00:00Z is 06:00 of the 21st in Shanghai.
        let six = Civil(1_795_212_000_000);
        let next = Civil(six.0 + 86_400_000);
        for (at, expected) in [(-1, six), (0, next), (1, next), (86_399_999, next), (-86_400_000, six)] {
            assert_eq!(next_six(Civil(six.0 + at)), expected, "{at}");
        }
        // 29 February and the turn of the year: 2028-02-29T12:00 and 2026-12-31T23:59:59.999 in Shanghai.
        assert_eq!(next_six(Civil(1_835_409_600_000)), Civil(1_835_474_400_000));
        assert_eq!(next_six(Civil(1_798_732_799_999)), Civil(1_798_754_400_000));
    }

    #[test]
    fn reads_only_days_that_exist() {
        assert_eq!(Day::parse("2024-02-29").map(Day::number), Some(20_240_229));
        for bad in [
            "2025-02-29",
            "2025-2-1",
            "2025/02/01",
            "",
            "2025-13-01",
            "+025-01-01",
            "２025-01-1",
            "2025-02-01x",
            "2025/02-01",
            "2025-02/01",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }
}
