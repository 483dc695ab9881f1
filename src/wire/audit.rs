//! Books as operators read them. No personal data: what ties a leg to an account is good within one stream only.

use crate::domain::hub::tables::{PositionRow, TransferRow, WindowRow};
use crate::domain::kinds;
use crate::domain::machine::IncidentRow;
use crate::domain::node::tables::{AccountRow, EntryRow, LegRow, LegTotalRow};
use crate::domain::protocol::{Kind, LegState, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{
    AccountKind, Day, Digest, EntryKind, MemberRef, Money, ProvinceCode, RegionCode, Side, TransferId,
    Window, hex,
};
use crate::proto::{hub, node, types};
use crate::wire::inspect::leg_view;
use crate::wire::leg::kind_to_proto;
use crate::wire::status::{Problem, refusal_side_to_proto, refusal_to_proto};
use crate::wire::time::{civil, timestamp};
use crate::wire::transfer::state_to_proto;

/// A transfer, as far as an audit compares it.
pub fn transfer_to_proto(row: &TransferRow) -> hub::AuditTransfer {
    hub::AuditTransfer {
        transfer_id: row.transfer_id.to_string(),
        payer_province_code: row.payer_province.to_string(),
        payee_province_code: row.payee_province.to_string(),
        amount: row.amount.to_string(),
        state: state_to_proto(row.state).into(),
        terms_digest: row.terms_digest.0.to_vec(),
        window_id: row.window.map_or_else(String::new, |it| it.to_string()),
        hub_seq: row.hub_seq.unwrap_or(0),
        payer_recorded: row.payer_recorded_seq.is_some(),
        payee_recorded: row.payee_recorded_seq.is_some(),
        decide_time: row.decide_time.map(timestamp),
    }
}

/// A closed window.
pub fn window_to_proto(row: &WindowRow) -> hub::AuditWindow {
    hub::AuditWindow { window_id: row.window.to_string(), close_time: Some(timestamp(row.close_time)) }
}

/// A position.
pub fn position_to_proto(row: &PositionRow) -> hub::AuditPosition {
    hub::AuditPosition {
        window_id: row.window.to_string(),
        province_code: row.province.to_string(),
        owed: row.owed.to_string(),
        sent_count: row.sent_count,
        received_count: row.received_count,
    }
}

/// An incident.
pub fn incident_to_proto(row: &IncidentRow) -> types::Incident {
    types::Incident {
        transfer_id: row.transfer_id.to_string(),
        side: refusal_side_to_proto(row.side.into()).into(),
        refusal: Some(refusal_to_proto(&row.refusal)),
        raise_time: Some(timestamp(row.raise_time)),
        close_code: row.close_code.clone().unwrap_or_default(),
        close_time: row.close_time.map(timestamp),
        owner: row.owner.clone().unwrap_or_default(),
        note: row.note.clone().unwrap_or_default(),
    }
}

fn day_text(day: Day) -> String {
    if day == Day::default() { String::new() } else { format!("{:08}", day.number()) }
}

/// A leg with what ties it to an account; `alias` says what stands for a member.
pub fn leg_to_proto(row: &LegRow, alias: impl Fn(MemberRef) -> Vec<u8>) -> node::AuditLeg {
    node::AuditLeg {
        leg: Some(leg_view(row)),
        member: alias(row.member_ref),
        day: day_text(row.day),
        account: row.account.name().to_owned(),
    }
}

/// An account; `alias` as of [`leg_to_proto`].
pub fn account_to_proto(row: &AccountRow, alias: impl Fn(MemberRef) -> Vec<u8>) -> node::AuditAccount {
    node::AuditAccount {
        member: alias(row.member_ref),
        kind: row.kind.name().to_owned(),
        posted: row.posted.to_string(),
        held: row.held.to_string(),
        pending: row.pending.to_string(),
        day: day_text(row.day),
        day_count: row.day_count,
        earlier_day: day_text(row.earlier_day),
        earlier_count: row.earlier_count,
    }
}

/// A total of committed legs.
pub fn leg_total_to_proto(row: &LegTotalRow) -> node::AuditTotal {
    node::AuditTotal {
        window_id: row.window.to_string(),
        counter_region_code: row.counter_region.to_string(),
        kind: kind_to_proto(row.kind, row.side),
        count: row.count,
        amount: row.amount.to_string(),
        digest: row.digest.0.to_vec(),
    }
}

/// Most ids that are named of an account in suspense.
const IDS_SHOWN: usize = 100;

/// An account in suspense, with its entries since nothing stood there last, newest first.
pub fn suspense_to_proto(row: &AccountRow, entries: &[EntryRow]) -> node::SuspenseAccount {
    let is_known = row.member_ref != MemberRef::default();
    let legs = entries.iter().filter(|entry| entry.entry_kind != EntryKind::SetOff);
    let ids = legs.filter_map(|entry| entry.transfer_id).map(|id| id.to_string());
    node::SuspenseAccount {
        member_ref: if is_known { hex(&row.member_ref.0) } else { String::new() },
        kind: row.kind.name().to_owned(),
        amount: row.posted.to_string(),
        transfer_ids: ids.take(IDS_SHOWN).collect(),
        since_time: entries.last().map(|entry| timestamp(entry.entry_time)),
    }
}

/// What a server's books say that this program cannot read.
fn unreadable(field: &'static str) -> Problem {
    Problem::field(field, Reason::RequestMalformed)
}

fn need<T>(field: &'static str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| unreadable(field))
}

/// A sum in yuan with two places. Sums of a province have more digits than any amount that a caller may state.
fn signed(text: &str) -> Option<Money> {
    let (yuan, places) = text.strip_prefix('-').unwrap_or(text).split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = digits(yuan) && digits(places) && places.len() == 2;
    let fen: i64 = whole.then(|| format!("{yuan}{places}").parse().ok()).flatten()?;
    Some(Money::from_fen(if text.starts_with('-') { -fen } else { fen }))
}

fn counted_day(text: &str) -> Option<Day> {
    if text.is_empty() { Some(Day::default()) } else { Day::parse_digits(text) }
}

fn member(bytes: &[u8]) -> Option<MemberRef> {
    if bytes.is_empty() { Some(MemberRef::default()) } else { MemberRef::from_slice(bytes) }
}

/// Stands where a row has a place that books do not tell and no invariant looks at.
fn somewhere(province: ProvinceCode) -> Option<RegionCode> {
    RegionCode::new(u32::from(province.number().max(10)) * 10_000)
}

/// A transfer's row out of the hub's books. What books do not tell is left empty.
///
/// # Errors
/// `REQUEST_MALFORMED` about the field that cannot be read.
pub fn transfer_from_proto(it: &hub::AuditTransfer) -> Result<TransferRow, Problem> {
    let payer_province = need("payer_province_code", ProvinceCode::parse(&it.payer_province_code))?;
    let payee_province = need("payee_province_code", ProvinceCode::parse(&it.payee_province_code))?;
    let recorded = |yes: bool| yes.then_some(0);
    Ok(TransferRow {
        kind: Kind::TRANSFER,
        transfer_id: need("transfer_id", TransferId::parse(&it.transfer_id))?,
        owner: String::new(),
        received_seq: 0,
        payer_region: need("payer_province_code", somewhere(payer_province))?,
        payee_region: need("payee_province_code", somewhere(payee_province))?,
        payer_province,
        payee_province,
        kinship: None,
        amount: need("amount", Money::parse(&it.amount).ok())?,
        payer_digest: Digest::default(),
        payee_digest: Digest::default(),
        remark_digest: Digest::default(),
        terms_digest: need("terms_digest", Digest::from_slice(&it.terms_digest))?,
        receipt_time: Default::default(),
        state: need("state", TransferState::from_number(i64::from(it.state)))?,
        refusal: None,
        decide_time: it.decide_time.as_ref().and_then(civil),
        window: if it.window_id.is_empty() {
            None
        } else {
            Some(need("window_id", Window::parse(&it.window_id))?)
        },
        hub_seq: (it.hub_seq != 0).then_some(it.hub_seq),
        decided_seq: None,
        payer_recorded_seq: recorded(it.payer_recorded),
        payee_recorded_seq: recorded(it.payee_recorded),
        payer_rulebook: None,
        payee_rulebook: None,
        await_until: None,
        awaiting_seq: None,
        accept_time: None,
        returns: None,
        compensation: None,
        number: None,
        booked_after: None,
        lost_side: None,
        last_posting: 0,
        last_booked: 0,
        used: Money::ZERO,
    })
}

/// A position's row. Errors as of [`transfer_from_proto`].
pub fn position_from_proto(it: &hub::AuditPosition) -> Result<PositionRow, Problem> {
    Ok(PositionRow {
        window: need("window_id", Window::parse(&it.window_id))?,
        province: need("province_code", ProvinceCode::parse(&it.province_code))?,
        owed: need("owed", signed(&it.owed))?,
        sent_count: it.sent_count,
        received_count: it.received_count,
    })
}

/// A closed window's row. Errors as of [`transfer_from_proto`].
pub fn window_from_proto(it: &hub::AuditWindow) -> Result<WindowRow, Problem> {
    Ok(WindowRow {
        window: need("window_id", Window::parse(&it.window_id))?,
        close_time: need("close_time", it.close_time.as_ref().and_then(civil))?,
        closer: String::new(),
    })
}

/// A leg's row, or nothing for a leg that awaits acceptance, which binds nobody. Errors as of
/// [`transfer_from_proto`].
pub fn leg_from_proto(it: &node::AuditLeg) -> Result<Option<LegRow>, Problem> {
    let view = need("leg", it.leg.as_ref())?;
    let tombstone = view.kind() == node::LegKind::Unspecified;
    let state = match view.state() {
        node::LegState::Prepared => LegState::Prepared,
        node::LegState::Refused => LegState::Refused,
        node::LegState::Committed => LegState::Committed,
        node::LegState::Aborted if tombstone => LegState::Tombstone,
        node::LegState::Aborted => LegState::Aborted,
        node::LegState::Awaiting => return Ok(None),
        node::LegState::Unspecified => return Err(unreadable("state")),
    };
    let side = match view.side() {
        node::LegSide::Payer => Side::Payer,
        node::LegSide::Payee => Side::Payee,
        node::LegSide::Unspecified => return Err(unreadable("side")),
    };
    let amount = if view.amount.is_empty() { Some(Money::ZERO) } else { Money::parse(&view.amount).ok() };
    let returns = match view.original_transfer_id.as_str() {
        "" => None,
        id => Some(need("original_transfer_id", TransferId::parse(id))?),
    };
    let kind = kinds::by_wire(view.kind).map_or(Kind::TRANSFER, |(row, _)| row.kind);
    let account = match it.account.as_str() {
        "" => Some(kinds::of(kind).legs[side].account),
        name => AccountKind::from_name(name),
    };
    let of_window = if view.window_id.is_empty() {
        Ok(None)
    } else {
        need("window_id", Window::parse(&view.window_id)).map(Some)
    };
    Ok(Some(LegRow {
        transfer_id: need("transfer_id", TransferId::parse(&view.transfer_id))?,
        side,
        kind,
        state,
        terms_digest: need("terms_digest", Digest::from_slice(&view.terms_digest))?,
        member_ref: need("member", member(&it.member))?,
        amount: need("amount", amount)?,
        counter_region: RegionCode::parse(&view.counter_region_code),
        day: need("day", counted_day(&it.day))?,
        receipt_time: Default::default(),
        refusal: None,
        prepare_time: Default::default(),
        decide_time: None,
        window: of_window?,
        hub_seq: (view.hub_seq != 0).then_some(view.hub_seq),
        rulebook: None,
        incarnation: 0,
        account: need("account", account)?,
        returns,
        returned: Money::ZERO,
        number: None,
        last_posting: 0,
    }))
}

/// A total's row. Errors as of [`transfer_from_proto`].
pub fn leg_total_from_proto(it: &node::AuditTotal) -> Result<LegTotalRow, Problem> {
    let (row, side) = need("kind", kinds::by_wire(it.kind))?;
    Ok(LegTotalRow {
        window: need("window_id", Window::parse(&it.window_id))?,
        counter_region: need("counter_region_code", RegionCode::parse(&it.counter_region_code))?,
        side,
        kind: row.kind,
        count: it.count,
        amount: need("amount", signed(&it.amount))?,
        digest: need("digest", Digest::from_slice(&it.digest))?,
        set_digest: Digest::default(),
        first_transfer_id: TransferId::default(),
        last_transfer_id: TransferId::default(),
    })
}

/// An account's row. Errors as of [`transfer_from_proto`].
pub fn account_from_proto(it: &node::AuditAccount) -> Result<AccountRow, Problem> {
    Ok(AccountRow {
        member_ref: need("member", member(&it.member))?,
        kind: need("kind", AccountKind::from_name(&it.kind))?,
        posted: need("posted", signed(&it.posted))?,
        held: need("held", signed(&it.held))?,
        pending: need("pending", signed(&it.pending))?,
        entry_count: 0,
        last_entry: 0,
        day: need("day", counted_day(&it.day))?,
        day_count: it.day_count,
        earlier_day: need("earlier_day", counted_day(&it.earlier_day))?,
        earlier_count: it.earlier_count,
    })
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
