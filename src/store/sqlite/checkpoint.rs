//! Checkpoints off the hot path: a thread with a connection of its own copies the write-ahead log into the database.
//!
//! The log starts again from its beginning only when a write finds all of it copied, and a thread never quite
//! catches up with a busy writer. So when the thread has done the bulk, the writer copies the small rest itself.

use super::DATABASE;
use crate::store::StoreError;
use crate::store::failpoint::{Failpoint, hit, log_is_short};
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Sizes of the log, in pages, at which something happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The thread is woken.
    wake: u32,
    /// The writer waits for the thread and finishes the work itself.
    cap: u32,
    /// The thread may leave so much to the writer.
    rest: u32,
}

impl Limits {
    /// 64 MiB, so that a hot page is copied once for its many versions in the log; 256 MiB; half a MiB.
    const STANDARD: Limits = Limits { wake: 16_384, cap: 65_536, rest: 128 };
    /// For tests that kill a server in a checkpoint.
    const SHORT: Limits = Limits { wake: 16, cap: 48, rest: 4 };

    /// Those of a server's store.
    pub(super) fn of_a_store() -> Limits {
        if log_is_short() { Limits::SHORT } else { Limits::STANDARD }
    }
}

/// How often the thread goes on while the writer outruns it.
const PASSES: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Wanted,
    Running,
    /// The bulk is copied; the writer should do the rest.
    Copied,
    Stop,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    /// Pages in the log after the last commit.
    pages: AtomicU32,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    failed: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(&self, guard: MutexGuard<'a, State>, phase: Phase) -> MutexGuard<'a, State> {
        self.changed.wait_while(guard, |state| state.phase == phase).unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, guard: &mut MutexGuard<'_, State>, phase: Phase) {
        guard.phase = phase;
        self.changed.notify_all();
    }
}

/// The thread, and the writer's side of it.
#[derive(Debug)]
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Where the writer acts next, so that a reader that holds the log back does not cost a checkpoint a commit.
    next: u32,
}

impl Checkpointer {
    /// Starts the thread, and counts the pages that `writer` commits.
    pub(super) fn start(
        dir: &Path,
        writer: &mut Connection,
        limits: Limits,
    ) -> Result<Checkpointer, StoreError> {
        let own = Connection::open(dir.join(DATABASE))?;
        own.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -1000;")?;
        let shared = Arc::new(Shared {
            limits,
            pages: AtomicU32::new(0),
            state: Mutex::new(State { phase: Phase::Idle, failed: None }),
            changed: Condvar::new(),
        });
        let count = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            count.pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(&work, &own))
            .map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Checkpointer { shared, thread: Some(thread), next: limits.wake })
    }

    /// Called by the writer after each commit; gives whether the log is now all copied.
    ///
    /// # Errors
    /// A failed checkpoint, whosever: after it the kernel may have dropped pages that were never written.
    pub(super) fn after_commit(&mut self, writer: &Connection) -> Result<bool, StoreError> {
        let pages = self.shared.pages.load(Ordering::Relaxed);
        let Limits { wake, cap, .. } = self.shared.limits;
        let mut state = self.shared.lock();
        if pages < wake {
            self.next = wake;
            if state.phase == Phase::Copied {
                // The log began anew without the writer's help.
                self.shared.set(&mut state, Phase::Idle);
            }
            return Ok(false);
        }
        if pages >= cap && pages >= self.next && matches!(state.phase, Phase::Wanted | Phase::Running) {
            state = self.shared.wait_while(state, Phase::Wanted);
            state = self.shared.wait_while(state, Phase::Running);
        }
        if let Some(error) = &state.failed {
            return Err(StoreError::Io(error.clone()));
        }
        match state.phase {
            Phase::Copied => {
                self.shared.set(&mut state, Phase::Idle);
                drop(state);
                let all = pass(writer)? >= pages;
                self.next = if all { wake } else { pages.saturating_add(wake / 2) };
                Ok(all)
            }
            Phase::Idle if pages >= self.next => {
                self.shared.set(&mut state, Phase::Wanted);
                Ok(false)
            }
            Phase::Idle | Phase::Wanted | Phase::Running | Phase::Stop => Ok(false),
        }
    }

    /// Stops the thread, after the checkpoint that it is in; gives whether all of them went well.
    pub(super) fn stop(&mut self) -> bool {
        let mut state = self.shared.lock();
        // A running thread would overwrite the word with its own when it is done.
        state = self.shared.wait_while(state, Phase::Running);
        self.shared.set(&mut state, Phase::Stop);
        let sound = state.failed.is_none();
        drop(state);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has nothing to add when the store is closed anyway.
            drop(thread.join());
        }
        sound
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Copies what can be copied without making anyone wait, and gives how far it came, in pages from the log's beginning.
pub(super) fn pass(connection: &Connection) -> Result<u32, StoreError> {
    let (busy, copied): (i64, i64) =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(0)?, row.get(2)?)))?;
    // Busy: somebody else's tool is at it, and the figures say nothing.
    if busy == 0 { Ok(u32::try_from(copied).unwrap_or(0)) } else { Ok(0) }
}

fn run(shared: &Shared, connection: &Connection) {
    loop {
        let mut state = shared.lock();
        while !matches!(state.phase, Phase::Wanted | Phase::Stop) {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.phase == Phase::Stop {
            return;
        }
        shared.set(&mut state, Phase::Running);
        drop(state);
        hit(Failpoint::CheckpointBegins);
        let outcome = copy_bulk(shared, connection);
        let mut state = shared.lock();
        state.failed = outcome.err().map(|error| error.to_string());
        shared.set(&mut state, Phase::Copied);
    }
}

/// Goes on until only a little is left, each time a shorter way behind the writer.
fn copy_bulk(shared: &Shared, connection: &Connection) -> Result<(), StoreError> {
    for _ in 0..PASSES {
        let copied = pass(connection)?;
        if shared.pages.load(Ordering::Relaxed).saturating_sub(copied) <= shared.limits.rest {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Limits = Limits::SHORT;

    fn writer(dir: &Path) -> Connection {
        let writer = Connection::open(dir.join(DATABASE)).unwrap();
        writer
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)")
            .unwrap();
        writer
    }

    #[test]
    fn the_log_stays_under_its_cap_and_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path());
        let mut checkpointer = Checkpointer::start(dir.path(), &mut writer, TINY).unwrap();
        let mut anew = 0;
        for n in 0..400 {
            let before = checkpointer.shared.pages.load(Ordering::Relaxed);
            writer.execute("REPLACE INTO t VALUES (?, zeroblob(9000))", [n % 7]).unwrap();
            let pages = checkpointer.shared.pages.load(Ordering::Relaxed);
            anew += u32::from(pages < before);
            assert!(pages <= TINY.cap + 16, "{pages} pages in the log");
            checkpointer.after_commit(&writer).unwrap();
        }
        assert!(anew > 5, "the log began anew {anew} times");
        assert!(checkpointer.stop());
    }

    #[test]
    fn a_failed_checkpoint_stops_the_writer() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path());
        let mut checkpointer =
            Checkpointer::start(dir.path(), &mut writer, Limits { wake: 1, ..TINY }).unwrap();
        checkpointer.shared.lock().failed = Some("disk I/O error".to_owned());
        writer.execute("INSERT INTO t VALUES (1, NULL)", []).unwrap();
        assert!(
            matches!(checkpointer.after_commit(&writer), Err(StoreError::Io(text)) if text == "disk I/O error")
        );
        assert!(!checkpointer.stop());
    }
}
