//! The lines of an import file: UTF-8 CSV with a header. Each line is read by itself, so that a quotation mark that is
//! never closed spoils one line and not the rest of the file. Lines end with LF, CR LF or, as old spreadsheets write
//! them, CR.

use super::csv::{BadRow, Header, Row};
use crate::domain::reason::Reason;
use std::io::{self, BufRead, ErrorKind};

/// The lines of a file, from its first row on.
pub struct Lines<R> {
    reader: R,
    line: u64,
    bytes: u64,
    header: Header,
}

impl<R: BufRead> Lines<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn open(mut reader: R) -> Result<Lines<R>, String> {
        let mut first = Vec::new();
        let bytes = read_line(&mut reader, &mut first).map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(&first).map_err(|_| not_utf8(1))?;
        // Spreadsheets begin UTF-8 files with a byte order mark.
        let header = Header::read(text.trim_start_matches('\u{feff}'))?;
        Ok(Lines { reader, line: 1, bytes, header })
    }

    /// Reads a file to its end, before anything of it is sent: what is wrong with all of it is one message.
    ///
    /// # Errors
    /// What is wrong with it, in words: its header, that it is not UTF-8, that it has no rows.
    pub fn check(reader: R) -> Result<(), String> {
        let mut lines = Lines::open(reader)?;
        let mut rows = 0u64;
        while let Some(text) = lines.next_line().map_err(|error| error.to_string())? {
            std::str::from_utf8(&text).map_err(|_| not_utf8(lines.line))?;
            rows += 1;
        }
        if rows == 0 {
            return Err("it has a header and no rows 文件只有表头，没有数据行".to_owned());
        }
        Ok(())
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How far it has read, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line that is not empty; nothing at the end.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub fn next_row(&mut self) -> io::Result<Option<Result<Row, BadRow>>> {
        let Some(bytes) = self.next_line()? else { return Ok(None) };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Ok(Some(Err(BadRow::new(self.line, "", Reason::RequestMalformed, "not UTF-8"))));
        };
        Ok(Some(self.header.row(self.line, text)))
    }

    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut bytes = Vec::new();
            let count = read_line(&mut self.reader, &mut bytes)?;
            if count == 0 {
                return Ok(None);
            }
            self.bytes += count;
            self.line += 1;
            if !String::from_utf8_lossy(&bytes).trim().is_empty() {
                return Ok(Some(bytes));
            }
        }
    }
}

fn not_utf8(line: u64) -> String {
    format!(
        "it is not UTF-8 (line {line}): save it as \"CSV UTF-8\", or convert it with `iconv -f GB18030 -t UTF-8` \
         文件不是 UTF-8 编码，请另存为“CSV UTF-8”"
    )
}

/// Reads a line without its end; gives how many bytes were read with it, 0 at the end of the file.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    let mut read = 0;
    loop {
        let Some(buffer) = filled(reader)? else { return Ok(read) };
        let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (taken, ended_by) = match end {
            Some(at) => (at + 1, Some(buffer[at])),
            None => (buffer.len(), None),
        };
        line.extend(&buffer[..end.unwrap_or(taken)]);
        reader.consume(taken);
        read += taken as u64;
        if ended_by == Some(b'\r') && filled(reader)?.is_some_and(|next| next[0] == b'\n') {
            reader.consume(1);
            read += 1;
        }
        if ended_by.is_some() {
            return Ok(read);
        }
    }
}

/// What the reader has next; nothing at the end.
fn filled(reader: &mut impl BufRead) -> io::Result<Option<&[u8]>> {
    while let Err(error) = reader.fill_buf() {
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // What was filled is still there.
    let buffer = reader.fill_buf()?;
    Ok((!buffer.is_empty()).then_some(buffer))
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
