use crate::domain::hub::tables::Key;
use crate::domain::hub::{Answer, Effect, Input, Page};
use crate::domain::machine::{IncidentRow, Output, PeerRow, Ticket};
use crate::domain::node;
use crate::domain::node::tables::{AccountRow, LegRow, WalletRow};
use crate::domain::protocol::{Announced, Announcement, LegState, Outcome, PeerMark, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, Digest, Money, Mono, ProvinceCode, Side, StartId, WalletState};
use crate::testkit::{
    HubOutput, MemoryDisk, PAYEE, PAYER, Pair, announcement, answer as node_answer, decisions, id, legs,
    member,
};

/// What is left of a node when an older state of its store is restored.
fn restored(pair: &mut Pair, province: ProvinceCode, backup: &MemoryDisk<node::Record>) {
    pair.node(province).disk.restored(backup);
    pair.start_node_as(province, 70);
}

fn standing(outputs: &[HubOutput]) -> &Answer {
    match outputs.first() {
        Some(Output::Answer(_, answer)) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// A pair whose payer's node was heard after it had written something, and what was seen of it.
fn heard() -> (Pair, PeerRow) {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let seen: PeerRow = pair.hub.get(&Key::Peer(PAYER)).expect("admitted");
    assert!(seen.sequence > 0);
    (pair, seen)
}

fn with_hash(sequence: u64, hash: u8) -> PeerMark {
    PeerMark { incarnation: 1, start_id: StartId([60; 16]), sequence, head_hash: Digest([hash; 32]) }
}

#[test]
fn a_start_proves_that_its_journal_holds_what_was_seen_of_it() {
    let (mut pair, seen) = heard();
    let (at, ahead) = (seen.sequence, with_hash(seen.sequence + 5, 9));
    let outputs = pair.run_hub(announcement(1, PAYER, ahead, None));
    assert_eq!(standing(&outputs), &Answer::Announced(Announced::Prove { sequence: at }));
    // A proof for another sequence proves nothing.
    let outputs = pair.run_hub(announcement(2, PAYER, ahead, Some((at + 1, seen.head_hash))));
    assert_eq!(standing(&outputs), &Answer::Announced(Announced::Prove { sequence: at }));
    let outputs = pair.run_hub(announcement(3, PAYER, ahead, Some((at, seen.head_hash))));
    assert!(
        matches!(standing(&outputs), Answer::Announced(Announced::Admitted { resync: false, .. })),
        "{outputs:?}"
    );
}

/// An older state was restored and has grown past what was seen: only the hash shows it.
#[test]
fn another_history_of_the_same_length_was_restored() {
    let (mut pair, seen) = heard();
    for (start, sequence, proof) in
        [(61, seen.sequence + 5, Some((seen.sequence, Digest([9; 32])))), (62, seen.sequence, None)]
    {
        let mark = PeerMark { start_id: StartId([start; 16]), ..with_hash(sequence, 9) };
        let outputs = pair.run_hub(announcement(1, PAYER, mark, proof));
        assert!(
            matches!(standing(&outputs), Answer::Announced(Announced::Admitted { resync: true, .. })),
            "{outputs:?}"
        );
    }
}

#[test]
fn of_two_copies_that_run_the_first_is_refused() {
    let mut pair = Pair::new();
    let first = pair.node(PAYER).mark();
    let second = PeerMark { start_id: StartId([60; 16]), ..first };
    pair.run_hub(announcement(1, PAYER, second, None));
    let announcement = Box::new(Announcement { again: true, ..Announcement::default() });
    let (ticket, province, node, knows_us_to) = (Ticket::new(2), PAYER, first, None);
    let again = Input::Announce { ticket, province, node, announcement, knows_us_to, lineage: None };
    let outputs = pair.run_hub(again);
    let Answer::Refused(refusal) = standing(&outputs) else { panic!("{outputs:?}") };
    assert_eq!(refusal.reason, Reason::SenderRefused);
}

#[test]
fn a_node_that_was_restored_is_told_what_it_lost_and_only_then_takes_part() {
    let mut pair = Pair::new();
    let before = pair.node(PAYEE).disk.backup();
    for number in 1..=2 {
        pair.send(u64::from(number), number, 40_000);
    }
    restored(&mut pair, PAYEE, &before);
    assert!(pair.leg(1, Side::Payee).is_none());
    let told = pair.join(PAYEE);
    assert!(told.iter().any(|it| matches!(it, Output::Effect(Effect::ReadBack(PAYEE, _)))), "{told:?}");
    // Nothing new is asked of it meanwhile, and it shows nobody what it has not got yet.
    let asked = node::Input::Look { ticket: Ticket::new(1), member_ref: member(PAYEE) };
    let node::Answer::Refused(refusal) = node_answer(pair.run_node(PAYEE, asked)) else {
        panic!("it was served");
    };
    assert_eq!(refusal.reason, Reason::Resyncing);
    let outputs = pair.create(9, 9, 100);
    assert!(!outputs.iter().any(|it| matches!(it, Output::Effect(Effect::Prepare(..)))), "{outputs:?}");
    let refused = pair.transfer(9);
    assert_eq!(refused.refusal.map(|it| it.reason), Some(Reason::ProvinceUnreachable));
    pair.finish(told);
    for number in 1..=2 {
        let leg = pair.leg(number, Side::Payee).expect("brought back");
        let transfer = pair.transfer(number);
        assert_eq!((leg.state, leg.hub_seq), (LegState::Committed, transfer.hub_seq));
    }
    let wallet = pair.account(PAYEE, AccountKind::Wallet);
    assert_eq!(wallet.posted.fen(), 80_000);
    // As far as it has come then, it may be restored once more before it is heard again.
    let peer: PeerRow = pair.hub.get(&Key::Peer(PAYEE)).expect("there");
    assert_eq!((peer.resync, peer.sequence), (None, pair.node(PAYEE).mark().sequence));
    pair.join(PAYEE);
    pair.send(10, 10, 100);
    assert_eq!(pair.transfer(10).state, TransferState::Committed);
}

/// The store that was restored holds money again that went elsewhere later. Told only afterwards that its hold has
/// ended, the node found too little for what was paid with it, and put that into the suspense account.
#[test]
fn what_was_recorded_late_is_told_before_what_was_decided_after() {
    let mut pair = Pair::with_rules(|rules| rules.transfer_max = Some(Money::from_fen(1_000_000)));
    let outputs = pair.create(1, 1, 600_000);
    pair.prepare(&legs(&outputs)[0]);
    let late = pair.pass(60_000);
    pair.send(2, 2, 100);
    let before = pair.node(PAYER).disk.backup();
    pair.finish(late);
    pair.run_hub(Input::Tick);
    pair.send(3, 3, 600_000);
    restored(&mut pair, PAYER, &before);
    let hub: PeerRow = pair.node(PAYER).get(&node::Key::Peer(ProvinceCode::HUB)).expect("seen");
    let ended = pair.transfer(1);
    assert!(ended.decided_seq.is_some_and(|decided| decided <= hub.sequence), "{hub:?} {ended:?}");
    let account = |pair: &Pair| -> AccountRow {
        pair.node(PAYER).get(&node::Key::Account(member(PAYER), AccountKind::Personal)).expect("there")
    };
    assert_eq!(account(&pair).held.fen(), 600_000);
    pair.start_node_as(PAYER, 70);
    pair.rejoin(PAYER);
    let leg = |number| -> LegRow { pair.leg(number, Side::Payer).expect("told") };
    assert_eq!(leg(1).state, LegState::Aborted);
    assert_eq!((leg(3).state, leg(3).account), (LegState::Committed, AccountKind::Personal));
    assert_eq!((account(&pair).held.fen(), account(&pair).posted.fen()), (0, 399_900));
}

/// Calls overtake each other: a transfer that came before the end of the hold that it was made of found too little.
#[test]
fn holds_end_before_transfers_are_told_again() {
    let mut pair = Pair::new();
    let before = pair.node(PAYER).disk.backup();
    pair.send(1, 1, 40_000);
    pair.create(2, 2, 100);
    pair.done(|pair| pair.pass(60_000));
    restored(&mut pair, PAYER, &before);
    pair.join(PAYER);
    let after = pair.hub.get::<PeerRow>(&Key::Peer(PAYER)).and_then(|peer| peer.resync);
    let after = after.expect("told again");
    pair.run_hub(pair.read_back(PAYER, Page::Late(after)));
    let first = decisions(&pair.run_hub(pair.read_back(PAYER, Page::After(after))), PAYER);
    assert_eq!(first.iter().map(|it| it.transfer_id).collect::<Vec<_>>(), [id(2)]);
    let next = decisions(&pair.tell(PAYER, first[0].clone()), PAYER);
    assert_eq!(next.iter().map(|it| it.transfer_id).collect::<Vec<_>>(), [id(1)]);
}

/// A return moves what others brought, and a later transfer may be made of what it brought: told in another order, it
/// would end in the suspense account.
#[test]
fn what_goes_back_is_told_after_what_came_before_it_and_before_what_came_after() {
    let mut pair = Pair::new();
    let before = pair.node(PAYER).disk.backup();
    pair.send(1, 1, 40_000);
    pair.propose(50, 1, 40_000);
    pair.done(|pair| pair.approve(50));
    pair.send(2, 2, 100);
    restored(&mut pair, PAYER, &before);
    let told = pair.join(PAYER);
    let mut outputs = told;
    for late in [true, false] {
        let asked = outputs.iter().find_map(|it| match it {
            Output::Effect(Effect::ReadBack(PAYER, page)) => Some(*page),
            _ => None,
        });
        let asked = asked.expect("a page is asked for");
        assert_eq!(matches!(asked, Page::Late(_)), late);
        outputs = pair.run_hub(pair.read_back(PAYER, asked));
    }
    for number in [1, 50, 2] {
        let mut told = decisions(&outputs, PAYER);
        assert_eq!(told.iter().map(|it| it.transfer_id).collect::<Vec<_>>(), [id(number)]);
        outputs = pair.tell(PAYER, told.remove(0));
    }
    let key = node::Key::Account(member(PAYER), AccountKind::Personal);
    assert_eq!(pair.node(PAYER).get::<AccountRow>(&key).expect("there").posted.fen(), 1_000_000 - 100);
    assert_eq!(pair.hub.get::<PeerRow>(&Key::Peer(PAYER)).expect("there").resync, None);
}

/// A page is told once, whoever hands it in again; what is parked took money, and is told in its turn.
#[test]
fn a_page_is_told_once_and_in_its_order() {
    let mut pair = Pair::new();
    let before = pair.node(PAYEE).disk.backup();
    (1..=2).for_each(|number| drop(pair.send(1, number, 40_000)));
    restored(&mut pair, PAYEE, &before);
    pair.join(PAYEE);
    let after = pair.hub.get::<PeerRow>(&Key::Peer(PAYEE)).and_then(|peer| peer.resync);
    let after = after.expect("told again");
    assert_eq!(pair.run_hub(pair.read_back(PAYEE, Page::After(after))), vec![], "another was asked for");
    pair.run_hub(pair.read_back(PAYEE, Page::Late(after)));
    let parked = |input| match input {
        Input::ReadBack { province, page, upto, end, mut decisions } => {
            decisions[1].outcome = Outcome::Abort;
            assert!(!decisions[1].leg_record.is_empty());
            Input::ReadBack { province, page, upto, end, decisions }
        }
        other => other,
    };
    let told = pair.run_hub(parked(pair.read_back(PAYEE, Page::After(after))));
    let ids: Vec<_> = decisions(&told, PAYEE).iter().map(|it| it.transfer_id).collect();
    assert_eq!(ids, [id(1), id(2)]);
    assert_eq!(pair.run_hub(pair.read_back(PAYEE, Page::After(after))), vec![], "it is being told");
}

/// The allotment that paid for the transfer was lost with the store.
#[test]
fn what_the_members_account_cannot_take_stands_in_suspense_of_him() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    pair.node_mut(PAYER).rewrite(|records| records.truncate(1));
    pair.start_node_as(PAYER, 70);
    pair.rejoin(PAYER);
    let balance = |kind, whose| {
        pair.node(PAYER).get::<AccountRow>(&node::Key::Account(whose, kind)).map(|it| it.posted.fen())
    };
    assert_eq!(balance(AccountKind::Personal, member(PAYER)).unwrap_or(0), 0);
    assert_eq!(balance(AccountKind::PersonalSuspense, member(PAYER)), Some(-40_000));
    assert_eq!(balance(AccountKind::Clearing, node::account::PROVINCE), Some(40_000));
    let incident: IncidentRow =
        pair.node(PAYER).get(&node::Key::Incident(id(1), Side::Payer)).expect("raised");
    assert_eq!(incident.refusal.reason, Reason::ReplayedToSuspense);
}

/// Found in review: what waited in the outbox came first and without its leg, and was rejected.
#[test]
fn what_waited_for_the_node_comes_with_its_leg() {
    let mut pair = Pair::new();
    let before = pair.node(PAYEE).disk.backup();
    pair.run_hub(Input::Link { province: PAYEE, up: false });
    pair.run_hub(Input::Link { province: PAYEE, up: true });
    let outputs = pair.create(1, 1, 40_000);
    // Both vote, the hub decides, and the payee's node dies before it hears of it.
    let mut decided = pair.vote_on(&outputs);
    decided.retain(|it| !matches!(it, Output::Effect(Effect::Decide(PAYEE, _))));
    pair.finish(decided);
    restored(&mut pair, PAYEE, &before);
    pair.run_hub(Input::Link { province: PAYEE, up: false });
    pair.rejoin(PAYEE);
    pair.hand_in(Input::Link { province: PAYEE, up: true });
    let leg = pair.leg(1, Side::Payee).expect("brought back");
    assert_eq!(leg.state, LegState::Committed);
    pair.network.now.mono = Mono(1_000);
    pair.hand_in(Input::Tick);
    assert!(pair.transfer(1).payee_recorded_seq.is_some());
}

/// A restart of the hub in the middle of a resync goes on where it was, and sends nothing without its leg before.
#[test]
fn a_hub_that_restarts_goes_on_telling() {
    let mut pair = Pair::new();
    let before = pair.node(PAYEE).disk.backup();
    pair.send(1, 1, 40_000);
    restored(&mut pair, PAYEE, &before);
    pair.join(PAYEE);
    let outputs = pair.restart_hub(80);
    assert!(!outputs.iter().any(|it| matches!(it, Output::Effect(Effect::Decide(PAYEE, _)))), "{outputs:?}");
    pair.rejoin(PAYEE);
    let leg = pair.leg(1, Side::Payee).expect("brought back");
    assert_eq!(leg.state, LegState::Committed);
}

/// A prepare that was on its way while the node was restored may have been decided since.
#[test]
fn a_prepare_of_before_the_admission_is_refused() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 40_000);
    let Some(Output::Effect(Effect::Prepare(_, leg))) =
        outputs.iter().find(|it| matches!(it, Output::Effect(Effect::Prepare(PAYER, _))))
    else {
        panic!("{outputs:?}")
    };
    let (leg, late) = (leg.clone(), pair.hub.mark());
    pair.restart_node(PAYER, 70);
    let late = PeerMark { sequence: late.sequence - 1, ..late };
    let presented = Ok(leg.clone().with_id_hash(crate::testkit::id_hash));
    let input = node::Input::Prepare { ticket: Ticket::new(1), hub: late, legs: vec![presented] };
    let answer = crate::testkit::answer(pair.run_node(PAYER, input));
    assert!(matches!(answer, node::Answer::Refused(_)), "{answer:?}");
}

/// A backup that is taken during a resync would say that the node knew decisions which it had not been told yet, and
/// they would never be told to what is restored from it.
#[test]
fn a_node_that_is_told_again_notes_the_hub_only_when_it_has_all() {
    let mut pair = Pair::new();
    let before = pair.node(PAYEE).disk.backup();
    pair.send(1, 1, 40_000);
    restored(&mut pair, PAYEE, &before);
    let known = |pair: &Pair| {
        pair.node(PAYEE).get::<PeerRow>(&node::Key::Peer(ProvinceCode::HUB)).map(|it| it.sequence)
    };
    let stored = known(&pair);
    pair.start_node_as(PAYEE, 70);
    let told = pair.join(PAYEE);
    assert!(pair.hub.mark().sequence > stored.expect("it has met the hub"));
    assert_eq!(known(&pair), stored);
    pair.finish(told);
    assert_eq!(known(&pair), stored, "told, and not admitted yet");
    pair.join(PAYEE);
    assert_eq!(known(&pair), Some(pair.hub.mark().sequence));
}

/// A wallet that was closed shows its balance to nobody.
#[test]
fn a_closed_wallet_takes_no_leg_that_was_lost() {
    let mut pair = Pair::new();
    let before = pair.node(PAYEE).disk.backup();
    pair.send(1, 1, 40_000);
    restored(&mut pair, PAYEE, &before);
    let wallet: WalletRow = pair.node(PAYEE).get(&node::Key::Wallet(member(PAYEE))).expect("open");
    pair.node(PAYEE).disk.put(WalletRow { state: WalletState::Closed, ..wallet });
    pair.rejoin(PAYEE);
    let suspense = node::Key::Account(member(PAYEE), AccountKind::WalletSuspense);
    assert_eq!(pair.node(PAYEE).get::<AccountRow>(&suspense).map(|it| it.posted.fen()), Some(40_000));
}
