use crate::domain::hub::record::Record;
use crate::domain::hub::tests::personal;
use crate::domain::hub::{Answer, Effect, Input, WaitMode};
use crate::domain::machine::Output;
use crate::domain::protocol::PeerMark;
use crate::testkit::{HubOutput, PAYEE, Pair, decisions, legs};

/// The acknowledgements of a committed transfer whose caller waits for `wait` only, handed to the hub one by one.
fn acknowledged(pair: &mut Pair, wait: WaitMode) -> Vec<HubOutput> {
    let Input::Create { ticket, mut request } = crate::testkit::create(1, 1, 40_000) else { panic!() };
    request.wait = wait;
    let mut open = pair.run_hub(Input::Create { ticket, request });
    let (mut acks, mut outputs) = (Vec::new(), Vec::new());
    while let Some(output) = open.pop() {
        match output {
            Output::Effect(Effect::Prepare(_, leg)) => open.extend(pair.vote(&leg)),
            Output::Effect(Effect::Decide(province, decision)) => {
                let receipts = pair.decide(province, decision);
                let node = pair.node(province).mark();
                acks.push(Input::Acks { province, node, told: vec![], acks: receipts });
            }
            other => outputs.push(other),
        }
    }
    for input in acks {
        outputs.extend(pair.run_hub(input));
    }
    outputs
}

#[test]
fn receipts_that_nobody_waits_for_are_journaled_later_and_together() {
    let mut pair = Pair::new();
    let outputs = acknowledged(&mut pair, WaitMode::Decided);
    assert!(matches!(&outputs[..], [Output::Answer(1, _)]), "nobody is to flush: {outputs:?}");
    let (before, row) = (pair.hub.journal().len(), pair.transfer(1));
    assert_eq!((row.payer_recorded_seq, row.payee_recorded_seq), (None, None));
    assert_eq!(pair.hub.wake_at(), Some(pair.network.now.mono.after(100)));
    pair.pass(100);
    let row = pair.transfer(1);
    assert!(row.payer_recorded_seq.is_some() && row.payee_recorded_seq.is_some());
    let made = pair.hub.journal();
    assert_eq!(
        made[before..].iter().filter(|record| matches!(record, Record::DecisionsRecorded(_))).count(),
        2
    );
    let day_ends = pair.network.now.mono.after(1_000_000);
    assert!(pair.hub.wake_at().is_some_and(|at| at > day_ends), "nothing is due but the end of the day");
}

#[test]
fn receipts_that_somebody_waits_for_are_journaled_at_once() {
    let mut pair = Pair::new();
    let outputs = acknowledged(&mut pair, WaitMode::Recorded);
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
    let mut pair = Pair::new();
    acknowledged(&mut pair, WaitMode::Decided);
    let asked = pair.run_hub(crate::testkit::create(2, 2, 10_000));
    let mut made = Vec::new();
    for leg in legs(&asked) {
        let before = pair.hub.journal().len();
        pair.vote(&leg);
        made.push(pair.hub.journal().len() - before);
    }
    assert_eq!(made[0], 0);
    assert!(made[1] >= 3, "the decision and two receipts: {made:?}");
    assert!(pair.transfer(1).payer_recorded_seq.is_some());
}

#[test]
fn a_receipt_that_was_lost_with_the_hub_is_asked_for_again() {
    let mut pair = Pair::new();
    acknowledged(&mut pair, WaitMode::Decided);
    let outputs = pair.restart_hub(2);
    let decisions = |it: &&HubOutput| matches!(it, Output::Effect(Effect::Decide(..)));
    assert_eq!(outputs.iter().filter(decisions).count(), 2);
    pair.finish(outputs);
    pair.pass(100);
    assert!(pair.transfer(1).payer_recorded_seq.is_some());
    assert_eq!(personal(&pair), (960_000, 0));
}

/// Found by random worlds: one call's reply was of an earlier life of the node, so the decision waited again; the
/// receipt of the other call released it, and its own repetition then did so again, for ever.
#[test]
fn a_decision_that_was_told_twice_is_not_told_for_ever() {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let decision = decisions(&pair.vote_on(&asked), PAYEE).remove(0);
    let told = vec![(decision.transfer_id, decision.side)];
    let acks = pair.decide(PAYEE, decision);
    let now = pair.node(PAYEE).mark();
    let mut take = |node| {
        let (told, acks) = (told.clone(), acks.clone());
        let outputs = pair.run_hub(Input::Acks { province: PAYEE, node, told, acks });
        outputs.iter().any(|it| matches!(it, Output::Effect(Effect::Decide(..))))
    };
    assert!(!take(PeerMark { incarnation: now.incarnation - 1, ..now }), "an earlier life's receipt");
    assert!(take(now), "what waited is released by the receipt");
    assert!(!take(now), "and ends with the receipt of that");
}
