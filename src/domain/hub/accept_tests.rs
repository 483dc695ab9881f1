//! Acceptance: what the payee, the hour and restarts make of a transfer that is held and not taken.

use super::tests::{personal, wallet};
use super::{Answer, Effect, Input};
use crate::domain::hub::record::Record;
use crate::domain::machine::{Output, Ticket};
use crate::domain::node::tables::{LegRow, WalletRow};
use crate::domain::protocol::{Ask, Leg, LegState, Question, Ruling, TransferState, Verdict, Vote};
use crate::domain::reason::Reason;
use crate::domain::rules::rulebook::{RuleValues, WithoutWallet};
use crate::domain::value::calendar::next_six;
use crate::domain::value::{Civil, Digest, InsuranceStatus, InsuranceType, Mono, Side};
use crate::domain::{hub, node};
use crate::testkit::{HubOutput, NOON, PAYEE, PAYER, Pair, id, legs, member, refusal, say};

mod lasting_tests;

const SIX: i64 = NOON + 18 * 3_600_000;

/// A pair whose payee must accept.
fn pair() -> Pair {
    Pair::with_rules(|values| values.acceptance = Some(true))
}

/// One that has a transfer of 400.00 waiting.
fn waiting() -> Pair {
    let mut pair = pair();
    let answers = pair.send(1, 1, 40_000);
    assert_eq!(state(&answers), TransferState::AwaitingAcceptance);
    pair
}

fn state(answers: &[(u64, Answer)]) -> TransferState {
    match &answers.last().expect("an answer").1 {
        Answer::Transfer(row) => row.state,
        other => panic!("no transfer: {other:?}"),
    }
}

fn refused(pair: &Pair, number: u8) -> Option<Reason> {
    pair.transfer(number).refusal.map(|refusal| refusal.reason)
}

fn payees_leg(pair: &Pair) -> LegRow {
    pair.leg(1, Side::Payee).expect("a leg")
}

fn by_id(outputs: &[HubOutput]) -> Vec<Leg> {
    legs(outputs).into_iter().filter(|leg| leg.ask == Ask::ById).collect()
}

fn at(pair: &mut Pair, civil: i64) {
    pair.network.now.civil = Civil(civil);
}

fn tick(pair: &mut Pair) -> Vec<HubOutput> {
    pair.run_hub(Input::Tick)
}

#[test]
fn it_waits_with_the_payers_hold_alone_until_it_is_taken() {
    let mut pair = waiting();
    assert_eq!((personal(&pair), wallet(&pair)), ((1_000_000, 40_000), (0, 0)));
    assert_eq!(payees_leg(&pair).state, LegState::Awaiting);
    assert_eq!(pair.transfer(1).await_until, Some(Civil(SIX)));
    let outputs = pair.say(2, 1, true);
    assert_eq!(pair.transfer(1).state, TransferState::Accepted);
    let answers = pair.finish(outputs);
    assert_eq!(state(&answers), TransferState::Committed);
    assert_eq!((personal(&pair), wallet(&pair)), ((960_000, 0), (40_000, 0)));
}

#[test]
fn both_modes_of_waiting_and_a_repeat_are_answered_with_what_awaits() {
    let mut pair = waiting();
    let again = pair.create(2, 1, 40_000);
    let [Output::Answer(2, Answer::Transfer(row))] = again.as_slice() else { panic!("{again:?}") };
    assert_eq!(row.state, TransferState::AwaitingAcceptance);
}

#[test]
fn the_order_in_which_the_first_votes_come_does_not_matter() {
    for payee_first in [true, false] {
        let mut pair = pair();
        let mut outputs = pair.create(1, 1, 40_000);
        if payee_first {
            outputs.reverse();
        }
        let answers = pair.finish(outputs);
        assert_eq!(state(&answers), TransferState::AwaitingAcceptance, "payee first: {payee_first}");
    }
}

#[test]
fn declined_it_goes_back_and_nothing_is_left_at_the_payees_node() {
    let mut pair = waiting();
    let answers = pair.payee_says(2, 1, false);
    assert_eq!((state(&answers), refused(&pair, 1)), (TransferState::Aborted, Some(Reason::Declined)));
    assert_eq!((personal(&pair), wallet(&pair)), ((1_000_000, 0), (0, 0)));
    assert_eq!(payees_leg(&pair).state, LegState::Tombstone);
    // Whoever comes second reports the first.
    for takes in [true, false] {
        let outputs = pair.say(3, 1, takes);
        assert_eq!((by_id(&outputs).len(), state(&pair.finish(outputs))), (0, TransferState::Aborted));
        assert_eq!(refused(&pair, 1), Some(Reason::Declined));
    }
}

#[test]
fn accepted_first_a_decline_reports_the_acceptance() {
    let mut pair = waiting();
    let mut outputs = pair.say(2, 1, true);
    outputs.extend(pair.say(3, 1, false));
    let answers = pair.finish(outputs);
    assert_eq!((answers.len(), state(&answers)), (2, TransferState::Committed));
    let outputs = pair.say(4, 1, false);
    assert_eq!(state(&pair.finish(outputs)), TransferState::Committed);
    assert_eq!(wallet(&pair), (40_000, 0));
}

#[test]
fn sixteen_acceptances_and_a_decline_have_one_outcome() {
    for decline_at in [0, 7, 16] {
        let mut pair = waiting();
        let mut outputs = Vec::new();
        for ticket in 0..17 {
            outputs.extend(pair.say(ticket, 1, ticket != decline_at));
        }
        let answers = pair.finish(outputs);
        let first = state(&answers);
        assert_eq!(answers.len(), 17);
        assert!((0..17).all(|number| state(&answers[..=number]) == first));
        assert_eq!(first == TransferState::Aborted, decline_at == 0, "{decline_at}");
        let moved = if first == TransferState::Committed { 40_000 } else { 0 };
        assert_eq!((personal(&pair), wallet(&pair)), ((1_000_000 - moved, 0), (moved, 0)));
    }
}

#[test]
fn a_stranger_and_an_unknown_id_are_told_the_same_and_change_nothing() {
    let mut pair = waiting();
    let journal = pair.hub.journal().len();
    let Input::Accept { ticket, mut request } = say(2, 1, true) else { unreachable!() };
    request.payee = Digest([2; 32]);
    let stranger = pair.run_hub(Input::Accept { ticket, request });
    let unknown = pair.say(2, 9, true);
    assert_eq!((refusal(&stranger), &stranger), (Reason::TransferNotFound, &unknown));
    assert_eq!(
        (pair.hub.journal().len(), pair.transfer(1).state),
        (journal, TransferState::AwaitingAcceptance)
    );
}

#[test]
fn what_is_still_being_asked_is_not_awaited_yet() {
    let mut pair = pair();
    pair.create(1, 1, 40_000);
    assert_eq!(refusal(&pair.say(2, 1, true)), Reason::NotAwaiting);
}

#[test]
fn a_millisecond_before_the_hour_is_in_time_and_the_hour_is_not() {
    let mut pair = waiting();
    at(&mut pair, SIX - 1);
    // Of the transfer nothing: the windows of the days since are closed.
    assert!(tick(&mut pair).into_iter().all(|output| output == Output::Effect(Effect::News)));
    let outputs = pair.say(2, 1, true);
    // The hour comes before the votes: the acceptance was first.
    at(&mut pair, SIX);
    assert_eq!(tick(&mut pair), vec![]);
    assert_eq!(state(&pair.finish(outputs)), TransferState::Committed);

    let mut pair = waiting();
    at(&mut pair, SIX);
    // The sweep has not come to it yet, and it is late all the same.
    let outputs = pair.say(2, 1, true);
    assert_eq!(state(&pair.finish(outputs)), TransferState::Aborted);
    assert_eq!(refused(&pair, 1), Some(Reason::NotTakenInTime));
    assert_eq!(tick(&mut pair), vec![]);
    assert_eq!((personal(&pair), wallet(&pair)), ((1_000_000, 0), (0, 0)));
}

#[test]
fn received_at_the_edge_it_waits_for_the_hour_that_is_next() {
    for (received, until) in [(SIX - 1, SIX), (SIX, SIX + 86_400_000)] {
        let mut pair = pair();
        at(&mut pair, received);
        pair.send(1, 1, 40_000);
        assert_eq!(pair.transfer(1).await_until, Some(Civil(until)));
        assert_eq!(next_six(Civil(received)), Civil(until));
    }
}

#[test]
fn the_hour_wakes_the_hub_even_if_the_clock_is_set() {
    let mut pair = waiting();
    // Far from the hour it looks once a minute.
    assert_eq!(pair.hub.wake_at(), Some(pair.network.now.mono.after(60_000)));
    at(&mut pair, SIX - 5);
    tick(&mut pair);
    assert_eq!(pair.hub.wake_at(), Some(pair.network.now.mono.after(5)));
    at(&mut pair, SIX);
    let outputs = tick(&mut pair);
    pair.finish(outputs);
    assert_eq!(refused(&pair, 1), Some(Reason::NotTakenInTime));
    assert_eq!((personal(&pair), pair.hub.machine().awaiting.wake()), ((1_000_000, 0), None));
}

#[test]
fn a_payers_node_in_doubt_is_told_to_ask_when_the_hour_has_passed() {
    let mut pair = waiting();
    let terms_digest = pair.transfer(1).terms_digest;
    let questions = vec![Question { transfer_id: id(1), side: Side::Payer, terms_digest }];
    let (node, ticket, province) = (pair.node(PAYER).mark(), Ticket::new(5), PAYER);
    let outputs = pair.run_hub(Input::Resolve { ticket, province, node, questions });
    let [Output::Answer(5, Answer::Rulings(rulings))] = outputs.as_slice() else { panic!("{outputs:?}") };
    let Ruling::Pending { ask_after_ms, .. } = &rulings[0] else { panic!("{rulings:?}") };
    assert_eq!(*ask_after_ms, 18 * 3_600_000 + 500);
    let (hub, rulings) = (pair.hub.mark(), rulings.clone());
    pair.run_node(PAYER, node::Input::Rulings { hub, rulings });
    assert_eq!(pair.node(PAYER).wake_at(), Some(Mono(*ask_after_ms)));
    assert_eq!(personal(&pair), (1_000_000, 40_000));
}

#[test]
fn what_the_payers_place_demands_travels_to_the_payees() {
    let mut pair = Pair::with_rules(|values| values.acceptance_demanded = Some(true));
    let outputs = pair.create(1, 1, 40_000);
    assert_eq!(state(&pair.finish(outputs)), TransferState::AwaitingAcceptance);
}

/// No wallet: refused at once, or waited for, as the payee's place says.
#[test]
fn a_payee_without_a_wallet_is_waited_for_where_his_place_says_so() {
    let without = |rule: fn(&mut RuleValues)| {
        let pair = Pair::with_rules(rule);
        let Some(mut row) = pair.node(PAYEE).get::<WalletRow>(&node::Key::Wallet(member(PAYEE))) else {
            panic!("none")
        };
        row.state = crate::domain::value::member::WalletState::Closed;
        pair.node(PAYEE).disk.put(row);
        pair
    };
    let mut pair = without(|_| ());
    pair.send(1, 1, 40_000);
    assert_eq!(refused(&pair, 1), Some(Reason::PayeeWalletNotOpen));

    let wait: fn(&mut RuleValues) = |values| values.without_wallet = Some(WithoutWallet::Await);
    let mut pair = without(wait);
    let outputs = pair.create(1, 1, 40_000);
    assert_eq!(state(&pair.finish(outputs)), TransferState::AwaitingAcceptance);
    let mut row: WalletRow = pair.node(PAYEE).get(&node::Key::Wallet(member(PAYEE))).expect("a wallet");
    row.state = crate::domain::value::member::WalletState::Open;
    pair.node(PAYEE).disk.put(row);
    let outputs = pair.say(2, 1, true);
    assert_eq!(state(&pair.finish(outputs)), TransferState::Committed);

    // Who has one is not asked.
    let mut pair = Pair::with_rules(wait);
    let outputs = pair.create(1, 1, 40_000);
    assert_eq!(state(&pair.finish(outputs)), TransferState::Committed);

    // Accepted without one, it is refused then.
    let mut pair = without(wait);
    pair.send(1, 1, 40_000);
    pair.payee_says(2, 1, true);
    assert_eq!(refused(&pair, 1), Some(Reason::PayeeWalletNotOpen));
}

#[test]
fn an_open_transfer_blocks_the_next_and_racing_ones() {
    let mut pair = Pair::with_rules(|values| {
        values.acceptance = Some(true);
        values.one_open_transfer = Some(true);
    });
    let mut outputs = Vec::new();
    for number in 1..=3 {
        outputs.extend(pair.create(u64::from(number), number, 100));
    }
    pair.finish(outputs);
    let open = (1..=3).filter(|it| pair.transfer(*it).state == TransferState::AwaitingAcceptance);
    let open: Vec<u8> = open.collect();
    assert_eq!(open.len(), 1);
    let others = (1..=3).filter(|it| !open.contains(it));
    others.for_each(|it| assert_eq!(refused(&pair, it), Some(Reason::OpenTransfer)));
    pair.payee_says(9, open[0], true);
    let outputs = pair.create(5, 5, 100);
    assert_eq!(state(&pair.finish(outputs)), TransferState::AwaitingAcceptance);
}

/// A node may say less than the hub's hour, never more.
#[test]
fn a_places_own_hour_counts_only_if_it_is_earlier() {
    for (said, expected) in [(NOON + 1_000, NOON + 1_000), (SIX + 1, SIX)] {
        let mut pair = pair();
        let outputs = pair.create(1, 1, 40_000);
        for output in outputs {
            let Output::Effect(Effect::Prepare(province, leg)) = output else { continue };
            let node::Answer::Votes(mut votes) = pair.prepare(&leg) else { panic!("no votes") };
            if let Verdict::Awaiting { until, .. } = &mut votes[0].verdict {
                *until = Civil(said);
            }
            let node = pair.node(province).mark();
            pair.run_hub(hub::Input::Votes { province, node, votes });
        }
        assert_eq!(pair.transfer(1).await_until, Some(Civil(expected)));
    }
}

#[test]
fn a_payers_side_that_awaits_ends_the_transfer() {
    let mut pair = pair();
    let outputs = pair.create(1, 1, 40_000);
    let Output::Effect(Effect::Prepare(_, leg)) = &outputs[0] else { panic!("{outputs:?}") };
    let node::Answer::Votes(mut votes) = pair.prepare(leg) else { panic!("no votes") };
    votes[0].verdict = Verdict::Awaiting { until: Civil(SIX), rulebook: None };
    let node = pair.node(PAYER).mark();
    pair.run_hub(Input::Votes { province: PAYER, node, votes });
    assert_eq!(refused(&pair, 1), Some(Reason::Unsupported));
}

/// The first vote comes again, late, when the payee has said yes: it binds nothing, and ends nothing.
#[test]
fn a_first_vote_after_the_acceptance_changes_nothing() {
    let mut pair = waiting();
    pair.say(2, 1, true);
    let terms_digest = pair.transfer(1).terms_digest;
    for (province, side) in [(PAYER, Side::Payer), (PAYEE, Side::Payee)] {
        let verdict = Verdict::Awaiting { until: Civil(SIX), rulebook: None };
        let votes = vec![Vote { transfer_id: id(1), side, terms_digest, verdict }];
        let node = pair.node(province).mark();
        assert_eq!(pair.run_hub(Input::Votes { province, node, votes }), vec![]);
        assert_eq!(pair.transfer(1).state, TransferState::Accepted, "{side:?}");
    }
}

#[test]
fn nothing_of_the_person_is_journaled_and_the_acceptance_is() {
    let mut pair = waiting();
    pair.say(2, 1, true);
    let journal = pair.hub.journal();
    assert_eq!(journal.iter().filter(|it| matches!(it, Record::TransferAccepted(_))).count(), 1);
}
