//! How a node meets its hub: what it notes of it, and what it refuses.

use super::record::Record;
use super::{Answer, Effect, Input};
use crate::domain::machine::{Output, PeerRow, SelfRow, Ticket};
use crate::domain::node::Key;
use crate::domain::protocol::PeerMark;
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, ProvinceCode, StartId};
use crate::testkit::{NodeOutput, PAYER, Pair, answer};

/// The hub admits this life, as `incarnation`.
fn admit(pair: &mut Pair, incarnation: u64, hub: PeerMark, resync: bool) -> Vec<NodeOutput> {
    let admitted = Input::Joined { incarnation, hub, lineage: None, resync, hub_recovered: 0 };
    pair.run_node(PAYER, admitted)
}

fn own(pair: &Pair) -> SelfRow {
    pair.node(PAYER).get(&Key::OWN).expect("its own")
}

fn noted(pair: &Pair) -> PeerMark {
    pair.node(PAYER).get::<PeerRow>(&Key::Peer(ProvinceCode::HUB)).expect("met").mark()
}

fn count(pair: &Pair, is: fn(&Record) -> bool) -> usize {
    pair.node(PAYER).journal().iter().filter(|it| is(it)).count()
}

/// As the hub's next life speaks, so much further on.
fn next_life(pair: &Pair, by: u64, further: u64) -> PeerMark {
    let hub = noted(pair);
    let (incarnation, sequence) = (hub.incarnation + by, hub.sequence + further);
    let head_hash = if further == 0 { hub.head_hash } else { Digest([7; 32]) };
    PeerMark { incarnation, start_id: StartId([90; 16]), sequence, head_hash }
}

#[test]
fn what_is_known_of_the_hub_and_of_this_life_is_noted_once() {
    let mut pair = Pair::new();
    let (incarnation, hub) = (own(&pair).incarnation, noted(&pair));
    let records = pair.node(PAYER).journal().len();
    admit(&mut pair, incarnation, hub, false);
    assert_eq!(pair.node(PAYER).journal().len(), records, "nothing is new");
    // Another life of the hub is, though it has written nothing yet.
    let next = next_life(&pair, 1, 0);
    admit(&mut pair, incarnation, next, false);
    assert_eq!(noted(&pair), next);
    // And another start of this node, whatever number the hub gives it.
    pair.start_node_as(PAYER, 77);
    admit(&mut pair, incarnation, next, false);
    assert_eq!((own(&pair).start_id, own(&pair).incarnation), (StartId([77; 16]), incarnation));
    assert_eq!(count(&pair, |it| matches!(it, Record::NodeResynced(_))), 0);
}

#[test]
fn an_older_hub_admits_nobody_and_only_who_waits_for_it_says_so() {
    let mut pair = Pair::new();
    let incarnation = own(&pair).incarnation;
    let older = noted(&pair);
    let next = next_life(&pair, 1, 5);
    admit(&mut pair, incarnation, next, false);
    assert_eq!(admit(&mut pair, incarnation, older, false), vec![], "it is admitted already");
    pair.start_node_as(PAYER, 78);
    assert_eq!(admit(&mut pair, incarnation, older, false), [Output::Effect(Effect::HubRefused)]);
}

/// While it is told again what it lost, a node keeps in mind the latest that it has heard of the hub.
#[test]
fn who_is_told_again_takes_nothing_from_an_earlier_hub() {
    let mut pair = Pair::new();
    let incarnation = own(&pair).incarnation;
    let (first, second) = (next_life(&pair, 1, 5), next_life(&pair, 2, 10));
    pair.start_node_as(PAYER, 77);
    admit(&mut pair, incarnation, first, true);
    admit(&mut pair, incarnation, second, true);
    let late = PeerMark { sequence: second.sequence + 5, head_hash: Digest([8; 32]), ..first };
    let decide = Input::Decide { ticket: Ticket::new(3), hub: late, decisions: Vec::new() };
    let Answer::Refused(refusal) = answer(pair.run_node(PAYER, decide)) else { panic!("it was taken") };
    assert_eq!(refusal.reason, Reason::SenderRefused);
    assert_eq!(count(&pair, |it| matches!(it, Record::NodeResynced(_))), 0);
    // Once it has all again, that is in its journal.
    admit(&mut pair, incarnation, second, false);
    assert_eq!(count(&pair, |it| matches!(it, Record::NodeResynced(_))), 1);
    assert_eq!(own(&pair).recovered, incarnation);
}
