//! Legs as a node shows them for audits. No personal data.

use crate::domain::kinds;
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::{HeardLeg, Kind, LegState};
use crate::domain::reason::Reason;
use crate::domain::value::{RegionCode, Window};
use crate::proto::node;
use crate::wire::leg::{kind_to_proto, leg_reference, side_to_proto};
use crate::wire::reader::{Path, Violations, amount, digest, transfer_id};
use crate::wire::sender::COUNTER_END;
use crate::wire::status::{Problem, refusal_to_proto};
use crate::wire::time::{required_time, timestamp};

/// A recorded leg in the words of the wire. A tombstone has neither kind, amount, place nor time of a vote.
pub fn leg_view(row: &LegRow) -> node::LegView {
    let state = state_to_proto(row.state);
    let view = node::LegView {
        transfer_id: row.transfer_id.to_string(),
        side: side_to_proto(row.side),
        state: state.into(),
        terms_digest: row.terms_digest.0.to_vec(),
        decide_time: row.decide_time.map(timestamp),
        refusal: row.refusal.as_ref().map(refusal_to_proto),
        ..node::LegView::default()
    };
    if row.state == LegState::Tombstone {
        return view;
    }
    node::LegView {
        kind: kind_to_proto(row.kind, row.side),
        original_transfer_id: row.returns.map_or_else(String::new, |id| id.to_string()),
        amount: row.amount.to_string(),
        counter_region_code: row.counter_region.map_or_else(String::new, |region| region.to_string()),
        window_id: row.window.map_or_else(String::new, |it| it.to_string()),
        hub_seq: row.hub_seq.unwrap_or(0),
        prepare_time: Some(timestamp(row.prepare_time)),
        ..view
    }
}

/// What a hub that was restored wants to know besides: the leg as its node sealed it, and by what it was judged.
pub fn with_leg_record(row: &LegRow, sealed: Vec<u8>, view: node::LegView) -> node::LegView {
    node::LegView {
        leg_record: sealed,
        rulebook_hash: row.rulebook.map(|hash| hash.0.to_vec()).unwrap_or_default(),
        receipt_time: Some(timestamp(row.receipt_time)),
        ..view
    }
}

/// Reads a leg that a node tells a hub that was restored.
///
/// # Errors
/// `FIELD_REQUIRED`, `REQUEST_MALFORMED` and the like: an answer that cannot be understood is no answer.
pub fn heard_leg_from_proto(view: &node::LegView) -> Result<HeardLeg, Problem> {
    let (at, mut found) = (Path::Root, Violations::default());
    let name = leg_reference(&at, &view.transfer_id, view.side, &view.terms_digest, &mut found);
    let amount = amount(&at.field("amount"), &view.amount, &mut found);
    let region = RegionCode::parse(&view.counter_region_code);
    let region = found.need(&at.field("counter_region_code"), Reason::RequestMalformed, region);
    let receipt_time = required_time(&at.field("receipt_time"), view.receipt_time.as_ref(), &mut found);
    let committed = match view.hub_seq {
        0 => None,
        COUNTER_END.. => found.need(&at.field("hub_seq"), Reason::RequestMalformed, None),
        hub_seq => {
            let window =
                found.need(&at.field("window_id"), Reason::RequestMalformed, Window::parse(&view.window_id));
            let time = required_time(&at.field("decide_time"), view.decide_time.as_ref(), &mut found);
            window.zip(time).map(|(window, time)| (window, hub_seq, time))
        }
    };
    let rulebook = (!view.rulebook_hash.is_empty())
        .then(|| digest(&at.field("rulebook_hash"), &view.rulebook_hash, &mut found))
        .flatten();
    let original = Some(view.original_transfer_id.as_str()).filter(|id| !id.is_empty());
    let returns = original.and_then(|id| transfer_id(&at.field("original_transfer_id"), id, &mut found));
    // A node of an earlier program does not name the kind of what it carries back.
    let kind = kinds::by_wire(view.kind).map(|(row, _)| row.kind).filter(|kind| *kind != Kind::TRANSFER);
    let kind = kind.unwrap_or_else(|| kinds::as_shown(returns.is_some()));
    let leg = name.zip(amount).zip(region).zip(receipt_time);
    found.finish(leg.map(|(((name, amount), counter_region), receipt_time)| HeardLeg {
        transfer_id: name.id.transfer_id,
        side: name.id.side,
        terms_digest: name.terms_digest,
        amount,
        counter_region,
        receipt_time,
        committed,
        leg_record: view.leg_record.clone(),
        rulebook,
        returns,
        kind,
        number: None,
        parked: false,
    }))
}

/// Where a leg stands, in the words of the wire: a tombstone is an aborted leg.
pub fn state_to_proto(state: LegState) -> node::LegState {
    match state {
        LegState::Prepared => node::LegState::Prepared,
        LegState::Awaiting => node::LegState::Awaiting,
        LegState::Refused => node::LegState::Refused,
        LegState::Tombstone | LegState::Aborted => node::LegState::Aborted,
        // It is booked at this node, whatever the hub makes of it.
        LegState::Committed | LegState::Posted | LegState::Parked => node::LegState::Committed,
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
