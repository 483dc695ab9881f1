use super::*;
use crate::cli::members::lines::Lines;

const HEADER: &str =
    "id_number,name,region_code,insurance,status,in_arrears,public_medical,account_state,phone,credit";

fn rows(text: &[u8]) -> Vec<Result<Row, BadRow>> {
    let mut lines = Lines::open(text).unwrap();
    let mut found = Vec::new();
    while let Some(row) = lines.next_row().unwrap() {
        found.push(row);
    }
    assert_eq!(lines.bytes(), text.len() as u64, "it ends at 100 %");
    found
}

fn one(line: &str) -> Result<Row, BadRow> {
    rows(format!("{HEADER}\n{line}").as_bytes()).remove(0)
}

fn complaint(line: &str) -> (String, String) {
    let bad = one(line).err().unwrap();
    assert_eq!(bad.line, 2);
    (bad.field, bad.reason)
}

#[test]
fn a_whole_row_is_read() {
    let row = one("11010519491231002X,张三,130100,employee,active,true,0,frozen,13800000000,150.5\r\n")
        .ok()
        .unwrap();
    assert_eq!((row.line, row.phone.as_str(), row.credit), (2, "13800000000", Some(Money::from_fen(15_050))));
    let member = row.member;
    assert_eq!(member.insurance_type(), types::InsuranceType::Employee);
    assert_eq!(member.insurance_status(), types::InsuranceStatus::Active);
    assert_eq!(member.account_state(), node::AccountState::Frozen);
    assert!(member.in_arrears && !member.public_medical);
    let party = member.party.unwrap();
    assert_eq!(party.region_code, "130100");
    assert_eq!(party.person.unwrap().name, "张三");
}

#[test]
fn columns_may_stand_in_any_order_and_most_may_be_missing() {
    let text = "\u{feff}status, name ,id_number,region_code,insurance\n2,\"李,四\",1,510100,390\n";
    let row = rows(text.as_bytes()).remove(0).ok().unwrap();
    assert_eq!(row.member.insurance_status(), types::InsuranceStatus::Suspended);
    assert_eq!(row.member.party.unwrap().person.unwrap().name, "李,四");
    assert_eq!(row.credit, None);
}

#[test]
fn a_bad_header_is_said_before_anything_is_sent() {
    for (header, word) in [
        ("", "header"),
        ("id_number,name,region_code,insurance", "`status` is missing"),
        ("id_number,name,region_code,insurance,status,salary", "column 6"),
        ("id_number,name,name,insurance,status", "`name` stands twice"),
    ] {
        let error = Lines::open(header.as_bytes()).err().unwrap();
        assert!(error.contains(word), "{header}: {error}");
    }
    assert!(Lines::open(&b"\xd0\xd5\xc3\xfb,x\n"[..]).err().unwrap().contains("UTF-8"));
}

#[test]
fn every_column_has_its_reason() {
    for (line, field, reason) in [
        ("1,a,130100,worker,active,,,,,", "insurance", "VALUE_UNSUPPORTED"),
        ("1,a,130100,employee,4,,,,,", "status", "VALUE_UNSUPPORTED"),
        ("1,a,130100,employee,active,maybe,,,,", "in_arrears", "VALUE_UNSUPPORTED"),
        ("1,a,130100,employee,active,,2,,,", "public_medical", "VALUE_UNSUPPORTED"),
        ("1,a,130100,employee,active,,,open,,", "account_state", "VALUE_UNSUPPORTED"),
        ("1,a,130100,employee,active,,,,,1.005", "credit", "AMOUNT_MALFORMED"),
        ("1,a,130100,employee,active,,,,,-1", "credit", "AMOUNT_MALFORMED"),
        ("1,a,130100,employee,active,,,,,0.00", "credit", "AMOUNT_NOT_POSITIVE"),
        ("1,a,130100,employee,active", "", "REQUEST_MALFORMED"),
        ("1,a,130100,employee,active,,,,,1,000.00", "", "REQUEST_MALFORMED"),
    ] {
        assert_eq!(complaint(line), (field.to_owned(), reason.to_owned()), "{line}");
    }
}

#[test]
fn bad_lines_keep_their_number_and_spoil_no_other() {
    let mut text = format!("{HEADER}\n\n1,\"a,130100,employee,active,,,,,\n").into_bytes();
    text.extend(b"2,\xd5\xc5,130100,employee,active,,,,,\n\n3,c,130100,employee,active,,,,,");
    let found = rows(&text);
    let lines: Vec<Result<u64, u64>> =
        found.iter().map(|row| row.as_ref().map(|row| row.line).map_err(|bad| bad.line)).collect();
    assert_eq!(lines, [Err(3), Err(4), Ok(6)]);
}

#[test]
fn what_is_said_of_a_bad_line_holds_nothing_of_it() {
    for line in ["11010519491231002X,张三丰,130100,张三丰,active,,,,,", "11010519491231002X,张三丰"]
    {
        let bad = one(line).err().unwrap();
        let said = format!("{bad:?}");
        assert!(!said.contains("张三丰") && !said.contains("11010519491231002X"), "{said}");
    }
}
