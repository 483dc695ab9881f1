//! What commands print: tables and words for people, JSON for programs.

use super::Exit;
use crate::domain::value::text::visible;
use serde_json::Value;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

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

/// Why something that this process printed was not written. That nobody reads on (`gongji … | head`) is no reason.
static LOST: OnceLock<String> = OnceLock::new();

/// Takes how some writing to standard output went; gives whether it is worth to go on.
pub fn written(outcome: io::Result<()>) -> bool {
    if let Err(error) = &outcome
        && error.kind() != ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| error.to_string());
    }
    outcome.is_ok()
}

/// How the process ends, whose command ended so: what could not be written was not done.
pub fn ended(exit: Exit) -> Exit {
    let Some(error) = LOST.get() else { return exit };
    note(format!("gongji: the output could not be written: {error}"));
    if exit == Exit::Done { Exit::Refused } else { exit }
}

/// Prints a line, or several, to standard output; gives whether it is worth to print more. What people would not see
/// in it is written out: texts come from servers, files and other people.
pub fn say(text: impl Display) -> bool {
    let mut out = io::stdout().lock();
    written(writeln!(out, "{}", visible(&text.to_string(), true)).and_then(|()| out.flush()))
}

/// Prints a line to standard error, for people.
pub fn note(text: impl Display) {
    // There is nobody left to be told that nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{}", visible(&text.to_string(), true));
}
