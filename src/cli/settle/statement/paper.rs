//! What a statement is written as.

use super::line::Lines;
use crate::proto::hub::{StatementHeader, StatementRow};
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// A file that takes a statement as it comes.
pub(super) trait Paper {
    /// Before the first row. `goes_on`: rows of an earlier command stand in the file already.
    fn begin(&mut self, header: &StatementHeader, goes_on: bool) -> io::Result<()>;
    /// Some rows more.
    fn rows(&mut self, rows: &[StatementRow]) -> io::Result<()>;
    /// After the last row: all of it is in the file.
    fn end(&mut self) -> io::Result<()>;
}

/// Rows as lines.
pub(super) struct LinePaper {
    pub(super) lines: Lines,
    to: BufWriter<File>,
}

impl LinePaper {
    pub(super) fn new(lines: Lines, to: File) -> LinePaper {
        LinePaper { lines, to: BufWriter::with_capacity(1 << 16, to) }
    }
}

impl Paper for LinePaper {
    fn begin(&mut self, _: &StatementHeader, goes_on: bool) -> io::Result<()> {
        if goes_on { Ok(()) } else { self.to.write_all(&self.lines.head()) }
    }

    fn rows(&mut self, rows: &[StatementRow]) -> io::Result<()> {
        rows.iter().try_for_each(|row| self.to.write_all(&self.lines.line(row)?))?;
        // A command that is killed leaves what has come, for the next one.
        self.to.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
