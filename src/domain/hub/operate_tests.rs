//! What two operators agree on, with hub and nodes in the test's hands.

use super::record::HubRecovered;
use super::tables::{Key, TombstoneRow, TransferRow};
use super::{Answer, Input};
use crate::domain::machine::operation::{
    Operation, OperationRequest, OperationRow, OperationState, OperationWord,
};
use crate::domain::machine::{AssignRequest, IncidentRaised, IncidentRow, Output, SelfRow, Ticket};
use crate::domain::node;
use crate::domain::protocol::TransferState;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Side};
use crate::testkit::{NOON, PAYER, Pair, create, id, operator};

fn request(number: u8, name: &str, word: OperationWord) -> OperationRequest {
    OperationRequest { operation_id: id(number), operator: operator(name), word, is_clock_believed: true }
}

fn proposal(operation: Operation) -> OperationWord {
    OperationWord::Propose { operation, reason_code: "LOOKED_INTO".to_owned(), note: String::new() }
}

/// Says it to the hub; gives the operation as it stands, or why not.
fn say(pair: &mut Pair, number: u8, name: &str, word: OperationWord) -> Result<OperationRow, Reason> {
    let input =
        Input::Operate { ticket: Ticket::new(77), request: request(number, name, word), reads_cuts: true };
    match pair.done(|pair| pair.run_hub(input)).into_iter().find(|(caller, _)| *caller == 77) {
        Some((_, Answer::Operation(row))) => Ok(*row),
        Some((_, Answer::Refused(refusal))) => Err(refusal.reason),
        other => panic!("no answer: {other:?}"),
    }
}

/// Proposed by one, approved by another.
fn agree(pair: &mut Pair, number: u8, operation: Operation) -> Result<OperationRow, Reason> {
    say(pair, number, "a", proposal(operation))?;
    say(pair, number, "b", OperationWord::Approve)
}

fn refused(pair: &mut Pair, number: u8) -> Reason {
    match pair.done(|pair| pair.run_hub(create(9, number, 40_000))).pop() {
        Some((9, Answer::Transfer(row))) => row.refusal.as_ref().expect("refused").reason,
        Some((9, Answer::Refused(refusal))) => refusal.reason,
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn it_takes_two_and_a_repeat_does_it_once() {
    let mut pair = Pair::new();
    let bury = Operation::BuryId(id(1));
    assert_eq!(say(&mut pair, 50, "b", OperationWord::Approve), Err(Reason::OperationNotFound));
    assert_eq!(say(&mut pair, 50, "a", proposal(bury)).expect("taken").state, OperationState::Proposed);
    assert_eq!(say(&mut pair, 50, "a", OperationWord::Approve), Err(Reason::SameOperator));
    assert_eq!(pair.hub.get::<TombstoneRow>(&Key::Tombstone(id(1))), None, "nothing is done yet");
    assert_eq!(say(&mut pair, 50, "c", proposal(bury)), Err(Reason::NotOwner));
    let other = proposal(Operation::BuryId(id(2)));
    assert_eq!(say(&mut pair, 50, "a", other), Err(Reason::ContentDiffers));
    let done = say(&mut pair, 50, "b", OperationWord::Approve).expect("done");
    assert_eq!((done.state, done.answerer), (OperationState::Done, Some(operator("b"))));
    assert_eq!(done.answer_time, Some(Civil(NOON)));
    let records = pair.hub.journal().len();
    for (name, word) in [("b", OperationWord::Approve), ("c", OperationWord::Approve), ("a", proposal(bury))]
    {
        assert_eq!(say(&mut pair, 50, name, word).expect("known").state, OperationState::Done);
    }
    assert_eq!(pair.hub.journal().len(), records);
    assert_eq!(say(&mut pair, 50, "a", OperationWord::Withdraw), Err(Reason::OperationDone));
}

/// What operators decide was stamped by a clock that was not believed.
#[test]
fn operators_decide_no_transfer_by_a_clock_that_is_not_believed() {
    let mut pair = Pair::new();
    say(&mut pair, 50, "a", proposal(Operation::BuryId(id(1)))).expect("taken");
    let unsure = OperationRequest { is_clock_believed: false, ..request(50, "b", OperationWord::Approve) };
    let input = Input::Operate { ticket: Ticket::new(77), request: unsure, reads_cuts: true };
    let said = pair.done(|pair| pair.run_hub(input)).pop();
    assert!(
        matches!(&said, Some((77, Answer::Refused(refusal))) if refusal.reason == Reason::ClockNotBelieved),
        "{said:?}"
    );
    assert_eq!(pair.hub.get::<TombstoneRow>(&Key::Tombstone(id(1))), None);
    assert_eq!(say(&mut pair, 50, "b", OperationWord::Approve).expect("done").state, OperationState::Done);
}

#[test]
fn what_is_withdrawn_is_not_done() {
    let mut pair = Pair::new();
    say(&mut pair, 50, "a", proposal(Operation::BuryId(id(1)))).expect("taken");
    let row = say(&mut pair, 50, "c", OperationWord::Withdraw).expect("withdrawn");
    assert_eq!(row.state, OperationState::Withdrawn);
    assert_eq!(say(&mut pair, 50, "b", OperationWord::Approve), Err(Reason::OperationWithdrawn));
    assert_eq!(pair.hub.get::<TombstoneRow>(&Key::Tombstone(id(1))), None);
}

#[test]
fn an_id_that_nobody_can_speak_for_is_ended() {
    let mut pair = Pair::new();
    agree(&mut pair, 50, Operation::BuryId(id(1))).expect("done");
    assert_eq!(refused(&mut pair, 1), Reason::ResolvedUnknown, "an id that was unknown can never begin");
    // Its votes are still out: it is undecided.
    pair.create(1, 2, 40_000);
    agree(&mut pair, 51, Operation::BuryId(id(2))).expect("done");
    let row: TransferRow = pair.transfer(2);
    assert_eq!(row.state, TransferState::Aborted);
    assert_eq!(row.refusal.map(|it| it.reason), Some(Reason::EndedByOperators));
    pair.send(1, 3, 40_000);
    assert_eq!(agree(&mut pair, 52, Operation::BuryId(id(3))), Err(Reason::AlreadyDecided));
    assert_eq!(agree(&mut pair, 53, Operation::BuryId(id(1))), Err(Reason::AlreadyDecided));
    assert_eq!(pair.transfer(3).state, TransferState::Committed);
}

#[test]
fn what_was_stamped_too_far_ahead_is_lowered() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let stamped = |pair: &Pair| pair.hub.get::<SelfRow>(&Key::OWN).expect("its own").civil;
    let before = stamped(&pair);
    assert_eq!(agree(&mut pair, 50, Operation::LowerTime(before)), Err(Reason::TimeNotLower));
    let lower = Civil(NOON - 365 * 86_400_000);
    pair.network.now.civil = lower;
    agree(&mut pair, 51, Operation::LowerTime(lower)).expect("done");
    assert_eq!(stamped(&pair), lower);
    pair.send(1, 2, 40_000);
    let decided = pair.transfer(2).decide_time.expect("decided");
    assert!(decided < before, "time goes on from there: {decided:?}");
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
    // What is lowered survives the next start.
    pair.restart_hub(2);
    assert!(stamped(&pair) < before);
}

#[test]
fn an_incident_is_closed_once_and_stays_listed() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let close = Operation::CloseIncident(id(1), Side::Payer);
    assert_eq!(agree(&mut pair, 50, close), Err(Reason::IncidentNotFound));
    let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
    let raised = IncidentRaised { transfer_id: id(1), side: Side::Payer, refusal, time: Civil(NOON) };
    pair.hub.rewrite(|records| records.push(raised.into()));
    agree(&mut pair, 51, close).expect("done");
    let row: IncidentRow = pair.hub.get(&Key::Incident(id(1), Side::Payer)).expect("still there");
    assert_eq!(row.close_code.as_deref(), Some("LOOKED_INTO"));
    assert_eq!(agree(&mut pair, 52, close), Err(Reason::IncidentClosed));
}

#[test]
fn what_a_recovery_has_left_to_people_is_not_ended_by_the_way() {
    let mut pair = Pair::new();
    let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
    let raised = IncidentRaised { transfer_id: id(4), side: Side::Payer, refusal, time: Civil(NOON) };
    let start_id = pair.hub.get::<SelfRow>(&Key::OWN).expect("its own").start_id;
    let incarnation = 7;
    let recovered = HubRecovered { incarnation, start_id, hub_seq: 0, time: Civil(NOON) };
    pair.hub.rewrite(|records| records.extend([recovered.into(), raised.into()]));
    pair.hub.core.as_mut().expect("up").forget_rows();
    // LEFT_TO_PEOPLE: a node has recorded a commit of it that the hub could not adopt.
    assert_eq!(agree(&mut pair, 50, Operation::BuryId(id(4))), Err(Reason::LeftToPeople));
    for side in Side::BOTH {
        pair.hub.core.as_mut().expect("up").forget_rows();
        let close = Operation::CloseIncident(id(4), side);
        assert_eq!(agree(&mut pair, 51, close), Err(Reason::LeftToPeople), "{side:?}");
    }
}

/// Before it has heard what it lost, an id that it does not know may be committed at a node.
#[test]
fn a_hub_that_recovers_ends_no_id() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    pair.hub.disk.restored(&before);
    pair.start_hub_as(90, true);
    assert_eq!(agree(&mut pair, 50, Operation::BuryId(id(1))), Err(Reason::Recovering));
    assert_eq!(pair.hub.get::<TombstoneRow>(&Key::Tombstone(id(1))), None);
}

#[test]
fn a_node_carries_out_its_own_and_refuses_what_is_the_hubs() {
    let mut pair = Pair::new();
    let mut say = |number, name, word| {
        let request = request(number, name, word);
        let outputs = pair.run_node(PAYER, node::Input::Operate { ticket: Ticket::new(77), request });
        match outputs.into_iter().find_map(|output| match output {
            Output::Answer(77, answer) => Some(answer),
            _ => None,
        }) {
            Some(node::Answer::Operation(row)) => Ok(row.state),
            Some(node::Answer::Refused(refusal)) => Err(refusal.reason),
            other => panic!("no answer: {other:?}"),
        }
    };
    let bury = proposal(Operation::BuryId(id(1)));
    assert_eq!(say(50, "a", bury), Err(Reason::OperationElsewhere));
    assert_eq!(say(51, "a", proposal(Operation::LowerTime(Civil(NOON - 1)))), Ok(OperationState::Proposed));
    assert_eq!(say(51, "b", OperationWord::Approve), Ok(OperationState::Done));
    assert_eq!(say(52, "a", proposal(Operation::AcceptClock)), Ok(OperationState::Proposed));
    assert_eq!(say(52, "b", OperationWord::Approve), Ok(OperationState::Done));
    let own: SelfRow = pair.node(PAYER).get(&node::Key::OWN).expect("its own");
    assert_eq!(own.civil, Civil(NOON - 1));
}

#[test]
fn an_incident_gets_an_owner_by_the_word_of_one() {
    let mut pair = Pair::new();
    let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
    let raised = IncidentRaised { transfer_id: id(1), side: Side::Payer, refusal, time: Civil(NOON) };
    let assign = |pair: &mut Pair, to: &str, note: &str| {
        let (transfer_id, side, owner) = (id(1), Side::Payer, operator(to));
        let (note, operator) = (note.to_owned(), operator("a"));
        let request = AssignRequest { transfer_id, side, owner, note, operator };
        let input = Input::Assign { ticket: Ticket::new(77), request };
        match pair.done(|pair| pair.run_hub(input)).pop() {
            Some((77, Answer::Incident(row))) => {
                Ok((row.owner.unwrap_or_default(), row.note.unwrap_or_default()))
            }
            Some((77, Answer::Refused(refusal))) => Err(refusal.reason),
            other => panic!("no answer: {other:?}"),
        }
    };
    assert_eq!(assign(&mut pair, "wang", ""), Err(Reason::IncidentNotFound));
    pair.hub.rewrite(|records| records.push(raised.into()));
    pair.hub.core.as_mut().expect("up").forget_rows();
    let given = |to: &str, note: &str| Ok((operator(to), note.to_owned()));
    assert_eq!(assign(&mut pair, "wang", "look at 51"), given("wang", "look at 51"));
    let records = pair.hub.journal().len();
    assert_eq!(assign(&mut pair, "wang", "look at 51"), given("wang", "look at 51"));
    assert_eq!(pair.hub.journal().len(), records, "a repeat changes nothing");
    assert_eq!(assign(&mut pair, "li", ""), given("li", ""));
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
    agree(&mut pair, 51, Operation::CloseIncident(id(1), Side::Payer)).expect("done");
    assert_eq!(assign(&mut pair, "wang", ""), Err(Reason::IncidentClosed));
    let row: IncidentRow = pair.hub.get(&Key::Incident(id(1), Side::Payer)).expect("still there");
    assert_eq!(row.owner, Some(operator("li")), "closing keeps it");
}
