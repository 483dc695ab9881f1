//! What a node tells of a window, part by part: totals, and legs.

use crate::domain::audit::search::{Ask, PAGE, Seen};
use crate::domain::audit::totals::{Counted, Group};
use crate::domain::kinds::by_wire;
use crate::domain::value::{Digest, Money, RegionCode, RegionDirectory, TransferId, Window};
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::{HubSeqRange, InspectRequest, InspectResponse, LegView};
use crate::wire::leg::{kind_to_proto, side_to_proto};
use crate::wire::settlement::counted_from_proto;

/// Asks for a window.
pub(super) fn of_window(window: Window) -> InspectRequest {
    let page_size = i32::try_from(PAGE).unwrap_or(i32::MAX);
    InspectRequest { selector: Some(Selector::WindowId(window.to_string())), page_size, ..Default::default() }
}

/// Asks for a part of a group of it.
pub(super) fn of_part(window: Window, (counterpart, side, kind): Group, ask: Ask) -> InspectRequest {
    let (Ask::Total(first, last) | Ask::Rows(first, last)) = ask;
    let last = if last == u64::MAX { 0 } else { last };
    InspectRequest {
        part: Some(HubSeqRange { first, last }),
        counter_province_code: counterpart.to_string(),
        side: side_to_proto(side),
        kind: kind_to_proto(kind, side),
        totals_only: matches!(ask, Ask::Total(..)),
        ..of_window(window)
    }
}

/// A total that a node tells of nothing: it has counted none.
pub(super) fn told_or_none(told: Counted) -> Counted {
    if told.count == 0 { NONE } else { told }
}

const NONE: Counted = Counted { count: 0, amount: Money::ZERO, digest: Some(Digest([0; 32])) };

/// The total of a part; nothing where it cannot be read, or is of anything else too.
pub(super) fn total_of(
    answer: &InspectResponse,
    places: &RegionDirectory,
    (window, group): (Window, Group),
) -> Option<Counted> {
    let told = counted_from_proto(&answer.totals, places, window)?;
    match told.first_key_value() {
        None => Some(NONE),
        Some((of, total)) => (told.len() == 1 && *of == group && total.digest.is_some()).then_some(*total),
    }
}

/// A committed leg; nothing where it cannot be read.
pub(super) fn seen_of(view: &LegView, places: &RegionDirectory) -> Option<(Group, Seen)> {
    let (row, side) = by_wire(view.kind).filter(|(_, side)| side_to_proto(*side) == view.side)?;
    let counterpart = RegionCode::parse(&view.counter_region_code).and_then(|it| places.province_of(it))?;
    let seen = Seen {
        window: Window::parse(&view.window_id)?,
        hub_seq: view.hub_seq,
        transfer_id: TransferId::parse(&view.transfer_id)?,
        amount: Money::parse(&view.amount).ok()?,
    };
    Some(((counterpart, side, row.kind), seen))
}

/// The legs of a part; nothing where one of them cannot be read, or is of another group.
pub(super) fn rows_of(answer: &InspectResponse, places: &RegionDirectory, group: Group) -> Option<Vec<Seen>> {
    let seen = |view| seen_of(view, places).filter(|(of, _)| *of == group).map(|(_, seen)| seen);
    answer.legs.iter().map(seen).collect()
}
