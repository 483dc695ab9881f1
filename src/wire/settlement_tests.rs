use super::*;
use crate::domain::protocol::Kind;
use crate::domain::value::{Digest, Money};

fn total(payer: u8, payee: u8, kind: Kind, fen: i64) -> TotalRow {
    TotalRow {
        window: Window::parse("20261121").expect("a window"),
        payer_province: ProvinceCode::new(payer),
        payee_province: ProvinceCode::new(payee),
        kind,
        count: 2,
        amount: Money::from_fen(fen),
        payer_digest: Digest::default(),
        payee_digest: Digest::default(),
    }
}

fn shown(own: Option<u8>) -> (Vec<String>, Vec<String>) {
    // 51 pays 13 back by a compensation: of that its own payer, 51, is the debtor.
    let totals = [
        total(13, 51, Kind::TRANSFER, 40_000),
        total(51, 13, Kind::TRANSFER, 5),
        total(51, 13, Kind::COMPENSATION, 10_000),
        total(31, 51, Kind::TRANSFER, i64::MAX),
    ];
    let (positions, pairs) = positions_to_proto(&totals, own.map(ProvinceCode::new));
    let position =
        |it: &hub::Position| format!("{} {} {} {}", it.province_code, it.payable, it.receivable, it.net);
    let pair = |it: &hub::PairPosition| {
        format!("{} {} {} {}", it.debtor_province_code, it.creditor_province_code, it.amount, it.count)
    };
    (positions.iter().map(position).collect(), pairs.iter().map(pair).collect())
}

#[test]
fn what_provinces_owe_each_other_is_the_sum_of_all_kinds_and_nets_to_nothing() {
    let (positions, pairs) = shown(None);
    let most = "92233720368547758.07";
    assert_eq!(
        positions,
        [
            "13 400.00 100.05 299.95".to_owned(),
            format!("31 {most} 0.00 {most}"),
            "51 100.05 92233720368548158.07 -92233720368548058.02".to_owned(),
        ]
    );
    assert_eq!(pairs, ["13 51 400.00 2".to_owned(), format!("31 51 {most} 2"), "51 13 100.05 4".to_owned()]);
}

#[test]
fn a_province_sees_its_own_side_alone() {
    let (positions, pairs) = shown(Some(13));
    assert_eq!(positions, ["13 400.00 100.05 299.95"]);
    assert_eq!(pairs, ["13 51 400.00 2", "51 13 100.05 4"]);
    assert_eq!(shown(Some(44)), (vec![], vec![]));
}

#[test]
fn a_window_that_is_none_is_refused_by_name() {
    let reason = |text| window_of_request(text).map_err(|problem| problem.reason);
    assert_eq!(reason(""), Err(Reason::FieldRequired));
    assert_eq!(reason("2026-11-21"), Err(Reason::RequestMalformed));
    assert_eq!(reason("20261121-2").map(|it| it.to_string()), Ok("20261121-2".to_owned()));
}
