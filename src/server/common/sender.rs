//! What this server says of itself in every message between hub and node.

use crate::domain::protocol::PeerMark;
use crate::domain::value::StartId;
use crate::store::Head;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// This start's identity and how far its journal has come, durably.
#[derive(Clone, Debug)]
pub struct Mark {
    incarnation: Arc<AtomicU64>,
    start_id: StartId,
    heads: watch::Receiver<Head>,
}

impl Mark {
    /// The mark of a server whose journal `heads` follows.
    pub fn new(incarnation: u64, start_id: StartId, heads: watch::Receiver<Head>) -> Mark {
        Mark { incarnation: Arc::new(AtomicU64::new(incarnation)), start_id, heads }
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
