//! Obligations, payments and prefunds.

use super::periods::{acts_for, all, row};
use super::{Answer, Settlement, open_window, windows_in};
use crate::domain::hub::Record;
use crate::domain::hub::clearing::{Command, Line, Pair};
use crate::domain::hub::tables::{
    Key, LineRow, ObligationRow, PairRow, PaymentRow, PeriodRow, PrefundRow, Table, TotalRow, WindowRow,
};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Scan, TableRow as _, Term};
use crate::domain::value::{Day, Period, ProvinceCode, TransferId};
use crate::proto::hub::{
    AdjustPrefundRequest, AdjustPrefundResponse, ConfirmReceiptRequest, ConfirmReceiptResponse,
    CoverObligationRequest, CoverObligationResponse, GetPrefundsRequest, GetPrefundsResponse,
    ListObligationsRequest, ListObligationsResponse, Obligation, Prefund, RecordPaymentRequest,
    RecordPaymentResponse, VoidPaymentRequest, VoidPaymentResponse,
};
use crate::store::{AnyTables, StoreError};
use crate::transport::access_layer::caller;
use crate::wire::page::{page_size, read_token, token};
use crate::wire::reader::{Path, whole};
use crate::wire::settlement::payment::{
    cover_from_proto, deposit_from_proto, due_day, obligation_to_proto, payment_from_proto, prefund_to_proto,
    receipt_from_proto, void_from_proto,
};
use crate::wire::settlement::period::{party, period};
use std::collections::{BTreeMap, BTreeSet};
use tonic::{Request, Response, Status};

/// An ordered pair: who owes, and who is owed.
type Owing = (ProvinceCode, ProvinceCode);

fn with_payments(
    row: ObligationRow,
    tables: &mut AnyTables<Record>,
) -> Result<(ObligationRow, Vec<PaymentRow>), StoreError> {
    let of = [
        Term::Is("period", value(&row.period)),
        Term::Is("debtor", value(&row.debtor)),
        Term::Is("creditor", value(&row.creditor)),
    ];
    let mut payments: Vec<PaymentRow> = all(tables, Table::Payment, &of)?;
    payments.sort_by_key(|payment| (payment.record_time, payment.payment_id));
    Ok((row, payments))
}

/// Months of which not every table is published, in order.
fn unpublished(tables: &mut AnyTables<Record>) -> Result<Vec<Period>, StoreError> {
    let Some(open) = open_window(tables)?.map(Period::from) else { return Ok(Vec::new()) };
    let closed: Vec<PeriodRow> = all(tables, Table::Period, &[])?;
    let mut found = Vec::new();
    for row in &closed {
        let published: Vec<PairRow> = all(tables, Table::Pair, &[Term::Is("period", value(&row.period))])?;
        let published: BTreeSet<Pair> = published.iter().map(PairRow::pair).collect();
        if row.pairs().chain(row.signed_pairs()).any(|pair| !published.contains(&pair)) {
            found.push(row.period);
        }
    }
    let earliest = Scan { filter: Filter::all(Table::Window), after: None, limit: 1 };
    let earliest = tables.scan(&earliest)?.iter().find_map(WindowRow::of).map(|row| Period::from(row.window));
    let since = closed.iter().map(|row| row.period.next()).max().or(earliest).unwrap_or(open);
    found.extend(std::iter::successors(Some(since), |it| Some(it.next())).take_while(|it| *it <= open));
    found.sort_unstable();
    Ok(found)
}

/// What each province owes each other one by commits whose table is not final.
fn open_positions(tables: &mut AnyTables<Record>) -> Result<BTreeMap<Owing, i128>, StoreError> {
    let mut owed: BTreeMap<Owing, i128> = BTreeMap::new();
    let unsigned = all::<PairRow>(tables, Table::Pair, &[Term::EitherMissing("final_time", "final_time")])?;
    for table in unsigned.iter().filter(|row| !row.pair().is_net()) {
        *owed.entry((table.first, table.second)).or_default() += i128::from(table.first_owes.fen());
        *owed.entry((table.second, table.first)).or_default() += i128::from(table.second_owes.fen());
    }
    let open = open_window(tables)?;
    for month in unpublished(tables)? {
        let of_month = [Term::Is("period", value(&month))];
        let published: Vec<PairRow> = all(tables, Table::Pair, &of_month)?;
        let published: BTreeSet<Pair> = published.iter().map(PairRow::pair).collect();
        let lines: Vec<LineRow> = all(tables, Table::Line, &of_month)?;
        let mut lines: Vec<Line> = lines.iter().map(Line::from).collect();
        let windows = windows_in(month, tables)?;
        for window in windows.into_iter().chain(open.filter(|open| Period::from(*open) == month)) {
            let totals: Vec<TotalRow> = all(tables, Table::Total, &[Term::Is("window", value(&window))])?;
            lines.extend(totals.iter().map(Line::from));
        }
        for line in lines {
            let is_published = Pair::of(line.payer, line.payee).is_none_or(|pair| published.contains(&pair));
            if let Some((debtor, creditor, amount)) = line.owed().filter(|_| !is_published) {
                *owed.entry((debtor, creditor)).or_default() += i128::from(amount.fen());
            }
        }
    }
    Ok(owed)
}

/// Months that are over and not published whole, and obligations that are not settled.
pub(in crate::server::hub) fn overdue_tables(
    tables: &mut AnyTables<Record>,
) -> Result<(Vec<Period>, Vec<ObligationRow>), StoreError> {
    let open = open_window(tables)?.map(Period::from);
    let months = unpublished(tables)?.into_iter().filter(|month| open.is_none_or(|open| *month < open));
    let mut unpaid: Vec<ObligationRow> = all(tables, Table::Obligation, &[])?;
    unpaid.retain(|row| row.confirmed < row.amount);
    Ok((months.collect(), unpaid))
}

/// The prefunds of a province, or all, with what their debtors owe.
pub(in crate::server::hub) fn prefunds(
    province: Option<ProvinceCode>,
    tables: &mut AnyTables<Record>,
) -> Result<Vec<Prefund>, StoreError> {
    let mut rows: Vec<PrefundRow> = all(tables, Table::Prefund, &[])?;
    rows.retain(|row| province.is_none_or(|own| row.debtor == own || row.creditor == own));
    let open = if rows.is_empty() { BTreeMap::new() } else { open_positions(tables)? };
    let mut unpaid: BTreeMap<Owing, i128> = BTreeMap::new();
    for row in &rows {
        let of = [Term::Is("debtor", value(&row.debtor)), Term::Is("creditor", value(&row.creditor))];
        for owed in all::<ObligationRow>(tables, Table::Obligation, &of)? {
            let left = i128::from(owed.amount.fen()) - i128::from(owed.confirmed.fen());
            *unpaid.entry((row.debtor, row.creditor)).or_default() += left;
        }
    }
    let of = |sums: &BTreeMap<Owing, i128>, row: &PrefundRow| {
        sums.get(&(row.debtor, row.creditor)).copied().unwrap_or(0)
    };
    Ok(rows.iter().map(|row| prefund_to_proto(row, of(&open, row), of(&unpaid, row))).collect())
}

impl Settlement {
    fn today(&self) -> Day {
        Day::of(self.0.clock.now().civil)
    }

    async fn obligation(
        &self,
        (period, debtor, creditor): (Period, ProvinceCode, ProvinceCode),
    ) -> Result<Obligation, Status> {
        let read = move |tables: &mut AnyTables<Record>| {
            let found = row::<ObligationRow>(tables, Key::Obligation(period, debtor, creditor))?;
            found.map(|row| with_payments(row, tables)).transpose()
        };
        let found = self.0.lists.run(read).await?;
        let as_of = (self.today(), &self.0.working_days);
        Ok(found.map(|(row, payments)| obligation_to_proto(&row, &payments, as_of)).unwrap_or_default())
    }

    async fn obligation_of(&self, payment_id: TransferId) -> Result<Obligation, Status> {
        let read = move |tables: &mut AnyTables<Record>| row::<PaymentRow>(tables, Key::Payment(payment_id));
        match self.0.lists.run(read).await? {
            Some(row) => self.obligation((row.period, row.debtor, row.creditor)).await,
            None => Ok(Obligation::default()),
        }
    }

    pub(super) async fn list_obligations(
        &self,
        request: Request<ListObligationsRequest>,
    ) -> Answer<ListObligationsResponse> {
        self.0.recovery.life()?;
        let own = caller(&request)?.province();
        let request = request.get_ref();
        let (limit, open_only) = (page_size(request.page_size)?, request.open_only);
        let (month, asked) = whole(|found| {
            let root = Path::Root;
            let given = |text: &'_ str| !text.is_empty();
            let month = given(&request.period_id)
                .then(|| period(&root.field("period_id"), &request.period_id, found));
            let asked = given(&request.province_code)
                .then(|| party(&root.field("province_code"), &request.province_code, &self.0.places, found));
            Some((month.flatten(), asked.flatten()))
        })?;
        let province = own.or(asked);
        let scope = format!("obligations {month:?} {province:?} {open_only}").into_bytes();
        let after = read_token("page_token", &scope, &request.page_token)?;
        let after = after.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
        let read = move |tables: &mut AnyTables<Record>| {
            let of: Vec<Term> = month.iter().map(|month| Term::Is("period", value(month))).collect();
            let mut rows: Vec<ObligationRow> = all(tables, Table::Obligation, &of)?;
            rows.retain(|row| province.is_none_or(|own| row.debtor == own || row.creditor == own));
            rows.retain(|row| !open_only || row.confirmed < row.amount);
            rows.retain(|row| after.is_none_or(|after| key_of(row) > after));
            let more = rows.len() > limit;
            rows.truncate(limit);
            let found = rows.into_iter().map(|row| with_payments(row, tables));
            Ok((found.collect::<Result<Vec<_>, StoreError>>()?, more))
        };
        let (rows, more) = self.0.lists.run(read).await?;
        let last = rows.last().filter(|_| more).map(|(row, _)| key_of(row));
        let next_page_token = last.map_or_else(String::new, |key| token(&scope, &key));
        let as_of = (self.today(), &self.0.working_days);
        let obligations =
            rows.iter().map(|(row, payments)| obligation_to_proto(row, payments, as_of)).collect();
        Ok(Response::new(ListObligationsResponse { obligations, next_page_token }))
    }

    pub(super) async fn record_payment(
        &self,
        request: Request<RecordPaymentRequest>,
    ) -> Answer<RecordPaymentResponse> {
        let role = caller(&request)?.clone();
        let (id, payment) = payment_from_proto(request.get_ref(), acts_for(&role)?, &self.0.places)?;
        let of = (payment.period, payment.debtor, payment.creditor);
        self.0.clear(id, &role, Command::Pay(id, payment)).await?;
        let obligation = Some(self.obligation(of).await?);
        Ok(Response::new(RecordPaymentResponse { obligation }))
    }

    pub(super) async fn confirm_receipt(
        &self,
        request: Request<ConfirmReceiptRequest>,
    ) -> Answer<ConfirmReceiptResponse> {
        let role = caller(&request)?.clone();
        let (id, word) = receipt_from_proto(request.get_ref(), acts_for(&role)?)?;
        let payment_id = word.payment_id;
        self.0.clear(id, &role, Command::Say(word)).await?;
        let obligation = Some(self.obligation_of(payment_id).await?);
        Ok(Response::new(ConfirmReceiptResponse { obligation }))
    }

    pub(super) async fn void_payment(
        &self,
        request: Request<VoidPaymentRequest>,
    ) -> Answer<VoidPaymentResponse> {
        let role = caller(&request)?.clone();
        let (id, word) = void_from_proto(request.get_ref(), acts_for(&role)?)?;
        let payment_id = word.payment_id;
        self.0.clear(id, &role, Command::Say(word)).await?;
        let obligation = Some(self.obligation_of(payment_id).await?);
        Ok(Response::new(VoidPaymentResponse { obligation }))
    }

    pub(super) async fn cover_obligation(
        &self,
        request: Request<CoverObligationRequest>,
    ) -> Answer<CoverObligationResponse> {
        let role = caller(&request)?.clone();
        let (id, mut cover) = cover_from_proto(request.get_ref(), acts_for(&role)?, &self.0.places)?;
        let of = (cover.period, cover.debtor, cover.creditor);
        let key = Key::Obligation(cover.period, cover.debtor, cover.creditor);
        let read = move |tables: &mut AnyTables<Record>| row::<ObligationRow>(tables, key);
        if let Some(row) = self.0.lists.run(read).await? {
            cover.due = due_day(&row, &self.0.working_days).day;
        }
        self.0.clear(id, &role, Command::Cover(cover)).await?;
        let obligation = Some(self.obligation(of).await?);
        Ok(Response::new(CoverObligationResponse { obligation }))
    }

    pub(super) async fn get_prefunds(
        &self,
        request: Request<GetPrefundsRequest>,
    ) -> Answer<GetPrefundsResponse> {
        self.0.recovery.life()?;
        let own = caller(&request)?.province();
        let request = request.get_ref();
        let asked = whole(|found| {
            let at = Path::Root;
            let text = Some(request.province_code.as_str()).filter(|text| !text.is_empty());
            Some(text.and_then(|text| party(&at.field("province_code"), text, &self.0.places, found)))
        })?;
        let province = own.or(asked);
        let prefunds = self.0.lists.run(move |tables| prefunds(province, tables)).await?;
        Ok(Response::new(GetPrefundsResponse { prefunds }))
    }

    pub(super) async fn adjust_prefund(
        &self,
        request: Request<AdjustPrefundRequest>,
    ) -> Answer<AdjustPrefundResponse> {
        let role = caller(&request)?.clone();
        let (id, deposit) = deposit_from_proto(request.get_ref(), role.province(), &self.0.places)?;
        let (debtor, creditor) = (deposit.debtor, deposit.creditor);
        self.0.clear(id, &role, Command::Deposit(deposit)).await?;
        let found = self.0.lists.run(move |tables| prefunds(Some(debtor), tables)).await?;
        let is_it = |it: &Prefund| it.creditor_province_code == creditor.to_string();
        let is_his = |it: &Prefund| it.debtor_province_code == debtor.to_string();
        let prefund = found.into_iter().find(|it| is_it(it) && is_his(it));
        Ok(Response::new(AdjustPrefundResponse { prefund }))
    }
}

/// Where an obligation stands among all.
fn key_of(row: &ObligationRow) -> [u8; 6] {
    let [a, b, c, d] = row.period.number().to_be_bytes();
    [a, b, c, d, row.debtor.number(), row.creditor.number()]
}
