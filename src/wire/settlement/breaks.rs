//! Breaks (差错) as operators and provinces read them, and what operators say of one.

use crate::domain::hub::breaks::{
    AssignBreakRequest, BreakId, Bucket, CloseBreakRequest, FoundBreak, Standing,
};
use crate::domain::hub::compensation::reason_of;
use crate::domain::hub::tables::{BreakRow, ComparisonRow, Table};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Term};
use crate::domain::reason::Reason;
use crate::domain::value::{Money, ProvinceCode, TransferId, Window};
use crate::proto::hub;
use crate::wire::reader::{Path, Violations, request_id, transfer_id, whole};
use crate::wire::status::{Problem, refusal_side_to_proto};
use crate::wire::time::timestamp;

fn bucket_to_proto(bucket: Bucket) -> hub::BreakBucket {
    match bucket {
        Bucket::MissingAtHub => hub::BreakBucket::MissingAtHub,
        Bucket::MissingAtPayer => hub::BreakBucket::MissingAtPayer,
        Bucket::MissingAtPayee => hub::BreakBucket::MissingAtPayee,
        Bucket::Amount => hub::BreakBucket::Amount,
        Bucket::State => hub::BreakBucket::State,
        Bucket::InDoubt => hub::BreakBucket::InDoubt,
        Bucket::Late => hub::BreakBucket::Late,
        Bucket::Contradiction => hub::BreakBucket::Contradiction,
    }
}

/// What comparing has led to.
pub fn standing_to_proto(state: Standing) -> hub::ReconciliationState {
    match state {
        Standing::Pending => hub::ReconciliationState::Pending,
        Standing::Agrees => hub::ReconciliationState::Agrees,
        Standing::Differs => hub::ReconciliationState::Differs,
    }
}

fn id_text(id: TransferId) -> String {
    if id == TransferId::default() { String::new() } else { id.to_string() }
}

/// A commit that differs.
pub fn found_to_proto(it: &FoundBreak) -> hub::DifferingCommit {
    let text = |amount: Option<Money>| amount.map_or_else(String::new, |it| it.to_string());
    hub::DifferingCommit {
        transfer_id: id_text(it.transfer_id),
        bucket: bucket_to_proto(it.bucket).into(),
        counter_province_code: it.counterpart.to_string(),
        side: refusal_side_to_proto(it.side.into()).into(),
        kind: i32::from(it.kind.number()),
        hub_seq: it.hub_seq,
        hub_amount: text(it.hub_amount),
        node_amount: text(it.node_amount),
    }
}

/// A break.
pub fn break_to_proto(row: &BreakRow) -> hub::Break {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    hub::Break {
        window_id: row.window.to_string(),
        province_code: row.province.to_string(),
        commit: Some(found_to_proto(&row.found())),
        find_time: Some(timestamp(row.find_time)),
        due_time: Some(timestamp(row.due_time)),
        equal_time: row.equal_time.map(timestamp),
        owner: text(&row.owner),
        note: text(&row.note),
        correction_id: row.correction.map_or_else(String::new, |id| id.to_string()),
        proof: text(&row.proof),
        proposer: text(&row.proposer),
        propose_time: row.propose_time.map(timestamp),
        closer: text(&row.closer),
        close_time: row.close_time.map(timestamp),
    }
}

/// How a province stands in a window.
pub fn comparison_to_proto(row: &ComparisonRow, breaks: &[&BreakRow]) -> hub::ProvinceStanding {
    hub::ProvinceStanding {
        province_code: row.province.to_string(),
        state: standing_to_proto(row.state).into(),
        compare_time: Some(timestamp(row.compare_time)),
        late_count: row.late_count,
        open_breaks: breaks.iter().filter(|it| it.close_time.is_none()).count() as u64,
    }
}

/// The breaks that a request asks for; `own`: of this province alone.
///
/// # Errors
/// `REQUEST_MALFORMED`.
pub fn breaks_of_request(
    request: &hub::ListBreaksRequest,
    own: Option<ProvinceCode>,
) -> Result<Filter<Table>, Problem> {
    whole(|found| {
        let root = Path::Root;
        let asked = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let window = asked(&request.window_id)
            .map(|text| found.need(&root.field("window_id"), Reason::RequestMalformed, Window::parse(&text)));
        let province = asked(&request.province_code).map(|text| {
            let code = ProvinceCode::parse(&text);
            found.need(&root.field("province_code"), Reason::RequestMalformed, code)
        });
        let mut filter = Filter::all(Table::Break);
        if let Some(window) = window {
            filter = filter.and(Term::Is("window", value(&window?)));
        }
        for province in province.into_iter().chain(own.map(Some)) {
            filter = filter.and(Term::Is("province", value(&province?)));
        }
        if request.open_only {
            filter = filter.and(Term::EitherMissing("close_time", "close_time"));
        }
        Some(filter)
    })
}

fn id_of((window, province, transfer): (&str, &str, &str), found: &mut Violations) -> Option<BreakId> {
    let root = Path::Root;
    let need = |field, text: &str| {
        let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RequestMalformed };
        (root.field(field), reason)
    };
    let (at, reason) = need("window_id", window);
    let window = found.need(&at, reason, Window::parse(window));
    let (at, reason) = need("province_code", province);
    let province = found.need(&at, reason, ProvinceCode::parse(province));
    let transfer = match transfer {
        "" => Some(TransferId::default()),
        text => transfer_id(&root.field("transfer_id"), text, found),
    };
    Some((window?, province?, transfer?))
}

/// What an operator says in words: kept for good, so it must name nobody.
fn words(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<String> {
    found.need(at, Reason::CompensationReasonMalformed, reason_of(text))
}

/// Reads who is to look into which break; `is_operator` knows the names of operators.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn assign_break_from_proto(
    request: &hub::AssignBreakRequest,
    operator: String,
    is_operator: impl Fn(&str) -> bool,
) -> Result<AssignBreakRequest, Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = id_of((&request.window_id, &request.province_code, &request.transfer_id), found);
        let at = root.field("owner");
        let owner = match request.owner.as_str() {
            "" => found.need(&at, Reason::FieldRequired, None),
            owner => {
                let known = Some(owner.to_owned()).filter(|owner| is_operator(owner));
                found.need(&at, Reason::ValueUnsupported, known)
            }
        };
        let note = match request.note.trim() {
            "" => Some(String::new()),
            note => words(&root.field("note"), note, found),
        };
        let request_id = request_id(&root.field("request_id"), &request.request_id, found);
        let (id, owner, note) = (id?, owner?, note?);
        Some(AssignBreakRequest { id, owner, note, request_id: request_id?, operator })
    })
}

/// Reads how an operator would close a break.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn close_break_from_proto(
    request: &hub::CloseBreakRequest,
    operator: String,
) -> Result<CloseBreakRequest, Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = id_of((&request.window_id, &request.province_code, &request.transfer_id), found);
        let correction = match request.correction_id.as_str() {
            "" => Some(None),
            text => transfer_id(&root.field("correction_id"), text, found).map(Some),
        };
        let at = root.field("proof");
        let proof = match request.proof.trim() {
            "" => found.need(&at, Reason::FieldRequired, None),
            proof => words(&at, proof, found),
        };
        Some(CloseBreakRequest { id: id?, correction: correction?, proof: proof?, operator })
    })
}

#[cfg(test)]
#[path = "breaks_tests.rs"]
mod tests;
