//! Reading beside the writer: read-only views, each for one use (the protocol, lists, the vault), so that none of them
//! waits for another's readings.

use crate::domain::machine::Record;
use crate::store::{AnyTables, StoreError};
use std::sync::Arc;
use tokio::sync::Mutex;

/// A shared read-only view. Cheap to clone; one reading at a time, in the order in which they were asked for.
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

    /// Runs a reading on a thread that may block. Those that wait for their turn hold no thread.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyTables<R>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut tables = Arc::clone(&self.tables).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || read(tables.as_mut())).await;
        // A panic ends the process, so this one was not begun: the runtime stops.
        done.unwrap_or_else(|error| Err(StoreError::Io(format!("a reading ended early: {error}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::samples::Record;
    use crate::store::Store as _;
    use crate::store::memory::MemoryDisk;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// Long enough for a machine that does much else; only a test that fails waits so long.
    const BOUND: Duration = Duration::from_secs(20);

    /// A server has few threads that may block.
    #[test]
    fn readings_that_wait_for_their_turn_keep_no_other_view_from_reading() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let store = MemoryDisk::<Record>::new().open();
            let view = || Reader::new(store.reader().expect("a view"));
            let (lists, protocol) = (view(), view());
            let (release, gate) = channel::<()>();
            let first = lists.clone();
            let slow = async move { first.run(move |_| Ok(gate.recv().is_err())).await };
            let many = (0..64).map(|number| {
                let lists = lists.clone();
                tokio::spawn(async move { lists.run(move |_| Ok(number)).await })
            });
            let (slow, many) = (tokio::spawn(slow), many.collect::<Vec<_>>());
            tokio::task::yield_now().await;
            let asked = tokio::time::timeout(BOUND, protocol.run(|_| Ok("read"))).await;
            // Whatever came of it: threads that still wait would keep the test from ending.
            drop(release);
            assert_eq!(asked.expect("it waits for no list").expect("read"), "read");
            assert!(slow.await.expect("no panic").expect("read"));
            for (number, list) in many.into_iter().enumerate() {
                assert_eq!(list.await.expect("no panic").expect("read"), number);
            }
        });
    }
}
