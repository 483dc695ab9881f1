//! `gongji rulebook diff`: rules whose value differs between two places, two days or two folders.

use super::folder::{Place, place, region};
use super::{day, title};
use crate::cli::client::province;
use crate::cli::output::OutputArgs;
use crate::cli::table::table;
use crate::config::rulebook::cited::{Setting, settings};
use crate::domain::value::{Day, ProvinceCode, RegionCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// A province, two digits
    #[arg(long, value_name = "NN", value_parser = province, required_unless_present = "region")]
    province: Option<ProvinceCode>,
    /// A pooling area or a county in one, six digits
    #[arg(long, value_name = "CODE", value_parser = region, conflicts_with = "province")]
    region: Option<RegionCode>,
    /// The day; of the first side where --to-day is given
    #[arg(long, value_name = "DAY", value_parser = day)]
    day: Day,
    /// Another province on the second side
    #[arg(long, value_name = "NN", value_parser = province)]
    to_province: Option<ProvinceCode>,
    /// Another area on the second side
    #[arg(long, value_name = "CODE", value_parser = region, conflicts_with = "to_province")]
    to_region: Option<RegionCode>,
    /// Another day on the second side
    #[arg(long, value_name = "DAY", value_parser = day)]
    to_day: Option<Day>,
    /// The folder of rule files
    #[arg(long, value_name = "DIR", default_value = "rulebooks")]
    rulebooks: PathBuf,
    /// Another folder on the second side
    #[arg(long, value_name = "DIR")]
    to_rulebooks: Option<PathBuf>,
    /// The table of places [default: regions.toml beside the folder]
    #[arg(long, value_name = "FILE")]
    regions: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

type Rules = BTreeMap<String, Setting>;

fn rules(place: &Place, day: Day) -> Result<Rules, String> {
    let all = settings(&place.layers, day).map_err(|error| error.to_string())?;
    Ok(all.into_iter().map(|it| (it.key.clone(), it)).collect())
}

/// `gongji rulebook diff`.
pub(super) fn diff(args: &Args) -> Result<String, String> {
    let places = args.regions.as_deref();
    let from = place(&args.rulebooks, places, args.province, args.region)?;
    let elsewhere = args.to_province.is_some() || args.to_region.is_some();
    let (province, region) =
        if elsewhere { (args.to_province, args.to_region) } else { (args.province, args.region) };
    let to = place(args.to_rulebooks.as_ref().unwrap_or(&args.rulebooks), places, province, region)?;
    let to_day = args.to_day.unwrap_or(args.day);
    let (left, right) = (rules(&from, args.day)?, rules(&to, to_day)?);
    let differs = |key: &&String| left.get(*key).map(|it| &it.value) != right.get(*key).map(|it| &it.value);
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).filter(differs).collect();
    if args.output.json {
        let changed: Vec<Value> = keys
            .iter()
            .map(|key| json!({ "rule": key, "from": left.get(*key), "to": right.get(*key) }))
            .collect();
        return Ok(json!({ "changed": changed }).to_string());
    }
    let heads = [format!("{} {}", title(&from), args.day), format!("{} {to_day}", title(&to))];
    if keys.is_empty() {
        return Ok(format!("no rule differs between {} and {}", heads[0], heads[1]));
    }
    let mut shown = table(&["rule", &heads[0], &heads[1]]);
    shown.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(118);
    let side = |rules: &Rules, key: &String| {
        rules.get(key).map_or_else(String::new, |it| {
            format!("{}\n{}: {}\n{} {}", it.value, it.grade, it.source, it.file, it.effective_from)
        })
    };
    for key in keys {
        shown.add_row([key.clone(), side(&left, key), side(&right, key)]);
    }
    Ok(shown.to_string())
}
