//! Tells decisions that a province has not recorded for too long.

use super::Shared;
use super::audit::{waited_for, waits_since};
use crate::config::alarms::Alarms;
use crate::domain::audit::overdue::{Late, Waiting};
use crate::domain::hub::tables::{BreakRow, Row, Table, TransferRow};
use crate::domain::hub::unfinished_transfers;
use crate::domain::machine::{Filter, Scan, TableRow, Term};
use crate::domain::value::ProvinceCode;
use crate::server::common::overdue_alarms::Watch;
use std::sync::Arc;

/// The provinces that a decided transfer waits for. What is undecided ends by its own deadline.
fn waits(row: &Row) -> Vec<Waiting<ProvinceCode>> {
    let Some(row) = TransferRow::of(row).filter(|row| row.state.is_decided()) else {
        return Vec::new();
    };
    let (transfer_id, since) = (row.transfer_id, waits_since(row));
    waited_for(row).map(|(_, group)| Waiting { group, transfer_id, since }).collect()
}

/// The province that a break which is open waits for.
fn waits_open(row: &Row) -> Vec<Waiting<ProvinceCode>> {
    let open = BreakRow::of(row).filter(|row| row.close_time.is_none());
    let waiting =
        open.map(|row| Waiting { group: row.province, transfer_id: row.transfer_id, since: row.find_time });
    waiting.into_iter().collect()
}

/// Looks for breaks that nobody closes, until it is dropped.
pub(super) async fn run_breaks((shared, alarms): (Arc<Shared>, Alarms)) {
    let open = Filter::all(Table::Break).and(Term::EitherMissing("close_time", "close_time"));
    let Some(watch) = Watch::new(&alarms, open, waits_open) else { return };
    let tell = |late: Late<ProvinceCode>| {
        let (province, oldest, age_s) = (late.group, late.oldest, late.age_ms / 1_000);
        tracing::warn!(%province, count = late.count, %oldest, age_s, "ALARM: breaks are open");
    };
    let read = |scan: Scan<Row>| {
        let reader = shared.reader.clone();
        async move { reader.run(move |tables| tables.scan(&scan)).await }
    };
    watch.run(|| shared.clock.now().civil, read, tell).await;
}

/// Looks until it is dropped.
pub(super) async fn run((shared, alarms): (Arc<Shared>, Alarms)) {
    let Some(watch) = Watch::new(&alarms, unfinished_transfers(), waits) else { return };
    let tell = |late: Late<ProvinceCode>| {
        let (province, oldest, age_s) = (late.group, late.oldest, late.age_ms / 1_000);
        tracing::warn!(
            %province,
            count = late.count,
            %oldest,
            age_s,
            "ALARM: decisions wait for a province to record them"
        );
    };
    let read = |scan: Scan<Row>| {
        let reader = shared.reader.clone();
        async move { reader.run(move |tables| tables.scan(&scan)).await }
    };
    watch.run(|| shared.clock.now().civil, read, tell).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hub::{AuditTransfer, TransferState};
    use crate::wire::audit::transfer_from_proto;

    #[test]
    fn only_what_is_decided_waits_and_only_for_who_has_not_recorded_it() {
        let row = |state: TransferState, payer_recorded, payee_recorded| -> Row {
            let it = AuditTransfer {
                transfer_id: "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a".to_owned(),
                payer_province_code: "13".to_owned(),
                payee_province_code: "51".to_owned(),
                amount: "1.00".to_owned(),
                state: state.into(),
                terms_digest: vec![1; 32],
                payer_recorded,
                payee_recorded,
                ..AuditTransfer::default()
            };
            transfer_from_proto(&it).expect("a transfer").into()
        };
        let groups = |row: &Row| waits(row).iter().map(|it| it.group.number()).collect::<Vec<_>>();
        assert!(groups(&row(TransferState::Pending, false, false)).is_empty());
        assert!(groups(&row(TransferState::AwaitingAcceptance, false, false)).is_empty());
        assert_eq!(groups(&row(TransferState::Committed, false, false)), [13, 51]);
        assert_eq!(groups(&row(TransferState::Aborted, true, false)), [51]);
        assert!(groups(&row(TransferState::Committed, true, true)).is_empty());
    }
}
