//! Whether the hub's store is whole. One that was restored is not, until every node has told what it lost; and since
//! then its journal is another one than before.

use crate::domain::reason::Reason;
use crate::wire::status::Problem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Stands for "not yet".
const RECOVERING: u64 = u64::MAX;

/// Shared by the services. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recovery(Arc<AtomicU64>);

impl Recovery {
    /// `recovered`: the life in which the store last recovered, 0 when it never had to; nothing while it recovers.
    pub fn new(recovered: Option<u64>) -> Recovery {
        Recovery(Arc::new(AtomicU64::new(recovered.unwrap_or(RECOVERING))))
    }

    /// The store is whole since this life.
    pub fn is_since(&self, incarnation: u64) {
        self.0.store(incarnation, Ordering::Relaxed);
    }

    /// The life since which the store is whole. What was read of an earlier one, such as a place in its journal, stands
    /// for nothing in this one.
    ///
    /// # Errors
    /// `RECOVERING`: what is read now would leave out what the store has lost.
    pub fn life(&self) -> Result<u64, Problem> {
        match self.0.load(Ordering::Relaxed) {
            RECOVERING => Err(Problem::new(Reason::Recovering)),
            life => Ok(life),
        }
    }
}
