use crate::domain::hub::record::Record;
use crate::domain::hub::tests::{personal, transfer};
use crate::domain::hub::{Answer, Effect, Input, WaitMode};
use crate::domain::machine::step::{Machine, Output};
use crate::domain::node;
use crate::domain::toy::{HubOutput, Toy};

/// The acknowledgements of a committed transfer whose caller waits for `wait` only, handed to the hub one by one.
fn acknowledged(toy: &mut Toy, wait: WaitMode) -> Vec<HubOutput> {
    let Input::Create { ticket, mut request } = crate::domain::toy::create(1, 1, 40_000) else { panic!() };
    request.wait = wait;
    let mut open = toy.hub.run(toy.now, Input::Create { ticket, request });
    let (mut acks, mut outputs) = (Vec::new(), Vec::new());
    while let Some(output) = open.pop() {
        match output {
            Output::Effect(Effect::Prepare(province, leg)) => {
                let node::Answer::Votes(votes) = toy.prepare(&leg) else { panic!("no votes") };
                let node = toy.node(province).mark;
                open.extend(toy.hub.run(toy.now, Input::Votes { province, node, votes }));
            }
            Output::Effect(Effect::Decide(province, decision)) => {
                let receipts = toy.decide(province, decision);
                let node = toy.node(province).mark;
                acks.push(Input::Acks { province, node, told: vec![], acks: receipts });
            }
            other => outputs.push(other),
        }
    }
    for input in acks {
        outputs.extend(toy.hub.run(toy.now, input));
    }
    outputs
}

#[test]
fn receipts_that_nobody_waits_for_are_journaled_later_and_together() {
    let mut toy = Toy::new();
    let outputs = acknowledged(&mut toy, WaitMode::Decided);
    assert!(matches!(&outputs[..], [Output::Answer(1, _)]), "nobody is to flush: {outputs:?}");
    let (before, row) = (toy.hub.journal.len(), transfer(&toy, 1));
    assert_eq!((row.payer_recorded_seq, row.payee_recorded_seq), (None, None));
    assert_eq!(toy.hub.machine.wake_at(), Some(toy.now.mono.after(100)));
    toy.now.mono = toy.now.mono.after(100);
    toy.hub.run(toy.now, Input::Tick);
    let row = transfer(&toy, 1);
    assert!(row.payer_recorded_seq.is_some() && row.payee_recorded_seq.is_some());
    let made = toy.hub.journal[before..].iter();
    assert_eq!(made.filter(|record| matches!(record, Record::DecisionsRecorded(_))).count(), 2);
    assert_eq!(toy.hub.machine.wake_at(), None);
}

#[test]
fn receipts_that_somebody_waits_for_are_journaled_at_once() {
    let mut toy = Toy::new();
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
    let mut toy = Toy::new();
    acknowledged(&mut toy, WaitMode::Decided);
    let asked = toy.hub.run(toy.now, crate::domain::toy::create(2, 2, 10_000));
    let legs = asked.iter().filter_map(|it| match it {
        Output::Effect(Effect::Prepare(province, leg)) => Some((*province, leg.clone())),
        _ => None,
    });
    let mut made = Vec::new();
    for (province, leg) in legs.collect::<Vec<_>>() {
        let node::Answer::Votes(votes) = toy.prepare(&leg) else { panic!("no votes") };
        let (node, before) = (toy.node(province).mark, toy.hub.journal.len());
        toy.hub.run(toy.now, Input::Votes { province, node, votes });
        made.push(toy.hub.journal.len() - before);
    }
    assert_eq!(made[0], 0);
    assert!(made[1] >= 3, "the decision and two receipts: {made:?}");
    assert!(transfer(&toy, 1).payer_recorded_seq.is_some());
}

#[test]
fn a_receipt_that_was_lost_with_the_hub_is_asked_for_again() {
    let mut toy = Toy::new();
    acknowledged(&mut toy, WaitMode::Decided);
    let outputs = toy.restart_hub(2);
    let decisions = |it: &&HubOutput| matches!(it, Output::Effect(Effect::Decide(..)));
    assert_eq!(outputs.iter().filter(decisions).count(), 2);
    toy.settle(outputs);
    toy.now.mono = toy.now.mono.after(100);
    toy.hub.run(toy.now, Input::Tick);
    assert!(transfer(&toy, 1).payer_recorded_seq.is_some());
    assert_eq!(personal(&toy), (960_000, 0));
}
