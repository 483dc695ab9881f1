//! What the end-to-end and crash tests share: a site (folder, certificates, ports, configuration files), servers on
//! it, callers with any certificate, members, and what an answer must look like.

pub mod caller;
pub mod cluster;
pub mod deaf;
pub mod people;
pub mod site;
pub mod verdict;

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

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

/// Looks again and again until there is something to see, at most [`BOUND`].
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + BOUND;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match timeout_at(end, look()).await {
            Ok(Some(seen)) => return seen,
            Ok(None) if Instant::now() < end => {}
            Ok(None) | Err(_) => panic!("waited too long for: {what}"),
        }
    }
}
