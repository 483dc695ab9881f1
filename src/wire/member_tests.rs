use super::*;
use crate::domain::reason::Reason::*;
use crate::domain::value::ProvinceCode;
use crate::proto::types;
use crate::wire::page::number_token;
use crate::wire::test_kit::*;

fn upsert() -> node::UpsertMembersRequest {
    let member = node::Member {
        party: Some(payer()),
        insurance_type: types::InsuranceType::Employee.into(),
        insurance_status: types::InsuranceStatus::Active.into(),
        in_arrears: true,
        ..node::Member::default()
    };
    node::UpsertMembersRequest {
        request_id: "r-1".to_owned(),
        member: Some(member),
        phone: "+8613800000000".to_owned(),
        ..Default::default()
    }
}

fn member_with(change: fn(&mut node::Member)) -> Result<MemberInput, Problem> {
    let regions = regions();
    let mut request = upsert();
    change(request.member.as_mut().expect("a member"));
    reader(&regions).upsert_member(&request)
}

#[test]
fn reads_a_member() {
    let read = member_with(|_| ()).expect("all is well");
    assert_eq!((read.request_id.as_str(), read.party.region), ("r-1", region(130_100)));
    let expected = Insurance { in_arrears: true, ..Insurance::new(region(130_100), InsuranceType::Employee) };
    assert_eq!(read.insurance, expected);
    assert_eq!(read.phone.as_ref().map(Phone::reveal), Some("+8613800000000"));
    assert!(!format!("{read:?}").contains("138"), "a phone number does not belong in a log");
}

#[test]
fn an_account_that_is_not_given_follows_the_insurance() {
    let account = |change| member_with(change).map(|read| read.insurance.account_state);
    assert_eq!(account(|member| member.insurance_type = 390), Ok(AccountState::Absent));
    assert_eq!(account(|member| member.account_state = 1), Ok(AccountState::Absent));
    assert_eq!(account(|member| member.account_state = 2), Ok(AccountState::Normal));
    assert_eq!(account(|member| member.account_state = 3), Ok(AccountState::Frozen));
}

#[test]
fn who_is_not_insured_needs_no_type() {
    let status = |change| member_with(change).map(|read| read.insurance.insurance_status);
    let none = |member: &mut node::Member| (member.insurance_type, member.insurance_status) = (0, 4);
    assert_eq!(status(none), Ok(InsuranceStatus::None));
    assert_eq!(status(|member| member.insurance_status = 2), Ok(InsuranceStatus::Suspended));
    assert_eq!(status(|member| member.insurance_status = 3), Ok(InsuranceStatus::Ended));
    assert_eq!(
        found(member_with(|member| member.insurance_type = 0)),
        one("member.insurance_type", FieldRequired)
    );
}

#[test]
fn every_bad_value_of_a_member_is_named() {
    let faults = found(member_with(|member| {
        member.party = Some(wire_party("1", "张小三", "130102"));
        (member.insurance_type, member.insurance_status, member.account_state) = (311, 9, 9);
    }));
    let expected = [
        one("member.party.person.id_number", IdNumberMalformed),
        one("member.insurance_type", ValueUnsupported),
        one("member.insurance_status", ValueUnsupported),
        one("member.account_state", ValueUnsupported),
    ];
    assert_eq!(faults, expected.concat());
    assert_eq!(
        found(member_with(|member| member.insurance_status = 0)),
        one("member.insurance_status", FieldRequired)
    );
    let regions = regions();
    let empty = node::UpsertMembersRequest::default();
    let expected = [one("request_id", FieldRequired), one("member", FieldRequired)];
    assert_eq!(found(reader(&regions).upsert_member(&empty)), expected.concat());
}

#[test]
fn keys_and_phones_have_a_form() {
    let regions = regions();
    let with = |request_id: &str, phone: &str| {
        let request = node::UpsertMembersRequest {
            request_id: request_id.to_owned(),
            phone: phone.to_owned(),
            ..upsert()
        };
        reader(&regions).upsert_member(&request)
    };
    assert_eq!(with("r", "").map(|read| read.phone), Ok(None));
    assert!(with(&"r".repeat(64), "12345").is_ok());
    for bad in [&"r".repeat(65), "a b", "号", "a\n"] {
        assert_eq!(found(with(bad, "")), one("request_id", RequestIdMalformed), "{bad:?}");
    }
    for bad in ["1234", "123456789012345678901", "1380-0000", "++12345", "+", "１２３４５"] {
        assert_eq!(found(with("r", bad)), one("phone", PhoneMalformed), "{bad:?}");
    }
}

#[test]
fn a_node_takes_only_its_own_people() {
    let regions = regions();
    let elsewhere = Reader { home: Some(ProvinceCode::new(14)), ..reader(&regions) };
    assert_eq!(found(elsewhere.upsert_member(&upsert())), one("member.party.region_code", RegionElsewhere));
}

#[test]
fn an_update_reads_the_same_data() {
    let regions = regions();
    let member = upsert().member.expect("a member");
    let mut request = node::UpdateInsuranceRequest {
        request_id: "r-1".to_owned(),
        party: member.party,
        insurance_type: member.insurance_type,
        insurance_status: member.insurance_status,
        in_arrears: member.in_arrears,
        ..node::UpdateInsuranceRequest::default()
    };
    let added = member_with(|_| ()).expect("all is well");
    assert_eq!(reader(&regions).update_insurance(&request), Ok(MemberInput { phone: None, ..added }));
    request.insurance_type = 1;
    assert_eq!(found(reader(&regions).update_insurance(&request)), one("insurance_type", ValueUnsupported));
}

#[test]
fn reads_an_allotment() {
    let regions = regions();
    let good = node::CreditAccountRequest {
        request_id: "r-2".to_owned(),
        party: Some(payer()),
        amount: "150.5".to_owned(),
        period: "202611".to_owned(),
        remark: String::new(),
    };
    let read = reader(&regions).credit_account(&good).expect("all is well");
    assert_eq!((read.amount.fen(), read.period), (15_050, 202_611));
    for (period, reason) in [
        ("", FieldRequired),
        ("202613", PeriodMalformed),
        ("202600", PeriodMalformed),
        ("2026-1", PeriodMalformed),
        ("20261", PeriodMalformed),
        ("199912", PeriodMalformed),
        ("２02611", PeriodMalformed),
    ] {
        let request = node::CreditAccountRequest { period: period.to_owned(), ..good.clone() };
        assert_eq!(found(reader(&regions).credit_account(&request)), one("period", reason), "{period:?}");
    }
    let request = node::CreditAccountRequest { amount: "0.00".to_owned(), remark: "长".repeat(101), ..good };
    let expected = [one("amount", AmountNotPositive), one("remark", RemarkTooLong)];
    assert_eq!(found(reader(&regions).credit_account(&request)), expected.concat());
}

#[test]
fn opening_a_wallet_needs_phone_and_confirmation() {
    let regions = regions();
    let here = Reader { home: Some(ProvinceCode::new(13)), ..reader(&regions) };
    let good = node::OpenWalletRequest {
        request_id: "r-3".to_owned(),
        party: Some(payer()),
        use_region_code: String::new(),
        phone: "13800000000".to_owned(),
        confirmed: true,
        opened_by: None,
    };
    let use_region = |code: &str| {
        let request = node::OpenWalletRequest { use_region_code: code.to_owned(), ..good.clone() };
        here.open_wallet(&request).map(|read| read.use_region)
    };
    assert_eq!(use_region(""), Ok(region(130_100)));
    assert_eq!(use_region("130602"), Ok(region(130_600)));
    assert_eq!(found(use_region("510100")), one("use_region_code", RegionElsewhere));
    assert_eq!(found(use_region("13")), one("use_region_code", RegionMalformed));
    let request = node::OpenWalletRequest { phone: String::new(), confirmed: false, ..good };
    let expected = [one("phone", FieldRequired), one("confirmed", NotConfirmed)];
    assert_eq!(found(here.open_wallet(&request)), expected.concat());
}

#[test]
fn reads_a_page_of_a_statement() {
    let regions = regions();
    let good = node::ListEntriesRequest {
        party: Some(payer()),
        account: node::EntryAccount::Wallet.into(),
        page_size: 0,
        page_token: number_token(&entry_scope(AccountKind::Wallet), 12),
    };
    let read = reader(&regions).list_entries(&good).expect("all is well");
    assert_eq!((read.account, read.limit, read.before), (AccountKind::Wallet, 50, Some(12)));
    let with = |account, page_size| {
        let request = node::ListEntriesRequest { account, page_size, ..good.clone() };
        found(reader(&regions).list_entries(&request))
    };
    assert_eq!(with(0, 0), one("account", FieldRequired));
    assert_eq!(with(3, 0), one("account", ValueUnsupported));
    assert_eq!(with(2, -1), one("page_size", PageSizeInvalid));
    assert_eq!(with(1, 0), one("page_token", PageTokenInvalid));
}
