//! Members who are excluded from the network settlement.

use super::suspend::Suspension;
use super::{Answer, Input};
use crate::domain::machine::Ticket;
use crate::domain::node::tables::{Key, MemberRow};
use crate::domain::protocol::TransferState;
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Day, InsuranceStatus, InsuranceType, ProvinceCode};
use crate::testkit::{NOON, PAYEE, PAYER, Pair, answer, legs, member, request};

const DAY_MS: i64 = 86_400_000;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn suspend(pair: &mut Pair, province: ProvinceCode, name: &str, suspension: Suspension) -> Answer {
    let input = Input::Suspend {
        ticket: Ticket::new(0),
        request: request(name),
        member_ref: member(province),
        suspension,
    };
    answer(pair.run_node(province, input))
}

fn until(text: &str) -> Suspension {
    // The pair's noon is that of 2026-11-21.
    Suspension { from: day("2026-11-21"), until: Some(day(text)) }
}

fn transfer(pair: &mut Pair, number: u8) -> (TransferState, Option<RefusalRecord>) {
    pair.send(1, number, 100);
    let row = pair.transfer(number);
    (row.state, row.refusal)
}

#[test]
fn a_suspended_payer_is_refused_up_to_the_last_moment_before_its_end() {
    let mut pair = Pair::new();
    suspend(&mut pair, PAYER, "s", until("2027-02-21"));
    let refusal = transfer(&mut pair, 1).1.expect("refused");
    assert_eq!((refusal.reason, refusal.side), (Reason::PayerSettlementSuspended, RefusalSide::Payer));
    assert_eq!(refusal.metadata, [("until".to_owned(), "2027-02-21".to_owned())]);
    // 92 days from 2026-11-21 to 2027-02-21, whose first moment is twelve hours before its noon.
    let end = NOON + 92 * DAY_MS - DAY_MS / 2;
    pair.network.now.civil = Civil(end - 1);
    assert_eq!(transfer(&mut pair, 2).0, TransferState::Aborted);
    pair.network.now.civil = Civil(end);
    assert_eq!(transfer(&mut pair, 3).0, TransferState::Committed);
}

#[test]
fn a_suspended_payee_is_refused_without_telling_until_when() {
    let mut pair = Pair::new();
    suspend(&mut pair, PAYEE, "s", until("2027-11-21"));
    let refusal = transfer(&mut pair, 1).1.expect("refused");
    assert_eq!((refusal.reason, refusal.side), (Reason::PayeeSettlementSuspended, RefusalSide::Payee));
    assert_eq!(refusal.metadata, []);
}

#[test]
fn a_report_of_insurance_does_not_end_it_and_a_lifting_does() {
    let mut pair = Pair::new();
    suspend(&mut pair, PAYER, "s", until("2027-02-21"));
    for status in [InsuranceStatus::Suspended, InsuranceStatus::Active] {
        pair.report(PAYER, 130_100, InsuranceType::Employee, status, status.name());
    }
    let row: MemberRow = pair.node(PAYER).get(&Key::Member(member(PAYER))).expect("a member");
    assert_eq!(row.settlement_suspended_until, Some(day("2027-02-21")));
    suspend(&mut pair, PAYER, "l", Suspension { from: day("2026-11-21"), until: None });
    assert_eq!(transfer(&mut pair, 1).0, TransferState::Committed);
}

#[test]
fn what_voted_yes_is_not_touched() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 100);
    pair.verdict(&legs(&outputs)[0]);
    suspend(&mut pair, PAYER, "s", until("2027-02-21"));
    pair.finish(outputs);
    let row = pair.transfer(1);
    assert_eq!(row.state, TransferState::Committed);
}

#[test]
fn it_is_done_once_and_does_not_begin_tomorrow() {
    let mut pair = Pair::new();
    let changed = |answer: Answer| match answer {
        Answer::Standing(standing) => standing.changed,
        other => panic!("refused: {other:?}"),
    };
    assert!(changed(suspend(&mut pair, PAYER, "s", until("2027-02-21"))));
    assert!(!changed(suspend(&mut pair, PAYER, "s", until("2027-02-21"))), "the same request");
    assert!(!changed(suspend(&mut pair, PAYER, "t", until("2027-02-21"))), "nothing new");
    let tomorrow = Suspension { from: day("2026-11-22"), until: Some(day("2027-03-01")) };
    let Answer::Refused(refusal) = suspend(&mut pair, PAYER, "u", tomorrow) else { panic!("taken") };
    assert_eq!(refusal.reason, Reason::DateInFuture);
}
