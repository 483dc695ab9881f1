//! The file that is being written: beside its place, under another name, until all of it is there.

use super::line::Lines;
use crate::domain::hub::statement::Sum;
use crate::durable;
use crate::proto::hub::{StatementPosition, StatementRow};
use crate::wire::settlement::statement::sum_with;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A file without its end.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    place: PathBuf,
    /// What is written to; locked, so that no other command writes there.
    pub(super) file: File,
}

/// How far a draft had come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Progress {
    /// What its rows add up to.
    pub(super) sum: Sum,
    /// Its last row; none: it has none.
    pub(super) last: Option<StatementPosition>,
}

impl Progress {
    /// With one row more; nothing when it cannot be read.
    pub(super) fn with(&self, row: &StatementRow) -> Option<Progress> {
        let last = StatementPosition { window_id: row.window_id.clone(), hub_seq: row.hub_seq };
        Some(Progress { sum: sum_with(self.sum, row)?, last: Some(last) })
    }
}

impl Draft {
    /// Opens the draft of a file, or makes it. `question` names what is asked for: another question has another draft.
    pub(super) fn open(place: &Path, question: &str) -> io::Result<Draft> {
        let name = place.file_name().ok_or_else(|| io::Error::other("it is no name of a file"))?;
        let path = place.with_file_name(format!(".{}.{question}.part", name.to_string_lossy()));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Draft { path, place: place.to_owned(), file }),
            Err(TryLockError::WouldBlock) => Err(io::Error::other("another command is writing it")),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes it empty.
    pub(super) fn begin_anew(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// How far an earlier command had come with these lines. What is behind its last whole line is cut off; one whose
    /// lines are none is begun anew.
    pub(super) fn go_on(&mut self, lines: Lines) -> io::Result<Progress> {
        let head = lines.head();
        let mut reader = BufReader::new(&self.file);
        let mut found = Vec::new();
        reader.by_ref().take(head.len() as u64).read_to_end(&mut found)?;
        let (mut progress, mut valid) = (Progress::default(), head.len() as u64);
        let mut sound = found == head;
        while sound {
            found.clear();
            let length = reader.read_until(b'\n', &mut found)?;
            if !found.ends_with(b"\n") {
                break;
            }
            match lines.row(&found).and_then(|row| progress.with(&row)) {
                Some(next) => (progress, valid) = (next, valid + length as u64),
                None => sound = false,
            }
        }
        if !sound || progress.last.is_none() {
            self.begin_anew()?;
            return Ok(Progress::default());
        }
        self.file.set_len(valid)?;
        self.file.seek(SeekFrom::Start(valid))?;
        Ok(progress)
    }

    /// Whether something stands in it behind what it begins with.
    pub(super) fn has_more_than(&self, head: &[u8]) -> bool {
        self.file.metadata().is_ok_and(|it| it.len() > head.len() as u64)
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> io::Result<()> {
        durable::rename(&self.path, &self.place)
    }

    /// Removes it: nothing can be made of it.
    pub(super) fn discard(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    fn row(hub_seq: u64) -> StatementRow {
        StatementRow {
            window_id: "20261121".to_owned(),
            hub_seq,
            transfer_id: "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a".to_owned(),
            kind: 1,
            amount: "400.00".to_owned(),
            ..StatementRow::default()
        }
    }

    fn whole(lines: Lines, rows: &[StatementRow]) -> Vec<u8> {
        let lines_of = rows.iter().map(|row| lines.line(row).expect("a line"));
        [vec![lines.head()], lines_of.collect()].concat().concat()
    }

    /// How far a draft with this content has come, and how much of it stays.
    fn gone_on(lines: Lines, content: &[u8]) -> (Progress, u64) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut draft = Draft::open(&folder.path().join("s.csv"), "q").expect("made");
        draft.file.write_all(content).expect("written");
        draft.file.seek(SeekFrom::Start(0)).expect("sought");
        let progress = draft.go_on(lines).expect("read");
        assert_eq!(
            draft.file.stream_position().expect("a place"),
            draft.file.metadata().expect("there").len()
        );
        (progress, draft.file.metadata().expect("there").len())
    }

    #[test]
    fn a_draft_goes_on_behind_its_last_whole_line() {
        let rows = [row(7), row(9)];
        let read = Progress::default().with(&rows[0]).and_then(|it| it.with(&rows[1])).expect("rows");
        assert_eq!(read.last, Some(StatementPosition { window_id: "20261121".to_owned(), hub_seq: 9 }));
        for lines in [Lines::Csv, Lines::Json] {
            let (one, two) = (whole(lines, &rows[..1]), whole(lines, &rows));
            assert_eq!(gone_on(lines, &two), (read.clone(), two.len() as u64));
            for cut in one.len()..two.len() {
                let (progress, length) = gone_on(lines, &two[..cut]);
                assert_eq!((progress.sum.count, length), (1, one.len() as u64), "{cut}");
            }
            for cut in 0..one.len() {
                assert_eq!(gone_on(lines, &two[..cut]), (Progress::default(), 0), "{cut}");
            }
            let broken = [&one[..], b"x\n", &two[one.len()..]].concat();
            assert_eq!(gone_on(lines, &broken), (Progress::default(), 0));
        }
    }

    #[test]
    fn a_file_is_in_its_place_only_when_it_is_whole_and_has_one_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("s.csv");
        let draft = Draft::open(&place, "q").expect("made");
        assert!(!place.exists());
        assert!(Draft::open(&place, "q").expect_err("locked").to_string().contains("another command"));
        let other = Draft::open(&place, "other").expect("another question");
        other.discard().expect("removed");
        draft.finish().expect("renamed");
        let names: Vec<_> = fs::read_dir(folder.path()).expect("read").flatten().collect();
        assert!(place.exists() && names.len() == 1, "{names:?}");
    }
}
