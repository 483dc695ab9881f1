//! Waits for what nobody announces: a process that listens or ends, a server that serves.

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two looks: long enough not to steal the processors from the servers, short enough not to be felt.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// Looks again and again, at once for the first time, until there is something to see; nothing after `within`.
pub async fn until<T>(within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = Instant::now() + within;
    while Instant::now() < end {
        ticks.tick().await;
        let seen = look().await;
        if seen.is_some() {
            return seen;
        }
    }
    None
}
