//! `rulebooks/*.toml`: the rules of places. `national.toml` holds the defaults; every other file is for one place.
//!
//! A file names its place (`province = "14"`, and `area = "140100"` when it is for one pooling area; the national
//! file names none) and holds `[[version]]` tables in order of their days: `effective_from`, and any of the keys below,
//! each as `{ value = …, grade = "C", source = "…" }`. A key that is not named is inherited: from the version before
//! it, from the province, from the nation. The first national version names all. A place that has no rule of its own
//! says so in place of versions: `nothing_differs = { grade = "INF", source = "…" }`.
//!
//! | key | value | meaning |
//! |---|---|---|
//! | `floor` | yuan, `"1000.00"` | what must stay in the payer's personal account |
//! | `transfer_max` | yuan, above zero | the most that one transfer may carry |
//! | `daily_count_max` | number, at least 1 | how many transfers a payer may make in a day |
//! | `kinships` | list of names, `["spouse", "child"]` | relatives to whom a transfer may go |
//! | `acceptance` | `"none"`, `"required"` | whether the payee must accept what is sent to him |
//! | `without_wallet` | `"refuse"`, `"await"` | a payee without a wallet: refused at once, or waited for until 06:00 |
//! | `acceptance_demanded` | `"none"`, `"required"` | whether the place sends only to payees who accept |
//! | `one_open_transfer` | `true`, `false` | whether a transfer that is not taken yet blocks the payer's next |
//! | `payee_types` | list of `"employee"`, `"resident"` | insurance types to which the place sends |
//! | `closed_hours` | `"22:00..06:00"` or `"none"` | hours of each day without transfers, Asia/Shanghai |
//! | `verification` | list of `"face"`, `"code_password"`; empty: none | proofs of the payer that the place accepts |
//!
//! Grades: A official text or its reprint, B newspaper or vendor, C uncorroborated page, INF inferred from what is
//! cited, BG background knowledge that nobody checked, EXAMPLE a rule of an unnamed place that is put here to show it.
//!
//! The content hash of a place's rules is SHA-256 over the exact bytes of `national.toml`, followed by those of the
//! province's file if there is one, followed by those of the area's file if there is one, with nothing between:
//! `cat national.toml shanxi-14.toml | sha256sum` gives the hash of 山西.

pub mod cited;
pub mod report;

use crate::config::error::ConfigError;
use crate::config::source::Source;
use crate::config::value::{
    DayText, Demand, Grade, HoursText, InsuranceText, KinshipText, ProvinceText, RegionText,
    VerificationText, WithoutWalletText, Words, Yuan,
};
use crate::domain::rules::rulebook::{
    RuleLayer, RulePlace, RuleText, RuleValues, RuleVersion, Rulebook, RulebookError,
};
use crate::domain::value::{Digest, RegionDirectory};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Name of the file with the national defaults.
pub const NATIONAL: &str = "national.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    province: Option<Spanned<ProvinceText>>,
    area: Option<Spanned<RegionText>>,
    nothing_differs: Option<Spanned<Citation>>,
    #[serde(default)]
    version: Vec<VersionEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionEntry {
    effective_from: Spanned<DayText>,
    floor: Option<Cited<Yuan>>,
    transfer_max: Option<Cited<Spanned<Yuan>>>,
    daily_count_max: Option<Cited<Spanned<u64>>>,
    kinships: Option<Cited<Spanned<Vec<KinshipText>>>>,
    payee_types: Option<Cited<Spanned<Vec<InsuranceText>>>>,
    closed_hours: Option<Cited<HoursText>>,
    verification: Option<Cited<Spanned<Vec<VerificationText>>>>,
    acceptance: Option<Cited<Demand>>,
    without_wallet: Option<Cited<WithoutWalletText>>,
    acceptance_demanded: Option<Cited<Demand>>,
    one_open_transfer: Option<Cited<bool>>,
}

/// A value and where it comes from. The citation stays in the text that is kept by its hash; here it only has to
/// be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cited<T> {
    value: T,
    #[serde(rename = "grade")]
    _grade: Grade,
    #[serde(rename = "source")]
    _source: Words,
}

/// Where the statement that nothing differs comes from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Citation {
    #[serde(rename = "grade")]
    _grade: Grade,
    #[serde(rename = "source")]
    _source: Words,
}

/// A file that was read, with the place that it is for.
struct PlaceFile {
    source: Source,
    place: Option<RulePlace>,
    place_span: Option<Range<usize>>,
    first_day: Option<Range<usize>>,
    text: RuleText,
}

/// Loads and checks all `*.toml` of a folder. Other files are left alone. Places must be listed in `regions`.
///
/// # Errors
/// The first mistake, in order of the files' names.
pub fn load(folder: &Path, regions: &RegionDirectory) -> Result<Rulebook, ConfigError> {
    let files = rule_files(folder)?.iter().map(|path| read(path, regions)).collect::<Result<Vec<_>, _>>()?;
    book(&files)?.ok_or_else(|| ConfigError {
        file: folder.to_owned(),
        at: None,
        what: format!("has no {NATIONAL}"),
        advice: "put the national defaults there; deploy/rulebooks has them".to_owned(),
    })
}

/// The content hash of a text.
pub fn content_hash(text: &str) -> Digest {
    Digest(Sha256::digest(text).into())
}

/// The rulebook that files make together; none without the national one.
fn book(files: &[PlaceFile]) -> Result<Option<Rulebook>, ConfigError> {
    let (mut national, mut places) = (None, Vec::new());
    for file in files {
        match file.place {
            None => national = Some(file),
            Some(place) => places.push((place, file.text.clone())),
        }
    }
    let Some(national) = national else { return Ok(None) };
    let book = Rulebook::new(&national.text, &places, content_hash).map_err(|error| match error {
        RulebookError::Twice(place) => match files.iter().rfind(|file| file.place == Some(place)) {
            Some(file) => twice(file),
            None => national.source.error(None, error.to_string(), "keep one file for each place"),
        },
        _ => national.source.error(
            national.first_day.clone(),
            error.to_string(),
            "the first national version names every key; add it there",
        ),
    });
    book.map(Some)
}

fn twice(file: &PlaceFile) -> ConfigError {
    file.source.error(
        file.place_span.clone(),
        "another file already sets rules for this place",
        "keep one file for each place",
    )
}

/// The rule files of a folder, in order of their names.
fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |error: std::io::Error| ConfigError {
        file: folder.to_owned(),
        at: None,
        what: format!("cannot be listed: {error}"),
        advice: "name the folder that holds the rulebooks".to_owned(),
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path, regions: &RegionDirectory) -> Result<PlaceFile, ConfigError> {
    let source = Source::read(path)?;
    let file: RuleFile = source.parse()?;
    let place = place(&file, &source, regions)?;
    says_something(&file, &source)?;
    let place_span = file.area.as_ref().map(Spanned::span).or(file.province.as_ref().map(Spanned::span));
    let versions = versions(&file.version, &source)?;
    let first_day = file.version.first().map(|version| version.effective_from.span());
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let layer = RuleLayer { name: name.into(), text: source.text.as_str().into() };
    let text = RuleText { layer, versions };
    Ok(PlaceFile { source, place, place_span, first_day, text })
}

/// A file has versions, or says that nothing differs; never both, never neither.
fn says_something(file: &RuleFile, source: &Source) -> Result<(), ConfigError> {
    match &file.nothing_differs {
        Some(said) if file.province.is_none() || !file.version.is_empty() => Err(source.error(
            Some(said.span()),
            "`nothing_differs` stands beside rules",
            "remove it, or the versions",
        )),
        None if file.version.is_empty() => Err(source.error(
            None,
            "sets no rule",
            "add a [[version]], or say `nothing_differs = { grade = …, source = … }`",
        )),
        Some(_) | None => Ok(()),
    }
}

/// The place that a file is for; none for the national one.
fn place(
    file: &RuleFile,
    source: &Source,
    regions: &RegionDirectory,
) -> Result<Option<RulePlace>, ConfigError> {
    let national = source.path.file_name().is_some_and(|name| name == NATIONAL);
    let Some(province) = &file.province else {
        return match (&file.area, national) {
            (None, true) => Ok(None),
            (Some(area), _) => Err(source.error(
                Some(area.span()),
                "`area` stands without `province`",
                "name its province too",
            )),
            (None, false) => {
                let what = "names no place";
                Err(source.error(
                    None,
                    what,
                    "write `province = \"NN\"` at its top, or call it national.toml",
                ))
            }
        };
    };
    if national {
        let what = "the national rules name a province";
        return Err(source.error(Some(province.span()), what, "move its rules to a file of its own"));
    }
    let code = province.get_ref().0;
    if regions.province(code).is_none() {
        let what = format!("province {code} is not in the table of places");
        return Err(source.error(
            Some(province.span()),
            what,
            "correct `province`, or add it to regions.toml",
        ));
    }
    let named = source.path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.rsplit_once('-'));
    let own = file.area.as_ref().map_or_else(|| code.to_string(), |area| area.get_ref().0.to_string());
    if let Some((_, digits)) = named.filter(|(_, end)| end.parse::<u32>().is_ok() && *end != own) {
        let span = file.area.as_ref().map_or_else(|| province.span(), Spanned::span);
        let what = format!("the file's name says {digits}, its text {own}");
        return Err(source.error(Some(span), what, "correct one of the two"));
    }
    let Some(area) = &file.area else {
        return Ok(Some(RulePlace::Province(code)));
    };
    let listed =
        regions.locate(area.get_ref().0).filter(|it| it.code == area.get_ref().0 && it.province == code);
    if listed.is_none() {
        let what = format!("{} is not a pooling area of province {code}", area.get_ref().0);
        return Err(source.error(Some(area.span()), what, "correct `area`, or add it to regions.toml"));
    }
    Ok(Some(RulePlace::Area(code, area.get_ref().0)))
}

fn versions(entries: &[VersionEntry], source: &Source) -> Result<Vec<RuleVersion>, ConfigError> {
    let mut versions: Vec<RuleVersion> = Vec::new();
    for entry in entries {
        let effective_from = entry.effective_from.get_ref().0;
        if versions.last().is_some_and(|last| last.effective_from >= effective_from) {
            let what = format!("version {effective_from} does not begin later than the one before it");
            let advice = "put versions in order of `effective_from`, one for each day";
            return Err(source.error(Some(entry.effective_from.span()), what, advice));
        }
        let values = values(entry, source)?;
        if values == RuleValues::default() {
            let what = format!("version {effective_from} sets nothing");
            return Err(source.error(
                Some(entry.effective_from.span()),
                what,
                "name what changes, or remove it",
            ));
        }
        versions.push(RuleVersion { effective_from, values });
    }
    Ok(versions)
}

fn values(entry: &VersionEntry, source: &Source) -> Result<RuleValues, ConfigError> {
    if let Some(max) =
        entry.transfer_max.as_ref().map(|cited| &cited.value).filter(|max| !max.get_ref().0.is_positive())
    {
        let what = "`transfer_max` must be more than zero";
        return Err(source.error(Some(max.span()), what, "to close a place, end its period in regions.toml"));
    }
    if let Some(max) =
        entry.daily_count_max.as_ref().map(|cited| &cited.value).filter(|max| *max.get_ref() == 0)
    {
        let what = "`daily_count_max` must be at least 1";
        return Err(source.error(Some(max.span()), what, "to close a place, end its period in regions.toml"));
    }
    let kinships =
        entry.kinships.as_ref().map(|cited| set("kinships", &cited.value, source, |it| it.0)).transpose()?;
    let proofs = entry
        .verification
        .as_ref()
        .filter(|cited| !cited.value.get_ref().is_empty())
        .map(|cited| set("verification", &cited.value, source, |it| it.0))
        .transpose()?;
    let types = entry
        .payee_types
        .as_ref()
        .map(|cited| set("payee_types", &cited.value, source, |it| it.0))
        .transpose()?;
    Ok(RuleValues {
        floor: entry.floor.as_ref().map(|cited| cited.value.0),
        transfer_max: entry.transfer_max.as_ref().map(|cited| cited.value.get_ref().0),
        daily_count_max: entry.daily_count_max.as_ref().map(|cited| *cited.value.get_ref()),
        kinships: kinships.map(|list| list.into_iter().collect()),
        payee_types: types,
        closed_hours: entry.closed_hours.as_ref().map(|cited| cited.value.0),
        verification: proofs.or_else(|| entry.verification.as_ref().map(|_| Vec::new())),
        acceptance: entry.acceptance.as_ref().map(|cited| cited.value.0),
        without_wallet: entry.without_wallet.as_ref().map(|cited| cited.value.0),
        acceptance_demanded: entry.acceptance_demanded.as_ref().map(|cited| cited.value.0),
        one_open_transfer: entry.one_open_transfer.as_ref().map(|cited| cited.value),
    })
}

/// A list of things in their own order, none of them twice, at least one.
fn set<T, U: Ord>(
    key: &str,
    list: &Spanned<Vec<T>>,
    source: &Source,
    value: impl Fn(&T) -> U,
) -> Result<Vec<U>, ConfigError> {
    let mut values: Vec<U> = list.get_ref().iter().map(value).collect();
    values.sort();
    let count = values.len();
    values.dedup();
    if values.is_empty() || values.len() < count {
        let what = format!("`{key}` is empty or names something twice");
        return Err(source.error(Some(list.span()), what, "name at least one, each once"));
    }
    Ok(values)
}

#[cfg(test)]
#[path = "rulebook_tests.rs"]
mod tests;
