//! AuditService: what operators read of the node's books, beside the writer.

use super::Shared;
use super::statement::suspended;
use crate::domain::machine::{Filter, IncidentRow, TableRow};
use crate::domain::node::account::PROVINCE;
use crate::domain::node::tables::{AccountRow, LegRow, LegTotalRow, Row, Table};
use crate::domain::node::{Record, in_suspense, legs_in_doubt};
use crate::domain::value::MemberRef;
use crate::privacy::random::random_16;
use crate::proto::node::audit_service_server::AuditService;
use crate::proto::node::{
    InDoubtLeg, ListInDoubtRequest, ListInDoubtResponse, ListIncidentsRequest, ListIncidentsResponse,
    ListSuspenseRequest, ListSuspenseResponse, ReadBooksRequest, ReadBooksResponse,
};
use crate::server::common::Answer;
use crate::server::common::snapshot_stream::{Age, Section, Waiting, mark_at};
use crate::store::sqlite::Snapshot;
use crate::store::{AnyTables, StoreError};
use crate::wire::audit::{
    account_to_proto, incident_to_proto, leg_to_proto, leg_total_to_proto, suspense_to_proto,
};
use crate::wire::leg::side_to_proto;
use crate::wire::sender::sender_to_proto;
use crate::wire::time::timestamp;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// AuditService, over what the server shares.
pub(super) struct Audits(pub(super) Arc<Shared>);

/// What stands for members in one stream: no two streams can be put together, and nobody can be found by it.
#[derive(Clone, Copy)]
struct Alias([u8; 16]);

impl Alias {
    fn of(self, member_ref: MemberRef) -> Vec<u8> {
        if member_ref == PROVINCE {
            return Vec::new();
        }
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(member_ref.0);
        hash.finalize()[..16].to_vec()
    }
}

fn sections() -> Vec<Section<Record, ReadBooksResponse>> {
    let alias = Alias(random_16());
    let legs = move |rows: &[Row]| ReadBooksResponse {
        legs: rows.iter().filter_map(LegRow::of).map(|row| leg_to_proto(row, |it| alias.of(it))).collect(),
        ..ReadBooksResponse::default()
    };
    let accounts = move |rows: &[Row]| ReadBooksResponse {
        accounts: rows
            .iter()
            .filter_map(AccountRow::of)
            .map(|row| account_to_proto(row, |it| alias.of(it)))
            .collect(),
        ..ReadBooksResponse::default()
    };
    let incidents = |rows: &[Row]| ReadBooksResponse {
        incidents: rows.iter().filter_map(IncidentRow::of).map(incident_to_proto).collect(),
        ..ReadBooksResponse::default()
    };
    let totals = |rows: &[Row]| ReadBooksResponse {
        totals: rows.iter().filter_map(LegTotalRow::of).map(leg_total_to_proto).collect(),
        ..ReadBooksResponse::default()
    };
    vec![
        Section::Rows(Filter::all(Table::LegTotal), Box::new(totals)),
        Section::Rows(Filter::all(Table::Leg), Box::new(legs)),
        Section::Rows(Filter::all(Table::Account), Box::new(accounts)),
        Section::Rows(Filter::all(Table::Incident), Box::new(incidents)),
    ]
}

impl Shared {
    fn in_doubt(&self, row: &LegRow) -> InDoubtLeg {
        let times = self.asked.of(row.transfer_id, row.side);
        InDoubtLeg {
            transfer_id: row.transfer_id.to_string(),
            side: side_to_proto(row.side),
            amount: row.amount.to_string(),
            counter_region_code: row.counter_region.map_or_else(String::new, |region| region.to_string()),
            prepare_time: Some(timestamp(row.prepare_time)),
            ask_time: times.map(|times| timestamp(times.asked)),
            next_ask_time: times.map(|times| timestamp(times.next)),
        }
    }
}

#[tonic::async_trait]
impl AuditService for Audits {
    type ReadBooksStream = ReceiverStream<Result<ReadBooksResponse, Status>>;

    async fn read_books(&self, _: Request<ReadBooksRequest>) -> Answer<Self::ReadBooksStream> {
        let shared = &self.0;
        // The engine knows whether the store lacks what the hub is telling again; books without it are no books.
        shared.look(PROVINCE).await?;
        let (mark, now, province) = (shared.mark.now(), shared.clock.now().civil, shared.province);
        let begin = move |snapshot: &mut Snapshot<Record>| {
            Ok(ReadBooksResponse {
                sender: Some(sender_to_proto(&mark_at(snapshot, mark))),
                read_time: Some(timestamp(now)),
                province_code: province.to_string(),
                ..ReadBooksResponse::default()
            })
        };
        Ok(Response::new(shared.books.stream(begin, sections())?))
    }

    async fn list_in_doubt(&self, request: Request<ListInDoubtRequest>) -> Answer<ListInDoubtResponse> {
        let it = request.get_ref();
        let now = self.0.clock.now().civil;
        let age = Age { since: &["prepare_time"], older_than: it.older_than.as_ref(), now };
        let asked = Waiting::read_old(legs_in_doubt(), it.page_size, &it.page_token, age)?;
        let read = move |tables: &mut AnyTables<Record>| asked.page(tables);
        let (rows, next_page_token) = self.0.lists.run(read).await?;
        let legs = rows.iter().filter_map(LegRow::of).map(|row| self.0.in_doubt(row)).collect();
        Ok(Response::new(ListInDoubtResponse { legs, next_page_token, read_time: Some(timestamp(now)) }))
    }

    async fn list_incidents(&self, request: Request<ListIncidentsRequest>) -> Answer<ListIncidentsResponse> {
        let (it, now) = (request.get_ref(), self.0.clock.now().civil);
        let asked = Waiting::for_incidents(it.page_size, &it.page_token, it.older_than.as_ref(), now)?;
        let read = move |tables: &mut AnyTables<Record>| asked.incidents(tables);
        let (incidents, next_page_token) = self.0.lists.run(read).await?;
        Ok(Response::new(ListIncidentsResponse { incidents, next_page_token }))
    }

    async fn list_suspense(&self, request: Request<ListSuspenseRequest>) -> Answer<ListSuspenseResponse> {
        let it = request.get_ref();
        let asked = Waiting::read(in_suspense(), it.page_size, &it.page_token)?;
        let read = move |tables: &mut AnyTables<Record>| {
            let (rows, next) = asked.page(tables)?;
            let rows = rows.iter().filter_map(AccountRow::of);
            let found = rows.map(|row| Ok(suspense_to_proto(row, &suspended(tables, row)?)));
            Ok((found.collect::<Result<Vec<_>, StoreError>>()?, next))
        };
        let (accounts, next_page_token) = self.0.lists.run(read).await?;
        Ok(Response::new(ListSuspenseResponse { accounts, next_page_token }))
    }
}
