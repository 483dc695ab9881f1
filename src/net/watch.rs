//! Looks at what waits from time to time, and tells what has reached an age.

use crate::config::alarms::Alarms;
use crate::domain::calendar::Civil;
use crate::domain::overdue::{Late, Overdue, Waiting};
use crate::domain::row::{Key, Row};
use crate::domain::scan::{Filter, Scan};
use crate::engine::{Clock, Reader};
use crate::store::{StoreError, Tables};
use std::sync::Arc;
use std::time::Duration;

/// Rows read at once: other readings come in between.
const PAGE: usize = 1_000;

/// What a look goes through.
pub struct Watch<G> {
    filter: Filter,
    waits: fn(&Row) -> Vec<Waiting<G>>,
    overdue: Overdue,
    every: Duration,
}

/// What waits, as far as it was read, and the key to go on after.
type Page<G> = (Vec<Waiting<G>>, Option<Key>);

impl<G: Copy + Ord + Send + 'static> Watch<G> {
    /// Over the rows of a filter, of which `waits` says what waits; nothing when there are no alarms.
    pub fn new(alarms: &Alarms, filter: Filter, waits: fn(&Row) -> Vec<Waiting<G>>) -> Option<Watch<G>> {
        let every = Duration::from_millis(alarms.look_every_ms()?);
        Some(Watch { filter, waits, overdue: Overdue::new(alarms.waiting_ages_ms()), every })
    }

    /// Looks until it is dropped, and tells what has reached an age. A look that fails is told and made up for by the
    /// next one.
    pub async fn run(mut self, reader: Reader, clock: Arc<dyn Clock>, tell: impl Fn(Late<G>)) {
        loop {
            tokio::time::sleep(self.every).await;
            match self.look(&reader, clock.now().civil).await {
                Ok(late) => late.into_iter().for_each(&tell),
                Err(error) => {
                    tracing::error!(%error, "ALARM: what waits cannot be looked at; it is tried again");
                }
            }
        }
    }

    /// What has reached an age since the last look that came to its end. Holds one page at a time.
    ///
    /// # Errors
    /// Of the store; a reading that panicked is one.
    async fn look(&mut self, reader: &Reader, now: Civil) -> Result<Vec<Late<G>>, StoreError> {
        let (mut look, mut after) = (self.overdue.begin(now), None);
        loop {
            let (waiting, next) = reader.run(self.page(after)).await?;
            look.see(waiting);
            after = next;
            if after.is_none() {
                return Ok(self.overdue.end(look));
            }
        }
    }

    /// A page of what waits, for a reading beside the writer.
    fn page(
        &self,
        after: Option<Key>,
    ) -> impl FnOnce(&mut dyn Tables) -> Result<Page<G>, StoreError> + Send + 'static {
        let (filter, waits) = (self.filter, self.waits);
        move |tables| {
            let rows = tables.scan(&Scan { filter, after, limit: PAGE })?;
            let next = rows.last().filter(|_| rows.len() == PAGE).map(Row::key);
            Ok((rows.iter().flat_map(waits).collect(), next))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::TransferId;
    use crate::domain::reason::{Reason, RefusalRecord};
    use crate::domain::row::{IncidentRow, Table, TableRow};
    use crate::domain::transfer::Side;
    use crate::store::memory::MemoryStore;
    use crate::store::{Commit, Journal, JournalEntry};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn waits(row: &Row) -> Vec<Waiting<Side>> {
        let row = IncidentRow::of(row);
        let waiting = |row: &IncidentRow| Waiting {
            group: row.side,
            transfer_id: row.transfer_id,
            since: row.raise_time,
        };
        row.map(waiting).into_iter().collect()
    }

    /// 2,500 incidents; reading the page after this many rows fails so often, at first by an error and then by a panic.
    struct Flaky {
        store: MemoryStore,
        failing: usize,
        scans: Arc<AtomicUsize>,
    }

    impl Tables for Flaky {
        fn load(&mut self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
            self.store.load(keys)
        }

        fn scan(&mut self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
            self.scans.fetch_add(1, Ordering::Relaxed);
            if scan.after.is_some() && self.failing > 0 {
                self.failing -= 1;
                assert!(self.failing > 0, "a reading that panics");
                return Err(StoreError::Io("no such luck".to_owned()));
            }
            self.store.scan(scan)
        }

        fn journal(&mut self, after: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
            self.store.journal(after, limit)
        }
    }

    #[test]
    fn a_look_goes_through_every_page_and_one_that_failed_is_made_up_for() {
        let row = |number: u16| -> Row {
            let mut id = TransferId::default();
            id.0[..2].copy_from_slice(&number.to_be_bytes());
            let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
            IncidentRow { transfer_id: id, side: Side::Payer, refusal, raise_time: Civil(0) }.into()
        };
        let mut store = MemoryStore::new();
        store.append(&Commit { rows: (0..2_500).map(row).collect(), ..Commit::default() }).expect("stored");
        let scans = Arc::new(AtomicUsize::new(0));
        let reader = Reader::new(Box::new(Flaky { store, failing: 2, scans: Arc::clone(&scans) }));
        let alarms = Alarms { waiting_ages_s: vec![1] };
        let filter = Filter::All(Table::IncidentRow);
        let mut watch = Watch::new(&alarms, filter, waits).expect("alarms");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut look = |now| runtime.block_on(watch.look(&reader, Civil(now)));
        let told =
            |late: Vec<Late<Side>>| late.iter().map(|late| (late.count, late.age_ms)).collect::<Vec<_>>();
        assert!(look(1_000).expect_err("an error").to_string().contains("no such luck"));
        assert!(look(1_001).expect_err("a panic").to_string().contains("ended early"));
        assert_eq!(scans.swap(0, Ordering::Relaxed), 4, "both gave up at the second page");
        assert_eq!(told(look(1_002).expect("read")), [(2_500, 1_000)]);
        assert_eq!(scans.load(Ordering::Relaxed), 3);
        assert_eq!(told(look(1_003).expect("read")), []);
        assert!(Watch::new(&Alarms { waiting_ages_s: vec![] }, filter, waits).is_none());
    }
}
