//! The rulebook of a folder, or the texts that are kept under a hash, and one place of it.

use super::beside;
use crate::cli::client::province;
use crate::config::{regions, rulebook};
use crate::domain::rules::rulebook::{RuleLayer, Rulebook};
use crate::domain::value::{Day, Digest, ProvinceCode, RegionCode, RegionDirectory};
use crate::store::rulebook_archive::Texts;
use std::path::{Path, PathBuf};

/// Which place, and whose rules.
#[derive(clap::Args)]
pub struct PlaceArgs {
    /// A province, two digits (66 for 新疆生产建设兵团)
    #[arg(long, value_name = "NN", value_parser = province, required_unless_present_any = ["region", "hash"])]
    province: Option<ProvinceCode>,
    /// A pooling area or a county in one, six digits
    #[arg(long, value_name = "CODE", value_parser = region, conflicts_with = "province")]
    region: Option<RegionCode>,
    /// Texts of former days by their hash, from --data
    #[arg(long, value_name = "HASH", value_parser = hash, requires = "data")]
    #[arg(conflicts_with_all = ["province", "region"])]
    hash: Option<Digest>,
    /// A server's data folder, where it keeps the texts of every rulebook that it has judged by
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The folder of rule files
    #[arg(long, value_name = "DIR", default_value = "rulebooks")]
    rulebooks: PathBuf,
    /// The table of places [default: regions.toml beside the folder]
    #[arg(long, value_name = "FILE")]
    regions: Option<PathBuf>,
}

pub(super) fn region(text: &str) -> Result<RegionCode, String> {
    RegionCode::parse(text).ok_or_else(|| "write six digits".to_owned())
}

fn hash(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "write 64 hexadecimal digits".to_owned())
}

/// A place, with the texts that apply to it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its code.
    pub(super) code: String,
    /// Its name.
    pub(super) name: String,
    /// Its texts, the nation's first.
    pub(super) layers: Vec<RuleLayer>,
    /// Their content hash.
    pub(super) hash: Digest,
}

impl PlaceArgs {
    pub(super) fn load(&self) -> Result<Place, String> {
        if let (Some(hash), Some(data)) = (self.hash, &self.data) {
            return kept(hash, data);
        }
        place(&self.rulebooks, self.regions.as_deref(), self.province, self.region)
    }
}

fn kept(hash: Digest, data: &Path) -> Result<Place, String> {
    let layers = Texts::of(data).read(&hash).map_err(|error| error.to_string())?;
    let layers = layers.ok_or_else(|| format!("{} keeps no texts with this hash", data.display()))?;
    Ok(Place { code: "kept".to_owned(), name: "texts".to_owned(), layers, hash })
}

/// A province or an area of a folder of rule files.
pub(super) fn place(
    folder: &Path,
    places: Option<&Path>,
    province: Option<ProvinceCode>,
    region: Option<RegionCode>,
) -> Result<Place, String> {
    let places = places.map_or_else(|| beside(folder), Path::to_owned);
    let directory = regions::load(&places).map_err(|error| error.to_string())?.directory;
    let book = rulebook::load(folder, &directory).map_err(|error| error.to_string())?;
    let (code, name, province, area) = named(&directory, province, region)?;
    // The texts of a place are the same on every day.
    let hash = book.rules(province, area, Day::from_number(0)).hash;
    Ok(Place { code, name, layers: layers(&book, &hash), hash })
}

fn layers(book: &Rulebook, hash: &Digest) -> Vec<RuleLayer> {
    book.layers(hash).map(<[_]>::to_vec).unwrap_or_default()
}

/// Code and name for people, province and area for the rulebook.
fn named(
    directory: &RegionDirectory,
    province: Option<ProvinceCode>,
    region: Option<RegionCode>,
) -> Result<(String, String, ProvinceCode, RegionCode), String> {
    if let Some(region) = region {
        let area =
            directory.locate(region).ok_or_else(|| format!("{region} is no pooling area or county"))?;
        return Ok((area.code.to_string(), area.name.clone(), area.province, area.code));
    }
    let listed = province.and_then(|code| directory.province(code));
    let listed = listed.ok_or_else(|| "there is no such province in the table of places".to_owned())?;
    // An area that no text is for: what holds for it holds for the whole province.
    let nowhere = RegionCode::new(u32::from(listed.code.number()) * 10_000 + 9_999);
    let nowhere = nowhere.ok_or_else(|| "there is no such province".to_owned())?;
    Ok((listed.code.to_string(), listed.name.clone(), listed.code, nowhere))
}
