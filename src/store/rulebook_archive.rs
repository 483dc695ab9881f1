//! Rule texts by their content hash, in the folder `rulebooks` beside the database: a decision of last year names a
//! hash, and this says what stood there. One folder a hash, with the files in order: `cat HASH/* | sha256sum` gives
//! HASH. Nothing here is ever changed or removed.

use crate::domain::rules::rulebook::RuleLayer;
use crate::domain::value::{Digest, hex};
use crate::durable;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the folder in the store's folder.
pub const FOLDER: &str = "rulebooks";

/// What went wrong with kept texts.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file system.
    #[error("{path}: {error}")]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What is kept is not what its name says.
    #[error("{0} does not hold the texts that its name says: they were changed or damaged")]
    Damaged(PathBuf),
}

/// The kept texts of one store.
#[derive(Clone, Debug)]
pub struct Texts {
    folder: PathBuf,
}

impl Texts {
    /// The texts beside the store in `data`.
    pub fn of(data: &Path) -> Texts {
        Texts { folder: data.join(FOLDER) }
    }

    /// Keeps texts, durably when this returns. Those that are kept already stay as they are; damaged ones are replaced
    /// by the sound ones that are handed in.
    pub fn keep<'a>(
        &self,
        texts: impl Iterator<Item = (&'a Digest, &'a [RuleLayer])>,
    ) -> Result<(), TextError> {
        durable::make_folder(&self.folder).map_err(at(&self.folder))?;
        for (hash, layers) in texts {
            match self.read(hash) {
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(TextError::Damaged(path)) => fs::remove_dir_all(&path).map_err(at(&path))?,
                Err(error) => return Err(error),
            }
            self.write(hash, layers)?;
        }
        // An earlier start may have been killed before it had synced what is found here, or the folder itself.
        let sync = |folder: &Path| durable::sync_folder(folder).map_err(at(folder));
        sync(&self.folder)?;
        self.folder.parent().map_or(Ok(()), sync)
    }

    /// The hashes of what is kept, in order; of a store that keeps nothing yet, none.
    pub fn hashes(&self) -> Result<Vec<Digest>, TextError> {
        let listed = match fs::read_dir(&self.folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&self.folder)(error)),
        };
        let mut found = Vec::new();
        for entry in listed {
            // Another name is something unfinished, or somebody else's.
            let name = entry.map_err(at(&self.folder))?.file_name();
            found.extend(name.to_str().and_then(Digest::parse));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The texts that a hash stands for; nothing where none are kept.
    ///
    /// # Errors
    /// `Damaged` when they do not have this hash any more.
    pub fn read(&self, hash: &Digest) -> Result<Option<Vec<RuleLayer>>, TextError> {
        let folder = self.folder.join(hex(&hash.0));
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&folder)(error)),
        };
        let mut paths = listed.map(|entry| entry.map(|it| it.path())).collect::<Result<Vec<_>, _>>();
        paths.iter_mut().for_each(|paths| paths.sort());
        let (mut layers, mut whole) = (Vec::new(), Sha256::new());
        for path in paths.map_err(at(&folder))? {
            let bytes = fs::read(&path).map_err(at(&path))?;
            whole.update(&bytes);
            let text = String::from_utf8(bytes).map_err(|_| TextError::Damaged(folder.clone()))?;
            let numbered = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            let name = numbered.split_once('-').map_or(numbered.as_ref(), |(_, name)| name);
            layers.push(RuleLayer { name: name.into(), text: text.into() });
        }
        let sound = Digest(whole.finalize().into()) == *hash;
        if sound { Ok(Some(layers)) } else { Err(TextError::Damaged(folder)) }
    }

    /// Whole or not at all: files are made in a folder of their own, which then takes its name.
    fn write(&self, hash: &Digest, layers: &[RuleLayer]) -> Result<(), TextError> {
        let (made, name) = (self.folder.join("unfinished"), self.folder.join(hex(&hash.0)));
        if made.exists() {
            fs::remove_dir_all(&made).map_err(at(&made))?;
        }
        durable::make_folder(&made).map_err(at(&made))?;
        for (number, layer) in layers.iter().enumerate() {
            let path = made.join(format!("{}-{}", number + 1, layer.name));
            let mut file = durable::owner_only().create_new(true).open(&path).map_err(at(&path))?;
            file.write_all(layer.text.as_bytes()).and_then(|()| file.sync_all()).map_err(at(&path))?;
        }
        durable::rename(&made, &name).map_err(at(&name))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> TextError {
    let path = path.to_owned();
    move |error| TextError::Io { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Vec<RuleLayer> {
        let layer = |name: &str, text: &str| RuleLayer { name: name.into(), text: text.into() };
        vec![layer("national.toml", "a = 1\n"), layer("shanxi-14.toml", "b = 2\n")]
    }

    fn hash() -> Digest {
        Digest(Sha256::digest("a = 1\nb = 2\n").into())
    }

    fn keep(texts: &Texts) -> Result<(), TextError> {
        texts.keep([(&hash(), layers().as_slice())].into_iter())
    }

    #[test]
    fn what_is_kept_is_read_back_with_its_names_and_keeping_again_changes_nothing() {
        let data = tempfile::tempdir().unwrap();
        let texts = Texts::of(data.path());
        assert_eq!((texts.read(&hash()).unwrap(), texts.hashes().unwrap()), (None, Vec::new()));
        keep(&texts).unwrap();
        keep(&texts).unwrap();
        assert_eq!(texts.read(&hash()).unwrap(), Some(layers()));
        assert_eq!(fs::read_dir(data.path().join(FOLDER)).unwrap().count(), 1, "nothing unfinished is left");
        assert_eq!(texts.hashes().unwrap(), [hash()]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_kept_is_for_its_owner_only() {
        use std::os::unix::fs::MetadataExt;
        let data = tempfile::tempdir().unwrap();
        keep(&Texts::of(data.path())).unwrap();
        let folder = data.path().join(FOLDER);
        let texts = folder.join(hex(&hash().0));
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        let file = mode(&texts.join("1-national.toml"));
        assert_eq!((mode(&folder), mode(&texts), file), (0o700, 0o700, 0o600));
    }

    #[test]
    fn changed_texts_are_not_given_out_and_are_mended_from_sound_ones() {
        let data = tempfile::tempdir().unwrap();
        let texts = Texts::of(data.path());
        keep(&texts).unwrap();
        let file = data.path().join(FOLDER).join(hex(&hash().0)).join("2-shanxi-14.toml");
        fs::write(&file, "b = 3\n").unwrap();
        assert!(matches!(texts.read(&hash()), Err(TextError::Damaged(_))));
        keep(&texts).unwrap();
        assert_eq!(texts.read(&hash()).unwrap(), Some(layers()));
    }

    #[test]
    fn what_a_crash_left_unfinished_is_no_obstacle() {
        let data = tempfile::tempdir().unwrap();
        let unfinished = data.path().join(FOLDER).join("unfinished");
        fs::create_dir_all(&unfinished).unwrap();
        fs::write(unfinished.join("1-national.toml"), "a").unwrap();
        assert_eq!(Texts::of(data.path()).hashes().unwrap(), []);
        keep(&Texts::of(data.path())).unwrap();
        assert_eq!(Texts::of(data.path()).read(&hash()).unwrap(), Some(layers()));
    }
    /// That nothing is kept is said where there is nothing, and not where it cannot be read.
    #[test]
    fn what_cannot_be_read_is_not_missing() {
        let data = tempfile::tempdir().unwrap();
        let texts = Texts::of(data.path());
        fs::create_dir(data.path().join(FOLDER)).unwrap();
        fs::write(data.path().join(FOLDER).join(hex(&hash().0)), "no folder").unwrap();
        assert!(texts.read(&hash()).is_err());
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FOLDER), "no folder").unwrap();
        assert!(Texts::of(data.path()).hashes().is_err());
    }
}
