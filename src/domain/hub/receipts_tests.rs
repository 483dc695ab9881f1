use crate::domain::hub::record::Record;
use crate::domain::hub::tests::personal;
use crate::domain::hub::{Answer, Effect, Input, WaitMode};
use crate::domain::machine::step::Output;
use crate::domain::protocol::call::PeerMark;
use crate::testkit::{HubOutput, PAYEE, Pair, decisions, legs};

/// The acknowledgements of a committed transfer whose caller waits for `wait` only, handed to the hub one by one.
fn acknowledged(toy: &mut Pair, wait: WaitMode) -> Vec<HubOutput> {
    let Input::Create { ticket, mut request } = crate::testkit::create(1, 1, 40_000) else { panic!() };
    request.wait = wait;
    let mut open = toy.run_hub(Input::Create { ticket, request });
    let (mut acks, mut outputs) = (Vec::new(), Vec::new());
    while let Some(output) = open.pop() {
        match output {
            Output::Effect(Effect::Prepare(_, leg)) => open.extend(toy.vote(&leg)),
            Output::Effect(Effect::Decide(province, decision)) => {
                let receipts = toy.decide(province, decision);
                let node = toy.node(province).mark();
                acks.push(Input::Acks { province, node, told: vec![], acks: receipts });
            }
            other => outputs.push(other),
        }
    }
    for input in acks {
        outputs.extend(toy.run_hub(input));
    }
    outputs
}

#[test]
fn receipts_that_nobody_waits_for_are_journaled_later_and_together() {
    let mut toy = Pair::new();
    let outputs = acknowledged(&mut toy, WaitMode::Decided);
    assert!(matches!(&outputs[..], [Output::Answer(1, _)]), "nobody is to flush: {outputs:?}");
    let (before, row) = (toy.hub.journal().len(), toy.transfer(1));
    assert_eq!((row.payer_recorded_seq, row.payee_recorded_seq), (None, None));
    assert_eq!(toy.hub.wake_at(), Some(toy.network.now.mono.after(100)));
    toy.pass(100);
    let row = toy.transfer(1);
    assert!(row.payer_recorded_seq.is_some() && row.payee_recorded_seq.is_some());
    let made = toy.hub.journal();
    assert_eq!(
        made[before..].iter().filter(|record| matches!(record, Record::DecisionsRecorded(_))).count(),
        2
    );
    assert_eq!(toy.hub.wake_at(), None);
}

#[test]
fn receipts_that_somebody_waits_for_are_journaled_at_once() {
    let mut toy = Pair::new();
    let outputs = acknowledged(&mut toy, WaitMode::Recorded);
    let [Output::Effect(Effect::Flush(_)), Output::Effect(Effect::Flush(_)), answer] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    let Output::Answer(1, Answer::Transfer(row)) = answer else { panic!("{answer:?}") };
    assert!(row.payer_recorded_seq.is_some() && row.payee_recorded_seq.is_some());
}

/// A first vote decides nothing; a commit for receipts alone would stand before the second one's decision.
#[test]
fn receipts_go_with_the_vote_that_decides() {
    let mut toy = Pair::new();
    acknowledged(&mut toy, WaitMode::Decided);
    let asked = toy.run_hub(crate::testkit::create(2, 2, 10_000));
    let mut made = Vec::new();
    for leg in legs(&asked) {
        let before = toy.hub.journal().len();
        toy.vote(&leg);
        made.push(toy.hub.journal().len() - before);
    }
    assert_eq!(made[0], 0);
    assert!(made[1] >= 3, "the decision and two receipts: {made:?}");
    assert!(toy.transfer(1).payer_recorded_seq.is_some());
}

#[test]
fn a_receipt_that_was_lost_with_the_hub_is_asked_for_again() {
    let mut toy = Pair::new();
    acknowledged(&mut toy, WaitMode::Decided);
    let outputs = toy.restart_hub(2);
    let decisions = |it: &&HubOutput| matches!(it, Output::Effect(Effect::Decide(..)));
    assert_eq!(outputs.iter().filter(decisions).count(), 2);
    toy.settle(outputs);
    toy.pass(100);
    assert!(toy.transfer(1).payer_recorded_seq.is_some());
    assert_eq!(personal(&toy), (960_000, 0));
}

/// Found by random worlds: one call's reply was of an earlier life of the node, so the decision waited again; the
/// receipt of the other call released it, and its own repetition then did so again, for ever.
#[test]
fn a_decision_that_was_told_twice_is_not_told_for_ever() {
    let mut toy = Pair::new();
    let asked = toy.create(1, 1, 40_000);
    let decision = decisions(&toy.vote_on(&asked), PAYEE).remove(0);
    let told = vec![(decision.transfer_id, decision.side)];
    let acks = toy.decide(PAYEE, decision);
    let now = toy.node(PAYEE).mark();
    let mut take = |node| {
        let (told, acks) = (told.clone(), acks.clone());
        let outputs = toy.run_hub(Input::Acks { province: PAYEE, node, told, acks });
        outputs.iter().any(|it| matches!(it, Output::Effect(Effect::Decide(..))))
    };
    assert!(!take(PeerMark { incarnation: now.incarnation - 1, ..now }), "an earlier life's receipt");
    assert!(take(now), "what waited is released by the receipt");
    assert!(!take(now), "and ends with the receipt of that");
}
