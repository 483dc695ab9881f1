//! Compensations, with hub and nodes in the test's hands.

use super::CompensationWord;
use crate::domain::hub::record::{HubRecovered, Record};
use crate::domain::hub::tables::{CompensationRow, Key, PositionRow, TransferRow};
use crate::domain::hub::{Answer, Input};
use crate::domain::machine::{IncidentRaised, Output, SelfRow};
use crate::domain::node;
use crate::domain::node::tables::{AccountRow, EntryRow};
use crate::domain::protocol::{CompensationState, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, Civil, EntryKind, Money, Side};
use crate::testkit::{
    HubOutput, NOON, PAYEE, PAYER, Pair, compensate, create, id, legs, member, operator, proposal,
};
use std::sync::Arc;

const DAY: i64 = 86_400_000;

/// A pair in which 400.00 were sent under the id 1.
fn sent() -> Pair {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    pair
}

fn compensation(pair: &Pair, number: u8) -> CompensationRow {
    pair.hub.get(&Key::Compensation(id(number))).expect("proposed")
}

fn reason(answer: &Answer) -> Reason {
    match answer {
        Answer::Refused(refusal) => refusal.reason,
        other => panic!("not refused: {other:?}"),
    }
}

fn is_proposed(answer: &Answer) -> bool {
    matches!(answer, Answer::Compensation(row) if row.state == CompensationState::Proposed)
}

/// What is in the payer's personal account and in the payee's wallet, in fen.
fn balances(pair: &Pair) -> [i64; 2] {
    [(PAYER, AccountKind::Personal), (PAYEE, AccountKind::Wallet)]
        .map(|(province, kind)| pair.account(province, kind).posted.fen())
}

/// Approves and delivers everything; gives the transfer as the operator is told.
fn carried_out(pair: &mut Pair, number: u8) -> TransferRow {
    let outputs = pair.approve(number);
    match pair.finish(outputs).pop() {
        Some((91, Answer::Transfer(row))) => (*row).clone(),
        other => panic!("no transfer: {other:?}"),
    }
}

fn replays(pair: &Pair) {
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
}

#[test]
fn money_goes_back_in_the_window_of_its_own_decision_and_the_original_stays() {
    let mut pair = sent();
    let original = pair.transfer(1);
    pair.network.now.civil = Civil(NOON + DAY);
    assert!(is_proposed(&pair.propose(50, 1, 40_000)));
    assert_eq!(balances(&pair), [960_000, 40_000], "a proposal moves nothing");
    let back = carried_out(&mut pair, 50);
    assert_eq!((back.state, back.returns), (TransferState::Committed, Some(id(1))));
    assert_eq!((back.payer_province, back.payee_province), (PAYEE, PAYER));
    assert!(back.payer_recorded_seq.is_some() && back.payee_recorded_seq.is_some());
    assert_eq!(balances(&pair), [1_000_000, 0]);
    let owed = |window, province| {
        let row: Option<PositionRow> = pair.hub.get(&Key::Position(window, province));
        row.expect("a position").owed.fen()
    };
    let (first, second) = (original.window.expect("committed"), back.window.expect("committed"));
    assert_ne!(first, second);
    assert_eq!([owed(first, PAYER), owed(first, PAYEE)], [40_000, -40_000]);
    assert_eq!([owed(second, PAYER), owed(second, PAYEE)], [-40_000, 40_000]);
    let now = pair.transfer(1);
    assert_eq!(TransferRow { compensation: None, ..now.clone() }, original, "no decision is changed");
    assert_eq!(now.compensation, Some(id(50)));
    let kinds = |province, kind| {
        let rows = pair.node(province).rows();
        let entries = rows.iter().filter_map(<EntryRow as crate::domain::machine::table::TableRow<_>>::of);
        entries.filter(|row| row.kind == kind).map(|row| row.entry_kind).collect::<Vec<_>>()
    };
    use EntryKind::{Allotment, ReturnIn, ReturnOut, TransferIn, TransferOut};
    assert_eq!(kinds(PAYER, AccountKind::Personal), [Allotment, TransferOut, ReturnIn]);
    assert_eq!(kinds(PAYEE, AccountKind::Wallet), [TransferIn, ReturnOut]);
    replays(&pair);
}

#[test]
fn both_operators_the_times_and_the_reason_are_journaled() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    carried_out(&mut pair, 50);
    let journal = pair.hub.journal();
    let words: Vec<(&str, &str)> = journal
        .iter()
        .filter_map(|record| match record {
            Record::CompensationProposed(it) => Some((it.operator.as_str(), it.reason.as_str())),
            Record::CompensationAnswered(it) => Some((it.operator.as_str(), "approved")),
            _ => None,
        })
        .collect();
    assert_eq!(words, [(&*operator("a"), "sent twice"), (&*operator("b"), "approved")]);
    let row = compensation(&pair, 50);
    assert_eq!((row.proposer, row.answerer), (operator("a"), Some(operator("b"))));
    assert_eq!(row.answer_time, Some(pair.network.now.civil));
}

#[test]
fn the_operator_who_proposed_cannot_approve() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    let before = pair.hub.journal().len();
    let word = CompensationWord::Approve { deadline_ms: 10_000 };
    assert_eq!(reason(&pair.say_of(50, "a", word)), Reason::SameOperator);
    assert_eq!((pair.hub.journal().len(), balances(&pair)), (before, [960_000, 40_000]));
}

#[test]
fn no_more_goes_back_than_was_moved_whatever_is_still_open() {
    let mut pair = sent();
    assert_eq!(reason(&pair.propose(50, 1, 40_001)), Reason::OverCompensated);
    assert!(is_proposed(&pair.propose(51, 1, 30_000)));
    assert_eq!(reason(&pair.propose(52, 1, 10_001)), Reason::OverCompensated);
    assert!(is_proposed(&pair.propose(53, 1, 10_000)));
    // What is withdrawn is free again; what is committed is not.
    let withdrawn = pair.say_of(51, "b", CompensationWord::Withdraw);
    assert!(matches!(withdrawn, Answer::Compensation(row) if row.state == CompensationState::Withdrawn));
    carried_out(&mut pair, 53);
    assert_eq!(reason(&pair.propose(54, 1, 30_001)), Reason::OverCompensated);
    assert!(is_proposed(&pair.propose(55, 1, 30_000)));
    carried_out(&mut pair, 55);
    assert_eq!(balances(&pair), [1_000_000, 0]);
    assert_eq!(reason(&pair.propose(56, 1, 1)), Reason::OverCompensated);
    replays(&pair);
}

#[test]
fn a_repeat_changes_nothing_and_other_content_names_the_field() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    let before = pair.hub.journal().len();
    assert!(is_proposed(&pair.propose(50, 1, 40_000)));
    let Answer::Refused(differs) = pair.propose(50, 1, 30_000) else { panic!("taken") };
    assert_eq!(differs.reason, Reason::ContentDiffers);
    assert_eq!(differs.metadata, [("field".to_owned(), "amount".to_owned())]);
    let other = pair.say_of(50, "c", proposal(50, 1, 40_000));
    assert_eq!(reason(&other), Reason::NotOwner);
    // The id of a transfer is no id for a compensation.
    assert_eq!(reason(&pair.propose(1, 1, 40_000)), Reason::ContentDiffers);
    assert_eq!(pair.hub.journal().len(), before);
}

#[test]
fn approving_again_finds_the_same_transfer_and_moves_nothing() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    let first = carried_out(&mut pair, 50);
    let before = pair.hub.journal().len();
    for name in ["b", "c"] {
        let word = CompensationWord::Approve { deadline_ms: 10_000 };
        let again = pair.say_of(50, name, word);
        assert_eq!(again, Answer::Transfer(Arc::new(first.clone())));
    }
    assert_eq!((pair.hub.journal().len(), balances(&pair)), (before, [1_000_000, 0]));
    assert_eq!(reason(&pair.say_of(50, "b", CompensationWord::Withdraw)), Reason::CompensationApproved);
}

#[test]
fn what_was_withdrawn_or_never_proposed_cannot_be_approved() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    for _ in 0..2 {
        let withdrawn = pair.say_of(50, "a", CompensationWord::Withdraw);
        assert!(matches!(withdrawn, Answer::Compensation(row) if row.answerer == Some(operator("a"))));
    }
    let approve = || CompensationWord::Approve { deadline_ms: 10_000 };
    assert_eq!(reason(&pair.say_of(50, "b", approve())), Reason::CompensationWithdrawn);
    assert_eq!(reason(&pair.say_of(51, "b", approve())), Reason::CompensationNotFound);
    assert_eq!(reason(&pair.say_of(51, "b", CompensationWord::Withdraw)), Reason::CompensationNotFound);
    pair.propose(52, 1, 40_000);
    let hurried = CompensationWord::Approve { deadline_ms: 100 };
    assert_eq!(reason(&pair.say_of(52, "b", hurried)), Reason::DeadlineTooShort);
    assert_eq!(compensation(&pair, 52).state, CompensationState::Proposed);
}

#[test]
fn only_what_was_committed_and_recorded_by_both_can_be_carried_back() {
    let mut pair = Pair::new();
    assert_eq!(reason(&pair.propose(50, 1, 1)), Reason::TransferNotFound);
    let asked = pair.create(1, 1, 40_000);
    assert_eq!(reason(&pair.propose(50, 1, 1)), Reason::OriginalNotCommitted);
    // Decided, and no receipt has come yet.
    let told = pair.vote_on(&asked);
    assert_eq!(reason(&pair.propose(50, 1, 1)), Reason::OriginalNotRecorded);
    pair.finish(told);
    assert!(is_proposed(&pair.propose(50, 1, 1)));
    // Refused: more than the limit for one transfer.
    pair.send(2, 2, 300_000);
    assert_eq!(pair.transfer(2).state, TransferState::Aborted);
    assert_eq!(reason(&pair.propose(51, 2, 1)), Reason::OriginalNotCommitted);
    carried_out(&mut pair, 50);
    assert_eq!(reason(&pair.propose(51, 50, 1)), Reason::IsCompensation);
}

#[test]
fn a_dark_province_ends_it_before_anything_is_held_and_the_amount_is_free_again() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    pair.run_hub(Input::Link { province: PAYEE, up: false });
    let row = carried_out(&mut pair, 50);
    assert_eq!(row.refusal.expect("aborted").reason, Reason::ProvinceUnreachable);
    pair.run_hub(Input::Link { province: PAYEE, up: true });
    assert!(is_proposed(&pair.propose(51, 1, 40_000)));
    assert_eq!(carried_out(&mut pair, 51).state, TransferState::Committed);
}

#[test]
fn a_side_that_cannot_give_back_refuses_for_both() {
    let mut pair = sent();
    // The wallet was spent from: that is for a later version of the node to do.
    let key = node::Key::Account(member(PAYEE), AccountKind::Wallet);
    let row: AccountRow = pair.node(PAYEE).get(&key).expect("a wallet's account");
    pair.node(PAYEE).disk.put(AccountRow { posted: Money::from_fen(39_999), ..row });
    pair.propose(50, 1, 40_000);
    let back = carried_out(&mut pair, 50);
    assert_eq!(back.state, TransferState::Aborted);
    assert_eq!(back.refusal.expect("aborted").reason, Reason::ReturnNotCovered);
    assert_eq!(balances(&pair), [960_000, 39_999]);
    let payer = pair.account(PAYER, AccountKind::Personal);
    assert_eq!((payer.held, payer.pending), (Money::ZERO, Money::ZERO));
    let original = pair.leg(1, Side::Payer).expect("recorded");
    assert_eq!(original.returned, Money::ZERO, "what was promised is free again");
    assert!(is_proposed(&pair.propose(51, 1, 39_999)));
    assert_eq!(carried_out(&mut pair, 51).state, TransferState::Committed);
}

#[test]
fn a_hub_that_restarts_aborts_what_it_had_not_decided_and_forgets_nothing_else() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    let asked: Vec<HubOutput> = pair.approve(50);
    assert_eq!(legs(&asked).len(), 2);
    // Both sides are bound when the hub dies.
    legs(&asked).iter().for_each(|leg| drop(pair.prepare(leg)));
    pair.done(|pair| pair.restart_hub(70));
    let ended = pair.transfer(50);
    assert_eq!(ended.refusal.expect("aborted").reason, Reason::HubRestarted);
    assert_eq!(balances(&pair), [960_000, 40_000]);
    let wallet = pair.account(PAYEE, AccountKind::Wallet);
    assert_eq!(wallet.held, Money::ZERO);
    assert!(is_proposed(&pair.propose(51, 1, 40_000)));
    assert_eq!(carried_out(&mut pair, 51).state, TransferState::Committed);
    replays(&pair);
}

/// A client may take the id of a proposal for a transfer of its own: nothing of it may be overwritten.
#[test]
fn an_id_that_became_a_transfer_s_is_not_approved() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    pair.hand_in(create(5, 50, 100));
    let word = CompensationWord::Approve { deadline_ms: 10_000 };
    assert_eq!(reason(&pair.say_of(50, "b", word)), Reason::ContentDiffers);
    assert_eq!(pair.transfer(50).returns, None);
}

/// A hub that was restored has the transfer back from the nodes, and does not know that it was approved.
#[test]
fn what_a_restored_hub_has_adopted_is_known_again_by_its_proposal() {
    let mut pair = sent();
    pair.propose(50, 1, 40_000);
    let backup = pair.hub.rows();
    let back = carried_out(&mut pair, 50);
    for row in backup {
        pair.hub.disk.put(row);
    }
    let adopted = TransferRow { returns: None, kinship: None, ..back };
    pair.hub.disk.put(adopted.clone());
    let row = carried_out(&mut pair, 50);
    assert_eq!(row, adopted);
    assert_eq!(reason(&pair.say_of(50, "b", CompensationWord::Withdraw)), Reason::CompensationApproved);
    assert_eq!(reason(&pair.propose(51, 1, 1)), Reason::OverCompensated);
    assert_eq!(balances(&pair), [1_000_000, 0]);
}

#[test]
fn a_hub_that_recovers_hears_no_operator() {
    let mut pair = sent();
    let restored = Some(vec![PAYER, PAYEE]);
    pair.run_hub(Input::Start { unfinished: vec![], restored, first_window: None });
    let outputs = pair.run_hub(compensate(1, 50, "a", proposal(50, 1, 1)));
    let [Output::Answer(1, answer)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(reason(answer), Reason::Recovering);
}

/// What people must look at is begun by nobody; and an approval whose transfer is not there could never be answered.
#[test]
fn what_cannot_be_begun_is_not_approved() {
    let mut pair = sent();
    pair.propose(50, 1, 10_000);
    pair.propose(51, 1, 10_000);
    let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
    let noted = IncidentRaised { transfer_id: id(50), side: Side::Payer, refusal, time: Civil(NOON) };
    let start_id = pair.hub.get::<SelfRow>(&Key::OWN).expect("its own").start_id;
    let recovered = HubRecovered { incarnation: 7, start_id, hub_seq: 1, time: Civil(NOON) };
    pair.hub.rewrite(|records| records.extend([recovered.into(), noted.into()]));
    let row = CompensationRow { state: CompensationState::Approved, ..compensation(&pair, 51) };
    pair.hub.disk.put(row);
    let said = [50, 51].map(|number| {
        let outputs = pair.approve(number);
        let [Output::Answer(91, answer)] = &outputs[..] else { panic!("{number}: {outputs:?}") };
        reason(answer)
    });
    assert_eq!(said, [Reason::OutcomeUnknown, Reason::Internal]);
}

/// The rest of the operator's time is for what comes after the decision.
#[test]
fn nodes_have_four_fifths_of_the_deadline() {
    let mut pair = sent();
    pair.propose(50, 1, 10_000);
    let left: Vec<u64> = legs(&pair.approve(50)).iter().map(|leg| leg.time_left_ms).collect();
    assert_eq!(left, [8_000; 2]);
}
