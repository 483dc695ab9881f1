//! Looks at what waits from time to time, and tells what has reached an age.

use crate::config::alarms::Alarms;
use crate::domain::audit::overdue::{Late, Overdue, Waiting};
use crate::domain::machine::{Filter, Row, Scan};
use crate::domain::value::Civil;
use crate::store::StoreError;
use std::time::Duration;

/// Rows read at once: other readings come in between.
const PAGE: usize = 1_000;

/// What a look goes through.
pub struct Watch<R: Row, G> {
    filter: Filter<R::Table>,
    waits: fn(&R) -> Vec<Waiting<G>>,
    overdue: Overdue,
    every: Duration,
}

impl<R: Row, G: Copy + Ord + Send + 'static> Watch<R, G> {
    /// Over the rows of a filter, of which `waits` says what waits; nothing when there are no alarms.
    pub fn new(
        alarms: &Alarms,
        filter: Filter<R::Table>,
        waits: fn(&R) -> Vec<Waiting<G>>,
    ) -> Option<Watch<R, G>> {
        let every = Duration::from_millis(alarms.look_every_ms()?);
        Some(Watch { filter, waits, overdue: Overdue::new(alarms.waiting_ages_ms()), every })
    }

    /// Looks until it is dropped: `read` reads rows beside the writer, `tell` is given what has reached an age. A look
    /// that fails is told, and made up for by the next one.
    pub async fn run<F: Future<Output = Result<Vec<R>, StoreError>>>(
        mut self,
        now: impl Fn() -> Civil,
        read: impl Fn(Scan<R>) -> F,
        tell: impl Fn(Late<G>),
    ) {
        loop {
            tokio::time::sleep(self.every).await;
            match self.look(now(), &read).await {
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
    /// Of the store.
    async fn look<F: Future<Output = Result<Vec<R>, StoreError>>>(
        &mut self,
        now: Civil,
        read: impl Fn(Scan<R>) -> F,
    ) -> Result<Vec<Late<G>>, StoreError> {
        let (mut look, mut after) = (self.overdue.begin(now), None);
        loop {
            let rows = read(Scan { filter: self.filter.clone(), after, limit: PAGE }).await?;
            look.see(rows.iter().flat_map(self.waits));
            after = rows.last().filter(|_| rows.len() == PAGE).map(Row::key);
            if after.is_none() {
                return Ok(self.overdue.end(look));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hub::tables::{Row, Table};
    use crate::domain::machine::{Change, IncidentRow, TableRow};
    use crate::domain::reason::{Reason, RefusalRecord};
    use crate::domain::value::{Side, TransferId};
    use crate::store::memory::MemoryStore;
    use crate::store::{Commit, Journal, Tables};
    use std::cell::{Cell, RefCell};

    fn waits(row: &Row) -> Vec<Waiting<Side>> {
        let row = IncidentRow::of(row);
        let waiting = |row: &IncidentRow| Waiting {
            group: row.side,
            transfer_id: row.transfer_id,
            since: row.raise_time,
        };
        row.map(waiting).into_iter().collect()
    }

    #[test]
    fn a_look_goes_through_every_page_and_one_that_failed_is_made_up_for() {
        let row = |number: u16| -> Row {
            let mut id = TransferId::default();
            id.0[..2].copy_from_slice(&number.to_be_bytes());
            let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
            IncidentRow::open(id, Side::Payer, refusal, Civil(0)).into()
        };
        let mut store = MemoryStore::<crate::domain::hub::Record>::new();
        store
            .append(&Commit { rows: (0..2_500).map(row).map(Change::unknown).collect(), ..Commit::default() })
            .expect("stored");
        let (store, scans, failing) = (RefCell::new(store), Cell::new(0), Cell::new(true));
        let read = async |scan: Scan<Row>| {
            scans.set(scans.get() + 1);
            if scan.after.is_some() && failing.take() {
                return Err(StoreError::Io("no such luck".to_owned()));
            }
            store.borrow_mut().scan(&scan)
        };
        let alarms = Alarms { waiting_ages_s: vec![1] };
        let filter = Filter::all(Table::Incident);
        let mut watch = Watch::new(&alarms, filter.clone(), waits).expect("alarms");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut look = |now| runtime.block_on(watch.look(Civil(now), read));
        let told =
            |late: Vec<Late<Side>>| late.iter().map(|late| (late.count, late.age_ms)).collect::<Vec<_>>();
        assert!(look(1_000).expect_err("an error").to_string().contains("no such luck"));
        assert_eq!(scans.take(), 2, "it was given up at the second page");
        assert_eq!(told(look(1_001).expect("read")), [(2_500, 1_000)]);
        assert_eq!(scans.get(), 3);
        assert_eq!(told(look(1_002).expect("read")), []);
        assert!(Watch::new(&Alarms { waiting_ages_s: vec![] }, filter, waits).is_none());
    }
}
