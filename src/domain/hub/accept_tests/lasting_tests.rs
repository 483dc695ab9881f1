//! What awaits acceptance outlives restarts, lost votes and lost stores; the sweep goes on where it was.

use super::*;

#[test]
fn the_sweep_goes_back_in_rounds_and_goes_on_after_a_restart() {
    let mut pair = Pair::with_rules(|values| {
        values.acceptance = Some(true);
        values.daily_count_max = Some(1_000);
    });
    for number in 1..=250 {
        pair.send(u64::from(number), number, 100);
    }
    let waits = |pair: &Pair| {
        (1..=250).filter(|it| pair.transfer(*it).state == TransferState::AwaitingAcceptance).count()
    };
    assert_eq!(waits(&pair), 250);
    at(&mut pair, SIX);
    let outputs = tick(&mut pair);
    assert_eq!(waits(&pair), 150);
    pair.finish(outputs);
    // Others have the writer before the next round.
    assert_eq!(tick(&mut pair), vec![]);
    assert_eq!(pair.hub.wake_at(), Some(pair.network.now.mono.after(20)));
    pair.network.now.mono = pair.network.now.mono.after(20);
    let outputs = tick(&mut pair);
    assert_eq!(waits(&pair), 50);
    pair.finish(outputs);
    pair.done(|pair| pair.restart_hub(9));
    assert_eq!(waits(&pair), 50);
    let outputs = tick(&mut pair);
    pair.finish(outputs);
    assert_eq!((waits(&pair), personal(&pair)), (0, (1_000_000, 0)));
}

#[test]
fn what_awaits_survives_a_restart_and_can_be_taken() {
    let mut pair = waiting();
    pair.done(|pair| pair.restart_hub(9));
    assert_eq!(pair.transfer(1).state, TransferState::AwaitingAcceptance);
    assert_eq!(personal(&pair), (1_000_000, 40_000));
    let outputs = pair.say(2, 1, true);
    assert_eq!(state(&pair.finish(outputs)), TransferState::Committed);
}

#[test]
fn an_acceptance_survives_a_restart_and_its_votes_are_asked_for_again() {
    let mut pair = waiting();
    assert_eq!(by_id(&pair.say(2, 1, true)).len(), 2);
    let outputs = pair.restart_hub(9);
    assert_eq!(by_id(&outputs).len(), 2);
    pair.finish(outputs);
    assert_eq!(pair.transfer(1).state, TransferState::Committed);
    assert_eq!((personal(&pair), wallet(&pair)), ((960_000, 0), (40_000, 0)));
}

#[test]
fn lost_votes_are_asked_for_again_until_there_was_time_enough() {
    let mut pair = waiting();
    at(&mut pair, SIX - 1);
    pair.say(2, 1, true);
    pair.run_hub(Input::PrepareFailed { province: PAYEE, transfer_ids: vec![id(1)] });
    assert_eq!(pair.transfer(1).state, TransferState::Accepted);
    pair.network.now.mono = pair.network.now.mono.after(5_000);
    assert_eq!(by_id(&tick(&mut pair)).len(), 2);
    at(&mut pair, SIX - 1 + 60_000);
    let outputs = tick(&mut pair);
    pair.finish(outputs);
    assert_eq!(refused(&pair, 1), Some(Reason::DeadlineExpired));
    assert_eq!((personal(&pair), wallet(&pair)), ((1_000_000, 0), (0, 0)));
}

#[test]
fn a_node_that_starts_again_is_asked_again_and_its_earlier_vote_does_not_count() {
    let mut pair = waiting();
    let outputs = pair.say(2, 1, true);
    let legs = by_id(&outputs);
    let payers = legs.iter().find(|leg| leg.reference.id.side == Side::Payer).expect("the payer's leg");
    pair.vote(payers);
    pair.restart_node(PAYER, 77);
    assert_eq!(pair.transfer(1).state, TransferState::Accepted);
    pair.network.now.mono = pair.network.now.mono.after(5_000);
    let outputs = tick(&mut pair);
    assert_eq!(by_id(&outputs).len(), 2);
    pair.finish(outputs);
    assert_eq!(pair.transfer(1).state, TransferState::Committed);
}

#[test]
fn insurance_that_ended_meanwhile_refuses_the_acceptance_and_the_hold_returns() {
    let mut pair = waiting();
    pair.report(PAYEE, 510_100, InsuranceType::Resident, InsuranceStatus::Suspended, "suspend");
    let outputs = pair.say(2, 1, true);
    assert_eq!(state(&pair.finish(outputs)), TransferState::Aborted);
    assert_eq!(refused(&pair, 1), Some(Reason::PayeeSuspended));
    assert_eq!((personal(&pair), wallet(&pair)), ((1_000_000, 0), (0, 0)));
}

#[test]
fn a_node_that_lost_what_it_was_asked_first_refuses_for_good() {
    let mut pair = waiting();
    let legs = by_id(&pair.say(2, 1, true));
    let mut other = Pair::new();
    for leg in legs {
        for _ in 0..2 {
            let node::Answer::Votes(votes) = other.prepare(&leg) else { panic!("no votes") };
            let Verdict::No { refusal, .. } = &votes[0].verdict else { panic!("{votes:?}") };
            assert_eq!(refusal.reason, Reason::NothingToAccept);
        }
    }
}
