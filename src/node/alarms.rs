//! Tells legs that have been in doubt for too long.

use super::Desk;
use crate::config::alarms::Alarms;
use crate::domain::overdue::Waiting;
use crate::domain::row::{LegRow, Row, TableRow};
use crate::domain::scan::Filter;
use crate::domain::transfer::Side;
use crate::net::watch::Watch;
use std::sync::Arc;

fn waits(row: &Row) -> Vec<Waiting<Side>> {
    let leg = LegRow::of(row);
    let waiting =
        leg.map(|leg| Waiting { group: leg.side, transfer_id: leg.transfer_id, since: leg.prepare_time });
    waiting.into_iter().collect()
}

/// Looks until it is dropped.
pub(super) async fn run(desk: Arc<Desk>, alarms: Alarms) {
    let Some(mut watch) = Watch::new(&alarms, Filter::LegsInDoubt, waits) else { return };
    loop {
        tokio::time::sleep(watch.every()).await;
        let (mut waiting, mut after) = (Vec::new(), None);
        loop {
            // A store that cannot be read is told by whoever works with it.
            let Ok((page, next)) = desk.lists.run(watch.page(after)).await else { return };
            waiting.extend(page);
            after = next;
            if after.is_none() {
                break;
            }
        }
        for late in watch.look(desk.clock.now().civil, waiting) {
            let (side, oldest, age_s) = (late.group.name(), late.oldest, late.age_ms / 1_000);
            tracing::warn!(side, count = late.count, %oldest, age_s, "ALARM: legs are in doubt");
        }
    }
}
