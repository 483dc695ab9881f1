//! Places in the words of the wire.

use crate::domain::value::{Area, Day, Opening, RegionDirectory};
use crate::proto::hub;

/// A pooling area, with whether its wallet is open on `today`.
pub fn region_to_proto(regions: &RegionDirectory, area: &Area, today: Day) -> hub::Region {
    let province = area.province.to_string();
    hub::Region {
        region_code: area.code.to_string(),
        name: area.name.clone(),
        province_name: regions
            .province(area.province)
            .map_or_else(String::new, |province| province.name.clone()),
        node: province.clone(),
        province_code: province,
        wallet_open: area.is_open(today),
        open_periods: area.openings.iter().map(period_to_proto).collect(),
        source: Some(source_to_proto(&area.source)),
    }
}

/// Every pooling area, by code.
pub fn regions_to_proto(regions: &RegionDirectory, today: Day) -> Vec<hub::Region> {
    regions.areas().map(|area| region_to_proto(regions, area, today)).collect()
}

fn period_to_proto(opening: &Opening) -> hub::OpenPeriod {
    hub::OpenPeriod {
        from_date: opening.from.to_string(),
        until_date: opening.until.map_or_else(String::new, |until| until.to_string()),
    }
}

/// "A 国家医保局, 2024-12-02" is a grade and a citation; a text that does not begin with a grade is all citation.
fn source_to_proto(source: &str) -> hub::RegionSource {
    const GRADES: [&str; 5] = ["A", "B", "C", "BG", "INF"];
    let end = source.find(|one: char| !one.is_ascii_alphabetic()).unwrap_or(source.len());
    let (grade, citation) = source.split_at(end);
    if !GRADES.contains(&grade) {
        return hub::RegionSource { grade: String::new(), citation: source.to_owned() };
    }
    let citation = citation.trim_start_matches([':', ' ', ',', '：', '，']);
    hub::RegionSource { grade: grade.to_owned(), citation: citation.to_owned() }
}

#[cfg(test)]
#[path = "region_tests.rs"]
mod tests;
