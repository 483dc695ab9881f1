//! A node's side: every cell of its tables, and what a refused input leaves unchanged.

use super::decide::{Brings, Reaction, reaction};
use super::prepare::{Known, Precedent, precedent};
use super::{Answer, Effect, Input, NodeMachine};
use crate::domain::hub;
use crate::domain::machine::{IncidentRow, Machine, Output, SelfRow, Ticket};
use crate::domain::node::record::Record;
use crate::domain::node::tables::{AccountRow, Key, LegRow, PersonRow, Row};
use crate::domain::protocol::{AckResult, LegState, Outcome, Ruling, Verdict};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{
    AccountKind, Day, Digest, Insurance, InsuranceStatus, InsuranceType, Money, RegionCode, Side,
};
use crate::testkit::{PAYEE, PAYER, Pair, answer, decision, id, id_hash, legs, member};

fn refusal(verdict: &Verdict) -> Reason {
    match verdict {
        Verdict::No { refusal, .. } | Verdict::Conflict { refusal } => refusal.reason,
        Verdict::Yes { .. } | Verdict::Awaiting { .. } => panic!("not refused: {verdict:?}"),
    }
}

pub(super) fn rows(pair: &mut Pair) -> Vec<Row> {
    [PAYER, PAYEE].into_iter().flat_map(|province| pair.node(province).rows()).collect()
}

#[test]
fn every_cell_of_state_and_outcome_is_what_the_protocol_says() {
    use LegState::{Aborted, Awaiting, Committed, Parked, Posted, Prepared, Refused, Tombstone};
    use Outcome::{Abort, Commit};
    let table = [
        (None, Commit, Reaction::Reject),
        (None, Abort, Reaction::Tombstone),
        (Some(Awaiting), Commit, Reaction::Reject),
        (Some(Awaiting), Abort, Reaction::Tombstone),
        (Some(Prepared), Commit, Reaction::CarryOut),
        (Some(Prepared), Abort, Reaction::CarryOut),
        (Some(Refused), Commit, Reaction::Reject),
        (Some(Refused), Abort, Reaction::Confirm),
        (Some(Tombstone), Commit, Reaction::Reject),
        (Some(Tombstone), Abort, Reaction::Confirm),
        (Some(Committed), Commit, Reaction::Confirm),
        (Some(Committed), Abort, Reaction::Reject),
        (Some(Aborted), Commit, Reaction::Reject),
        (Some(Aborted), Abort, Reaction::Confirm),
        (Some(Posted), Commit, Reaction::CarryOut),
        (Some(Posted), Abort, Reaction::CarryOut),
        (Some(Parked), Commit, Reaction::Reject),
        (Some(Parked), Abort, Reaction::Confirm),
    ];
    assert_eq!(table.len(), (LegState::ALL.len() + 1) * Outcome::ALL.len());
    for (state, outcome, expected) in table {
        assert_eq!(reaction(state, outcome, Brings::Nothing), expected, "{state:?} × {outcome:?}");
        // A leg's own record changes what the decision on a lost leg does, and nothing else: only what was decided here
        // comes back with an abort, as parked.
        let lost = matches!(state, None | Some(Awaiting));
        let with_leg = if lost { Reaction::Replay } else { expected };
        assert_eq!(reaction(state, outcome, Brings::Leg), with_leg, "{state:?} × {outcome:?}, with its leg");
        // A posting changes what a commit of an id never seen does, and nothing else.
        let told = outcome == Commit && state.is_none();
        let posting = if told { Reaction::Book } else { expected };
        assert_eq!(reaction(state, outcome, Brings::Posting), posting, "{state:?} × {outcome:?}, posting");
    }
}

#[test]
fn every_cell_of_state_terms_and_acceptance_is_what_the_protocol_says() {
    use LegState::{Aborted, Awaiting, Committed, Parked, Posted, Prepared, Refused, Tombstone};
    use Precedent::{AbortedBefore, Judge, OtherTerms, SameAgain};
    // Same terms; same terms by the id, after the acceptance; other terms, either way.
    let table = [
        (None, [Judge, Judge, Judge]),
        (Some(Awaiting), [SameAgain, Judge, OtherTerms]),
        (Some(Prepared), [SameAgain, SameAgain, OtherTerms]),
        (Some(Refused), [SameAgain, SameAgain, OtherTerms]),
        (Some(Tombstone), [AbortedBefore; 3]),
        (Some(Committed), [SameAgain, SameAgain, OtherTerms]),
        (Some(Aborted), [AbortedBefore; 3]),
        (Some(Posted), [OtherTerms; 3]),
        (Some(Parked), [OtherTerms; 3]),
    ];
    assert_eq!(table.len(), LegState::ALL.len() + 1);
    for (state, [same, by_id, other]) in table {
        let of = |same_terms, accepted| precedent(state, Known { same_terms, accepted });
        assert_eq!([of(true, false), of(true, true)], [same, by_id], "{state:?}");
        assert_eq!([of(false, false), of(false, true)], [other; 2], "{state:?}");
    }
}

#[test]
fn a_prepare_repeated_gets_the_same_vote_and_one_hold() {
    let mut pair = Pair::new();
    let legs = legs(&pair.create(1, 1, 40_000));
    let first = pair.verdict(&legs[0]);
    let before = rows(&mut pair);
    assert_eq!(pair.verdict(&legs[0]), first);
    assert_eq!(rows(&mut pair), before);
}

#[test]
fn an_id_with_other_terms_is_a_conflict_and_changes_nothing() {
    let mut pair = Pair::new();
    let mut leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.verdict(&leg);
    let before = rows(&mut pair);
    leg.reference.terms_digest.0[0] ^= 1;
    assert_eq!(refusal(&pair.verdict(&leg)), Reason::TermsDiffer);
    let acks = pair.decide(PAYER, decision(&leg, Outcome::Abort));
    assert_eq!(acks[0].result, AckResult::Rejected);
    assert_eq!(acks[0].refusal.as_ref().map(|refusal| refusal.reason), Some(Reason::TermsDiffer));
    assert_eq!(rows(&mut pair), before, "what was aborted is not here: that is no incident");
    // What is held here on its own terms is asked about, without a wait.
    let asked = pair.run_node(PAYER, Input::Tick);
    assert!(
        matches!(&asked[..], [Output::Effect(Effect::Ask(questions))] if questions[0].transfer_id == id(1)),
        "{asked:?}"
    );
}

/// A commit of other terms is never confirmed, whatever has become of the leg.
#[test]
fn a_commit_of_other_terms_is_rejected_before_and_after_the_right_one() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.verdict(&leg);
    let right = decision(&leg, Outcome::Commit);
    let mut wrong = right.clone();
    wrong.terms_digest.0[0] ^= 1;
    for _ in 0..2 {
        let acks = pair.decide(PAYER, wrong.clone());
        let reason = acks[0].refusal.as_ref().map(|refusal| refusal.reason);
        assert_eq!((acks[0].result, reason), (AckResult::Rejected, Some(Reason::TermsDiffer)));
        pair.decide(PAYER, right.clone());
    }
    let incidents = rows(&mut pair).into_iter().filter(|row| matches!(row, Row::Incident(_)));
    assert_eq!(incidents.count(), 1);
}

#[test]
fn abort_first_then_prepare_never_holds() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    assert_eq!(pair.decide(PAYER, decision(&leg, Outcome::Abort))[0].result, AckResult::Recorded);
    assert_eq!(refusal(&pair.verdict(&leg)), Reason::AbortedBefore);
    assert_eq!(pair.decide(PAYER, decision(&leg, Outcome::Abort))[0].result, AckResult::Already);
    assert_eq!(pair.decide(PAYER, decision(&leg, Outcome::Commit))[0].result, AckResult::Rejected);
}

#[test]
fn a_commit_of_an_unknown_id_is_rejected_and_raised_once() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    for _ in 0..2 {
        assert_eq!(pair.decide(PAYER, decision(&leg, Outcome::Commit))[0].result, AckResult::Rejected);
    }
    let raised = |pair: &mut Pair| {
        pair.node(PAYER).journal().iter().filter(|it| matches!(it, Record::IncidentRaised(_))).count()
    };
    assert_eq!(raised(&mut pair), 1);
    // What was noted for another reason hides nothing.
    let noted: IncidentRow = pair.node(PAYER).get(&Key::Incident(id(1), Side::Payer)).expect("raised");
    let refusal = RefusalRecord::new(Reason::ReplayedToSuspense, Side::Payer);
    pair.node(PAYER).disk.put(IncidentRow { refusal, ..noted });
    pair.decide(PAYER, decision(&leg, Outcome::Commit));
    assert_eq!(raised(&mut pair), 2);
}

#[test]
fn each_state_of_insurance_refuses_the_payee_with_its_own_reason() {
    let cases = [
        (InsuranceStatus::None, Reason::PayeeNotInsured),
        (InsuranceStatus::Suspended, Reason::PayeeSuspended),
        (InsuranceStatus::Ended, Reason::PayeeEnded),
    ];
    for (number, (status, reason)) in (1..).zip(cases) {
        let mut pair = Pair::new();
        pair.report(PAYEE, 510_100, InsuranceType::Resident, status, "changed");
        let leg = legs(&pair.create(1, number, 40_000)).remove(1);
        assert_eq!(refusal(&pair.verdict(&leg)), reason);
    }
}

#[test]
fn suspension_after_a_yes_does_not_touch_the_leg_but_a_move_must_wait() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 40_000);
    legs(&outputs).iter().for_each(|leg| drop(pair.prepare(leg)));
    let moved = pair.report(PAYEE, 510_300, InsuranceType::Resident, InsuranceStatus::Active, "move");
    assert!(matches!(answer(moved), Answer::Refused(refusal) if refusal.reason == Reason::RegionElsewhere));
    pair.report(PAYEE, 510_100, InsuranceType::Resident, InsuranceStatus::Suspended, "suspend");
    let answers = pair.finish(outputs);
    assert!(matches!(&answers[0].1, hub::Answer::Transfer(row) if row.hub_seq == Some(1)));
}

#[test]
fn an_unknown_or_misnamed_person_is_refused_before_any_other_rule() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 400_000_000)).remove(0);
    let hub = pair.hub.mark();
    let person = |number: u8, sealed: &[u8]| PersonRow {
        id_hash: Digest([number; 32]),
        member_ref: member(PAYER),
        sealed: sealed.to_vec(),
    };
    pair.node(PAYER).disk.put(person(2, b"other name"));
    pair.node(PAYER).disk.put(person(3, b"damaged"));
    // He has not been reported since a restore.
    pair.node(PAYER).disk.put(person(4, b""));
    for (number, reason) in [
        (1, Reason::PayerNotInsured),
        (2, Reason::PayerIdentityMismatch),
        // A row of the vault that cannot be read refuses its own leg; it must not fail the call.
        (3, Reason::Internal),
        (4, Reason::PayerNotInsured),
    ] {
        let id_hash = Digest([number; 32]);
        let mut leg = leg.clone().with_id_hash(|_| id_hash);
        leg.reference.id.transfer_id = id(number);
        let legs = vec![Ok(leg)];
        let check = pair.run_node(PAYER, Input::Check { ticket: Ticket::new(0), legs: legs.clone() });
        let Answer::Refusals(refusals) = answer(check) else { panic!("no refusals") };
        assert_eq!(refusals[0].iter().map(|it| it.reason).collect::<Vec<_>>(), vec![reason]);
        let outputs = pair.run_node(PAYER, Input::Prepare { ticket: Ticket::new(0), hub, legs });
        let Answer::Votes(votes) = answer(outputs) else { panic!("no votes") };
        assert_eq!(refusal(&votes[0].verdict), reason);
    }
}

#[test]
fn a_check_lists_every_rule_that_fails_and_writes_nothing() {
    let mut pair = Pair::new();
    pair.report(PAYER, 130_100, InsuranceType::Resident, InsuranceStatus::Suspended, "changed");
    let leg = legs(&pair.create(1, 1, 400_000_000)).remove(0);
    let before = pair.node(PAYER).journal().len();
    let legs = vec![Ok(leg.with_id_hash(id_hash))];
    let Answer::Refusals(refusals) =
        answer(pair.run_node(PAYER, Input::Check { ticket: Ticket::new(0), legs }))
    else {
        panic!("no refusals")
    };
    let reasons: Vec<Reason> = refusals[0].iter().map(|refusal| refusal.reason).collect();
    let expected = [
        Reason::PayerNotEmployee,
        Reason::PayerSuspended,
        Reason::PayerAccountAbsent,
        Reason::AmountOverLimit,
        Reason::InsufficientBalance,
    ];
    assert_eq!(reasons, expected);
    assert_eq!(pair.node(PAYER).journal().len(), before);
}

#[test]
fn an_older_hub_and_a_copy_of_it_are_refused() {
    let mut pair = Pair::new();
    pair.restart_hub(9);
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.prepare(&leg);
    let good = pair.hub.mark();
    let old = crate::domain::protocol::call::PeerMark { incarnation: good.incarnation - 1, ..good };
    let copy = crate::domain::protocol::call::PeerMark { start_id: Default::default(), ..good };
    for mark in [old, copy] {
        let legs = vec![Ok(leg.clone())];
        let prepare = Input::Prepare { ticket: Ticket::new(0), hub: mark, legs };
        let answer = answer(pair.run_node(PAYER, prepare));
        assert!(matches!(answer, Answer::Refused(refusal) if refusal.reason == Reason::SenderRefused));
    }
}

/// The hub's store may have been restored, and nobody has said so: only its answer to an announcement shows that it
/// holds what this node has seen of it.
#[test]
fn nothing_is_taken_from_a_life_of_the_hub_that_has_not_admitted_the_node() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.verdict(&leg);
    pair.start_hub_as(9, false);
    let (hub, before) = (pair.hub.mark(), rows(&mut pair));
    let abort = decision(&leg, Outcome::Abort);
    let told = [
        Input::Decide { ticket: Ticket::new(0), hub, decisions: vec![abort.clone()] },
        Input::Rulings { hub, rulings: vec![Ruling::Decided(abort.clone())] },
    ];
    for input in told {
        let outputs = pair.run_node(PAYER, input);
        assert!(outputs.contains(&Output::Effect(Effect::Announce)), "{outputs:?}");
        assert_eq!(rows(&mut pair), before);
    }
    drop(pair.join(PAYER));
    assert_eq!(pair.decide(PAYER, abort)[0].result, AckResult::Recorded);
}

#[test]
fn a_node_that_restarts_asks_at_once_about_what_is_in_doubt() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.prepare(&leg);
    pair.restart_node(PAYER, 77);
    let outputs = pair.run_node(PAYER, Input::Tick);
    let [Output::Effect(super::Effect::Ask(questions))] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!((questions[0].transfer_id, questions[0].side), (id(1), Side::Payer));
    // The same tick again: the question is under way.
    assert_eq!(pair.run_node(PAYER, Input::Tick), vec![]);
}

#[test]
fn replaying_the_journals_rebuilds_the_tables() {
    let mut pair = Pair::new();
    for number in 1..=5 {
        pair.send(1, number, i64::from(number) * 50_000);
    }
    for (place, (same, records)) in pair.rebuilds() {
        assert!(same && records > 5, "{place}");
    }
}

/// Commit and abort of one leg in one call: the second was judged before what it needs was loaded, and panicked.
#[test]
fn two_orders_about_one_leg_in_one_call_are_both_answered() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.verdict(&leg);
    let hub = pair.hub.mark();
    let decisions = vec![decision(&leg, Outcome::Commit), decision(&leg, Outcome::Abort)];
    let outputs = pair.run_node(PAYER, Input::Decide { ticket: Ticket::new(0), hub, decisions });
    let Answer::Acks(acks) = answer(outputs) else { panic!("no receipts") };
    assert_eq!(
        acks.iter().map(|ack| ack.result).collect::<Vec<_>>(),
        [AckResult::Recorded, AckResult::Rejected]
    );
}

/// The incident was not among the rows that rulings ask for: the second of two about one leg panicked.
#[test]
fn two_rulings_about_one_leg_in_one_answer_are_both_taken() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.verdict(&leg);
    let hub = pair.hub.mark();
    let rulings = [Outcome::Commit, Outcome::Abort].map(|it| Ruling::Decided(decision(&leg, it)));
    let outputs = pair.run_node(PAYER, Input::Rulings { hub, rulings: rulings.to_vec() });
    let alarms = outputs.iter().filter(|it| matches!(it, Output::Effect(Effect::Alarm(..))));
    assert_eq!(alarms.count(), 1);
}

/// Before the hub has given a start its incarnation, its votes would belong to no life.
#[test]
fn a_node_that_has_not_joined_votes_on_nothing() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    let before = rows(&mut pair);
    pair.start_node_as(PAYER, 9);
    match pair.prepare(&leg) {
        Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::NotAnnounced),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(rows(&mut pair), before);
}

/// Half of what it can hold is left for what is under way.
#[test]
fn a_clearing_account_that_is_full_takes_no_new_transfer() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    let full = AccountRow {
        posted: Money::from_fen(i64::MIN / 2 - 2),
        ..super::account::empty_account(super::account::PROVINCE, AccountKind::Clearing)
    };
    pair.node(PAYER).disk.put(full);
    assert_eq!(refusal(&pair.verdict(&leg)), Reason::Overflow);
}

/// With all that is on its way to it.
#[test]
fn a_wallet_that_could_not_keep_it_is_promised_nothing_more() {
    let mut pair = Pair::new();
    let full = AccountRow {
        posted: Money::from_fen(i64::MAX - 50_000),
        ..super::account::empty_account(member(PAYEE), AccountKind::Wallet)
    };
    pair.node(PAYEE).disk.put(full);
    let mut verdict = |number| {
        let leg = legs(&pair.create(u64::from(number), number, 40_000)).remove(1);
        pair.verdict(&leg)
    };
    assert!(matches!(verdict(1), Verdict::Yes { .. }));
    assert_eq!(refusal(&verdict(2)), Reason::Overflow);
}

/// What the tables' constraints refuse, for stores that have none.
#[test]
fn rows_that_no_booking_makes_are_violations() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.verdict(&leg);
    let leg = pair.leg(1, Side::Payer).expect("a leg");
    let of = |fen| Row::from(LegRow { amount: Money::from_fen(fen), ..leg.clone() }).violated();
    assert_eq!([-1, 0, 1].map(of), [Some("leg_amount_not_negative"), None, None]);
    let of = |kind, [posted, held, pending]: [i64; 3]| {
        let row = super::account::empty_account(member(PAYER), kind);
        let [posted, held, pending] = [posted, held, pending].map(Money::from_fen);
        Row::from(AccountRow { posted, held, pending, ..row }).violated()
    };
    for kind in [AccountKind::Personal, AccountKind::Wallet] {
        assert_eq!(of(kind, [5, -1, 0]), Some("account_held_not_negative"));
        assert_eq!(of(kind, [5, 0, -1]), Some("account_pending_not_negative"));
        assert_eq!(of(kind, [5, 6, 0]), Some("account_covers_holds"));
        assert_eq!(of(kind, [5, 5, 5]), None);
    }
    assert_eq!(of(AccountKind::Clearing, [-5, 0, 0]), None, "the province's own may stand below zero");
}

/// Rows of what is finished are forgotten first: what still changes is not.
#[test]
fn a_leg_is_finished_once_its_decision_is_recorded() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 40_000)).remove(0);
    pair.verdict(&leg);
    let is_finished = |pair: &Pair| Row::from(pair.leg(1, Side::Payer).expect("a leg")).is_finished();
    assert!(!is_finished(&pair));
    pair.decide(PAYER, decision(&leg, Outcome::Commit));
    assert!(is_finished(&pair));
    assert!(!Row::from(pair.account(PAYER, AccountKind::Personal)).is_finished());
}

#[test]
fn a_no_is_kept_with_what_it_refused() {
    let mut pair = Pair::new();
    let leg = legs(&pair.create(1, 1, 400_000_000)).remove(0);
    refusal(&pair.verdict(&leg));
    let row = pair.leg(1, Side::Payer).expect("a leg");
    assert_eq!((row.amount, row.receipt_time), (leg.terms.amount, leg.terms.receipt_time));
    assert_eq!(row.day, Day::of(leg.terms.receipt_time));
}

/// An audit compares what hub and node have by it.
#[test]
fn the_highest_number_of_a_commit_is_known_in_whatever_order_they_come() {
    let mut pair = Pair::new();
    let [first, second] = [1, 2].map(|number| {
        let outputs = pair.create(u64::from(number), number, 100);
        pair.vote_on(&outputs)
    });
    let reached = |pair: &Pair| pair.node(PAYER).get::<SelfRow>(&Key::OWN).expect("there").hub_seq;
    assert_eq!(reached(&pair), 0);
    pair.finish(second);
    assert_eq!(reached(&pair), 2);
    pair.finish(first);
    assert_eq!(reached(&pair), 2);
}

#[test]
fn the_hub_is_asked_at_once_when_it_has_restarted_and_not_about_what_is_decided() {
    let mut pair = Pair::new();
    pair.send(1, 1, 100);
    for number in [2, 3] {
        let leg = legs(&pair.create(2, number, 100)).remove(0);
        pair.verdict(&leg);
    }
    assert_eq!(pair.run_node(PAYER, Input::Tick), vec![], "the same hub");
    pair.start_hub_as(9, false);
    drop(pair.join(PAYER));
    let outputs = pair.run_node(PAYER, Input::Tick);
    let [Output::Effect(Effect::Ask(questions))] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(questions.iter().map(|it| it.transfer_id).collect::<Vec<_>>(), [id(2), id(3)]);
}

#[test]
fn of_what_waits_for_the_clock_the_last_tick_is_kept_and_what_needs_no_time_does_not_wait() {
    assert!(NodeMachine::supersedes(&Input::Tick, &Input::Tick));
    assert!(!NodeMachine::supersedes(&Input::Tick, &Input::Restored));
    assert!(NodeMachine::stamps(&Input::Tick) && !NodeMachine::stamps(&Input::Restored));
}

#[test]
fn an_insurance_is_in_order_when_it_is_in_force_and_nothing_is_owed() {
    let region = RegionCode::new(510_100).expect("a code");
    let sound = Insurance::new(region, InsuranceType::Resident);
    assert!(sound.is_in_order());
    assert!(!Insurance { in_arrears: true, ..sound }.is_in_order());
    assert!(!Insurance { insurance_status: InsuranceStatus::Suspended, ..sound }.is_in_order());
}
