//! Legs that carry money back, at their node.

use crate::domain::hub::Effect;
use crate::domain::machine::{IncidentRow, Output, Ticket};
use crate::domain::node::tables::{AccountRow, Key, LegRow, MemberRow, WalletRow};
use crate::domain::node::{Answer, Input, leg_record};
use crate::domain::protocol::{AckResult, Ask, Decision, Leg, LegRef, LegState, Outcome, Verdict};
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, Digest, InsuranceType, Money, RegionCode, Side};
use crate::testkit::{PAYEE, PAYER, Pair, answer, id, member};

/// 400.00 were sent under the id 1; both legs of a return of them, under the id 50.
fn begun() -> (Pair, Leg, Leg) {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    pair.propose(50, 1, 40_000);
    let mut legs = pair.approve(50).into_iter().filter_map(|output| match output {
        Output::Effect(Effect::Prepare(_, leg)) => Some(*leg),
        Output::Effect(_) | Output::Answer(..) => None,
    });
    let (debit, credit) = (legs.next().expect("a debit"), legs.next().expect("a credit"));
    (pair, debit, credit)
}

/// The same leg of another transfer.
fn of(number: u8, leg: &Leg) -> Leg {
    let LegRef { id: named, terms_digest } = leg.reference;
    Leg { reference: LegRef::new(id(number), named.side, terms_digest), ..leg.clone() }
}

/// The same leg, carrying back what another one brought.
fn carrying_back(number: u8, digest: Digest, leg: Leg) -> Leg {
    Leg { ask: Ask::ByOriginal { transfer_id: id(number), terms_digest: digest }, ..leg }
}

fn originals_digest(leg: &Leg) -> Digest {
    match leg.ask {
        Ask::ByOriginal { terms_digest, .. } => terms_digest,
        Ask::ByPerson { .. } | Ask::ById => panic!("{leg:?} carries nothing back"),
    }
}

fn refusal(pair: &mut Pair, leg: &Leg) -> Reason {
    match pair.verdict(leg) {
        Verdict::No { refusal, .. } | Verdict::Conflict { refusal } => refusal.reason,
        other => panic!("not refused: {other:?}"),
    }
}

fn decision(leg: &Leg, outcome: Outcome, leg_record: Vec<u8>) -> Decision {
    let decision = crate::testkit::decision(leg, outcome);
    Decision { hub_seq: decision.hub_seq.map(|_| 2), leg_record, ..decision }
}

#[test]
fn a_prepared_return_holds_in_the_wallet_and_is_pending_in_the_personal_account() {
    let (mut pair, debit, credit) = begun();
    assert!(matches!(pair.verdict(&debit), Verdict::Yes { .. }));
    assert!(matches!(pair.verdict(&credit), Verdict::Yes { .. }));
    let (wallet, personal) =
        (pair.account(PAYEE, AccountKind::Wallet), pair.account(PAYER, AccountKind::Personal));
    assert_eq!((wallet.posted.fen(), wallet.held.fen()), (40_000, 40_000));
    assert_eq!((personal.posted.fen(), personal.pending.fen()), (960_000, 40_000));
    assert_eq!(personal.day_count, 1, "a return counts against no day");
    // Voting again gives the same vote, with the same record.
    let again = pair.verdict(&debit);
    assert_eq!(again, pair.verdict(&debit));
    // An abort gives back what was set aside, and what may go back.
    pair.decide(PAYEE, decision(&debit, Outcome::Abort, Vec::new()));
    pair.decide(PAYER, decision(&credit, Outcome::Abort, Vec::new()));
    let (wallet, personal) =
        (pair.account(PAYEE, AccountKind::Wallet), pair.account(PAYER, AccountKind::Personal));
    assert_eq!((wallet.held, personal.pending, personal.day_count), (Money::ZERO, Money::ZERO, 1));
    let original = pair.leg(1, Side::Payee).expect("recorded");
    assert_eq!(original.returned, Money::ZERO);
}

/// A hub that was restored may have forgotten what went back: the nodes have not.
#[test]
fn a_node_lets_no_more_go_back_than_it_moved_whoever_asks() {
    let (mut pair, debit, _) = begun();
    pair.verdict(&debit);
    let mut other = of(51, &debit);
    other.terms.amount = Money::from_fen(1);
    assert_eq!(refusal(&mut pair, &other), Reason::OverCompensated);
    // Nor is a return carried back itself.
    pair.decide(PAYEE, decision(&debit, Outcome::Commit, Vec::new()));
    let mut back = carrying_back(50, debit.reference.terms_digest, of(52, &debit));
    back.reference.id.side = Side::Payee;
    assert_eq!(refusal(&mut pair, &back), Reason::OriginalNotHere);
}

#[test]
fn what_was_not_booked_here_under_these_terms_does_not_go_back() {
    let (mut pair, debit, credit) = begun();
    let unknown = carrying_back(9, originals_digest(&debit), of(51, &debit));
    assert_eq!(refusal(&mut pair, &unknown), Reason::OriginalNotHere);
    let others = carrying_back(1, Digest([8; 32]), of(52, &debit));
    assert_eq!(refusal(&mut pair, &others), Reason::OriginalNotHere);
    let mut elsewhere = of(53, &debit);
    elsewhere.terms.region = RegionCode::new(130_100).expect("a code");
    assert_eq!(refusal(&mut pair, &elsewhere), Reason::RegionElsewhere);
    // Only prepared, not committed: sent under the id 2, whose decision has not come.
    let outputs = pair.create(2, 2, 100);
    for output in &outputs {
        if let Output::Effect(Effect::Prepare(_, leg)) = output {
            pair.prepare(leg);
        }
    }
    let sent = pair.transfer(2);
    let mut early = carrying_back(2, sent.terms_digest, of(54, &credit));
    early.terms.amount = Money::from_fen(100);
    assert_eq!(refusal(&mut pair, &early), Reason::OriginalNotHere);
}

#[test]
fn accounts_that_ended_take_nothing_back_and_frozen_ones_do() {
    let (mut pair, debit, credit) = begun();
    let wallet: WalletRow = pair.node(PAYEE).get(&Key::Wallet(member(PAYEE))).expect("opened");
    let state = crate::domain::value::member::WalletState::Closed;
    pair.node(PAYEE).disk.put(WalletRow { state, ..wallet.clone() });
    assert_eq!(refusal(&mut pair, &debit), Reason::WalletClosed);
    let state = crate::domain::value::member::WalletState::Frozen;
    pair.node(PAYEE).disk.put(WalletRow { state, ..wallet });
    let again = of(51, &debit);
    assert!(matches!(pair.verdict(&again), Verdict::Yes { .. }), "freezing keeps what is to go back");
    // He has moved to residents' insurance, which has no personal account.
    let status = crate::domain::value::member::InsuranceStatus::Active;
    pair.report(PAYER, 130_100, InsuranceType::Resident, status, "moved");
    let payer: MemberRow = pair.node(PAYER).get(&Key::Member(member(PAYER))).expect("enrolled");
    assert_eq!(payer.account_state, crate::domain::value::member::AccountState::Absent);
    assert_eq!(refusal(&mut pair, &credit), Reason::AccountAbsent);
}

/// A restored node gets its legs back from what it sealed itself: the original first, then what went back of it.
#[test]
fn a_return_that_was_lost_comes_back_as_it_was() {
    let (mut pair, debit, credit) = begun();
    for (province, leg) in [(PAYEE, debit), (PAYER, credit)] {
        let Verdict::Yes { leg_record, .. } = pair.verdict(&leg) else { panic!("no yes") };
        let prepared = pair.node(province).journal().len();
        pair.decide(province, decision(&leg, Outcome::Commit, Vec::new()));
        let (before, whole) = (prepared - 1, pair.node(province).rows());
        let known: LegRow = pair
            .node(province)
            .get(&Key::Leg(leg.reference.id.transfer_id, leg.reference.id.side))
            .expect("one");
        assert_eq!(
            self::leg_record(&known, None),
            Some(leg_record.clone()),
            "what is told to a hub that was restored"
        );
        pair.node_mut(province).rewrite(|journal| journal.truncate(before));
        let acks = pair.decide(province, decision(&leg, Outcome::Commit, leg_record));
        assert_eq!(acks[0].result, AckResult::Recorded);
        let node = pair.node(province);
        assert_eq!(node.rows(), whole);
        assert!(node.rebuilds().0);
    }
}

/// The original came back after a loss and fitted no account: what stands in the suspense account goes back from there.
#[test]
fn what_stands_in_the_suspense_account_goes_back_from_there() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 40_000);
    let node = pair.node(PAYEE).journal().len();
    pair.finish(outputs);
    let known = pair.leg(1, Side::Payee).expect("recorded");
    let (sealed, original) = (leg_record(&known, None).expect("it voted yes"), known);
    // The wallet was opened after the backup that was restored.
    pair.node_mut(PAYEE).rewrite(|journal| {
        journal.truncate(node);
        journal.retain(|record| !matches!(record, crate::domain::node::record::Record::WalletOpened(_)));
    });
    let replayed = Decision {
        transfer_id: id(1),
        side: Side::Payee,
        terms_digest: original.terms_digest,
        outcome: Outcome::Commit,
        window: original.window,
        hub_seq: original.hub_seq,
        decide_time: pair.network.now.civil,
        leg_record: sealed,
        posting: None,
        lost: None,
    };
    pair.decide(PAYEE, replayed);
    let noted: Option<IncidentRow> = pair.node(PAYEE).get(&Key::Incident(id(1), Side::Payee));
    assert_eq!(noted.expect("for people").refusal.reason, Reason::ReplayedToSuspense);
    let suspense = |pair: &Pair| {
        let key = Key::Account(member(PAYEE), AccountKind::WalletSuspense);
        pair.node(PAYEE).get::<AccountRow>(&key).expect("booked")
    };
    assert_eq!(suspense(&pair).posted.fen(), 40_000);
    pair.propose(50, 1, 40_000);
    pair.done(|pair| pair.approve(50));
    assert_eq!((suspense(&pair).posted, suspense(&pair).held), (Money::ZERO, Money::ZERO));
    assert_eq!(pair.account(PAYER, AccountKind::Personal).posted.fen(), 1_000_000);
    let leg = pair.leg(50, Side::Payer).expect("recorded");
    assert_eq!((leg.state, leg.account), (LegState::Committed, AccountKind::WalletSuspense));
    assert_eq!((leg.member_ref, leg.returns), (member(PAYEE), Some(id(1))));
}

#[test]
fn a_member_whose_money_goes_back_does_not_leave_meanwhile() {
    let (mut pair, debit, credit) = begun();
    pair.verdict(&credit);
    pair.verdict(&debit);
    let status = crate::domain::value::member::InsuranceStatus::Ended;
    for (province, region, kind) in
        [(PAYER, 130_100, InsuranceType::Employee), (PAYEE, 510_100, InsuranceType::Resident)]
    {
        let left = answer(pair.report(province, region, kind, status, "left"));
        assert!(matches!(left, Answer::Refused(it) if it.reason == Reason::HasLiveLeg));
    }
    // The payer becomes a resident, who has no personal account: not while money is on its way into it.
    let active = crate::domain::value::member::InsuranceStatus::Active;
    let closed = answer(pair.report(PAYER, 130_100, InsuranceType::Resident, active, "closed"));
    assert!(matches!(closed, Answer::Refused(it) if it.reason == Reason::HasLiveLeg));
}

#[test]
fn a_return_cannot_be_checked() {
    let (mut pair, debit, _) = begun();
    let check = Input::Check { ticket: Ticket::new(1), legs: vec![Ok(debit)] };
    let Answer::Refusals(refusals) = answer(pair.run_node(PAYEE, check)) else { panic!("no answer") };
    assert_eq!(refusals[0][0].reason, Reason::Unsupported);
}
