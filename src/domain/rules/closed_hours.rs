//! No transfers in the closed hours: nationally from 22:00 to 06:00 (policy_facts §2.2, R19). Owned by the hub: both
//! places are judged by one clock, the hub's time of receipt, before any money is held.

use super::at_hub::{HubFacts, HubRefusal};
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, Side};
use std::fmt;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Asia/Shanghai is eight hours ahead of UTC all year.
const SHANGHAI_MS: i64 = 8 * 60 * MINUTE_MS;
const MINUTES: u16 = 24 * 60;

/// Hours of every day, Asia/Shanghai, in which a place makes no transfers: from the first moment of `begin` up to, and
/// without, the first moment of `end`. They may reach over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedHours {
    begin: u16,
    end: u16,
}

impl ClosedHours {
    /// Closed from `begin` to `end`, in minutes of the day; nothing when they are the same or no minute of a day.
    pub fn new(begin: u16, end: u16) -> Option<ClosedHours> {
        (begin != end && begin < MINUTES && end < MINUTES).then_some(ClosedHours { begin, end })
    }

    /// Reads "22:00..06:00".
    pub fn parse(text: &str) -> Option<ClosedHours> {
        let (begin, end) = text.split_once("..")?;
        ClosedHours::new(minute(begin)?, minute(end)?)
    }

    /// Whether it is closed at this moment.
    pub fn contain(self, at: Civil) -> bool {
        let time = at.0.saturating_add(SHANGHAI_MS).rem_euclid(DAY_MS);
        let (begin, end) = (i64::from(self.begin) * MINUTE_MS, i64::from(self.end) * MINUTE_MS);
        if begin < end { begin <= time && time < end } else { begin <= time || time < end }
    }
}

/// Reads "HH:MM".
fn minute(text: &str) -> Option<u16> {
    let digits = text.bytes().enumerate().all(|(at, byte)| (at == 2) != byte.is_ascii_digit());
    if text.len() != 5 || !digits || text.as_bytes()[2] != b':' {
        return None;
    }
    let (hours, minutes): (u16, u16) = (text.get(..2)?.parse().ok()?, text.get(3..)?.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// "22:00..06:00".
impl fmt::Display for ClosedHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (begin, end) = (self.begin, self.end);
        write!(f, "{:02}:{:02}..{:02}:{:02}", begin / 60, begin % 60, end / 60, end % 60)
    }
}

/// What stands against a transfer at this hour: the payer's place first; the payee's only where its hours are others.
pub(super) fn against(facts: &HubFacts) -> Vec<HubRefusal> {
    let closed = |side: Side| {
        let hours = facts.rules(side).closed_hours.filter(|hours| hours.contain(facts.receipt_time))?;
        let refusal = facts.refusal(side, Reason::ClosedHours);
        Some(refusal.with("closed_hours", hours).with("region", facts.party(side).region))
    };
    let same = facts.payer_rules.closed_hours == facts.payee_rules.closed_hours;
    let sides: &[Side] = if same { &[Side::Payer] } else { &[Side::Payer, Side::Payee] };
    sides.iter().filter_map(|side| closed(*side)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Date, Month};

    /// A moment of Shanghai's civil time.
    fn at((year, month, day): (i32, Month, u8), (hour, minute, second, ms): (i64, i64, i64, i64)) -> Civil {
        let date = Date::from_calendar_date(year, month, day).unwrap().midnight().assume_utc();
        let time = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
        Civil(date.unix_timestamp() * 1000 + time - SHANGHAI_MS)
    }

    #[test]
    fn the_edges_are_exact_on_every_kind_of_day() {
        let hours = ClosedHours::parse("22:00..06:00").unwrap();
        let days = [
            (2026, Month::November, 21),
            (2028, Month::February, 29),
            (2026, Month::December, 31),
            (2027, Month::January, 1),
        ];
        for day in days {
            for (time, closed) in [
                ((0, 0, 0, 0), true),
                ((5, 59, 59, 999), true),
                ((6, 0, 0, 0), false),
                ((12, 0, 0, 0), false),
                ((21, 59, 59, 999), false),
                ((22, 0, 0, 0), true),
                ((23, 59, 59, 999), true),
            ] {
                assert_eq!(hours.contain(at(day, time)), closed, "{day:?} {time:?}");
            }
        }
    }

    #[test]
    fn hours_within_a_day_do_not_reach_over_midnight() {
        let hours = ClosedHours::parse("12:30..13:00").unwrap();
        let day = (2026, Month::November, 21);
        for (time, closed) in [
            ((12, 29, 59, 999), false),
            ((12, 30, 0, 0), true),
            ((13, 0, 0, 0), false),
            ((0, 0, 0, 0), false),
        ] {
            assert_eq!(hours.contain(at(day, time)), closed, "{time:?}");
        }
    }

    #[test]
    fn reads_only_two_different_minutes_of_a_day() {
        assert_eq!(
            ClosedHours::parse("22:00..06:00").map(|it| it.to_string()).as_deref(),
            Some("22:00..06:00")
        );
        for bad in [
            "22:00..22:00",
            "24:00..06:00",
            "22:60..06:00",
            "22..06",
            "22:00-06:00",
            "2:00..06:00",
            "",
            "..",
            "+2:00..06:00",
        ] {
            assert_eq!(ClosedHours::parse(bad), None, "{bad}");
        }
    }
}
