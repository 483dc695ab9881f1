use super::*;
use crate::domain::reason::Reason::*;
use crate::domain::value::{Civil, Side};
use crate::wire::sender::sender_to_proto;
use crate::wire::test_kit::*;

fn vote(verdict: Verdict) -> Vote {
    Vote { transfer_id: the_id(), side: Side::Payee, terms_digest: Digest([5; 32]), verdict }
}

fn no() -> RefusalRecord {
    RefusalRecord::new(PayeeTypeNotAllowed, RefusalSide::Payee).with("insurance_type", "employee")
}

#[test]
fn every_verdict_comes_back() {
    let verdicts = [
        Verdict::Yes { leg_record: vec![1, 2, 3], rulebook: Digest([8; 32]) },
        Verdict::No { refusal: no(), rulebook: Some(Digest([8; 32])) },
        Verdict::No { refusal: no(), rulebook: None },
        Verdict::Awaiting { until: Civil(1_795_190_400_123), rulebook: Some(Digest([8; 32])) },
        Verdict::Conflict { refusal: RefusalRecord::new(AbortedBefore, RefusalSide::Payee) },
    ];
    for verdict in verdicts {
        let vote = vote(verdict);
        assert_eq!(vote_from_proto(&vote_to_proto(&vote)), Ok(vote));
    }
}

#[test]
fn an_unknown_verdict_is_a_no() {
    let yes = vote_to_proto(&vote(Verdict::Yes { leg_record: vec![1], rulebook: Digest([8; 32]) }));
    for verdict in [0, 5, -1, i32::MAX] {
        let read = vote_from_proto(&node::Vote { verdict, ..yes.clone() }).expect("it names its leg");
        assert!(matches!(read.verdict, Verdict::No { .. }), "{verdict}");
    }
}

#[test]
fn a_no_without_a_reason_stays_a_no_and_speaks_for_its_own_side() {
    let mut wire = vote_to_proto(&vote(Verdict::No { refusal: no(), rulebook: None }));
    wire.refusal.as_mut().expect("a refusal").side = types::RefusalSide::Hub.into();
    let verdict = |wire: &node::Vote| vote_from_proto(wire).expect("a vote").verdict;
    assert_eq!(verdict(&wire), Verdict::No { refusal: no(), rulebook: None });
    wire.refusal = None;
    let silent = RefusalRecord::new(RefusedByPlace, RefusalSide::Payee);
    assert_eq!(verdict(&wire), Verdict::No { refusal: silent, rulebook: None });
    wire.verdict = node::Verdict::Conflict.into();
    let differs = RefusalRecord::new(TermsDiffer, RefusalSide::Payee);
    assert_eq!(verdict(&wire), Verdict::Conflict { refusal: differs });
}

#[test]
fn what_cannot_be_trusted_is_no_vote_at_all() {
    let yes =
        vote_to_proto(&vote(Verdict::Yes { leg_record: vec![0; LEG_RECORD_MAX], rulebook: Digest([8; 32]) }));
    assert!(vote_from_proto(&yes).is_ok());
    let with = |change: fn(&mut node::Vote)| {
        let mut wire = yes.clone();
        change(&mut wire);
        found(vote_from_proto(&wire))
    };
    assert_eq!(with(|vote| vote.leg_record.push(0)), one("leg_record", RequestMalformed));
    assert_eq!(with(|vote| vote.leg_record.clear()), one("leg_record", FieldRequired));
    assert_eq!(with(|vote| vote.rulebook_hash.truncate(5)), one("rulebook_hash", RequestMalformed));
    assert_eq!(with(|vote| vote.transfer_id.clear()), one("transfer_id", FieldRequired));
    assert_eq!(with(|vote| vote.terms_digest.push(0)), one("terms_digest", RequestMalformed));
    assert_eq!(with(|vote| vote.verdict = node::Verdict::Awaiting.into()), one("until", FieldRequired));
    let plain = vote_from_proto(&node::Vote { rulebook_hash: Vec::new(), ..yes });
    assert!(
        matches!(plain.map(|vote| vote.verdict), Ok(Verdict::Yes { rulebook, .. }) if rulebook == Digest::default())
    );
}

#[test]
fn a_call_is_read_as_a_whole() {
    let regions = regions();
    let reader = reader(&regions);
    let legs = [leg(Side::Payer), leg(Side::Payee)];
    let mut wire = prepare_to_proto(sender_to_proto(&mark()), &legs);
    wire.legs[1].kind = 99;
    let (sender, read) = reader.prepare(&wire).expect("one strange leg does no harm");
    assert_eq!(sender, mark());
    assert!(matches!(read.as_slice(), [Ok(_), Err(_)]));
    wire.legs[1] = node::Leg { amount: "1e3".to_owned(), ..leg_to_proto(&legs[1]) };
    let (_, read) = reader.prepare(&wire).expect("one malformed leg does no harm");
    let [Ok(_), Err(refused)] = read.as_slice() else { panic!("{read:?}") };
    // Not "legs[1].amount": what is journaled does not depend on the batch.
    assert_eq!(refused.refusal, RefusalRecord::new(AmountMalformed, Side::Payee).with("field", "amount"));
    wire.sender = None;
    wire.legs[0].transfer_id.clear();
    wire.legs[1].side = 0;
    let expected = [
        one("sender", FieldRequired),
        one("legs[0].transfer_id", FieldRequired),
        one("legs[1].side", FieldRequired),
    ];
    assert_eq!(found(reader.prepare(&wire)), expected.concat());
    for size in [0, 1001] {
        wire.legs = vec![leg_to_proto(&legs[0]); size];
        assert_eq!(found(reader.prepare(&wire)), one("legs", BatchSizeInvalid));
        assert_eq!(
            found(reader.check(&node::CheckRequest { legs: wire.legs.clone() })),
            one("legs", BatchSizeInvalid)
        );
    }
}

#[test]
fn a_check_and_its_answer_come_back() {
    let regions = regions();
    let read = reader(&regions).check(&check_to_proto(&[leg(Side::Payee)])).expect("all is well");
    assert!(matches!(read.as_slice(), [Ok(leg)] if leg.reference.id.transfer_id.0 == [0; 16]));
    let refusals = vec![no(), RefusalRecord::new(PayeeWalletNotOpen, RefusalSide::Payee)];
    assert_eq!(check_result_from_proto(&check_result_to_proto(&refusals), RefusalSide::Payee), refusals);
}
