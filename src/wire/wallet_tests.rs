use super::*;
use crate::domain::reason::Reason::*;
use crate::domain::value::ProvinceCode;
use crate::wire::page::number_token;
use crate::wire::test_kit::*;

fn opening() -> node::OpenWalletRequest {
    let relative = node::WalletRelative {
        person: payee().person,
        kinship: types::Kinship::Child.into(),
        statement: " 已核验 ".to_owned(),
    };
    node::OpenWalletRequest {
        request_id: "r".to_owned(),
        party: Some(payer()),
        use_region_code: String::new(),
        phone: "13800000000".to_owned(),
        confirmed: true,
        opened_by: Some(relative),
    }
}

fn opened(change: fn(&mut node::WalletRelative)) -> Result<Option<Relative>, Problem> {
    let (regions, mut request) = (regions(), opening());
    change(request.opened_by.as_mut().expect("a relative"));
    reader(&regions).open_wallet(&request).map(|read| read.opened_by)
}

#[test]
fn reads_the_relative_who_opens_a_wallet() {
    let read = opened(|_| ()).expect("all is well").expect("a relative");
    assert_eq!(read.kinship, Kinship::Child);
    assert!(!format!("{read:?}").contains("核验"), "a statement does not belong in a log");
    let at = |field: &str| format!("opened_by.{field}");
    let required = opened(|it| (it.person, it.kinship, it.statement) = (None, 0, String::new()));
    let expected = ["person", "kinship", "statement"].map(|field| one(&at(field), FieldRequired)).concat();
    assert_eq!(found(required), expected);
    assert_eq!(found(opened(|it| it.kinship = 99)), one(&at("kinship"), KinshipUnsupported));
    assert_eq!(found(opened(|it| it.statement = "长".repeat(101))), one(&at("statement"), RemarkTooLong));
    let himself = found(opened(|it| it.person = payer().person));
    assert_eq!(himself, one(&at("person.id_number"), RelativeIsHolder));
}

#[test]
fn a_place_of_another_province_is_for_the_rules_to_refuse() {
    let regions = regions();
    let here = Reader { home: Some(ProvinceCode::new(13)), ..reader(&regions) };
    let change = |code: &str| {
        let (request_id, party, use_region_code) = ("r".to_owned(), Some(payer()), code.to_owned());
        here.change_place(&node::ChangePlaceRequest { request_id, party, use_region_code })
            .map(|read| read.change)
    };
    let place = |code| RegionCode::new(code).map(WalletChange::Move).expect("a code");
    assert_eq!(change("130602"), Ok(place(130_600)));
    assert_eq!(change("510100"), Ok(place(510_100)));
    assert_eq!(found(change("")), one("use_region_code", FieldRequired));
    assert_eq!(found(change("999999")), one("use_region_code", UnknownRegion));
}

#[test]
fn a_reason_code_holds_nothing_that_could_be_a_number() {
    let regions = regions();
    let freeze = |code: &str| {
        let (request_id, party, reason_code) = ("r".to_owned(), Some(payer()), code.to_owned());
        reader(&regions).freeze_wallet(&node::FreezeWalletRequest { request_id, party, reason_code })
    };
    for good in ["A", "COURT_ORDER", &"A".repeat(32)] {
        assert_eq!(freeze(good).map(|read| read.change), Ok(WalletChange::Freeze(good.to_owned())));
    }
    assert_eq!(found(freeze("")), one("reason_code", FieldRequired));
    for bad in ["_A", "a", "A1", "A B", "死亡", "11010519491231002X", &"A".repeat(33)] {
        assert_eq!(found(freeze(bad)), one("reason_code", ReasonCodeMalformed), "{bad}");
    }
}

#[test]
fn reads_a_period_and_refuses_what_is_none() {
    let regions = regions();
    let good = node::GetStatementRequest {
        party: Some(payer()),
        account: node::EntryAccount::Wallet.into(),
        from_date: "2024-02-29".to_owned(),
        to_date: "2024-02-29".to_owned(),
        page_size: 0,
        page_token: String::new(),
    };
    let read = reader(&regions).get_statement(&good).expect("all is well");
    assert_eq!((read.from, read.to, read.limit, read.before), (read.to, read.from, 50, None));
    let token = number_token(&read.scope(), 7);
    let paged = |request: node::GetStatementRequest| reader(&regions).get_statement(&request);
    let again = node::GetStatementRequest { page_token: token.clone(), ..good.clone() };
    assert_eq!(paged(again.clone()).map(|read| read.before), Ok(Some(7)));
    let other = node::GetStatementRequest { to_date: "2024-03-01".to_owned(), ..again };
    assert_eq!(found(paged(other)), one("page_token", PageTokenInvalid));
    let from = |text: &str| node::GetStatementRequest { from_date: text.to_owned(), ..good.clone() };
    assert_eq!(found(paged(from("2025-02-29"))), one("from_date", DateMalformed));
    assert_eq!(found(paged(from(""))), one("from_date", FieldRequired));
    assert_eq!(found(paged(from("2024-03-01"))), one("to_date", DatesReversed));
}
