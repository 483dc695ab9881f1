//! Inspect: legs and their totals, for audit and reconciliation. Read beside the writer, in pages.

mod query;

use super::Shared;
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Row as _, Scan, TableRow, Term};
use crate::domain::node::tables::{FoundByRow, Key, LegRow, LegTotalRow, Row, Table};
use crate::domain::node::{Record, leg_record};
use crate::domain::protocol::{Kind, LegState};
use crate::domain::value::{ProvinceCode, RegionDirectory, Side, Window};
use crate::proto::node::{InspectRequest, InspectResponse, LegTotal};
use crate::store::{AnyTables, StoreError};
use crate::wire::inspect::{leg_view, with_leg_record};
use crate::wire::leg::{kind_to_proto, side_to_proto};
use crate::wire::page::token;
use crate::wire::status::problem_of_store;
use query::{Query, Selector};
use std::collections::{BTreeMap, BTreeSet};
use tonic::Status;

/// Legs read at once.
const PAGE: usize = 1_000;

fn token_of(scope: &[u8], leg: &LegRow) -> String {
    token(scope, &[&leg.transfer_id.0[..], &[leg.side as u8]].concat())
}

/// Every leg after a key that the query admits, in order, so many read at once, until `take` has enough.
fn each(
    tables: &mut AnyTables<Record>,
    (query, places): (&Query, &RegionDirectory),
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
        let is_asked = |leg: &&LegRow| {
            let province = leg.counter_region.and_then(|region| places.province_of(region));
            query.admits(province, leg.side, leg.kind)
        };
        for leg in rows.iter().filter_map(LegRow::of).filter(is_asked) {
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

fn total_to_proto(total: &LegTotalRow, (window, counterpart, side, kind): Group) -> LegTotal {
    LegTotal {
        window_id: window.to_string(),
        counter_province_code: counterpart.map_or_else(String::new, |province| province.to_string()),
        side: side_to_proto(side),
        count: total.count,
        amount: total.amount.to_string(),
        set_digest: total.set_digest.0.to_vec(),
        first_transfer_id: total.first_transfer_id.to_string(),
        last_transfer_id: total.last_transfer_id.to_string(),
        kind: kind_to_proto(kind, side),
        digest: total.digest.0.to_vec(),
    }
}

/// What is kept of a whole window costs no reading of its legs; anything narrower is added up.
fn totals(
    tables: &mut AnyTables<Record>,
    query: &Query,
    places: &RegionDirectory,
) -> Result<Vec<LegTotal>, StoreError> {
    let mut groups: BTreeMap<Group, LegTotalRow> = BTreeMap::new();
    let mut add = |one: LegTotalRow| {
        let group = (one.window, places.province_of(one.counter_region), one.side, one.kind);
        if query.admits(group.1, group.2, group.3) {
            let sum = match groups.remove(&group) {
                Some(sum) => sum.and(&one),
                None => one,
            };
            groups.insert(group, sum);
        }
    };
    match query.whole_window() {
        Some(window) => {
            let filter = Filter::all(Table::LegTotal).and(Term::Is("window", value(&window)));
            let rows = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
            rows.iter().filter_map(LegTotalRow::of).cloned().for_each(add);
        }
        None => each(tables, (query, places), (None, PAGE), |leg| {
            let committed = Some(leg).filter(|leg| leg.state == LegState::Committed);
            committed.and_then(LegTotalRow::of_leg).into_iter().for_each(&mut add);
            true
        })?,
    }
    Ok(groups.iter().map(|(group, total)| total_to_proto(total, *group)).collect())
}

fn page(
    tables: &mut AnyTables<Record>,
    query: &Query,
    places: &RegionDirectory,
) -> Result<(Vec<LegRow>, bool), StoreError> {
    let mut legs = Vec::new();
    // One more than the page has: whether there is another.
    let limit = PAGE.min(query.limit + 1);
    each(tables, (query, places), (query.after.clone(), limit), |leg| {
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
        let (legs, more) =
            if asked.totals_only { (Vec::new(), false) } else { page(tables, &asked, &places)? };
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
