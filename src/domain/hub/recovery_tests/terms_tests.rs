//! What nodes tell is held against what the hub still has; what is adopted is as it was.

use super::*;
use crate::domain::hub::record::{HubRecovered, KindAdopted, NumbersSkipped};
use crate::domain::machine::record::Record as _;
use crate::domain::value::{Money, NumberRanges, StartId, TransferId};
use crate::testkit::made_up_tests::loan;

/// Both nodes have recorded a commit that the hub knows undecided, and otherwise as `change` makes it.
fn known(change: impl Fn(TransferRow) -> TransferRow) -> Pair {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    pair.finish(asked);
    pair.hub.disk.restored(&before);
    pair.hub.disk.put(change(pair.transfer(1)));
    pair.start_hub_as(90, true);
    hear(&mut pair);
    pair
}

#[test]
fn what_both_tell_is_adopted_where_the_hub_has_the_same_undecided() {
    let adopted = known(|row| row).transfer(1);
    assert_eq!((adopted.state, adopted.hub_seq), (TransferState::Committed, Some(1)));
    type Change = fn(TransferRow) -> TransferRow;
    let changes: [(&str, Change); 4] = [
        ("amount", |row| TransferRow { amount: Money::from_fen(39_999), ..row }),
        ("terms", |row| TransferRow { terms_digest: Digest([9; 32]), ..row }),
        ("places", |row| TransferRow { payer_province: PAYEE, payee_province: PAYER, ..row }),
        ("state", |row| TransferRow { state: TransferState::Aborted, ..row }),
    ];
    for (what, change) in changes {
        let pair = known(change);
        assert_ne!(pair.transfer(1).state, TransferState::Committed, "{what}");
        let noted: IncidentRow = pair.hub.get(&Key::Incident(id(1), Side::Payer)).expect(what);
        assert_eq!(noted.refusal.reason, Reason::ContraryOrder, "{what}");
    }
}

/// It would wait in the queue twice.
#[test]
fn what_is_decided_at_the_end_of_a_recovery_is_told_once() {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let _untold = pair.vote_on(&asked);
    restored(&mut pair, &before);
    let outputs = hear(&mut pair);
    assert_eq!(pair.transfer(1).state, TransferState::Committed);
    let told = outputs.iter().filter(|it| matches!(it, Output::Effect(Effect::Decide(..)))).count();
    assert_eq!(told, 2, "{outputs:?}");
}

#[test]
fn what_both_promised_takes_the_number_after_those_that_are_told() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    let asked = pair.create(2, 2, 50_000);
    let _untold = pair.vote_on(&asked);
    restored(&mut pair, &before);
    hear(&mut pair);
    assert_eq!([1, 2].map(|number| pair.transfer(number).hub_seq), [Some(1), Some(2)]);
}

/// The first commit stays, the second is told with this number by both.
fn numbered(number: u64) -> Pair {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    pair.send(2, 2, 50_000);
    restored(&mut pair, &before);
    hear_changed(&mut pair, |_, legs| {
        legs.iter_mut().flat_map(|leg| &mut leg.committed).for_each(|(_, told, _)| *told = number);
    });
    pair
}

/// Days of the whole nation's transfers, and those that were heard of.
#[test]
fn a_number_can_be_as_far_as_commits_can_have_been_lost() {
    assert_eq!(numbered(1_000_002).transfer(2).hub_seq, Some(1_000_002));
    let far = numbered(1_000_003).hub.get::<TransferRow>(&Key::Transfer(id(2))).expect("for people");
    assert_eq!((far.state, far.hub_seq), (TransferState::Pending, None));
}

/// A province that was left out may still tell those that a life which is lost had kept for it.
#[test]
fn numbers_that_a_lost_life_had_kept_stay_kept() {
    for (number, skipped) in [(5, 0), (6_002, 6_000)] {
        let own: SelfRow = numbered(number).hub.get(&Key::OWN).expect("there");
        assert_eq!((own.hub_seq, own.skipped.count()), (number, skipped));
    }
}

#[test]
fn what_is_adopted_keeps_its_kind() {
    type Case = (u8, fn(&mut Pair), (Kind, Option<TransferId>), &'static [&'static str]);
    let cases: [Case; 3] = [
        (2, |pair| drop(pair.send(2, 2, 10_000)), (Kind::TRANSFER, None), &[]),
        (
            50,
            |pair| {
                pair.propose(50, 1, 10_000);
                pair.done(|pair| pair.approve(50));
            },
            (Kind::COMPENSATION, Some(id(1))),
            &["ReturnAdopted"],
        ),
        (
            3,
            |pair| drop(pair.done(|pair| pair.run_hub(loan(3, 10_000)))),
            (Kind::LOAN, None),
            &["KindAdopted"],
        ),
    ];
    for (number, carry_out, expected, records) in cases {
        let mut pair = Pair::new();
        pair.send(1, 1, 40_000);
        let before = pair.hub.disk.backup();
        carry_out(&mut pair);
        restored(&mut pair, &before);
        hear(&mut pair);
        let adopted = pair.transfer(number);
        assert_eq!((adopted.state, adopted.kind, adopted.returns), {
            let (kind, returns) = expected;
            (TransferState::Committed, kind, returns)
        });
        let names: Vec<&str> = pair.hub.journal().iter().map(|it| it.name()).collect();
        let kinds = names.into_iter().filter(|name| ["ReturnAdopted", "KindAdopted"].contains(name));
        assert_eq!(kinds.collect::<Vec<_>>(), records, "{number}");
    }
}

/// What the journal says is in the rows that are made of it, whatever they had before.
#[test]
fn records_of_a_recovery_make_their_rows() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let (start_id, later) = (StartId([7; 16]), Civil(NOON + 5_000));
    let mut numbers = NumberRanges::default();
    numbers.push_range(3, 8);
    pair.hub.rewrite(|records| {
        records.push(HubRecovered { incarnation: 7, start_id, hub_seq: 9, time: later }.into());
        records.push(KindAdopted { transfer_id: id(1), kind: Kind::LOAN, original: Some(id(9)) }.into());
    });
    let own: SelfRow = pair.hub.get(&Key::OWN).expect("there");
    assert_eq!((own.incarnation, own.recovered, own.start_id), (7, 7, start_id));
    assert_eq!((own.hub_seq, own.civil), (9, later));
    let adopted = pair.transfer(1);
    assert_eq!((adopted.kind, adopted.returns), (Kind::LOAN, Some(id(9))));
    pair.hub.rewrite(|records| {
        records.push(NumbersSkipped { numbers: numbers.clone(), hub_seq: 12 }.into());
    });
    let own: SelfRow = pair.hub.get(&Key::OWN).expect("there");
    assert_eq!((own.hub_seq, own.skipped), (12, numbers));
}

/// Nobody would ever be heard by it.
#[test]
fn a_hub_that_has_nobody_to_hear_does_not_recover() {
    let mut pair = Pair::new();
    pair.run_hub(Input::Start { unfinished: Vec::new(), restored: Some(Vec::new()), first_window: None });
    assert!(!pair.hub.machine().is_recovering());
}
