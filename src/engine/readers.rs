//! Reading beside the writer: a read-only view on a thread that may block, for lists, streams and the vault.

use crate::store::{StoreError, Tables};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared read-only view. Cheap to clone; one reading at a time.
#[derive(Clone)]
pub struct Reader {
    tables: Arc<Mutex<Box<dyn Tables + Send>>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    /// A reader over this view.
    pub fn new(tables: Box<dyn Tables + Send>) -> Reader {
        Reader { tables: Arc::new(Mutex::new(tables)) }
    }

    /// Runs a reading on a thread that may block.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Tables) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let tables = Arc::clone(&self.tables);
        // A view holds no state between readings, so one that panicked left nothing behind.
        let run = move || read(tables.lock().unwrap_or_else(PoisonError::into_inner).as_mut());
        let done = tokio::task::spawn_blocking(run).await;
        done.unwrap_or_else(|error| Err(StoreError::Io(format!("a reading ended early: {error}"))))
    }
}
