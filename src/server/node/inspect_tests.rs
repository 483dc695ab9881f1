//! Selectors, pages and totals over a store in memory.

use super::*;
use crate::domain::machine::Change;
use crate::domain::protocol::total::{add_digest, xor_digest};
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, Money, TransferId, hex};
use crate::proto::node::inspect_request::Selector as WireSelector;
use crate::proto::node::{HubSeqRange, LegSide, LegState as WireState, TransferIds};
use crate::store::memory::MemoryStore;
use crate::store::{Commit, Journal, Tables};
use crate::testkit::Country;
use crate::wire::test_kit::leg_row;

const WINDOW: u32 = 20_261_121;

fn leg(number: u8, state: LegState) -> LegRow {
    let committed = state == LegState::Committed;
    LegRow {
        transfer_id: TransferId([number; 16]),
        amount: Money::from_fen(i64::from(number) * 100),
        window: committed.then(|| Window::from_number(WINDOW)),
        hub_seq: committed.then_some(u64::from(number)),
        ..leg_row(state)
    }
}

fn store() -> MemoryStore<Record> {
    let states = [
        LegState::Committed,
        LegState::Prepared,
        LegState::Committed,
        LegState::Tombstone,
        LegState::Committed,
    ];
    let legs: Vec<LegRow> = (1..).zip(states).map(|(number, state)| leg(number, state)).collect();
    let committed = legs.iter().filter(|leg| leg.state == LegState::Committed);
    let total = committed.filter_map(LegTotalRow::of_leg).reduce(|sum, one| sum.and(&one));
    let rows = legs.into_iter().map(Row::from).chain(total.map(Row::from)).map(Change::unknown).collect();
    let mut store = MemoryStore::new();
    store.append(&Commit { rows, ..Commit::default() }).expect("stored");
    store
}

fn ask(selector: WireSelector) -> InspectRequest {
    InspectRequest { selector: Some(selector), ..InspectRequest::default() }
}

fn numbers(request: &InspectRequest) -> Vec<u8> {
    let query = Query::read(request).expect("a query");
    let (legs, _) = page(&mut store(), &query, &Country::pair(|_| ()).places).expect("read");
    legs.iter().map(|leg| leg.transfer_id.0[0]).collect()
}

#[test]
fn each_selector_takes_its_legs() {
    let ids = |numbers: &[u8]| TransferIds {
        transfer_ids: numbers.iter().map(|number| TransferId([*number; 16]).to_string()).collect(),
    };
    assert_eq!(numbers(&ask(WireSelector::TransferIds(ids(&[4, 1, 9])))), [1, 4]);
    assert_eq!(numbers(&ask(WireSelector::State(WireState::Prepared.into()))), [2]);
    assert_eq!(numbers(&ask(WireSelector::State(WireState::Aborted.into()))), [4]);
    assert_eq!(numbers(&ask(WireSelector::HubSeqRange(HubSeqRange { first: 2, last: 0 }))), [3, 5]);
    assert_eq!(numbers(&ask(WireSelector::WindowId("20261121".to_owned()))), [1, 3, 5]);
    assert_eq!(numbers(&ask(WireSelector::WindowId("20261122".to_owned()))), [] as [u8; 0]);
}

#[test]
fn pages_meet_without_gap_or_overlap_and_tokens_belong_to_their_query() {
    let mut request = ask(WireSelector::WindowId("20261121".to_owned()));
    request.page_size = 1;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let query = Query::read(&request).expect("a query");
        let (legs, more) = page(&mut store(), &query, &Country::pair(|_| ()).places).expect("read");
        seen.push(legs[0].transfer_id.0[0]);
        assert_eq!(more, seen.len() < 3);
        request.page_token = token_of(&query.scope, &legs[0]);
    }
    assert_eq!(seen, [1, 3, 5]);
    request.selector = Some(WireSelector::WindowId("20261122".to_owned()));
    let problem = Query::read(&request).expect_err("another query's token");
    assert_eq!(problem.reason, Reason::PageTokenInvalid);
}

#[test]
fn totals_count_committed_legs_and_their_digest_says_whether_sets_are_equal() {
    let query = |request: &InspectRequest| Query::read(request).expect("a query");
    let window = ask(WireSelector::WindowId("20261121".to_owned()));
    let all = totals(&mut store(), &query(&window), &Country::pair(|_| ()).places).expect("read");
    assert_eq!(
        (all[0].count, all[0].amount.as_str(), all[0].counter_province_code.as_str()),
        (3, "9.00", "51")
    );
    let part = |first: u8, last: u8| {
        let mut request = window.clone();
        request.first_transfer_id = TransferId([first; 16]).to_string();
        request.last_transfer_id = TransferId([last; 16]).to_string();
        totals(&mut store(), &query(&request), &Country::pair(|_| ()).places).expect("read").remove(0)
    };
    let (low, high) = (part(1, 3), part(4, 5));
    let bytes = |bytes: &[u8]| Digest::from_slice(bytes).expect("32 bytes");
    let both = xor_digest(bytes(&low.set_digest), bytes(&high.set_digest));
    assert_eq!(both, bytes(&all[0].set_digest));
    assert_ne!(low, high);
    let digest = |total: &LegTotal| bytes(&total.digest);
    assert_eq!(add_digest(digest(&low), digest(&high)), digest(&all[0]));
    assert_eq!(all[0].kind, kind_to_proto(Kind::TRANSFER, Side::Payer));
}

#[test]
fn the_digest_of_a_set_is_the_one_that_authors_of_nodes_are_shown() {
    let page = include_str!("../../../docs/integrate/write-a-node.md");
    let legs = [
        ("01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a", 41, 40_000),
        ("01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5b", 44, 150),
    ];
    let total = legs.into_iter().map(|(id, hub_seq, fen)| LegRow {
        transfer_id: TransferId::parse(id).expect("a UUID"),
        window: Some(Window::from_number(WINDOW)),
        hub_seq: Some(hub_seq),
        amount: Money::from_fen(fen),
        ..leg_row(LegState::Committed)
    });
    let total = total.filter_map(|leg| LegTotalRow::of_leg(&leg)).reduce(|sum, one| sum.and(&one));
    let total = total.expect("two legs");
    for shown in
        [format!("XOR     {}", hex(&total.set_digest.0)), format!("SUM     {}", hex(&total.digest.0))]
    {
        assert!(page.contains(&shown), "{shown}");
    }
}

#[test]
fn a_query_without_selector_or_with_nonsense_is_refused() {
    let reason = |request: &InspectRequest| Query::read(request).expect_err("refused").reason;
    assert_eq!(reason(&InspectRequest::default()), Reason::FieldRequired);
    assert_eq!(reason(&ask(WireSelector::State(0))), Reason::ValueUnsupported);
    assert_eq!(reason(&ask(WireSelector::WindowId("today".to_owned()))), Reason::RequestMalformed);
    assert_eq!(reason(&ask(WireSelector::TransferIds(TransferIds::default()))), Reason::BatchSizeInvalid);
}

#[test]
fn a_window_is_narrowed_down_by_number_place_side_and_kind_and_totals_cover_just_that() {
    let window = || ask(WireSelector::WindowId("20261121".to_owned()));
    let part = |first, last| InspectRequest { part: Some(HubSeqRange { first, last }), ..window() };
    assert_eq!(numbers(&part(2, 0)), [3, 5]);
    assert_eq!(numbers(&part(1, 3)), [1, 3]);
    let with = |province: &str| InspectRequest { counter_province_code: province.to_owned(), ..part(0, 0) };
    assert_eq!((numbers(&with("51")), numbers(&with("13"))), (vec![1, 3, 5], vec![]));
    let of_side = |side: LegSide| InspectRequest { side: side.into(), ..part(2, 0) };
    assert_eq!((numbers(&of_side(LegSide::Payer)), numbers(&of_side(LegSide::Payee))), (vec![3, 5], vec![]));
    let of_kind = |kind, side| InspectRequest { kind: kind_to_proto(kind, side), ..part(2, 0) };
    assert_eq!(numbers(&of_kind(Kind::TRANSFER, Side::Payer)), [3, 5]);
    assert_eq!(numbers(&of_kind(Kind::TRANSFER, Side::Payee)), [] as [u8; 0]);
    assert_eq!(numbers(&of_kind(Kind::COMPENSATION, Side::Payer)), [] as [u8; 0]);
    let places = Country::pair(|_| ()).places;
    let counted = |request: &InspectRequest| {
        let found = totals(&mut store(), &Query::read(request).expect("a query"), &places).expect("read");
        found.iter().map(|it| (it.count, it.amount.clone())).collect::<Vec<_>>()
    };
    assert_eq!(counted(&part(2, 3)), [(1, "3.00".to_owned())]);
    assert_eq!(counted(&with("51")), [(3, "9.00".to_owned())]);
    assert_eq!(counted(&with("13")), []);
    assert_eq!(counted(&InspectRequest { part: None, ..of_side(LegSide::Payee) }), []);
}

/// The legs are gone, and the totals are told.
#[test]
fn totals_of_a_whole_window_are_told_without_reading_its_legs() {
    let mut store = store();
    let kept = Row::from(LegTotalRow { count: 77, ..total_kept(&mut store) });
    store.append(&Commit { rows: vec![Change::unknown(kept)], ..Commit::default() }).expect("stored");
    let window = ask(WireSelector::WindowId("20261121".to_owned()));
    let query = Query::read(&window).expect("a query");
    let told = totals(&mut store, &query, &Country::pair(|_| ()).places).expect("read");
    assert_eq!(told.iter().map(|it| it.count).collect::<Vec<_>>(), [77]);
}

fn total_kept(store: &mut MemoryStore<Record>) -> LegTotalRow {
    let rows = store.scan(&Scan { filter: Filter::all(Table::LegTotal), after: None, limit: 9 });
    rows.expect("read").iter().find_map(LegTotalRow::of).cloned().expect("a total")
}

#[test]
fn only_a_window_has_parts() {
    let problem = |request: &InspectRequest| {
        let problem = Query::read(request).expect_err("refused");
        (problem.reason, problem.first_field().0)
    };
    let part = Some(HubSeqRange { first: 1, last: 2 });
    let state = ask(WireSelector::State(WireState::Committed.into()));
    let wrong = problem(&InspectRequest { part, ..state });
    assert_eq!(wrong, (Reason::ValueUnsupported, "selector".to_owned()));
    let window = || ask(WireSelector::WindowId("20261121".to_owned()));
    let side = problem(&InspectRequest { side: 9, ..window() });
    assert_eq!(side, (Reason::ValueUnsupported, "side".to_owned()));
    let province = InspectRequest { counter_province_code: "x".to_owned(), ..window() };
    assert_eq!(problem(&province), (Reason::RequestMalformed, "counter_province_code".to_owned()));
}
