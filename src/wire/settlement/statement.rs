//! Statements of clearing as they are asked for and told.

use crate::domain::hub::statement::{Selection, Sum};
use crate::domain::hub::tables::{TotalRow, TransferRow};
use crate::domain::kinds;
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::add_digest;
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Digest, Money, Period, ProvinceCode, RegionCode, TransferId, Window};
use crate::proto::hub::get_statement_request::Span as WireSpan;
use crate::proto::{hub, types};
use crate::wire::reader::{Path, Reader, Violations};
use crate::wire::settlement::yuan;
use crate::wire::status::Problem;
use crate::wire::time::timestamp;
use std::collections::BTreeMap;

/// What a statement is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// One window.
    Window(Window),
    /// All windows of a month.
    Period(Period),
}

/// A request for a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementQuery {
    /// What it is of.
    pub span: Span,
    /// Which rows of it.
    pub selection: Selection,
    /// The row behind which it begins; none: with the first.
    pub after: Option<(Window, u64)>,
}

impl Reader<'_> {
    /// Reads a request of a caller who belongs to the province `own`, if he does to one.
    ///
    /// # Errors
    /// `FIELD_REQUIRED`, `REQUEST_MALFORMED`, `REGION_MALFORMED`, `UNKNOWN_REGION`; `PROVINCE_NOT_ALLOWED`.
    pub fn statement(
        &self,
        request: &hub::GetStatementRequest,
        own: Option<ProvinceCode>,
    ) -> Result<StatementQuery, Problem> {
        let (root, mut found) = (Path::Root, Violations::default());
        let window = |at: &Path<'_>, text: &str, found: &mut Violations| {
            let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RequestMalformed };
            found.need(at, reason, Window::parse(text))
        };
        let span = match &request.span {
            Some(WireSpan::WindowId(text)) => {
                window(&root.field("window_id"), text, &mut found).map(Span::Window)
            }
            Some(WireSpan::PeriodId(text)) => {
                let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RequestMalformed };
                found.need(&root.field("period_id"), reason, Period::parse(text)).map(Span::Period)
            }
            None => {
                found.add(&root.field("window_id"), Reason::FieldRequired);
                None
            }
        };
        let asked = self.province(&root.field("province_code"), &request.province_code, &mut found);
        let at_counter = root.field("counter_province_code");
        let counter = self.province(&at_counter, &request.counter_province_code, &mut found);
        if counter.is_some() && asked.or(own).is_none() {
            found.add(&root.field("province_code"), Reason::FieldRequired);
        }
        let area = match request.region_code.as_str() {
            "" => None,
            text => found.need(&root.field("region_code"), Reason::RegionMalformed, RegionCode::parse(text)),
        };
        // An area that is not listed any more stays readable.
        let area = area.map(|code| self.regions.locate(code).map_or(code, |listed| listed.code));
        let after = request.after.as_ref().and_then(|after| {
            let at = root.field("after");
            Some((window(&at.field("window_id"), &after.window_id, &mut found)?, after.hub_seq))
        });
        let selection = Selection { province: asked.or(own), counter, area };
        let query = found.finish(span.map(|span| StatementQuery { span, selection, after }))?;
        if own.is_some_and(|own| asked.is_some_and(|asked| asked != own)) {
            return Err(Problem::new(Reason::ProvinceNotAllowed));
        }
        Ok(query)
    }
}

/// A kind as clearing names it.
fn kind_to_proto(kind: Kind) -> i32 {
    i32::from(kind.number())
}

/// Who owes by a commit of this kind, two digits; empty when nobody does.
fn debtor(kind: Kind, provinces: BySide<ProvinceCode>) -> String {
    kinds::of(kind).debtor.map_or_else(String::new, |side| provinces[side].to_string())
}

/// What is added up of the totals of several windows.
#[derive(Default)]
struct Together {
    count: u64,
    fen: i128,
    digests: BySide<Digest>,
}

/// What the totals of some windows add up to together.
pub fn totals_to_proto<'a>(rows: impl IntoIterator<Item = &'a TotalRow>) -> Vec<hub::StatementTotal> {
    let mut sums: BTreeMap<(ProvinceCode, ProvinceCode, Kind), Together> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry((row.payer_province, row.payee_province, row.kind)).or_default();
        sum.count = sum.count.saturating_add(row.count);
        sum.fen += i128::from(row.amount.fen());
        sum.digests.payer = add_digest(sum.digests.payer, row.payer_digest);
        sum.digests.payee = add_digest(sum.digests.payee, row.payee_digest);
    }
    let total =
        |((payer, payee, kind), sum): ((ProvinceCode, ProvinceCode, Kind), Together)| hub::StatementTotal {
            payer_province_code: payer.to_string(),
            payee_province_code: payee.to_string(),
            kind: kind_to_proto(kind),
            debtor_province_code: debtor(kind, BySide { payer, payee }),
            count: sum.count,
            amount: yuan(sum.fen),
            payer_digest: sum.digests.payer.0.to_vec(),
            payee_digest: sum.digests.payee.0.to_vec(),
        };
    sums.into_iter().map(total).collect()
}

/// A row. Nothing of a transfer that is not committed.
pub fn row_to_proto(row: &TransferRow) -> Option<hub::StatementRow> {
    Some(hub::StatementRow {
        window_id: row.window?.to_string(),
        hub_seq: row.hub_seq?,
        transfer_id: row.transfer_id.to_string(),
        kind: kind_to_proto(row.kind),
        payer_province_code: row.payer_province.to_string(),
        payer_region_code: row.payer_region.to_string(),
        payee_province_code: row.payee_province.to_string(),
        payee_region_code: row.payee_region.to_string(),
        amount: row.amount.to_string(),
        debtor_province_code: debtor(row.kind, row.provinces()),
        decide_time: row.decide_time.map(timestamp),
    })
}

/// What a sum is with this row; nothing where the row cannot be read.
pub fn sum_with(sum: Sum, row: &hub::StatementRow) -> Option<Sum> {
    let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number)?;
    let (id, amount) = (TransferId::parse(&row.transfer_id)?, Money::parse(&row.amount).ok()?);
    Some(sum.with_commit(row.hub_seq, id, kind, amount))
}

/// What these totals add up to; nothing where one cannot be read.
pub fn sum_of_totals(totals: &[hub::StatementTotal]) -> Option<Sum> {
    totals.iter().try_fold(Sum::default(), |sum, it| {
        let digests = [&it.payer_digest, &it.payee_digest].map(|bytes| Digest::from_slice(bytes));
        let [payer, payee] = [digests[0]?, digests[1]?];
        let digest = add_digest(add_digest(sum.digest, payer), payee);
        Some(Sum { count: sum.count.checked_add(it.count)?, fen: sum.fen + fen(&it.amount)?, digest })
    })
}

/// A sum in yuan as fen: it may be larger than one amount can be.
pub fn fen(yuan: &str) -> Option<i128> {
    let (whole, parts) = yuan.split_once('.').filter(|(_, parts)| parts.len() == 2)?;
    format!("{whole}{parts}").parse().ok()
}

/// The end of a statement.
pub fn trailer_to_proto(sum: &Sum) -> hub::StatementTrailer {
    hub::StatementTrailer { count: sum.count, amount: yuan(sum.fen), digest: sum.digest.0.to_vec() }
}

/// A header's filters, as they count.
pub fn header_of(query: &StatementQuery, sender: types::Sender) -> hub::StatementHeader {
    let province = |it: Option<ProvinceCode>| it.map_or_else(String::new, |it| it.to_string());
    let period = if let Span::Period(period) = query.span { period.to_string() } else { String::new() };
    hub::StatementHeader {
        period_id: period,
        province_code: province(query.selection.province),
        counter_province_code: province(query.selection.counter),
        region_code: query.selection.area.map_or_else(String::new, |it| it.to_string()),
        sender: Some(sender),
        ..hub::StatementHeader::default()
    }
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
