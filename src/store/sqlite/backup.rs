//! A copy of a store taken beside its running server, and a store made from such a copy.

use super::head_file::{self, HeadFile};
use super::read::{self, SqliteReader};
use super::{DATABASE, LOCK, io, schema, snapshot::Snapshot};
use crate::domain::machine::Record;
use crate::durable::{self, Owner};
use crate::store::StoreError;
use crate::store::failpoint::{Failpoint, hit};
use crate::store::rulebook_archive::{self, Texts};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database while it is being restored. A server does not start on a folder with such a file.
pub(super) const DRAFT: &str = "gongji.sqlite.restoring";
/// What SQLite keeps beside it while the mark is written.
const DRAFT_JOURNAL: &str = "gongji.sqlite.restoring-journal";
/// The name in `meta` under which a restored store says so.
const MARK: &str = "restored";
/// As a reader waits: only while the writer recovers the log after a crash.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Copies the store in `dir`, as it is at one moment, to `to`, which must not exist; the copy is for its owner's eyes
/// only, and synced. The server goes on; its write-ahead log only grows meanwhile. What was deleted or overwritten in
/// the store is not in the copy.
///
/// # Errors
/// `Newer` and `Damaged` as when it is read; `Io`.
pub fn copy(dir: &Path, to: &Path) -> Result<(), StoreError> {
    copy_watched(dir, to, None::<fn() -> bool>)
}

fn copy_watched(
    dir: &Path,
    to: &Path,
    watch: Option<impl FnMut() -> bool + Send + 'static>,
) -> Result<(), StoreError> {
    // The note is written after a commit: read first, it is never ahead of a sound journal.
    let noted = head_file::read(dir)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(dir.join(DATABASE), flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    schema::format(&connection)?;
    head_file::check_reached(noted, read::head(&connection)?)?;
    create_private(to)?;
    let name = to.to_str().ok_or_else(|| StoreError::Io(format!("{}: not UTF-8", to.display())))?;
    if watch.is_some() {
        connection.progress_handler(100, watch)?;
    }
    // SQLite's own backup interface begins anew at each commit of the writer, and never ends beside a busy one.
    connection.execute("VACUUM INTO ?", [name])?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|error| io(to, &error))
}

/// The journal sequence that a store had when it was made from a backup; nothing where it was not.
pub(super) fn restored(connection: &Connection) -> Result<Option<u64>, StoreError> {
    let found: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE name = ?", [MARK], |row| row.get(0)).optional()?;
    found.map(|text| text.parse().map_err(|_| unfit())).transpose()
}

fn unfit() -> StoreError {
    let what = format!("{MARK:?} holds no journal sequence");
    StoreError::Damaged { place: "meta".to_owned(), what }
}

fn create_private(path: &Path) -> Result<File, StoreError> {
    durable::owner_only().create_new(true).open(path).map_err(|error| io(path, &error))
}

/// A folder in which a store is being restored. It is locked, so no server starts in it; and a restore that is killed
/// leaves a draft there, on which no server starts and which the next restore clears away.
#[derive(Debug)]
pub struct Restoring {
    dir: PathBuf,
    owner: Owner,
    _lock: File,
}

impl Restoring {
    /// Takes the folder, which is made when absent and must be empty.
    ///
    /// # Errors
    /// `Locked` when a server runs in it, `NotEmpty`, `Io`.
    pub fn begin(dir: &Path) -> Result<Restoring, StoreError> {
        let owner = Owner::of(dir).map_err(|error| io(dir, &error))?;
        durable::make_folder(dir).map_err(|error| io(dir, &error))?;
        if dir.join(LOCK).exists() {
            drop(super::lock(dir)?);
        }
        let listed = std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let listed = listed.map_err(|error| io(dir, &error))?;
        let drafted = dir.join(DRAFT).exists();
        let ours = |name: &std::ffi::OsStr| {
            let own = [DRAFT, DRAFT_JOURNAL, head_file::NAME, rulebook_archive::FOLDER];
            name == LOCK || drafted && own.iter().any(|own| name == *own)
        };
        if listed.iter().any(|entry| !ours(&entry.file_name())) {
            return Err(StoreError::NotEmpty(dir.display().to_string()));
        }
        let restoring = Restoring { dir: dir.to_owned(), owner, _lock: super::lock(dir)? };
        restoring.clear()?;
        Ok(restoring)
    }

    /// Removes what was written so far; the draft last, since it says whose the rest is.
    fn clear(&self) -> Result<(), StoreError> {
        if !self.draft().exists() {
            return Ok(());
        }
        let texts = self.dir.join(rulebook_archive::FOLDER);
        if texts.exists() {
            std::fs::remove_dir_all(&texts).map_err(|error| io(&texts, &error))?;
        }
        for name in [DRAFT_JOURNAL, head_file::NAME, DRAFT] {
            let path = self.dir.join(name);
            if path.exists() {
                std::fs::remove_file(&path).map_err(|error| io(&path, &error))?;
            }
        }
        Ok(())
    }

    fn draft(&self) -> PathBuf {
        self.dir.join(DRAFT)
    }

    /// Copies a database here, and says each piece of it to `seen`. It is not in its place yet.
    ///
    /// # Errors
    /// `Io`.
    pub fn take(&self, from: &Path, mut seen: impl FnMut(&[u8])) -> Result<(), StoreError> {
        let draft = self.draft();
        let mut file = create_private(&draft)?;
        let mut source = File::open(from).map_err(|error| io(from, &error))?;
        let mut piece = vec![0; 1 << 20];
        loop {
            let count = source.read(&mut piece).map_err(|error| io(from, &error))?;
            if count == 0 {
                break;
            }
            seen(&piece[..count]);
            file.write_all(&piece[..count]).map_err(|error| io(&draft, &error))?;
        }
        file.sync_all().map_err(|error| io(&draft, &error))?;
        hit(Failpoint::RestoreCopied);
        Ok(())
    }

    /// Writes into it that it is a restore, made at this journal sequence: the server that starts on it must know.
    ///
    /// # Errors
    /// `Newer`, `Damaged`, `Io`.
    pub fn mark(&self, sequence: u64) -> Result<(), StoreError> {
        let connection = Connection::open(self.draft())?;
        schema::format(&connection)?;
        connection.execute_batch("PRAGMA synchronous = FULL")?;
        let mark = (MARK, sequence.to_string());
        connection.execute("REPLACE INTO meta (name, value) VALUES (?, ?)", mark)?;
        connection.close().map_err(|(_, error)| error)?;
        hit(Failpoint::RestoreMarked);
        Ok(())
    }

    /// Where the rule texts of this store are kept. They are to be there before it is put in its place.
    pub fn texts(&self) -> Texts {
        Texts::of(&self.dir)
    }

    /// What was copied, for checks before it is put in its place.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn snapshot<R: Record>(&self) -> Result<Snapshot<R>, StoreError> {
        Snapshot::of(SqliteReader::open_file(&self.draft())?, None)
    }

    /// Whose the folder is: the server's, whoever restores it.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Puts it in its place, durably, with its head beside it, and as its folder's owner's. From here on a
    /// server starts on it.
    ///
    /// # Errors
    /// `Io`, `Damaged`.
    pub fn install(self) -> Result<(), StoreError> {
        let head = read::head(&read::open_file(&self.draft())?)?;
        drop(HeadFile::open(&self.dir, head)?);
        hit(Failpoint::RestoreHeadNoted);
        self.owner.give(&self.dir).map_err(|error| io(&self.dir, &error))?;
        durable::rename(&self.draft(), &self.dir.join(DATABASE)).map_err(|error| io(&self.dir, &error))
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        // One that was refused leaves nothing. What cannot be removed is a draft, on which no server starts.
        drop(self.clear());
    }
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
