//! `[alarms]`: when something that waits is told.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use serde::Deserialize;
use toml::Spanned;

/// Ages of what waits. The key may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alarms {
    /// Ages, in seconds, at which the log tells what waits: at the hub decisions that a province has not recorded, at a
    /// node legs in doubt. Each transfer is counted once at each age. Rising, each 1 to 31536000, at most 8; none: no
    /// alarms. Default 60, 600, 3600, 86400.
    pub waiting_ages_s: Vec<u64>,
}

impl Default for Alarms {
    fn default() -> Alarms {
        Alarms { waiting_ages_s: vec![60, 600, 3_600, 86_400] }
    }
}

impl Alarms {
    /// The alarms of a file.
    pub(super) fn of(alarms: Option<Spanned<Alarms>>, source: &Source) -> Result<Alarms, ConfigError> {
        let Some(spanned) = alarms else {
            return Ok(Alarms::default());
        };
        let span = spanned.span();
        let alarms = spanned.into_inner();
        let ages = &alarms.waiting_ages_s;
        let fits = ages.len() <= 8
            && ages.iter().all(|age| (1..=31_536_000).contains(age))
            && ages.windows(2).all(|pair| pair[0] < pair[1]);
        if fits {
            return Ok(alarms);
        }
        let what = "[alarms]: waiting_ages_s has at most 8 ages of 1 to 31536000 seconds, rising";
        Err(source.error(Some(span), what.to_owned(), "correct the value"))
    }

    /// The ages in milliseconds.
    pub fn waiting_ages_ms(&self) -> Vec<u64> {
        self.waiting_ages_s.iter().map(|age| age * 1_000).collect()
    }

    /// How often to look, in milliseconds: often enough for the smallest age, never more than once a second; nothing
    /// when there are no alarms.
    pub fn look_every_ms(&self) -> Option<u64> {
        self.waiting_ages_ms().first().map(|age| (age / 4).clamp(1_000, 30_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::file;

    #[derive(Deserialize)]
    struct Shape {
        alarms: Option<Spanned<Alarms>>,
    }

    fn read(text: &str) -> Result<Alarms, String> {
        let (_folder, path) = file("x.toml", text);
        let source = Source::read(&path).expect("there");
        let shape: Shape = source.parse().map_err(|error| error.to_string())?;
        Alarms::of(shape.alarms, &source).map_err(|error| error.to_string())
    }

    #[test]
    fn ages_rise_and_may_be_none() {
        assert_eq!(read(""), Ok(Alarms::default()));
        let some = read("[alarms]\nwaiting_ages_s = [5, 60]").expect("sound");
        assert_eq!((some.waiting_ages_ms(), some.look_every_ms()), (vec![5_000, 60_000], Some(1_250)));
        assert_eq!(read("[alarms]\nwaiting_ages_s = []").map(|none| none.look_every_ms()), Ok(None));
        for bad in ["[60, 60]", "[60, 5]", "[0]", "[31536001]", "[1, 2, 3, 4, 5, 6, 7, 8, 9]"] {
            let error = read(&format!("[alarms]\nwaiting_ages_s = {bad}")).expect_err("refused");
            assert!(error.contains("waiting_ages_s has at most 8"), "{error}");
        }
        assert!(read("[alarms]\nages = [1]").is_err(), "unknown keys are refused");
    }
}
