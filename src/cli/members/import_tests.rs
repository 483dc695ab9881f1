use super::*;
use crate::wire::status::Problem;

fn row(line: u64) -> (Row, UpsertMembersRequest) {
    let row = Row { line, member: Default::default(), phone: String::new(), credit: None };
    (row, UpsertMembersRequest { request_id: format!("r{line}"), ..Default::default() })
}

fn rejected(index: u64, problem: Problem) -> RejectedMember {
    RejectedMember { index, error: Some(problem.into_rpc_status()), request_id: String::new() }
}

#[test]
fn an_answer_settles_each_row_by_its_line() {
    let answer = UpsertMembersResponse {
        accepted_count: 1,
        unchanged_count: 1,
        rejected_count: 2,
        rejected: vec![
            rejected(1, Problem::field("member.party.person.id_number", Reason::IdNumberCheckDigit)),
            rejected(3, Problem::new(Reason::OutcomeUnknown)),
        ],
        ..UpsertMembersResponse::default()
    };
    let settled = settle(vec![row(2), row(3), row(5), row(9)], answer);
    assert_eq!((settled.accepted, settled.unchanged), (1, 1));
    assert_eq!(settled.taken.iter().map(|it| it.row.line).collect::<Vec<_>>(), [2, 5]);
    let bad = &settled.bad[0];
    assert_eq!(
        (bad.line, bad.field.as_str(), bad.reason.as_str()),
        (3, "id_number", "ID_NUMBER_CHECK_DIGIT")
    );
    assert!(bad.message_zh.contains("校验码"));
    let open: Vec<(u64, &str)> =
        settled.open.iter().map(|(row, request)| (row.line, request.request_id.as_str())).collect();
    assert_eq!(open, [(9, "r9")], "sent again under the same key");
}

#[test]
fn fields_of_the_wire_are_named_as_in_the_header() {
    for (field, expected) in [
        ("member.insurance_type", "insurance"),
        ("member.insurance_status", "status"),
        ("member.party.region_code", "region_code"),
        ("amount", "credit"),
        ("phone", "phone"),
    ] {
        assert_eq!(column(field), expected);
    }
}

#[test]
fn an_allotment_has_one_key_for_a_member_and_a_month() {
    let id = credit_id("11010519491231002x", "202611", "");
    assert_eq!(id, credit_id("11010519491231002X", "202611", ""));
    assert_eq!(hex(&id).len(), 64, "the longest that a request_id may be");
    for other in [
        credit_id("11010519491231002X", "202612", ""),
        credit_id("11010519491231002X", "202611", "supplement"),
        credit_id("440524188001010014", "202611", ""),
        credit_id("11010519491231002X2026", "11", ""),
    ] {
        assert_ne!(id, other);
    }
}

#[test]
fn another_amount_for_the_same_month_is_explained() {
    let status = Problem::new(Reason::ContentDiffers).with("field", "request_id").into_status();
    let bad = bad_credit(4, &problem_of(&status).unwrap());
    assert_eq!((bad.line, bad.field.as_str(), bad.reason.as_str()), (4, "credit", "CONTENT_DIFFERS"));
    assert!(bad.message.contains("allotment"));
}

#[test]
fn periods_are_months() {
    assert_eq!(period("202611").as_deref(), Ok("202611"));
    for bad in ["", "202613", "202600", "2026-1", "20261", "２０２６１１"] {
        assert!(period(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_credit_column_needs_its_month_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.csv");
    std::fs::write(
        &path,
        "id_number,name,region_code,insurance,status,credit\n1,a,130100,resident,active,1\n",
    )
    .unwrap();
    let line = ["x", path.to_str().unwrap(), "--province", "13", "--connect", "/nowhere/connect.json"];
    #[derive(clap::Parser)]
    struct Shell {
        #[command(flatten)]
        args: Args,
    }
    let parse = |line: &[&str]| <Shell as clap::Parser>::try_parse_from(line).map(|shell| shell.args);
    assert_eq!(import(&parse(&line).ok().unwrap()), Exit::Usage);
    assert!(parse(&["x", "f", "--province", "1"]).is_err());
}
