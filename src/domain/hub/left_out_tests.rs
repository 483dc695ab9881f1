use crate::domain::audit::books::{HubBooks, NodeBooks};
use crate::domain::audit::invariant::violations;
use crate::domain::audit::{Audit, Checked};
use crate::domain::hub::tables::{Key, TransferRow};
use crate::domain::hub::{self, Answer, Effect, Input};
use crate::domain::machine::operation::Operation;
use crate::domain::machine::{IncidentRow, Output, PeerRow, SelfRow, TableRow, Ticket};
use crate::domain::node;
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::{Announcement, HeardLeg, LegState, Outcome, Question, Ruling, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, ProvinceCode, Side};
use crate::testkit::{
    Disk, HubOutput, MemoryDisk, PAYEE, PAYER, Pair, create, decisions, heard, id, refusal,
};

/// An older state of the hub's store is restored, and it starts.
fn restored(pair: &mut Pair, backup: &MemoryDisk<hub::Record>) {
    pair.hub.disk.restored(backup);
    pair.start_hub_as(90, true);
}

/// The payer's node comes back with an older store, which is marked as such, or not.
fn payer_comes_back_older(pair: &mut Pair, backup: &Disk, is_marked: bool) {
    pair.disk(PAYER).expect("a disk").restored(backup);
    pair.start_node_as(PAYER, 70);
    if is_marked {
        pair.run_node(PAYER, node::Input::Restored);
    }
}

fn announcement(pair: &Pair, province: ProvinceCode) -> Input {
    let node = pair.node(province);
    let seen: Option<PeerRow> = node.get(&node::Key::Peer(ProvinceCode::HUB));
    let restored = node.machine().is_restored();
    let hub_seen = seen.map(|seen| seen.mark());
    let proof = Some((0, Digest::default()));
    let announcement = Announcement { hub_seen, proof, restored, ..Announcement::default() };
    let (ticket, node, announcement) = (Ticket::new(5), node.mark(), Box::new(announcement));
    Input::Announce { ticket, province, node, announcement, knows_us_to: None, lineage: None }
}

/// A province announces itself twice and is asked.
fn tells(pair: &mut Pair, province: ProvinceCode) -> Vec<HeardLeg> {
    assert_eq!(refusal(&pair.run_hub(announcement(pair, province))), Reason::Recovering);
    pair.run_node(province, node::Input::HubRecovers);
    let outputs = pair.run_hub(announcement(pair, province));
    let Some(Output::Effect(Effect::AskWhatWasLost(of, above))) = outputs.last() else {
        panic!("{outputs:?}")
    };
    assert_eq!(*of, province);
    let rows = pair.node(province).rows();
    let found_by = |leg: &LegRow| pair.node(province).get(&node::Key::FoundBy(leg.member_ref));
    rows.iter().filter_map(LegRow::of).filter_map(|leg| heard(leg, found_by(leg), above.0)).collect()
}

/// The same, and is heard.
fn hear(pair: &mut Pair, province: ProvinceCode) -> Vec<HubOutput> {
    let legs = tells(pair, province);
    pair.run_hub(Input::Heard { province, legs, notices: Vec::new() })
}

/// Two operators leave a province out; gives what the hub wants done once it is approved.
fn leave_out(pair: &mut Pair, number: u8, province: ProvinceCode) -> Result<Vec<HubOutput>, Reason> {
    pair.agree(number, Operation::LeaveOut(province))
}

/// The hub is restored, hears one province and leaves the other one out.
fn without(pair: &mut Pair, backup: &MemoryDisk<hub::Record>, dark: ProvinceCode) {
    pair.link(dark, false);
    restored(pair, backup);
    let other = if dark == PAYER { PAYEE } else { PAYER };
    hear(pair, other);
    assert!(pair.hub.machine().is_recovering());
    let outputs = leave_out(pair, 60, dark).expect("left out");
    assert!(!pair.hub.machine().is_recovering());
    follow(pair, outputs);
    join(pair, other);
}

fn follow(pair: &mut Pair, outputs: Vec<HubOutput>) {
    pair.finish(outputs);
}

fn join(pair: &mut Pair, province: ProvinceCode) {
    let own: SelfRow = pair.hub.get(&Key::OWN).expect("there");
    pair.hub.incarnation = own.incarnation;
    let outputs = pair.join(province);
    pair.finish(outputs);
}

/// The province that was left out is back: it is heard and admitted, and all that waits is delivered.
fn comes_back(pair: &mut Pair, province: ProvinceCode) {
    let outputs = pair.link(province, true);
    follow(pair, outputs);
    let outputs = hear(pair, province);
    follow(pair, outputs);
    for province in [PAYER, PAYEE] {
        join(pair, province);
        // What was told before it was admitted was refused, and is told again.
        let outputs = [pair.link(province, false), pair.link(province, true)].concat();
        follow(pair, outputs);
    }
    settle_down(pair);
}

/// Receipts are journaled with the next record, or after a while; legs in doubt are asked about.
fn settle_down(pair: &mut Pair) {
    for _ in 0..3 {
        pair.network.now.mono = pair.network.now.mono.after(31_000);
        let told = pair.tick();
        assert_eq!(told, vec![]);
        pair.finish(Vec::new());
    }
}

fn incident(pair: &Pair, number: u8) -> Option<(Reason, bool)> {
    let row: Option<IncidentRow> = pair.hub.get(&Key::Incident(id(number), Side::Payer));
    row.map(|row| (row.refusal.reason, row.close_time.is_none()))
}

fn stands(pair: &Pair, number: u8) -> Option<(TransferState, Option<u64>)> {
    let row: Option<TransferRow> = pair.hub.get(&Key::Transfer(id(number)));
    row.map(|row| (row.state, row.hub_seq))
}

fn is_clean(pair: &Pair, what: &str) {
    let mut books = pair.books();
    (books.at_rest, books.hub_lost) = (true, true);
    assert_eq!(violations(&books), [], "{what}");
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same), "{what}");
}

/// The decisions of a transfer that a test lets arrive at one province alone.
fn decided_at(pair: &mut Pair, outputs: &[HubOutput], province: ProvinceCode) {
    for decision in decisions(outputs, province) {
        pair.decide(province, decision);
    }
}

#[test]
fn a_commit_that_one_province_tells_is_adopted_and_confirmed_by_the_other_when_it_is_back() {
    for dark in [PAYER, PAYEE] {
        let mut pair = Pair::new();
        let before = pair.hub.disk.backup();
        pair.send(1, 1, 40_000);
        without(&mut pair, &before, dark);
        assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))), "{dark}");
        assert_eq!(incident(&pair, 1), Some((Reason::LeftOutUnconfirmed, true)), "{dark}");
        comes_back(&mut pair, dark);
        assert_eq!(incident(&pair, 1), Some((Reason::LeftOutUnconfirmed, false)), "{dark}");
        assert!(pair.transfer(1).is_recorded_by_both(), "{dark}");
        pair.send(2, 2, 10_000);
        assert_eq!(stands(&pair, 2).map(|it| it.0), Some(TransferState::Committed), "{dark}");
        is_clean(&pair, "confirmed");
    }
}

/// The hub's last decisions had reached the dark province alone. An abort here would split them.
#[test]
fn what_only_the_province_left_out_has_recorded_stays_undecided_and_is_committed_when_it_is_back() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    let asked = pair.create(2, 2, 50_000);
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYEE);
    without(&mut pair, &before, PAYEE);
    assert_eq!(stands(&pair, 2), Some((TransferState::Pending, None)));
    assert_eq!(incident(&pair, 2), Some((Reason::LeftOutUndecided, true)));
    assert_eq!(pair.leg(2, Side::Payer).map(|leg| leg.state), Some(LegState::Prepared), "it is held");
    // Neither the province that asks, nor an operator, nor a restart of the hub ends it.
    let question = Question {
        transfer_id: id(2),
        side: Side::Payer,
        terms_digest: pair.leg(2, Side::Payer).expect("there").terms_digest,
    };
    let (ticket, node) = (Ticket::new(6), pair.node(PAYER).mark());
    let outputs = pair.run_hub(Input::Resolve { ticket, province: PAYER, node, questions: vec![question] });
    let Some(Output::Answer(6, Answer::Rulings(rulings))) = outputs.first() else { panic!("{outputs:?}") };
    assert!(matches!(rulings[..], [Ruling::Pending { .. }]), "{rulings:?}");
    // Numbers that the dark province may know are not given again; nothing is begun with it.
    let unknown = pair.run_hub(create(7, 3, 10_000));
    assert_eq!(refusal(&unknown), Reason::ProvinceLeftOut);
    assert_eq!(stands(&pair, 3), None, "its id is free");
    pair.start_hub_as(91, false);
    join(&mut pair, PAYER);
    assert_eq!(stands(&pair, 2), Some((TransferState::Pending, None)));
    comes_back(&mut pair, PAYEE);
    assert_eq!(stands(&pair, 2), Some((TransferState::Committed, Some(2))), "with the number that it had");
    let judged = pair.transfer(2);
    assert!(judged.payer_rulebook.is_none() && judged.payee_rulebook.is_some(), "by what it says");
    assert_eq!(incident(&pair, 2), Some((Reason::LeftOutUndecided, false)));
    assert_eq!(pair.leg(2, Side::Payer).map(|leg| leg.state), Some(LegState::Committed));
    pair.send(8, 3, 10_000);
    let number = pair.transfer(3).hub_seq.expect("committed");
    assert!(number > 2 + super::KEPT_NUMBERS, "{number}");
    is_clean(&pair, "committed late");
}

#[test]
fn what_both_have_promised_is_committed_and_what_one_never_promised_is_aborted() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let asked = pair.create(1, 1, 40_000);
    let _untold = pair.vote_on(&asked);
    let asked = pair.create(2, 2, 50_000);
    pair.prepare(&crate::testkit::legs(&asked)[0]);
    without(&mut pair, &before, PAYEE);
    for number in [1, 2] {
        assert_eq!(stands(&pair, number), Some((TransferState::Pending, None)), "{number}");
        assert_eq!(incident(&pair, number), Some((Reason::LeftOutUndecided, true)), "{number}");
    }
    let last = pair.hub.get::<SelfRow>(&Key::OWN).expect("there").hub_seq;
    comes_back(&mut pair, PAYEE);
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(last + 1))));
    assert_eq!(incident(&pair, 1), Some((Reason::DecidedAtRecovery, true)));
    assert_eq!(stands(&pair, 2), Some((TransferState::Aborted, None)));
    assert_eq!(incident(&pair, 2), Some((Reason::LeftOutUndecided, false)));
    assert_eq!(
        pair.leg(2, Side::Payer).map(|leg| leg.state),
        Some(LegState::Aborted),
        "what it held is back"
    );
    is_clean(&pair, "both promised");
}

/// What the hub still knows undecided is not taken for aborted where the province left out may know better.
#[test]
fn what_the_store_knows_undecided_is_not_presumed_to_be_aborted() {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYEE);
    without(&mut pair, &before, PAYEE);
    assert_eq!(stands(&pair, 1), Some((TransferState::Pending, None)));
    comes_back(&mut pair, PAYEE);
    assert_eq!(stands(&pair, 1), Some((TransferState::Committed, Some(1))));
    is_clean(&pair, "known undecided");
    // Where the other side has not promised there can be no commit, whatever the dark one would say.
    let mut pair = Pair::new();
    pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    without(&mut pair, &before, PAYEE);
    assert_eq!(stands(&pair, 1).map(|it| it.0), Some(TransferState::Aborted));
}

/// The hub ended it meanwhile, since the other side has lost what it had promised: it does not stay silent.
#[test]
fn what_contradicts_is_left_to_people_at_hub_and_node() {
    let mut pair = Pair::new();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let disk = pair.disk(PAYER).expect("a disk").backup();
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYEE);
    // The payer's store comes back older, and nobody says so.
    payer_comes_back_older(&mut pair, &disk, false);
    without(&mut pair, &before, PAYEE);
    assert_eq!(stands(&pair, 1).map(|it| it.0), Some(TransferState::Aborted));
    comes_back(&mut pair, PAYEE);
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    assert_eq!(pair.leg(1, Side::Payee).map(|leg| leg.state), Some(LegState::Committed));
    let at_node: IncidentRow = pair.node(PAYEE).get(&node::Key::Incident(id(1), Side::Payee)).expect("noted");
    assert_eq!(at_node.refusal.reason, Reason::ContraryOrder);
    assert!(pair.hub.get::<IncidentRow>(&Key::Incident(id(1), Side::Payee)).is_some(), "and here");
    // An audit finds it until people have looked at it, and then lists it apart.
    let audit = |closed: &[u8]| {
        let mut audit = Audit::new(HubBooks::of(pair.hub.rows()));
        for province in [PAYER, PAYEE] {
            audit.add_node(NodeBooks::of(province, pair.node(province).rows()), true);
        }
        audit.add_closed(closed.iter().map(|number| id(*number)));
        let checked = audit.conclude();
        let count = |of: fn(&Checked) -> usize| checked.iter().map(of).sum::<usize>();
        (count(|it| it.violations.len()), count(|it| it.closed.len()))
    };
    let (open, listed) = audit(&[9]);
    assert!(open > 0 && listed == 0, "{open}");
    let (open, listed) = audit(&[1]);
    assert!(open == 0 && listed > 0, "{open} {listed}");
}

/// One that was restored may have lost it: it is not called aborted, and comes out when the dark one is back.
#[test]
fn what_only_the_dark_province_still_has_comes_out_with_a_name() {
    let mut pair = Pair::new();
    let (before, disk) = (pair.hub.disk.backup(), pair.disk(PAYER).expect("a disk").backup());
    pair.send(1, 1, 40_000);
    payer_comes_back_older(&mut pair, &disk, true);
    without(&mut pair, &before, PAYEE);
    assert_eq!(stands(&pair, 1), None);
    // Its client is not told that it is aborted.
    let outputs = pair.run_hub(create(7, 1, 40_000));
    assert_eq!(refusal(&outputs), Reason::ProvinceLeftOut);
    comes_back(&mut pair, PAYEE);
    assert_eq!(incident(&pair, 1), Some((Reason::ContraryOrder, true)));
    let outputs = pair.run_hub(create(7, 1, 40_000));
    assert_eq!(refusal(&outputs), Reason::OutcomeUnknown);
}

/// A number stands for one commit, whoever tells it.
#[test]
fn a_number_that_was_given_meanwhile_is_not_taken_from_a_province_that_tells_it() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let asked = pair.create(2, 2, 50_000);
    let decided = pair.vote_on(&asked);
    decided_at(&mut pair, &decided, PAYEE);
    without(&mut pair, &before, PAYEE);
    pair.link(PAYEE, true);
    let mut legs = tells(&mut pair, PAYEE);
    let far = 1_000 + super::KEPT_NUMBERS;
    legs.iter_mut().for_each(|leg| leg.committed.iter_mut().for_each(|(_, number, _)| *number = far));
    pair.run_hub(Input::Heard { province: PAYEE, legs, notices: Vec::new() });
    assert_eq!(stands(&pair, 2), Some((TransferState::Pending, None)));
    assert_eq!(incident(&pair, 2), Some((Reason::ContraryOrder, true)));
}

/// A node that has seen more of the hub's lives than all that were heard takes nothing from an earlier one.
#[test]
fn a_hub_outlives_what_the_province_left_out_has_seen_of_it() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    // Two more lives that only the payee hears of.
    for start in [80, 81] {
        pair.start_hub_as(start, false);
        join(&mut pair, PAYEE);
    }
    without(&mut pair, &before, PAYEE);
    let own = |pair: &Pair| pair.hub.get::<SelfRow>(&Key::OWN).expect("there");
    let first = own(&pair);
    comes_back(&mut pair, PAYEE);
    assert!(own(&pair).recovered > first.recovered, "another life");
    pair.send(1, 1, 40_000);
    assert_eq!(stands(&pair, 1).map(|it| it.0), Some(TransferState::Committed));
    is_clean(&pair, "outlived");
}

#[test]
fn a_province_that_is_left_out_is_heard_by_nobody_before_it_has_told_everything() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    without(&mut pair, &before, PAYEE);
    // It does not know yet that the hub is another one.
    let (ticket, node) = (Ticket::new(6), pair.node(PAYEE).mark());
    let question = Question { transfer_id: id(9), side: Side::Payee, terms_digest: Digest::default() };
    let outputs = pair.run_hub(Input::Resolve { ticket, province: PAYEE, node, questions: vec![question] });
    assert_eq!(refusal(&outputs), Reason::SenderRefused);
    let unasked = pair.run_hub(Input::Heard { province: PAYEE, legs: Vec::new(), notices: Vec::new() });
    assert_eq!(unasked, vec![]);
    assert_eq!(refusal(&pair.run_hub(create(7, 3, 10_000))), Reason::ProvinceLeftOut);
    comes_back(&mut pair, PAYEE);
    is_clean(&pair, "nothing was lost");
}

#[test]
fn only_what_a_recovery_waits_for_is_left_out() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    assert_eq!(leave_out(&mut pair, 50, PAYEE), Err(Reason::NotRecovering));
    restored(&mut pair, &before);
    assert_eq!(leave_out(&mut pair, 51, ProvinceCode::new(99)), Err(Reason::NotAsked));
    hear(&mut pair, PAYER);
    assert_eq!(leave_out(&mut pair, 52, PAYER), Err(Reason::AlreadyHeard));
    leave_out(&mut pair, 53, PAYEE).expect("left out");
    assert_eq!(leave_out(&mut pair, 54, PAYEE), Err(Reason::NotRecovering));
    let own: SelfRow = pair.hub.get(&Key::OWN).expect("there");
    assert!(own.recovered > 0 && own.skipped.count() > 0);
}

/// Found by the simulator (seed 158): a side that has promised is no sign that the other one had, whose store was
/// restored and tells nothing. As in a recovery it is aborted, and nobody pays alone.
#[test]
fn what_the_other_side_may_only_have_lost_is_not_committed_by_one_promise() {
    let mut pair = Pair::new();
    let disk = pair.disk(PAYER).expect("a disk").backup();
    let asked = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let payee = crate::testkit::legs(&asked).into_iter().find(|leg| leg.terms.province == PAYEE);
    pair.prepare(&payee.expect("asked"));
    payer_comes_back_older(&mut pair, &disk, true);
    without(&mut pair, &before, PAYEE);
    assert_eq!(
        incident(&pair, 1),
        Some((Reason::LeftOutUndecided, true)),
        "the dark one may have recorded it"
    );
    comes_back(&mut pair, PAYEE);
    assert_eq!(stands(&pair, 1).map(|it| it.0), Some(TransferState::Aborted));
    assert_eq!(pair.leg(1, Side::Payee).map(|leg| leg.state), Some(LegState::Aborted));
}

#[path = "left_out_kept_tests.rs"]
mod kept;

#[path = "left_out_lost_tests.rs"]
mod lost;

#[path = "finish_tests.rs"]
mod finish;
