//! What this server says of itself in every message between hub and node.

use crate::domain::machine::Record;
use crate::domain::protocol::PeerMark;
use crate::domain::value::{Civil, Digest, ProvinceCode, StartId};
use crate::engine::{Reader, SystemClock};
use crate::proto::types;
use crate::store::{Head, StoreError, hash_at};
use crate::wire::sender::{clock_of, sender_to_proto, with_lineage};
use crate::wire::time::timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// This start's identity and how far its journal has come, durably.
#[derive(Clone, Debug)]
pub struct Mark {
    incarnation: Arc<AtomicU64>,
    start_id: StartId,
    heads: watch::Receiver<Head>,
    clock: Arc<SystemClock>,
    /// Chain hash of the journal's first record, once that was read.
    lineage: Arc<OnceLock<Digest>>,
}

impl Mark {
    /// The mark of a server whose journal `heads` follows.
    pub fn new(
        incarnation: u64,
        start_id: StartId,
        heads: watch::Receiver<Head>,
        clock: Arc<SystemClock>,
    ) -> Mark {
        Mark {
            incarnation: Arc::new(AtomicU64::new(incarnation)),
            start_id,
            heads,
            clock,
            lineage: Arc::default(),
        }
    }

    /// What a message says of this server: its mark, what its clock has, and which store it has.
    pub fn sender(&self) -> types::Sender {
        let clock_time = self.clock.told_to_peers().map(timestamp);
        let lineage = self.lineage.get().copied();
        with_lineage(types::Sender { clock_time, ..sender_to_proto(&self.now()) }, lineage)
    }

    /// Whether it was read which store this server has, so that its messages tell it.
    pub fn has_lineage(&self) -> bool {
        self.lineage.get().is_some()
    }

    /// Which store this server has; none while its journal is empty. It is read once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lineage<R: Record>(&self, reader: &Reader<R>) -> Result<Option<Digest>, StoreError> {
        if let Some(lineage) = self.lineage.get() {
            return Ok(Some(*lineage));
        }
        let found = reader.run(|tables| hash_at(tables, 1)).await?;
        Ok(found.map(|lineage| *self.lineage.get_or_init(|| lineage)))
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
