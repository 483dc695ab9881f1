//! Hub and one province were restored together, and the other one was left out: what comes out later is booked by both.

use super::*;
use crate::domain::hub::transfer::decision_for;
use crate::domain::value::{AccountKind, Civil, Window};
use crate::testkit::NOON;

/// The payer's node is restored to before the transfer, the hub to before its decision, which the payee has recorded
/// (or has only promised). The payee is left out; the payer is told all that the hub knows, and is whole.
fn lost_with_the_hub(is_recorded: bool) -> Pair {
    let mut pair = Pair::new();
    let disk = pair.disk(PAYER).expect("a disk").backup();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let decided = pair.vote_on(&asked);
    if is_recorded {
        decided_at(&mut pair, &decided, PAYEE);
    }
    payer_comes_back_older(&mut pair, &disk, true);
    without(&mut pair, &before, PAYEE);
    join(&mut pair, PAYER);
    assert!(!pair.node(PAYER).machine().is_restored(), "it was told all that is known");
    assert_eq!(incident(&pair, 1), Some((Reason::LeftOutUndecided, true)));
    assert_eq!(pair.leg(1, Side::Payer), None);
    pair
}

fn in_suspense(pair: &Pair) -> Option<(LegState, AccountKind)> {
    pair.leg(1, Side::Payer).map(|leg: LegRow| (leg.state, leg.account))
}

/// The hub booked it, and so did the payee: the payer's node was whole by then, and parked it as contrary.
#[test]
fn a_commit_that_is_told_later_is_booked_by_the_province_that_was_restored_with_the_hub() {
    let mut pair = lost_with_the_hub(true);
    comes_back(&mut pair, PAYEE);
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))));
    assert_eq!(in_suspense(&pair), Some((LegState::Committed, AccountKind::Suspense)));
    assert!(pair.transfer(1).is_recorded_by_both());
    is_clean(&pair, "both sides");
}

#[test]
fn what_operators_finish_is_booked_by_the_province_that_was_restored_with_the_hub() {
    let mut pair = lost_with_the_hub(false);
    let outputs = pair.agree(40, Operation::FinishTransfer(id(1), Outcome::Commit)).expect("finished");
    follow(&mut pair, outputs);
    assert_eq!(in_suspense(&pair), Some((LegState::Committed, AccountKind::Suspense)));
    comes_back(&mut pair, PAYEE);
    assert_eq!(pair.leg(1, Side::Payee).map(|leg| leg.state), Some(LegState::Committed));
    assert!(pair.transfer(1).is_recorded_by_both());
    is_clean(&pair, "both sides");
}

/// A node that was never restored has every leg that it voted for: it books nothing that it does not know.
#[test]
fn a_node_that_lost_nothing_books_no_leg_that_is_said_to_be_lost() {
    let mut pair = lost_with_the_hub(true);
    comes_back(&mut pair, PAYEE);
    let mut decision = decision_for(&pair.transfer(1), Side::Payer).expect("decided");
    assert!(decision.lost.is_some());
    decision.transfer_id = id(9);
    let own = |pair: &Pair| pair.node(PAYER).get::<SelfRow>(&node::Key::OWN).expect("there").recovered;
    assert!(own(&pair) > 0);
    let mut other = Pair::new();
    let (ticket, hub) = (Ticket::new(8), other.hub.mark());
    assert_eq!(own(&other), 0);
    other.run_node(PAYER, node::Input::Decide { ticket, hub, decisions: vec![decision] });
    let noted: IncidentRow =
        other.node(PAYER).get(&node::Key::Incident(id(9), Side::Payer)).expect("a name on it");
    assert_eq!((noted.refusal.reason, other.leg(9, Side::Payer)), (Reason::ContraryOrder, None));
}

/// What somebody told who is no party raised an incident, and then nobody could end the transfer any more.
#[test]
fn what_a_province_tells_of_a_side_that_is_not_its_own_ends_nothing() {
    let mut pair = lost_with_the_hub(true);
    pair.link(PAYEE, true);
    let told = tells(&mut pair, PAYEE);
    let terms_digest = Digest([9; 32]);
    let false_one = HeardLeg { side: Side::Payer, terms_digest, ..told[0].clone() };
    let legs = [vec![false_one], told].concat();
    pair.run_hub(Input::Heard { province: PAYEE, legs, notices: Vec::new() });
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))));
    assert_eq!(incident(&pair, 1), Some((Reason::LeftOutUndecided, false)));
}

/// One province alone moves no window of long ago.
#[test]
fn a_window_of_before_the_hub_received_it_is_not_taken() {
    let mut pair = lost_with_the_hub(true);
    pair.link(PAYEE, true);
    let mut legs = tells(&mut pair, PAYEE);
    let long_ago = Civil(NOON - 700 * 86_400_000);
    for leg in &mut legs {
        leg.receipt_time = long_ago;
        leg.committed.iter_mut().for_each(|(window, ..)| *window = Window::of(long_ago));
    }
    pair.run_hub(Input::Heard { province: PAYEE, legs, notices: Vec::new() });
    assert_eq!(stands(&pair, 1), Some((TransferState::Pending, None)));
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
}

/// What the first province that was back had told was called confirmed in the same step.
#[test]
fn a_commit_of_two_provinces_that_were_left_out_is_confirmed_by_the_second_one_alone() {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYEE);
    [PAYER, PAYEE].into_iter().for_each(|province| drop(pair.link(province, false)));
    restored(&mut pair, &before);
    leave_out(&mut pair, 60, PAYER).expect("left out");
    leave_out(&mut pair, 61, PAYEE).expect("left out");
    let outputs = pair.link(PAYEE, true);
    follow(&mut pair, outputs);
    let outputs = hear(&mut pair, PAYEE);
    follow(&mut pair, outputs);
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))));
    assert_eq!(incident(&pair, 1), Some((Reason::LeftOutUnconfirmed, true)), "the payer's has not said so");
    comes_back(&mut pair, PAYER);
    assert_eq!(incident(&pair, 1), Some((Reason::LeftOutUnconfirmed, false)));
    assert!(pair.transfer(1).is_recorded_by_both());
}
