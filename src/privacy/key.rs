//! The vault's key: one file, and the sub-keys that each use has of its own.

use crate::domain::value::hex;
use crate::privacy::private_file::{self, PrivateFileError, SECRET};
use crate::privacy::random;
use crate::privacy::seal::Sealer;
use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) type KeyedHash = Hmac<Sha256>;

/// The key of a server's vault with all that is derived from it. Losing the file is losing every person's name and
/// number; replacing it makes every stored keyed hash unfindable. Cheap to share in an `Arc`.
pub struct VaultKey {
    pub(crate) id_hash: KeyedHash,
    pub(crate) terms: KeyedHash,
    pub(crate) request: KeyedHash,
    pub(crate) person: Sealer,
    pub(crate) parties: Sealer,
    pub(crate) holder: Sealer,
    pub(crate) other: Sealer,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Not there, not ours, readable by others, or there already.
    #[error("key file: {0}")]
    File(#[from] PrivateFileError),
    /// Its content is not a key.
    #[error("key file {0} does not hold 64 hexadecimal digits")]
    Malformed(PathBuf),
}

impl VaultKey {
    /// The key with these 32 secret bytes. Servers use [`VaultKey::load`]; this is for tests and simulations.
    pub fn from_bytes(master: &[u8; 32]) -> VaultKey {
        // HMAC takes keys of any length: this cannot fail.
        let keyed = |key: &[u8]| KeyedHash::new_from_slice(key).expect("HMAC takes keys of any length");
        let master = keyed(master);
        // Labels are stored data in effect: another label is another key.
        let sub_key = |label: &str| -> [u8; 32] {
            master.clone().chain_update(label.as_bytes()).finalize().into_bytes().into()
        };
        VaultKey {
            id_hash: keyed(&sub_key("gongji id-hash 1")),
            terms: keyed(&sub_key("gongji terms 1")),
            request: keyed(&sub_key("gongji request 1")),
            person: Sealer::new(&sub_key("gongji seal person 1")),
            parties: Sealer::new(&sub_key("gongji seal parties 1")),
            holder: Sealer::new(&sub_key("gongji seal holder 1")),
            other: Sealer::new(&sub_key("gongji seal other 1")),
        }
    }

    /// The key of a vault: made when the store is new, required when it is not, since a new key would make everybody
    /// in it unknown.
    pub fn for_store(path: &Path, store_exists: bool) -> Result<VaultKey, KeyFileError> {
        if store_exists { VaultKey::load(path) } else { VaultKey::load_or_create(path) }
    }

    /// Reads a key file. Refuses one that group or others have any access to.
    pub fn load(path: &Path) -> Result<VaultKey, KeyFileError> {
        let content = private_file::read(path)?;
        let master = HEXLOWER_PERMISSIVE.decode(content.trim_ascii()).ok();
        let master: Option<[u8; 32]> = master.and_then(|bytes| bytes.try_into().ok());
        master
            .map(|master| VaultKey::from_bytes(&master))
            .ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
    }

    /// Makes a new random key and its file (mode 0600, 64 hexadecimal digits). Refuses an existing file.
    pub fn create(path: &Path) -> Result<VaultKey, KeyFileError> {
        let mut master = [0; 32];
        random::fill(&mut master);
        private_file::write_new(path, SECRET, format!("{}\n", hex(&master)).as_bytes())?;
        Ok(VaultKey::from_bytes(&master))
    }

    /// The key in the file; a new one where there is no file. For demos and first starts: a server that has stored
    /// people must be given its file, and fails with [`VaultKey::load`] without it.
    pub fn load_or_create(path: &Path) -> Result<VaultKey, KeyFileError> {
        match VaultKey::create(path) {
            Err(KeyFileError::File(PrivateFileError::Exists(_))) => VaultKey::load(path),
            made => made,
        }
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::IdNumber;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_store_that_exists_never_gets_a_new_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        assert!(VaultKey::for_store(&path, true).is_err());
        assert!(!path.exists());
        assert!(VaultKey::for_store(&path, false).is_ok());
        assert!(VaultKey::for_store(&path, true).is_ok());
    }

    #[test]
    fn a_key_file_is_private_stable_and_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.key");
        assert!(VaultKey::load(&path).is_err());
        let made = VaultKey::create(&path).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        assert!(VaultKey::create(&path).is_err());
        let number = IdNumber::parse("11010519491231002X").expect("the published specimen");
        for again in [VaultKey::load(&path), VaultKey::load_or_create(&path)] {
            assert_eq!(again.expect("loaded").id_hash(&number), made.id_hash(&number));
        }
        let other = VaultKey::load_or_create(&folder.path().join("other.key")).expect("made");
        assert_ne!(other.id_hash(&number), made.id_hash(&number));
    }

    #[test]
    fn an_exposed_or_broken_key_file_is_refused_and_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.key");
        VaultKey::create(&path).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        for refused in [VaultKey::load(&path), VaultKey::load_or_create(&path)] {
            let error = refused.expect_err("refused").to_string();
            assert!(error.contains("0644") && error.contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        for bad in
            ["".to_owned(), "0".repeat(63), "g".repeat(64), "0".repeat(66), format!("+{}", "0".repeat(63))]
        {
            fs::write(&path, &bad).expect("written");
            assert!(matches!(VaultKey::load_or_create(&path), Err(KeyFileError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn a_key_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", VaultKey::from_bytes(&[7; 32])), "VaultKey(****)");
    }
}
