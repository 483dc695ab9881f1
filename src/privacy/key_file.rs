//! The key file: made once, read at each start and whenever it changes, and written anew when a key comes or goes.
//!
//! A line a key: `digests` with the keys of digests, then `seal DAY SECRET` for each sealing key, the one that seals
//! first. A file of before keys had ids is one line of 64 hexadecimal digits, from which both follow.

use crate::domain::value::{Civil, Day, hex};
use crate::durable;
use crate::privacy::key::{KeyId, SealingKey, VaultKey, digests_of};
use crate::privacy::private_file::{self, PrivateFileError, SECRET};
use crate::privacy::random;
use data_encoding::HEXLOWER_PERMISSIVE;
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const HEAD: &str = "\
# Keys of a Gongji vault: whoever has this file can read every name in it. Changed by `gongji keys` only.
# 保险库密钥：持有本文件者可读出全部姓名。只用 `gongji keys` 修改。
";

/// Why a key file cannot be used. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Not there, not ours, readable by others, or there already.
    #[error("key file: {0}")]
    File(#[from] PrivateFileError),
    /// Its content is not a key.
    #[error(
        "key file {0} does not hold 64 hexadecimal digits, nor keys as `gongji keys` writes them (line {1})"
    )]
    Malformed(PathBuf, usize),
    /// Another process is changing it, or has changed it just now.
    #[error("key file {0} is being changed by another process: look at it, then try again")]
    Busy(PathBuf),
    /// No such key can be taken out of it.
    #[error("key file {0} has no retired sealing key {1}")]
    NoSuchKey(PathBuf, String),
}

fn secret<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    HEXLOWER_PERMISSIVE.decode(text).ok().and_then(|bytes| bytes.try_into().ok())
}

/// The keys in a text, or the line that is wrong.
fn parse(content: &[u8]) -> Result<VaultKey, usize> {
    if let Some(master) = secret(content.trim_ascii()) {
        return Ok(VaultKey::from_bytes(&master));
    }
    let (mut digests, mut seals) = (None, Vec::new());
    for (at, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => {}
            [first, ..] if first.starts_with(b"#") => {}
            [b"digests", id_hash, terms, request] if digests.is_none() => {
                let all = [id_hash, terms, request].map(secret);
                let [Some(id_hash), Some(terms), Some(request)] = all else { return Err(at + 1) };
                digests = Some([id_hash, terms, request]);
            }
            [b"seal", day, master] => {
                let master = secret(master).ok_or(at + 1)?;
                let day = std::str::from_utf8(day).map_err(|_| at + 1)?;
                let created = if day == "-" { None } else { Some(Day::parse(day).ok_or(at + 1)?) };
                seals.push(SealingKey::new(&master, created));
            }
            _ => return Err(at + 1),
        }
    }
    let digests = digests.filter(|_| !seals.is_empty()).ok_or(1_usize)?;
    let ids: std::collections::BTreeSet<KeyId> = seals.iter().map(|key| key.id).collect();
    if ids.len() < seals.len() { Err(1) } else { Ok(VaultKey::of(digests, seals)) }
}

fn text(key: &VaultKey) -> String {
    let [id_hash, terms, request] = key.digests.map(|key| hex(&key));
    let mut text = format!("{HEAD}digests {id_hash} {terms} {request}\n");
    for key in &key.seals {
        let day = key.created.map_or_else(|| "-".to_owned(), |day| day.to_string());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "seal {day} {}", hex(&key.master));
    }
    text
}

fn new_master() -> ([u8; 32], Option<Day>) {
    let mut master = [0; 32];
    random::fill(&mut master);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (master, Some(Day::of(Civil(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))))
}

impl VaultKey {
    /// The key of a vault: made when the store is new, required when it is not, since a new key would make everybody
    /// in it unknown.
    pub fn for_store(path: &Path, store_exists: bool) -> Result<VaultKey, KeyFileError> {
        if store_exists { VaultKey::load(path) } else { VaultKey::load_or_create(path) }
    }

    /// Reads a key file. Refuses one that group or others have any access to.
    pub fn load(path: &Path) -> Result<VaultKey, KeyFileError> {
        parse(&private_file::read(path)?).map_err(|line| KeyFileError::Malformed(path.to_owned(), line))
    }

    /// Makes a new random key and its file (mode 0600). Refuses an existing file.
    pub fn create(path: &Path) -> Result<VaultKey, KeyFileError> {
        let (master, created) = new_master();
        let key = VaultKey::of(digests_of(&master), vec![SealingKey::new(&master, created)]);
        private_file::write_new(path, SECRET, text(&key).as_bytes())?;
        Ok(key)
    }

    /// The key in the file; a new one where there is no file. For demos and first starts: a server that has stored
    /// people must be given its file, and fails with [`VaultKey::load`] without it.
    pub fn load_or_create(path: &Path) -> Result<VaultKey, KeyFileError> {
        match VaultKey::create(path) {
            Err(KeyFileError::File(PrivateFileError::Exists(_))) => VaultKey::load(path),
            made => made,
        }
    }

    /// Adds a new sealing key to a file. It seals from now on; those before it only open.
    ///
    /// # Errors
    /// As of [`VaultKey::load`]; `Busy`.
    pub fn add_to(path: &Path) -> Result<VaultKey, KeyFileError> {
        change(path, |mut key| {
            let (master, created) = new_master();
            key.seals.insert(0, SealingKey::new(&master, created));
            Some(key)
        })
    }

    /// Takes a retired sealing key out of a file, for ever. Whoever calls this has proven that nothing needs it.
    ///
    /// # Errors
    /// As of [`VaultKey::load`]; `Busy`; `NoSuchKey`, also for the one that seals.
    pub fn remove_from(path: &Path, id: KeyId) -> Result<VaultKey, KeyFileError> {
        let changed = change(path, |mut key| {
            let at = key.seals.iter().position(|it| it.id == id).filter(|at| *at > 0)?;
            key.seals.remove(at);
            Some(key)
        });
        changed.map_err(|error| match error {
            KeyFileError::NoSuchKey(path, _) => KeyFileError::NoSuchKey(path, id.to_string()),
            _ => error,
        })
    }
}

/// Writes a file anew, whole or not at all. The file that was named keeps its place, also behind a link.
fn change(path: &Path, change: impl FnOnce(VaultKey) -> Option<VaultKey>) -> Result<VaultKey, KeyFileError> {
    let io = |source| PrivateFileError::Io { path: path.to_owned(), source };
    let place = path.canonicalize().map_err(io)?;
    let file = File::open(&place).map_err(io)?;
    let busy = || KeyFileError::Busy(path.to_owned());
    file.try_lock().map_err(|_| busy())?;
    let inode = |metadata: &std::fs::Metadata| (metadata.dev(), metadata.ino());
    let (locked, named) = (file.metadata().map_err(io)?, std::fs::metadata(&place).map_err(io)?);
    if inode(&locked) != inode(&named) {
        return Err(busy());
    }
    let key = VaultKey::load(&place)?;
    let key = change(key).ok_or_else(|| KeyFileError::NoSuchKey(path.to_owned(), String::new()))?;
    let mut draft = place.clone().into_os_string();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    // What an earlier change left that was killed; the lock says that nobody writes it now.
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error).into()),
        Ok(()) | Err(_) => {}
    }
    private_file::write_new(&draft, SECRET, text(&key).as_bytes())?;
    // Whoever changes it, root for one: the server must be able to read it after.
    chown(&draft, Some(locked.uid()), Some(locked.gid())).map_err(io)?;
    durable::rename(&draft, &place).map_err(io)?;
    Ok(key)
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
            let again = again.expect("loaded");
            assert_eq!(again.id_hash(&number), made.id_hash(&number));
            assert_eq!(again.sealing().collect::<Vec<_>>(), made.sealing().collect::<Vec<_>>());
        }
        let other = VaultKey::load_or_create(&folder.path().join("other.key")).expect("made");
        assert_ne!(other.id_hash(&number), made.id_hash(&number));
    }

    #[test]
    fn an_exposed_or_broken_key_file_is_refused_and_never_replaced_or_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.key");
        VaultKey::create(&path).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        for refused in [VaultKey::load(&path), VaultKey::load_or_create(&path)] {
            let error = refused.expect_err("refused").to_string();
            assert!(error.contains("0644") && error.contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        let digits = "b7".repeat(32);
        let digests = format!("digests {digits} {digits} {digits}\n");
        for (bad, line) in [
            (String::new(), 1),
            ("b7".repeat(31) + "b", 1),
            ("g7".repeat(32), 1),
            ("b7".repeat(33), 1),
            (format!("+{digits}"), 1),
            (digests.clone(), 1),
            (format!("seal - {digits}\n"), 1),
            (format!("{digests}seal - {digits}\nseal - {digits}\n"), 1),
            (format!("{digests}seal - {digits}b7\n"), 2),
            (format!("{digests}\nseal 2026-02-30 {digits}\n"), 3),
            (format!("# x\n{digests}{digests}seal - {digits}\n"), 3),
            (format!("{digests}sael - {digits}\n"), 2),
        ] {
            fs::write(&path, &bad).expect("written");
            let error = VaultKey::load_or_create(&path).expect_err("refused");
            assert!(matches!(error, KeyFileError::Malformed(_, at) if at == line), "{bad}: {error}");
            assert!(!error.to_string().contains("b7b7") && !format!("{error:?}").contains("b7b7"), "{error}");
        }
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_opens_until_it_is_taken_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.key");
        private_file::write_new(&path, SECRET, "07".repeat(32).as_bytes()).expect("written");
        let old = VaultKey::load(&path).expect("a file of before ids");
        let (before, golden) = (old.seal(b"owner", b"plain"), old.current());
        let both = VaultKey::add_to(&path).expect("added");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no draft stays");
        let after = both.seal(b"owner", b"plain");
        assert_eq!(old.open(b"owner", &after), Err(crate::privacy::seal::SealError::NoKey));
        for sealed in [&before, &after] {
            assert_eq!(
                VaultKey::load(&path).expect("read").open(b"owner", sealed).as_deref(),
                Ok(&b"plain"[..])
            );
        }
        assert_eq!(both.digests_id(), old.digests_id(), "digests stay");
        let number = IdNumber::parse("11010519491231002X").expect("the published specimen");
        assert_eq!(both.id_hash(&number), old.id_hash(&number));
        let ages: Vec<bool> = both.sealing().map(|key| key.created.is_some()).collect();
        assert_eq!((ages, both.has(None)), (vec![true, false], true));
        assert!(VaultKey::remove_from(&path, both.current()).is_err(), "what seals is never taken out");
        let later = VaultKey::remove_from(&path, golden).expect("taken out");
        assert!(
            VaultKey::remove_from(&path, golden).expect_err("gone").to_string().contains(&golden.to_string())
        );
        assert_eq!(later.open(b"owner", &before), Err(crate::privacy::seal::SealError::NoKey));
        assert_eq!((later.id_hash(&number), later.has(None)), (old.id_hash(&number), false));
        let text = fs::read_to_string(&path).expect("read");
        assert!(!text.contains(&"07".repeat(32)), "the secret is gone from the file");
    }

    #[test]
    fn a_changed_file_is_still_its_owners() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.key");
        VaultKey::create(&path).expect("made");
        // Only root can give a file away; everybody else changes a file of their own.
        let _ = chown(&path, Some(1), Some(1));
        let owner = || fs::metadata(&path).map(|it| (it.uid(), it.gid())).expect("there");
        let before = owner();
        VaultKey::add_to(&path).expect("added");
        assert_eq!(owner(), before);
    }

    #[test]
    fn two_changes_at_once_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.key");
        VaultKey::create(&path).expect("made");
        let held = File::open(&path).expect("open");
        held.lock().expect("locked");
        assert!(matches!(VaultKey::add_to(&path), Err(KeyFileError::Busy(_))));
        drop(held);
        assert!(VaultKey::add_to(&path).is_ok());
    }
}
