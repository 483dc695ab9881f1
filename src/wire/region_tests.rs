use super::*;
use crate::wire::test_kit::*;

#[test]
fn shows_places_as_they_are_today() {
    let regions = regions();
    let shown =
        |code, today| region_to_proto(&regions, regions.locate(region(code)).expect("listed"), day(today));
    let open = shown(130_102, "2024-12-02");
    assert_eq!((open.region_code.as_str(), open.name.as_str()), ("130100", "石家庄市"));
    assert_eq!(
        (open.province_code.as_str(), open.province_name.as_str(), open.node.as_str()),
        ("13", "河北省", "13")
    );
    assert!(
        open.wallet_open
            && !shown(130_100, "2024-12-01").wallet_open
            && !shown(510_100, "2026-01-01").wallet_open
    );
    let closed = shown(140_700, "2025-06-01");
    assert!(!closed.wallet_open && shown(140_700, "2025-05-31").wallet_open);
    let periods: Vec<_> =
        closed.open_periods.iter().map(|one| (one.from_date.as_str(), one.until_date.as_str())).collect();
    assert_eq!(periods, [("2025-01-01", "2025-06-01")]);
    assert_eq!(open.open_periods[0].until_date, "");
    assert_eq!(shown(659_001, "2026-01-01").node, "66");
}

#[test]
fn lists_all_places_by_code() {
    let regions = regions();
    let codes: Vec<String> =
        regions_to_proto(&regions, day("2026-01-01")).into_iter().map(|one| one.region_code).collect();
    assert_eq!(codes, ["110000", "130100", "130600", "140700", "510100", "659001"]);
}

#[test]
fn tells_the_grade_from_the_source() {
    let split = |source: &str| {
        let source = source_to_proto(source);
        (source.grade, source.citation)
    };
    let pair = |grade: &str, citation: &str| (grade.to_owned(), citation.to_owned());
    assert_eq!(split("A 国家医保局, 2024-12-02"), pair("A", "国家医保局, 2024-12-02"));
    assert_eq!(split("INF: from [P5]"), pair("INF", "from [P5]"));
    assert_eq!(split("BG"), pair("BG", ""));
    assert_eq!(split("Apt text"), pair("", "Apt text"));
    assert_eq!(split("新华社"), pair("", "新华社"));
}
