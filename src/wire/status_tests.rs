use super::*;
use crate::domain::reason::TABLE;

fn details_of(status: &Status, name: &str) -> usize {
    let content = rpc::Status::decode(status.details()).expect("google.rpc.Status");
    content
        .details
        .iter()
        .filter(|any| any.type_url == format!("type.googleapis.com/google.rpc.{name}"))
        .count()
}

#[test]
fn every_reason_has_one_error_info_and_a_chinese_text() {
    for row in TABLE {
        let status = status(row.reason);
        assert!(status.message().starts_with(&format!("{}: ", row.code)), "{}", status.message());
        assert_eq!((details_of(&status, "ErrorInfo"), details_of(&status, "LocalizedMessage")), (1, 1));
        assert_eq!(details_of(&status, "BadRequest"), 0);
        let said = problem_of(&status).expect("our own error");
        assert_eq!((said.code.as_str(), said.chinese.as_str()), (row.code, row.chinese));
        assert_eq!(
            said.metadata.into_iter().collect::<Vec<_>>(),
            [("retry".to_owned(), row.retry.name().to_owned())]
        );
        assert_eq!(status.code(), code_of(row.class));
        assert!(!matches!(status.code(), Code::Ok | Code::Unknown));
    }
}

#[test]
fn classes_are_the_codes_of_the_contract() {
    let code = |reason| status(reason).code();
    assert_eq!(code(Reason::AmountMalformed), Code::InvalidArgument);
    assert_eq!(code(Reason::ContentDiffers), Code::AlreadyExists);
    assert_eq!(code(Reason::TransferNotFound), Code::NotFound);
    assert_eq!(code(Reason::HasLiveLeg), Code::FailedPrecondition);
    assert_eq!(code(Reason::CertificateRequired), Code::Unauthenticated);
    assert_eq!(code(Reason::RoleNotAllowed), Code::PermissionDenied);
    assert_eq!(code(Reason::Overloaded), Code::ResourceExhausted);
    assert_eq!(code(Reason::Stopping), Code::Unavailable);
    assert_eq!(code(Reason::Internal), Code::Internal);
}

#[test]
fn a_message_names_fields_and_figures() {
    let differs = Problem::new(Reason::ContentDiffers).with("field", "amount").into_status();
    assert_eq!(
        differs.message(),
        "CONTENT_DIFFERS: this id was used before with other content (field=amount)"
    );
    let fields = Problem::fields(vec![
        FieldViolation {
            field: "payer.person.id_number".to_owned(),
            reason: Reason::IdNumberCheckDigit,
            character: None,
        },
        FieldViolation { field: "amount".to_owned(), reason: Reason::AmountMalformed, character: None },
    ]);
    let status = fields.into_status();
    let expected = "ID_NUMBER_CHECK_DIGIT: the check digit of the identity number is wrong (payer.person.id_number); \
                    also AMOUNT_MALFORMED (amount)";
    assert_eq!(status.message(), expected);
    let content = rpc::Status::decode(status.details()).expect("google.rpc.Status");
    let bad: rpc::BadRequest = detail(&content, "BadRequest").expect("malformed fields");
    let named: Vec<_> =
        bad.field_violations.iter().map(|one| (one.field.as_str(), one.reason.as_str())).collect();
    assert_eq!(named, [("payer.person.id_number", "ID_NUMBER_CHECK_DIGIT"), ("amount", "AMOUNT_MALFORMED")]);
    assert_eq!(problem_of(&status).expect("ours").metadata["field"], "payer.person.id_number");
}

fn many(count: usize, field: &str) -> Vec<FieldViolation> {
    let reason = Reason::SameProvince;
    (0..count)
        .map(|index| FieldViolation { field: format!("legs[{index}].{field}"), reason, character: None })
        .collect()
}

#[test]
fn at_most_ten_fields_are_named_and_the_rest_counted() {
    for (count, named, told) in [(10, 10, None), (11, 10, Some("11")), (3000, 10, Some("3000"))] {
        let status = Problem::fields(many(count, "amount")).into_status();
        let content = rpc::Status::decode(status.details()).expect("google.rpc.Status");
        let bad: rpc::BadRequest = detail(&content, "BadRequest").expect("malformed fields");
        assert_eq!(bad.field_violations.len(), named);
        let said = problem_of(&status).expect("ours");
        assert_eq!(said.metadata.get("violation_count").map(String::as_str), told);
        assert_eq!(status.message().ends_with("more"), told.is_some());
    }
}

#[test]
fn details_never_exceed_their_cap_and_keep_what_counts() {
    for row in TABLE {
        for text in ["x".repeat(600), "长".repeat(200)] {
            let mut problem = Problem::fields(many(40, &text));
            problem.reason = row.reason;
            problem.metadata = (0..60).map(|at| (format!("{at}{text}"), text.clone())).collect();
            let status = problem.into_status();
            assert!(status.details().len() <= DETAILS_MAX, "{} bytes", status.details().len());
            assert_eq!((details_of(&status, "ErrorInfo"), details_of(&status, "LocalizedMessage")), (1, 1));
            let said = problem_of(&status).expect("ours");
            assert_eq!((said.code.as_str(), said.metadata["retry"].as_str()), (row.code, row.retry.name()));
            assert_eq!(said.metadata["violation_count"], "40");
        }
    }
}

#[test]
fn an_item_says_the_same_as_a_call() {
    let problem = Problem::field("amount", Reason::AmountNotPositive).with("value", "0.00");
    let item = problem.clone().into_rpc_status();
    let call = problem.into_status();
    assert_eq!((item.code, item.message.as_str()), (i32::from(call.code()), call.message()));
    assert_eq!(explain(&item), problem_of(&call));
    assert_eq!(explain(&item).expect("ours").metadata["value"], "0.00");
}

#[test]
fn errors_of_others_are_not_taken_for_ours() {
    assert_eq!(problem_of(&Status::unavailable("proxy")), None);
    assert_eq!(problem_of(&Status::with_details(Code::Internal, "x", vec![1, 2, 3].into())), None);
    let mut foreign = Problem::new(Reason::Internal).into_rpc_status();
    let info = rpc::ErrorInfo {
        reason: "INTERNAL".to_owned(),
        domain: "elsewhere".to_owned(),
        metadata: Default::default(),
    };
    foreign.details[0] = any("ErrorInfo", &info);
    assert_eq!(explain(&foreign), None);
}

#[test]
fn a_refusal_comes_back_with_its_figures() {
    for row in TABLE {
        let sides = [RefusalSide::Hub, RefusalSide::Payer, RefusalSide::Payee];
        for side in sides.into_iter().filter(|side| row.reason.may_come_from(*side)) {
            let mut facts = row.facts.to_vec();
            facts.sort_unstable();
            let bare = RefusalRecord::new(row.reason, side);
            let refusal = facts.into_iter().fold(bare, |refusal, name| refusal.with(name, "2000.00"));
            let wire = refusal_to_proto(&refusal);
            assert_eq!((wire.message.as_str(), wire.message_zh.as_str()), (row.english, row.chinese));
            assert_eq!(refusal_from_proto(&wire, side), refusal);
        }
    }
}

#[test]
fn a_peers_refusal_brings_no_person_into_the_journal() {
    let facts = [
        ("insurance_type", "employee"),
        ("balance", "77.00"),
        ("limit", "2000.00"),
        ("name", "张小三"),
        ("id", "11010519491231002X"),
        ("phone", "+8613800000000"),
        ("Big", "1"),
        ("", "1"),
        ("line", "a\nb"),
        ("long", &"x".repeat(65)),
        ("region", "130100"),
    ];
    let wire = types::Refusal {
        reason: "PAYEE_TYPE_NOT_ALLOWED".to_owned(),
        side: types::RefusalSide::Hub.into(),
        message: "张小三 is suspended".to_owned(),
        message_zh: "张小三".to_owned(),
        metadata: facts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
    };
    let kept = refusal_from_proto(&wire, RefusalSide::Payee);
    let expected = RefusalRecord::new(Reason::PayeeTypeNotAllowed, RefusalSide::Payee)
        .with("insurance_type", "employee");
    assert_eq!(kept, expected);
    // What the table lists is no way round: a value that could be of a person is dropped.
    let listed = types::Refusal {
        metadata: [("insurance_type".to_owned(), "11010519491231002X".to_owned())].into(),
        ..wire
    };
    assert_eq!(refusal_from_proto(&listed, RefusalSide::Payee).metadata, []);
}

#[test]
fn no_reason_carries_a_balance_or_anything_of_a_person() {
    for row in TABLE {
        for name in ["balance", "left", "account", "name", "id_number", "phone", "remark"] {
            assert!(!row.may_carry(name), "{} carries {name}", row.code);
        }
    }
}

#[test]
fn what_is_wrong_with_the_payer_is_not_taken_from_the_payees_node() {
    let told = |reason: &str, side| {
        let wire = types::Refusal { reason: reason.to_owned(), ..types::Refusal::default() };
        let refusal = refusal_from_proto(&wire, side);
        (refusal.reason, refusal.metadata.first().map(|(_, value)| value.clone()))
    };
    let foreign = |code: &str| (Reason::RefusedByPlace, Some(code.to_owned()));
    for code in ["PAYER_SUSPENDED", "PAYER_ACCOUNT_FROZEN", "INSUFFICIENT_BALANCE", "AMOUNT_OVER_LIMIT"] {
        assert_eq!(told(code, RefusalSide::Payee), foreign(code));
        assert_eq!(told(code, RefusalSide::Payer), (Reason::from_code(code).expect("listed"), None));
    }
    assert_eq!(told("PAYEE_SUSPENDED", RefusalSide::Payer), foreign("PAYEE_SUSPENDED"));
}

#[test]
fn a_reason_is_found_in_details_and_at_the_beginning_of_a_message() {
    assert_eq!(reason_of(&status(Reason::Recovering)), Some(Reason::Recovering));
    assert_eq!(reason_of(&Status::unavailable("RECOVERING: wait")), Some(Reason::Recovering));
    assert_eq!(reason_of(&Status::unavailable("RECOVERING")), Some(Reason::Recovering));
    assert_eq!(reason_of(&Status::unavailable("tcp connect error: refused")), None);
}

#[test]
fn an_unknown_code_is_kept_as_a_fact() {
    let code = |reason: &str| {
        let wire = types::Refusal { reason: reason.to_owned(), ..types::Refusal::default() };
        refusal_from_proto(&wire, RefusalSide::Payer)
    };
    let expected =
        RefusalRecord::new(Reason::RefusedByPlace, RefusalSide::Payer).with("code", "LOCAL_RULE_7");
    assert_eq!(code("LOCAL_RULE_7"), expected);
    assert_eq!(code("张小三").metadata, []);
    assert_eq!(code("").metadata, []);
}

#[test]
fn a_rules_refusal_becomes_an_error_where_no_transfer_carries_it() {
    let refusal = RefusalRecord::new(Reason::PlaceNotOpen, RefusalSide::Payee).with("region", "510100");
    let status = Problem::from(refusal).into_status();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(problem_of(&status).expect("ours").metadata["region"], "510100");
}
