//! The rule texts of a backup: without them a restored server could not say what stood there on a former day.

use super::manifest::{FileMark, Manifest};
use crate::cli::failure::Failure;
use crate::domain::value::{Digest, hex};
use crate::store::failpoint::{Failpoint, hit};
use crate::store::rulebook_archive::{FOLDER, TextError, Texts};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

fn failed(error: TextError) -> Failure {
    let advice = match &error {
        TextError::Damaged(_) => "; bring this folder back from an older backup, or move it away",
        TextError::Io { .. } => "",
    };
    Failure::Local(format!("{error}{advice}"))
}

/// Copies what is kept beside the store in `data` into a draft, and marks each file. Called when the database is
/// copied: a server keeps texts before it judges by them, so none that the copy names is missing.
pub(super) fn copy(data: &Path, draft: &Path, manifest: &mut Manifest) -> Result<(), Failure> {
    let (from, to) = (Texts::of(data), Texts::of(draft));
    for hash in from.hashes().map_err(failed)? {
        let Some(layers) = from.read(&hash).map_err(failed)? else { continue };
        to.keep([(&hash, layers.as_slice())].into_iter()).map_err(failed)?;
        // The copy and not the original is what a restore brings back.
        to.read(&hash).map_err(failed)?;
        mark(draft, &hash, manifest)?;
    }
    hit(Failpoint::BackupTextsWritten);
    Ok(())
}

fn mark(draft: &Path, hash: &Digest, manifest: &mut Manifest) -> Result<(), Failure> {
    let (name, folder) = (hex(&hash.0), draft.join(FOLDER).join(hex(&hash.0)));
    let at = |error: std::io::Error| Failure::Local(format!("{}: {error}", folder.display()));
    for entry in fs::read_dir(&folder).map_err(at)? {
        let path = entry.map_err(at)?.path();
        let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        manifest.files.insert(format!("{FOLDER}/{name}/{file}"), FileMark::of(&path).map_err(at)?);
    }
    Ok(())
}

/// Keeps the texts that the manifest lists beside a store that is being restored. A text that is not what was written
/// is damage of the backup.
pub(super) fn bring(backup: &Path, manifest: &Manifest, to: &Texts) -> Result<(), Failure> {
    let damaged = |name: &str| {
        let what = format!("the backup {} is damaged: {name} is not what was written", backup.display());
        Failure::Local(format!("{what}; take an older backup"))
    };
    let from = Texts::of(backup);
    for hash in marked(manifest) {
        let folder = format!("{FOLDER}/{hash}");
        for (name, mark) in manifest.files.iter().filter(|(name, _)| name.starts_with(&folder)) {
            let path = backup.join(name);
            match FileMark::of(&path) {
                Ok(found) if found == *mark => {}
                // The disk or the rights; it says nothing of what was written.
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Failure::Local(format!("{}: {error}", path.display())));
                }
                Ok(_) | Err(_) => return Err(damaged(name)),
            }
        }
        let digest = Digest::parse(hash).ok_or_else(|| damaged(&folder))?;
        let layers = match from.read(&digest) {
            Ok(Some(layers)) => layers,
            Ok(None) | Err(TextError::Damaged(_)) => return Err(damaged(&folder)),
            Err(error) => return Err(failed(error)),
        };
        to.keep([(&digest, layers.as_slice())].into_iter()).map_err(failed)?;
    }
    hit(Failpoint::RestoreTextsWritten);
    Ok(())
}

/// The hashes whose texts a backup holds.
pub(super) fn marked(manifest: &Manifest) -> BTreeSet<&str> {
    let folders = manifest.files.keys().filter_map(|name| name.strip_prefix(FOLDER)?.strip_prefix('/'));
    folders.filter_map(|rest| Some(rest.split_once('/')?.0)).collect()
}
