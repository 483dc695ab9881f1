//! What a backup says of itself. It is written last: a folder without it is no backup.

use crate::cli::failure::Failure;
use crate::domain::value::hex;
use crate::privacy::key::KeyId;
use crate::privacy::private_file;
use crate::store::StoreError;
use crate::store::sqlite::lineage;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Its name in a backup's folder.
pub(super) const NAME: &str = "manifest.json";
/// The database's name in a backup's folder: a backup can be read like a store.
pub(super) const DATABASE: &str = "gongji.sqlite";
/// The key file's name in a backup's folder.
pub(super) const KEY: &str = "vault.key";
/// The layout of backups that this program writes, and the newest that it reads. From 2 on the rule texts are there.
const VERSION: u64 = 2;

/// A backup's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Manifest {
    /// Layout of the backup's folder.
    pub(super) version: u64,
    /// Whose store it is: "hub", "node:13".
    pub(in crate::cli) owner: String,
    /// Which store it is of: the chain hash of its first record, in hexadecimal. Not in backups of older programs, nor
    /// of a store without records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lineage: Option<String>,
    /// Format of the store: how many migrations it has seen.
    pub(super) format: usize,
    /// Journal sequence at which it was taken.
    pub(in crate::cli) sequence: u64,
    /// Chain hash there, in hexadecimal.
    pub(super) head: String,
    /// When it was taken, "2026-11-21T04:00:03.250Z".
    pub(super) time: String,
    /// Rows of the vault by the id of the key that they are sealed under; not in backups of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) keys: Option<BTreeMap<String, u64>>,
    /// Each file of the backup but this one, by its path in the backup's folder.
    pub(super) files: BTreeMap<String, FileMark>,
}

/// A key's name in `keys`; that of values which name none is "first".
pub(in crate::cli) fn key_name(id: Option<KeyId>) -> String {
    id.map_or_else(|| "first".to_owned(), |id| id.to_string())
}

/// What a file must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMark {
    /// Its length.
    pub(super) bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub(super) sha256: String,
}

/// Computes a file's mark while it is read or copied.
#[derive(Default)]
pub(super) struct Marker {
    hash: Sha256,
    bytes: u64,
}

impl Marker {
    /// Takes the next piece.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
    }

    /// The mark of all that was taken.
    pub(super) fn mark(self) -> FileMark {
        FileMark { bytes: self.bytes, sha256: hex(&self.hash.finalize()) }
    }
}

impl FileMark {
    /// Of a file as it is.
    pub(super) fn of(path: &Path) -> std::io::Result<FileMark> {
        let (mut file, mut marker) = (File::open(path)?, Marker::default());
        let mut piece = vec![0; 1 << 20];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(marker.mark()),
                count => marker.take(&piece[..count]),
            }
        }
    }
}

impl Manifest {
    /// A manifest of this program's layout.
    pub(super) fn new(owner: String, format: usize, head: crate::store::Head, time: String) -> Manifest {
        let (sequence, head) = (head.sequence, hex(&head.hash.0));
        let (version, lineage, keys, files) = (VERSION, None, None, BTreeMap::new());
        Manifest { version, owner, lineage, format, sequence, head, time, keys, files }
    }

    /// Which store the backup in a folder is of. One of an older program is asked itself.
    pub(super) fn lineage(&self, folder: &Path) -> Result<Option<String>, StoreError> {
        self.lineage.clone().map_or_else(|| lineage_of(folder), |found| Ok(Some(found)))
    }

    /// Whether backups of this layout hold the rule texts beside the store.
    pub(super) fn has_texts(&self) -> bool {
        self.version >= 2
    }

    /// Writes it, durably; the folder's name of it too.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let manifest = serde_json::to_value(self).map_err(|error| Failure::Local(error.to_string()))?;
        let sealed = serde_json::json!({ "sha256": digest(&manifest), "manifest": manifest });
        let text = format!("{sealed:#}\n");
        private_file::write_new(&folder.join(NAME), private_file::SECRET, text.as_bytes())
            .map_err(|error| Failure::Local(error.to_string()))
    }

    /// Reads the manifest of a finished backup.
    pub(super) fn read(folder: &Path) -> Result<Manifest, Failure> {
        let damaged = |what: &str| {
            let advice = "take an older backup";
            Failure::Local(format!("the backup {} is damaged: {what}; {advice}", folder.display()))
        };
        let unfinished = || {
            let what = "is no finished backup: name the folder of one, which has a manifest.json";
            Failure::Usage(format!("{} {what}", folder.display()))
        };
        // A draft may be whole but for its name: nobody has said that it is.
        let name = folder.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with('.')) {
            return Err(unfinished());
        }
        let text = match std::fs::read(folder.join(NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(unfinished()),
            Err(error) => return Err(Failure::Local(format!("{}: {error}", folder.display()))),
        };
        let sealed: Value =
            serde_json::from_slice(&text).map_err(|_| damaged("its manifest is not whole"))?;
        let manifest = &sealed["manifest"];
        if sealed["sha256"].as_str() != Some(digest(manifest).as_str()) {
            return Err(damaged("its manifest was changed"));
        }
        match manifest["version"].as_u64() {
            Some(found) if found > VERSION => Err(Failure::Local(format!(
                "the backup {} has format {found}, this program knows up to {VERSION}: use the newer program",
                folder.display()
            ))),
            _ => {
                serde_json::from_value(manifest.clone()).map_err(|_| damaged("its manifest lacks something"))
            }
        }
    }
}

/// Which store is in a folder, in hexadecimal; nothing before its first record.
pub(super) fn lineage_of(folder: &Path) -> Result<Option<String>, StoreError> {
    Ok(lineage(folder)?.map(|hash| hex(&hash.0)))
}

/// Keys of a JSON object stand in their own order, so the same content gives the same digest.
fn digest(manifest: &Value) -> String {
    hex(&Sha256::digest(manifest.to_string()))
}
