//! Clearing as operators and provinces read it.

pub mod breaks;
pub mod payment;
pub mod period;
pub mod statement;

use crate::domain::audit::totals::{Counted, Group};
use crate::domain::hub::tables::{TotalRow, WindowRow};
use crate::domain::kinds;
use crate::domain::protocol::Kind;
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Digest, Money, ProvinceCode, RegionDirectory, Side, Window};
use crate::proto::{hub, node};
use crate::wire::leg::kind_to_proto;
use crate::wire::status::{Problem, refusal_side_to_proto};
use crate::wire::time::timestamp;
use std::collections::BTreeMap;

/// The window that a request names.
///
/// # Errors
/// `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn window_of_request(text: &str) -> Result<Window, Problem> {
    let wrong = |reason| Problem::field("window_id", reason);
    if text.is_empty() {
        return Err(wrong(Reason::FieldRequired));
    }
    Window::parse(text).ok_or_else(|| wrong(Reason::RequestMalformed))
}

/// A closed window.
pub fn closed_to_proto(row: &WindowRow) -> hub::Window {
    hub::Window {
        window_id: row.window.to_string(),
        state: hub::WindowState::Closed.into(),
        close_time: Some(timestamp(row.close_time)),
        closer: row.closer.clone(),
        ..hub::Window::default()
    }
}

/// The open window.
pub fn open_to_proto(window: Window) -> hub::Window {
    let state = hub::WindowState::Open.into();
    hub::Window { window_id: window.to_string(), state, ..hub::Window::default() }
}

/// What provinces owe each other by these totals of one window; `own`: of this province alone.
pub fn positions_to_proto(
    totals: &[TotalRow],
    own: Option<ProvinceCode>,
) -> (Vec<hub::Position>, Vec<hub::PairPosition>) {
    let mut pairs: BTreeMap<(ProvinceCode, ProvinceCode), (i128, u64)> = BTreeMap::new();
    for row in totals {
        let Some(debtor) = kinds::of(row.kind).debtor else { continue };
        let provinces = BySide { payer: row.payer_province, payee: row.payee_province };
        let (sum, count) = pairs.entry((provinces[debtor], provinces[debtor.other()])).or_default();
        (*sum, *count) = (*sum + i128::from(row.amount.fen()), count.saturating_add(row.count));
    }
    let mut sums: BTreeMap<ProvinceCode, (i128, i128)> = BTreeMap::new();
    for ((debtor, creditor), (amount, _)) in &pairs {
        sums.entry(*debtor).or_default().0 += amount;
        sums.entry(*creditor).or_default().1 += amount;
    }
    let is_own = |province: ProvinceCode| own.is_none_or(|own| own == province);
    let positions = sums.into_iter().filter(|(province, _)| is_own(*province));
    let positions = positions.map(|(province, (payable, receivable))| hub::Position {
        province_code: province.to_string(),
        payable: yuan(payable),
        receivable: yuan(receivable),
        net: yuan(payable - receivable),
    });
    let pairs = pairs.into_iter().filter(|((debtor, creditor), _)| is_own(*debtor) || is_own(*creditor));
    let pairs = pairs.map(|((debtor, creditor), (amount, count))| hub::PairPosition {
        debtor_province_code: debtor.to_string(),
        creditor_province_code: creditor.to_string(),
        amount: yuan(amount),
        count,
    });
    (positions.collect(), pairs.collect())
}

/// What a node has counted in a window, as it told it; nothing where it cannot be read, or tells a group twice.
pub fn counted_from_proto(
    totals: &[node::LegTotal],
    places: &RegionDirectory,
    window: Window,
) -> Option<BTreeMap<Group, Counted>> {
    let mut counted = BTreeMap::new();
    for it in totals {
        let province = ProvinceCode::parse(&it.counter_province_code);
        let province = province.filter(|code| places.provinces().any(|known| known.code == *code))?;
        let side = match it.side() {
            node::LegSide::Payer => Side::Payer,
            node::LegSide::Payee => Side::Payee,
            node::LegSide::Unspecified => return None,
        };
        let is_of = |kind: &&Kind| kind_to_proto(**kind, side) == it.kind;
        // A node of before says no kind: all that it has counted together is taken for transfers.
        let kind = if it.kind == 0 { Some(&Kind::TRANSFER) } else { Kind::ALL.iter().find(is_of) };
        let digest = Some(&it.digest).filter(|bytes| !bytes.is_empty());
        let digest = digest.map(|bytes| Digest::from_slice(bytes)).map_or(Some(None), |it| it.map(Some))?;
        let one = Counted { count: it.count, amount: Money::parse(&it.amount).ok()?, digest };
        let is_its = it.window_id == window.to_string();
        if !is_its || counted.insert((province, side, *kind?), one).is_some() {
            return None;
        }
    }
    Some(counted)
}

/// Where hub and node have counted otherwise.
pub fn difference_to_proto(
    ((counter, side, kind), hub, node): &(Group, Counted, Counted),
) -> hub::TotalDifference {
    hub::TotalDifference {
        counter_province_code: counter.to_string(),
        side: refusal_side_to_proto((*side).into()).into(),
        kind: i32::from(kind.number()),
        hub_count: hub.count,
        hub_amount: hub.amount.to_string(),
        node_count: node.count,
        node_amount: node.amount.to_string(),
    }
}

/// Sums of a whole country in yuan with two places: they may be larger than one amount can be.
pub fn yuan(fen: i128) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

#[cfg(test)]
#[path = "settlement_tests.rs"]
mod tests;
