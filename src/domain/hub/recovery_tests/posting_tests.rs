//! What the hub has lost of postings: the node that decided them has all of it.

use super::*;
use crate::domain::hub::tables::TombstoneRow;
use crate::domain::protocol::{LegRef, LegState, Posting};
use crate::domain::value::{Money, Window};
use crate::testkit::made_up_tests::{loan, posting, repayment};
use crate::testkit::{self, NodeOutput};

fn lend(pair: &mut Pair) {
    let outputs = pair.run_hub(loan(1, 100_000));
    pair.finish(outputs);
}

/// The payee's node decides a repayment.
fn decide(pair: &mut Pair, number: u8, fen: i64) -> Vec<NodeOutput> {
    let request = repayment(number, 1, fen);
    pair.run_node(PAYEE, node::Input::Post { ticket: Ticket::new(9), request })
}

/// The same, and it tells the hub.
fn repay(pair: &mut Pair, number: u8) {
    decide(pair, number, 1_000);
    pair.tick();
    pair.finish(Vec::new());
}

fn leg(pair: &Pair, province: ProvinceCode, side: Side, number: u8) -> LegRow {
    pair.node(province).get(&node::Key::Leg(id(number), side)).expect("a leg")
}

#[test]
fn postings_that_the_hub_has_lost_are_adopted_in_their_order() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    repay(&mut pair, 2);
    repay(&mut pair, 3);
    let lost = [2, 3].map(|number| pair.transfer(number));
    restored(&mut pair, &before);
    let outputs = hear(&mut pair);
    let told = |it: &TransferRow| {
        ((it.kind, it.state, it.hub_seq, it.window), (it.number, it.booked_after, it.returns, it.amount))
    };
    assert_eq!([2, 3].map(|number| told(&pair.transfer(number))), lost.each_ref().map(told));
    assert_eq!([2, 3].map(|number| pair.transfer(number).is_recorded_by_both()), [true; 2]);
    let original = pair.transfer(1);
    assert_eq!((original.last_posting, original.last_booked, original.used.fen()), (2, 2, 2_000));
    assert!(outputs.iter().all(|it| !matches!(it, Output::Effect(Effect::Alarm(..)))), "{outputs:?}");
    pair.hub.incarnation += 1;
    [PAYER, PAYEE].into_iter().for_each(|province| drop(pair.join(province)));
    repay(&mut pair, 4);
    assert_eq!((leg(&pair, PAYER, Side::Payer, 4).number, pair.transfer(4).booked_after), (Some(3), Some(2)));
}

/// A hub that did not hear of it would give it another number, which the payer's node has not.
#[test]
fn a_posting_that_only_the_payers_node_knows_as_booked_keeps_its_number() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    repay(&mut pair, 2);
    let booked = leg(&pair, PAYER, Side::Payer, 2);
    // The payee's node has decided it, and does not know the ruling.
    pair.node_mut(PAYEE).rewrite(|records| {
        let is_ruling =
            |it: &node::Record| matches!(it, node::Record::LegDecided(it) if it.transfer_id == id(2));
        records.retain(|it| !is_ruling(it));
    });
    assert_eq!(leg(&pair, PAYEE, Side::Payee, 2).state, LegState::Posted);
    restored(&mut pair, &before);
    hear(&mut pair);
    let adopted = pair.transfer(2);
    assert_eq!(
        (adopted.hub_seq, adopted.window, adopted.state),
        (booked.hub_seq, booked.window, TransferState::Committed)
    );
    assert_eq!((adopted.payer_recorded_seq.is_some(), adopted.payee_recorded_seq), (true, None));
}

/// The hub hears of a posting with another amount than its node has decided, and parks it.
fn park(pair: &mut Pair, number: u8) {
    decide(pair, number, 1_000);
    let row = leg(pair, PAYEE, Side::Payee, number);
    let (node, place) = (pair.node(PAYEE).mark(), row.number.expect("posted"));
    let told = posting(pair, number, (place, 100_001));
    let reference = LegRef::new(id(number), Side::Payee, row.terms_digest);
    let leg_record = node::leg_record(&row, None).expect("a leg");
    let postings = vec![Posting { reference, leg_record, ..told }];
    let outputs = pair.run_hub(Input::Post { ticket: Ticket::new(5), province: PAYEE, node, postings });
    pair.finish(outputs);
    assert_eq!(leg(pair, PAYEE, Side::Payee, number).state, LegState::Parked);
}

fn admit(pair: &mut Pair) {
    pair.hub.incarnation += 1;
    for province in [PAYER, PAYEE] {
        let outputs = pair.join(province);
        pair.finish(outputs);
    }
}

fn pass(pair: &mut Pair) {
    for _ in 0..5 {
        pair.network.now.mono = pair.network.now.mono.after(60_000);
        pair.tick();
        pair.finish(Vec::new());
    }
}

fn state(pair: &Pair, number: u8) -> (TransferState, Option<u64>) {
    let row = pair.transfer(number);
    (row.state, row.number)
}

#[test]
fn an_id_that_was_closed_here_is_no_posting_any_more() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    repay(&mut pair, 2);
    pair.hub.disk.restored(&before);
    pair.hub.disk.put(TombstoneRow { transfer_id: id(2), province: PAYEE, bury_time: Civil(NOON) });
    pair.start_hub_as(90, true);
    hear(&mut pair);
    assert!(pair.hub.get::<TransferRow>(&Key::Transfer(id(2))).is_none());
    let noted: IncidentRow = pair.hub.get(&Key::Incident(id(2), Side::Payer)).expect("noted");
    assert_eq!(noted.refusal.reason, Reason::ContraryOrder);
}

/// Found in review: the hub did not know that a number was used, and waited for it for ever.
#[test]
fn what_was_parked_stays_parked_when_the_hub_has_lost_it() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    park(&mut pair, 2);
    restored(&mut pair, &before);
    hear(&mut pair);
    assert_eq!(state(&pair, 2), (TransferState::Aborted, Some(1)));
    admit(&mut pair);
    repay(&mut pair, 3);
    assert_eq!(state(&pair, 3), (TransferState::Committed, Some(2)));
}

/// Found in review: its leg was gone with the store, and what had been paid was in the wallet again.
#[test]
fn what_was_parked_comes_back_to_its_node_as_parked() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let backup = pair.node(PAYEE).disk.backup();
    park(&mut pair, 2);
    pair.node(PAYEE).disk.restored(&backup);
    pair.start_node_as(PAYEE, 80);
    let outputs = pair.join(PAYEE);
    pair.finish(outputs);
    pass(&mut pair);
    let row = leg(&pair, PAYEE, Side::Payee, 2);
    assert_eq!((row.state, row.number, row.amount.fen()), (LegState::Parked, Some(1), 1_000));
    pair.restart_node(PAYEE, 81);
    repay(&mut pair, 3);
    assert_eq!(leg(&pair, PAYER, Side::Payer, 3).number, Some(2));
}

/// Found in review: the second was adopted, and the first could never be booked after it.
#[test]
fn of_two_postings_the_one_without_a_ruling_is_booked_with_the_other() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    [2, 3].into_iter().for_each(|number| repay(&mut pair, number));
    pair.node_mut(PAYEE).rewrite(|records| {
        records.retain(|it| !matches!(it, node::Record::LegDecided(it) if it.transfer_id == id(2)));
    });
    pair.node_mut(PAYER).rewrite(|records| {
        records.retain(|it| match it {
            node::Record::LegDecided(it) => it.transfer_id == id(1),
            node::Record::LegBound(it) => it.leg.transfer_id == id(1),
            _ => true,
        });
    });
    restored(&mut pair, &before);
    let outputs = hear(&mut pair);
    admit(&mut pair);
    pair.finish(outputs);
    pass(&mut pair);
    assert_eq!([2, 3].map(|number| pair.transfer(number).hub_seq), [Some(2), Some(3)]);
    let books = crate::domain::audit::books::Books { at_rest: true, ..pair.books() };
    assert_eq!(crate::domain::audit::invariant::violations(&books), []);
}

/// Found in review: each of these was adopted, or ended the hub.
#[test]
fn what_cannot_be_of_a_posting_is_left_to_people() {
    let day = |leg: &HeardLeg, days: i64| {
        let (_, hub_seq, time) = leg.committed.expect("a commit");
        Some((Window::of(Civil(time.0 + days * 86_400_000)), hub_seq, time))
    };
    let changes: [fn(&mut HeardLeg); 4] = [
        |leg| (leg.number, leg.amount) = (Some(7), Money::from_fen(200_000)),
        |leg| leg.amount = Money::from_fen(2_000),
        |leg| leg.amount = Money::ZERO,
        |leg| leg.number = Some(0),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        left_to_people(at, |province, leg| {
            if province == PAYEE {
                change(leg)
            }
        });
    }
    left_to_people(9, |_, leg| leg.committed = day(leg, 400));
    // The payer's node has booked it with another number, or after all that was parked.
    left_to_people(10, |province, leg| {
        if province == PAYER {
            leg.committed.iter_mut().for_each(|(_, number, _)| *number += 1);
        }
    });
    left_to_people(11, |province, leg| {
        if province == PAYEE {
            (leg.committed, leg.parked) = (None, true);
        }
    });
}

fn left_to_people(at: usize, change: impl Fn(ProvinceCode, &mut HeardLeg)) {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    repay(&mut pair, 2);
    restored(&mut pair, &before);
    let outputs = hear_changed(&mut pair, |province, legs| {
        legs.iter_mut().filter(|leg| leg.number.is_some()).for_each(|leg| change(province, leg));
    });
    assert!(outputs.contains(&Output::Effect(Effect::Recovered(3))), "{at}: {outputs:?}");
    assert!(pair.hub.get::<TransferRow>(&Key::Transfer(id(2))).is_none(), "{at}");
    let noted: IncidentRow = pair.hub.get(&Key::Incident(id(2), Side::Payer)).expect("noted");
    assert_eq!(noted.refusal.reason, Reason::ContraryOrder, "{at}");
}

#[test]
fn an_amount_that_is_none_is_neither_posted_nor_booked() {
    let mut pair = Pair::new();
    lend(&mut pair);
    for fen in [0, -5_000] {
        let (node, postings) = (pair.node(PAYEE).mark(), vec![posting(&pair, 2, (1, fen))]);
        let outputs = pair.run_hub(Input::Post { ticket: Ticket::new(5), province: PAYEE, node, postings });
        let pending = |it: &HubOutput| {
            let Output::Answer(5, Answer::Rulings(rulings)) = it else { return false };
            matches!(rulings[..], [Ruling::Pending { .. }])
        };
        assert!(outputs.iter().any(pending), "{outputs:?}");
        let refused = testkit::answer(decide(&mut pair, 3, fen));
        let reason = |it| if let node::Answer::Refused(it) = it { Some(it.reason) } else { None };
        assert_eq!(reason(refused), Some(Reason::AmountNotPositive));
    }
}

/// A third province's word turns no transfer into a posting.
#[test]
fn a_third_partys_posting_counts_for_nothing() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let outputs = pair.create(1, 1, 40_000);
    pair.finish(outputs);
    restored(&mut pair, &before);
    hear_changed(&mut pair, |province, legs| {
        let lie = |leg: &HeardLeg| HeardLeg {
            side: Side::Payee,
            kind: Kind::REPAYMENT,
            number: Some(1),
            returns: Some(id(9)),
            ..leg.clone()
        };
        if province == PAYER {
            legs.extend(legs.first().map(lie));
        }
    });
    assert_eq!(pair.transfer(1).kind, Kind::TRANSFER);
    assert_eq!(pair.transfer(1).state, TransferState::Committed);
}

/// Found on reading it once more: whoever told a posting first was asked alone, so that a third province could keep it
/// from being adopted.
#[test]
fn a_third_party_keeps_no_posting_from_being_adopted() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    repay(&mut pair, 2);
    restored(&mut pair, &before);
    hear_changed(&mut pair, |province, legs| {
        let other = |leg: &HeardLeg| HeardLeg {
            side: Side::Payee,
            returns: Some(id(9)),
            number: Some(7),
            ..leg.clone()
        };
        if province == PAYER {
            let more: Vec<HeardLeg> = legs.iter().filter(|leg| leg.number.is_some()).map(other).collect();
            legs.extend(more);
        }
    });
    assert_eq!(state(&pair, 2), (TransferState::Committed, Some(1)));
    assert!(pair.hub.get::<IncidentRow>(&Key::Incident(id(2), Side::Payer)).is_none());
}
