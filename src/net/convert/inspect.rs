//! Legs as a node shows them for audits. No personal data.

use crate::domain::record::LegState;
use crate::domain::row::LegRow;
use crate::net::convert::leg::{kind_to_proto, side_to_proto};
use crate::net::convert::time::{timestamp, window_id};
use crate::net::status::refusal_to_proto;
use crate::proto::node;

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
    if row.state == LegState::Buried {
        return view;
    }
    node::LegView {
        kind: kind_to_proto(row.side),
        amount: row.amount.to_string(),
        counter_region_code: row.counter_region.map_or_else(String::new, |region| region.to_string()),
        window_id: row.window.map_or_else(String::new, window_id),
        hub_seq: row.hub_seq.unwrap_or(0),
        prepare_time: Some(timestamp(row.prepare_time)),
        ..view
    }
}

/// Where a leg stands, in the words of the wire: a tombstone is an aborted leg.
pub fn state_to_proto(state: LegState) -> node::LegState {
    match state {
        LegState::Prepared => node::LegState::Prepared,
        LegState::Awaiting => node::LegState::Awaiting,
        LegState::Refused => node::LegState::Refused,
        LegState::Buried | LegState::Aborted => node::LegState::Aborted,
        LegState::Committed => node::LegState::Committed,
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
