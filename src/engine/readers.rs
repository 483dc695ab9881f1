//! Reading beside the writer: a read-only view on a thread that may block, for lists, streams and the vault.

use crate::domain::machine::Record;
use crate::store::{AnyTables, StoreError};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared read-only view. Cheap to clone; one reading at a time.
pub struct Reader<R> {
    tables: Arc<Mutex<Box<AnyTables<R>>>>,
}

impl<R> Clone for Reader<R> {
    fn clone(&self) -> Reader<R> {
        Reader { tables: Arc::clone(&self.tables) }
    }
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl<R: Record> Reader<R> {
    /// A reader over this view.
    pub fn new(tables: Box<AnyTables<R>>) -> Reader<R> {
        Reader { tables: Arc::new(Mutex::new(tables)) }
    }

    /// Runs a reading on a thread that may block.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyTables<R>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let tables = Arc::clone(&self.tables);
        // A view holds no state between readings, so one that panicked left nothing behind.
        let run = move || read(tables.lock().unwrap_or_else(PoisonError::into_inner).as_mut());
        let done = tokio::task::spawn_blocking(run).await;
        done.unwrap_or_else(|error| Err(StoreError::Io(format!("a reading ended early: {error}"))))
    }
}
