//! Lists and reports beside the writer and beside what the protocol reads: one at a time, and a short queue.

use crate::domain::machine::Record;
use crate::domain::reason::Reason;
use crate::engine::Reader;
use crate::store::{AnyTables, StoreError};
use crate::wire::status::{Problem, problem_of_store};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

/// Most that wait for their turn.
const QUEUE_MAX: usize = 128;
/// A reading is followed by a rest of so many times its length: payments have the processor meanwhile.
const REST: u32 = 9;
/// The longest rest.
const REST_MAX: Duration = Duration::from_millis(250);

/// Turns at a view of their own. Cheap to clone.
#[derive(Debug)]
pub struct Lists<R> {
    reader: Reader<R>,
    /// One for each that reads or waits.
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl<R> Clone for Lists<R> {
    fn clone(&self) -> Lists<R> {
        let (places, turn) = (Arc::clone(&self.places), Arc::clone(&self.turn));
        Lists { reader: self.reader.clone(), places, turn }
    }
}

impl<R: Record> Lists<R> {
    /// Turns at this view, which nothing else uses.
    pub fn new(reader: Reader<R>) -> Lists<R> {
        let (places, turn) = (Arc::new(Semaphore::new(QUEUE_MAX + 1)), Arc::new(Semaphore::new(1)));
        Lists { reader, places, turn }
    }

    /// Waits for a turn and reads.
    ///
    /// # Errors
    /// `OVERLOADED` when too many wait already; those of the store.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyTables<R>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let overloaded = || Problem::new(Reason::Overloaded);
        let _place = self.places.try_acquire().map_err(|_| overloaded())?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| overloaded())?;
        let (answer, answered) = oneshot::channel();
        let reader = self.reader.clone();
        // A caller who goes away leaves his reading behind, and no turn is given before it has ended and rested.
        tokio::spawn(async move {
            let begin = Instant::now();
            let _gone = answer.send(reader.run(read).await);
            sleep((begin.elapsed() * REST).min(REST_MAX)).await;
            drop(turn);
        });
        answered.await.map_err(|_| overloaded())?.map_err(problem_of_store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::node::Record;
    use crate::store::Store;
    use crate::store::memory::MemoryStore;
    use std::sync::mpsc::channel;

    #[tokio::test]
    async fn one_reads_a_few_wait_and_the_others_are_told_to_come_again() {
        let lists = Lists::<Record>::new(Reader::new(MemoryStore::new().reader().expect("a view")));
        let (finish, finished) = channel();
        let first = lists.clone();
        let first = tokio::spawn(async move { first.run(move |_| Ok(finished.recv().is_ok())).await });
        let others: Vec<_> = (0..QUEUE_MAX)
            .map(|number| {
                let lists = lists.clone();
                tokio::spawn(async move { lists.run(move |_| Ok(number)).await })
            })
            .collect();
        while lists.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = lists.run(|_| Ok(())).await.expect_err("no place");
        assert_eq!(refused.reason, Reason::Overloaded);
        finish.send(()).expect("it waits");
        assert_eq!(first.await.expect("a task").ok(), Some(true));
        for (number, other) in others.into_iter().enumerate() {
            assert_eq!(other.await.expect("a task").ok(), Some(number));
        }
        assert!(lists.run(|_| Ok(())).await.is_ok());
    }
}
