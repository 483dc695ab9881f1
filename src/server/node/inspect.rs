//! Inspect: legs and their totals, for audit and reconciliation. Read beside the writer, in pages.

use super::Shared;
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Order, Row as _, Scan, TableRow, Term};
use crate::domain::node::tables::{FoundByRow, Key, LegRow, Row, Table};
use crate::domain::node::{Record, leg_record, legs_in};
use crate::domain::protocol::total::{add_digest, row_digest};
use crate::domain::protocol::{Kind, LegState};
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, Money, ProvinceCode, RegionDirectory, Side, TransferId, Window};
use crate::proto::node::inspect_request::Selector as WireSelector;
use crate::proto::node::{InspectRequest, InspectResponse, LegState as WireState, LegTotal};
use crate::store::{AnyTables, StoreError};
use crate::wire::inspect::{leg_view, state_to_proto, with_leg_record};
use crate::wire::leg::{kind_to_proto, side_to_proto};
use crate::wire::page::{page_size, read_token, token};
use crate::wire::reader::{Path, Violations, check_batch, transfer_id};
use crate::wire::status::{Problem, problem_of_store};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use tonic::Status;

/// Legs read at once.
const PAGE: usize = 1_000;

/// Which legs are asked for.
#[derive(Clone, Debug)]
enum Selector {
    Ids(Vec<TransferId>),
    State(WireState),
    HubSeq(RangeInclusive<u64>),
    Window(Window),
}

/// A request as it was understood.
#[derive(Clone, Debug)]
struct Query {
    selector: Selector,
    ids: RangeInclusive<TransferId>,
    after: Option<Key>,
    limit: usize,
    totals_only: bool,
    scope: Vec<u8>,
}

impl Query {
    fn read(request: &InspectRequest) -> Result<Query, Problem> {
        let limit = page_size(request.page_size)?;
        let (root, mut found) = (Path::Root, Violations::default());
        let selector = selector(request.selector.as_ref(), &mut found);
        let mut bound = |name, text: &str, end| match text {
            "" => Some(end),
            text => transfer_id(&root.field(name), text, &mut found),
        };
        let first = bound("first_transfer_id", &request.first_transfer_id, TransferId([0; 16]));
        let last = bound("last_transfer_id", &request.last_transfer_id, TransferId([255; 16]));
        let (selector, first, last) = found
            .finish(selector.zip(first).zip(last).map(|((selector, first), last)| (selector, first, last)))?;
        let scope = format!("legs {selector:?} {first} {last}").into_bytes();
        let after = read_token("page_token", &scope, &request.page_token)?;
        let after = after
            .map(|bytes| key(&bytes).ok_or_else(|| Problem::field("page_token", Reason::PageTokenInvalid)));
        let after = after.transpose()?;
        Ok(Query { selector, ids: first..=last, after, limit, totals_only: request.totals_only, scope })
    }

    /// The legs that it selects; nothing where they are read by their ids.
    fn filter(&self) -> Option<Filter<Table>> {
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
            Selector::Window(window) => committed().and(Term::Is("window", value(window))),
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

fn token_of(scope: &[u8], leg: &LegRow) -> String {
    token(scope, &[&leg.transfer_id.0[..], &[leg.side as u8]].concat())
}

/// Every leg after a key that the query admits, in order, so many read at once, until `take` has enough.
fn each(
    tables: &mut AnyTables<Record>,
    query: &Query,
    (after, limit): (Option<Key>, usize),
    mut take: impl FnMut(&LegRow) -> bool,
) -> Result<(), StoreError> {
    if let Selector::Ids(ids) = &query.selector {
        let keys: Vec<Key> = ids.iter().flat_map(|id| Side::BOTH.map(|it| Key::Leg(*id, it))).collect();
        let rows = tables.load(&keys)?;
        let legs = rows.iter().flatten().filter_map(LegRow::of);
        let mut legs =
            legs.filter(|leg| after.as_ref().is_none_or(|after| Row::from((*leg).clone()).key() > *after));
        let _enough = legs.by_ref().filter(|leg| query.ids.contains(&leg.transfer_id)).find(|leg| !take(leg));
        return Ok(());
    }
    let Some(filter) = query.filter() else { return Ok(()) };
    let mut after = after;
    loop {
        let rows = tables.scan(&Scan { filter: filter.clone(), after: after.clone(), limit })?;
        for leg in rows.iter().filter_map(LegRow::of) {
            if !take(leg) {
                return Ok(());
            }
        }
        match rows.last() {
            Some(last) if rows.len() == limit => after = Some(last.key()),
            Some(_) | None => return Ok(()),
        }
    }
}

/// What totals are counted by.
type Group = (Window, Option<ProvinceCode>, Side, Kind);

/// One group's total so far.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Total {
    count: u64,
    amount: Money,
    set: Digest,
    sum: Digest,
    first: TransferId,
    last: TransferId,
}

impl Total {
    fn add(total: Option<Total>, leg: &LegRow) -> Total {
        let mut hash = Sha256::new();
        hash.update(leg.transfer_id.0);
        hash.update(leg.hub_seq.unwrap_or(0).to_be_bytes());
        hash.update(leg.amount.fen().to_be_bytes());
        let one: [u8; 32] = hash.finalize().into();
        let id = leg.transfer_id;
        let mut total = total.unwrap_or(Total {
            count: 0,
            amount: Money::ZERO,
            set: Digest::default(),
            sum: Digest::default(),
            first: id,
            last: id,
        });
        total.count += 1;
        // What was committed was booked, so its sum fits.
        total.amount = total.amount.checked_add(leg.amount).unwrap_or(total.amount);
        let row = row_digest(leg.hub_seq.unwrap_or(0), id, leg.kind, leg.side, leg.amount);
        total.sum = add_digest(total.sum, row);
        total.set.0.iter_mut().zip(one).for_each(|(sum, byte)| *sum ^= byte);
        (total.first, total.last) = (total.first.min(id), total.last.max(id));
        total
    }

    fn to_proto(&self, (window, counterpart, side, kind): Group) -> LegTotal {
        LegTotal {
            window_id: window.to_string(),
            counter_province_code: counterpart.map_or_else(String::new, |province| province.to_string()),
            side: side_to_proto(side),
            count: self.count,
            amount: self.amount.to_string(),
            set_digest: self.set.0.to_vec(),
            first_transfer_id: self.first.to_string(),
            last_transfer_id: self.last.to_string(),
            kind: kind_to_proto(kind, side),
            digest: self.sum.0.to_vec(),
        }
    }
}

fn totals(
    tables: &mut AnyTables<Record>,
    query: &Query,
    places: &RegionDirectory,
) -> Result<Vec<LegTotal>, StoreError> {
    let mut groups: BTreeMap<Group, Total> = BTreeMap::new();
    each(tables, query, (None, PAGE), |leg| {
        if let (LegState::Committed, Some(window)) = (leg.state, leg.window) {
            let counter = leg.counter_region.and_then(|region| places.province_of(region));
            let group = (window, counter, leg.side, leg.kind);
            let total = Total::add(groups.remove(&group), leg);
            groups.insert(group, total);
        }
        true
    })?;
    Ok(groups.iter().map(|(group, total)| total.to_proto(*group)).collect())
}

fn page(tables: &mut AnyTables<Record>, query: &Query) -> Result<(Vec<LegRow>, bool), StoreError> {
    let mut legs = Vec::new();
    // One more than the page has: whether there is another.
    let limit = PAGE.min(query.limit + 1);
    each(tables, query, (query.after.clone(), limit), |leg| {
        legs.push(leg.clone());
        legs.len() <= query.limit
    })?;
    let more = legs.len() > query.limit;
    legs.truncate(query.limit);
    Ok((legs, more))
}

/// Legs by id, state, hub number or window, with totals over all of them on the first page.
pub(super) async fn inspect(
    shared: &Shared,
    request: InspectRequest,
    for_hub: bool,
) -> Result<InspectResponse, Status> {
    let query = Query::read(&request)?;
    let (asked, places) = (query.clone(), std::sync::Arc::clone(&shared.places));
    let sender = Some(shared.mark.sender());
    let records = request.with_leg_records && for_hub;
    let read = move |tables: &mut AnyTables<Record>| {
        // A hub that recovers wants the legs alone, and totals are a reading of all of them.
        let counted = asked.after.is_none() && !records;
        let totals = if counted { totals(tables, &asked, &places)? } else { Vec::new() };
        let (legs, more) = if asked.totals_only { (Vec::new(), false) } else { page(tables, &asked)? };
        let members = if records { legs.iter().map(|leg| leg.member_ref).collect() } else { BTreeSet::new() };
        let keys: Vec<Key> = members.into_iter().map(Key::FoundBy).collect();
        let found_by = if keys.is_empty() { Vec::new() } else { tables.load(&keys)? };
        let found_by = found_by.iter().flatten().filter_map(FoundByRow::of);
        let found_by: BTreeMap<_, _> = found_by.map(|row| (row.member_ref, row.id_hash)).collect();
        Ok((totals, legs, more, found_by))
    };
    // A hub that recovers is waited for by the whole country; everybody else lists.
    let (totals, legs, more, found_by) = match records {
        true => shared.protocol.run(read).await.map_err(problem_of_store)?,
        false => shared.lists.run(read).await?,
    };
    let last = legs.last().filter(|_| more);
    let next_page_token = last.map_or_else(String::new, |leg| token_of(&query.scope, leg));
    let found_by = |leg: &LegRow| found_by.get(&leg.member_ref).copied();
    let view = |leg: &LegRow| match records.then(|| leg_record(leg, found_by(leg))).flatten() {
        Some(record) => {
            with_leg_record(leg, shared.sealed(leg.transfer_id, leg.side, &record), leg_view(leg))
        }
        None => leg_view(leg),
    };
    Ok(InspectResponse { sender, legs: legs.iter().map(view).collect(), totals, next_page_token })
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
