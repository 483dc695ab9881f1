//! What commands print: tables and words for people, JSON for programs.

use serde_json::Value;
use std::fmt::Display;
use std::io::Write;

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct OutputArgs {
    /// Print JSON with the field names of the contract, for programs
    #[arg(long)]
    pub json: bool,
}

impl OutputArgs {
    /// Prints the one or the other to standard output.
    pub fn print<T: Display>(self, json: impl FnOnce() -> Value, text: impl FnOnce() -> T) {
        if self.json {
            say(json())
        } else {
            say(text())
        };
    }
}

/// Prints a line to standard output; gives whether anyone still reads it.
pub fn say(text: impl Display) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// Prints a line to standard error, for people.
pub fn note(text: impl Display) {
    // There is nobody left to be told that nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
