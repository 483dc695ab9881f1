//! The folder of backups: drafts, names, and how many are kept.

use super::manifest::{self, Manifest};
use crate::cli::failure::Failure;
use crate::durable;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// One server's backups in a folder, of which no other is being written.
#[derive(Debug)]
pub(in crate::cli) struct Folder {
    path: PathBuf,
    owner: String,
    /// "hub", "node-13": how the names of its backups begin.
    prefix: String,
    _lock: File,
}

fn at(path: &Path) -> impl Fn(io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::Local(format!("{path}: {error}"))
}

impl Folder {
    /// Opens the folder for one more backup of this server. A second one at the same time is refused.
    pub(super) fn open(path: &Path, owner: &str) -> Result<Folder, Failure> {
        durable::make_folder(path).map_err(at(path))?;
        let prefix = owner.replace(':', "-");
        let lock = path.join(format!(".{prefix}.lock"));
        let file = durable::owner_only().create(true).truncate(false).open(&lock).map_err(at(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what = format!("another backup of {owner} is being written 正在写入另一个备份");
                return Err(Failure::Local(format!("{}: {what}", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(at(&lock)(error)),
        }
        Ok(Folder { path: path.to_owned(), owner: owner.to_owned(), prefix, _lock: file })
    }

    fn draft_path(&self) -> PathBuf {
        self.path.join(format!(".{}.draft", self.prefix))
    }

    /// A new folder to write in, for its owner's eyes only; what a backup that did not end left is cleared away.
    pub(super) fn draft(&mut self) -> Result<PathBuf, Failure> {
        let draft = self.draft_path();
        match fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&draft)(error)),
            Ok(()) | Err(_) => {}
        }
        DirBuilder::new().mode(0o700).create(&draft).map_err(at(&draft))?;
        Ok(draft)
    }

    /// Gives the draft its name, durably: from now on it is a backup.
    pub(super) fn finish(&self, time: &str) -> Result<PathBuf, Failure> {
        let draft = self.draft_path();
        let done = self.path.join(format!("{}-{}", self.prefix, time.replace([':', '-'], "")));
        durable::rename(&draft, &done).map_err(at(&done))?;
        Ok(done)
    }

    /// Deletes the oldest backups of the same store beyond so many, by how far its journal had come, never the one that
    /// was just made. What is another store's, or cannot be read, is left to people.
    pub(super) fn keep(&self, most: NonZeroUsize, made: (&Path, &Manifest)) -> Result<Kept, Failure> {
        let (mut ours, mut kept) = (Vec::new(), Kept::default());
        let named = named_after(&self.path, &self.owner)?;
        for path in named.into_iter().filter(|path| path != made.0) {
            match order(&path, made.1) {
                Ok(order) => ours.push((order, path)),
                Err(why) => kept.left.push((path, why)),
            }
        }
        ours.sort_unstable();
        ours.truncate((ours.len() + 1).saturating_sub(most.get()));
        kept.removed = ours.into_iter().map(|(_, path)| path).collect();
        for path in &kept.removed {
            // Without it the rest is no backup, however far the deleting comes.
            fs::remove_file(path.join(manifest::NAME)).map_err(at(path))?;
            fs::remove_dir_all(path).map_err(at(path))?;
        }
        durable::sync_folder(&self.path).map_err(at(&self.path))?;
        Ok(kept)
    }
}

/// What became of earlier backups.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Those that were deleted.
    pub(super) removed: Vec<PathBuf>,
    /// Those that are not judged, and why.
    pub(super) left: Vec<(PathBuf, String)>,
}

/// How far a backup of the same store had come, and when by that clock; otherwise why it is none.
fn order(path: &Path, made: &Manifest) -> Result<(u64, String), String> {
    let found = Manifest::read(path).map_err(|error| error.to_string())?;
    let lineage =
        found.lineage(path).map_err(|error| format!("it does not say which store it is of: {error}"))?;
    if (&found.owner, &lineage) != (&made.owner, &made.lineage) {
        let lineage = lineage.unwrap_or_default();
        return Err(format!("it is of another store: {}, lineage {lineage}", found.owner));
    }
    Ok((found.sequence, found.time))
}

/// What is named as a backup of a server in a folder.
fn named_after(folder: &Path, owner: &str) -> Result<Vec<PathBuf>, Failure> {
    let prefix = format!("{}-", owner.replace(':', "-"));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_digit())) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// All backups of a server in a folder, and the folder: while it is held, no other is made there.
///
/// # Errors
/// That there is no folder; that a backup is being written, or cannot be read: nobody can say then what it needs.
pub(in crate::cli) fn all_of_owner(path: &Path, owner: &str) -> Result<(Vec<Manifest>, Folder), Failure> {
    // Opening would make it: a name mistyped must not pass for a folder without backups.
    fs::read_dir(path).map_err(at(path))?;
    let folder = Folder::open(path, owner)?;
    let manifests = named_after(path, owner)?.into_iter().map(|path| {
        let what =
            "its manifest cannot be read, so nobody knows what it needs: mend it, or take the folder away";
        Manifest::read(&path).map_err(|_| {
            Failure::Local(format!("{}: {what}. 无法读取该备份的清单，不知道它需要哪些密钥", path.display()))
        })
    });
    let manifests = manifests.collect::<Result<Vec<Manifest>, Failure>>()?;
    Ok((manifests.into_iter().filter(|it| it.owner == owner).collect(), folder))
}
