//! What the hub has of transfers whose province is left out stays as it is.

use super::*;
use crate::domain::hub::tables::PositionRow;
use crate::domain::protocol::Kind;
use crate::domain::value::{Civil, Money, Window};
use crate::testkit::NOON;

/// The payee is left out; what the payer's node tells is changed on its way.
fn without_as(pair: &mut Pair, backup: &MemoryDisk<hub::Record>, change: impl Fn(&mut Vec<HeardLeg>)) {
    pair.link(PAYEE, false);
    restored(pair, backup);
    let mut legs = tells(pair, PAYER);
    change(&mut legs);
    pair.run_hub(Input::Heard { province: PAYER, legs, notices: Vec::new() });
    let outputs = leave_out(pair, 60, PAYEE).expect("left out");
    follow(pair, outputs);
    join(pair, PAYER);
}

/// Both have promised the transfer that the hub knows undecided.
#[test]
fn what_the_store_knows_keeps_its_owner_and_places() {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let (known, before) = (pair.transfer(1), pair.hub.disk.backup());
    let _untold = pair.vote_on(&asked);
    without(&mut pair, &before, PAYEE);
    let after = pair.transfer(1);
    assert_eq!((&after.owner, after.regions()), (&known.owner, known.regions()));
    assert_eq!(incident(&pair, 1), Some((Reason::LeftOutUndecided, true)));
}

/// The payer's node has recorded a commit of another day: that is for people, whatever the province says that is back.
#[test]
fn what_was_left_to_people_does_not_wait_for_the_province_left_out() {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYER);
    let far = Window::of(Civil(NOON + 9 * 86_400_000));
    without_as(&mut pair, &before, |legs| {
        legs.iter_mut().flat_map(|leg| &mut leg.committed).for_each(|(window, ..)| *window = far);
    });
    let stays = |pair: &Pair| {
        assert_eq!(incident(pair, 1), Some((Reason::ContraryOrder, true)));
        assert_eq!(stands(pair, 1), Some((TransferState::Pending, None)));
    };
    stays(&pair);
    pair.link(PAYEE, true);
    hear(&mut pair, PAYEE);
    stays(&pair);
}

/// One province tells both sides, or what its node would have decided by itself: nobody can say whose it is.
#[test]
fn what_can_be_nobodys_promise_is_left_to_people() {
    let changes: [fn(&mut Vec<HeardLeg>); 2] = [
        |legs| legs.push(HeardLeg { side: Side::Payee, ..legs[0].clone() }),
        |legs| legs[0].kind = Kind::REPAYMENT,
    ];
    for change in changes {
        let mut pair = Pair::new();
        let before = pair.hub.disk.backup();
        let asked = pair.create(1, 1, 40_000);
        let _untold = pair.vote_on(&asked);
        without_as(&mut pair, &before, change);
        assert_eq!(stands(&pair, 1), None);
        assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    }
}

/// The payer's side has promised: what operators commit then may be lost by the payee's node alone.
#[test]
fn what_is_finished_has_the_next_number_and_is_lost_by_who_has_not_promised() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let asked = pair.create(1, 1, 40_000);
    let _untold = pair.vote_on(&asked);
    without(&mut pair, &before, PAYEE);
    let last = pair.hub.get::<SelfRow>(&Key::OWN).expect("there").hub_seq;
    pair.agree(40, Operation::FinishTransfer(id(1), Outcome::Commit)).expect("finished");
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(last + 1))));
    assert_eq!(pair.transfer(1).lost_side, Some(Side::Payee.into()));
}

#[test]
fn what_a_position_cannot_hold_is_finished_as_aborted_only() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let asked = pair.create(1, 1, 40_000);
    let _untold = pair.vote_on(&asked);
    without(&mut pair, &before, PAYEE);
    let (window, owed) = (Window::of(Civil(NOON)), Money::from_fen(i64::MAX - 39_999));
    pair.hub.disk.put(PositionRow { window, province: PAYER, owed, sent_count: 0, received_count: 0 });
    let finish = |pair: &mut Pair, number, outcome| {
        pair.agree(number, Operation::FinishTransfer(id(1), outcome)).map(drop)
    };
    assert_eq!(finish(&mut pair, 40, Outcome::Commit), Err(Reason::Overflow));
    assert_eq!(finish(&mut pair, 41, Outcome::Abort), Ok(()));
}

/// Neither side was heard: what the first of them tells is not the last word, whether the hub knows it or not.
#[test]
fn of_two_that_are_left_out_each_is_heard() {
    for (is_known, first) in [(true, PAYER), (false, PAYEE)] {
        let mut pair = Pair::new();
        let lost = pair.hub.disk.backup();
        let asked = pair.create(1, 1, 40_000);
        let before = if is_known { pair.hub.disk.backup() } else { lost };
        let decided = pair.vote_on(&asked);
        decided_at(&mut pair, &decided, PAYEE);
        [PAYER, PAYEE].into_iter().for_each(|province| drop(pair.link(province, false)));
        restored(&mut pair, &before);
        leave_out(&mut pair, 60, PAYER).expect("left out");
        leave_out(&mut pair, 61, PAYEE).expect("left out");
        assert_eq!(incident(&pair, 1), is_known.then_some((Reason::LeftOutUndecided, true)));
        hear(&mut pair, first);
        let (waits, state) = match first {
            PAYER => (Reason::LeftOutUndecided, (TransferState::Pending, None)),
            _ => (Reason::LeftOutUnconfirmed, (TransferState::Committed, Some(1))),
        };
        assert_eq!((incident(&pair, 1), stands(&pair, 1)), (Some((waits, true)), Some(state)));
        hear(&mut pair, if first == PAYER { PAYEE } else { PAYER });
        assert_eq!(incident(&pair, 1), Some((waits, false)));
        assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))));
    }
}

/// It was left out of an earlier recovery, and is heard in this one: nothing more is kept for it.
#[test]
fn who_is_heard_in_a_second_recovery_is_not_left_out_of_it() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    without(&mut pair, &before, PAYEE);
    let kept = |pair: &Pair| pair.hub.get::<SelfRow>(&Key::OWN).expect("there").skipped.count();
    let (first, backup) = (kept(&pair), pair.hub.disk.backup());
    pair.hub.disk.restored(&backup);
    pair.start_hub_as(92, true);
    hear(&mut pair, PAYER);
    hear(&mut pair, PAYEE);
    assert!(!pair.hub.machine().is_recovering());
    assert_eq!(kept(&pair), first);
}
