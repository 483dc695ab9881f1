use super::*;
use crate::domain::reason::Reason::*;
use crate::wire::test_kit::*;

const ROOT: Path<'_> = Path::Root;

fn refused(leg: &node::Leg) -> LegRefusal {
    let regions = regions();
    reader(&regions).leg(&ROOT, leg).expect("the leg can be named").expect_err("it should be refused")
}

#[test]
fn a_leg_comes_back() {
    let regions = regions();
    for side in Side::BOTH {
        let leg = leg(side);
        assert_eq!(reader(&regions).leg(&ROOT, &leg_to_proto(&leg)), Ok(Ok(leg)));
    }
}

#[test]
fn a_leg_to_check_has_no_id_digest_or_time() {
    let regions = regions();
    let leg = leg(Side::Payee);
    let wire = leg_to_check_to_proto(&leg);
    assert!(wire.transfer_id.is_empty() && wire.terms_digest.is_empty() && wire.time_left.is_none());
    let nameless = LegRef::new(TransferId::default(), Side::Payee, Digest::default());
    let bare = Leg { reference: nameless, time_left_ms: 0, ..leg };
    assert_eq!(reader(&regions).leg_to_check(&ROOT, &wire), Ok(Ok(bare)));
    let missing =
        ["transfer_id", "terms_digest", "time_left"].map(|field| one(field, FieldRequired)).concat();
    assert_eq!(found(reader(&regions).leg(&ROOT, &wire)), missing);
}

#[test]
fn what_a_node_does_not_know_is_refused_and_not_an_error() {
    let good = leg_to_proto(&leg(Side::Payee));
    let with = |change: fn(&mut node::Leg)| {
        let mut wire = good.clone();
        change(&mut wire);
        let refused = refused(&wire);
        assert_eq!(refused.reference.id.transfer_id, the_id());
        assert_eq!(refused.reference.terms_digest, Digest([5; 32]));
        (refused.refusal.reason, refused.refusal.metadata[0].1.clone(), refused.amount.fen())
    };
    let unsupported = |field: &str| (Unsupported, field.to_owned(), 40_000);
    assert_eq!(with(|leg| leg.kind = 77), unsupported("kind"));
    assert_eq!(with(|leg| leg.kind = node::LegKind::DebitAccount.into()), unsupported("kind"));
    let demand = |types: Vec<i32>, acceptance| {
        let demands = Vec::new();
        Some(KnownConstraints { allowed_insurance_types: types, acceptance, demands }.into())
    };
    let mut wire = good.clone();
    for constraints in [demand(vec![7], true), demand(vec![7], false)] {
        wire.constraints = constraints;
        assert_eq!(refused(&wire).refusal.reason, Unsupported);
    }
    wire.constraints = demand(Vec::new(), false);
    let regions = regions();
    assert!(matches!(reader(&regions).leg(&ROOT, &wire), Ok(Ok(_))), "it demands nothing");
    wire.constraints = demand(vec![390], false);
    let Ok(Ok(leg)) = reader(&regions).leg(&ROOT, &wire) else { panic!("it can be read") };
    let residents = [crate::domain::value::member::InsuranceType::Resident];
    assert_eq!(leg.terms.demands.allowed_types, residents, "the other place sends to residents only");
    let unlisted = with(|leg| leg.party = Some(wire_party(SPECIMENS[1], "李四", "520100")));
    assert_eq!(unlisted, (UnknownRegion, "party.region_code".to_owned(), 40_000));
    assert_eq!(with(|leg| leg.kinship = 9), (KinshipUnsupported, "kinship".to_owned(), 40_000));
    assert_eq!(with(|leg| leg.amount = "1e3".to_owned()), (AmountMalformed, "amount".to_owned(), 0));
    let unsound = with(|leg| leg.counter_region_code = "13".to_owned());
    assert_eq!(unsound, (RegionMalformed, "counter_region_code".to_owned(), 40_000));
}

#[test]
fn a_place_of_the_other_side_that_is_not_known_here_is_refused() {
    let wire = node::Leg { counter_region_code: "999900".to_owned(), ..leg_to_proto(&leg(Side::Payer)) };
    let expected = RefusalRecord::new(UnknownRegion, Side::Payer).with("field", "counter_region_code");
    assert_eq!(refused(&wire).refusal, expected);
}

#[test]
fn demands_travel_as_fields_and_as_a_list_that_nothing_may_be_passed_over_in() {
    let regions = regions();
    let mut leg = leg(Side::Payee);
    leg.terms.demands = Demands { allowed_types: InsuranceType::ALL.to_vec(), acceptance: true };
    let wire = leg_to_proto(&leg);
    let sent = wire.constraints.clone().expect("demands");
    let numbers: Vec<(i32, &[String])> =
        sent.known.demands.iter().map(|it| (it.demand, it.values.as_slice())).collect();
    assert_eq!(numbers, [(1, ["310".to_owned(), "390".to_owned()].as_slice()), (2, &[])]);
    assert_eq!(reader(&regions).leg(&ROOT, &wire), Ok(Ok(leg)));

    let with = |change: fn(&mut KnownConstraints)| {
        let mut constraints = sent.clone();
        change(&mut constraints.known);
        let refusal = refused(&node::Leg { constraints: Some(constraints), ..wire.clone() }).refusal;
        (refusal.reason, refusal.metadata[0].1.clone())
    };
    let constraints = || (Unsupported, "constraints".to_owned());
    assert_eq!(with(|it| it.demands[1].demand = 77), (DemandUnknown, "77".to_owned()));
    assert_eq!(with(|it| it.demands[1].demand = 0), (DemandUnknown, "0".to_owned()));
    assert_eq!(with(|it| it.demands[0].values[0] = "7".to_owned()), constraints());
    assert_eq!(with(|it| it.acceptance = false), constraints(), "the list says other than the fields");

    // A field that is not known: as its bytes come from a newer hub.
    let mut bytes = prost::Message::encode_to_vec(&sent);
    prost::encoding::bool::encode(99, &true, &mut bytes);
    let unknown: LegConstraints = prost::Message::decode(bytes.as_slice()).expect("it can be read");
    assert_eq!((unknown.unknown, &unknown.known), (true, &sent.known));
    let refusal = refused(&node::Leg { constraints: Some(unknown), ..wire.clone() }).refusal;
    assert_eq!(refusal.reason, DemandUnknown);
}

#[test]
fn between_servers_an_amount_has_two_places_and_an_id_is_lower_case() {
    for amount in ["1.0", "1", "01.00", "1.00 ", "400"] {
        let wire = node::Leg { amount: amount.to_owned(), ..leg_to_proto(&leg(Side::Payer)) };
        assert_eq!(refused(&wire).refusal.reason, AmountMalformed, "{amount}");
    }
    let regions = regions();
    let mut wire = leg_to_proto(&leg(Side::Payer));
    wire.transfer_id = wire.transfer_id.to_uppercase();
    assert_eq!(found(reader(&regions).leg(&ROOT, &wire)), one("transfer_id", TransferIdMalformed));
}

#[test]
fn a_leg_that_cannot_be_named_or_lacks_a_field_fails_the_call() {
    let regions = regions();
    let good = leg_to_proto(&leg(Side::Payer));
    let with = |change: fn(&mut node::Leg)| {
        let mut wire = good.clone();
        change(&mut wire);
        let at = ROOT.item("legs", 3);
        found(reader(&regions).leg(&at, &wire))
    };
    assert_eq!(with(|leg| leg.transfer_id.clear()), one("legs[3].transfer_id", FieldRequired));
    assert_eq!(with(|leg| leg.transfer_id = "7".to_owned()), one("legs[3].transfer_id", TransferIdMalformed));
    assert_eq!(with(|leg| leg.side = 0), one("legs[3].side", FieldRequired));
    assert_eq!(with(|leg| leg.side = 3), one("legs[3].side", ValueUnsupported));
    assert_eq!(with(|leg| leg.terms_digest.clear()), one("legs[3].terms_digest", FieldRequired));
    assert_eq!(with(|leg| leg.terms_digest = vec![5; 31]), one("legs[3].terms_digest", RequestMalformed));
    assert_eq!(with(|leg| leg.receipt_time = None), one("legs[3].receipt_time", FieldRequired));
    assert_eq!(with(|leg| leg.time_left = None), one("legs[3].time_left", FieldRequired));
    assert_eq!(with(|leg| leg.kind = 0), one("legs[3].kind", FieldRequired));
    assert_eq!(with(|leg| leg.party = None), one("legs[3].party", FieldRequired));
    assert_eq!(with(|leg| leg.amount.clear()), one("legs[3].amount", FieldRequired));
}
