//! Months of clearing, in the words of the wire: periods, tables, signatures, objections.

use crate::domain::hub::clearing::{Line, Objection, Pair, Scheme, Signature};
use crate::domain::hub::tables::{LineRow, PairRow, PeriodRow};
use crate::domain::reason::Reason::{FieldRequired, RequestMalformed, UnknownRegion, ValueUnsupported};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::due_dates::{DueDates, PAY_DAYS};
use crate::domain::value::{Period, ProvinceCode, RegionDirectory, TransferId, WorkingDays};
use crate::proto::hub;
use crate::wire::operation::note;
use crate::wire::reader::{Path, Violations, digest, reason_code, transfer_id, whole};
use crate::wire::status::Problem;
use crate::wire::time::timestamp;

/// Reads a month: `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn period(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<Period> {
    let reason = if text.is_empty() { FieldRequired } else { RequestMalformed };
    found.need(at, reason, Period::parse(text))
}

/// Reads a month that is all a request is about.
///
/// # Errors
/// As [`period`].
pub fn only_period(text: &str) -> Result<Period, Problem> {
    whole(|found| period(&Path::Root.field("period_id"), text, found))
}

/// Reads a province of a table, or the national centre (00): `FIELD_REQUIRED`, `UNKNOWN_REGION`.
pub fn party(
    at: &Path<'_>,
    text: &str,
    places: &RegionDirectory,
    found: &mut Violations,
) -> Option<ProvinceCode> {
    let reason = if text.is_empty() { FieldRequired } else { UnknownRegion };
    let known = |code: &ProvinceCode| *code == ProvinceCode::HUB || places.province(*code).is_some();
    found.need(at, reason, ProvinceCode::parse(text).filter(known))
}

/// Reads the other province of a table of `own`.
pub fn pair_with(
    own: ProvinceCode,
    text: &str,
    places: &RegionDirectory,
    found: &mut Violations,
) -> Option<Pair> {
    let root = Path::Root;
    let at = root.field("counter_province_code");
    let other = party(&at, text, places, found)?;
    found.need(&at, ValueUnsupported, Pair::of(own, other))
}

/// Reads which period is to be closed, and how it is paid.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn close_from_proto(request: &hub::ClosePeriodRequest) -> Result<(TransferId, Period, Scheme), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("request_id"), &request.request_id, found);
        let period = period(&root.field("period_id"), &request.period_id, found);
        let scheme = match hub::SettlementScheme::try_from(request.scheme) {
            Ok(hub::SettlementScheme::Unspecified | hub::SettlementScheme::Gross) => Some(Scheme::Gross),
            Ok(hub::SettlementScheme::Net) => Some(Scheme::Net),
            Err(_) => None,
        };
        let scheme = found.need(&root.field("scheme"), ValueUnsupported, scheme);
        Some((id?, period?, scheme?))
    })
}

/// Reads a signature for this province.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn signature_from_proto(
    request: &hub::SignPeriodRequest,
    province: ProvinceCode,
    places: &RegionDirectory,
) -> Result<(TransferId, Signature), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("request_id"), &request.request_id, found);
        let period = period(&root.field("period_id"), &request.period_id, found);
        let pair = pair_with(province, &request.counter_province_code, places, found);
        let digest = digest(&root.field("digest"), &request.digest, found);
        Some((id?, Signature { period: period?, pair: pair?, digest: digest?, province }))
    })
}

/// Reads an objection of this province.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn objection_from_proto(
    request: &hub::ObjectToItemRequest,
    province: ProvinceCode,
    places: &RegionDirectory,
) -> Result<(TransferId, Objection), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("request_id"), &request.request_id, found);
        let period = period(&root.field("period_id"), &request.period_id, found);
        let pair = pair_with(province, &request.counter_province_code, places, found);
        let item = transfer_id(&root.field("transfer_id"), &request.transfer_id, found);
        let code = reason_code(&root.field("reason_code"), &request.reason_code, found);
        let note = note(&root.field("note"), &request.note, found);
        let objection = Objection {
            period: period?,
            pair: pair?,
            transfer_id: item?,
            province,
            code: code?,
            note: note?,
        };
        Some((id?, objection))
    })
}

/// How far a period has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tables that there are to be.
    pub tables: usize,
    /// Those that are published.
    pub published: usize,
    /// Those that are final.
    pub is_final: usize,
    /// Obligations that are not settled.
    pub open: usize,
}

/// A period as it stands.
pub fn period_to_proto(row: &PeriodRow, progress: Progress, working: &WorkingDays) -> hub::Period {
    let Progress { tables, published, is_final, open } = progress;
    let due = DueDates::of(row.period, working, PAY_DAYS);
    let state = match (published >= tables, is_final >= tables, open) {
        (false, ..) => hub::PeriodState::Closed,
        (true, false, _) => hub::PeriodState::Published,
        (true, true, 0) => hub::PeriodState::Settled,
        (true, true, _) => hub::PeriodState::Signed,
    };
    let scheme = match row.scheme {
        Scheme::Gross => hub::SettlementScheme::Gross,
        Scheme::Net => hub::SettlementScheme::Net,
    };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    hub::Period {
        period_id: row.period.to_string(),
        state: state.into(),
        scheme: scheme.into(),
        close_time: Some(timestamp(row.close_time)),
        closer: row.closer.clone(),
        published_count: count(published),
        final_count: count(is_final),
        table_count: count(tables),
        open_obligation_count: count(open),
        reconcile_due_date: due.reconciled.to_string(),
        publish_due_date: due.published.to_string(),
        year_due_date: due.year_closed.to_string(),
    }
}

/// A table as it stands, with its lines.
pub fn table_to_proto(row: &PairRow, lines: &[LineRow]) -> hub::ClearingTable {
    let signatures = |maker: &Option<String>, checker: &Option<String>| hub::Signatures {
        maker: maker.clone().unwrap_or_default(),
        checker: checker.clone().unwrap_or_default(),
    };
    hub::ClearingTable {
        period_id: row.period.to_string(),
        first_province_code: row.first.to_string(),
        second_province_code: row.second.to_string(),
        version: row.version,
        count: row.count,
        first_owes: row.first_owes.to_string(),
        second_owes: row.second_owes.to_string(),
        digest: row.digest.0.to_vec(),
        publish_time: Some(timestamp(row.publish_time)),
        first_signatures: Some(signatures(&row.first_maker, &row.first_checker)),
        second_signatures: Some(signatures(&row.second_maker, &row.second_checker)),
        final_time: row.final_time.map(timestamp),
        lines: lines.iter().map(|row| line_to_proto(&Line::from(row))).collect(),
    }
}

/// A line of a table.
fn line_to_proto(line: &Line) -> hub::PeriodLine {
    hub::PeriodLine {
        payer_province_code: line.payer.to_string(),
        payee_province_code: line.payee.to_string(),
        kind: i32::from(line.kind.number()),
        count: line.count,
        amount: line.amount.to_string(),
        payer_digest: line.payer_digest.0.to_vec(),
        payee_digest: line.payee_digest.0.to_vec(),
    }
}

/// A table that could not be published, and why.
pub fn held_up_to_proto(pair: Pair, why: &RefusalRecord) -> hub::HeldUpTable {
    let row = why.reason.row();
    hub::HeldUpTable {
        first_province_code: pair.first.to_string(),
        second_province_code: pair.second.to_string(),
        reason: row.code.to_owned(),
        message: row.english.to_owned(),
        message_zh: row.chinese.to_owned(),
        metadata: why.metadata.iter().cloned().collect(),
    }
}
