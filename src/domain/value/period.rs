//! Clearing periods (清算期): the month whose windows are cleared together.

use super::calendar::Day;
use super::window::Window;
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// A calendar month in Asia/Shanghai. Stored as the number YYYYMM, written "YYYYMM".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Period(u32);

impl Period {
    /// The period of a day.
    pub fn of(day: Day) -> Period {
        Period(day.number() / 100)
    }

    /// Reads "YYYYMM"; nothing when there is no such month.
    pub fn parse(text: &str) -> Option<Period> {
        // A month is there when its first day is; what is no digit is refused with it.
        Day::parse_digits(&format!("{text}01")).map(Period::of)
    }

    /// The month after it.
    pub fn next(self) -> Period {
        self.after(1)
    }

    /// The period so many months later; itself beyond the calendar, which ends with the year 9999.
    pub fn after(self, months: u32) -> Period {
        self.first_day().after_months(months).map_or(self, Period::of)
    }

    /// How many months it comes after `earlier`; 0 when it does not.
    pub fn months_since(self, earlier: Period) -> u32 {
        let months = |it: Period| it.year() * 12 + it.0 % 100;
        months(self).saturating_sub(months(earlier))
    }

    /// Its year, as in 2026.
    pub fn year(self) -> u32 {
        self.0 / 100
    }

    /// The first day of the month.
    pub fn first_day(self) -> Day {
        self.day(1)
    }

    /// The last day of the month.
    pub fn last_day(self) -> Day {
        // The 31st of January so many months later is the 31st, or the last that there is.
        let (january, months) = (Day::from_number(self.year() * 10_000 + 131), self.0 % 100);
        january.after_months(months.saturating_sub(1)).unwrap_or(self.day(28))
    }

    /// A day of the month by its number, which every month has: 1 to 28.
    pub fn day(self, number: u8) -> Day {
        Day::from_number(self.0 * 100 + u32::from(number.clamp(1, 28)))
    }

    /// As it is stored: YYYYMM.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The period that is stored so; not checked, for stored values only.
    pub fn from_number(yyyymm: u32) -> Period {
        Period(yyyymm)
    }
}

/// The period in which a window's rows are cleared unless an objection moves them.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        Period::parse(text).expect("a month")
    }

    #[test]
    fn a_period_is_a_month_that_exists() {
        assert_eq!(period("202611").number(), 202_611);
        assert_eq!(period("202611").to_string(), "202611");
        for bad in ["", "2026", "202600", "202613", "2026-11", "20261", "2026110", "２０２６１１", "+20261"]
        {
            assert_eq!(Period::parse(bad), None, "{bad}");
        }
        let stored = borsh::to_vec(&period("202611")).expect("bytes");
        assert_eq!(borsh::from_slice::<Period>(&stored).expect("read back"), Period::from_number(202_611));
    }

    #[test]
    fn it_has_a_first_and_a_last_day_and_all_windows_between() {
        for (text, last) in [("202611", "2026-11-30"), ("202802", "2028-02-29"), ("202612", "2026-12-31")] {
            let it = period(text);
            assert_eq!(
                (it.first_day().to_string(), it.last_day().to_string().as_str()),
                (it.day(1).to_string(), last)
            );
            let cut = Window::from(it.last_day()).next_cut().expect("a second window");
            assert_eq!([Period::from(Window::from(it.first_day())), Period::from(cut)], [it, it]);
            assert_eq!(Period::of(it.last_day().next()), it.next());
        }
    }

    #[test]
    fn months_are_counted_over_the_turn_of_a_year() {
        assert_eq!(period("202612").next(), period("202701"));
        assert_eq!(period("202611").after(14), period("202801"));
        assert_eq!(period("202801").months_since(period("202611")), 14);
        assert_eq!(period("202611").months_since(period("202612")), 0);
        assert_eq!(period("999912").next(), period("999912"), "the calendar ends");
    }
}
