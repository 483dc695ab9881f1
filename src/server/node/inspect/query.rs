//! Which legs an Inspect asks for.

use crate::domain::kinds::by_wire;
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Order, Term};
use crate::domain::node::legs_in;
use crate::domain::node::tables::{Key, Table};
use crate::domain::protocol::{Kind, LegState};
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, Side, TransferId, Window};
use crate::proto::node::inspect_request::Selector as WireSelector;
use crate::proto::node::{HubSeqRange, InspectRequest, LegState as WireState};
use crate::wire::inspect::state_to_proto;
use crate::wire::leg::side_to_proto;
use crate::wire::page::{page_size, read_token};
use crate::wire::reader::{Path, Violations, check_batch, transfer_id};
use crate::wire::status::Problem;
use std::ops::RangeInclusive;

/// Which legs are asked for.
#[derive(Clone, Debug)]
pub(super) enum Selector {
    Ids(Vec<TransferId>),
    State(WireState),
    HubSeq(RangeInclusive<u64>),
    Window(Window),
}

/// A request as it was understood.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) selector: Selector,
    pub(super) ids: RangeInclusive<TransferId>,
    part: Part,
    pub(super) after: Option<Key>,
    pub(super) limit: usize,
    pub(super) totals_only: bool,
    pub(super) scope: Vec<u8>,
}

/// A part of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    numbers: Option<(u64, u64)>,
    counterpart: Option<ProvinceCode>,
    side: Option<Side>,
    kind: Option<(Kind, Side)>,
}

impl Part {
    fn read(request: &InspectRequest, found: &mut Violations) -> Option<Part> {
        let root = Path::Root;
        let counterpart = match request.counter_province_code.as_str() {
            "" => Some(None),
            text => {
                let code = ProvinceCode::parse(text);
                found.need(&root.field("counter_province_code"), Reason::RequestMalformed, code).map(Some)
            }
        };
        let side = match request.side {
            0 => Some(None),
            number => {
                let side = Side::BOTH.into_iter().find(|side| side_to_proto(*side) == number);
                found.need(&root.field("side"), Reason::ValueUnsupported, side).map(Some)
            }
        };
        let kind = match request.kind {
            0 => Some(None),
            number => {
                let kind = by_wire(number).map(|(row, side)| (row.kind, side));
                found.need(&root.field("kind"), Reason::ValueUnsupported, kind).map(Some)
            }
        };
        let last = |range: &HubSeqRange| if range.last == 0 { u64::MAX } else { range.last };
        let numbers = request.part.as_ref().map(|range| (range.first, last(range)));
        let part = Part { numbers, counterpart: counterpart?, side: side?, kind: kind? };
        let is_window = matches!(request.selector, Some(WireSelector::WindowId(_)));
        if is_window || part == Part::default() {
            return Some(part);
        }
        found.need(&root.field("selector"), Reason::ValueUnsupported, None)
    }
}

impl Query {
    pub(super) fn read(request: &InspectRequest) -> Result<Query, Problem> {
        let limit = page_size(request.page_size)?;
        let (root, mut found) = (Path::Root, Violations::default());
        let selector = selector(request.selector.as_ref(), &mut found);
        let part = Part::read(request, &mut found);
        let mut bound = |name, text: &str, end| match text {
            "" => Some(end),
            text => transfer_id(&root.field(name), text, &mut found),
        };
        let first = bound("first_transfer_id", &request.first_transfer_id, TransferId([0; 16]));
        let last = bound("last_transfer_id", &request.last_transfer_id, TransferId([255; 16]));
        let asked = selector.zip(part).zip(first.zip(last));
        let ((selector, part), (first, last)) = found.finish(asked)?;
        let scope = format!("legs {selector:?} {part:?} {first} {last}").into_bytes();
        let after = read_token("page_token", &scope, &request.page_token)?;
        let after = after
            .map(|bytes| key(&bytes).ok_or_else(|| Problem::field("page_token", Reason::PageTokenInvalid)));
        let after = after.transpose()?;
        Ok(Query { selector, ids: first..=last, part, after, limit, totals_only: request.totals_only, scope })
    }

    /// The legs that it selects; nothing where they are read by their ids.
    pub(super) fn filter(&self) -> Option<Filter<Table>> {
        let committed = || legs_in([LegState::Committed]);
        let selected = match &self.selector {
            Selector::Ids(_) => return None,
            Selector::State(state) => {
                legs_in(LegState::ALL.iter().copied().filter(|it| state_to_proto(*it) == *state))
            }
            Selector::HubSeq(range) => {
                let from = committed().and(Term::AtLeast("hub_seq", value(range.start())));
                let numbered = from.and(Term::AtMost(&["hub_seq"], value(range.end())));
                Filter { order: Order::Rising("hub_seq"), ..numbered }
            }
            Selector::Window(window) => self.of_window(committed().and(Term::Is("window", value(window)))),
        };
        // Bounds that leave everything in would only keep an index out.
        let (first, last) = (self.ids.start(), self.ids.end());
        let selected = match first.0 {
            [0, ..] if first.0 == [0; 16] => selected,
            _ => selected.and(Term::AtLeast("transfer_id", value(first))),
        };
        Some(match last.0 {
            [255, ..] if last.0 == [255; 16] => selected,
            _ => selected.and(Term::AtMost(&["transfer_id"], value(last))),
        })
    }

    /// The part of a window that is asked for, as far as a store can tell.
    fn of_window(&self, mut filter: Filter<Table>) -> Filter<Table> {
        if let Some((first, last)) = self.part.numbers {
            let numbered = filter.and(Term::AtLeast("hub_seq", value(&first)));
            let numbered = numbered.and(Term::AtMost(&["hub_seq"], value(&last)));
            filter = Filter { order: Order::Rising("hub_seq"), ..numbered };
        }
        if let Some((kind, _)) = self.part.kind {
            filter = filter.and(Term::Is("kind", value(&kind)));
        }
        let sides = [self.part.side, self.part.kind.map(|(_, side)| side)];
        sides.into_iter().flatten().fold(filter, |filter, side| filter.and(Term::Is("side", value(&side))))
    }

    /// Whether it asks for legs with this place in this direction, of this kind.
    pub(super) fn admits(&self, province: Option<ProvinceCode>, side: Side, kind: Kind) -> bool {
        let part = &self.part;
        part.counterpart.is_none_or(|asked| province == Some(asked))
            && part.side.is_none_or(|asked| side == asked)
            && part.kind.is_none_or(|asked| asked == (kind, side))
    }

    /// The window whose kept totals answer it: nothing narrows it down but what totals are kept by.
    pub(super) fn whole_window(&self) -> Option<Window> {
        let all = self.ids == (TransferId([0; 16])..=TransferId([255; 16]));
        match self.selector {
            Selector::Window(window) if all && self.part.numbers.is_none() => Some(window),
            _ => None,
        }
    }
}

fn selector(selector: Option<&WireSelector>, found: &mut Violations) -> Option<Selector> {
    let root = Path::Root;
    match selector {
        None => found.need(&root.field("selector"), Reason::FieldRequired, None),
        Some(WireSelector::TransferIds(asked)) => {
            if let Err(problem) = check_batch("transfer_ids", asked.transfer_ids.len()) {
                problem.violations.into_iter().for_each(|violation| found.push(violation));
                return None;
            }
            let read = asked.transfer_ids.iter().enumerate();
            let mut ids: Vec<TransferId> =
                read.filter_map(|(at, id)| transfer_id(&root.item("transfer_ids", at), id, found)).collect();
            ids.sort_unstable();
            ids.dedup();
            Some(Selector::Ids(ids))
        }
        Some(WireSelector::State(number)) => {
            let state = WireState::try_from(*number).ok().filter(|state| *state != WireState::Unspecified);
            found.need(&root.field("state"), Reason::ValueUnsupported, state).map(Selector::State)
        }
        Some(WireSelector::HubSeqRange(range)) => {
            let last = if range.last == 0 { u64::MAX } else { range.last };
            Some(Selector::HubSeq(range.first..=last))
        }
        Some(WireSelector::WindowId(text)) => found
            .need(&root.field("window_id"), Reason::RequestMalformed, Window::parse(text))
            .map(Selector::Window),
    }
}

/// The key of a leg in a token: its id and side.
fn key(bytes: &[u8]) -> Option<Key> {
    let (id, side) = bytes.split_at_checked(16)?;
    let side = Side::from_number(i64::from(*side.first().filter(|_| side.len() == 1)?))?;
    TransferId::from_slice(id).map(|id| Key::Leg(id, side))
}
