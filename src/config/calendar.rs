//! Files of working days, one a year. `deploy/calendar/` has those that are published, and explains their keys.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use crate::config::value::{DayText, Words};
use crate::domain::value::working_days::YearError;
use crate::domain::value::{Day, WorkingDays};
use serde::Deserialize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YearFile {
    year: Spanned<u32>,
    /// Not shown to anybody: whoever checks the days needs it.
    #[serde(rename = "source")]
    _source: Words,
    holidays: Vec<Spanned<DayText>>,
    working_days: Vec<Spanned<DayText>>,
}

/// Loads and checks the files of all years.
pub fn load(paths: &[PathBuf]) -> Result<WorkingDays, ConfigError> {
    let mut working = WorkingDays::default();
    paths.iter().try_for_each(|path| add(path, &mut working))?;
    Ok(working)
}

fn add(path: &Path, working: &mut WorkingDays) -> Result<(), ConfigError> {
    let source = Source::read(path)?;
    let file: YearFile = source.parse()?;
    let year = *file.year.get_ref();
    if !(2020..2100).contains(&year) {
        let what = format!("`year` {year} lies outside the years 2020 to 2099");
        return Err(source.error(Some(file.year.span()), what, "correct it"));
    }
    let days = |list: &[Spanned<DayText>]| list.iter().map(|day| day.get_ref().0).collect::<Vec<Day>>();
    working
        .add(year, &days(&file.holidays), &days(&file.working_days))
        .map_err(|error| source.error(Some(file.place(&error)), error.to_string(), advice(&error)))
}

impl YearFile {
    /// Where a mistake stands: what stands twice is shown where it is repeated.
    fn place(&self, error: &YearError) -> Range<usize> {
        let (YearError::OtherYear(wrong, _) | YearError::DayTwice(wrong) | YearError::NoWeekend(wrong)) =
            error
        else {
            return self.year.span();
        };
        let days = self.holidays.iter().chain(&self.working_days).rev();
        days.clone().find(|day| day.get_ref().0 == *wrong).map_or(self.year.span(), Spanned::span)
    }
}

fn advice(error: &YearError) -> &'static str {
    match error {
        YearError::Twice(_) => "name one file for each year",
        YearError::OtherYear(..) => "move it to the file of its year",
        YearError::DayTwice(_) => "remove one of the two",
        YearError::NoWeekend(_) => "`working_days` are Saturdays and Sundays on which people work instead",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{deploy, file};

    const GOOD: &str = "year = 2026\nsource = \"a list\"\nholidays = [\"2026-01-01\", \"2026-01-02\"]\n\
                        working_days = [\"2026-01-04\"]\n";

    #[test]
    fn the_years_that_are_shipped_are_the_published_ones() {
        let working = load(&[deploy("calendar/2025.toml"), deploy("calendar/2026.toml")]).expect("loaded");
        assert_eq!(working.years().collect::<Vec<_>>(), [2025, 2026]);
        // As the package that the files name counts them.
        for year in [2025, 2026] {
            let mut day = Day::from_number(year * 10_000 + 101);
            let mut count = 0;
            while day.year() == year {
                count += u32::from(working.is_working_day(day));
                day = day.next();
            }
            assert_eq!(count, 248, "{year}");
        }
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line_and_advice() {
        for (from, to, at, word) in [
            ("year = 2026", "year = 2027", "3:13", "no day of the year 2027"),
            ("year = 2026", "year = 1926", "1:8", "2020 to 2099"),
            ("year = 2026\n", "", "1:1", "`year`"),
            ("source = \"a list\"", "source = \"\"", "2:10", "something in it"),
            ("\"2026-01-02\"", "\"2026-01-01\"", "3:27", "listed twice; remove"),
            ("\"2026-01-04\"", "\"2026-01-02\"", "4:17", "listed twice"),
            ("\"2026-01-04\"", "\"2025-01-04\"", "4:17", "2025-01-04 is no day"),
            ("\"2026-01-04\"", "\"2026-01-05\"", "4:17", "no Saturday"),
            ("\"2026-01-04\"", "\"2026-02-30\"", "4:17", "a day that exists"),
            ("\"2026-01-04\"", "2026-01-04", "4:17", "a day that exists"),
            ("holidays", "holiday", "3:1", "`holiday`"),
            ("]\nworking", "\nworking", "4:", ""),
        ] {
            let bad = GOOD.replacen(from, to, 1);
            assert_ne!(bad, GOOD, "{from}");
            let (_folder, path) = file("year.toml", &bad);
            let error = load(&[path]).expect_err(to).to_string();
            assert!(error.contains(&format!("year.toml:{at}")) && error.contains(word), "{to}: {error}");
            assert!(!error.contains('\n') && error.contains("; "), "{error}");
        }
        let (_folder, path) = file("year.toml", GOOD);
        let error = load(&[path.clone(), path]).expect_err("twice").to_string();
        assert!(error.contains("year.toml:1:8: the year 2026 is given twice"), "{error}");
        let error = load(&[PathBuf::from("/nowhere/2026.toml")]).expect_err("not there").to_string();
        assert!(error.starts_with("/nowhere/2026.toml: cannot be read"), "{error}");
    }
}
