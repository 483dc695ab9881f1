//! Tells legs that have been in doubt for too long.

use super::Shared;
use crate::config::alarms::Alarms;
use crate::domain::audit::overdue::{Late, Waiting};
use crate::domain::machine::{Scan, TableRow};
use crate::domain::node::legs_in_doubt;
use crate::domain::node::tables::{LegRow, Row};
use crate::domain::value::Side;
use crate::server::common::overdue_alarms::Watch;
use std::sync::Arc;

fn waits(row: &Row) -> Vec<Waiting<Side>> {
    let leg = LegRow::of(row);
    let waiting =
        leg.map(|leg| Waiting { group: leg.side, transfer_id: leg.transfer_id, since: leg.prepare_time });
    waiting.into_iter().collect()
}

/// Looks until it is dropped.
pub(super) async fn run(shared: Arc<Shared>, alarms: Alarms) {
    let Some(watch) = Watch::new(&alarms, legs_in_doubt(), waits) else { return };
    let tell = |late: Late<Side>| {
        let (side, oldest, age_s) = (late.group.name(), late.oldest, late.age_ms / 1_000);
        tracing::warn!(side, count = late.count, %oldest, age_s, "ALARM: legs are in doubt");
    };
    let read = |scan: Scan<Row>| {
        let reader = shared.protocol.clone();
        async move { reader.run(move |tables| tables.scan(&scan)).await }
    };
    watch.run(|| shared.clock.now().civil, read, tell).await;
}
