use super::*;
use crate::config::testing::{deploy, file};
use crate::domain::value::Day;

fn shipped() -> LoadedRegions {
    load(&deploy("regions.toml")).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn located(regions: &LoadedRegions, code: u32) -> Option<(u32, u8)> {
    let area = regions.directory.locate(RegionCode::new(code).unwrap())?;
    Some((area.code.number(), area.province.number()))
}

const ALL: [u8; 32] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
    61, 62, 63, 64, 65, 66,
];

#[test]
fn all_provinces_are_there_each_with_areas_and_a_source() {
    let regions = shipped();
    let codes: Vec<u8> = regions.directory.provinces().map(|province| province.code.number()).collect();
    assert_eq!(codes, ALL);
    let municipalities: Vec<u8> = regions
        .directory
        .provinces()
        .filter(|province| province.municipality)
        .map(|it| it.code.number())
        .collect();
    assert_eq!(municipalities, [11, 12, 31, 50]);
    for code in ALL {
        assert!(regions.directory.areas().any(|area| area.province.number() == code), "{code} has no area");
    }
    assert_eq!(regions.directory.areas().count(), 343);
    for area in regions.directory.areas() {
        let (grade, text) = area.source.split_once(": ").unwrap();
        assert!(
            ["A", "B", "C", "INF", "BG"].contains(&grade) && text.len() > 20,
            "{}: {}",
            area.code,
            area.source
        );
        assert!(!area.source.contains('\n') && !area.source.contains("  "), "{}", area.source);
    }
}

#[test]
fn a_code_leads_to_its_area_and_node() {
    let regions = shipped();
    for (code, expected) in [
        (130_100, Some((130_100, 13))),
        (411_328, Some((411_300, 41))), // 唐河县 → 南阳
        (130_682, Some((130_682, 13))), // 定州 is a pool of its own
        (110_105, Some((110_000, 11))), // 朝阳区 → 北京
        (310_118, Some((310_000, 31))), // 青浦区 → 上海
        (500_235, Some((500_000, 50))), // 云阳县 → 重庆
        (659_001, Some((660_000, 66))), // 石河子 → 兵团
        (659_012, Some((660_000, 66))),
        (660_000, Some((660_000, 66))),
        (650_102, Some((650_100, 65))),
        (659_013, None),
        (659_000, None),
        (130_000, None),
        (139_900, None),
        (810_000, None),
        (991_234, None),
    ] {
        assert_eq!(located(&regions, code), expected, "{code}");
    }
}

#[test]
fn wallets_are_open_where_and_when_the_sources_say() {
    let regions = shipped();
    let open = |code: u32, on: &str| {
        regions.directory.locate(RegionCode::new(code).unwrap()).unwrap().is_open(day(on))
    };
    for area in regions.directory.areas() {
        let expected = area.province.number() != 44;
        assert_eq!(area.is_open(day("2026-01-01")), expected, "{} {}", area.code, area.name);
    }
    for (code, first) in [
        (130_100, "2024-12-02"),
        (320_500, "2024-12-02"),
        (340_400, "2024-12-02"),
        (371_400, "2024-12-02"),
        (410_100, "2024-12-02"),
        (411_500, "2024-12-02"),
        (510_100, "2024-12-02"),
        (511_600, "2024-12-02"),
        (622_900, "2024-12-02"),
        (410_200, "2025-02-04"),
        (510_700, "2025-02-07"),
        (620_100, "2025-05-08"),
        (660_000, "2025-05-08"),
        (140_100, "2025-06-30"),
        (350_100, "2025-06-30"),
        (610_100, "2025-10-30"),
    ] {
        let before = Day::from_number(day(first).number() - 1);
        assert!(open(code, first) && !open(code, &before.to_string()), "{code} opens on {first}");
    }
    // 广东 had opened in four cities and was switched off; 天津 was off in between.
    assert!(open(440_100, "2025-03-14") && !open(440_100, "2025-05-08") && !open(440_300, "2025-03-14"));
    assert!(open(120_000, "2025-03-14") && !open(120_000, "2025-05-08") && open(120_000, "2025-06-30"));
}

#[test]
fn the_version_follows_the_content_and_nothing_else() {
    let text = std::fs::read_to_string(deploy("regions.toml")).unwrap();
    let version = |text: &str| load(&file("regions.toml", text).1).unwrap().version;
    assert_eq!(version(&format!("# a remark\n{text}")), version(&text));
    assert!(version(&text).starts_with("20261121-"));
    for (from, to) in [("临沂市", "沂州市"), ("2025-10-30..", "2025-10-31.."), ("\"659012\"", "\"659014\"")]
    {
        assert_ne!(version(&text.replacen(from, to, 1)), version(&text), "{from}");
    }
}

const GOOD: &str = r#"version = 1
[[province]]
code = "13"
name = "河北省"
open = ["2024-12-02.."]
grade = "A"
source = "a notice"
areas = [
    { code = "130100", name = "石家庄市" },
    { code = "130200", name = "唐山市" },
]
"#;

#[test]
fn a_bad_table_is_refused_with_its_line() {
    assert!(load(&file("regions.toml", GOOD).1).is_ok());
    for (from, to, at, word) in [
        ("13\"", "0x\"", "3:8", "two digits"),
        ("code = \"13\"", "code = 13", "3:8", "two digits"),
        ("name = \"河北省\"", "name = \" \"", "4:8", "something in it"),
        ("2024-12-02..", "2024-02-30..", "5:9", "period"),
        ("2024-12-02..", "2024-12-02..2024-12-02", "9:14", "opening times"),
        ("\"2024-12-02..\"", "\"2024-12-02..\", \"2025-01-01..\"", "9:14", "opening times"),
        ("\"A\"", "\"D\"", "6:9", "grade"),
        ("source = \"a notice\"\n", "", "2:1", "`source`"),
        ("grade", "grades", "6:1", "`grades`"),
        ("130200", "130100", "10:14", "twice"),
        ("130200", "13020", "10:14", "six digits"),
        ("name = \"唐山市\"", "nam = \"唐山市\"", "10:24", "`nam`"),
        ("name = \"河北省\"", "municipality = true\nname = \"河北省\"", "3:8", "130000"),
        (
            "areas = [",
            "counties = [{ code = \"659001\", area = \"660000\" }]\nareas = [",
            "8:22",
            "not listed",
        ),
        ("version = 1", "version = -1", "1:11", "version"),
        ("version = 1\n", "", "1:1", "`version`"),
    ] {
        let bad = GOOD.replacen(from, to, 1);
        assert_ne!(bad, GOOD, "{from}");
        let (_folder, path) = file("regions.toml", &bad);
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("regions.toml:{at}: ")) && error.contains(word), "{to}: {error}");
    }
    let twice = format!(
        "{GOOD}{}",
        GOOD.trim_start_matches("version = 1\n").replace("1301", "1303").replace("1302", "1304")
    );
    let error = load(&file("regions.toml", &twice).1).unwrap_err().to_string();
    assert!(error.contains("regions.toml:13:8: province 13 is listed twice"), "{error}");
}
