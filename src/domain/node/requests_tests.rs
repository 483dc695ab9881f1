//! Requests of the province's own systems: each is done once.

use super::suspend::Suspension;
use super::tests::rows;
use super::{Answer, Input, WalletChange};
use crate::domain::machine::step::Ticket;
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::{Key, MemberRow, PersonRow, WalletRow};
use crate::domain::reason::Reason;
use crate::domain::toy::{PAYEE, PAYER, Toy, answer, id_hash, member};
use crate::domain::value::calendar::Day;
use crate::domain::value::id::Digest;
use crate::domain::value::member::{InsuranceStatus, InsuranceType, WalletState};
use crate::domain::value::money::Money;
use crate::domain::value::region::RegionCode;

#[test]
fn a_balance_that_could_not_be_kept_is_refused_before_any_record() {
    let mut toy = Toy::new();
    let (now, before) = (toy.now, rows(&mut toy));
    let input = Input::Credit {
        ticket: Ticket::new(0),
        request: RequestMark { request_id: "too much".to_owned(), digest: Digest([1; 32]) },
        member_ref: member(PAYER),
        amount: Money::from_fen(i64::MAX),
        period: 202_611,
    };
    match answer(toy.payer.run(now, input)) {
        Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::Overflow),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(rows(&mut toy), before);
}

fn open_wallet(toy: &mut Toy, name: &str) -> Answer {
    let input = Input::OpenWallet {
        ticket: Ticket::new(0),
        request: RequestMark { request_id: name.to_owned(), digest: Digest([1; 32]) },
        member_ref: member(PAYEE),
        use_region: RegionCode::new(510_100).expect("a code"),
        opened_by: None,
        holder: None,
    };
    let now = toy.now;
    answer(toy.payee.run(now, input))
}

fn change(toy: &mut Toy, name: &str, change: WalletChange) -> Answer {
    let request = RequestMark { request_id: name.to_owned(), digest: Digest([1; 32]) };
    let now = toy.now;
    answer(
        toy.payee.run(
            now,
            Input::ChangeWallet { ticket: Ticket::new(0), request, member_ref: member(PAYEE), change },
        ),
    )
}

fn wallet_state(toy: &Toy) -> WalletState {
    toy.payee.get::<WalletRow>(&Key::Wallet(member(PAYEE))).expect("there is one").state
}

/// The wallet was open already, so its opening was not remembered: sent again after the wallet was closed, it opened
/// it.
#[test]
fn a_request_that_changed_nothing_changes_nothing_when_it_comes_late_again() {
    let mut toy = Toy::new();
    assert!(matches!(open_wallet(&mut toy, "first"), Answer::Standing(_)));
    change(&mut toy, "second", WalletChange::Close);
    assert_eq!(wallet_state(&toy), WalletState::Closed);
    assert!(matches!(open_wallet(&mut toy, "first"), Answer::Standing(_)));
    assert_eq!(wallet_state(&toy), WalletState::Closed);
    // Nor can its id be used for anything else.
    let other = RequestMark { request_id: "first".to_owned(), digest: Digest([2; 32]) };
    let (now, member_ref) = (toy.now, member(PAYEE));
    let input = Input::ChangeWallet {
        ticket: Ticket::new(0),
        request: other,
        member_ref,
        change: WalletChange::Close,
    };
    match answer(toy.payee.run(now, input)) {
        Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::ContentDiffers),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn reports_and_suspensions_that_change_nothing_are_remembered_too() {
    let mut toy = Toy::new();
    let (now, member_ref) = (toy.now, member(PAYEE));
    let lift = |name: &str, until| Input::Suspend {
        ticket: Ticket::new(0),
        request: RequestMark { request_id: name.to_owned(), digest: Digest([1; 32]) },
        member_ref,
        suspension: Suspension { from: Day::of(now.civil), until },
    };
    let until = Day::parse("2027-05-01");
    toy.payee.run(now, lift("nothing to lift", None));
    toy.payee.run(now, lift("suspended", until));
    toy.payee.run(now, lift("nothing to lift", None));
    let suspended = |toy: &Toy| {
        let row: MemberRow = toy.payee.get(&Key::Member(member_ref)).expect("there");
        (row.settlement_suspended_until, row.insurance_status)
    };
    assert_eq!(suspended(&toy), (until, InsuranceStatus::Active));
    let report = |toy: &mut Toy, status, name| {
        toy.report(PAYEE, 510_100, InsuranceType::Resident, status, name);
    };
    toy.payee.rows.put(PersonRow { id_hash: id_hash(PAYEE), member_ref, sealed: vec![] });
    report(&mut toy, InsuranceStatus::Suspended, "suspended now");
    report(&mut toy, InsuranceStatus::Suspended, "still");
    report(&mut toy, InsuranceStatus::Active, "active again");
    report(&mut toy, InsuranceStatus::Suspended, "still");
    assert_eq!(suspended(&toy).1, InsuranceStatus::Active);
}
