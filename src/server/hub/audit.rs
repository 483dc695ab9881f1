//! AuditService: what operators read of the hub's books, beside the writer.

use super::Shared;
use super::link::Link;
use crate::domain::hub::tables::{Key, PositionRow, Row, Table, TombstoneRow, TransferRow, WindowRow};
use crate::domain::hub::{Record, unfinished_transfers};
use crate::domain::machine::{Filter, IncidentRow, Row as _, Scan, SelfRow, TableRow};
use crate::domain::protocol::PeerMark;
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, ProvinceCode, Side};
use crate::proto::hub::audit_service_server::AuditService;
use crate::proto::hub::{
    InFlightTransfer, ListInFlightRequest, ListInFlightResponse, ListIncidentsRequest, ListIncidentsResponse,
    ListNodesRequest, ListNodesResponse, ReadBooksRequest, ReadBooksResponse, ReadTransfersRequest,
    ReadTransfersResponse, WaitReason, Waiting as WaitingSide,
};
use crate::server::common::Answer;
use crate::server::common::snapshot_stream::{Age, Section, Waiting, mark_at};
use crate::store::sqlite::Snapshot;
use crate::store::{AnyTables, StoreError};
use crate::wire::audit::{incident_to_proto, position_to_proto, transfer_to_proto, window_to_proto};
use crate::wire::reader::{Path, Violations, check_batch, transfer_id};
use crate::wire::sender::sender_to_proto;
use crate::wire::status::refusal_side_to_proto;
use crate::wire::time::timestamp;
use crate::wire::transfer::state_to_proto;
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// AuditService, over what the server shares.
pub(super) struct Audits(pub(super) Arc<Shared>);

/// A part made of rows of one kind.
fn part<R: TableRow<Row>>(
    table: Table,
    fill: impl Fn(&mut ReadBooksResponse, Vec<&R>) + Send + 'static,
) -> Section<Record, ReadBooksResponse> {
    let make = move |rows: &[Row]| {
        let mut part = ReadBooksResponse::default();
        fill(&mut part, rows.iter().filter_map(R::of).collect());
        part
    };
    Section::Rows(Filter::all(table), Box::new(make))
}

fn sections() -> Vec<Section<Record, ReadBooksResponse>> {
    let decided = |record: &Record| match record {
        Record::TransferDecided(record) => Some(record.transfer_id.to_string()),
        _ => None,
    };
    vec![
        part(Table::Transfer, |part, rows: Vec<&TransferRow>| {
            part.transfers = rows.into_iter().map(transfer_to_proto).collect();
        }),
        part(Table::Position, |part, rows: Vec<&PositionRow>| {
            part.positions = rows.into_iter().map(position_to_proto).collect();
        }),
        part(Table::Window, |part, rows: Vec<&WindowRow>| {
            part.closed_windows = rows.into_iter().map(window_to_proto).collect();
        }),
        part(Table::Tombstone, |part, rows: Vec<&TombstoneRow>| {
            part.buried_transfer_ids = rows.into_iter().map(|row| row.transfer_id.to_string()).collect();
        }),
        part(Table::Incident, |part, rows: Vec<&IncidentRow>| {
            part.incidents = rows.into_iter().map(incident_to_proto).collect();
        }),
        Section::Journal(Box::new(move |entries| ReadBooksResponse {
            decided_transfer_ids: entries.iter().filter_map(|entry| decided(&entry.record)).collect(),
            ..ReadBooksResponse::default()
        })),
    ]
}

/// What the hub says of itself at the moment of a snapshot.
fn head(
    snapshot: &mut Snapshot<Record>,
    mark: PeerMark,
    now: Civil,
) -> Result<ReadBooksResponse, StoreError> {
    let all = Scan { filter: Filter::all(Table::Own), after: None, limit: 1 };
    let own = snapshot.scan(&all)?;
    let own = own.iter().find_map(SelfRow::of);
    Ok(ReadBooksResponse {
        sender: Some(sender_to_proto(&mark_at(snapshot, mark))),
        read_time: Some(timestamp(now)),
        last_hub_seq: own.map_or(0, |own| own.hub_seq),
        skipped_hub_seqs: own.map_or(0, |own| own.skipped.count()),
        has_recovered: own.is_some_and(|own| own.recovered > 0),
        ..ReadBooksResponse::default()
    })
}

/// Since when a transfer waits.
pub(super) fn waits_since(row: &TransferRow) -> Civil {
    row.decide_time.unwrap_or(row.receipt_time)
}

/// The sides that a transfer waits for.
pub(super) fn waited_for(row: &TransferRow) -> impl Iterator<Item = (Side, ProvinceCode)> {
    let payer = row.payer_recorded_seq.is_none().then_some((Side::Payer, row.payer_province));
    let payee = row.payee_recorded_seq.is_none().then_some((Side::Payee, row.payee_province));
    payer.into_iter().chain(payee)
}

impl Shared {
    fn wait_reason(
        &self,
        row: &TransferRow,
        side: Side,
        province: ProvinceCode,
        parked: &[Key],
    ) -> WaitReason {
        let rejected = parked.contains(&Key::Incident(row.transfer_id, side));
        match self.links.get(&province) {
            _ if rejected => WaitReason::Rejected,
            None => WaitReason::NoNode,
            Some(link) if !link.is_reached() => WaitReason::ProvinceDark,
            Some(_) if row.state.is_decided() => WaitReason::OnItsWay,
            Some(_) => WaitReason::Undecided,
        }
    }

    fn in_flight(&self, row: &TransferRow, parked: &[Key]) -> InFlightTransfer {
        let waiting = |(side, province): (Side, ProvinceCode)| WaitingSide {
            side: refusal_side_to_proto(side.into()).into(),
            province_code: province.to_string(),
            reason: self.wait_reason(row, side, province, parked).into(),
        };
        InFlightTransfer {
            transfer_id: row.transfer_id.to_string(),
            payer_province_code: row.payer_province.to_string(),
            payee_province_code: row.payee_province.to_string(),
            amount: row.amount.to_string(),
            state: state_to_proto(row.state).into(),
            hub_seq: row.hub_seq.unwrap_or(0),
            since_time: Some(timestamp(waits_since(row))),
            waiting: waited_for(row).map(waiting).collect(),
        }
    }
}

/// Whether an incident is a decision that its province did not take: what a recovery had to decide is on its way.
fn is_rejected(row: &Row) -> bool {
    IncidentRow::of(row).is_some_and(|row| row.refusal.reason != Reason::DecidedAtRecovery)
}

/// A page of transfers in flight, and which of their sides have an incident.
type InFlight = (Vec<Row>, Vec<Key>, String);

fn in_flight(tables: &mut AnyTables<Record>, asked: &Waiting<Row>) -> Result<InFlight, StoreError> {
    let (rows, token) = asked.page(tables)?;
    let sides = |row: &TransferRow| Side::BOTH.map(|side| Key::Incident(row.transfer_id, side));
    let keys: Vec<Key> = rows.iter().filter_map(TransferRow::of).flat_map(sides).collect();
    let parked = tables.load(&keys)?.into_iter().flatten().filter(is_rejected).map(|row| row.key()).collect();
    Ok((rows, parked, token))
}

#[tonic::async_trait]
impl AuditService for Audits {
    type ReadBooksStream = ReceiverStream<Result<ReadBooksResponse, Status>>;

    async fn read_books(&self, _: Request<ReadBooksRequest>) -> Answer<Self::ReadBooksStream> {
        self.0.recovery.life()?;
        let (mark, now) = (self.0.mark.now(), self.0.clock.now().civil);
        let nodes: Vec<String> = self.0.links.keys().map(ToString::to_string).collect();
        let begin = move |snapshot: &mut Snapshot<Record>| {
            Ok(ReadBooksResponse { node_province_codes: nodes, ..head(snapshot, mark, now)? })
        };
        let stream = self.0.books.stream(begin, sections())?;
        Ok(Response::new(stream))
    }

    async fn read_transfers(&self, request: Request<ReadTransfersRequest>) -> Answer<ReadTransfersResponse> {
        let asked = &request.get_ref().transfer_ids;
        check_batch("transfer_ids", asked.len())?;
        let (root, mut found) = (Path::Root, Violations::default());
        let ids = asked.iter().enumerate();
        let keys: Vec<Key> = ids
            .filter_map(|(at, id)| transfer_id(&root.item("transfer_ids", at), id, &mut found))
            .map(Key::Transfer)
            .collect();
        let keys = found.finish(Some(keys))?;
        let rows = self.0.lists.run(move |tables| tables.load(&keys)).await?;
        let transfers = rows.iter().flatten().filter_map(TransferRow::of).map(transfer_to_proto).collect();
        Ok(Response::new(ReadTransfersResponse { transfers }))
    }

    async fn list_in_flight(&self, request: Request<ListInFlightRequest>) -> Answer<ListInFlightResponse> {
        let it = request.get_ref();
        let now = self.0.clock.now().civil;
        // As of `waits_since`.
        let age = Age { since: &["decide_time", "receipt_time"], older_than: it.older_than.as_ref(), now };
        let asked = Waiting::read_old(unfinished_transfers(), it.page_size, &it.page_token, age)?;
        let read = move |tables: &mut AnyTables<Record>| in_flight(tables, &asked);
        let (rows, parked, next_page_token) = self.0.lists.run(read).await?;
        let transfers = rows.iter().filter_map(TransferRow::of);
        let transfers = transfers.map(|row| self.0.in_flight(row, &parked)).collect();
        Ok(Response::new(ListInFlightResponse {
            transfers,
            next_page_token,
            read_time: Some(timestamp(now)),
        }))
    }

    async fn list_incidents(&self, request: Request<ListIncidentsRequest>) -> Answer<ListIncidentsResponse> {
        let (it, now) = (request.get_ref(), self.0.clock.now().civil);
        let asked = Waiting::for_incidents(it.page_size, &it.page_token, it.older_than.as_ref(), now)?;
        let read = move |tables: &mut AnyTables<Record>| asked.incidents(tables);
        let (incidents, next_page_token) = self.0.lists.run(read).await?;
        Ok(Response::new(ListIncidentsResponse { incidents, next_page_token }))
    }

    async fn list_nodes(&self, _: Request<ListNodesRequest>) -> Answer<ListNodesResponse> {
        let view =
            |(province, link): (&ProvinceCode, &Link)| link.status().view(*province, link.is_reached());
        Ok(Response::new(ListNodesResponse { nodes: self.0.links.iter().map(view).collect() }))
    }
}
