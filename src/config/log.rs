//! `[log]`: what is written to standard error, and how.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use serde::Deserialize;
use toml::Spanned;
use tracing_subscriber::EnvFilter;

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// Settings of the log. Both keys may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `format`: "text" or "json". Default "text".
    pub format: LogFormat,
    /// `filter`: which lines, as directives of tracing-subscriber ("info", "gongji=debug,warn"). Default "info".
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// `[log]` as it stands in a file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogFile {
    format: LogFormat,
    filter: Option<Spanned<String>>,
}

impl LogConfig {
    /// The settings of a file, the filter's grammar checked.
    pub(super) fn of(file: Option<LogFile>, source: &Source) -> Result<LogConfig, ConfigError> {
        let LogFile { format, filter } = file.unwrap_or_default();
        let Some(filter) = filter else {
            return Ok(LogConfig { format, ..LogConfig::default() });
        };
        if let Err(error) = EnvFilter::builder().parse(filter.get_ref()) {
            let what = format!("`filter`: {error}");
            return Err(source.error(
                Some(filter.span()),
                what,
                "write it like \"info\" or \"gongji=debug,warn\"",
            ));
        }
        Ok(LogConfig { format, filter: filter.into_inner() })
    }
}
