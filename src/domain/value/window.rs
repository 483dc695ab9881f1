//! Settlement windows (清算窗口): what a commit is counted in.

use super::calendar::{Civil, Day};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::io;

/// Cuts that a day can have: its number takes so many.
const CUTS_MAX: u32 = 42;
/// What one more cut adds to the number of a window.
const PER_CUT: u32 = 100_000_000;

/// A settlement window: a calendar day in Asia/Shanghai, or what is left of it after a cut. Stored as one number, which
/// for the first of a day is YYYYMMDD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    day: Day,
    /// Cuts of this day before it.
    cuts: u32,
}

impl Window {
    /// The first window of the day at `at`, which is its only one unless operators cut it.
    pub fn of(at: Civil) -> Window {
        Window::from(Day::of(at))
    }

    /// The day whose window it is.
    pub fn day(self) -> Day {
        self.day
    }

    /// The window that follows it on the same day, when it is closed before the day ends; nothing after the 42nd.
    pub fn next_cut(self) -> Option<Window> {
        Some(Window { cuts: self.cuts + 1, ..self }).filter(|it| it.cuts < CUTS_MAX)
    }

    /// As it is stored: YYYYMMDD, and 100,000,000 more for each cut before it.
    pub fn number(self) -> u32 {
        self.cuts * PER_CUT + self.day.number()
    }

    /// The window that is stored so; not checked, for stored values only.
    pub fn from_number(number: u32) -> Window {
        Window { day: Day::from_number(number % PER_CUT), cuts: number / PER_CUT }
    }

    /// Reads "YYYYMMDD", with "-2", "-3" for further cuts of one day; nothing when there is no such window.
    pub fn parse(text: &str) -> Option<Window> {
        let (day, cut) = text.split_once('-').map_or((text, None), |(day, cut)| (day, Some(cut)));
        let day = Day::parse_digits(day)?;
        let Some(cut) = cut else { return Some(Window::from(day)) };
        // One text for one window: no "-1", no "-02".
        let number: u32 = cut.parse().ok().filter(|number| (2..=CUTS_MAX).contains(number))?;
        (number.to_string() == cut).then_some(Window { day, cuts: number - 1 })
    }
}

/// The first window of a day.
impl From<Day> for Window {
    fn from(day: Day) -> Window {
        Window { day, cuts: 0 }
    }
}

/// "YYYYMMDD", or "YYYYMMDD-2" for the second of a day.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.day.number())?;
        if self.cuts > 0 { write!(f, "-{}", self.cuts + 1) } else { Ok(()) }
    }
}

impl BorshSerialize for Window {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.number().serialize(writer)
    }
}

impl BorshDeserialize for Window {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Window> {
        u32::deserialize_reader(reader).map(Window::from_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn the_first_of_a_day_is_stored_as_the_day_was() {
        let (window, day) = (Window::from(day("2026-11-21")), day("2026-11-21"));
        assert_eq!(window.number(), day.number());
        assert_eq!(borsh::to_vec(&window).unwrap(), borsh::to_vec(&day).unwrap());
    }

    #[test]
    fn every_cut_comes_back_and_they_follow_each_other() {
        let mut window = Window::from(day("2026-11-21"));
        let mut count = 1;
        while let Some(next) = window.next_cut() {
            assert!(window < next && next < Window::from(day("2026-11-22")));
            assert_eq!(Window::from_number(next.number()), next);
            assert_eq!(Window::parse(&next.to_string()), Some(next));
            let bytes = borsh::to_vec(&next).unwrap();
            assert_eq!(borsh::from_slice::<Window>(&bytes).unwrap(), next);
            (window, count) = (next, count + 1);
        }
        assert_eq!((count, window.to_string().as_str()), (42, "20261121-42"));
    }

    #[test]
    fn a_window_is_a_day_that_exists_and_a_cut_of_it() {
        assert_eq!(Window::parse("20261121"), Some(Window::from(day("2026-11-21"))));
        assert_eq!(Window::parse("20261121-2"), Window::from(day("2026-11-21")).next_cut());
        for bad in [
            "",
            "2026-11-21",
            "20261321",
            "2026112",
            "2026１121",
            "202611210",
            "20261121-",
            "20261121-0",
            "20261121-1",
            "20261121-02",
            "20261121-43",
            "20261121-+2",
            "20261121-2-2",
        ] {
            assert_eq!(Window::parse(bad), None, "{bad}");
        }
    }
}
