use super::*;
use crate::domain::reason::Reason::*;
use crate::domain::value::{Civil, Digest, Side};
use crate::wire::sender::sender_to_proto;
use crate::wire::test_kit::*;

fn decision(outcome: Outcome) -> Decision {
    let committed = outcome == Outcome::Commit;
    Decision {
        transfer_id: the_id(),
        side: Side::Payer,
        terms_digest: Digest([5; 32]),
        outcome,
        window: committed.then(|| day("2026-11-21").into()),
        hub_seq: committed.then_some(12),
        decide_time: Civil(1_795_190_400_123),
        leg_record: Vec::new(),
        posting: None,
        lost: None,
    }
}

fn read(wire: node::DecideRequest) -> Vec<DecisionReading> {
    decide_from_proto(&wire).expect("every decision can be named").1
}

#[test]
fn decisions_come_back() {
    let decisions = [decision(Outcome::Commit), decision(Outcome::Abort)];
    let wire = decide_to_proto(sender_to_proto(&mark()), &decisions);
    assert_eq!((wire.decisions[0].window_id.as_str(), wire.decisions[0].hub_seq), ("20261121", 12));
    let (sender, read) = decide_from_proto(&wire).expect("all is well");
    let orders = decisions.map(DecisionReading::Order);
    assert_eq!((sender, read), (mark(), orders.to_vec()));
}

#[test]
fn a_replay_brings_the_sealed_leg() {
    let replay = Decision { leg_record: vec![1, 2], ..decision(Outcome::Commit) };
    let wire = decide_to_proto(sender_to_proto(&mark()), std::slice::from_ref(&replay));
    assert_eq!(read(wire), [DecisionReading::Order(replay)]);
}

#[test]
fn a_decision_that_decides_nothing_is_rejected_alone() {
    let with = |change: fn(&mut node::Decision)| {
        let mut wire =
            decide_to_proto(sender_to_proto(&mark()), &[decision(Outcome::Commit), decision(Outcome::Abort)]);
        change(&mut wire.decisions[0]);
        match &read(wire)[..] {
            [DecisionReading::Rejected(ack), DecisionReading::Order(_)] => {
                assert_eq!((ack.transfer_id, ack.result), (the_id(), AckResult::Rejected));
                ack.refusal.as_ref().map(|refusal| refusal.reason).expect("a reason")
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with(|one| one.outcome = 0), FieldRequired);
    assert_eq!(with(|one| one.outcome = 9), ValueUnsupported);
    assert_eq!(with(|one| one.window_id.clear()), RequestMalformed);
    assert_eq!(with(|one| one.window_id = "20261399".to_owned()), RequestMalformed);
    assert_eq!(with(|one| one.hub_seq = 0), FieldRequired);
}

#[test]
fn a_decision_that_cannot_be_named_fails_the_call() {
    let with = |change: fn(&mut node::DecideRequest)| {
        let mut wire = decide_to_proto(sender_to_proto(&mark()), &[decision(Outcome::Abort)]);
        change(&mut wire);
        found(decide_from_proto(&wire))
    };
    assert_eq!(with(|wire| wire.sender = None), one("sender", FieldRequired));
    assert_eq!(with(|wire| wire.decisions.clear()), one("decisions", BatchSizeInvalid));
    assert_eq!(with(|wire| wire.decisions[0].side = 9), one("decisions[0].side", ValueUnsupported));
    assert_eq!(
        with(|wire| wire.decisions[0].decide_time = None),
        one("decisions[0].decide_time", FieldRequired)
    );
}

#[test]
fn acknowledgements_come_back() {
    let refusal = RefusalRecord::new(ContraryOrder, Side::Payer);
    for (result, refusal) in
        [(AckResult::Recorded, None), (AckResult::Already, None), (AckResult::Rejected, Some(refusal))]
    {
        let ack = Ack {
            transfer_id: the_id(),
            side: Side::Payer,
            terms_digest: Digest([5; 32]),
            result,
            refusal,
            leg_record: Vec::new(),
        };
        let wire = ack_to_proto(&ack);
        assert_eq!(ack_from_proto(&wire), Ok(ack));
        for result in [0, 4, -1] {
            let unclear = node::Ack { result, ..wire.clone() };
            assert_eq!(
                found(ack_from_proto(&unclear)),
                one("result", ValueUnsupported),
                "it counts as no answer"
            );
        }
    }
}
