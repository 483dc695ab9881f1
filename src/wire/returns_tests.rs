use super::*;
use crate::domain::reason::Reason::*;
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::{Digest, TransferId};
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::wire::test_kit::*;

const ROOT: Path<'_> = Path::Root;

fn return_leg(side: Side) -> ReturnLeg {
    let (region, province, counter) = match side {
        Side::Payer => (510_100, 51, 130_100),
        Side::Payee => (130_100, 13, 510_100),
    };
    ReturnLeg {
        transfer_id: the_id(),
        side,
        original: TransferId([3; 16]),
        original_digest: Digest([4; 32]),
        region: RegionCode::new(region).expect("a code"),
        province: ProvinceCode::new(province),
        counter_region: RegionCode::new(counter).expect("a code"),
        amount: Money::from_fen(40_000),
        terms_digest: Digest([5; 32]),
        receipt_time: Civil(7_000),
        time_left_ms: 8_000,
    }
}

#[test]
fn a_return_leg_comes_back() {
    let regions = regions();
    for side in [Side::Payer, Side::Payee] {
        let leg = return_leg(side);
        let wire = return_leg_to_proto(&leg);
        assert!(wire.party.as_ref().is_some_and(|party| party.person.is_none()), "the hub keeps no persons");
        assert_eq!(reader(&regions).leg(&ROOT, &wire), Ok(LegReading::Return(leg)));
    }
}

#[test]
fn a_return_leg_that_cannot_be_carried_out_is_refused_and_not_an_error() {
    let regions = regions();
    let refused = |change: fn(&mut node::Leg)| {
        let mut wire = return_leg_to_proto(&return_leg(Side::Payer));
        change(&mut wire);
        match reader(&regions).leg(&ROOT, &wire) {
            Ok(LegReading::Refused(refused)) => refused.refusal.reason,
            other => panic!("{other:?} should be refused"),
        }
    };
    // A kind on the other side is one that nobody knows.
    assert_eq!(refused(|leg| leg.kind = node::LegKind::CreditAccount.into()), Unsupported);
    assert_eq!(refused(|leg| leg.amount = "1e3".to_owned()), AmountMalformed);
    assert_eq!(refused(|leg| leg.original_terms_digest = vec![1]), RequestMalformed);
    let mut bare = return_leg_to_proto(&return_leg(Side::Payee));
    bare.original_transfer_id.clear();
    assert_eq!(found(reader(&regions).leg(&ROOT, &bare)), one("original_transfer_id", FieldRequired));
}

#[test]
fn a_return_leg_cannot_be_checked() {
    let regions = regions();
    let mut wire = return_leg_to_proto(&return_leg(Side::Payer));
    wire.party = Some(wire_party(SPECIMENS[0], "张三", "510100"));
    wire.kinship = 1;
    match reader(&regions).leg_to_check(&ROOT, &wire) {
        Ok(LegReading::Refused(refused)) => assert_eq!(refused.refusal.reason, Unsupported),
        other => panic!("{other:?} should be refused"),
    }
}
