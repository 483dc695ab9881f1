//! `[settlement]`: what the hub does about windows that are closed.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use serde::Deserialize;
use toml::Spanned;

/// How breaks are handled. Each key may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settlement {
    /// How long after it was found a break is to be closed, in seconds: 1 to 31536000. Default 86400: the next day at
    /// the same hour.
    pub break_due_s: u64,
}

impl Default for Settlement {
    fn default() -> Settlement {
        Settlement { break_due_s: 86_400 }
    }
}

impl Settlement {
    /// What a file says.
    pub(super) fn of(it: Option<Spanned<Settlement>>, source: &Source) -> Result<Settlement, ConfigError> {
        let Some(spanned) = it else { return Ok(Settlement::default()) };
        let span = spanned.span();
        let settlement = spanned.into_inner();
        if (1..=31_536_000).contains(&settlement.break_due_s) {
            return Ok(settlement);
        }
        let what = "[settlement]: break_due_s is 1 to 31536000";
        Err(source.error(Some(span), what.to_owned(), "correct the value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::file;

    #[derive(Deserialize)]
    struct File {
        settlement: Option<Spanned<Settlement>>,
    }

    fn read(text: &str) -> Result<Settlement, ConfigError> {
        let (_folder, path) = file("hub.toml", text);
        let source = Source::read(&path)?;
        let file: File = source.parse()?;
        Settlement::of(file.settlement, &source)
    }

    #[test]
    fn a_break_is_due_after_a_day_unless_the_file_says_otherwise() {
        assert_eq!(read("").expect("nothing said").break_due_s, 86_400);
        assert_eq!(read("[settlement]\nbreak_due_s = 3600\n").expect("an hour").break_due_s, 3_600);
        for wrong in [0, 31_536_001] {
            let error = read(&format!("[settlement]\nbreak_due_s = {wrong}\n")).expect_err("refused");
            assert!(error.to_string().contains("break_due_s is 1 to 31536000"), "{error}");
        }
        assert!(read("[settlement]\nbreak_due = 1\n").is_err(), "no such key");
    }
}
