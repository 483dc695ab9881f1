use super::*;
use crate::config::regions;
use crate::config::testing::deploy;
use crate::domain::calendar::Day;
use crate::domain::id::hex;
use crate::domain::kinship::Kinship;
use crate::domain::member::InsuranceType;
use crate::domain::money::Money;
use crate::domain::policy::rulebook::{PlaceRules, WithoutWallet};
use crate::domain::region::{ProvinceCode, RegionCode};
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
    let place = rules(&book, 140_100, "2026-11-21");
    let floor = Money::from_fen(100_000);
    assert_eq!(place, PlaceRules { floor, hash: place.hash, ..hebei.clone() });
    assert_ne!(place.hash, hebei.hash);
    let shaanxi = rules(&book, 610_100, "2026-11-21");
    let (acceptance, without_wallet) = (true, WithoutWallet::Await);
    let expected = PlaceRules { floor, acceptance, without_wallet, hash: shaanxi.hash, ..hebei.clone() };
    assert_eq!(shaanxi, expected);
    let tianshui = rules(&book, 620_500, "2026-11-21");
    let (acceptance_demanded, one_open_transfer) = (true, true);
    let expected = PlaceRules { acceptance_demanded, one_open_transfer, hash: tianshui.hash, ..hebei };
    assert_eq!(tianshui, expected);
    assert_eq!(rules(&book, 610_100, "2025-05-07").floor, Money::ZERO);
}

#[test]
fn the_hash_is_sha_256_over_the_files_one_after_the_other() {
    let book = load(&deploy("rulebooks"), &places()).unwrap();
    let read = |name: &str| std::fs::read(deploy("rulebooks").join(name)).unwrap();
    let both = [read("national.toml"), read("shanxi-14.toml")].concat();
    let hash = rules(&book, 140_100, "2026-11-21").hash;
    assert_eq!(hex(&hash.0), hex(&Sha256::digest(&both)));
    assert_eq!(book.text(&hash).map(str::as_bytes), Some(both.as_slice()));
}

const NATIONAL_TEXT: &str = r#"[[version]]
effective_from = "2024-12-02"
floor = { value = "0.00", grade = "A", source = "s" }
transfer_max = { value = "2000.00", grade = "A", source = "s" }
daily_count_max = { value = 3, grade = "A", source = "s" }
kinships = { value = ["spouse", "child"], grade = "A", source = "s" }
payee_types = { value = ["resident"], grade = "A", source = "s" }
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
