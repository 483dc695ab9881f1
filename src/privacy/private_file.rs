//! Files that hold secrets: made whole or not at all, readable by their owner only, and refused otherwise.

use crate::durable;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Mode of a file with a secret in it.
pub const SECRET: u32 = 0o600;
/// Mode of a file that everyone may read, such as a certificate.
pub const PUBLIC: u32 = 0o644;

/// Nothing here is longer: a larger file is not one of ours.
const SIZE_MAX: u64 = 1 << 20;

/// Why a file with a secret could not be read or made. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// Others than its owner may use the file.
    #[error("{path} has mode {mode:04o}: only its owner may have access; run `chmod 600 {path}`")]
    Exposed {
        /// Path of the file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something stands there already; secrets are never written over.
    #[error("{0} exists already and is not written over")]
    Exists(PathBuf),
    /// Not a file of at most 1 MiB.
    #[error("{0} is not a file of at most 1 MiB")]
    Unfit(PathBuf),
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> PrivateFileError {
    let path = path.to_owned();
    move |source| PrivateFileError::Io { path, source }
}

/// Reads a secret; refuses a file that group or others may read, write or run.
pub fn read(path: &Path) -> Result<Vec<u8>, PrivateFileError> {
    let mut file = File::open(path).map_err(at(path))?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    let metadata = file.metadata().map_err(at(path))?;
    if !metadata.is_file() || metadata.len() > SIZE_MAX {
        return Err(PrivateFileError::Unfit(path.to_owned()));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::Exposed { path: path.to_owned(), mode });
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(at(path))?;
    Ok(content)
}

/// Writes a new file with this mode, durably. A crash leaves the whole file or none; an existing one is an error.
pub fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<(), PrivateFileError> {
    durable::write_new(path, mode, content).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => PrivateFileError::Exists(path.to_owned()),
        _ => at(path)(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_whole_private_and_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        write_new(&path, SECRET, b"first").expect("written");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        assert!(matches!(write_new(&path, SECRET, b"second"), Err(PrivateFileError::Exists(_))));
        assert_eq!(read(&path).expect("read"), b"first");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no draft stays");
    }

    #[test]
    fn a_secret_that_others_may_use_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        write_new(&path, SECRET, b"x").expect("written");
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
            let refusal = read(&path).expect_err("refused");
            assert!(refusal.to_string().contains(&format!("mode {mode:04o}")), "{refusal}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("changed");
        assert_eq!(read(&path).expect("read"), b"x");
        assert!(matches!(read(folder.path()), Err(PrivateFileError::Unfit(_))));
    }
}
