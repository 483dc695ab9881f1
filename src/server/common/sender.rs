//! What this server says of itself in every message between hub and node.

use crate::domain::protocol::PeerMark;
use crate::domain::value::{Civil, ProvinceCode, StartId};
use crate::engine::SystemClock;
use crate::proto::types;
use crate::store::Head;
use crate::wire::sender::{clock_of, sender_to_proto};
use crate::wire::time::timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// This start's identity and how far its journal has come, durably.
#[derive(Clone, Debug)]
pub struct Mark {
    incarnation: Arc<AtomicU64>,
    start_id: StartId,
    heads: watch::Receiver<Head>,
    clock: Arc<SystemClock>,
}

impl Mark {
    /// The mark of a server whose journal `heads` follows.
    pub fn new(
        incarnation: u64,
        start_id: StartId,
        heads: watch::Receiver<Head>,
        clock: Arc<SystemClock>,
    ) -> Mark {
        Mark { incarnation: Arc::new(AtomicU64::new(incarnation)), start_id, heads, clock }
    }

    /// What a message says of this server: its mark, and what its clock has.
    pub fn sender(&self) -> types::Sender {
        let clock_time = self.clock.told_to_peers().map(timestamp);
        types::Sender { clock_time, ..sender_to_proto(&self.now()) }
    }

    /// Takes what a peer's message says of its clock.
    pub fn hear_clock(&self, peer: ProvinceCode, sender: Option<&types::Sender>) {
        if let Some(civil) = clock_of(sender) {
            self.clock.hear(peer, civil);
        }
    }

    /// What this server's civil clock has.
    pub fn time(&self) -> Civil {
        self.clock.now().civil
    }

    /// Takes the incarnation that the hub gave.
    pub fn set_incarnation(&self, incarnation: u64) {
        self.incarnation.store(incarnation, Ordering::Relaxed);
    }

    /// The mark at this moment.
    pub fn now(&self) -> PeerMark {
        let head = *self.heads.borrow();
        PeerMark {
            incarnation: self.incarnation.load(Ordering::Relaxed),
            start_id: self.start_id,
            sequence: head.sequence,
            head_hash: head.hash,
        }
    }
}
