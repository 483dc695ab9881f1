//! The two clocks that everything is handed: monotonic for deadlines, civil for rules.

use crate::domain::value::{Civil, Mono, Now};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads both clocks.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// This moment.
    fn now(&self) -> Now;
}

/// The machine's clocks; the civil one may be set to begin at another time, for demonstrations.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    civil_offset_ms: i64,
}

fn civil_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis());
    since.ok().and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0)
}

impl SystemClock {
    /// Clocks whose civil time is the machine's, or begins at `civil_start`.
    pub fn new(civil_start: Option<Civil>) -> SystemClock {
        let civil_offset_ms = civil_start.map_or(0, |start| start.0 - civil_ms());
        SystemClock { started: Instant::now(), civil_offset_ms }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let mono = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono(mono), civil: Civil(civil_ms() + self.civil_offset_ms) }
    }
}
