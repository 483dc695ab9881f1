use super::*;
use crate::domain::reason::Reason::*;
use crate::wire::test_kit::*;

const ROOT: Path<'_> = Path::Root;

fn return_leg(side: Side) -> Leg {
    // What goes back comes from where it went.
    let there = leg(side.other()).terms;
    let terms = LegTerms { kind: Kind::COMPENSATION, kinship: None, ..there };
    let ask = Ask::ByOriginal { transfer_id: TransferId([3; 16]), terms_digest: Digest([4; 32]) };
    Leg { reference: LegRef::new(the_id(), side, Digest([5; 32])), terms, ask, time_left_ms: 8_000 }
}

#[test]
fn a_return_leg_comes_back() {
    let regions = regions();
    for side in Side::BOTH {
        let leg = return_leg(side);
        let wire = leg_to_proto(&leg);
        assert!(wire.party.as_ref().is_some_and(|party| party.person.is_none()), "the hub keeps no persons");
        let (allowed_insurance_types, demands) = (vec![390], Vec::new());
        let demand = KnownConstraints { allowed_insurance_types, acceptance: true, demands };
        let bound = node::Leg { constraints: Some(demand.into()), ..wire.clone() };
        assert_eq!(
            reader(&regions).leg(&ROOT, &bound),
            Ok(Ok(leg.clone())),
            "no demand binds what goes back"
        );
        assert_eq!(reader(&regions).leg(&ROOT, &wire), Ok(Ok(leg)));
    }
}

#[test]
fn a_return_leg_that_cannot_be_carried_out_is_refused_and_not_an_error() {
    let regions = regions();
    let refused = |change: fn(&mut node::Leg)| {
        let mut wire = leg_to_proto(&return_leg(Side::Payer));
        change(&mut wire);
        match reader(&regions).leg(&ROOT, &wire) {
            Ok(Err(refused)) => refused.refusal.reason,
            other => panic!("{other:?} should be refused"),
        }
    };
    // A kind on the other side is one that nobody knows.
    assert_eq!(refused(|leg| leg.kind = node::LegKind::CreditAccount.into()), Unsupported);
    assert_eq!(refused(|leg| leg.amount = "1e3".to_owned()), AmountMalformed);
    assert_eq!(refused(|leg| leg.original_terms_digest = vec![1]), RequestMalformed);
    let mut bare = leg_to_proto(&return_leg(Side::Payee));
    bare.original_transfer_id.clear();
    assert_eq!(found(reader(&regions).leg(&ROOT, &bare)), one("original_transfer_id", FieldRequired));
}

#[test]
fn a_return_leg_cannot_be_checked() {
    let regions = regions();
    let mut wire = leg_to_proto(&return_leg(Side::Payer));
    wire.party = Some(wire_party(SPECIMENS[0], "张三", "510100"));
    wire.kinship = 1;
    match reader(&regions).leg_to_check(&ROOT, &wire) {
        Ok(Err(refused)) => assert_eq!(refused.refusal.reason, Unsupported),
        other => panic!("{other:?} should be refused"),
    }
}
