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

fn told(province: &str, side: node::LegSide) -> node::LegTotal {
    node::LegTotal {
        window_id: "20261121".to_owned(),
        counter_province_code: province.to_owned(),
        side: side.into(),
        count: 2,
        amount: "5.00".to_owned(),
        kind: kind_to_proto(Kind::COMPENSATION, Side::Payer),
        digest: vec![7; 32],
        ..node::LegTotal::default()
    }
}

#[test]
fn what_a_node_has_counted_is_read_whole_or_not_at_all() {
    let places = crate::testkit::Country::pair(|_| ()).places;
    let window = Window::parse("20261121").expect("a window");
    let read = |totals: &[node::LegTotal]| counted_from_proto(totals, &places, window);
    let sound = told("51", node::LegSide::Payer);
    let group = (ProvinceCode::new(51), Side::Payer, Kind::COMPENSATION);
    let counted = Counted { count: 2, amount: Money::from_fen(500), digest: Some(Digest([7; 32])) };
    assert_eq!(read(std::slice::from_ref(&sound)), Some([(group, counted)].into()));
    assert_eq!(read(&[]), Some(BTreeMap::new()));
    // An older node says neither kind nor digest.
    let older = node::LegTotal { kind: 0, digest: vec![], ..sound.clone() };
    let group = (ProvinceCode::new(51), Side::Payer, Kind::TRANSFER);
    assert_eq!(read(&[older]), Some([(group, Counted { digest: None, ..counted })].into()));
    type Change = fn(&mut node::LegTotal);
    let changes: [Change; 7] = [
        |it| it.counter_province_code = "99".to_owned(),
        |it| it.counter_province_code = String::new(),
        |it| it.side = 0,
        |it| it.kind = 77,
        |it| it.digest = vec![7; 31],
        |it| it.amount = "5.001".to_owned(),
        |it| it.window_id = "20261122".to_owned(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut wrong = sound.clone();
        change(&mut wrong);
        assert_eq!(read(&[wrong]), None, "{number}");
    }
    assert_eq!(read(&[sound.clone(), sound]), None, "a group twice");
}
