use super::*;
use crate::config::regions;
use crate::config::testing::deploy;
use crate::domain::rules::closed_hours::ClosedHours;
use crate::domain::rules::rulebook::{PlaceRules, WithoutWallet};
use crate::domain::rules::verification::Verification;
use crate::domain::value::{Day, InsuranceType, Kinship, Money, ProvinceCode, RegionCode, hex};
use std::collections::BTreeSet;
use tempfile::TempDir;

fn places() -> RegionDirectory {
    regions::load(&deploy("regions.toml")).unwrap().directory
}

fn rules(book: &Rulebook, area: u32, day: &str) -> PlaceRules {
    let province = ProvinceCode::new(u8::try_from(area / 10_000).unwrap());
    book.rules(province, RegionCode::new(area).unwrap(), Day::parse(day).unwrap()).clone()
}

#[test]
fn the_shipped_rulebook_says_what_its_sources_say() {
    let book = load(&deploy("rulebooks"), &places()).unwrap();
    let hebei = rules(&book, 130_100, "2026-11-21");
    assert_eq!(hebei.floor, Money::ZERO);
    assert_eq!(hebei.transfer_max, Money::from_fen(200_000));
    assert_eq!(hebei.daily_count_max, 3);
    assert_eq!(hebei.kinships.iter().copied().collect::<Vec<_>>(), Kinship::ALL);
    assert_eq!(hebei.payee_types, InsuranceType::ALL);
    assert_eq!(hebei.closed_hours, ClosedHours::parse("22:00..06:00"));
    assert_eq!(hebei.verification, []);
    let floor = |yuan: i64| PlaceRules { floor: Money::from_fen(yuan * 100), ..hebei.clone() };
    for (area, own) in [
        (140_100, floor(1_000)),
        (610_100, PlaceRules { acceptance: true, without_wallet: WithoutWallet::Await, ..floor(1_000) }),
        (620_500, PlaceRules { acceptance_demanded: true, one_open_transfer: true, ..hebei.clone() }),
        (460_100, floor(2_000)),
        (640_100, PlaceRules { payee_types: vec![InsuranceType::Resident], ..hebei.clone() }),
        (630_100, PlaceRules { verification: Verification::ALL.to_vec(), ..hebei.clone() }),
        (500_000, hebei.clone()),
        (440_100, hebei.clone()),
    ] {
        let place = rules(&book, area, "2026-11-21");
        assert_eq!(place, PlaceRules { hash: place.hash, ..own }, "{area}");
        assert_ne!(place.hash, hebei.hash);
    }
    assert_eq!(rules(&book, 610_100, "2025-05-07").floor, Money::ZERO);
    let three = [Kinship::Spouse, Kinship::Parent, Kinship::Child];
    assert_eq!(rules(&book, 500_000, "2025-05-21").kinships, three.into());
    assert_eq!(rules(&book, 500_000, "2025-05-22").kinships, hebei.kinships);
}

#[test]
fn shaanxi_s_own_figures_hold_from_the_day_of_its_page() {
    let book = load(&deploy("rulebooks"), &places()).unwrap();
    let hash = rules(&book, 610_100, "2025-07-04").hash;
    let set_by = |day: &str, key: &str| {
        let all = cited::settings(book.layers(&hash).unwrap(), Day::parse(day).unwrap()).unwrap();
        all.into_iter().find(|it| it.key == key).map(|it| (it.value, it.file)).unwrap()
    };
    for (key, value) in
        [("transfer_max", "2000.00"), ("daily_count_max", "3"), ("closed_hours", "22:00..06:00")]
    {
        let by = |file: &str| (value.to_owned(), file.to_owned());
        assert_eq!(set_by("2025-07-03", key), by("national.toml"), "{key}");
        assert_eq!(set_by("2025-07-04", key), by("shaanxi-61.toml"), "{key}");
    }
    assert_eq!(set_by("2025-07-04", "floor"), ("1000.00".to_owned(), "shaanxi-61.toml".to_owned()));
}

#[test]
fn every_province_has_a_file_and_a_check_finds_nothing_but_marked_examples() {
    let places = places();
    let report = report::check(&[deploy("rulebooks")], &places);
    assert_eq!(report.mistakes, []);
    let codes: BTreeSet<&str> = report.files.iter().map(|file| file.code.as_str()).collect();
    let provinces: BTreeSet<String> = places.provinces().map(|it| it.code.to_string()).collect();
    assert_eq!(codes, provinces.iter().map(String::as_str).chain(["", "620500"]).collect());
    assert!(report.files.iter().all(|file| file.hash.is_some()));
    let examples = report.files.iter().filter(|file| !file.examples.is_empty());
    let examples: Vec<(&str, &[String])> = examples.map(|it| (it.code.as_str(), &*it.examples)).collect();
    let expected = [("46", "floor"), ("64", "payee_types"), ("63", "verification")];
    assert_eq!(examples.len(), expected.len());
    for ((code, keys), (place, key)) in examples.iter().zip(expected) {
        assert_eq!((*code, keys.len(), keys[0].as_str()), (place, 1, key));
    }
}

#[test]
fn a_check_tells_every_files_mistake_with_its_place() {
    let files = [
        ("national.toml", NATIONAL_TEXT.replace("floor =", "flor =")),
        ("p-14.toml", PLACE_TEXT.to_owned()),
        ("q.toml", PLACE_TEXT.to_owned()),
        ("r.toml", PLACE_TEXT.to_owned()),
        ("s.toml", "province = \"51\"\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let folder = folder(&files);
    let report = report::check(&[folder.path().to_owned()], &places());
    let mistakes: Vec<String> = report.mistakes.iter().map(ToString::to_string).collect();
    for (mistake, said) in mistakes.iter().zip([
        "national.toml:3:1: ",
        "p-14.toml:1:12: the file's name says 14, its text 13",
        "r.toml:1:12: another file already",
        "s.toml: sets no rule",
    ]) {
        assert!(mistake.contains(said), "{said}: {mistake}");
    }
    assert_eq!((mistakes.len(), report.files.len()), (4, 1));
}

#[test]
fn the_hash_is_sha_256_over_the_files_one_after_the_other() {
    let book = load(&deploy("rulebooks"), &places()).unwrap();
    let read = |name: &str| std::fs::read(deploy("rulebooks").join(name)).unwrap();
    let both = [read("national.toml"), read("shanxi-14.toml")].concat();
    let hash = rules(&book, 140_100, "2026-11-21").hash;
    assert_eq!(hex(&hash.0), hex(&Sha256::digest(&both)));
    let kept: String = book.layers(&hash).unwrap().iter().map(|it| &*it.text).collect();
    assert_eq!(kept.as_bytes(), both.as_slice());
}

const NATIONAL_TEXT: &str = r#"[[version]]
effective_from = "2024-12-02"
floor = { value = "0.00", grade = "A", source = "s" }
transfer_max = { value = "2000.00", grade = "A", source = "s" }
daily_count_max = { value = 3, grade = "A", source = "s" }
kinships = { value = ["spouse", "child"], grade = "A", source = "s" }
payee_types = { value = ["resident"], grade = "A", source = "s" }
closed_hours = { value = "22:00..06:00", grade = "A", source = "s" }
verification = { value = [], grade = "A", source = "s" }
acceptance = { value = "none", grade = "A", source = "s" }
without_wallet = { value = "refuse", grade = "A", source = "s" }
acceptance_demanded = { value = "required", grade = "A", source = "s" }
one_open_transfer = { value = false, grade = "A", source = "s" }
"#;

const PLACE_TEXT: &str = r#"province = "13"
[[version]]
effective_from = "2025-01-01"
floor = { value = "5.00", grade = "A", source = "s" }
[[version]]
effective_from = "2026-01-01"
floor = { value = "6.00", grade = "A", source = "s" }
"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn complaint(files: &[(&str, &str)]) -> String {
    load(folder(files).path(), &places()).unwrap_err().to_string()
}

#[test]
fn an_area_stands_above_its_province_and_other_files_are_left_alone() {
    let area = "province = \"13\"\narea = \"130200\"\n[[version]]\neffective_from = \"2025-06-01\"\n\
        daily_count_max = { value = 1, grade = \"A\", source = \"s\" }\n";
    let files =
        [("national.toml", NATIONAL_TEXT), ("p.toml", PLACE_TEXT), ("a.toml", area), ("README.md", "# no")];
    let book = load(folder(&files).path(), &places()).unwrap();
    let at = |area, day| rules(&book, area, day);
    assert_eq!(at(130_100, "2025-12-31").floor.fen(), 500);
    assert_eq!(at(130_100, "2026-01-01").floor.fen(), 600);
    assert_eq!(
        (at(130_200, "2025-06-01").daily_count_max, at(130_100, "2025-06-01").daily_count_max),
        (1, 3)
    );
    assert_eq!(at(130_200, "2026-01-01").floor.fen(), 600);
    assert_eq!(at(140_100, "2026-01-01").payee_types, [InsuranceType::Resident]);
    assert_eq!(book.texts().count(), 3);
}

#[test]
fn a_bad_place_file_is_refused_with_its_line() {
    for (from, to, at, word) in [
        ("floor =", "flor =", "4:1", "`flor`"),
        ("\"5.00\"", "\"5.001\"", "4:19", "yuan"),
        ("\"5.00\"", "5.00", "4:19", "yuan"),
        ("\"5.00\"", "\"-5.00\"", "4:19", "yuan"),
        (", source = \"s\"", "", "4:9", "`source`"),
        ("source = \"s\"", "source = \"\"", "4:49", "something in it"),
        ("grade = \"A\"", "grade = \"Z\"", "4:35", "grade"),
        ("2025-01-01", "2025-02-29", "3:18", "a day that exists"),
        ("2025-01-01", "2026-01-01", "6:18", "later"),
        ("2025-01-01", "2026-01-02", "6:18", "later"),
        ("\"13\"", "\"99\"", "1:12", "table of places"),
        ("\"13\"", "\"13\"\narea = \"140100\"", "2:8", "pooling area"),
        ("\"13\"", "\"13\"\narea = \"130102\"", "2:8", "pooling area"),
        ("province = \"13\"", "area = \"130100\"", "1:8", "`province`"),
        ("floor = { value = \"5.00\"", "transfer_max = { value = \"0.00\"", "4:26", "more than zero"),
        ("floor = { value = \"5.00\"", "daily_count_max = { value = 0", "4:29", "at least 1"),
        ("floor = { value = \"5.00\"", "kinships = { value = [\"in_law\"]", "4:23", "\"spouse\""),
        ("floor = { value = \"5.00\"", "kinships = { value = []", "4:22", "empty"),
        ("floor = { value = \"5.00\"", "kinships = { value = [\"child\", \"child\"]", "4:22", "twice"),
        ("floor = { value = \"5.00\"", "acceptance = { value = \"maybe\"", "4:24", "\"required\""),
        ("floor = { value = \"5.00\"", "without_wallet = { value = \"wait\"", "4:28", "\"await\""),
        ("floor = { value = \"5.00\"", "payee_types = { value = [\"pensioner\"]", "4:26", "\"resident\""),
        (
            "floor = { value = \"5.00\"",
            "closed_hours = { value = \"22:00..22:00\"",
            "4:26",
            "other than their",
        ),
        ("floor = { value = \"5.00\"", "closed_hours = { value = \"22:00..24:00\"", "4:26", "closed hours"),
        ("floor = { value = \"5.00\"", "verification = { value = [\"voice\"]", "4:27", "\"code_password\""),
        ("floor = { value = \"5.00\"", "verification = { value = [\"face\", \"face\"]", "4:26", "twice"),
        ("floor = { value = \"5.00\", grade = \"A\", source = \"s\" }", "", "3:18", "sets nothing"),
        (
            "[[version]]",
            "nothing_differs = { grade = \"INF\", source = \"s\" }\n[[version]]",
            "2:19",
            "stands beside rules",
        ),
    ] {
        let bad = PLACE_TEXT.replacen(from, to, 1);
        assert_ne!(bad, PLACE_TEXT, "{from}");
        let error = complaint(&[("national.toml", NATIONAL_TEXT), ("p.toml", &bad)]);
        assert!(error.contains(&format!("p.toml:{at}: ")) && error.contains(word), "{to}: {error}");
    }
}

#[test]
fn a_bad_set_of_files_is_refused() {
    let national = ("national.toml", NATIONAL_TEXT);
    let twice = complaint(&[national, ("p.toml", PLACE_TEXT), ("q.toml", PLACE_TEXT)]);
    assert!(twice.contains("q.toml:1:12: another file already"), "{twice}");
    assert!(complaint(&[("p.toml", PLACE_TEXT)]).contains("has no national.toml"));
    let nameless = complaint(&[national, ("p.toml", NATIONAL_TEXT)]);
    assert!(nameless.contains("p.toml: names no place"), "{nameless}");
    let placed = complaint(&[("national.toml", PLACE_TEXT)]);
    assert!(placed.contains("national.toml:1:12: "), "{placed}");
    let lacking = NATIONAL_TEXT
        .replace("payee_types = { value = [\"resident\"], grade = \"A\", source = \"s\" }\n", "");
    let lacking = complaint(&[("national.toml", &lacking)]);
    assert!(lacking.contains("national.toml:2:18: ") && lacking.contains("`payee_types`"), "{lacking}");
    let absent = load(Path::new("/nowhere/rulebooks"), &places()).unwrap_err().to_string();
    assert!(absent.starts_with("/nowhere/rulebooks: cannot be listed"), "{absent}");
}
