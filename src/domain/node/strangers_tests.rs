//! Members whom a restored store does not know, or knows by another reference, when their legs come back.

use crate::domain::machine::TableRow as _;
use crate::domain::node::account::empty_account;
use crate::domain::node::record::Record;
use crate::domain::node::tables::{AccountRow, FoundByRow, Key, PersonRow};
use crate::domain::node::{Answer, leg_record};
use crate::domain::protocol::{Decision, LegState, Outcome, TransferState};
use crate::domain::value::{AccountKind, Digest, MemberRef, ProvinceCode, Side};
use crate::testkit::{Country, Disk, PAYEE, PAYER, Pair, answer, id, id_hash, known_as, member, person};

/// Another reference, as a server makes it up for whom it does not know.
const OTHER: MemberRef = MemberRef([0xAA; 16]);

/// A backup of a node from before its member was reported; he is reported, and has what a pair's member has.
fn before_he_was_reported(pair: &mut Pair, province: ProvinceCode) -> Disk {
    pair.node_mut(province).rewrite(|journal| {
        journal.retain(|record| {
            let his = [
                matches!(record, Record::MemberRecorded(_)),
                matches!(record, Record::AccountCredited(_)),
                matches!(record, Record::WalletOpened(_)),
            ];
            !his.contains(&true)
        });
    });
    let disk = &pair.node(province).disk;
    disk.remove(&Key::Person(hash(province)));
    disk.remove(&Key::FoundBy(member(province)));
    pair.start_node_as(province, 69);
    pair.rejoin(province);
    let before = pair.disk(province).expect("a disk").backup();
    for input in Country::enrolment_of_pair(province) {
        pair.run_node(province, input);
    }
    before
}

fn hash(province: ProvinceCode) -> Digest {
    id_hash(&person(province, 0).id_number)
}

/// What is known by the hash of a province's member.
fn known(pair: &Pair, province: ProvinceCode) -> PersonRow {
    pair.node(province).get(&Key::Person(hash(province))).expect("known by his hash")
}

fn restored(pair: &mut Pair, province: ProvinceCode, backup: &Disk) {
    pair.disk(province).expect("a disk").restored(backup);
    pair.start_node_as(province, 70);
    // It is told all that it lost, and then admitted.
    pair.rejoin(province);
    pair.rejoin(province);
}

/// Posted to an account, and in suspense beside it.
fn sums(pair: &Pair, (province, member_ref): (ProvinceCode, MemberRef), kind: AccountKind) -> (i64, i64) {
    let posted = |kind| {
        let row: Option<AccountRow> = pair.node(province).get(&Key::Account(member_ref, kind));
        row.unwrap_or_else(|| empty_account(member_ref, kind)).posted.fen()
    };
    (posted(kind), posted(kind.suspense()))
}

/// The enrolment of a province's member, as a server that has this reference for him hands it in.
fn enrol_as(pair: &mut Pair, province: ProvinceCode, as_ref: MemberRef) -> Vec<Answer> {
    Country::enrolment_of_pair(province)
        .into_iter()
        .map(|input| answer(pair.run_node(province, known_as(input, as_ref))))
        .collect()
}

fn sound(pair: &Pair) {
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
    for province in [PAYER, PAYEE] {
        let rows = pair.node(province).disk.rows();
        assert_eq!(rows.iter().filter_map(AccountRow::of).map(|row| row.posted.fen()).sum::<i64>(), 0);
    }
}

/// Who was first reported after the backup was another member afterwards, and spent the same money twice.
#[test]
fn who_was_first_reported_after_the_backup_is_found_again_and_pays_what_he_owes() {
    let mut pair = Pair::new();
    let before = before_he_was_reported(&mut pair, PAYER);
    pair.send(2, 2, 150_000);
    assert_eq!(pair.transfer(2).state, TransferState::Committed);
    restored(&mut pair, PAYER, &before);
    let his = (PAYER, member(PAYER));
    assert_eq!(sums(&pair, his, AccountKind::Personal), (0, -150_000));
    assert!(known(&pair, PAYER).is_awaited(), "nobody has said who he is");
    // To a prepare he is nobody yet.
    pair.send(3, 3, 1);
    assert_eq!(pair.transfer(3).state, TransferState::Aborted);
    pair.restart_node(PAYER, 71);
    let answers = enrol_as(&mut pair, PAYER, OTHER);
    assert_eq!(answers[0], Answer::PersonChanged(member(PAYER)));
    assert!(known(&pair, PAYER).is_awaited());
    let answers = enrol_as(&mut pair, PAYER, member(PAYER));
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Standing(_))), "{answers:?}");
    assert!(!known(&pair, PAYER).is_awaited());
    assert_eq!(sums(&pair, his, AccountKind::Personal), (850_000, 0));
    sound(&pair);
    pair.send(4, 4, 10_000);
    assert_eq!(pair.transfer(4).state, TransferState::Committed);
}

/// What came to a payee whom the store does not know waits for him too, also where he had accepted it: the second vote
/// names no person.
#[test]
fn who_is_owed_is_found_again_also_where_he_had_accepted() {
    for acceptance in [false, true] {
        let mut pair = Pair::with_rules(|rules| rules.acceptance = Some(acceptance));
        let before = before_he_was_reported(&mut pair, PAYEE);
        pair.send(1, 1, 40_000);
        if acceptance {
            pair.payee_says(2, 1, true);
        }
        assert_eq!(pair.transfer(1).state, TransferState::Committed);
        restored(&mut pair, PAYEE, &before);
        let his = (PAYEE, member(PAYEE));
        assert_eq!(sums(&pair, his, AccountKind::Wallet), (0, 40_000));
        assert_eq!(enrol_as(&mut pair, PAYEE, OTHER)[0], Answer::PersonChanged(member(PAYEE)));
        enrol_as(&mut pair, PAYEE, member(PAYEE));
        assert_eq!(sums(&pair, his, AccountKind::Wallet), (40_000, 0));
        sound(&pair);
    }
}

/// After two restores legs name him by two references: all of them are his whom the store knows.
#[test]
fn legs_that_name_him_otherwise_are_his_whom_the_store_knows() {
    let mut pair = Pair::new();
    let before = before_he_was_reported(&mut pair, PAYER);
    let whole = pair.disk(PAYER).expect("a disk").backup();
    pair.disk(PAYER).expect("a disk").restored(&before);
    pair.start_node_as(PAYER, 72);
    pair.rejoin(PAYER);
    enrol_as(&mut pair, PAYER, OTHER);
    let otherwise = pair.disk(PAYER).expect("a disk").backup();
    pair.disk(PAYER).expect("a disk").restored(&whole);
    pair.start_node_as(PAYER, 73);
    pair.rejoin(PAYER);
    pair.send(1, 1, 150_000);
    pair.propose(50, 1, 50_000);
    pair.done(|pair| pair.approve(50));
    assert_eq!(pair.leg(50, Side::Payee).expect("recorded").state, LegState::Committed);
    restored(&mut pair, PAYER, &otherwise);
    assert_eq!(sums(&pair, (PAYER, OTHER), AccountKind::Personal), (900_000, 0));
    assert_eq!(sums(&pair, (PAYER, member(PAYER)), AccountKind::Personal), (0, 0));
    for (number, side) in [(1, Side::Payer), (50, Side::Payee)] {
        assert_eq!(pair.leg(number, side).expect("told again").member_ref, OTHER);
    }
    sound(&pair);
    // What is sealed from here on names him so.
    let found_by: FoundByRow = pair.node(PAYER).get(&Key::FoundBy(OTHER)).expect("there");
    assert_eq!(found_by.id_hash, hash(PAYER));
}

/// A `leg_record` of before says nothing of who he is: his leg stands in suspense of the reference that it names.
#[test]
fn a_leg_of_before_comes_back_as_it_did() {
    let mut pair = Pair::new();
    let before = before_he_was_reported(&mut pair, PAYER);
    pair.send(1, 1, 150_000);
    let leg = pair.leg(1, Side::Payer).expect("recorded");
    pair.disk(PAYER).expect("a disk").restored(&before);
    pair.start_node_as(PAYER, 70);
    pair.join(PAYER);
    let told = Decision {
        transfer_id: id(1),
        side: Side::Payer,
        terms_digest: leg.terms_digest,
        outcome: Outcome::Commit,
        window: leg.window,
        hub_seq: leg.hub_seq,
        decide_time: leg.receipt_time,
        leg_record: leg_record(&leg, None).expect("it voted yes"),
        posting: None,
        lost: None,
    };
    pair.decide(PAYER, told);
    assert_eq!(pair.node(PAYER).get::<PersonRow>(&Key::Person(hash(PAYER))), None);
    assert_eq!(sums(&pair, (PAYER, member(PAYER)), AccountKind::Personal), (0, -150_000));
    pair.rejoin(PAYER);
    pair.rejoin(PAYER);
    assert!(matches!(enrol_as(&mut pair, PAYER, OTHER)[0], Answer::Standing(_)));
    assert_eq!(sums(&pair, (PAYER, member(PAYER)), AccountKind::Personal), (0, -150_000));
}
