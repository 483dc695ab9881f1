//! Two kinds that nobody has, through the machines as they are: a loan, which is prepared as a transfer is, and its
//! repayments, which the payee's node decides by itself. What they need besides their rows in the table of kinds, every
//! kind of their form needs.

use super::*;
use crate::domain::audit::invariant::violations;
use crate::domain::hub::tables::{PositionRow, TransferRow};
use crate::domain::hub::{self, CreateRequest};
use crate::domain::machine::record::Record as _;
use crate::domain::machine::{IncidentRow, Output, TableRow, Ticket};
use crate::domain::node::tables::{AccountRow, EntryRow, LegRow};
use crate::domain::node::{self, PostRequest};
use crate::domain::protocol::message::PostingTerms;
use crate::domain::protocol::{AckResult, Kind, LegRef, LegState, Outcome, Posting, Ruling, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, Digest, EntryKind, Money, Mono, ProvinceCode, Side, Window};

/// A loan is handed in.
pub(crate) fn loan(number: u8, fen: i64) -> hub::Input {
    let plain = transfer(id(number), fen);
    let terms = crate::domain::protocol::transfer::Terms { kind: Kind::LOAN, ..plain.terms.clone() };
    let request = CreateRequest { terms, ..plain };
    hub::Input::Create { ticket: Ticket::new(u64::from(number)), request: Box::new(request) }
}

/// A pair with a committed loan of 1,000.00, named 1.
fn lent() -> Pair {
    let mut pair = Pair::new();
    pair.done(|pair| pair.run_hub(loan(1, 100_000)));
    pair
}

/// So many fen of a loan are to be paid back.
pub(crate) fn repayment(number: u8, of: u8, fen: i64) -> PostRequest {
    let mut terms_digest = Digest([0xdd; 32]);
    terms_digest.0[0] = number;
    terms_digest.0[31] = of;
    terms_digest.0[1..9].copy_from_slice(&fen.to_be_bytes());
    PostRequest {
        transfer_id: id(number),
        kind: Kind::REPAYMENT,
        original: id(of),
        amount: Money::from_fen(fen),
        terms_digest,
    }
}

/// What the payee's node would tell of a repayment with this number and so many fen.
pub(crate) fn posting(pair: &Pair, number: u8, (place, fen): (u64, i64)) -> Posting {
    let request = repayment(number, 1, fen);
    let terms = PostingTerms {
        kind: request.kind,
        original: request.original,
        number: place,
        after: place - 1,
        amount: request.amount,
        post_time: pair.network.now.civil,
    };
    let reference = LegRef::new(request.transfer_id, Side::Payee, request.terms_digest);
    Posting { reference, terms, leg_record: vec![1] }
}

/// The payee's node decides a repayment; the hub has not been told yet.
fn repay(pair: &mut Pair, number: u8, fen: i64) -> node::Answer {
    let input = node::Input::Post { ticket: Ticket::new(9), request: repayment(number, 1, fen) };
    answer(pair.run_node(PAYEE, input))
}

/// Time passes, and all that follows from it happens.
fn pass(pair: &mut Pair, ms: u64) {
    let now = &mut pair.network.now;
    (now.mono, now.civil.0) = (Mono(now.mono.0 + ms), now.civil.0.saturating_add_unsigned(ms));
    pair.tick();
    pair.finish(Vec::new());
}

fn leg(pair: &Pair, province: ProvinceCode, number: u8) -> LegRow {
    let side = if province == PAYER { Side::Payer } else { Side::Payee };
    pair.node(province).get(&node::Key::Leg(id(number), side)).expect("a leg")
}

fn posted(pair: &Pair, province: ProvinceCode, kind: AccountKind) -> i64 {
    let row: AccountRow =
        pair.node(province).get(&node::Key::Account(member(province), kind)).expect("an account");
    row.posted.fen()
}

fn owed(pair: &Pair, province: ProvinceCode) -> i64 {
    let key = hub::Key::Position(Window::of(pair.network.now.civil), province);
    pair.hub.get::<PositionRow>(&key).expect("a position").owed.fen()
}

fn at_rest(pair: &mut Pair) {
    // Receipts wait for a batch that makes decisions, and not for long.
    (0..3).for_each(|_| pass(pair, 10_000));
    let books = crate::domain::audit::books::Books { at_rest: true, ..pair.books() };
    let found: Vec<String> = violations(&books).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(pair.rebuilds().iter().all(|(_, (same, _))| *same), "tables are what the journals say");
}

#[test]
fn a_prepared_kind_needs_nothing_but_its_row_of_the_table() {
    let mut pair = lent();
    let transfer: TransferRow = pair.hub.get(&hub::Key::Transfer(id(1))).expect("a transfer");
    assert_eq!((transfer.kind, transfer.state), (Kind::LOAN, TransferState::Committed));
    let legs = [PAYER, PAYEE].map(|province| leg(&pair, province, 1));
    assert!(legs.iter().all(|leg| (leg.kind, leg.state) == (Kind::LOAN, LegState::Committed)));
    let wallet = posted(&pair, PAYEE, AccountKind::Wallet);
    assert_eq!((posted(&pair, PAYER, AccountKind::Personal), wallet), (900_000, 100_000));
    assert_eq!((owed(&pair, PAYER), owed(&pair, PAYEE)), (100_000, -100_000));
    assert!(pair.hub.journal().iter().any(|record| record.name() == "TransferBegun"));
    assert!(pair.node(PAYER).journal().iter().any(|record| record.name() == "LegBound"));
    at_rest(&mut pair);
}

#[test]
fn a_posted_kind_is_decided_by_its_node_booked_by_the_hub_and_told_to_the_other_side() {
    let mut pair = lent();
    let node::Answer::Posted(row) = repay(&mut pair, 2, 30_000) else { panic!("not posted") };
    assert_eq!((row.state, row.number, row.hub_seq), (LegState::Posted, Some(1), None));
    // It is spent before anybody else has heard of it.
    assert_eq!(posted(&pair, PAYEE, AccountKind::Wallet), 70_000);
    assert_eq!(posted(&pair, PAYER, AccountKind::Personal), 900_000);
    pass(&mut pair, 1);
    for province in [PAYER, PAYEE] {
        let leg = leg(&pair, province, 2);
        assert_eq!(
            (leg.state, leg.number, leg.hub_seq),
            (LegState::Committed, Some(1), Some(2)),
            "{province}"
        );
        assert_eq!((leg.kind, leg.returns), (Kind::REPAYMENT, Some(id(1))), "{province}");
    }
    assert_eq!(posted(&pair, PAYER, AccountKind::Personal), 930_000);
    assert_eq!((owed(&pair, PAYER), owed(&pair, PAYEE)), (70_000, -70_000));
    let entries = pair.node(PAYER).rows().into_iter();
    let kinds: Vec<EntryKind> =
        entries.filter_map(|row| EntryRow::of(&row).map(|row| row.entry_kind)).collect();
    assert_eq!(kinds, [EntryKind::Allotment, EntryKind::TransferOut, EntryKind::ReturnIn]);
    at_rest(&mut pair);
}

#[test]
fn a_repeat_is_answered_as_it_was_and_no_more_is_posted_than_was_brought() {
    let mut pair = lent();
    let first = repay(&mut pair, 2, 60_000);
    assert_eq!(repay(&mut pair, 2, 60_000), first);
    let refused = |answer| match answer {
        node::Answer::Refused(refusal) => refusal.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(repay(&mut pair, 2, 50_000)), Reason::ContentDiffers);
    assert_eq!(refused(repay(&mut pair, 3, 60_000)), Reason::OverCompensated);
    let other = PostRequest { original: id(7), ..repayment(4, 1, 100) };
    let input = node::Input::Post { ticket: Ticket::new(9), request: other };
    assert_eq!(refused(answer(pair.run_node(PAYEE, input))), Reason::OriginalNotHere);
    pass(&mut pair, 1);
    assert_eq!(posted(&pair, PAYEE, AccountKind::Wallet), 40_000);
    at_rest(&mut pair);
}

#[test]
fn what_is_told_out_of_order_waits_for_what_comes_before_it() {
    let mut pair = lent();
    repay(&mut pair, 2, 10_000);
    repay(&mut pair, 3, 20_000);
    // The hub books both; the payer's node hears of the second first.
    let outputs = pair.run_node(PAYEE, node::Input::Tick);
    let [Output::Effect(node::Effect::Post(postings))] = outputs.as_slice() else { panic!("{outputs:?}") };
    let numbers: Vec<u64> = postings.iter().map(|it| it.terms.number).collect();
    assert_eq!(numbers, [1, 2]);
    let node = pair.node(PAYEE).mark();
    let told = hub::Input::Post { ticket: Ticket::new(5), province: PAYEE, node, postings: postings.clone() };
    let outputs = pair.run_hub(told);
    let to_payer = outputs.iter().filter_map(|output| match output {
        Output::Effect(hub::Effect::Decide(PAYER, decision)) => Some(decision.clone()),
        _ => None,
    });
    let to_payer: Vec<_> = to_payer.collect();
    let second = pair.decide(PAYER, to_payer[1].clone());
    assert_eq!((second[0].result, second[0].refusal.as_ref()), (AckResult::NotYet, None));
    let (node, told) = (pair.node(PAYER).mark(), vec![(id(3), Side::Payer)]);
    assert_eq!(pair.run_hub(hub::Input::Acks { province: PAYER, node, told, acks: second }), []);
    let first = pair.decide(PAYER, to_payer[0].clone());
    assert_eq!(first[0].result, AckResult::Recorded);
    // After a rest it is told again, and everything ends.
    drop(pair.hub_says(outputs));
    pass(&mut pair, 1_000);
    pass(&mut pair, 1_000);
    assert_eq!(leg(&pair, PAYER, 3).state, LegState::Committed);
    at_rest(&mut pair);
}

#[test]
fn the_hub_parks_what_passes_the_transfer_and_goes_on_after_it() {
    let mut pair = lent();
    // A node that has gone wrong posts more than the loan has brought.
    let posting = |number, fen, place| posting(&pair, number, (place, fen));
    let all = [posting(2, 100_001, 1), posting(4, 5, 3), posting(3, 400, 2), posting(5, 9, 1)];
    let tell = |pair: &mut Pair| {
        let (node, postings) = (pair.node(PAYEE).mark(), all.to_vec());
        pair.run_hub(hub::Input::Post { ticket: Ticket::new(5), province: PAYEE, node, postings })
    };
    let said = |outputs: &[HubOutput]| -> Vec<Option<Outcome>> {
        let rulings = outputs.iter().find_map(|output| match output {
            Output::Answer(5, hub::Answer::Rulings(rulings)) => Some(rulings),
            _ => None,
        });
        let outcome = |ruling: &Ruling| match ruling {
            Ruling::Decided(decision) => Some(decision.outcome),
            Ruling::Pending { .. } | Ruling::Refused { .. } => None,
        };
        rulings.expect("rulings").iter().map(outcome).collect()
    };
    let outputs = tell(&mut pair);
    // Parked; a gap; the next number; a number that is used.
    assert_eq!(said(&outputs), [Some(Outcome::Abort), None, Some(Outcome::Commit), None]);
    let parked: TransferRow = pair.hub.get(&hub::Key::Transfer(id(2))).expect("known");
    assert_eq!(parked.refusal.map(|refusal| refusal.reason), Some(Reason::PostingParked));
    assert!(parked.payer_recorded_seq.is_some(), "the payer's node has nothing to hear of it");
    let noted = pair.hub.get::<IncidentRow>(&hub::Key::Incident(id(5), Side::Payee)).expect("for people");
    assert_eq!(noted.refusal.reason, Reason::PostingParked);
    // What is booked is told with what was booked before it: the payer's node does not wait for the parked number.
    let told = outputs.iter().find_map(|output| match output {
        Output::Effect(hub::Effect::Decide(PAYER, decision)) => decision.posting,
        _ => None,
    });
    assert_eq!(told.map(|terms| (terms.number, terms.after)), Some((2, 0)));
    assert_eq!((owed(&pair, PAYER), owed(&pair, PAYEE)), (99_600, -99_600));
    let again = tell(&mut pair);
    assert_eq!(said(&again), [Some(Outcome::Abort), Some(Outcome::Commit), Some(Outcome::Commit), None]);
}

#[test]
fn a_parked_posting_stays_spent_at_its_node_and_is_an_incident_there() {
    let mut pair = lent();
    repay(&mut pair, 2, 30_000);
    let (leg_before, wallet) = (leg(&pair, PAYEE, 2), posted(&pair, PAYEE, AccountKind::Wallet));
    let decision = crate::domain::protocol::message::Decision {
        transfer_id: id(2),
        side: Side::Payee,
        terms_digest: leg_before.terms_digest,
        outcome: Outcome::Abort,
        window: None,
        hub_seq: None,
        decide_time: pair.network.now.civil,
        leg_record: Vec::new(),
        posting: None,
        lost: None,
    };
    let acks = pair.decide(PAYEE, decision);
    assert_eq!(acks[0].result, AckResult::Recorded);
    assert_eq!(leg(&pair, PAYEE, 2).state, LegState::Parked);
    assert_eq!(posted(&pair, PAYEE, AccountKind::Wallet), wallet);
    let noted = pair.node(PAYEE).get::<IncidentRow>(&node::Key::Incident(id(2), Side::Payee));
    assert_eq!(noted.expect("for people").refusal.reason, Reason::PostingParked);
}

#[test]
fn a_node_that_dies_after_it_has_posted_tells_it_when_it_is_back() {
    let mut pair = lent();
    repay(&mut pair, 2, 30_000);
    pair.restart_node(PAYEE, 77);
    pass(&mut pair, 1);
    assert_eq!(leg(&pair, PAYER, 2).state, LegState::Committed);
    pair.done(|pair| pair.restart_hub(78));
    pass(&mut pair, 1);
    repay(&mut pair, 3, 1_000);
    pass(&mut pair, 1);
    assert_eq!(leg(&pair, PAYEE, 3).number, Some(2));
    at_rest(&mut pair);
}

#[test]
fn either_node_is_told_back_what_it_has_lost_of_a_posting() {
    for province in [PAYER, PAYEE] {
        let mut pair = lent();
        let backup = pair.disk(province).expect("a disk").backup();
        repay(&mut pair, 2, 30_000);
        pass(&mut pair, 1);
        let before = leg(&pair, province, 2);
        pair.disk(province).expect("a disk").restored(&backup);
        pair.start_node_as(province, 80);
        let outputs = pair.join(province);
        pair.finish(outputs);
        pair.restart_node(province, 81);
        pass(&mut pair, 1);
        let after = leg(&pair, province, 2);
        assert_eq!(
            (after.state, after.number, after.hub_seq, after.window, after.amount),
            (before.state, before.number, before.hub_seq, before.window, before.amount),
            "{province}"
        );
        repay(&mut pair, 3, 1_000);
        pass(&mut pair, 1);
        assert_eq!(leg(&pair, PAYER, 3).number, Some(2), "{province}");
        at_rest(&mut pair);
    }
}

#[test]
fn what_waited_for_a_link_is_told_by_number() {
    let mut pair = lent();
    let cut = pair.link(PAYER, false);
    pair.finish(cut);
    // Their ids are in the other order.
    repay(&mut pair, 9, 10_000);
    repay(&mut pair, 3, 20_000);
    pass(&mut pair, 1);
    let told = pair.link(PAYER, true).into_iter().filter_map(|output| match output {
        Output::Effect(hub::Effect::Decide(PAYER, decision)) => decision.posting,
        _ => None,
    });
    assert_eq!(told.map(|terms| terms.number).collect::<Vec<_>>(), [1, 2]);
    // What was sent when the link broke is told again in the same order.
    let again = [pair.link(PAYER, false), pair.link(PAYER, true)].concat();
    let told = again.iter().filter_map(|output| match output {
        Output::Effect(hub::Effect::Decide(PAYER, decision)) => decision.posting,
        _ => None,
    });
    assert_eq!(told.map(|terms| terms.number).collect::<Vec<_>>(), [1, 2]);
}
