//! What awaits acceptance outlives restarts, lost votes and lost stores; the sweep goes on where it was.

use super::*;

#[test]
fn the_sweep_goes_back_in_rounds_and_goes_on_after_a_restart() {
    let mut toy = Pair::with_rules(|values| {
        values.acceptance = Some(true);
        values.daily_count_max = Some(1_000);
    });
    for number in 1..=250 {
        toy.send(u64::from(number), number, 100);
    }
    let waits = |toy: &Pair| {
        (1..=250).filter(|it| toy.transfer(*it).state == TransferState::AwaitingAcceptance).count()
    };
    assert_eq!(waits(&toy), 250);
    at(&mut toy, SIX);
    let outputs = tick(&mut toy);
    assert_eq!(waits(&toy), 150);
    toy.settle(outputs);
    // Others have the writer before the next round.
    assert_eq!(tick(&mut toy), vec![]);
    assert_eq!(toy.hub.wake_at(), Some(toy.network.now.mono.after(20)));
    toy.network.now.mono = toy.network.now.mono.after(20);
    let outputs = tick(&mut toy);
    assert_eq!(waits(&toy), 50);
    toy.settle(outputs);
    let outputs = toy.restart_hub(9);
    toy.settle(outputs);
    assert_eq!(waits(&toy), 50);
    let outputs = tick(&mut toy);
    toy.settle(outputs);
    assert_eq!((waits(&toy), personal(&toy)), (0, (1_000_000, 0)));
}

#[test]
fn what_awaits_survives_a_restart_and_can_be_taken() {
    let mut toy = waiting();
    let outputs = toy.restart_hub(9);
    toy.settle(outputs);
    assert_eq!(toy.transfer(1).state, TransferState::AwaitingAcceptance);
    assert_eq!(personal(&toy), (1_000_000, 40_000));
    let outputs = toy.say(2, 1, true);
    assert_eq!(state(&toy.settle(outputs)), TransferState::Committed);
}

#[test]
fn an_acceptance_survives_a_restart_and_its_votes_are_asked_for_again() {
    let mut toy = waiting();
    assert_eq!(by_id(&toy.say(2, 1, true)).len(), 2);
    let outputs = toy.restart_hub(9);
    assert_eq!(by_id(&outputs).len(), 2);
    toy.settle(outputs);
    assert_eq!(toy.transfer(1).state, TransferState::Committed);
    assert_eq!((personal(&toy), wallet(&toy)), ((960_000, 0), (40_000, 0)));
}

#[test]
fn lost_votes_are_asked_for_again_until_there_was_time_enough() {
    let mut toy = waiting();
    at(&mut toy, SIX - 1);
    toy.say(2, 1, true);
    toy.run_hub(Input::PrepareFailed { province: PAYEE, transfer_ids: vec![id(1)] });
    assert_eq!(toy.transfer(1).state, TransferState::Accepted);
    toy.network.now.mono = toy.network.now.mono.after(5_000);
    assert_eq!(by_id(&tick(&mut toy)).len(), 2);
    at(&mut toy, SIX - 1 + 60_000);
    let outputs = tick(&mut toy);
    toy.settle(outputs);
    assert_eq!(refused(&toy, 1), Some(Reason::DeadlineExpired));
    assert_eq!((personal(&toy), wallet(&toy)), ((1_000_000, 0), (0, 0)));
}

#[test]
fn a_node_that_starts_again_is_asked_again_and_its_earlier_vote_does_not_count() {
    let mut toy = waiting();
    let outputs = toy.say(2, 1, true);
    let legs = by_id(&outputs);
    let payers = legs.iter().find(|leg| leg.reference.id.side == Side::Payer).expect("the payer's leg");
    toy.vote(payers);
    toy.restart_node(PAYER, 77);
    assert_eq!(toy.transfer(1).state, TransferState::Accepted);
    toy.network.now.mono = toy.network.now.mono.after(5_000);
    let outputs = tick(&mut toy);
    assert_eq!(by_id(&outputs).len(), 2);
    toy.settle(outputs);
    assert_eq!(toy.transfer(1).state, TransferState::Committed);
}

#[test]
fn insurance_that_ended_meanwhile_refuses_the_acceptance_and_the_hold_returns() {
    let mut toy = waiting();
    toy.report(PAYEE, 510_100, InsuranceType::Resident, InsuranceStatus::Suspended, "suspend");
    let outputs = toy.say(2, 1, true);
    assert_eq!(state(&toy.settle(outputs)), TransferState::Aborted);
    assert_eq!(refused(&toy, 1), Some(Reason::PayeeSuspended));
    assert_eq!((personal(&toy), wallet(&toy)), ((1_000_000, 0), (0, 0)));
}

#[test]
fn a_node_that_lost_what_it_was_asked_first_refuses_for_good() {
    let mut toy = waiting();
    let legs = by_id(&toy.say(2, 1, true));
    let mut other = Pair::new();
    for leg in legs {
        for _ in 0..2 {
            let node::Answer::Votes(votes) = other.prepare(&leg) else { panic!("no votes") };
            let Verdict::No { refusal, .. } = &votes[0].verdict else { panic!("{votes:?}") };
            assert_eq!(refusal.reason, Reason::NothingToAccept);
        }
    }
}
