use super::*;
use crate::domain::reason::Reason::*;
use crate::domain::rules::verification::Verification;
use crate::domain::value::ProvinceCode;
use crate::wire::status::problem_of;
use crate::wire::test_kit::*;

#[test]
fn reads_a_transfer_and_finds_pooling_areas() {
    let regions = regions();
    let read = reader(&regions).create_transfer(&create()).expect("all is well");
    assert_eq!(read.transfer_id, the_id());
    assert_eq!(read.wait, WaitMode::Decided);
    let terms = &read.content.terms;
    assert_eq!(terms.payer.person, person(SPECIMENS[0], "张小三"));
    // The county 130102 is read as its pooling area.
    assert_eq!((terms.payer.region, terms.payer.province), (region(130_100), ProvinceCode::new(13)));
    assert_eq!((terms.payee.region, terms.payee.province), (region(510_100), ProvinceCode::new(51)));
    assert_eq!((terms.kinship, terms.amount.fen()), (Kinship::Parent, 40_000));
    assert_eq!(read.content.remark, "给妈妈买药");
    assert!(!format!("{read:?}").contains("妈妈"), "a remark does not belong in a log");
}

type Spoil = fn(&mut hub::CreateTransferRequest, &str);

const ID_TEXT: Spoil = |request, text| request.transfer_id = text.to_owned();
const AMOUNT: Spoil = |request, text| request.amount = text.to_owned();
const REMARK: Spoil = |request, text| request.remark = text.to_owned();
const KINSHIP: Spoil = |request, text| request.kinship = text.parse().expect("a number");
const WAIT: Spoil = |request, text| request.wait = text.parse().expect("a number");
const PAYER_ID: Spoil = |request, text| request.payer = Some(wire_party(text, "张小三", "130102"));
const PAYEE_NAME: Spoil = |request, text| request.payee = Some(wire_party(SPECIMENS[1], text, "510100"));
const PAYEE_REGION: Spoil = |request, text| request.payee = Some(wire_party(SPECIMENS[1], "李四", text));

/// 101 characters, one more than a remark may have.
const LONG: &str =
    "01234567890123456789012345678901234567890123456789长短0123456789012345678901234567890123456789012345678";

/// Everything that the list of bad input names about one field, with the field and the reason that it must have.
#[rustfmt::skip]
const BAD_INPUT: &[(Spoil, &str, Reason, &[&str])] = &[
    (ID_TEXT, "transfer_id", FieldRequired, &[""]),
    (ID_TEXT, "transfer_id", TransferIdMalformed,
        &["1", "01963f2a7c1e7b2a9d540f1e2d3c4b5a", "not-a-uuid", "00000000-0000-0000-0000-000000000000",
          "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5g", "{1963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a}"]),
    (PAYER_ID, "payer.person.id_number", FieldRequired, &[""]),
    (PAYER_ID, "payer.person.id_number", IdNumberMalformed,
        &["1101051949123100", "11010519491331002X", "A1010519491231002X", "1101051949123100２X",
          " 11010519491231002X"]),
    (PAYER_ID, "payer.person.id_number", IdNumberCheckDigit, &["110105194912310021", "11010519491231003X"]),
    (PAYEE_NAME, "payee.person.name", FieldRequired, &[""]),
    (PAYEE_NAME, "payee.person.name", NameMalformed, &[" ", "李\u{7}四", LONG]),
    (PAYEE_REGION, "payee.region_code", FieldRequired, &[""]),
    (PAYEE_REGION, "payee.region_code", RegionMalformed,
        &["51", "5101", "5101000", "51010a", "51010٣", "５10100", " 510100", "010100"]),
    (PAYEE_REGION, "payee.region_code", UnknownRegion, &["999999", "990100", "510000", "520100", "650100", "659099"]),
    (KINSHIP, "kinship", FieldRequired, &["0"]),
    (KINSHIP, "kinship", KinshipUnsupported, &["9", "-1", "2147483647"]),
    (AMOUNT, "amount", FieldRequired, &[""]),
    (AMOUNT, "amount", AmountMalformed,
        &["1.005", "-1", "+1", "1e3", "٣", " 1", "1 ", "1,000.00", "123456789012345678", "1.", ".5", "１", "NaN",
          "0x1", "1.0.0"]),
    (AMOUNT, "amount", AmountNotPositive, &["0.00", "0", "0.0"]),
    (REMARK, "remark", RemarkTooLong, &[LONG]),
    (WAIT, "wait", ValueUnsupported, &["3", "-1"]),
];

#[test]
fn every_malformed_field_is_named_with_its_reason() {
    let regions = regions();
    for (spoil, field, reason, texts) in BAD_INPUT {
        for text in *texts {
            let mut request = create();
            spoil(&mut request, text);
            let result = reader(&regions).create_transfer(&request);
            assert_eq!(found(result.clone()), one(field, *reason), "{text:?}");
            let status = result.expect_err("it is wrong").into_status();
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
            let said = problem_of(&status).expect("our own error");
            assert_eq!((said.code.as_str(), said.metadata["field"].as_str()), (reason.code(), *field));
            if text.len() > 5 {
                assert!(!status.message().contains(*text), "{text:?} must not come back");
            }
        }
    }
}

#[test]
fn missing_messages_are_required_fields() {
    let regions = regions();
    let mut request = create();
    request.payer = None;
    request.payee = Some(types::Party { person: None, region_code: "510100".to_owned() });
    let expected = [one("payer", FieldRequired), one("payee.person", FieldRequired)].concat();
    assert_eq!(found(reader(&regions).create_transfer(&request)), expected);
}

#[test]
fn everything_wrong_is_collected_in_the_documented_order() {
    let regions = regions();
    let request = hub::CreateTransferRequest {
        transfer_id: "x".to_owned(),
        payer: Some(wire_party("1", "", "13")),
        payee: Some(wire_party("110105194912310021", " ", "999999")),
        kinship: 9,
        amount: "1.005".to_owned(),
        remark: LONG.to_owned(),
        wait: 7,
        verification: 3,
    };
    let expected = [
        one("transfer_id", TransferIdMalformed),
        one("payer.person.id_number", IdNumberMalformed),
        one("payer.person.name", FieldRequired),
        one("payer.region_code", RegionMalformed),
        one("payee.person.id_number", IdNumberCheckDigit),
        one("payee.person.name", NameMalformed),
        one("payee.region_code", UnknownRegion),
        one("kinship", KinshipUnsupported),
        one("amount", AmountMalformed),
        one("remark", RemarkTooLong),
        one("wait", ValueUnsupported),
        one("verification", ValueUnsupported),
    ]
    .concat();
    assert_eq!(found(reader(&regions).create_transfer(&request)), expected);
}

#[test]
fn nobody_sends_to_himself_or_inside_a_province() {
    let regions = regions();
    let mut request = create();
    request.payee = Some(wire_party(SPECIMENS[0], "李四", "510100"));
    assert_eq!(found(reader(&regions).create_transfer(&request)), one("payee.person.id_number", SamePerson));
    // Lower-case x is the same number.
    request.payee = Some(wire_party("11010519491231002x", "张小三", "510100"));
    assert_eq!(found(reader(&regions).create_transfer(&request)), one("payee.person.id_number", SamePerson));
    request.payee = Some(wire_party(SPECIMENS[1], "李四", "130600"));
    assert_eq!(found(reader(&regions).create_transfer(&request)), one("payee.region_code", SameProvince));
    // Both are found beside another fault, and after it.
    request.payee = Some(wire_party(SPECIMENS[0], "李四", "130600"));
    request.amount = "-1".to_owned();
    let expected = [
        one("amount", AmountMalformed),
        one("payee.person.id_number", SamePerson),
        one("payee.region_code", SameProvince),
    ];
    assert_eq!(found(reader(&regions).create_transfer(&request)), expected.concat());
}

#[test]
fn places_go_by_the_list_not_by_their_digits() {
    let regions = regions();
    let mut request = create();
    request.payer = Some(wire_party(SPECIMENS[0], "张小三", "659001"));
    let read = reader(&regions).create_transfer(&request).expect("a place of the 兵团");
    assert_eq!(read.content.terms.payer.province, ProvinceCode::new(66));
    request.payer = Some(wire_party(SPECIMENS[0], "张小三", "110105"));
    let read = reader(&regions).create_transfer(&request).expect("a county of a municipality");
    assert_eq!(read.content.terms.payer.region, region(110_000));
}

#[test]
fn a_node_refuses_other_provinces() {
    let regions = regions();
    let here = Reader { home: Some(ProvinceCode::new(51)), ..reader(&regions) };
    assert!(here.only_party(Some(&payee())).is_ok());
    assert_eq!(found(here.only_party(Some(&payer()))), one("party.region_code", RegionElsewhere));
    assert_eq!(found(here.only_party(None)), one("party", FieldRequired));
}

#[test]
fn a_batch_item_goes_by_the_wait_of_the_call() {
    let regions = regions();
    let mut request = create();
    request.wait = 99;
    let read = reader(&regions).batch_item(&request, WaitMode::Recorded).expect("its own wait is ignored");
    assert_eq!(read.wait, WaitMode::Recorded);
    assert_eq!(found(reader(&regions).create_transfer(&request)), one("wait", ValueUnsupported));
    request.wait = 0;
    assert_eq!(reader(&regions).create_transfer(&request).map(|read| read.wait), Ok(WaitMode::Recorded));
}

#[test]
fn a_check_reads_the_same_content() {
    let regions = regions();
    let request = create();
    let mut check = hub::CheckTransferRequest {
        payer: request.payer.clone(),
        payee: request.payee.clone(),
        kinship: request.kinship,
        amount: request.amount.clone(),
        remark: request.remark.clone(),
        verification: 1,
    };
    let whole = reader(&regions).create_transfer(&request).expect("all is well");
    assert_eq!(reader(&regions).check_transfer(&check), Ok((whole.content, Some(Verification::Face))));
    check.amount = "0.00".to_owned();
    assert_eq!(found(reader(&regions).check_transfer(&check)), one("amount", AmountNotPositive));
}

#[test]
fn every_kinship_comes_back() {
    for kinship in Kinship::ALL {
        let mut violations = Violations::default();
        assert_eq!(super::kinship(&Path::Root, kinship_to_proto(*kinship), &mut violations), Some(*kinship));
        assert_eq!(i64::from(kinship_to_proto(*kinship)), kinship.number());
    }
}

#[test]
fn a_batch_has_one_to_a_thousand_items() {
    use crate::wire::reader::check_batch;
    assert!(check_batch("requests", 1).is_ok() && check_batch("requests", 1000).is_ok());
    for size in [0, 1001] {
        let problem = check_batch("requests", size).expect_err("not so many");
        let said = problem_of(&problem.into_status()).expect("our own error");
        assert_eq!(said.code, "BATCH_SIZE_INVALID");
        assert_eq!(
            (said.metadata["limit"].as_str(), said.metadata["value"].clone()),
            ("1000", size.to_string())
        );
    }
}

#[test]
fn an_id_alone_is_read_as_strictly() {
    use crate::wire::reader::only_transfer_id;
    assert_eq!(only_transfer_id(&ID.to_uppercase()), Ok(the_id()));
    assert_eq!(found(only_transfer_id("")), one("transfer_id", FieldRequired));
    assert_eq!(found(only_transfer_id("x")), one("transfer_id", TransferIdMalformed));
}
