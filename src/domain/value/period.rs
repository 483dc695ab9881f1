//! Clearing periods (清算期): a month of windows.

use super::calendar::Day;
use super::column::{Column, Value};
use super::window::Window;
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// A clearing period: a calendar month in Asia/Shanghai, as the number YYYYMM.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Period(u32);

impl Period {
    /// The month of a day.
    pub fn of(day: Day) -> Period {
        Period(day.number() / 100)
    }

    /// Reads "YYYYMM"; nothing when there is no such month, or none of the years 2000 to 2199.
    pub fn parse(text: &str) -> Option<Period> {
        let month = (text.len() == 6).then(|| Day::parse_digits(&format!("{text}01"))).flatten()?;
        Some(Period::of(month)).filter(|it| (2000..2200).contains(&(it.0 / 100)))
    }

    /// The number YYYYMM.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The period that the number YYYYMM stands for; not checked, for stored values only.
    pub fn from_number(yyyymm: u32) -> Period {
        Period(yyyymm)
    }

    /// The month after it.
    pub fn next(self) -> Period {
        match self.0 % 100 {
            12.. => Period((self.0 / 100 + 1) * 100 + 1),
            _ => Period(self.0 + 1),
        }
    }

    /// The month before it.
    pub fn previous(self) -> Period {
        match self.0 % 100 {
            0 | 1 => Period((self.0 / 100).saturating_sub(1) * 100 + 12),
            _ => Period(self.0 - 1),
        }
    }

    /// How many months it is after an earlier one; 0 when that is not earlier.
    pub fn months_after(self, earlier: Period) -> u32 {
        let months = |it: Period| (it.0 / 100) * 12 + it.0 % 100;
        months(self).saturating_sub(months(earlier))
    }

    /// Its first day.
    pub fn first_day(self) -> Day {
        Day::from_number(self.0 * 100 + 1)
    }

    /// Its days, in order.
    pub fn days(self) -> impl Iterator<Item = Day> {
        std::iter::successors(Some(self.first_day()), |day| Some(day.next()).filter(|next| next > day))
            .take_while(move |day| Period::of(*day) == self)
    }

    /// Its last day.
    pub fn last_day(self) -> Day {
        self.days().last().unwrap_or(self.first_day())
    }
}

/// The month in which a window's day is.
impl From<Window> for Period {
    fn from(window: Window) -> Period {
        Period::of(window.day())
    }
}

/// "YYYYMM".
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl Column for Period {
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(self.0))
    }
    fn from_value(value: Value<'_>) -> Option<Period> {
        i64::from_value(value).and_then(|number| u32::try_from(number).ok()).map(Period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        Period::parse(text).expect("a period")
    }

    #[test]
    fn reads_months_that_there_are() {
        assert_eq!(period("202612").to_string(), "202612");
        for text in ["", "2026", "202600", "202613", "2026-1", "2026011", "２０２６０１", "999912", "199912"]
        {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }

    #[test]
    fn months_follow_each_other_over_the_year() {
        assert_eq!(
            (period("202612").next(), period("202701").previous()),
            (period("202701"), period("202612"))
        );
        assert_eq!(period("202702").months_after(period("202611")), 3);
        assert_eq!(period("202611").months_after(period("202702")), 0);
    }

    #[test]
    fn a_month_has_its_days_and_windows() {
        assert_eq!(period("202402").last_day(), Day::from_number(20_240_229));
        assert_eq!(period("202606").days().count(), 30);
        // The calendar's last day has none after it.
        assert_eq!(Period::from_number(999_912).days().count(), 31);
        assert_eq!(Period::from(Window::parse("20260630-2").expect("a window")), period("202606"));
    }
}
