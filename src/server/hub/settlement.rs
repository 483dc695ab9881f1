//! SettlementService: windows, and what provinces owe each other in them.

mod breaks;
mod compare;
mod node_rows;
mod payments;
mod periods;
mod reconcile;
pub(super) mod statement;
pub(super) mod task;

pub(super) use payments::{overdue_tables, prefunds};

use super::Shared;
use crate::domain::hub::breaks::is_reconciled;
use crate::domain::hub::tables::{
    BreakRow, ClearingRow, ComparisonRow, Key, Row, Table, TotalRow, TransferRow, WindowRow,
};
use crate::domain::hub::{Input, Record, unfinished_transfers};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, PeerRow, Scan, TableRow, Term};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Period, ProvinceCode, Window};
use crate::proto::hub::settlement_service_server::SettlementService;
use crate::proto::hub::{
    AdjustPrefundRequest, AdjustPrefundResponse, AssignBreakRequest, AssignBreakResponse, CloseBreakRequest,
    CloseBreakResponse, ClosePeriodRequest, ClosePeriodResponse, CloseWindowRequest, CloseWindowResponse,
    ConfirmReceiptRequest, ConfirmReceiptResponse, CoverObligationRequest, CoverObligationResponse,
    GetOpenWindowRequest, GetOpenWindowResponse, GetPositionsRequest, GetPositionsResponse,
    GetPrefundsRequest, GetPrefundsResponse, GetStatementRequest, ListBreaksRequest, ListBreaksResponse,
    ListObligationsRequest, ListObligationsResponse, ListPeriodsRequest, ListPeriodsResponse,
    ListTablesRequest, ListTablesResponse, ListWindowsRequest, ListWindowsResponse, NodeCapability,
    ObjectToItemRequest, ObjectToItemResponse, PublishPeriodRequest, PublishPeriodResponse,
    ReconcileWindowRequest, ReconcileWindowResponse, RecordPaymentRequest, RecordPaymentResponse,
    SignPeriodRequest, SignPeriodResponse, VoidPaymentRequest, VoidPaymentResponse, WindowState,
};
use crate::server::common::Answer;
use crate::store::{AnyTables, StoreError};
use crate::transport::access_layer::{caller, standing};
use crate::wire::page::{number_token, page_size, read_number_token};
use crate::wire::settlement::breaks::comparison_to_proto;
use crate::wire::settlement::period::only_period;
use crate::wire::settlement::{closed_to_proto, open_to_proto, positions_to_proto, window_of_request};
use crate::wire::status::Problem;
use reconcile::AtHub;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinSet;
use tonic::{Request, Response};

/// SettlementService, over what the server shares.
pub(super) struct Settlement(pub(super) Arc<Shared>);

fn open_window(tables: &mut AnyTables<Record>) -> Result<Option<Window>, StoreError> {
    let rows = tables.load(&[Key::CLEARING])?;
    Ok(rows.iter().flatten().find_map(|row| ClearingRow::of(row).map(|row| row.open)))
}

/// A page of windows in their order, the open one last, with how provinces stand in each; `own`: of this one alone.
/// Says whether there are more.
fn windows(
    (after, limit): (usize, usize),
    own: Option<ProvinceCode>,
    tables: &mut AnyTables<Record>,
) -> Result<(Vec<crate::proto::hub::Window>, bool), StoreError> {
    let all = Scan { filter: Filter::all(Table::Window), after: None, limit: usize::MAX };
    let mut closed: Vec<WindowRow> = tables.scan(&all)?.iter().filter_map(WindowRow::of).cloned().collect();
    closed.sort_by_key(|row| row.window);
    let open = open_window(tables)?.map(open_to_proto);
    let end = after.saturating_add(limit);
    let mut page = Vec::new();
    for row in closed.iter().take(end).skip(after) {
        page.push(with_standings(row, own, tables)?);
    }
    let is_open_there = (after..end).contains(&closed.len());
    page.extend(open.filter(|_| is_open_there));
    Ok((page, end <= closed.len()))
}

/// A closed window, and how provinces stand in it.
fn with_standings(
    row: &WindowRow,
    own: Option<ProvinceCode>,
    tables: &mut AnyTables<Record>,
) -> Result<crate::proto::hub::Window, StoreError> {
    let mut rows: Vec<Row> = Vec::new();
    for table in [Table::Total, Table::Comparison, Table::Break] {
        let filter = Filter::all(table).and(Term::Is("window", value(&row.window)));
        rows.extend(tables.scan(&Scan { filter, after: None, limit: usize::MAX })?);
    }
    let breaks: Vec<&BreakRow> = rows.iter().filter_map(BreakRow::of).collect();
    let compared = rows.iter().filter_map(ComparisonRow::of);
    let compared = compared.filter(|row| own.is_none_or(|own| row.province == own));
    let standings = compared.map(|row| {
        let of_side: Vec<&BreakRow> =
            breaks.iter().copied().filter(|it| it.province == row.province).collect();
        comparison_to_proto(row, &of_side)
    });
    let (standings, reconciled) = (standings.collect(), is_reconciled(row.window, &rows));
    Ok(crate::proto::hub::Window { standings, reconciled, ..closed_to_proto(row) })
}

/// The closed windows of a month, in their order.
fn windows_in(period: Period, tables: &mut AnyTables<Record>) -> Result<Vec<Window>, StoreError> {
    let mut found = Vec::new();
    for day in period.days() {
        let mut next = Some(Window::from(day));
        while let Some(window) = next.take() {
            if tables.load(&[Key::Window(window)])?.iter().flatten().next().is_some() {
                found.push(window);
                next = window.next_cut();
            }
        }
    }
    Ok(found)
}

/// The totals of all windows of a month, the open one included. None: it never had one.
fn month_totals(month: Period, tables: &mut AnyTables<Record>) -> Result<Option<Vec<TotalRow>>, StoreError> {
    let open = open_window(tables)?.filter(|open| Period::from(*open) == month);
    let windows: Vec<Window> = windows_in(month, tables)?.into_iter().chain(open).collect();
    let mut found = Vec::new();
    for window in &windows {
        found.extend(periods::all::<TotalRow>(tables, Table::Total, &[Term::Is("window", value(window))])?);
    }
    Ok((!windows.is_empty()).then_some(found))
}

fn hub_refusal(reason: Reason) -> RefusalRecord {
    RefusalRecord::new(reason, RefusalSide::Hub)
}

/// A window as it stands, and its totals. None: it was never opened. One that a clock which was ahead has opened, and
/// that has commits, is open again when its day comes.
fn window_with_totals(
    window: Window,
    tables: &mut AnyTables<Record>,
) -> Result<Option<(crate::proto::hub::Window, Vec<TotalRow>)>, StoreError> {
    let rows = tables.load(&[Key::Window(window)])?;
    let closed = rows.iter().flatten().find_map(WindowRow::of).map(closed_to_proto);
    let filter = Filter::all(Table::Total).and(Term::Is("window", value(&window)));
    let rows: Vec<Row> = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
    let totals: Vec<TotalRow> = rows.iter().filter_map(TotalRow::of).cloned().collect();
    let is_open = open_window(tables)? == Some(window) || !totals.is_empty();
    let found = closed.or_else(|| is_open.then(|| open_to_proto(window)));
    Ok(found.map(|found| (found, totals)))
}

fn not_found(window: Window) -> Problem {
    RefusalRecord::new(Reason::WindowNotFound, RefusalSide::Hub).with("window", window).into()
}

impl Shared {
    /// A province whose node has not said that it reads the name of a further cut.
    pub(super) fn cuts_unread_by(&self) -> Option<ProvinceCode> {
        let reads = |link: &super::link::Link| link.status().can(NodeCapability::WindowCuts);
        self.links.iter().find(|(_, link)| !reads(link)).map(|(province, _)| *province)
    }
}

/// How many commits of a window each province has not recorded yet; one at least while it is told again what it lost.
fn pending(
    window: Window,
    tables: &mut AnyTables<Record>,
) -> Result<BTreeMap<ProvinceCode, u64>, StoreError> {
    let filter = unfinished_transfers().and(Term::Is("window", value(&window)));
    let rows = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
    let mut pending = BTreeMap::new();
    for row in rows.iter().filter_map(TransferRow::of) {
        for (side, _) in row.recorded().iter().filter(|(_, recorded)| recorded.is_none()) {
            *pending.entry(row.provinces()[side]).or_default() += 1;
        }
    }
    // A node that is told again what it had lost has not recorded it either, though it once had.
    let peers = tables.scan(&Scan { filter: Filter::all(Table::Peer), after: None, limit: usize::MAX })?;
    for peer in peers.iter().filter_map(PeerRow::of) {
        if peer.resync.is_some() || peer.left_out.is_some() {
            *pending.entry(peer.province).or_default() += 1;
        }
    }
    Ok(pending)
}

#[tonic::async_trait]
impl SettlementService for Settlement {
    type GetStatementStream = statement::Parts;

    async fn get_statement(&self, request: Request<GetStatementRequest>) -> Answer<statement::Parts> {
        let asking = (&caller(&request)?, standing(&request)?);
        statement::stream(&self.0, asking, request.get_ref()).await.map(Response::new)
    }

    async fn list_periods(&self, request: Request<ListPeriodsRequest>) -> Answer<ListPeriodsResponse> {
        self.list_periods(request).await
    }

    async fn close_period(&self, request: Request<ClosePeriodRequest>) -> Answer<ClosePeriodResponse> {
        self.close_period(request).await
    }

    async fn publish_period(&self, request: Request<PublishPeriodRequest>) -> Answer<PublishPeriodResponse> {
        self.publish_period(request).await
    }

    async fn list_tables(&self, request: Request<ListTablesRequest>) -> Answer<ListTablesResponse> {
        self.list_tables(request).await
    }

    async fn sign_period(&self, request: Request<SignPeriodRequest>) -> Answer<SignPeriodResponse> {
        self.sign_period(request).await
    }

    async fn object_to_item(&self, request: Request<ObjectToItemRequest>) -> Answer<ObjectToItemResponse> {
        self.object_to_item(request).await
    }

    async fn list_obligations(
        &self,
        request: Request<ListObligationsRequest>,
    ) -> Answer<ListObligationsResponse> {
        self.list_obligations(request).await
    }

    async fn record_payment(&self, request: Request<RecordPaymentRequest>) -> Answer<RecordPaymentResponse> {
        self.record_payment(request).await
    }

    async fn confirm_receipt(
        &self,
        request: Request<ConfirmReceiptRequest>,
    ) -> Answer<ConfirmReceiptResponse> {
        self.confirm_receipt(request).await
    }

    async fn void_payment(&self, request: Request<VoidPaymentRequest>) -> Answer<VoidPaymentResponse> {
        self.void_payment(request).await
    }

    async fn cover_obligation(
        &self,
        request: Request<CoverObligationRequest>,
    ) -> Answer<CoverObligationResponse> {
        self.cover_obligation(request).await
    }

    async fn get_prefunds(&self, request: Request<GetPrefundsRequest>) -> Answer<GetPrefundsResponse> {
        self.get_prefunds(request).await
    }

    async fn adjust_prefund(&self, request: Request<AdjustPrefundRequest>) -> Answer<AdjustPrefundResponse> {
        self.adjust_prefund(request).await
    }

    async fn get_open_window(&self, _: Request<GetOpenWindowRequest>) -> Answer<GetOpenWindowResponse> {
        self.0.recovery.life()?;
        let open = self.0.lists.run(open_window).await?;
        let open = open.ok_or_else(|| Problem::new(Reason::Internal))?;
        Ok(Response::new(GetOpenWindowResponse { window: Some(open_to_proto(open)) }))
    }

    async fn list_windows(&self, request: Request<ListWindowsRequest>) -> Answer<ListWindowsResponse> {
        self.0.recovery.life()?;
        let own = caller(&request)?.province();
        let request = request.get_ref();
        let (limit, scope) = (page_size(request.page_size)?, b"windows");
        let after = read_number_token("page_token", scope, &request.page_token)?.unwrap_or(0);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let (windows, more) = self.0.lists.run(move |tables| windows((after, limit), own, tables)).await?;
        let end = after.saturating_add(windows.len());
        let next_page_token = if more { number_token(scope, end as u64) } else { String::new() };
        Ok(Response::new(ListWindowsResponse { windows, next_page_token }))
    }

    async fn close_window(&self, request: Request<CloseWindowRequest>) -> Answer<CloseWindowResponse> {
        let role = caller(&request)?;
        let window = window_of_request(&request.get_ref().window_id)?;
        let (operator, unread_by) = (role.to_string(), self.0.cuts_unread_by());
        let close = |ticket| Input::CloseWindow { ticket, window, operator, unread_by };
        let closed = self.0.engine.ask(close).await?;
        tracing::warn!(%window, operator = %closed.closer, "a window is closed");
        Ok(Response::new(CloseWindowResponse { window: Some(closed_to_proto(&closed)) }))
    }

    async fn get_positions(&self, request: Request<GetPositionsRequest>) -> Answer<GetPositionsResponse> {
        self.0.recovery.life()?;
        let own = caller(&request)?.province();
        let request = request.get_ref();
        let (window, totals) = match (request.window_id.as_str(), request.period_id.as_str()) {
            ("", month) if !month.is_empty() => {
                let month = only_period(month)?;
                let totals = self.0.lists.run(move |tables| month_totals(month, tables)).await?;
                let never = || Problem::from(hub_refusal(Reason::PeriodNotFound).with("period", month));
                (None, totals.ok_or_else(never)?)
            }
            (window, _) => {
                let window = window_of_request(window)?;
                let read = move |tables: &mut AnyTables<Record>| window_with_totals(window, tables);
                let (found, totals) = self.0.lists.run(read).await?.ok_or_else(|| not_found(window))?;
                (Some(found), totals)
            }
        };
        let (positions, pairs) = positions_to_proto(&totals, own);
        Ok(Response::new(GetPositionsResponse { window, positions, pairs }))
    }

    async fn reconcile_window(
        &self,
        request: Request<ReconcileWindowRequest>,
    ) -> Answer<ReconcileWindowResponse> {
        self.0.recovery.life()?;
        let own = caller(&request)?.province();
        let window = window_of_request(&request.get_ref().window_id)?;
        let read = move |tables: &mut AnyTables<Record>| {
            Ok((window_with_totals(window, tables)?, AtHub::read(window, tables)?))
        };
        let (found, at_hub) = self.0.lists.run(read).await?;
        let (found, _) = found.ok_or_else(|| not_found(window))?;
        if found.state() == WindowState::Open {
            let open = RefusalRecord::new(Reason::WindowOpen, RefusalSide::Hub).with("window", window);
            return Err(Problem::from(open).into());
        }
        let mut asked = JoinSet::new();
        // A province with commits whose node is configured no more is not passed over.
        let provinces: BTreeSet<ProvinceCode> =
            self.0.links.keys().copied().chain(at_hub.provinces()).chain(own).collect();
        let at_hub = Arc::new(at_hub);
        for province in provinces.into_iter().filter(|it| own.is_none_or(|own| own == *it)) {
            let (shared, at_hub) = (Arc::clone(&self.0), Arc::clone(&at_hub));
            asked.spawn(async move { shared.reconcile((province, window), &at_hub).await });
        }
        let mut provinces = asked.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
        provinces.sort_by(|one, other| one.province_code.cmp(&other.province_code));
        Ok(Response::new(ReconcileWindowResponse { window: Some(found), provinces }))
    }

    async fn list_breaks(&self, request: Request<ListBreaksRequest>) -> Answer<ListBreaksResponse> {
        self.0.list_breaks(request).await
    }

    async fn assign_break(&self, request: Request<AssignBreakRequest>) -> Answer<AssignBreakResponse> {
        self.0.assign_break(request).await
    }

    async fn close_break(&self, request: Request<CloseBreakRequest>) -> Answer<CloseBreakResponse> {
        self.0.close_break(request).await
    }
}
