//! `gongji regions`: places, and whether their wallet is open.

use super::Exit;
use super::client::CallArgs;
use super::json::{all, to_json};
use super::table::{self, facts};
use crate::proto::hub::{GetRegionRequest, ListRegionsRequest, ListRegionsResponse, Region};
use comfy_table::Table;
use serde_json::json;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List pooling areas (统筹区) by code
    List {
        /// Only this province: two digits (66 for 新疆生产建设兵团)
        #[arg(long, value_name = "NN", default_value = "", hide_default_value = true)]
        province: String,
        /// Only places whose wallet is open today
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Show the pooling area of a code, or the one to which a county belongs
    Get {
        /// Six digits
        code: String,
        #[command(flatten)]
        call: CallArgs,
    },
}

/// `gongji regions`.
pub(super) fn regions(command: &Command) -> Exit {
    match command {
        Command::List { province, open, call } => list(province, *open, call),
        Command::Get { code, call } => call.run(async |connection| {
            let hub = connection.hub()?;
            let request = GetRegionRequest { region_code: code.clone() };
            let place = hub.ask(request).await?.region.unwrap_or_default();
            call.output.print(|| json!({ "region": to_json(&place) }), || place_table(&place));
            Ok(Exit::Done)
        }),
    }
}

fn list(province: &str, open_only: bool, call: &CallArgs) -> Exit {
    call.run(async |connection| {
        let hub = connection.hub()?;
        let request = |page_size, page_token| {
            let province_code = province.to_owned();
            ListRegionsRequest { page_size, page_token, province_code, open_only }
        };
        let mut version = String::new();
        let rows = |page: ListRegionsResponse| {
            version = page.region_table_version;
            (page.regions, page.next_page_token)
        };
        let places = hub.list(usize::MAX, request, rows).await?.rows;
        call.output.print(
            || json!({ "regions": all(&places), "region_table_version": version }),
            || {
                let header = ["code", "name", "province", "wallet", "open", "grade"];
                let shown = table::list(header, places.iter().map(cells), &[]);
                format!("{shown}\n{} places, table {version}", places.len())
            },
        );
        Ok(Exit::Done)
    })
}

fn state(it: &Region) -> &'static str {
    if it.wallet_open { "open 已开通" } else { "closed 未开通" }
}

fn cells(it: &Region) -> [String; 6] {
    [
        it.region_code.clone(),
        it.name.clone(),
        format!("{} {}", it.province_code, it.province_name),
        state(it).to_owned(),
        periods_text(it),
        it.source.as_ref().map_or_else(String::new, |source| source.grade.clone()),
    ]
}

/// When a place's wallet is open: "2025-01-16 →, …".
fn periods_text(it: &Region) -> String {
    let periods = it.open_periods.iter();
    let period = periods.map(|it| format!("{} → {}", it.from_date, it.until_date).trim_end().to_owned());
    period.collect::<Vec<_>>().join(", ")
}

fn place_table(place: &Region) -> Table {
    let source = place.source.as_ref();
    let source = source.map(|it| format!("{} {}", it.grade, it.citation)).unwrap_or_default();
    facts(&[
        ("code", place.region_code.clone()),
        ("name", place.name.clone()),
        ("province", format!("{} {}", place.province_code, place.province_name)),
        ("wallet", state(place).to_owned()),
        ("open", periods_text(place)),
        ("node", place.node.clone()),
        ("source", source.trim().to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hub::OpenPeriod;

    #[test]
    fn a_place_shows_its_periods() {
        let period =
            |from: &str, until: &str| OpenPeriod { from_date: from.into(), until_date: until.into() };
        let place = Region {
            region_code: "140100".to_owned(),
            open_periods: vec![period("2025-01-01", "2025-02-01"), period("2025-05-08", "")],
            ..Region::default()
        };
        assert_eq!(cells(&place)[4], "2025-01-01 → 2025-02-01, 2025-05-08 →");
        assert_eq!(cells(&place)[3], "closed 未开通");
        assert_eq!(to_json(&place)["open_periods"][0]["until_date"], "2025-02-01");
    }
}
