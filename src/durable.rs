//! Files and folders that survive a crash: after one there is the old or the new, whole, and what was said to be there
//! is there. What is made is for its owner only unless said otherwise; what is there already keeps its mode.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::Path;
use tempfile::Builder;

/// Makes a folder, and those above it that are missing.
///
/// # Errors
/// Of the file system.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent(path);
    make_folder(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    sync_folder(parent)
}

/// To write a file; one that is made is for its owner only. Who writes it syncs it.
pub fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Writes a new file with this mode.
///
/// # Errors
/// `AlreadyExists` when something stands there, which stays as it is; of the file system.
pub fn write_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let folder = parent(path);
    let mut draft =
        Builder::new().suffix(".draft").permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    draft.write_all(content)?;
    draft.as_file().sync_all()?;
    draft.persist_noclobber(path)?;
    sync_folder(folder)
}

/// Gives a finished file, or a folder whose files are synced, another name in the same file system. A file that has the
/// name goes.
///
/// # Errors
/// Of the file system.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    sync_folder(parent(to))
}

/// Makes durable which names stand in a folder.
///
/// # Errors
/// Of the file system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whose files are: a user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Whose a path is; where nothing is there yet, whose the nearest folder above it is.
    ///
    /// # Errors
    /// Of the file system.
    pub fn of(path: &Path) -> io::Result<Owner> {
        match fs::metadata(path) {
            Ok(found) => Ok(Owner { user: found.uid(), group: found.gid() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && path != parent(path) => {
                Owner::of(parent(path))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a path, and all that is in it, to this owner, as far as it is root's: root made it for somebody else.
    ///
    /// # Errors
    /// Of the file system.
    pub fn give(self, path: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        if found.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give(&entry?.path())?;
            }
        }
        if found.uid() == 0 && self.user != 0 {
            lchown(path, Some(self.user), Some(self.group))?;
        }
        Ok(())
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn what_is_made_is_for_its_owner_only_and_what_is_there_stays() {
        let root = tempfile::tempdir().unwrap();
        let there = root.path().join("there");
        fs::create_dir(&there).unwrap();
        fs::set_permissions(&there, Permissions::from_mode(0o750)).unwrap();
        let made = there.join("above").join("below");
        make_folder(&made).unwrap();
        make_folder(&made).unwrap();
        assert_eq!((mode(&there), mode(&there.join("above")), mode(&made)), (0o750, 0o700, 0o700));
        let file = made.join("file");
        owner_only().create_new(true).open(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        assert!(make_folder(&file).is_err(), "a file stands there");
    }

    #[test]
    fn a_new_file_is_whole_and_never_written_over() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        write_new(&path, 0o640, b"first").unwrap();
        let again = write_new(&path, 0o600, b"second").map_err(|error| error.kind());
        assert_eq!(again, Err(io::ErrorKind::AlreadyExists));
        assert_eq!((mode(&path), fs::read(&path).unwrap().as_slice()), (0o640, b"first".as_slice()));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn a_rename_takes_the_place_of_a_file() {
        let root = tempfile::tempdir().unwrap();
        let (old, new) = (root.path().join("old"), root.path().join("new"));
        fs::write(&old, "old").unwrap();
        fs::write(&new, "new").unwrap();
        rename(&new, &old).unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "new");
        assert!(!new.exists() && rename(&new, &old).is_err());
    }
}
