use crate::domain::hub::clearing::HeardNotice;
use crate::domain::hub::tables::{ClearingRow, Key, TransferRow, WindowRow};
use crate::domain::hub::{self, Answer, Effect, Input};
use crate::domain::machine::{IncidentRow, Output, PeerRow, SelfRow, TableRow, Ticket};
use crate::domain::node;
use crate::domain::node::tables::{LegRow, NoticeRow};
use crate::domain::protocol::{Announcement, HeardLeg, Kind, Notice, Question, Ruling, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, Digest, ProvinceCode, RegionCode, Side, Window};
use crate::testkit::{
    HubOutput, MemoryDisk, NOON, PAYEE, PAYER, Pair, create, heard, id, notice_heard, refusal,
};

#[path = "recovery_tests/clearing_tests.rs"]
mod clearing_tests;
#[path = "recovery_tests/forgotten_tests.rs"]
mod forgotten_tests;
#[path = "recovery_tests/joint_tests.rs"]
mod joint_tests;
#[path = "recovery_tests/posting_tests.rs"]
mod posting_tests;
#[path = "recovery_tests/terms_tests.rs"]
mod terms_tests;

/// What is left of the hub when an older state of its store is restored, and it starts.
fn restored(pair: &mut Pair, backup: &MemoryDisk<hub::Record>) -> Vec<HubOutput> {
    pair.hub.disk.restored(backup);
    pair.start_hub_as(90, true)
}

fn announce(pair: &mut Pair, province: ProvinceCode, again: bool) -> Vec<HubOutput> {
    let node = pair.node(province);
    let seen: PeerRow = node.get(&node::Key::Peer(ProvinceCode::HUB)).expect("it knows the hub");
    let proof = Some((0, Digest::default()));
    let restored = node.machine().is_restored();
    let announcement =
        Box::new(Announcement { hub_seen: Some(seen.mark()), proof, again, restored, ..Default::default() });
    let (ticket, node, knows_us_to) = (Ticket::new(5), node.mark(), None);
    pair.run_hub(Input::Announce { ticket, province, node, announcement, knows_us_to, lineage: None })
}

fn legs(pair: &Pair, province: ProvinceCode, above: u64) -> Vec<HeardLeg> {
    let node = pair.node(province);
    let found_by = |leg: &LegRow| node.get(&node::Key::FoundBy(leg.member_ref));
    node.rows().iter().filter_map(LegRow::of).filter_map(|leg| heard(leg, found_by(leg), above)).collect()
}

/// Both nodes announce themselves twice and are asked; gives what the hub wants done in the end.
fn hear(pair: &mut Pair) -> Vec<HubOutput> {
    hear_changed(pair, |_, _| ())
}

/// The same, with the legs that the nodes tell changed on their way.
fn hear_changed(pair: &mut Pair, change: impl Fn(ProvinceCode, &mut Vec<HeardLeg>)) -> Vec<HubOutput> {
    hear_with(pair, change, |_| ())
}

/// The same, with what they tell of clearing changed on its way.
fn hear_told(pair: &mut Pair, change: impl Fn(&mut Vec<HeardNotice>)) -> Vec<HubOutput> {
    hear_with(pair, |_, _| (), change)
}

fn hear_with(
    pair: &mut Pair,
    change: impl Fn(ProvinceCode, &mut Vec<HeardLeg>),
    change_notices: impl Fn(&mut Vec<HeardNotice>),
) -> Vec<HubOutput> {
    let mut last = Vec::new();
    for province in [PAYER, PAYEE] {
        let first = announce(pair, province, true);
        assert_eq!(refusal(&first), Reason::Recovering);
        pair.run_node(province, node::Input::HubRecovers);
        let second = announce(pair, province, false);
        let Some(Output::Effect(Effect::AskWhatWasLost(of, above))) = second.last() else {
            panic!("{second:?}")
        };
        assert_eq!(*of, province);
        let mut legs = legs(pair, province, above.0);
        change(province, &mut legs);
        let mut notices = notices(pair, province, above.1);
        change_notices(&mut notices);
        last = pair.run_hub(Input::Heard { province, legs, notices });
    }
    last
}

/// What a node was told of clearing above a number.
fn notices(pair: &Pair, province: ProvinceCode, above: u64) -> Vec<HeardNotice> {
    let rows = pair.node(province).rows();
    let kept = rows.iter().filter_map(NoticeRow::of).filter(|row| row.number > above);
    let told =
        kept.map(|row| Notice { number: row.number, previous: row.previous, content: row.content.clone() });
    told.filter_map(|notice| notice_heard(&notice)).collect()
}

#[test]
fn a_hub_that_was_restored_answers_nobody_until_it_has_heard_what_it_lost() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    let kept = pair.transfer(1);
    pair.send(2, 2, 50_000);
    let lost = pair.transfer(2);
    restored(&mut pair, &before);
    assert!(pair.hub.get::<TransferRow>(&Key::Transfer(id(2))).is_none());
    let outputs = pair.run_hub(create(9, 2, 50_000));
    assert_eq!(refusal(&outputs), Reason::Recovering);
    let outputs = hear(&mut pair);
    let own: SelfRow = pair.hub.get(&Key::Own(0)).expect("there");
    assert_eq!((own.incarnation, own.recovered), (3, 3), "higher than any that a node has seen");
    assert!(outputs.contains(&Output::Effect(Effect::Recovered(3))));
    let adopted = pair.transfer(2);
    let told =
        |it: &TransferRow| (it.state, it.hub_seq, it.window, it.amount, it.terms_digest, it.payer_region);
    assert_eq!(told(&adopted), told(&lost));
    assert_eq!(pair.transfer(1).state, kept.state);
    // The client that repeats what it said finds it; one that says something else does not take it over.
    let repeat = pair.create(3, 2, 50_000);
    assert!(matches!(&repeat[..], [Output::Answer(3, Answer::Transfer(_))]), "{repeat:?}");
    let other = pair.create(4, 2, 50_001);
    assert_eq!(refusal(&other), Reason::ContentDiffers);
}

/// Two operators had accepted a wrong clock, and had lowered it again: what was committed meanwhile was left to people
/// when the hub was restored to before, as if a node had made its window up.
#[test]
fn what_a_clock_that_was_lowered_again_has_stamped_comes_back() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let right = pair.network.now;
    pair.network.now.civil = Civil(right.civil.0 + 2 * 86_400_000);
    pair.send(1, 1, 40_000);
    let lost = pair.transfer(1);
    pair.network.now = right;
    restored(&mut pair, &before);
    hear(&mut pair);
    let adopted = pair.transfer(1);
    assert_eq!((adopted.state, adopted.window, adopted.hub_seq), (lost.state, lost.window, lost.hub_seq));
    assert!(pair.hub.get::<IncidentRow>(&Key::Incident(id(1), Side::Payer)).is_none());
    assert!(adopted.decide_time.is_some_and(|time| time <= right.civil), "our clock is not theirs");
}

/// A recovering hub that presumed an abort here would take back what its client was told.
#[test]
fn what_both_sides_promised_and_nobody_knows_is_committed_and_noted() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    // Number 1 is decided and told to nobody; number 2 is decided and told.
    let asked = pair.create(1, 1, 40_000);
    let _untold = pair.vote_on(&asked);
    pair.send(2, 2, 50_000);
    assert_eq!((pair.transfer(1).hub_seq, pair.transfer(2).hub_seq), (Some(1), Some(2)));
    restored(&mut pair, &before);
    let outputs = hear(&mut pair);
    let (first, second) = (pair.transfer(1), pair.transfer(2));
    assert_eq!((first.state, first.hub_seq), (TransferState::Committed, Some(1)), "the gap is filled");
    assert_eq!((second.state, second.hub_seq), (TransferState::Committed, Some(2)));
    let incident: IncidentRow = pair.hub.get(&Key::Incident(id(1), Side::Payer)).expect("noted");
    assert_eq!(incident.refusal.reason, Reason::DecidedAtRecovery);
    let told = outputs.iter().filter(|it| matches!(it, Output::Effect(Effect::Decide(..)))).count();
    assert_eq!(told, 2, "both sides of the first are told: {outputs:?}");
}

#[test]
fn what_one_side_never_promised_was_aborted() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    pair.prepare(&crate::testkit::legs(&outputs)[0]);
    restored(&mut pair, &before);
    hear(&mut pair);
    let transfer = pair.transfer(1);
    assert_eq!(transfer.refusal.map(|it| it.reason), Some(Reason::HubRestarted));
}

/// A store that was restored without being marked so: nodes do not join it, and it decides nothing with them.
#[test]
fn a_hub_that_is_behind_without_knowing_it_is_found_out() {
    let mut pair = Pair::new();
    let outputs = announce(&mut pair, PAYER, true);
    assert_eq!(refusal(&outputs), Reason::HubBehind);
}

type Change = fn(ProvinceCode, &mut Vec<HeardLeg>);

/// What nodes may tell wrongly of the second transfer.
fn what_cannot_be() -> [(&'static str, Change); 12] {
    [
        ("another number on one side", |at, legs| {
            if at == PAYEE
                && let Some((_, number, _)) = &mut legs[0].committed
            {
                *number += 1;
            }
        }),
        ("a number beyond all transfers", |_, legs| {
            let far =
                |leg: &mut HeardLeg| leg.committed.iter_mut().for_each(|(_, number, _)| *number = 1 << 61);
            legs.iter_mut().for_each(far);
        }),
        ("a number that was given before the backup", |_, legs| {
            legs.iter_mut().for_each(|leg| leg.committed.iter_mut().for_each(|(_, number, _)| *number = 1));
        }),
        ("another amount on one side", |at, legs| {
            if at == PAYEE {
                legs[0].amount = crate::domain::value::money::Money::from_fen(1);
            }
        }),
        ("other terms on one side", |at, legs| {
            if at == PAYEE {
                legs[0].terms_digest = Digest([9; 32]);
            }
        }),
        ("a window by a clock that is far off", |_, legs| {
            let far = Window::of(Civil(NOON + 3 * 86_400_000));
            legs.iter_mut().for_each(|leg| leg.committed.iter_mut().for_each(|(window, ..)| *window = far));
        }),
        ("a window of before its transfer was received", |_, legs| {
            let day = Window::of(Civil(NOON - 86_400_000));
            legs.iter_mut().for_each(|leg| leg.committed.iter_mut().for_each(|(window, ..)| *window = day));
        }),
        ("another place on one side", |at, legs| {
            if at == PAYEE {
                legs[0].counter_region = RegionCode::new(510_100).expect("its own");
            }
        }),
        ("both sides in one province", |at, legs| {
            let own = RegionCode::new(130_100).expect("its own");
            legs.iter_mut().for_each(|leg| leg.counter_region = own);
            let other = HeardLeg { side: Side::Payee, ..legs[0].clone() };
            if at == PAYER { legs.push(other) } else { legs.clear() }
        }),
        ("two kinds", |at, legs| {
            let back = (Kind::COMPENSATION, Some(id(1)));
            (legs[0].kind, legs[0].returns) = if at == PAYER { (Kind::LOAN, None) } else { back };
        }),
        ("money of two transfers that goes back", |at, legs| {
            legs[0].kind = Kind::COMPENSATION;
            legs[0].returns = Some(if at == PAYER { id(1) } else { id(9) });
        }),
        ("a side that is lost", |at, legs| {
            if at == PAYEE {
                legs.clear();
            }
        }),
    ]
}

/// What nodes tell is held against each other and against the hub's own books: a node that is wrong makes no commit, no
/// number and no sum that was not, and does not keep the hub from serving.
#[test]
fn what_cannot_be_is_parked_for_people() {
    for (what, change) in what_cannot_be() {
        let mut pair = Pair::new();
        pair.send(1, 1, 40_000);
        let before = pair.hub.disk.backup();
        pair.send(2, 2, 50_000);
        restored(&mut pair, &before);
        hear_changed(&mut pair, change);
        let state = pair.hub.get::<TransferRow>(&Key::Transfer(id(2))).map(|row| row.state);
        assert_ne!(state, Some(TransferState::Committed), "{what}");
        let incident: IncidentRow = pair.hub.get(&Key::Incident(id(2), Side::Payer)).expect(what);
        assert_eq!(incident.refusal.reason, Reason::ContraryOrder, "{what}");
        let own: SelfRow = pair.hub.get(&Key::Own(0)).expect("there");
        // What is told so is given to nobody else.
        assert!(own.recovered > 0 && own.hub_seq <= 3, "{what}: {own:?}");
        pair.hub.incarnation = own.incarnation;
        // The hub serves, and the next commit takes a number that no node has recorded.
        for province in [PAYER, PAYEE] {
            pair.join(province);
        }
        pair.send(3, 3, 10_000);
        let next = pair.transfer(3);
        assert_eq!(next.state, TransferState::Committed, "{what}");
        assert!(next.hub_seq.is_some_and(|number| number > 1), "{what}: {next:?}");
    }
}

/// A province that tells a leg that is not its own makes noise, and keeps nothing from being adopted.
#[test]
fn what_a_third_party_tells_of_a_transfer_counts_for_nothing() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    let lost = pair.transfer(1);
    restored(&mut pair, &before);
    hear_changed(&mut pair, |at, legs| {
        if at == PAYEE {
            let mut other = HeardLeg { side: Side::Payer, ..legs[0].clone() };
            other.committed = other.committed.map(|(window, number, time)| (window, number + 1, time));
            legs.push(other);
        }
    });
    let adopted = pair.transfer(1);
    assert_eq!((adopted.state, adopted.hub_seq), (TransferState::Committed, lost.hub_seq));
}

/// A hub's clock that was far ahead would stand still for as long: what nodes tell may not set it.
#[test]
fn times_that_nodes_tell_do_not_set_the_hubs_clock() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    restored(&mut pair, &before);
    hear_changed(&mut pair, |_, legs| {
        for leg in legs {
            let later = Civil(NOON + 3_600_000);
            leg.receipt_time = later;
            leg.committed = leg.committed.map(|(window, number, _)| (window, number, later));
        }
    });
    let (adopted, own) = (pair.transfer(1), pair.hub.get::<SelfRow>(&Key::Own(0)).expect("there"));
    assert_eq!(adopted.state, TransferState::Committed);
    let noon = Civil(NOON);
    assert_eq!((adopted.receipt_time, adopted.decide_time, own.civil), (noon, Some(noon), noon));
}

/// The other side has lost its leg too. What one node has recorded as committed may not be aborted here, at no start.
#[test]
fn a_commit_that_cannot_be_adopted_is_not_aborted_either() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    pair.finish(outputs);
    restored(&mut pair, &before);
    assert_eq!(pair.transfer(1).state, TransferState::Pending);
    hear_changed(&mut pair, |at, legs| {
        if at == PAYEE {
            legs.clear();
        }
    });
    assert_eq!(pair.transfer(1).state, TransferState::Pending);
    let own: SelfRow = pair.hub.get(&Key::Own(0)).expect("there");
    pair.hub.incarnation = own.incarnation;
    pair.restart_hub(95);
    assert_eq!(pair.transfer(1).state, TransferState::Pending);
    let incident: IncidentRow = pair.hub.get(&Key::Incident(id(1), Side::Payer)).expect("noted");
    assert_eq!(incident.refusal.reason, Reason::ContraryOrder);
}

/// It closes nothing before it has heard what it lost; what it adopts keeps its window, which is closed then.
#[test]
fn a_hub_that_recovers_closes_no_window_before_it_has_heard_what_it_lost() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    pair.send(1, 1, 40_000);
    let window = pair.transfer(1).window.expect("committed");
    pair.network.now.civil.0 += 86_400_000;
    restored(&mut pair, &before);
    pair.run_hub(Input::Tick);
    let is_closed = |pair: &Pair| pair.hub.get::<WindowRow>(&Key::Window(window)).is_some();
    assert!(!is_closed(&pair) && pair.hub.machine().is_recovering());
    hear(&mut pair);
    assert_eq!((is_closed(&pair), pair.transfer(1).window), (true, Some(window)));
}

/// An operator had closed a window early, and that was lost: what was committed in the next cut says so. Before, that
/// cut was never opened, and so never closed or listed.
#[test]
fn a_window_that_was_closed_early_is_closed_again_where_a_commit_of_the_next_cut_comes_back() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let window = Window::of(Civil(NOON));
    let (ticket, operator) = (Ticket::new(9), "urn:gongji:operator:wang".to_owned());
    pair.run_hub(Input::CloseWindow { ticket, window, operator, unread_by: None });
    pair.send(1, 1, 40_000);
    let cut = window.next_cut().expect("a cut");
    assert_eq!(pair.transfer(1).window, Some(cut));
    restored(&mut pair, &before);
    hear(&mut pair);
    assert_eq!(pair.transfer(1).window, Some(cut));
    let is_closed = |pair: &Pair, window| pair.hub.get::<WindowRow>(&Key::Window(window)).is_some();
    let open = |pair: &Pair| pair.hub.get::<ClearingRow>(&Key::CLEARING).map(|row| row.open);
    assert_eq!((is_closed(&pair, window), open(&pair)), (true, Some(cut)));
    pair.network.now.civil.0 += 86_400_000;
    pair.pass(1);
    assert!(is_closed(&pair, cut));
}

/// A hub whose backup knows no window at all closes those of the commits that come back.
#[test]
fn the_days_of_what_comes_back_have_their_windows() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let window = pair.transfer(1).window.expect("committed");
    let empty = Pair::new().hub.disk.backup();
    empty.remove(&Key::CLEARING);
    pair.network.now.civil.0 += 2 * 86_400_000;
    restored(&mut pair, &empty);
    hear(&mut pair);
    let days = [window, Window::from(window.day().next())];
    assert!(days.iter().all(|it| pair.hub.get::<WindowRow>(&Key::Window(*it)).is_some()));
}
