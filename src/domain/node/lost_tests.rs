//! What a node books that it cannot refuse any more: postings of another node, and legs that were lost.

use super::account::{PROVINCE, empty_account};
use super::record::Record;
use super::tables::{AccountRow, Key, LegRow};
use super::{Answer, Upserted};
use crate::domain::machine::IncidentRow;
use crate::domain::protocol::message::PostingTerms;
use crate::domain::protocol::{AckResult, Decision, Kind, LegState, Outcome};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, Digest, MemberRef, Money, Side};
use crate::testkit::made_up_tests::loan;
use crate::testkit::{PAYEE, PAYER, Pair, id, legs, member};

/// The payer's node is told of a posting of 10.00 against a transfer.
fn booked(pair: &mut Pair, original: u8) -> AckResult {
    let terms = PostingTerms {
        kind: Kind::REPAYMENT,
        original: id(original),
        number: 1,
        after: 0,
        amount: Money::from_fen(1_000),
        post_time: pair.network.now.civil,
    };
    let decision = Decision {
        transfer_id: id(9),
        side: Side::Payer,
        terms_digest: Digest([9; 32]),
        outcome: Outcome::Commit,
        window: Some(crate::domain::value::Window::of(pair.network.now.civil)),
        hub_seq: Some(9),
        decide_time: pair.network.now.civil,
        leg_record: Vec::new(),
        posting: Some(terms),
        lost: None,
    };
    pair.decide(PAYER, decision)[0].result
}

#[test]
fn a_posting_is_booked_against_a_committed_transfer_of_the_right_kind_alone() {
    // A plain transfer never backs one.
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    assert_eq!(booked(&mut pair, 1), AckResult::Rejected);
    // A loan that is not decided here does, later; and one that was aborted does not.
    let mut pair = Pair::new();
    let outputs = pair.run_hub(loan(1, 40_000));
    pair.verdict(&legs(&outputs)[0]);
    assert_eq!(booked(&mut pair, 1), AckResult::NotYet);
    pair.done(|pair| pair.pass(60_000));
    assert_eq!(pair.leg(1, Side::Payer).map(|leg| leg.state), Some(LegState::Aborted));
    assert_eq!(booked(&mut pair, 1), AckResult::Rejected);
    let mut pair = Pair::new();
    pair.done(|pair| pair.run_hub(loan(1, 40_000)));
    assert_eq!(booked(&mut pair, 1), AckResult::Recorded);
}

/// The payee's store is restored to before a transfer, and has these sums then; gives its leg.
fn replayed(province_has: (AccountKind, i64), wallet: i64) -> (Pair, Option<LegRow>) {
    let mut pair = Pair::new();
    let before = pair.node(PAYEE).disk.backup();
    pair.send(1, 1, 40_000);
    pair.node(PAYEE).disk.restored(&before);
    let (kind, posted) = (province_has.0, Money::from_fen(province_has.1));
    pair.node(PAYEE).disk.put(AccountRow { posted, ..empty_account(PROVINCE, kind) });
    let posted = Money::from_fen(wallet);
    let row = AccountRow { posted, ..empty_account(member(PAYEE), AccountKind::Wallet) };
    pair.node(PAYEE).disk.put(row);
    pair.start_node_as(PAYEE, 70);
    pair.rejoin(PAYEE);
    let leg = pair.leg(1, Side::Payee);
    (pair, leg)
}

#[test]
fn a_lost_leg_is_booked_where_the_sums_can_hold_it() {
    let clearing = AccountKind::Clearing;
    for full in [i64::MAX - 39_999, i64::MIN + 39_999] {
        let (pair, leg) = replayed((clearing, full), 0);
        assert_eq!(leg, None, "{full}");
        let noted: IncidentRow =
            pair.node(PAYEE).get(&Key::Incident(id(1), Side::Payee)).expect("for people");
        assert_eq!(noted.refusal.reason, Reason::Overflow);
    }
    // What the wallet cannot take waits beside it.
    let (_, leg) = replayed((clearing, 0), i64::MAX - 39_999);
    let leg = leg.expect("booked");
    assert_eq!((leg.state, leg.account), (LegState::Committed, AccountKind::WalletSuspense));
    let (pair, leg) = replayed((clearing, 0), 0);
    assert_eq!(leg.expect("booked").account, AccountKind::Wallet);
    // As it was journaled before there was another kind.
    let journal = pair.node(PAYEE).journal();
    assert!(journal.iter().any(|it| matches!(it, Record::LegReplayed(_))), "{journal:?}");
}

/// A store of before reads these, and no leg that names its kind.
#[test]
fn a_compensation_has_a_record_of_its_own_also_in_suspense() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let before = pair.node(PAYEE).disk.backup();
    pair.propose(50, 1, 10_000);
    pair.done(|pair| pair.approve(50));
    let returns = |pair: &Pair| {
        let journal = pair.node(PAYEE).journal();
        let bound = journal.iter().filter(|it| matches!(it, Record::LegBound(_))).count();
        (journal.iter().filter(|it| matches!(it, Record::ReturnPrepared(_))).count(), bound)
    };
    assert_eq!(returns(&pair), (1, 0));
    // The wallet has not enough any more.
    pair.node(PAYEE).disk.restored(&before);
    pair.node(PAYEE).disk.put(empty_account(member(PAYEE), AccountKind::Wallet));
    pair.start_node_as(PAYEE, 70);
    pair.rejoin(PAYEE);
    let leg = pair.leg(50, Side::Payer).expect("told again");
    assert_eq!((leg.state, leg.account), (LegState::Committed, AccountKind::WalletSuspense));
    assert_eq!(returns(&pair), (1, 0));
}

#[test]
fn a_report_of_whom_the_vault_knows_otherwise_is_answered_with_his_reference() {
    let known = MemberRef([3; 16]);
    let answered = Result::<Upserted, RefusalRecord>::try_from(Answer::PersonChanged(known));
    assert_eq!(answered.ok(), Some(Ok(Upserted::PersonChanged(known))));
}
