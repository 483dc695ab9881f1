//! Working days (工作日): Monday to Friday but for holidays, and the weekend days on which people work instead. Both are
//! published a year at a time, so that a year may be asked for that nobody has published yet.

use super::calendar::Day;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The days of one year that are not what their weekday says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exceptions {
    /// Nobody works.
    holidays: BTreeSet<Day>,
    /// Saturdays and Sundays on which people work.
    instead: BTreeSet<Day>,
}

/// Which days are working days, by the years that were given. In a year that was not, Monday to Friday count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkingDays {
    years: BTreeMap<u32, Exceptions>,
}

/// A day that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueDay {
    /// The day.
    pub day: Day,
    /// Whether a year that was not given was counted through, so that the day may move once it is.
    pub provisional: bool,
}

/// "YYYY-MM-DD", with a mark when it may still move.
impl fmt::Display for DueDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.day, if self.provisional { " (provisional)" } else { "" })
    }
}

/// Why a year was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YearError {
    /// The year was given before.
    #[error("the year {0} is given twice")]
    Twice(u32),
    /// A day that is not of the year.
    #[error("{0} is no day of the year {1}")]
    OtherYear(Day, u32),
    /// A day that stands in the lists more than once.
    #[error("{0} is listed twice")]
    DayTwice(Day),
    /// A day that is one of work anyhow.
    #[error("{0} is no Saturday or Sunday")]
    NoWeekend(Day),
}

impl WorkingDays {
    /// Adds a year: the days on which nobody works, and the Saturdays and Sundays on which people work instead.
    ///
    /// # Errors
    /// The first mistake in what was given; nothing is added then.
    pub fn add(&mut self, year: u32, holidays: &[Day], instead: &[Day]) -> Result<(), YearError> {
        if self.years.contains_key(&year) {
            return Err(YearError::Twice(year));
        }
        let mut seen = BTreeSet::new();
        for day in holidays.iter().chain(instead).copied() {
            if day.year() != year {
                return Err(YearError::OtherYear(day, year));
            }
            if !seen.insert(day) {
                return Err(YearError::DayTwice(day));
            }
        }
        if let Some(day) = instead.iter().find(|day| !day.is_weekend()) {
            return Err(YearError::NoWeekend(*day));
        }
        let set = |days: &[Day]| days.iter().copied().collect();
        self.years.insert(year, Exceptions { holidays: set(holidays), instead: set(instead) });
        Ok(())
    }

    /// The years that were given, in order.
    pub fn years(&self) -> impl Iterator<Item = u32> {
        self.years.keys().copied()
    }

    /// Whether the year of this day was given.
    pub fn knows(&self, day: Day) -> bool {
        self.years.contains_key(&day.year())
    }

    /// Whether people work on this day; in a year that was not given, whether it is one of Monday to Friday.
    pub fn is_working_day(&self, day: Day) -> bool {
        let Some(year) = self.years.get(&day.year()) else { return !day.is_weekend() };
        year.instead.contains(&day) || !day.is_weekend() && !year.holidays.contains(&day)
    }

    /// The `count`-th working day after `day`, which itself is never counted; for 0 the day itself, whatever it is.
    pub fn after(&self, day: Day, count: u32) -> DueDay {
        let mut due = DueDay { day, provisional: false };
        let mut left = count;
        while left > 0 {
            let next = due.day.next();
            if next <= due.day {
                // The calendar ends here.
                return DueDay { provisional: true, ..due };
            }
            due = DueDay { day: next, provisional: due.provisional || !self.knows(next) };
            left -= u32::from(self.is_working_day(next));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn days(texts: &[&str]) -> Vec<Day> {
        texts.iter().map(|text| day(text)).collect()
    }

    /// The turn of the year 2026: 1 to 3 January are off, the 4th, a Sunday, is worked.
    fn january() -> WorkingDays {
        let mut working = WorkingDays::default();
        let off = days(&["2026-01-01", "2026-01-02", "2026-01-03"]);
        working.add(2026, &off, &days(&["2026-01-04"])).expect("a year");
        working
    }

    #[test]
    fn holidays_are_left_out_and_days_worked_instead_are_counted() {
        let working = january();
        let is = |text: &str| working.is_working_day(day(text));
        assert_eq!(
            ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05", "2026-01-10"].map(is),
            [false, false, true, true, false]
        );
        for (count, expected) in
            [(0, "2026-01-01"), (1, "2026-01-04"), (2, "2026-01-05"), (6, "2026-01-09"), (7, "2026-01-12")]
        {
            let due = working.after(day("2026-01-01"), count);
            assert_eq!(due.to_string(), expected, "{count}");
        }
    }

    #[test]
    fn a_year_that_is_not_given_counts_monday_to_friday_and_says_so() {
        let working = january();
        // A Thursday; the year before is not given.
        let due = working.after(day("2025-12-31"), 1);
        assert_eq!((due.day, due.provisional), (day("2026-01-04"), false), "no day of 2025 was counted");
        let due = working.after(day("2025-12-30"), 2);
        assert_eq!(due.to_string(), "2026-01-04 (provisional)");
        let due = working.after(day("2026-12-31"), 1);
        assert_eq!(due.to_string(), "2027-01-01 (provisional)", "a Friday, as far as is known");
        let none = WorkingDays::default();
        assert_eq!(none.after(day("2026-01-01"), 2).to_string(), "2026-01-05 (provisional)");
        assert!(none.is_working_day(day("2026-01-01")) && !none.knows(day("2026-01-01")));
    }

    #[test]
    fn a_year_with_a_mistake_is_refused_and_changes_nothing() {
        let mut working = january();
        let before = working.clone();
        let first = day("2027-01-01");
        let mut refused =
            |year, off: &[&str], instead: &[&str]| working.add(year, &days(off), &days(instead));
        assert_eq!(refused(2026, &[], &[]), Err(YearError::Twice(2026)));
        let other = YearError::OtherYear(day("2026-12-31"), 2027);
        assert_eq!(refused(2027, &["2026-12-31"], &[]), Err(other));
        assert_eq!(refused(2027, &[], &["2026-12-31"]), Err(other));
        assert_eq!(refused(2027, &["2027-01-01", "2027-01-01"], &[]), Err(YearError::DayTwice(first)));
        let sunday = day("2027-01-03");
        assert_eq!(refused(2027, &["2027-01-03"], &["2027-01-03"]), Err(YearError::DayTwice(sunday)));
        assert_eq!(refused(2027, &[], &["2027-01-01"]), Err(YearError::NoWeekend(first)));
        assert_eq!(working, before);
    }

    #[test]
    fn counting_ends_where_the_calendar_does() {
        let due = WorkingDays::default().after(day("9999-12-30"), 100);
        assert_eq!((due.day, due.provisional), (day("9999-12-31"), true));
    }
}
