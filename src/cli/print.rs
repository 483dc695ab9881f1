//! Printing that survives a reader who has gone away: `gongji … | head` is no reason to fail.

use std::fmt::Display;
use std::io::Write;

/// Prints a line to standard output, for programs and people; gives whether anyone still reads it.
pub fn say(text: impl Display) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// Prints a line to standard error, for people.
pub fn note(text: impl Display) {
    // There is nobody left to be told that nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
