//! What stands in suspense of a member, through a hub and nodes.

use super::*;
use crate::domain::hub::Effect;
use crate::domain::machine::{Output, TableRow, Ticket};
use crate::domain::node::tables::{EntryRow, MemberRow, WalletRow};
use crate::domain::node::{self, Answer, leg_record};
use crate::domain::protocol::{LegState, Outcome, TransferState};
use crate::domain::value::{AccountState, InsuranceStatus, InsuranceType, ProvinceCode, WalletState};
use crate::testkit::{PAYEE, PAYER, Pair, answer, member, request};

/// A pair under rules that let a transfer take all that the payer has.
fn pair() -> Pair {
    Pair::with_rules(|rules| {
        rules.transfer_max = Some(Money::from_fen(5_000_000));
        rules.daily_count_max = Some(9);
    })
}

fn credit(pair: &mut Pair, name: &str, fen: i64) {
    let (ticket, amount) = (Ticket::new(0), Money::from_fen(fen));
    let (request, member_ref) = (request(name), member(PAYER));
    let input = Input::Credit { ticket, request, member_ref, amount, period: 202_611 };
    let outputs = pair.run_node(PAYER, input);
    assert!(matches!(answer(outputs), Answer::Standing(_)));
}

fn restored(pair: &mut Pair, province: ProvinceCode, backup: &crate::testkit::Disk) {
    pair.disk(province).expect("a disk").restored(backup);
    pair.start_node_as(province, 70);
    // It is told all that it lost, and then admitted.
    pair.rejoin(province);
    pair.rejoin(province);
}

fn backup(pair: &mut Pair, province: ProvinceCode) -> crate::testkit::Disk {
    pair.disk(province).expect("a disk").backup()
}

/// What is in a member's account, and what stands in suspense beside it.
fn sums(pair: &Pair, province: ProvinceCode, kind: AccountKind) -> (i64, i64) {
    let posted = |kind| pair.account(province, kind).posted.fen();
    (posted(kind), posted(kind.suspense()))
}

/// The lines of a member's account, the first booked first.
fn lines(pair: &Pair, province: ProvinceCode, kind: AccountKind) -> Vec<(EntryKind, i64)> {
    let mut lines = Vec::new();
    let mut entry_id = pair.account(province, kind).last_entry;
    while let Some(entry) = pair.node(province).get::<EntryRow>(&Key::Entry(entry_id)) {
        lines.push((entry.entry_kind, entry.amount.fen()));
        entry_id = entry.previous;
    }
    lines.reverse();
    lines
}

/// Every journal still makes its tables, and every account adds up.
fn sound(pair: &Pair) {
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
    for province in [PAYER, PAYEE] {
        let rows = pair.node(province).disk.rows();
        let posted = rows.iter().filter_map(AccountRow::of).map(|row| row.posted.fen());
        assert_eq!(posted.sum::<i64>(), 0, "{province}");
    }
}

/// The issue: the allotment that paid for a transfer was lost with the store; sent again, it was spent again.
#[test]
fn an_allotment_that_is_sent_again_pays_first_what_the_member_owes() {
    let mut pair = pair();
    let before = backup(&mut pair, PAYER);
    credit(&mut pair, "extra", 50_000);
    pair.send(1, 1, 1_040_000);
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (10_000, 0));
    restored(&mut pair, PAYER, &before);
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (0, -40_000));
    let leg = pair.leg(1, Side::Payer).expect("told again");
    assert_eq!((leg.state, leg.account), (LegState::Committed, AccountKind::PersonalSuspense));
    // It is known after another start too.
    pair.restart_node(PAYER, 71);
    let look = Input::Look { ticket: Ticket::new(1), member_ref: member(PAYER) };
    let Answer::Standing(standing) = answer(pair.run_node(PAYER, look)) else { panic!("no answer") };
    assert_eq!((standing.account.posted.fen(), standing.suspense.fen()), (0, -40_000));
    credit(&mut pair, "extra", 50_000);
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (10_000, 0));
    credit(&mut pair, "extra", 50_000);
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (10_000, 0), "a repeat");
    let expected = [
        (EntryKind::Allotment, 1_000_000),
        (EntryKind::SetOff, -1_000_000),
        (EntryKind::Allotment, 50_000),
        (EntryKind::SetOff, -40_000),
    ];
    assert_eq!(lines(&pair, PAYER, AccountKind::Personal), expected);
    let expected =
        [(EntryKind::TransferOut, -1_040_000), (EntryKind::SetOff, 1_000_000), (EntryKind::SetOff, 40_000)];
    assert_eq!(lines(&pair, PAYER, AccountKind::PersonalSuspense), expected);
    sound(&pair);
    // His day counts it, and he can go on.
    assert_eq!(pair.account(PAYER, AccountKind::Personal).day_count, 1);
    pair.send(2, 2, 10_000);
    assert_eq!(pair.transfer(2).state, TransferState::Committed);
}

#[test]
fn less_than_he_owes_is_all_set_off() {
    let mut pair = pair();
    let before = backup(&mut pair, PAYER);
    credit(&mut pair, "extra", 50_000);
    pair.send(1, 1, 1_050_000);
    restored(&mut pair, PAYER, &before);
    for (fen, owes) in [(20_000, -30_000), (29_999, -1), (2, 0)] {
        credit(&mut pair, &format!("part {fen}"), fen);
        let (has, suspense) = sums(&pair, PAYER, AccountKind::Personal);
        assert_eq!((has, suspense), (i64::from(owes == 0), owes));
    }
    sound(&pair);
}

/// What was set aside for a transfer that ends in nothing is his again, and so pays what he owes.
#[test]
fn a_hold_that_goes_back_pays_what_he_owes() {
    let mut pair = pair();
    let outputs = pair.create(1, 1, 600_000);
    pair.verdict(&crate::testkit::legs(&outputs)[0]);
    let before = backup(&mut pair, PAYER);
    credit(&mut pair, "extra", 500_000);
    pair.send(2, 2, 700_000);
    let lost = pair.leg(2, Side::Payer).expect("recorded");
    pair.disk(PAYER).expect("a disk").restored(&before);
    pair.start_node_as(PAYER, 70);
    pair.join(PAYER);
    let told = |leg: &LegRow, outcome| Decision {
        transfer_id: leg.transfer_id,
        side: leg.side,
        terms_digest: leg.terms_digest,
        outcome,
        window: leg.window,
        hub_seq: leg.hub_seq,
        decide_time: leg.receipt_time,
        leg_record: leg_record(leg, None).filter(|_| outcome == Outcome::Commit).unwrap_or_default(),
        posting: None,
        lost: None,
    };
    pair.decide(PAYER, told(&lost, Outcome::Commit));
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (600_000, -300_000), "the hold stays");
    let held = pair.leg(1, Side::Payer).expect("held");
    pair.decide(PAYER, told(&held, Outcome::Abort));
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (300_000, 0));
    assert!(pair.node(PAYER).rebuilds().0);
}

fn open_wallet(pair: &mut Pair, name: &str) {
    let (ticket, request, member_ref) = (Ticket::new(0), request(name), member(PAYEE));
    let use_region = crate::domain::value::RegionCode::new(510_100).expect("a code");
    let input = Input::OpenWallet { ticket, request, member_ref, use_region, opened_by: None, holder: None };
    assert!(matches!(answer(pair.run_node(PAYEE, input)), Answer::Standing(_)));
}

/// A payee whose wallet was opened after the backup, and who is owed what had come into it.
fn owed() -> Pair {
    let mut pair = pair();
    pair.node_mut(PAYEE)
        .rewrite(|journal| journal.retain(|record| !matches!(record, node::Record::WalletOpened(_))));
    pair.start_node_as(PAYEE, 69);
    pair.rejoin(PAYEE);
    let before = backup(&mut pair, PAYEE);
    open_wallet(&mut pair, "open");
    pair.send(1, 1, 40_000);
    assert_eq!(sums(&pair, PAYEE, AccountKind::Wallet), (40_000, 0));
    restored(&mut pair, PAYEE, &before);
    assert_eq!(sums(&pair, PAYEE, AccountKind::Wallet), (0, 40_000));
    pair
}

#[test]
fn what_a_member_is_owed_comes_into_his_wallet_once_he_has_one() {
    let mut pair = owed();
    pair.restart_node(PAYEE, 71);
    open_wallet(&mut pair, "open");
    assert_eq!(sums(&pair, PAYEE, AccountKind::Wallet), (40_000, 0));
    assert_eq!(lines(&pair, PAYEE, AccountKind::Wallet), [(EntryKind::SetOff, 40_000)]);
    sound(&pair);
}

/// What was paid out of suspense is in the wallet: from there it goes back, once.
#[test]
fn what_was_set_off_goes_back_from_the_account() {
    let mut pair = owed();
    open_wallet(&mut pair, "open");
    pair.propose(50, 1, 40_000);
    pair.done(|pair| pair.approve(50));
    assert_eq!(pair.transfer(50).state, TransferState::Committed);
    assert_eq!(sums(&pair, PAYEE, AccountKind::Wallet), (0, 0));
    assert_eq!(pair.leg(50, Side::Payer).expect("recorded").account, AccountKind::Wallet);
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (1_000_000, 0));
    pair.propose(51, 1, 1);
    assert!(pair.approve(51).iter().all(|it| !matches!(it, Output::Effect(Effect::Decide(..)))));
    sound(&pair);
}

/// Money that waits for its member is set aside for what goes back of it, and is his again when that ends in nothing.
#[test]
fn what_is_set_aside_in_suspense_is_not_paid_out() {
    let mut pair = owed();
    pair.propose(50, 1, 40_000);
    let outputs = pair.approve(50);
    let debit = crate::testkit::legs(&outputs).into_iter().find(|leg| leg.terms.province == PAYEE);
    pair.verdict(&debit.expect("to be set aside"));
    open_wallet(&mut pair, "open");
    assert_eq!(sums(&pair, PAYEE, AccountKind::Wallet), (0, 40_000));
    let held = pair.leg(50, Side::Payer).expect("held");
    assert_eq!((held.state, held.account), (LegState::Prepared, AccountKind::WalletSuspense));
    pair.done(|pair| pair.pass(60_000));
    assert_eq!(pair.leg(50, Side::Payer).expect("recorded").state, LegState::Aborted);
    assert_eq!(sums(&pair, PAYEE, AccountKind::Wallet), (40_000, 0));
    sound(&pair);
}

/// A compensation brings back what a payer had sent: it pays what he owes, and waits where he has no account.
#[test]
fn what_comes_back_pays_what_he_owes() {
    let mut pair = pair();
    let before = backup(&mut pair, PAYER);
    credit(&mut pair, "extra", 500_000);
    pair.send(1, 1, 1_200_000);
    restored(&mut pair, PAYER, &before);
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (0, -200_000));
    pair.propose(50, 1, 300_000);
    pair.done(|pair| pair.approve(50));
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (100_000, 0));
    let resident = InsuranceType::Resident;
    pair.report(PAYER, 130_100, resident, InsuranceStatus::Active, "resident");
    let absent: MemberRow = pair.node(PAYER).get(&Key::Member(member(PAYER))).expect("known");
    assert_eq!(absent.account_state, AccountState::Absent);
    pair.propose(51, 1, 400_000);
    pair.done(|pair| pair.approve(51));
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (100_000, 400_000), "it waits");
    pair.report(PAYER, 130_100, InsuranceType::Employee, InsuranceStatus::Active, "employee");
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (500_000, 0));
    sound(&pair);
}

/// There is nowhere to pay it.
#[test]
fn what_waits_for_a_wallet_is_listed() {
    let pair = owed();
    let wallet: Option<WalletRow> = pair.node(PAYEE).get(&Key::Wallet(member(PAYEE)));
    assert!(wallet.is_none_or(|wallet| wallet.state == WalletState::Closed));
    let listed = |rows: Vec<Row>| -> Vec<AccountRow> {
        let rows = rows.into_iter().filter(|row| in_suspense().admits(row));
        rows.filter_map(|row| AccountRow::of(&row).cloned()).collect()
    };
    let found = listed(pair.node(PAYEE).disk.rows());
    assert_eq!(
        found.iter().map(|row| (row.kind, row.posted.fen())).collect::<Vec<_>>(),
        [(AccountKind::WalletSuspense, 40_000)]
    );
    assert_eq!(found[0].member_ref, member(PAYEE));
    assert!(listed(pair.node(PAYER).disk.rows()).is_empty());
}

/// The hub's answer to a question ends a hold as its call does: it pays what he owes.
#[test]
fn a_hold_that_a_ruling_ends_pays_what_he_owes() {
    let mut pair = pair();
    let outputs = pair.create(1, 1, 600_000);
    pair.verdict(&crate::testkit::legs(&outputs)[0]);
    let before = backup(&mut pair, PAYER);
    credit(&mut pair, "extra", 500_000);
    pair.send(2, 2, 700_000);
    restored(&mut pair, PAYER, &before);
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (600_000, -300_000), "the hold stays");
    let held = pair.leg(1, Side::Payer).expect("held");
    let ended = Decision {
        transfer_id: held.transfer_id,
        side: held.side,
        terms_digest: held.terms_digest,
        outcome: Outcome::Abort,
        window: None,
        hub_seq: None,
        decide_time: held.receipt_time,
        leg_record: Vec::new(),
        posting: None,
        lost: None,
    };
    let (hub, rulings) = (pair.hub.mark(), vec![Ruling::Decided(ended)]);
    pair.run_node(PAYER, Input::Rulings { hub, rulings });
    assert_eq!(sums(&pair, PAYER, AccountKind::Personal), (300_000, 0));
}

/// He owes in one account and is owed beside another: what is left of both is set off later.
#[test]
fn what_is_left_in_suspense_is_set_off_with_the_next_money() {
    let mut pair = pair();
    let waits = |kind, fen| AccountRow {
        posted: Money::from_fen(fen),
        ..node::account::empty_account(member(PAYER), kind)
    };
    pair.node(PAYER).disk.put(waits(AccountKind::Personal, 0));
    pair.node(PAYER).disk.put(waits(AccountKind::PersonalSuspense, -100));
    pair.node(PAYER).disk.put(waits(AccountKind::WalletSuspense, 50));
    pair.restart_node(PAYER, 71);
    for (name, left) in [("first", -40), ("second", 0)] {
        credit(&mut pair, name, 60);
        assert_eq!(sums(&pair, PAYER, AccountKind::Personal).1, left);
    }
}
