//! Places: provinces, pooling areas (统筹区), which node serves them, and when each opened its wallet.

use crate::domain::value::calendar::Day;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::fmt;

/// A six-digit code of GB/T 2260 as the field uses it (医保区划): a pooling area or a county inside one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct RegionCode(u32);

impl RegionCode {
    /// The code with this number, if it has six digits and does not begin with zero.
    pub fn new(number: u32) -> Option<RegionCode> {
        (100_000..=999_999).contains(&number).then_some(RegionCode(number))
    }

    /// Reads exactly six ASCII digits.
    pub fn parse(text: &str) -> Option<RegionCode> {
        let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().and_then(RegionCode::new)
    }

    /// The six digits as a number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A province's two digits (13 河北 … 66 兵团). A node is named by it. 0 stands for the hub where a peer is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ProvinceCode(u8);

impl ProvinceCode {
    /// The hub, where a peer is meant.
    pub const HUB: ProvinceCode = ProvinceCode(0);

    /// The province with this number; the region directory says whether it exists.
    pub const fn new(number: u8) -> ProvinceCode {
        ProvinceCode(number)
    }

    /// Reads exactly two ASCII digits.
    pub fn parse(text: &str) -> Option<ProvinceCode> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().map(ProvinceCode)
    }

    /// The two digits as a number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether GB/T 2260, or the field beside it (66 兵团), has a province with this number, listed here or not.
    pub fn is_standard(self) -> bool {
        matches!(self.0, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=66 | 71 | 81 | 82)
    }
}

impl fmt::Display for ProvinceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl fmt::Debug for ProvinceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A time during which a place's wallet is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// First open day.
    pub from: Day,
    /// First day that it is no longer open; none: still open.
    pub until: Option<Day>,
}

/// A pooling area (统筹区).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its six-digit code.
    pub code: RegionCode,
    /// Chinese name.
    pub name: String,
    /// The province whose node serves it; 659001 石河子 is served by 66 (兵团), not by 65.
    pub province: ProvinceCode,
    /// When its wallet was and is open, in order, not overlapping.
    pub openings: Vec<Opening>,
    /// Where the dates come from, with the source's grade (A official, B press, C web, INF inferred, BG background).
    pub source: String,
}

impl Area {
    /// Whether its wallet is open on `day`.
    pub fn is_open(&self, day: Day) -> bool {
        self.openings
            .iter()
            .any(|opening| opening.from <= day && opening.until.is_none_or(|until| day < until))
    }
}

/// A province, autonomous region, municipality, or 兵团.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Province {
    /// Two digits.
    pub code: ProvinceCode,
    /// Chinese name.
    pub name: String,
    /// A municipality: all its counties belong to its one area, XX0000.
    pub municipality: bool,
}

/// What is wrong with a list of places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// A code stands twice.
    #[error("{0} is listed twice")]
    Twice(RegionCode),
    /// A province stands twice.
    #[error("province {0} is listed twice")]
    ProvinceTwice(ProvinceCode),
    /// An area names a province that is not listed.
    #[error("{0} belongs to province {1}, which is not listed")]
    NoProvince(RegionCode, ProvinceCode),
    /// A county names an area that is not listed.
    #[error("county {0} belongs to area {1}, which is not listed")]
    NoArea(RegionCode, RegionCode),
    /// Opening times overlap, stand out of order, or end before they begin.
    #[error("opening times of {0} overlap, are out of order or end before they begin")]
    Openings(RegionCode),
}

/// All places. Built once, checked, then only read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionDirectory {
    provinces: BTreeMap<ProvinceCode, Province>,
    areas: BTreeMap<RegionCode, Area>,
    counties: BTreeMap<RegionCode, RegionCode>,
}

impl RegionDirectory {
    /// A directory of these provinces, areas, and counties that are listed on their own (county, its area).
    pub fn new(
        provinces: Vec<Province>,
        areas: Vec<Area>,
        counties: Vec<(RegionCode, RegionCode)>,
    ) -> Result<RegionDirectory, RegionError> {
        let mut directory = RegionDirectory::default();
        for province in provinces {
            let code = province.code;
            if directory.provinces.insert(code, province).is_some() {
                return Err(RegionError::ProvinceTwice(code));
            }
        }
        for area in areas {
            let (code, province) = (area.code, area.province);
            if !directory.provinces.contains_key(&province) {
                return Err(RegionError::NoProvince(code, province));
            }
            if !openings_in_order(&area.openings) {
                return Err(RegionError::Openings(code));
            }
            if directory.areas.insert(code, area).is_some() {
                return Err(RegionError::Twice(code));
            }
        }
        for (county, area) in counties {
            if !directory.areas.contains_key(&area) {
                return Err(RegionError::NoArea(county, area));
            }
            if directory.areas.contains_key(&county) || directory.counties.insert(county, area).is_some() {
                return Err(RegionError::Twice(county));
            }
        }
        Ok(directory)
    }

    /// The province of an area, or of a code that stands for all areas of one. Nothing: an unknown region.
    pub fn province_of(&self, code: RegionCode) -> Option<ProvinceCode> {
        let number = code.number();
        let whole = || u8::try_from(number / 10_000).ok().filter(|_| number.is_multiple_of(10_000));
        let known = || whole().map(ProvinceCode).filter(|code| self.provinces.contains_key(code));
        self.locate(code).map(|area| area.province).or_else(known)
    }

    /// The pooling area of a code: itself, or the area that a listed county names, or a municipality's one area,
    /// or the prefecture that the county's first four digits name. Nothing: an unknown region.
    pub fn locate(&self, code: RegionCode) -> Option<&Area> {
        let number = code.number();
        let at = |number| RegionCode::new(number).and_then(|code| self.areas.get(&code));
        let municipality = || {
            let province =
                u8::try_from(number / 10_000).ok().and_then(|two| self.provinces.get(&ProvinceCode(two)))?;
            province.municipality.then(|| at(number / 10_000 * 10_000)).flatten()
        };
        let prefecture = || {
            if number.is_multiple_of(100) { None } else { at(number / 100 * 100) }
        };
        self.areas
            .get(&code)
            .or_else(|| self.counties.get(&code).and_then(|area| self.areas.get(area)))
            .or_else(municipality)
            .or_else(prefecture)
    }

    /// Every area, in order of code.
    pub fn areas(&self) -> impl Iterator<Item = &Area> {
        self.areas.values()
    }

    /// Every province, in order of code.
    pub fn provinces(&self) -> impl Iterator<Item = &Province> {
        self.provinces.values()
    }

    /// The province with this code.
    pub fn province(&self, code: ProvinceCode) -> Option<&Province> {
        self.provinces.get(&code)
    }
}

fn openings_in_order(openings: &[Opening]) -> bool {
    let each = openings.iter().all(|opening| opening.until.is_none_or(|until| opening.from < until));
    let between = openings.windows(2).all(|pair| pair[0].until.is_some_and(|until| until <= pair[1].from));
    each && between
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_six_digits() {
        assert_eq!(RegionCode::parse("130100").map(RegionCode::number), Some(130_100));
        for bad in ["+130100", "+13010", "13010", "1301000", "0130100", "13010x", "１30100", ""] {
            assert_eq!(RegionCode::parse(bad), None, "{bad}");
        }
    }
}
