//! Logs: to standard error, as text or JSON, filtered. No personal data ever reaches them: the types that hold it
//! print masked.

mod lines;

use crate::config::log::{LogConfig, LogFormat};
use lines::Lines;
use tracing_subscriber::EnvFilter;

/// Starts logging for this process. A second call changes nothing.
pub fn init(config: &LogConfig) {
    // The filter's grammar was checked when the configuration was read.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = Lines::to(std::io::stderr());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || lines.clone());
    let _already_started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
