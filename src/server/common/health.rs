//! What a server says of its health: it serves when everything that it needs for that is so.

use crate::engine::Doubt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
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
}

/// A server's health under the name of each of its services, and under "" as a whole. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
    /// The service that peers look at, and what it may do without.
    peers: Option<&'static str>,
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
        health.tell().await;
        health
    }

    /// Notes that something is so, or is not.
    pub async fn set(&self, need: Need, met: bool) {
        {
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            *missing = if met { *missing & !(need as u8) } else { *missing | need as u8 };
        }
        self.tell().await;
    }

    /// Serves or not, by what is missing now.
    async fn tell(&self) {
        let missing = *self.missing.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// It stops: whoever watches is told so, and his stream ends.
    pub async fn stop(&self) {
        let mut reporter = self.reporter.clone();
        for service in std::iter::once("").chain(self.peers) {
            reporter.set_service_status(service, ServingStatus::NotServing).await;
            reporter.clear_service_status(service).await;
        }
    }
}
