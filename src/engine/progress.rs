//! Whether the engine's thread gets on. Everything else of a server may work, the connection and its health too, while
//! a batch hangs in its sync.

use super::LOOK_EVERY;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A batch that takes longer is no progress. An idle engine goes round once in [`LOOK_EVERY`].
pub const STANDS_AFTER: Duration = Duration::from_secs(1);
const _: () = assert!(LOOK_EVERY.as_millis() * 2 <= STANDS_AFTER.as_millis());

/// When the engine's loop last went round. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Mark>);

#[derive(Debug)]
struct Mark {
    started: Instant,
    last_ms: AtomicU64,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress(Arc::new(Mark { started: Instant::now(), last_ms: AtomicU64::new(0) }))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// It goes round.
    pub(super) fn mark(&self) {
        self.0.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// How long the engine has stood still; nothing when it gets on.
    pub fn stands_since(&self) -> Option<Duration> {
        let stood = self.now_ms().saturating_sub(self.0.last_ms.load(Ordering::Relaxed));
        Some(Duration::from_millis(stood)).filter(|stood| *stood > STANDS_AFTER)
    }
}
