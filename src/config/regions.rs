//! `regions.toml`: provinces, pooling areas and when each opened its wallet. The file itself explains its keys.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use crate::config::value::{Grade, Period, ProvinceText, RegionText, Words};
use crate::domain::value::{Area, Province, ProvinceCode, RegionCode, RegionDirectory, RegionError, hex};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// The table of places as it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedRegions {
    /// The places. The `source` of an area begins with its grade: "A: …", "INF: …".
    pub directory: RegionDirectory,
    /// The file's own `version`, a dash, and the first 12 hexadecimal digits of SHA-256 over the table's content: it
    /// changes with every place, date and source, even if `version` was forgotten, and not with a remark.
    pub version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionFile {
    version: u64,
    province: Vec<ProvinceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvinceEntry {
    code: Spanned<ProvinceText>,
    name: Words,
    #[serde(default)]
    municipality: bool,
    open: Vec<Period>,
    grade: Grade,
    source: Words,
    areas: Vec<AreaEntry>,
    #[serde(default)]
    counties: Vec<CountyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaEntry {
    code: Spanned<RegionText>,
    name: Words,
    open: Option<Vec<Period>>,
    grade: Option<Grade>,
    source: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountyEntry {
    code: Spanned<RegionText>,
    area: RegionText,
}

/// Loads and checks the table of places.
pub fn load(path: &Path) -> Result<LoadedRegions, ConfigError> {
    let source = Source::read(path)?;
    let file: RegionFile = source.parse()?;
    let spans = Spans::of(&file);
    let provinces: Vec<Province> = file.province.iter().map(province).collect();
    let areas: Vec<Area> = file.province.iter().flat_map(areas_of).collect();
    let counties: Vec<(RegionCode, RegionCode)> = file
        .province
        .iter()
        .flat_map(|province| &province.counties)
        .map(|county| (county.code.get_ref().0, county.area.0))
        .collect();
    for province in provinces.iter().filter(|province| province.municipality) {
        let whole = RegionCode::new(u32::from(province.code.number()) * 10_000);
        if !areas.iter().any(|area| Some(area.code) == whole && area.province == province.code) {
            let what = format!("municipality {} lacks its one area, {}0000", province.code, province.code);
            return Err(source.error(spans.province(province.code), what, "list it in `areas`"));
        }
    }
    let digest = content_digest(&provinces, &areas, &counties);
    let directory = RegionDirectory::new(provinces, areas, counties)
        .map_err(|error| source.error(spans.of_error(&error), error.to_string(), advice(&error)))?;
    Ok(LoadedRegions { directory, version: format!("{}-{}", file.version, &digest[..12]) })
}

fn province(entry: &ProvinceEntry) -> Province {
    Province { code: entry.code.get_ref().0, name: entry.name.0.clone(), municipality: entry.municipality }
}

fn areas_of(province: &ProvinceEntry) -> impl Iterator<Item = Area> {
    province.areas.iter().map(|area| {
        let open = area.open.as_ref().unwrap_or(&province.open);
        let grade = area.grade.as_ref().unwrap_or(&province.grade);
        let source = area.source.as_ref().unwrap_or(&province.source);
        Area {
            code: area.code.get_ref().0,
            name: area.name.0.clone(),
            province: province.code.get_ref().0,
            openings: open.iter().map(|period| period.0).collect(),
            source: format!("{}: {}", grade.0, source.0),
        }
    })
}

fn advice(error: &RegionError) -> &'static str {
    match error {
        RegionError::Twice(_) | RegionError::ProvinceTwice(_) => "remove one of the two",
        RegionError::NoProvince(..) => "add the province",
        RegionError::NoArea(..) => "name an area that is listed",
        RegionError::Openings(_) => "write each period once, in order, its end after its beginning",
    }
}

/// Hexadecimal SHA-256 over one line for each place, in the order of the file.
fn content_digest(provinces: &[Province], areas: &[Area], counties: &[(RegionCode, RegionCode)]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for Province { code, name, municipality } in provinces {
        let _ = writeln!(text, "province {code} {name} {municipality}");
    }
    for area in areas {
        let _ = write!(text, "area {} {} {}", area.code, area.name, area.province);
        for opening in &area.openings {
            let until = opening.until.map(|until| until.to_string()).unwrap_or_default();
            let _ = write!(text, " {}..{until}", opening.from);
        }
        let _ = writeln!(text, " {}", area.source);
    }
    for (county, area) in counties {
        let _ = writeln!(text, "county {county} {area}");
    }
    hex(&Sha256::digest(&text))
}

/// Where each code stands in the file.
struct Spans {
    provinces: Vec<(ProvinceCode, Range<usize>)>,
    regions: Vec<(RegionCode, Range<usize>)>,
}

impl Spans {
    fn of(file: &RegionFile) -> Spans {
        let provinces =
            file.province.iter().map(|entry| (entry.code.get_ref().0, entry.code.span())).collect();
        let areas = file.province.iter().flat_map(|entry| &entry.areas).map(|area| &area.code);
        let counties = file.province.iter().flat_map(|entry| &entry.counties).map(|county| &county.code);
        let regions = areas.chain(counties).map(|code| (code.get_ref().0, code.span())).collect();
        Spans { provinces, regions }
    }

    /// The last place of a code, so that what stands twice is shown where it is repeated.
    fn region(&self, code: RegionCode) -> Option<Range<usize>> {
        self.regions.iter().rev().find(|(listed, _)| *listed == code).map(|(_, span)| span.clone())
    }

    fn province(&self, code: ProvinceCode) -> Option<Range<usize>> {
        self.provinces.iter().rev().find(|(listed, _)| *listed == code).map(|(_, span)| span.clone())
    }

    fn of_error(&self, error: &RegionError) -> Option<Range<usize>> {
        match *error {
            RegionError::ProvinceTwice(code) => self.province(code),
            RegionError::Twice(code)
            | RegionError::NoProvince(code, _)
            | RegionError::NoArea(code, _)
            | RegionError::Openings(code) => self.region(code),
        }
    }
}

#[cfg(test)]
#[path = "regions_tests.rs"]
mod tests;
