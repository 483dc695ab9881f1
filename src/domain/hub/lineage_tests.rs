//! Hub and nodes know each other's stores, and refuse another one until two operators accept it.

use super::tables::Key;
use super::{Answer, Input};
use crate::domain::machine::lineage::FROM_NOTHING;
use crate::domain::machine::operation::{Operation, OperationRequest, OperationState, OperationWord};
use crate::domain::machine::{Output, PeerRow, Ticket};
use crate::domain::node;
use crate::domain::protocol::{Announced, LegState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Digest, ProvinceCode, Side, hex};
use crate::testkit::{HUB, HubOutput, MemoryDisk, PAYEE, PAYER, Pair, create, id, legs, operator};

const OTHER: Digest = Digest([9; 32]);

fn operation(number: u8, name: &str, word: OperationWord) -> OperationRequest {
    OperationRequest { operation_id: id(number), operator: operator(name), word, is_clock_believed: true }
}

/// What two operators say.
fn words(number: u8, lineage: (ProvinceCode, Digest)) -> [OperationRequest; 2] {
    let operation_of = Operation::AcceptLineage(lineage.0, lineage.1);
    let propose = OperationWord::Propose {
        operation: operation_of,
        reason_code: "STORE_LOST".to_owned(),
        note: String::new(),
    };
    [operation(number, "a", propose), operation(number, "b", OperationWord::Approve)]
}

/// Two operators accept a lineage at the hub; gives what became of it.
fn accept(pair: &mut Pair, number: u8, lineage: (ProvinceCode, Digest)) -> Result<OperationState, Reason> {
    let mut stands = Err(Reason::Internal);
    for request in words(number, lineage) {
        let input = Input::Operate { ticket: Ticket::new(77), request, reads_cuts: true };
        stands = match pair.run_hub(input).pop() {
            Some(Output::Answer(77, Answer::Operation(row))) => Ok(row.state),
            Some(Output::Answer(77, Answer::Refused(refusal))) => return Err(refusal.reason),
            other => panic!("no answer: {other:?}"),
        };
    }
    stands
}

/// The same at a node.
fn accept_at_node(
    pair: &mut Pair,
    province: ProvinceCode,
    lineage: (ProvinceCode, Digest),
) -> Result<(), Reason> {
    for request in words(60, lineage) {
        let input = node::Input::Operate { ticket: Ticket::new(77), request };
        for output in pair.run_node(province, input) {
            if let Output::Answer(77, node::Answer::Refused(refusal)) = output {
                return Err(refusal.reason);
            }
        }
    }
    Ok(())
}

/// A node announces itself; gives what the hub says first, and all that it wants done.
fn announces(pair: &mut Pair, province: ProvinceCode) -> (Answer, Vec<HubOutput>) {
    let (mark, request) = pair.announcement(province, None).expect("a node");
    pair.hub_is_asked((province, mark), 0, request);
    let input = pair.hub.inbox.pop().expect("asked");
    let outputs = pair.run_hub(input);
    match outputs.first() {
        Some(Output::Answer(_, answer)) => (answer.clone(), outputs),
        other => panic!("no answer: {other:?}"),
    }
}

fn refused(pair: &mut Pair, province: ProvinceCode) -> RefusalRecord {
    match announces(pair, province) {
        (Answer::Refused(refusal), outputs) if outputs.len() == 1 => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn facts(refusal: &RefusalRecord) -> Vec<String> {
    refusal.metadata.iter().map(|(_, value)| value.clone()).collect()
}

fn known(pair: &Pair, province: ProvinceCode) -> Option<Digest> {
    pair.hub.get::<PeerRow>(&Key::Peer(province)).expect("seen").lineage
}

fn known_of_hub(pair: &Pair, province: ProvinceCode) -> Option<Digest> {
    pair.node(province).get::<PeerRow>(&node::Key::Peer(HUB)).expect("seen").lineage
}

/// A pair that has carried a transfer out, and whose servers know each other's stores.
fn acquainted() -> Pair {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    for province in [PAYER, PAYEE] {
        pair.rejoin(province);
        assert_eq!(known(&pair, province), pair.node(province).hash_at(1));
        assert_eq!(known_of_hub(&pair, province), pair.hub.hash_at(1));
    }
    pair
}

fn loses_everything(pair: &mut Pair, province: ProvinceCode) {
    pair.node_mut(province).disk = MemoryDisk::new();
    pair.start_node_as(province, 70);
}

#[test]
fn a_node_that_begins_from_nothing_is_no_new_one_until_two_operators_accept_it() {
    let mut pair = acquainted();
    let (before, records) = (known(&pair, PAYEE).expect("told"), pair.hub.journal().len());
    loses_everything(&mut pair, PAYEE);
    let refusal = refused(&mut pair, PAYEE);
    assert_eq!(refusal.reason, Reason::OtherLineage);
    assert_eq!(facts(&refusal), [format!("node:{PAYEE}"), hex(&before.0), hex(&FROM_NOTHING.0)]);
    assert_eq!(pair.hub.journal().len(), records, "nothing of it is taken");

    assert_eq!(accept(&mut pair, 50, (PAYEE, FROM_NOTHING)), Ok(OperationState::Done));
    // It is told again what its former store had.
    pair.rejoin(PAYEE);
    let after = pair.node(PAYEE).hash_at(1);
    assert_eq!(pair.leg(1, Side::Payee).expect("told again").state, LegState::Committed);
    assert_eq!(known(&pair, PAYEE), Some(FROM_NOTHING), "it had none when it was admitted");
    pair.rejoin(PAYEE);
    assert_eq!(known(&pair, PAYEE), after, "it is taken up");
    loses_everything(&mut pair, PAYEE);
    assert_eq!(refused(&mut pair, PAYEE).reason, Reason::OtherLineage);
}

/// The hub had not been told the lineage, by a program of before, or of another maker.
#[test]
fn an_empty_store_of_a_node_that_was_seen_with_more_is_refused_whatever_is_known() {
    let mut pair = acquainted();
    pair.hub.rewrite(|records| records.retain(|it| !matches!(it, super::Record::PeerLineage(_))));
    assert_eq!(known(&pair, PAYER), None);
    loses_everything(&mut pair, PAYER);
    let refusal = refused(&mut pair, PAYER);
    assert_eq!(refusal.reason, Reason::OtherLineage);
    assert_eq!(facts(&refusal)[1], "not told");
}

#[test]
fn a_node_with_another_store_is_refused_and_the_former_one_once_that_is_accepted() {
    let mut pair = acquainted();
    let former = pair.node(PAYEE).disk.backup();
    let hub_of_another = Pair::new();
    pair.node_mut(PAYEE).disk.restored(&hub_of_another.node(PAYEE).disk.backup());
    pair.node_mut(PAYEE).rewrite(|records| drop(records.remove(0)));
    pair.start_node_as(PAYEE, 70);
    let other = pair.node(PAYEE).hash_at(1).expect("it has one");
    // It has joined a hub whose first record is this one's: only its own store is another.
    assert_eq!(facts(&refused(&mut pair, PAYEE))[2], hex(&other.0));
    accept(&mut pair, 50, (PAYEE, other)).expect("accepted");
    assert!(!matches!(announces(&mut pair, PAYEE).0, Answer::Refused(_)));
    pair.node_mut(PAYEE).disk.restored(&former);
    pair.start_node_as(PAYEE, 71);
    assert_eq!(refused(&mut pair, PAYEE).reason, Reason::OtherLineage);
}

/// A hub on an empty folder, and one that was restored from a backup of another hub.
#[test]
fn a_node_is_refused_by_another_hub_which_does_not_ask_it_either() {
    for restored in [false, true] {
        let mut pair = acquainted();
        let joined = known_of_hub(&pair, PAYER).expect("joined");
        pair.hub.disk = MemoryDisk::new();
        pair.start_hub_as(90, restored);
        let other = pair.hub.hash_at(1).expect("it has begun");
        for _ in 0..2 {
            let refusal = refused(&mut pair, PAYER);
            assert_eq!(refusal.reason, Reason::OtherLineage);
            assert_eq!(facts(&refusal), ["hub".to_owned(), hex(&joined.0), hex(&other.0)]);
        }
    }
}

/// A hub that does not look at what the node says of it.
#[test]
fn a_node_takes_nothing_of_another_hub() {
    let mut pair = acquainted();
    pair.start_node_as(PAYER, 70);
    let (mark, records) = (pair.hub.mark(), pair.node(PAYER).journal().len());
    let admitted =
        |lineage| node::Input::Joined { incarnation: 9, hub: mark, lineage, resync: false, hub_recovered: 0 };
    assert_eq!(pair.run_node(PAYER, admitted(Some(OTHER))), []);
    assert!(!pair.node(PAYER).machine().is_admitted());
    let leg = legs(&pair.run_hub(create(5, 2, 10_000))).remove(0);
    let vote = pair.prepare(&leg);
    assert!(matches!(&vote, node::Answer::Refused(it) if it.reason == Reason::NotAnnounced), "{vote:?}");
    assert_eq!(pair.node(PAYER).journal().len(), records);
    // Of a hub that does not say which store it has the mark decides, as before.
    pair.run_node(PAYER, admitted(None));
    assert!(pair.node(PAYER).machine().is_admitted());
}

#[test]
fn a_hub_that_was_built_anew_is_joined_once_two_operators_accept_it() {
    let mut pair = acquainted();
    // The payer's leg stays in doubt with the former hub.
    let leg = legs(&pair.run_hub(create(5, 2, 10_000))).remove(0);
    pair.verdict(&leg);
    pair.hub.disk = MemoryDisk::new();
    pair.start_hub_as(90, false);
    let other = pair.hub.hash_at(1).expect("it has begun");
    for province in [PAYER, PAYEE] {
        assert_eq!(refused(&mut pair, province).reason, Reason::OtherLineage);
        assert_eq!(accept_at_node(&mut pair, province, (PAYEE, other)), Err(Reason::OperationElsewhere));
        accept_at_node(&mut pair, province, (HUB, other)).expect("accepted");
        assert!(!pair.node(province).machine().is_admitted(), "nothing of the former hub counts any more");
        pair.joined.remove(&province);
        pair.rejoin(province);
        assert_eq!(known_of_hub(&pair, province), Some(other));
        drop(pair.link(province, true));
    }
    pair.tick();
    pair.release();
    assert_eq!(
        pair.leg(2, Side::Payer).expect("known").state,
        LegState::Aborted,
        "the new hub knows nothing of it"
    );
    pair.send(6, 3, 10_000);
    assert_eq!(pair.leg(3, Side::Payer).expect("known").state, LegState::Committed);
    assert_eq!(pair.leg(1, Side::Payer).expect("known").state, LegState::Committed, "what was booked stays");
}

#[test]
fn each_server_accepts_its_own_peers_only() {
    let mut pair = acquainted();
    for peer in [HUB, ProvinceCode::new(99)] {
        assert_eq!(accept(&mut pair, 50, (peer, OTHER)), Err(Reason::OperationElsewhere));
    }
    accept(&mut pair, 51, (PAYER, OTHER)).expect("accepted");
    assert_eq!(refused(&mut pair, PAYER).reason, Reason::OtherLineage, "the store of before");
}

/// A store that was made before: what is told first is taken up, once.
#[test]
fn a_lineage_that_is_told_first_is_taken_up() {
    let mut pair = Pair::new();
    let count = |pair: &Pair| {
        let of_hub =
            pair.hub.journal().iter().filter(|it| matches!(it, super::Record::PeerLineage(_))).count();
        let of_node = |it: &&node::Record| matches!(it, node::Record::PeerLineage(_));
        (of_hub, pair.node(PAYER).journal().iter().filter(of_node).count())
    };
    pair.rejoin(PAYER);
    pair.rejoin(PAYEE);
    assert_eq!(count(&pair), (2, 1));
    let (answer, _) = announces(&mut pair, PAYER);
    let lineage = pair.hub.hash_at(1);
    assert!(
        matches!(answer, Answer::Announced(Announced::Admitted { lineage: told, .. }) if told == lineage)
    );
    pair.restart_node(PAYER, 71);
    pair.restart_hub(72);
    assert_eq!(count(&pair), (2, 1), "once");
    let (replays, _) = pair.hub.rebuilds();
    assert!(replays && pair.node(PAYER).rebuilds().0);
}
