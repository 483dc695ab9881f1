//! Logs: to standard error, as text or JSON, filtered. No personal data ever reaches them: the types that hold it
//! print masked. What peers and callers say of themselves does, so an event is one line whatever is in it.

mod lines;

use crate::config::log::{LogConfig, LogFormat};
use crate::domain::value::text::visible;
use lines::Lines;
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;

/// Starts logging for this process. A second call changes nothing.
pub fn init(config: &LogConfig) {
    // The filter's grammar was checked when the configuration was read.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = Lines::to(std::io::stderr());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || OneLine(lines.clone()));
    let _already_started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Writes each event, which comes in one piece, as one line of what can be seen.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        self.0.write_all(format!("{}\n", visible(line, false)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_a_peer_says() {
        let mut log = Vec::new();
        let said = "said=\u{1b}[2J\nALARM: all is well\u{202e}\n".as_bytes();
        assert_eq!(OneLine(&mut log).write(said).expect("memory"), said.len());
        assert_eq!(log, b"said=\\u001b[2J\\u000aALARM: all is well\\u202e\n");
    }
}
