//! What the end-to-end and crash tests share: a site (folder, certificates, ports, configuration files), servers on
//! it, members, and what an answer must look like.

pub mod audit;
pub mod cluster;
pub mod foreign_node;
pub mod people;
pub mod proxy;
pub mod site;
pub mod verdict;

use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// No test waits longer for anything: a test that hangs must fail and say where.
pub const BOUND: Duration = Duration::from_secs(60);

/// Between two looks at something that no RPC can announce (a server that is not there yet, an acknowledgement).
/// Long enough not to steal the two cores from the servers, short enough not to be felt.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// Runs a test's client side on a runtime of its own.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(BOUND * 2, test).await.expect("the test took too long") })
}

/// Turns at looking for something, at most for [`BOUND`].
pub struct Turns {
    what: &'static str,
    end: Instant,
    ticks: Interval,
}

impl Turns {
    /// The first turn comes at once.
    pub fn at(what: &'static str) -> Turns {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Turns { what, end: Instant::now() + BOUND, ticks }
    }

    /// Waits for the next turn.
    pub async fn next(&mut self) {
        assert!(Instant::now() < self.end, "waited too long for: {}", self.what);
        self.ticks.tick().await;
    }
}

/// Looks again and again until there is something to see, at most for [`BOUND`].
pub async fn until<T>(what: &'static str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut turns = Turns::at(what);
    loop {
        turns.next().await;
        if let Some(seen) = look().await {
            return seen;
        }
    }
}
