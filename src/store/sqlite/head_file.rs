//! The head beside the database. A lost write-ahead log, or an older copy of the database put in its place, leaves
//! SQLite with a sound database that merely ends earlier; only a mark outside of it can tell.

use crate::domain::value::{Digest, hex};
use crate::durable;
use crate::store::{Head, StoreError};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// Its name in the store's folder. A restore writes it anew.
pub(super) const NAME: &str = "head";

/// The file while the store is open. It is written after each commit, so it never is ahead of a sound journal.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
}

impl HeadFile {
    /// Takes the file over, and makes `head` durable in it.
    pub(super) fn open(dir: &Path, head: Head) -> Result<HeadFile, StoreError> {
        let file =
            durable::owner_only().create(true).truncate(false).open(dir.join(NAME)).map_err(failure)?;
        let mut head_file = HeadFile { file };
        head_file.note(head)?;
        head_file.sync()?;
        Ok(head_file)
    }

    /// Writes a head without a sync: a process that is killed loses nothing of it.
    pub(super) fn note(&mut self, head: Head) -> Result<(), StoreError> {
        let line = format!("{:020} {}\n", head.sequence, hex(&head.hash.0));
        self.file.seek(SeekFrom::Start(0)).map_err(failure)?;
        self.file.write_all(line.as_bytes()).map_err(failure)
    }

    /// Makes what was noted durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(failure)
    }
}

/// The head that was last noted; nothing where there is no such file (a new folder, or a restored backup).
pub(super) fn read(dir: &Path) -> Result<Option<Head>, StoreError> {
    let text = match std::fs::read_to_string(dir.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(error)),
    };
    parse(&text).map(Some).ok_or_else(|| StoreError::Damaged {
        place: format!("the file {NAME:?}"),
        what: "it does not hold a sequence and a hash".to_owned(),
    })
}

/// Demands that a journal is as long as was noted of it.
///
/// # Errors
/// `Damaged`.
pub(super) fn check_reached(noted: Option<Head>, head: Head) -> Result<(), StoreError> {
    let Some(noted) = noted.filter(|noted| noted.sequence > head.sequence) else { return Ok(()) };
    let what =
        format!("it once reached {}: its write-ahead log is lost, or it is an older copy", noted.sequence);
    Err(super::read::damaged(head.sequence, &what))
}

fn parse(text: &str) -> Option<Head> {
    let (sequence, hash) = text.strip_suffix('\n')?.split_once(' ')?;
    Some(Head { sequence: sequence.parse().ok()?, hash: Digest::parse(hash)? })
}

fn failure(error: std::io::Error) -> StoreError {
    StoreError::Io(format!("the file {NAME:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A restored backup has none; one that cannot be read is another matter.
    #[test]
    fn a_head_that_cannot_be_read_is_not_missing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        std::fs::create_dir(dir.path().join(NAME)).unwrap();
        assert!(matches!(read(dir.path()), Err(StoreError::Io(_))));
    }
}
