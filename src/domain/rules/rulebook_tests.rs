use super::*;
use crate::testkit::national_values;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn version(from: &str, floor: Option<i64>, count: Option<u64>) -> RuleVersion {
    let values =
        RuleValues { floor: floor.map(Money::from_fen), daily_count_max: count, ..RuleValues::default() };
    RuleVersion { effective_from: day(from), values }
}

fn text(name: &str, versions: Vec<RuleVersion>) -> RuleText {
    RuleText { layer: RuleLayer { name: name.into(), text: name.into() }, versions }
}

fn national(later: Vec<RuleVersion>) -> RuleText {
    let first = RuleVersion { effective_from: day("2024-12-02"), values: national_values() };
    text("N", [vec![first], later].concat())
}

/// A stand-in for SHA-256: the text itself, so that a test can read what was hashed.
fn readable(text: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Digest(bytes)
}

const SHANXI: ProvinceCode = ProvinceCode::new(14);
const HEBEI: ProvinceCode = ProvinceCode::new(13);

fn area(number: u32) -> RegionCode {
    RegionCode::new(number).unwrap()
}

fn book() -> Rulebook {
    let province =
        text("P", vec![version("2025-01-01", Some(100_000), None), version("2026-01-01", Some(5), None)]);
    let city = text("A", vec![version("2025-06-01", None, Some(1)), version("2025-09-01", Some(7), None)]);
    let places = [(RulePlace::Area(SHANXI, area(140_100)), city), (RulePlace::Province(SHANXI), province)];
    Rulebook::new(&national(vec![version("2025-07-01", Some(9), Some(4))]), &places, readable).unwrap()
}

#[test]
fn a_place_without_rules_of_its_own_has_the_national_ones_of_the_day() {
    let book = book();
    let at = |text| book.rules(HEBEI, area(130_100), day(text));
    assert_eq!((at("2024-12-02").floor, at("2024-12-02").daily_count_max), (Money::ZERO, 3));
    assert_eq!(at("2020-01-01"), at("2024-12-02"), "the first version stands for the days before it");
    assert_eq!((at("2025-06-30").floor, at("2025-06-30").daily_count_max), (Money::ZERO, 3));
    assert_eq!((at("2025-07-01").floor, at("2025-07-01").daily_count_max), (Money::from_fen(9), 4));
    assert_eq!(
        at("2025-07-01").transfer_max,
        Money::from_fen(200_000),
        "what a later version does not name stays"
    );
}

#[test]
fn the_nearer_place_wins_from_its_day_whatever_the_nation_changes_later() {
    let book = book();
    let province = |text| book.rules(SHANXI, area(140_200), day(text)).floor.fen();
    assert_eq!(province("2024-12-31"), 0);
    assert_eq!(province("2025-01-01"), 100_000);
    assert_eq!(province("2025-07-01"), 100_000);
    assert_eq!(province("2026-01-01"), 5);
    let city = |text| book.rules(SHANXI, area(140_100), day(text));
    assert_eq!(city("2025-05-31").daily_count_max, 3);
    assert_eq!((city("2025-06-01").daily_count_max, city("2025-06-01").floor.fen()), (1, 100_000));
    assert_eq!(city("2025-07-01").daily_count_max, 1);
    assert_eq!(city("2026-06-01").floor.fen(), 7, "an area's value stands above a later one of its province");
}

#[test]
fn the_hash_covers_the_texts_that_apply_in_order_and_gives_them_back() {
    let book = book();
    let on = day("2026-01-01");
    let hash = |province, number| book.rules(province, area(number), on).hash;
    assert_eq!(hash(HEBEI, 130_100), readable("N"));
    assert_eq!(hash(SHANXI, 140_200), readable("NP"));
    assert_eq!(hash(SHANXI, 140_100), readable("NPA"));
    let kept =
        |text| book.layers(&readable(text)).map(|all| all.iter().map(|it| &*it.text).collect::<String>());
    assert_eq!(kept("NPA").as_deref(), Some("NPA"));
    assert_eq!(kept("NA"), None);
    assert_eq!(book.texts().count(), 3);
    let of = |province| book.texts_of(province).into_iter().map(|(hash, _)| *hash).collect::<Vec<_>>();
    assert_eq!(of(Some(HEBEI)), [readable("N")]);
    assert_eq!(of(Some(SHANXI)), [readable("NP"), readable("NPA")]);
    assert_eq!(of(None).len(), 3);
}

#[test]
fn refuses_what_would_leave_a_place_without_a_rule_or_with_two() {
    let new =
        |national: &RuleText, places: &[(RulePlace, RuleText)]| Rulebook::new(national, places, readable);
    assert_eq!(new(&text("N", vec![]), &[]), Err(RulebookError::NoVersion));
    let mut lacking = national(vec![]);
    lacking.versions[0].values.kinships = None;
    assert_eq!(new(&lacking, &[]), Err(RulebookError::Incomplete("kinships")));
    let place = (RulePlace::Province(SHANXI), text("P", vec![]));
    let twice = new(&national(vec![]), &[place.clone(), place]);
    assert_eq!(twice, Err(RulebookError::Twice(RulePlace::Province(SHANXI))));
    let same_day = vec![version("2025-01-01", Some(1), None), version("2025-01-01", Some(2), None)];
    let order = new(&national(vec![]), &[(RulePlace::Province(SHANXI), text("P", same_day))]);
    assert_eq!(order, Err(RulebookError::Order(day("2025-01-01"))));
    assert_eq!(
        new(&national(vec![version("2024-12-01", Some(1), None)]), &[]),
        Err(RulebookError::Order(day("2024-12-01")))
    );
}
