//! The vault's keys at a server: proven before it takes part in anything, exchanged while it serves, and rows sealed
//! anew under the key that seals now, a page at a time.

use crate::domain::machine::{
    Answers, Filter, Kept, Machine, Record, Row, Scan, Table, TableRow, Ticket, VaultChange, VaultKeyRow,
    VaultKeyState,
};
use crate::engine::{AskError, Handle, Reader, SystemClock};
use crate::privacy::in_force::KeyInForce;
use crate::privacy::key::VaultKey;
use crate::privacy::key_file::KeyFileError;
use crate::privacy::proof::{self, WrongKey};
use crate::privacy::sealed_row::SealedRow;
use crate::store::failpoint::{Failpoint, hit};
use crate::store::sqlite::SqliteStore;
use crate::store::{AnyTables, Commit, Journal, StoreError, Tables};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// How often the key file is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Rows that are sealed anew in one commit: a few milliseconds of the writer's time.
const PAGE: usize = 256;
/// Between two pages: others come first.
const PAUSE: Duration = Duration::from_millis(10);
/// The same while many callers wait.
const PAUSE_UNDER_LOAD: Duration = Duration::from_millis(500);
/// How often progress is logged.
const SAY: Duration = Duration::from_secs(10);

/// Why keys cannot come into force.
#[derive(Debug, thiserror::Error)]
pub enum VaultKeyError {
    /// The key file cannot be read, or holds no keys.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// They are not this store's.
    #[error("{0}: {1}")]
    Wrong(PathBuf, WrongKey),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine does not take what is to be noted.
    #[error("they cannot be noted: {0}")]
    Ask(#[from] AskError),
}

/// The keys that a server begins with: proven against its store, and noted there. `restored`: see [`VaultKeys`].
///
/// # Errors
/// That they are another store's, before anything is changed; of the store.
pub fn begin<R>(
    key: VaultKey,
    path: &Path,
    store: &mut SqliteStore<R>,
    (clock, restored): (&SystemClock, bool),
) -> Result<Arc<KeyInForce>, VaultKeyError>
where
    R: Record<Row: SealedRow + From<VaultKeyRow>>,
    VaultKeyRow: TableRow<R::Row>,
{
    let wrong = |error| VaultKeyError::Wrong(path.to_owned(), error);
    let at = (clock.now().civil, (!restored).then_some(store.head().sequence));
    let vault = proof::begun(&key, &mut |scan| store.scan(scan), at)?.map_err(wrong)?;
    store.append(&Commit { vault, ..Commit::default() })?;
    Ok(Arc::new(KeyInForce::new(Arc::new(key))))
}

/// Makes an input of rows that are to be kept.
type Keep<M> = fn(Ticket<Kept>, Vec<VaultChange<<M as Machine>::Row>>) -> <M as Machine>::Input;

/// The vault's keys of a server that serves.
pub struct VaultKeys<M: Machine> {
    /// The keys in force.
    pub keys: Arc<KeyInForce>,
    /// The key file.
    pub path: PathBuf,
    /// Where rows are kept.
    pub engine: Handle<M>,
    /// Where rows are read.
    pub reader: Reader<M::Record>,
    /// Whether the store was restored, and it was not known at this start that it has all again: what is told again
    /// may have been sealed by a key that had ended, at a place of a journal that is lost.
    pub restored: bool,
    /// When keys come.
    pub clock: Arc<SystemClock>,
    /// The machine's input.
    pub keep: Keep<M>,
}

/// What one walk through the vault came to.
#[derive(Debug, Default)]
struct Walk {
    sealed: u64,
    /// Rows that were sealed under an older key.
    found: u64,
    /// Rows of them that do not open.
    shut: u64,
}

impl<M> VaultKeys<M>
where
    M: Machine<Answer: Answers<Kept>, Row: SealedRow + From<VaultKeyRow>>,
    VaultKeyRow: TableRow<M::Row>,
{
    /// Follows the key file, and seals anew what is sealed under older keys, until the server ends.
    pub async fn run(self) {
        let wanted = Notify::new();
        wanted.notify_one();
        tokio::join!(self.follow_file(&wanted), self.seal_when(&wanted));
    }

    async fn follow_file(&self, wanted: &Notify) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        // Looked at once more at first: it may have changed since the server began.
        let mut seen = None;
        loop {
            let hung_up = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            let asked = tokio::time::timeout(LOOK, hung_up).await.is_ok();
            let now = stamp(&self.path);
            if !asked && now == seen {
                continue;
            }
            let reloaded = self.reload().await;
            // A file that is wrong stays so until it changes; a store or an engine that failed is asked again.
            seen = match &reloaded {
                Ok(_) | Err(VaultKeyError::File(_) | VaultKeyError::Wrong(..)) => now,
                Err(VaultKeyError::Store(_) | VaultKeyError::Ask(_)) => None,
            };
            match reloaded {
                Ok(true) => wanted.notify_one(),
                Ok(false) => {}
                Err(error) => {
                    let what = "ALARM: the vault's key file is not taken; the keys of before stay in force";
                    tracing::error!(%error, what);
                }
            }
        }
    }

    async fn kept(&self, changes: Vec<VaultChange<M::Row>>) -> Result<u64, AskError> {
        if changes.is_empty() {
            return Ok(0);
        }
        self.engine.ask_always(|ticket| (self.keep)(ticket, changes)).await.map(|Kept(count)| count)
    }

    /// Reads the key file again; whether other keys are in force now.
    async fn reload(&self) -> Result<bool, VaultKeyError> {
        let key = VaultKey::load(&self.path)?;
        let now = self.keys.now();
        if now.is_same(&key) {
            return Ok(false);
        }
        let wrong = |error| VaultKeyError::Wrong(self.path.clone(), error);
        if key.digests_id() == now.digests_id() && !key.has(Some(now.current())) {
            return Err(wrong(WrongKey::LacksCurrent(now.current().to_string())));
        }
        let key = Arc::new(key);
        let proven = Arc::clone(&key);
        let read =
            move |tables: &mut AnyTables<M::Record>| proof::prove_all(&proven, &mut |scan| tables.scan(scan));
        let proof = self.reader.run(read).await?.map_err(wrong)?;
        let noted = || {
            let at = (self.clock.now().civil, (!self.restored).then_some(self.engine.head().sequence));
            proof::noted::<M::Row>(&key, &proof.known, &proof.missing, at)
        };
        // A key is known to the store before anything is sealed under it, and has ended only once nothing is.
        self.kept(noted().into_iter().filter(|change| change.seen.is_none()).collect()).await?;
        self.keys.put(Arc::clone(&key));
        let rest = noted().into_iter().filter(|change| change.seen.is_some()).collect();
        self.kept(rest).await?;
        let ids: Vec<String> = key.sealing().map(|it| it.id.to_string()).collect();
        tracing::info!(seals = %key.current(), keys = ids.join(" "), "the vault's keys are in force");
        Ok(true)
    }

    async fn known(&self) -> Result<Vec<VaultKeyRow>, StoreError> {
        self.reader.run(|tables| proof::known_keys(&mut |scan| tables.scan(scan))).await
    }

    async fn seal_when(&self, wanted: &Notify) {
        loop {
            wanted.notified().await;
            if let Err(error) = self.seal_all().await {
                tracing::error!(%error, "rows of the vault are not sealed anew; tried again at the next start");
            }
        }
    }

    /// Walks through the vault until nothing is sealed under an older key. What was done stays done: whoever starts
    /// again passes over it.
    async fn seal_all(&self) -> Result<(), VaultKeyError> {
        loop {
            let known = self.known().await?;
            let retired: Vec<_> =
                known.into_iter().filter(|row| row.state == VaultKeyState::Retired).collect();
            if retired.is_empty() {
                return Ok(());
            }
            let current = self.keys.now().current();
            let walk = self.walk().await?;
            if walk.shut > 0 {
                tracing::error!(
                    rows = walk.shut,
                    "ALARM: rows of the vault do not open, and keep their older key"
                );
                return Ok(());
            }
            if walk.found == 0 && self.keys.now().current() == current {
                let unused = retired.into_iter().map(|row| VaultChange {
                    row: VaultKeyRow { state: VaultKeyState::Unused, ..row.clone() }.into(),
                    seen: Some(row.into()),
                });
                self.kept(unused.collect()).await?;
                tracing::info!(seals = %current, "every row of the vault is sealed under the key that seals now");
            }
        }
    }

    async fn walk(&self) -> Result<Walk, VaultKeyError> {
        let (mut walk, mut said) = (Walk::default(), Instant::now());
        for table in <M::Row as Row>::Table::ALL.iter().filter(|table| table.is_vault()) {
            let mut after = None;
            loop {
                let scan = Scan { filter: Filter::all(*table), after: after.clone(), limit: PAGE };
                let rows = self.reader.run(move |tables| tables.scan(&scan)).await?;
                let (changes, shut) = proof::sealed_anew(&self.keys.now(), &rows);
                (walk.found, walk.shut) = (walk.found + changes.len() as u64, walk.shut + shut);
                let changed = !changes.is_empty();
                walk.sealed += self.kept(changes).await?;
                if changed {
                    hit(Failpoint::VaultPageSealed);
                }
                if said.elapsed() >= SAY {
                    said = Instant::now();
                    tracing::info!(
                        sealed = walk.sealed,
                        table = table.name(),
                        "rows of the vault are sealed anew"
                    );
                }
                match rows.last() {
                    Some(last) if rows.len() == PAGE => after = Some(last.key()),
                    Some(_) | None => break,
                }
                let pause = if self.engine.is_loaded() { PAUSE_UNDER_LOAD } else { PAUSE };
                tokio::time::sleep(pause).await;
            }
        }
        if walk.found > 0 {
            tracing::info!(sealed = walk.sealed, "rows of the vault were sealed anew");
        }
        Ok(walk)
    }
}

/// What tells one state of a file from another.
fn stamp(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let it = std::fs::metadata(path).ok()?;
    Some((it.ino(), it.size(), it.mtime(), it.mtime_nsec()))
}
