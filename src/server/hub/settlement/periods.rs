//! Periods and their tables: closed and published by operators, signed and objected to by finance offices.

use super::{Answer, Settlement};
use crate::domain::hub::clearing::{Cleared, ClearingRequest, Command, Pair};
use crate::domain::hub::tables::{
    CarriedRow, Key, LineRow, ObligationRow, PairRow, PeriodRow, Row, Table, TotalRow,
};
use crate::domain::hub::{Input, Record};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Scan, TableRow, Term};
use crate::domain::protocol::Kind;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Period, ProvinceCode, TransferId};
use crate::engine::AskError;
use crate::proto::hub::{
    ClearingTable, ClosePeriodRequest, ClosePeriodResponse, ListPeriodsRequest, ListPeriodsResponse,
    ListTablesRequest, ListTablesResponse, ObjectToItemRequest, ObjectToItemResponse, PublishPeriodRequest,
    PublishPeriodResponse, SignPeriodRequest, SignPeriodResponse,
};
use crate::server::hub::Shared;
use crate::store::{AnyTables, StoreError};
use crate::transport::access_layer::caller;
use crate::transport::identity::Role;
use crate::wire::page::{number_token, page_size, read_number_token, read_token, token};
use crate::wire::reader::{Path, whole};
use crate::wire::settlement::period::{
    Progress, close_from_proto, held_up_to_proto, objection_from_proto, only_period, party, period_to_proto,
    signature_from_proto, table_to_proto,
};
use crate::wire::status::Problem;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status};

/// Tables that are published at once.
const AT_ONCE: usize = 64;

/// The province for which somebody acts: that of a finance person; an operator acts for the national centre (00).
///
/// # Errors
/// `ROLE_NOT_ALLOWED` for anybody else.
pub(super) fn acts_for(role: &Role) -> Result<ProvinceCode, Problem> {
    match role {
        Role::Finance(province, _) => Ok(*province),
        Role::Operator(_) => Ok(ProvinceCode::HUB),
        Role::Hub | Role::Node(_) | Role::App(_) | Role::Platform(_) => {
            Err(Problem::new(Reason::RoleNotAllowed))
        }
    }
}

impl Shared {
    /// Has the writer do what a person asks for in clearing.
    pub(super) async fn clear(
        &self,
        request_id: TransferId,
        role: &Role,
        command: Command,
    ) -> Result<Cleared, Status> {
        let (request_id, caller) = (Some(request_id), role.to_string());
        let request = Box::new(ClearingRequest { request_id, caller, command });
        Ok(self.engine.ask(|ticket| Input::Clear { ticket, request }).await?)
    }
}

/// Every row of a table for which these terms hold.
pub(super) fn all<T: TableRow<Row> + Clone>(
    tables: &mut AnyTables<Record>,
    table: Table,
    terms: &[Term],
) -> Result<Vec<T>, StoreError> {
    let filter = terms.iter().cloned().fold(Filter::all(table), Filter::and);
    let rows = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
    Ok(rows.iter().filter_map(T::of).cloned().collect())
}

pub(super) fn row<T: TableRow<Row> + Clone>(
    tables: &mut AnyTables<Record>,
    key: Key,
) -> Result<Option<T>, StoreError> {
    Ok(tables.load(&[key])?.iter().flatten().find_map(T::of).cloned())
}

/// How far a period has come, of all provinces or of one.
fn progress(
    row: &PeriodRow,
    own: Option<ProvinceCode>,
    tables: &mut AnyTables<Record>,
) -> Result<Progress, StoreError> {
    let of_period = [Term::Is("period", value(&row.period))];
    let is_own = |pair: Pair| own.is_none_or(|own| pair.has(own));
    let published: Vec<PairRow> = all(tables, Table::Pair, &of_period)?;
    let published = published.iter().filter(|it| is_own(it.pair()));
    let (mut pairs, mut is_final) = (BTreeSet::new(), 0);
    for table in published {
        pairs.insert(table.pair());
        is_final += usize::from(table.final_time.is_some());
    }
    let owed: Vec<ObligationRow> = all(tables, Table::Obligation, &of_period)?;
    let open = owed.iter().filter(|it| own.is_none_or(|own| it.debtor == own || it.creditor == own));
    let open = open.filter(|it| it.confirmed < it.amount).count();
    let published = pairs.len();
    pairs.extend(row.signed_pairs().into_iter().filter(|pair| is_own(*pair)));
    Ok(Progress { tables: pairs.len(), published, is_final, open })
}

/// A table with its lines; those of a province with the centre are its lines with all others.
fn with_lines(row: &PairRow, tables: &mut AnyTables<Record>) -> Result<ClearingTable, StoreError> {
    if row.pair().is_net() {
        let mut lines: Vec<LineRow> = all(tables, Table::Line, &[Term::Is("period", value(&row.period))])?;
        lines.retain(|line| {
            line.count > 0 && [line.payer_province, line.payee_province].contains(&row.second)
        });
        lines.sort_unstable_by_key(|line| (line.payer_province, line.payee_province, line.kind));
        return Ok(table_to_proto(row, &lines));
    }
    let directions = [(row.first, row.second), (row.second, row.first)];
    let of = |(payer, payee)| Kind::ALL.iter().map(move |kind| Key::Line(row.period, payer, payee, *kind));
    let keys: Vec<Key> = directions.into_iter().flat_map(of).collect();
    let lines = tables.load(&keys)?;
    let lines = lines.iter().flatten().filter_map(LineRow::of).filter(|line| line.count > 0);
    Ok(table_to_proto(row, &lines.cloned().collect::<Vec<_>>()))
}

/// The provinces that take part in a period: those of these nodes, and those that have something to clear in it.
fn taking_part(
    period: Period,
    nodes: BTreeSet<ProvinceCode>,
    tables: &mut AnyTables<Record>,
) -> Result<Vec<ProvinceCode>, StoreError> {
    let mut found = nodes;
    for pair in with_rows(period, tables)? {
        found.extend([pair.first, pair.second]);
    }
    Ok(found.into_iter().collect())
}

/// The pairs that have something to clear in a period.
fn with_rows(period: Period, tables: &mut AnyTables<Record>) -> Result<BTreeSet<Pair>, StoreError> {
    let mut pairs = BTreeSet::new();
    for line in all::<LineRow>(tables, Table::Line, &[Term::Is("period", value(&period))])? {
        pairs.extend(Pair::of(line.payer_province, line.payee_province).filter(|_| line.count > 0));
    }
    for window in super::windows_in(period, tables)? {
        for total in all::<TotalRow>(tables, Table::Total, &[Term::Is("window", value(&window))])? {
            pairs.extend(Pair::of(total.payer_province, total.payee_province));
        }
    }
    Ok(pairs)
}

/// The tables of a closed period that are to be published. None: it is not closed.
fn unpublished(period: Period, tables: &mut AnyTables<Record>) -> Result<Option<BTreeSet<Pair>>, StoreError> {
    let Some(row) = row::<PeriodRow>(tables, Key::Period(period))? else { return Ok(None) };
    let mut pairs = with_rows(period, tables)?;
    pairs.extend(row.pairs());
    pairs.extend(row.signed_pairs());
    for table in all::<PairRow>(tables, Table::Pair, &[Term::Is("period", value(&period))])? {
        pairs.remove(&table.pair());
    }
    Ok(Some(pairs))
}

impl Settlement {
    async fn period(
        &self,
        period: Period,
        own: Option<ProvinceCode>,
    ) -> Result<crate::proto::hub::Period, Status> {
        let read = move |tables: &mut AnyTables<Record>| {
            let Some(row) = row::<PeriodRow>(tables, Key::Period(period))? else { return Ok(None) };
            let progress = progress(&row, own, tables)?;
            Ok(Some((row, progress)))
        };
        let found = self.0.lists.run(read).await?;
        let not_closed = || Problem::from(super::hub_refusal(Reason::PeriodOpen).with("period", period));
        let (row, progress) = found.ok_or_else(not_closed)?;
        Ok(period_to_proto(&row, progress, &self.0.working_days))
    }

    async fn table(&self, period: Period, pair: Pair) -> Result<ClearingTable, Status> {
        let read = move |tables: &mut AnyTables<Record>| {
            let found = row::<PairRow>(tables, Key::Pair(period, pair.first, pair.second))?;
            found.map(|row| with_lines(&row, tables)).transpose()
        };
        Ok(self.0.lists.run(read).await?.unwrap_or_default())
    }

    pub(super) async fn list_periods(
        &self,
        request: Request<ListPeriodsRequest>,
    ) -> Answer<ListPeriodsResponse> {
        self.0.recovery.life()?;
        let own = caller(&request)?.province();
        let request = request.get_ref();
        let (limit, scope) = (page_size(request.page_size)?, b"periods");
        let before = read_number_token("page_token", scope, &request.page_token)?.unwrap_or(u64::MAX);
        let read = move |tables: &mut AnyTables<Record>| {
            let mut rows: Vec<PeriodRow> = all(tables, Table::Period, &[])?;
            rows.retain(|row| u64::from(row.period.number()) < before);
            rows.sort_by_key(|row| std::cmp::Reverse(row.period));
            let more = rows.len() > limit;
            rows.truncate(limit);
            let with = |row: PeriodRow| progress(&row, own, tables).map(|progress| (row, progress));
            let rows: Vec<_> = rows.into_iter().map(with).collect::<Result<_, StoreError>>()?;
            Ok((rows, more))
        };
        let (rows, more) = self.0.lists.run(read).await?;
        let last = rows.last().filter(|_| more).map(|(row, _)| u64::from(row.period.number()));
        let next_page_token = last.map_or_else(String::new, |number| number_token(scope, number));
        let working = &self.0.working_days;
        let periods = rows.iter().map(|(row, progress)| period_to_proto(row, *progress, working)).collect();
        Ok(Response::new(ListPeriodsResponse { periods, next_page_token }))
    }

    pub(super) async fn close_period(
        &self,
        request: Request<ClosePeriodRequest>,
    ) -> Answer<ClosePeriodResponse> {
        let role = caller(&request)?.clone();
        let (id, period, scheme) = close_from_proto(request.get_ref())?;
        let nodes = self.0.links.keys().copied().collect();
        let read = move |tables: &mut AnyTables<Record>| taking_part(period, nodes, tables);
        let provinces = self.0.lists.run(read).await?;
        self.0.clear(id, &role, Command::Close(period, scheme, provinces)).await?;
        let period = Some(self.period(period, None).await?);
        Ok(Response::new(ClosePeriodResponse { period }))
    }

    pub(super) async fn publish_period(
        &self,
        request: Request<PublishPeriodRequest>,
    ) -> Answer<PublishPeriodResponse> {
        let role = caller(&request)?.clone();
        let period = only_period(&request.get_ref().period_id)?;
        let read = move |tables: &mut AnyTables<Record>| unpublished(period, tables);
        let pairs = self.0.lists.run(read).await?;
        let not_closed = || Problem::from(super::hub_refusal(Reason::PeriodOpen).with("period", period));
        let (net, between): (Vec<Pair>, Vec<Pair>) =
            pairs.ok_or_else(not_closed)?.into_iter().partition(|pair| pair.is_net());
        let mut held_up = Vec::new();
        // Those with the centre come after all those that they add up.
        for some in between.chunks(AT_ONCE).chain(net.chunks(AT_ONCE)) {
            let mut asked = JoinSet::new();
            for pair in some.iter().copied() {
                let (shared, role) = (Arc::clone(&self.0), role.clone());
                asked.spawn(async move { (pair, shared.publish(period, pair, &role).await) });
            }
            for (pair, published) in asked.join_all().await {
                if let Some(why) = published? {
                    held_up.push((pair, why));
                }
            }
        }
        held_up.sort_by_key(|(pair, _)| *pair);
        let held_up = held_up.iter().map(|(pair, why)| held_up_to_proto(*pair, why)).collect();
        let period = Some(self.period(period, None).await?);
        Ok(Response::new(PublishPeriodResponse { period, held_up }))
    }

    pub(super) async fn list_tables(
        &self,
        request: Request<ListTablesRequest>,
    ) -> Answer<ListTablesResponse> {
        self.0.recovery.life()?;
        let own = caller(&request)?.province();
        let request = request.get_ref();
        let limit = page_size(request.page_size)?;
        let (period, asked) = whole(|found| {
            let root = Path::Root;
            let period =
                crate::wire::settlement::period::period(&root.field("period_id"), &request.period_id, found);
            let at = root.field("province_code");
            let asked = Some(request.province_code.as_str()).filter(|text| !text.is_empty());
            let asked = asked.map(|text| party(&at, text, &self.0.places, found));
            Some((period?, asked.flatten()))
        })?;
        let province = own.or(asked);
        let scope = format!("tables {period} {province:?}").into_bytes();
        let after = read_token("page_token", &scope, &request.page_token)?;
        let after = after.and_then(|bytes| <[u8; 2]>::try_from(bytes).ok());
        let read = move |tables: &mut AnyTables<Record>| {
            let mut rows: Vec<PairRow> = all(tables, Table::Pair, &[Term::Is("period", value(&period))])?;
            rows.retain(|row| province.is_none_or(|province| row.pair().has(province)));
            rows.retain(|row| after.is_none_or(|after| key_of(row) > after));
            let more = rows.len() > limit;
            rows.truncate(limit);
            let last = rows.last().filter(|_| more).map(key_of);
            let found: Result<Vec<_>, StoreError> = rows.iter().map(|row| with_lines(row, tables)).collect();
            Ok((found?, last))
        };
        let (tables, last) = self.0.lists.run(read).await?;
        let next_page_token = last.map_or_else(String::new, |key| token(&scope, &key));
        Ok(Response::new(ListTablesResponse { tables, next_page_token }))
    }

    pub(super) async fn sign_period(
        &self,
        request: Request<SignPeriodRequest>,
    ) -> Answer<SignPeriodResponse> {
        let role = caller(&request)?.clone();
        let (id, signature) = signature_from_proto(request.get_ref(), acts_for(&role)?, &self.0.places)?;
        let (period, pair) = (signature.period, signature.pair);
        self.0.clear(id, &role, Command::Sign(signature)).await?;
        let table = Some(self.table(period, pair).await?);
        Ok(Response::new(SignPeriodResponse { table }))
    }

    pub(super) async fn object_to_item(
        &self,
        request: Request<ObjectToItemRequest>,
    ) -> Answer<ObjectToItemResponse> {
        let role = caller(&request)?.clone();
        let (id, objection) = objection_from_proto(request.get_ref(), acts_for(&role)?, &self.0.places)?;
        let (period, pair, item) = (objection.period, objection.pair, objection.transfer_id);
        self.0.clear(id, &role, Command::Object(objection)).await?;
        let read = move |tables: &mut AnyTables<Record>| row::<CarriedRow>(tables, Key::Carried(item));
        let carried = self.0.lists.run(read).await?;
        let to_period_id = carried.map_or_else(String::new, |row| row.period.to_string());
        let table = Some(self.table(period, pair).await?);
        Ok(Response::new(ObjectToItemResponse { table, to_period_id }))
    }
}

impl Shared {
    /// Publishes one table; gives why it could not be.
    async fn publish(
        &self,
        period: Period,
        pair: Pair,
        role: &Role,
    ) -> Result<Option<RefusalRecord>, Status> {
        let (caller, command) = (role.to_string(), Command::Publish(period, pair));
        let request = Box::new(ClearingRequest { request_id: None, caller, command });
        match self.engine.ask(|ticket| Input::Clear { ticket, request }).await {
            Ok(_) => Ok(None),
            Err(AskError::Refused(why)) => Ok(Some(why)),
            Err(error) => Err(error.into()),
        }
    }
}

fn key_of(row: &PairRow) -> [u8; 2] {
    [row.first.number(), row.second.number()]
}
