//! Requests of the province's own systems: each is done once.

use super::suspend::Suspension;
use super::tests::rows;
use super::{Answer, Input, WalletChange};
use crate::domain::machine::Ticket;
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::{Key, MemberRow, WalletRow};
use crate::domain::reason::Reason;
use crate::domain::value::{Day, Digest, InsuranceStatus, InsuranceType, Money, RegionCode, WalletState};
use crate::testkit::{PAYEE, PAYER, Pair, answer, legs, member};

#[test]
fn a_balance_that_could_not_be_kept_is_refused_before_any_record() {
    let mut pair = Pair::new();
    let before = rows(&mut pair);
    let input = Input::Credit {
        ticket: Ticket::new(0),
        request: RequestMark { request_id: "too much".to_owned(), digest: Digest([1; 32]) },
        member_ref: member(PAYER),
        amount: Money::from_fen(i64::MAX),
        period: 202_611,
    };
    match answer(pair.run_node(PAYER, input)) {
        Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::Overflow),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(rows(&mut pair), before);
}

fn open_wallet(pair: &mut Pair, name: &str) -> Answer {
    let input = Input::OpenWallet {
        ticket: Ticket::new(0),
        request: RequestMark { request_id: name.to_owned(), digest: Digest([1; 32]) },
        member_ref: member(PAYEE),
        use_region: RegionCode::new(510_100).expect("a code"),
        opened_by: None,
        holder: None,
    };
    answer(pair.run_node(PAYEE, input))
}

fn change(pair: &mut Pair, name: &str, change: WalletChange) -> Answer {
    let request = RequestMark { request_id: name.to_owned(), digest: Digest([1; 32]) };
    answer(pair.run_node(
        PAYEE,
        Input::ChangeWallet { ticket: Ticket::new(0), request, member_ref: member(PAYEE), change },
    ))
}

fn wallet_state(pair: &Pair) -> WalletState {
    pair.node(PAYEE).get::<WalletRow>(&Key::Wallet(member(PAYEE))).expect("there is one").state
}

/// The wallet was open already, so its opening was not remembered: sent again after the wallet was closed, it opened
/// it.
#[test]
fn a_request_that_changed_nothing_changes_nothing_when_it_comes_late_again() {
    let mut pair = Pair::new();
    assert!(matches!(open_wallet(&mut pair, "first"), Answer::Standing(_)));
    change(&mut pair, "second", WalletChange::Close);
    assert_eq!(wallet_state(&pair), WalletState::Closed);
    assert!(matches!(open_wallet(&mut pair, "first"), Answer::Standing(_)));
    assert_eq!(wallet_state(&pair), WalletState::Closed);
    // Nor can its id be used for anything else.
    let other = RequestMark { request_id: "first".to_owned(), digest: Digest([2; 32]) };
    let member_ref = member(PAYEE);
    let input = Input::ChangeWallet {
        ticket: Ticket::new(0),
        request: other,
        member_ref,
        change: WalletChange::Close,
    };
    match answer(pair.run_node(PAYEE, input)) {
        Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::ContentDiffers),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn reports_and_suspensions_that_change_nothing_are_remembered_too() {
    let mut pair = Pair::new();
    let (member_ref, from) = (member(PAYEE), Day::of(pair.network.now.civil));
    let lift = |name: &str, until| Input::Suspend {
        ticket: Ticket::new(0),
        request: RequestMark { request_id: name.to_owned(), digest: Digest([1; 32]) },
        member_ref,
        suspension: Suspension { from, until },
    };
    let until = Day::parse("2027-05-01");
    pair.run_node(PAYEE, lift("nothing to lift", None));
    pair.run_node(PAYEE, lift("suspended", until));
    pair.run_node(PAYEE, lift("nothing to lift", None));
    let suspended = |pair: &Pair| {
        let row: MemberRow = pair.node(PAYEE).get(&Key::Member(member_ref)).expect("there");
        (row.settlement_suspended_until, row.insurance_status)
    };
    assert_eq!(suspended(&pair), (until, InsuranceStatus::Active));
    let report = |pair: &mut Pair, status, name| {
        pair.report(PAYEE, 510_100, InsuranceType::Resident, status, name);
    };
    report(&mut pair, InsuranceStatus::Suspended, "suspended now");
    report(&mut pair, InsuranceStatus::Suspended, "still");
    report(&mut pair, InsuranceStatus::Active, "active again");
    report(&mut pair, InsuranceStatus::Suspended, "still");
    assert_eq!(suspended(&pair).1, InsuranceStatus::Active);
}

/// What is promised to a wallet lands there.
#[test]
fn a_wallet_with_a_live_leg_is_not_closed() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 40_000);
    pair.prepare(&legs(&outputs)[1]);
    let before = rows(&mut pair);
    match change(&mut pair, "close", WalletChange::Close) {
        Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::HasLiveLeg),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(rows(&mut pair), before);
}

#[test]
fn a_wallet_shows_why_it_was_changed_and_when() {
    let mut pair = Pair::new();
    let wallet = |pair: &Pair| pair.node(PAYEE).get::<WalletRow>(&Key::Wallet(member(PAYEE))).expect("there");
    let there = WalletChange::Move(wallet(&pair).use_region);
    let moved = change(&mut pair, "move", there);
    assert!(matches!(moved, Answer::Standing(standing) if !standing.changed), "it is there already");
    let code = |text: &str| text.to_owned();
    let steps = [
        ("freeze", WalletChange::Freeze(code("COURT")), WalletState::Frozen, "COURT"),
        ("again", WalletChange::Freeze(code("OTHER")), WalletState::Frozen, "OTHER"),
        ("unfreeze", WalletChange::Unfreeze(code("LIFTED")), WalletState::Open, "LIFTED"),
        ("close", WalletChange::Close, WalletState::Closed, "LIFTED"),
    ];
    for (name, wanted, state, why) in steps {
        pair.network.now.civil.0 += 1_000;
        change(&mut pair, name, wanted);
        let row = wallet(&pair);
        assert_eq!((row.state, row.state_code.as_deref()), (state, Some(why)));
        assert_eq!(row.state_time, pair.network.now.civil);
    }
}

#[test]
fn a_wallet_is_opened_only_for_who_is_insured_owes_nothing_and_is_not_publicly_funded() {
    let changes: [fn(MemberRow) -> MemberRow; 3] = [
        |row| MemberRow { insurance_status: InsuranceStatus::Suspended, ..row },
        |row| MemberRow { in_arrears: true, ..row },
        |row| MemberRow { public_medical: true, ..row },
    ];
    for change in changes {
        let mut pair = Pair::new();
        let row: MemberRow = pair.node(PAYEE).get(&Key::Member(member(PAYEE))).expect("there");
        pair.node(PAYEE).disk.put(change(row));
        pair.node_mut(PAYEE).core.as_mut().expect("it runs").forget_rows();
        match open_wallet(&mut pair, "now") {
            Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::NotInsured),
            other => panic!("not refused: {other:?}"),
        }
    }
}
