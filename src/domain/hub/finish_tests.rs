//! Two operators finish what nobody can decide any more.

use super::*;
use crate::domain::value::{AccountKind, RegionCode};

/// The node that was left out never comes back, or comes back and says the same or otherwise.
#[test]
fn two_operators_finish_what_waits_for_a_province_that_is_gone() {
    for (outcome, state) in
        [(Outcome::Commit, TransferState::Committed), (Outcome::Abort, TransferState::Aborted)]
    {
        let mut pair = Pair::new();
        let before = pair.hub.disk.backup();
        let asked = pair.create(1, 1, 40_000);
        let decided = pair.vote_on(&asked);
        decided_at(&mut pair, &decided, PAYEE);
        let asked = pair.create(2, 2, 50_000);
        let _untold = pair.vote_on(&asked);
        without(&mut pair, &before, PAYEE);
        for number in [1, 2] {
            let finish = Operation::FinishTransfer(id(number), outcome);
            let outputs = pair.agree(40 + number, finish).expect("finished");
            follow(&mut pair, outputs);
            assert_eq!(stands(&pair, number).map(|it| it.0), Some(state), "{number}");
            assert_eq!(incident(&pair, number), Some((Reason::LeftOutUndecided, false)), "{number}");
            let leg = pair.leg(number, Side::Payer).map(|leg| leg.state);
            let expected = if outcome == Outcome::Commit { LegState::Committed } else { LegState::Aborted };
            assert_eq!(leg, Some(expected), "{number}: the other side is told");
            assert_eq!(pair.agree(50 + number, finish).map(drop), Err(Reason::AlreadyDecided));
        }
        comes_back(&mut pair, PAYEE);
        // What it had promised is as they said; what it had recorded itself is not turned round, and has a name.
        let expected = if outcome == Outcome::Commit { LegState::Committed } else { LegState::Aborted };
        assert_eq!(pair.leg(2, Side::Payee).map(|leg| leg.state), Some(expected));
        assert_eq!(pair.leg(1, Side::Payee).map(|leg| leg.state), Some(LegState::Committed));
        assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    }
}

#[test]
fn what_ends_by_rule_or_is_not_known_is_not_finished() {
    let mut pair = Pair::new();
    let finish = |number| Operation::FinishTransfer(id(number), Outcome::Abort);
    assert_eq!(pair.agree(40, finish(9)).map(drop), Err(Reason::TransferNotFound));
    pair.create(1, 1, 40_000);
    assert_eq!(pair.agree(41, finish(1)).map(drop), Err(Reason::EndsByRule));
}

/// The payer's node was restored without a word, so it tells nothing; the payee has recorded a commit.
fn left_to_people() -> Pair {
    let mut pair = Pair::new();
    let (before, disk) = (pair.hub.disk.backup(), pair.disk(PAYER).expect("a disk").backup());
    pair.send(1, 1, 40_000);
    payer_comes_back_older(&mut pair, &disk, false);
    restored(&mut pair, &before);
    let finish = Operation::FinishTransfer(id(1), Outcome::Commit);
    assert_eq!(pair.agree(40, finish).map(drop), Err(Reason::Recovering));
    hear(&mut pair, PAYER);
    hear(&mut pair, PAYEE);
    [PAYER, PAYEE].into_iter().for_each(|province| join(&mut pair, province));
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    assert_eq!(stands(&pair, 1), Some((TransferState::Pending, None)), "its terms are known");
    let close = Operation::CloseIncident(id(1), Side::Payer);
    assert_eq!(pair.agree(41, close).map(drop), Err(Reason::LeftToPeople));
    pair
}

fn finish(pair: &mut Pair, number: u8, outcome: Outcome) -> Result<(), Reason> {
    let operation = if outcome == Outcome::Commit { 43 } else { 44 };
    let outputs = pair.agree(operation, Operation::FinishTransfer(id(number), outcome))?;
    follow(pair, outputs);
    settle_down(pair);
    Ok(())
}

/// It stayed undecided for ever, with an incident that nobody could close.
#[test]
fn what_a_recovery_has_left_to_people_is_committed_as_the_province_has_recorded_it() {
    let mut pair = left_to_people();
    let kept = pair.leg(1, Side::Payee).expect("recorded");
    finish(&mut pair, 1, Outcome::Commit).expect("finished");
    let transfer = pair.transfer(1);
    assert_eq!((transfer.window, transfer.hub_seq), (kept.window, kept.hub_seq), "as it was");
    assert_eq!(transfer.state, TransferState::Committed);
    assert!(transfer.recorded().payee.is_some());
    // A node that says that it was never restored books nothing that it does not know, and that has a name again.
    assert_eq!(pair.leg(1, Side::Payer), None);
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)), "raised by the payer's node");
    pair.agree(50, Operation::CloseIncident(id(1), Side::Payer)).expect("closed");
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, false)));
    pair.send(2, 2, 10_000);
    assert_eq!(stands(&pair, 2), Some((TransferState::Committed, Some(2))), "no number is given twice");
}

#[test]
fn what_a_recovery_has_left_to_people_is_aborted_where_they_say_so() {
    let mut pair = left_to_people();
    finish(&mut pair, 1, Outcome::Abort).expect("finished");
    assert_eq!(stands(&pair, 1), Some((TransferState::Aborted, None)));
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, false)));
    assert_eq!(
        pair.leg(1, Side::Payee).map(|leg| leg.state),
        Some(LegState::Committed),
        "never turned round"
    );
    let noted: IncidentRow = pair.hub.get(&Key::Incident(id(1), Side::Payee)).expect("a name on it");
    assert_eq!((noted.refusal.reason, noted.close_time), (Reason::ContraryOrder, None));
    assert_eq!(finish(&mut pair, 1, Outcome::Commit), Err(Reason::AlreadyDecided));
}

/// Hub and payer were restored together to before the transfer, the payee was left out and tells the commit later: the
/// hub does not remember who was restored with it, so it asks people, and the payer books what it has lost.
#[test]
fn a_commit_of_an_id_that_the_hub_has_lost_is_finished_with_its_own_number() {
    let mut pair = Pair::new();
    let (before, disk) = (pair.hub.disk.backup(), pair.disk(PAYER).expect("a disk").backup());
    pair.send(1, 1, 40_000);
    payer_comes_back_older(&mut pair, &disk, true);
    without(&mut pair, &before, PAYEE);
    comes_back(&mut pair, PAYEE);
    assert_eq!(stands(&pair, 1), Some((TransferState::Pending, None)));
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    finish(&mut pair, 1, Outcome::Commit).expect("finished");
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))));
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, false)));
    let booked = pair.leg(1, Side::Payer).map(|leg| (leg.state, leg.account));
    assert_eq!(booked, Some((LegState::Committed, AccountKind::Suspense)));
    assert!(pair.transfer(1).is_recorded_by_both());
    is_clean(&pair, "both sides");
}

/// Of an id whose terms nobody can tell nothing but its end can be said.
#[test]
fn what_has_no_terms_is_finished_as_aborted_only() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    restored(&mut pair, &before);
    tells(&mut pair, PAYER);
    pair.run_hub(Input::Heard { province: PAYER, legs: Vec::new(), notices: Vec::new() });
    let mut legs = tells(&mut pair, PAYEE);
    let elsewhere = RegionCode::new(999_999).expect("a code");
    legs.iter_mut().for_each(|leg| leg.counter_region = elsewhere);
    pair.run_hub(Input::Heard { province: PAYEE, legs, notices: Vec::new() });
    assert_eq!((stands(&pair, 1), incident(&pair, 1)), (None, Some((Reason::ContraryOrder, true))));
    let question = |pair: &Pair| {
        let terms_digest = pair.leg(1, Side::Payer).expect("there").terms_digest;
        Question { transfer_id: id(1), side: Side::Payer, terms_digest }
    };
    let asked = question(&pair);
    let ask = |pair: &mut Pair| {
        let (ticket, node, questions) = (Ticket::new(6), pair.node(PAYER).mark(), vec![asked.clone()]);
        let outputs = pair.run_hub(Input::Resolve { ticket, province: PAYER, node, questions });
        outputs.into_iter().find_map(|output| match output {
            Output::Answer(6, Answer::Rulings(mut rulings)) => rulings.pop(),
            _ => None,
        })
    };
    [PAYER, PAYEE].into_iter().for_each(|province| join(&mut pair, province));
    assert!(matches!(ask(&mut pair), Some(Ruling::Pending { .. })), "people are to say");
    assert_eq!(finish(&mut pair, 1, Outcome::Commit), Err(Reason::TermsUnknown));
    finish(&mut pair, 1, Outcome::Abort).expect("finished");
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, false)));
    let ruled = ask(&mut pair);
    assert!(
        matches!(&ruled, Some(Ruling::Decided(decision)) if decision.outcome == Outcome::Abort),
        "{ruled:?}"
    );
    let again = pair.agree(45, Operation::FinishTransfer(id(1), Outcome::Abort)).map(drop);
    assert_eq!(again, Err(Reason::AlreadyDecided));
}

/// Operators have committed it with one number, and the province that was left out had recorded another one; then the
/// hub lost that, too. Both are right about the terms.
#[test]
fn what_two_provinces_have_recorded_with_two_numbers_is_committed_with_a_third() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let asked = pair.create(1, 1, 40_000);
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYEE);
    without(&mut pair, &before, PAYEE);
    finish(&mut pair, 1, Outcome::Commit).expect("finished");
    let number = |pair: &Pair, side| pair.leg(1, side).and_then(|leg| leg.hub_seq);
    let told = [number(&pair, Side::Payer), number(&pair, Side::Payee)];
    assert!(told[0] != told[1] && told[1] == Some(1), "{told:?}");
    pair.link(PAYEE, true);
    restored(&mut pair, &before);
    hear(&mut pair, PAYER);
    hear(&mut pair, PAYEE);
    [PAYER, PAYEE].into_iter().for_each(|province| join(&mut pair, province));
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    assert_eq!(stands(&pair, 1), Some((TransferState::Pending, None)), "its terms are known");
    let outputs = pair.agree(46, Operation::FinishTransfer(id(1), Outcome::Commit)).expect("finished");
    follow(&mut pair, outputs);
    settle_down(&mut pair);
    pair.send(2, 2, 10_000);
    let (first, second) = (pair.transfer(1), pair.transfer(2));
    assert!(first.is_recorded_by_both() && second.state == TransferState::Committed);
    let numbers = [first.hub_seq, second.hub_seq, told[0], told[1]];
    let once: std::collections::BTreeSet<_> = numbers.into_iter().collect();
    assert_eq!(once.len(), 4, "no number stands for two: {numbers:?}");
}

/// What a province says of a side that is not its own gives the commit no window and no number.
#[test]
fn a_number_that_no_party_tells_is_not_taken() {
    let mut pair = Pair::new();
    let disk = pair.disk(PAYER).expect("a disk").backup();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYEE);
    payer_comes_back_older(&mut pair, &disk, false);
    restored(&mut pair, &before);
    hear(&mut pair, PAYER);
    let told = tells(&mut pair, PAYEE);
    let mut false_one = HeardLeg { side: Side::Payer, ..told[0].clone() };
    false_one.committed.iter_mut().for_each(|(_, number, _)| *number = 7);
    pair.run_hub(Input::Heard {
        province: PAYEE,
        legs: [vec![false_one], told].concat(),
        notices: Vec::new(),
    });
    [PAYER, PAYEE].into_iter().for_each(|province| join(&mut pair, province));
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    finish(&mut pair, 1, Outcome::Commit).expect("finished");
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))), "as its party has recorded it");
    pair.send(2, 2, 10_000);
    assert_eq!(
        stands(&pair, 2),
        Some((TransferState::Committed, Some(8))),
        "what was told is given to nobody"
    );
}
