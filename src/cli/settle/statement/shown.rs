//! How far a statement was read, for a terminal.

use crate::cli::output::{OutputArgs, note};
use std::io::{self, IsTerminal, Write};

/// A line that is written over as rows come; nothing where nobody would see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    is_shown: bool,
    permille: u64,
    /// How many rows there will be; 0: that is not known.
    pub(super) of: u64,
}

impl Shown {
    /// On a terminal, unless programs read the output.
    pub(super) fn new(output: OutputArgs) -> Shown {
        Shown { is_shown: !output.json && io::stderr().is_terminal(), permille: 0, of: 0 }
    }

    /// So many rows have come.
    pub(super) fn at(&mut self, rows: u64) {
        let permille = rows.saturating_mul(1_000).checked_div(self.of).unwrap_or(rows / 1_000);
        if self.is_shown && permille != self.permille {
            self.permille = permille;
            self.write(&bar(rows, self.of));
        }
    }

    /// Something that stays.
    pub(super) fn line(&self, text: &str) {
        self.end();
        note(format!("gongji: {text}"));
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.write("");
    }

    fn write(&self, text: &str) {
        if self.is_shown {
            // Nobody need see it.
            let _ = write!(io::stderr().lock(), "\r\x1b[K{text}");
        }
    }
}

fn bar(rows: u64, of: u64) -> String {
    const WIDTH: u64 = 30;
    let Some(done) = rows.min(of).saturating_mul(WIDTH).checked_div(of) else {
        return format!("{rows} rows");
    };
    let part = |count: u64, one: &str| one.repeat(usize::try_from(count).unwrap_or(0));
    format!("[{}{}] {rows} of {of} rows", part(done, "="), part(WIDTH - done, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_was_read() {
        assert_eq!(bar(0, 4), format!("[{}] 0 of 4 rows", " ".repeat(30)));
        assert_eq!(bar(2, 4), format!("[{}{}] 2 of 4 rows", "=".repeat(15), " ".repeat(15)));
        assert_eq!(bar(9, 4), format!("[{}] 9 of 4 rows", "=".repeat(30)));
        assert_eq!(bar(1_000, 0), "1000 rows");
    }
}
