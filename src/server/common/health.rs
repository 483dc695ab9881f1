//! What a server says of its health: it serves when everything that it needs for that is so.

use crate::engine::{Doubt, Progress};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Something that has to be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The hub has admitted this node, so that it may vote and take decisions.
    Admitted = 1,
    /// Nothing is missing here that the hub has to tell again.
    Whole = 2,
    /// The civil clock is believed.
    Clock = 4,
    /// The engine gets on: what is handed in is decided and stored.
    Engine = 8,
    /// It is not stopping.
    Running = 16,
}

/// How often the engine's progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A server's health under the name of each of its services, and under "" as a whole. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
    /// The service that peers look at, and what it may do without.
    peers: Option<&'static str>,
    /// Held while it is told: whoever notes something later tells it later.
    missing: Arc<Mutex<u8>>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("missing", &self.missing).finish_non_exhaustive()
    }
}

impl Health {
    /// Of a server that misses these to begin with. `peers`: the service that serves before everything is whole.
    pub async fn new(reporter: HealthReporter, peers: Option<&'static str>, missing: &[Need]) -> Health {
        let missing = missing.iter().fold(0, |all, need| all | *need as u8);
        let health = Health { reporter, peers, missing: Arc::new(Mutex::new(missing)) };
        health.tell(missing).await;
        health
    }

    /// Notes that something is so, or is not.
    pub async fn set(&self, need: Need, met: bool) {
        let mut missing = self.missing.lock().await;
        *missing = if met { *missing & !(need as u8) } else { *missing | need as u8 };
        self.tell(*missing).await;
    }

    /// Serves or not, by what is missing.
    async fn tell(&self, missing: u8) {
        let status = |missing: u8| match missing {
            0 => ServingStatus::Serving,
            _ => ServingStatus::NotServing,
        };
        self.reporter.set_service_status("", status(missing)).await;
        if let Some(peers) = self.peers {
            self.reporter.set_service_status(peers, status(missing & !(Need::Whole as u8))).await;
        }
    }

    /// Follows whether the clock is believed, until it is dropped.
    pub async fn follow_clock(self, mut doubts: watch::Receiver<Option<Doubt>>) {
        loop {
            let believed = doubts.borrow_and_update().is_none();
            self.set(Need::Clock, believed).await;
            if doubts.changed().await.is_err() {
                return;
            }
        }
    }

    /// Follows whether the engine gets on, until it is dropped.
    pub async fn follow_engine(self, progress: Progress) {
        let mut stands = false;
        loop {
            let before = Instant::now();
            sleep(LOOK_EVERY).await;
            let stood = progress.stands_since();
            // A look that comes late says that the whole process stood still: the engine has had no time either.
            if stood.is_some() == stands || (stood.is_some() && before.elapsed() > LOOK_EVERY * 2) {
                continue;
            }
            stands = stood.is_some();
            self.set(Need::Engine, !stands).await;
            if let Some(stood) = stood {
                let stood_ms = u64::try_from(stood.as_millis()).unwrap_or(u64::MAX);
                tracing::error!(
                    stood_ms,
                    "ALARM: the engine does not get on: its store does not answer, or a batch is too much"
                );
            } else {
                tracing::warn!("the engine gets on again");
            }
        }
    }

    /// It stops: whoever watches is told so, and his stream ends.
    pub async fn stop(&self) {
        self.set(Need::Running, false).await;
        let mut reporter = self.reporter.clone();
        for service in std::iter::once("").chain(self.peers) {
            reporter.clear_service_status(service).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus as Said;
    use tonic_health::pb::health_server::Health as _;

    /// What health says of a server that misses this and nothing else, and what of the service that peers look at.
    async fn said_without(need: Need) -> [Said; 2] {
        let reporter = HealthReporter::new();
        let service = tonic_health::server::HealthService::from_health_reporter(reporter.clone());
        let health = Health::new(reporter, Some("peers"), &[]).await;
        health.set(need, false).await;
        let mut said = [Said::Unknown; 2];
        for (said, name) in said.iter_mut().zip(["", "peers"]) {
            let request = HealthCheckRequest { service: name.to_owned() };
            let answer = service.check(tonic::Request::new(request)).await.expect("a status");
            *said = answer.into_inner().status();
        }
        said
    }

    #[tokio::test]
    async fn whatever_is_missing_nobody_is_served_and_peers_only_need_what_they_use() {
        for need in [Need::Admitted, Need::Clock, Need::Engine, Need::Running] {
            assert_eq!(said_without(need).await, [Said::NotServing, Said::NotServing], "{need:?}");
        }
        assert_eq!(said_without(Need::Whole).await, [Said::NotServing, Said::Serving]);
    }
}
