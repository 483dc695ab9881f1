//! A hub and a province's node that are restored together. Of what both have lost the other province's leg is left.

use super::*;
use crate::domain::hub::tables::PositionRow;
use crate::domain::hub::tables::TombstoneRow;
use crate::domain::protocol::{Ack, AckResult, Decision, LegState, LostLeg, Outcome};
use crate::domain::value::{AccountKind, BySide, Money, RegionCode, Window};
use crate::testkit::{decisions, member};

/// The store of a province comes back older than it was.
fn older_store(
    pair: &mut Pair,
    province: ProvinceCode,
    backup: &crate::testkit::Disk,
    (start, marked): (u8, bool),
) {
    pair.disk(province).expect("a disk").restored(backup);
    pair.start_node_as(province, start);
    if marked {
        pair.run_node(province, node::Input::Restored);
    }
}

/// Everybody joins, and what waits is delivered.
fn settle_down(pair: &mut Pair) {
    let own: SelfRow = pair.hub.get(&Key::Own(0)).expect("there");
    pair.hub.incarnation = own.incarnation;
    for province in [PAYER, PAYEE] {
        let outputs = pair.join(province);
        pair.finish(outputs);
        let outputs = [pair.link(province, false), pair.link(province, true)].concat();
        pair.finish(outputs);
    }
    // Receipts are journaled with the next record, or after a while.
    let outputs = pair.pass(2_000);
    pair.finish(outputs);
}

fn positions(pair: &Pair) -> Vec<i64> {
    let window = Window::of(Civil(NOON));
    let owed = |province| pair.hub.get::<PositionRow>(&Key::Position(window, province)).expect("there").owed;
    [PAYER, PAYEE].map(|province| owed(province).fen()).to_vec()
}

/// ADOPTED_FROM_ONE_SIDE. Found by attackers: 6,371 legs of third provinces were left without their other side.
#[test]
fn a_commit_that_only_the_other_province_still_has_is_booked_on_both_sides() {
    for (lost, side) in [(PAYER, Side::Payer), (PAYEE, Side::Payee)] {
        let mut pair = Pair::new();
        pair.send(1, 1, 40_000);
        let (hub, disk) = (pair.hub.disk.backup(), pair.disk(lost).expect("a disk").backup());
        pair.send(2, 2, 50_000);
        let (before, owed) = (pair.transfer(2), positions(&pair));
        older_store(&mut pair, lost, &disk, (70, true));
        restored(&mut pair, &hub);
        hear(&mut pair);
        settle_down(&mut pair);
        let after = pair.transfer(2);
        assert_eq!((after.state, after.hub_seq), (TransferState::Committed, before.hub_seq), "{lost}");
        assert!(after.is_recorded_by_both(), "{lost}");
        assert_eq!((after.lost_side, positions(&pair)), (Some(side.into()), owed), "{lost}");
        let rulebooks = BySide { payer: after.payer_rulebook, payee: after.payee_rulebook };
        assert!(rulebooks[side].is_none() && rulebooks[side.other()].is_some(), "{lost}: as it was told");
        let leg = pair.leg(2, side).expect("there again");
        assert_eq!((leg.state, leg.account), (LegState::Committed, AccountKind::Suspense), "{lost}");
        assert_eq!((leg.amount, leg.hub_seq), (before.amount, before.hub_seq), "{lost}");
        let incident: IncidentRow =
            pair.node(lost).get(&node::Key::Incident(id(2), side)).expect("a name on it");
        assert_eq!(incident.refusal.reason, Reason::ReplayedToSuspense, "{lost}");
        let incident: IncidentRow = pair.hub.get(&Key::Incident(id(2), Side::Payer)).expect("a name on it");
        assert_eq!(incident.refusal.reason, Reason::AdoptedFromOneSide, "{lost}");
        assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
        // A node that loses its store once more is told the same again.
        older_store(&mut pair, lost, &disk, (71, true));
        settle_down(&mut pair);
        assert_eq!(pair.leg(2, side).expect("there again").state, LegState::Committed, "{lost}");
    }
}

/// A hub and a province that lost the second transfer together, from backups after the first.
fn half(lost: ProvinceCode) -> (Pair, crate::testkit::Disk) {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let (hub, disk) = (pair.hub.disk.backup(), pair.disk(lost).expect("a disk").backup());
    pair.send(2, 2, 50_000);
    older_store(&mut pair, lost, &disk, (70, true));
    restored(&mut pair, &hub);
    hear(&mut pair);
    settle_down(&mut pair);
    (pair, disk)
}

/// What is in the account of a province's member that the transfers moved, and what stands in suspense beside it; and
/// what stands in the province's own suspense account.
fn stands(pair: &Pair, province: ProvinceCode) -> (i64, i64, i64) {
    let own = if province == PAYER { AccountKind::Personal } else { AccountKind::Wallet };
    let posted = |kind| pair.account(province, kind).posted.fen();
    let nobodys: Option<node::tables::AccountRow> =
        pair.node(province).get(&node::Key::Account(node::account::PROVINCE, AccountKind::Suspense));
    (posted(own), posted(own.suspense()), nobodys.map_or(0, |row| row.posted.fen()))
}

fn incidents(pair: &Pair, province: ProvinceCode, side: Side) -> [Option<String>; 2] {
    let hub: IncidentRow = pair.hub.get(&Key::Incident(id(2), Side::Payer)).expect("a name on it");
    let node: IncidentRow = pair.node(province).get(&node::Key::Incident(id(2), side)).expect("a name on it");
    [hub.close_code, node.close_code]
}

/// The client's repeat says whose the lost leg was: he pays it, or gets it, and nobody has to look for him.
#[test]
fn the_client_that_repeats_says_whose_the_lost_leg_was() {
    for (lost, side, (nobodys, his)) in
        [(PAYER, Side::Payer, (-50_000, 910_000)), (PAYEE, Side::Payee, (50_000, 90_000))]
    {
        let (mut pair, disk) = half(lost);
        assert_eq!((stands(&pair, lost).1, stands(&pair, lost).2), (0, nobodys), "{lost}");
        assert_eq!(incidents(&pair, lost, side), [None, None]);
        // Other content names nobody.
        let other = pair.create(3, 2, 50_001);
        assert_eq!(refusal(&other), Reason::ContentDiffers);
        let named = pair.create(4, 2, 50_000);
        assert_eq!(decisions(&named, lost).len(), 1, "{lost}");
        assert!(decisions(&pair.create(5, 2, 50_000), lost).is_empty(), "{lost}: it is under way");
        let told = pair.finish(named);
        assert!(matches!(&told[..], [(4, Answer::Transfer(_))]), "{lost}: {told:?}");
        assert_eq!(stands(&pair, lost), (his, 0, 0), "{lost}");
        let leg = pair.leg(2, side).expect("there again");
        assert_eq!((leg.state, leg.member_ref), (LegState::Committed, member(lost)), "{lost}");
        let code = || Some("NAMED_BY_CLIENT".to_owned());
        assert_eq!(incidents(&pair, lost, side), [code(), code()], "{lost}");
        assert!(decisions(&pair.create(6, 2, 50_000), lost).is_empty(), "{lost}: it is done");
        assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
        // A node that loses its store once more is told whose it is by what it has sealed itself.
        older_store(&mut pair, lost, &disk, (71, true));
        settle_down(&mut pair);
        assert_eq!(stands(&pair, lost), (his, 0, 0), "{lost}");
        assert_eq!(pair.leg(2, side).expect("there again").member_ref, member(lost), "{lost}");
        assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
    }
}

/// Bytes that nobody had asked for closed the incident, and the client's repeat named nobody any more.
#[test]
fn a_leg_that_is_sent_before_anybody_was_named_names_nobody() {
    let (mut pair, _) = half(PAYER);
    let TransferRow { transfer_id, terms_digest, .. } = pair.transfer(2);
    let (side, leg_record) = (Side::Payer, vec![1]);
    let (result, refusal) = (AckResult::Already, None);
    let acks = vec![Ack { transfer_id, side, terms_digest, result, refusal, leg_record }];
    let (province, node, told) = (PAYER, pair.node(PAYER).mark(), vec![(transfer_id, side)]);
    pair.run_hub(Input::Acks { province, node, told, acks });
    assert_eq!(incidents(&pair, PAYER, side), [None, None]);
    assert_eq!(decisions(&pair.create(4, 2, 50_000), PAYER).len(), 1, "he is named");
}

/// Its node is dark, or knows nothing of the person: what was said waits for both.
#[test]
fn who_is_named_before_he_is_reported_again_gets_his_leg_then() {
    let (mut pair, _) = half(PAYER);
    let node = &pair.node(PAYER).disk;
    let hash = crate::testkit::id_hash(&crate::testkit::person(PAYER, 0).id_number);
    node.remove(&node::Key::Person(hash));
    node.remove(&node::Key::FoundBy(member(PAYER)));
    pair.start_node_as(PAYER, 73);
    settle_down(&mut pair);
    let outputs = pair.link(PAYER, false);
    pair.finish(outputs);
    let named = pair.create(4, 2, 50_000);
    assert!(decisions(&named, PAYER).is_empty(), "it is dark");
    pair.finish(named);
    let outputs = pair.link(PAYER, true);
    pair.finish(outputs);
    let leg = pair.leg(2, Side::Payer).expect("there again");
    let known: node::tables::PersonRow = pair.node(PAYER).get(&node::Key::Person(hash)).expect("by his hash");
    assert!(known.is_awaited() && known.member_ref == leg.member_ref && leg.member_ref != member(PAYER));
    let suspense = node::Key::Account(leg.member_ref, AccountKind::PersonalSuspense);
    let owes: node::tables::AccountRow = pair.node(PAYER).get(&suspense).expect("he owes it");
    assert_eq!(owes.posted.fen(), -50_000);
    assert_eq!(stands(&pair, PAYER).2, 0);
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
}

/// What went back of it went back for nobody: people have begun to see to it.
#[test]
fn a_lost_leg_of_which_something_went_back_is_left_to_people() {
    let (mut pair, _) = half(PAYEE);
    settle_down(&mut pair);
    pair.propose(50, 2, 10_000);
    pair.done(|pair| pair.approve(50));
    assert_eq!(pair.transfer(50).state, TransferState::Committed);
    let before = stands(&pair, PAYEE);
    let named = pair.create(4, 2, 50_000);
    pair.finish(named);
    assert_eq!(stands(&pair, PAYEE), before);
    assert_eq!(incidents(&pair, PAYEE, Side::Payee), [None, None]);
}

/// Found by attackers: backups one second apart left transfers undecided for ever.
#[test]
fn what_the_hub_knows_undecided_and_one_province_has_recorded_is_committed() {
    let mut pair = Pair::new();
    let disk = pair.disk(PAYER).expect("a disk").backup();
    let asked = pair.create(1, 1, 40_000);
    let hub = pair.hub.disk.backup();
    let voted = pair.vote_on(&asked);
    pair.finish(voted);
    assert_eq!(pair.transfer(1).state, TransferState::Committed);
    older_store(&mut pair, PAYER, &disk, (70, true));
    restored(&mut pair, &hub);
    hear(&mut pair);
    settle_down(&mut pair);
    let after = pair.transfer(1);
    assert_eq!((after.state, after.is_recorded_by_both()), (TransferState::Committed, true));
}

/// The same, where the hub has more rows than it had.
fn known_and_recorded_by_one(row: impl FnOnce(TransferRow) -> hub::Row) -> TransferState {
    let mut pair = Pair::new();
    let disk = pair.disk(PAYER).expect("a disk").backup();
    let asked = pair.create(1, 1, 40_000);
    let hub = pair.hub.disk.backup();
    let voted = pair.vote_on(&asked);
    pair.finish(voted);
    older_store(&mut pair, PAYER, &disk, (70, true));
    pair.hub.disk.restored(&hub);
    pair.hub.disk.put(row(pair.transfer(1)));
    pair.start_hub_as(90, true);
    hear(&mut pair);
    pair.transfer(1).state
}

#[test]
fn what_one_province_has_recorded_is_held_against_what_the_hub_has() {
    assert_eq!(known_and_recorded_by_one(Into::into), TransferState::Committed);
    let (window, owed) = (Window::of(Civil(NOON)), Money::from_fen(i64::MAX - 39_999));
    let full = PositionRow { window, province: PAYER, owed, sent_count: 0, received_count: 0 };
    let closed = TombstoneRow { transfer_id: id(1), province: PAYER, bury_time: Civil(NOON) };
    let other = ProvinceCode::new(44);
    let states = [
        known_and_recorded_by_one(|_| full.into()),
        known_and_recorded_by_one(|_| closed.into()),
        known_and_recorded_by_one(|row| TransferRow { amount: Money::from_fen(1), ..row }.into()),
        known_and_recorded_by_one(|row| TransferRow { terms_digest: Digest([9; 32]), ..row }.into()),
        known_and_recorded_by_one(|row| TransferRow { payer_province: other, ..row }.into()),
    ];
    assert_eq!(states, [TransferState::Pending; 5]);
    let aborted = |row| TransferRow { state: TransferState::Aborted, ..row }.into();
    assert_eq!(known_and_recorded_by_one(aborted), TransferState::Aborted);
}

#[test]
fn a_commit_that_names_its_teller_on_both_sides_is_not_adopted() {
    let mut pair = Pair::new();
    let (hub, disk) = (pair.hub.disk.backup(), pair.disk(PAYER).expect("a disk").backup());
    pair.send(2, 2, 50_000);
    older_store(&mut pair, PAYER, &disk, (70, true));
    pair.run_node(PAYEE, node::Input::Restored);
    restored(&mut pair, &hub);
    hear_changed(&mut pair, |_, legs| {
        legs.iter_mut().for_each(|leg| leg.counter_region = RegionCode::new(510_100).expect("its own"));
    });
    let state = pair.hub.get::<TransferRow>(&Key::Transfer(id(2))).map(|row| row.state);
    assert_ne!(state, Some(TransferState::Committed));
}

/// A province that says more than can be does not make another one pay: its node was not restored, and has no such leg.
#[test]
fn what_one_province_alone_tells_is_left_to_people_where_the_other_was_not_restored() {
    let mut pair = Pair::new();
    let (hub, disk) = (pair.hub.disk.backup(), pair.disk(PAYER).expect("a disk").backup());
    pair.send(2, 2, 50_000);
    older_store(&mut pair, PAYER, &disk, (70, false));
    restored(&mut pair, &hub);
    hear(&mut pair);
    let known: TransferRow = pair.hub.get(&Key::Transfer(id(2))).expect("its terms, for people to finish it");
    assert_eq!((known.state, known.hub_seq), (TransferState::Pending, None));
    assert!(!pair.node(PAYER).rows().iter().any(|row| LegRow::of(row).is_some()), "nobody is told");
    let incident: IncidentRow = pair.hub.get(&Key::Incident(id(2), Side::Payer)).expect("a name on it");
    assert_eq!(incident.refusal.reason, Reason::ContraryOrder);
}

/// A node that is whole has every leg that it voted for: no hub can make it book another.
#[test]
fn a_node_that_is_whole_books_nothing_that_it_does_not_know() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let leg = pair.leg(1, Side::Payer).expect("there");
    let lost = LostLeg {
        kind: leg.kind,
        original: None,
        amount: leg.amount,
        counter_region: leg.counter_region.expect("there"),
        receipt_time: leg.receipt_time,
        whose: None,
    };
    let decision = Decision {
        transfer_id: id(9),
        side: Side::Payer,
        terms_digest: Digest([9; 32]),
        outcome: Outcome::Commit,
        window: leg.window,
        hub_seq: Some(2),
        decide_time: leg.receipt_time,
        leg_record: Vec::new(),
        posting: None,
        lost: Some(Box::new(lost)),
    };
    let acks = pair.decide(PAYER, decision);
    assert_eq!(acks[0].result, AckResult::Rejected);
    assert_eq!(pair.leg(9, Side::Payer), None);
}
