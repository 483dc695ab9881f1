//! Looks at what waits from time to time, and tells what has reached an age.

use crate::config::alarms::Alarms;
use crate::domain::calendar::Civil;
use crate::domain::overdue::{Late, Overdue, Waiting};
use crate::domain::row::{Key, Row};
use crate::domain::scan::{Filter, Scan};
use crate::store::{StoreError, Tables};
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

    /// How often to look.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// A page of what waits, for a reading beside the writer.
    pub fn page(
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

    /// What has reached an age since the last look.
    pub fn look(&mut self, now: Civil, waiting: Vec<Waiting<G>>) -> Vec<Late<G>> {
        self.overdue.look(now, waiting)
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
    use crate::store::{Commit, Journal};

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
    fn a_look_goes_through_every_page() {
        let row = |number: u16| -> Row {
            let mut id = TransferId::default();
            id.0[..2].copy_from_slice(&number.to_be_bytes());
            let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
            IncidentRow { transfer_id: id, side: Side::Payer, refusal, raise_time: Civil(0) }.into()
        };
        let mut store = MemoryStore::new();
        store.append(&Commit { rows: (0..2_500).map(row).collect(), ..Commit::default() }).expect("stored");
        let alarms = Alarms { waiting_ages_s: vec![1] };
        let filter = Filter::All(Table::IncidentRow);
        let mut watch = Watch::new(&alarms, filter, waits).expect("alarms");
        let (mut waiting, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let (page, next) = watch.page(after)(&mut store).expect("read");
            waiting.extend(page);
            (after, pages) = (next, pages + 1);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, 3);
        let late = watch.look(Civil(1_000), waiting);
        assert_eq!(late.iter().map(|late| (late.count, late.age_ms)).collect::<Vec<_>>(), [(2_500, 1_000)]);
        assert!(Watch::new(&Alarms { waiting_ages_s: vec![] }, filter, waits).is_none());
    }
}
