//! `gongji regions`: places, and whether their wallet is open.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, run};
use super::failure::Failure;
use super::print::say;
use super::show::{periods_text, region_json};
use super::table::{facts, table};
use crate::proto::hub::region_service_client::RegionServiceClient;
use crate::proto::hub::{GetRegionRequest, ListRegionsRequest, Region};
use serde_json::{Value, json};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List pooling areas (统筹区) by code
    List {
        /// Only this province: two digits (66 for 新疆生产建设兵团)
        #[arg(long, value_name = "NN", default_value = "", hide_default_value = true)]
        province: String,
        /// Only places whose wallet is open today
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        connect: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the pooling area of a code, or the one to which a county belongs
    Get {
        /// Six digits
        code: String,
        #[command(flatten)]
        connect: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// `gongji regions`.
pub fn regions(args: &Args) -> Exit {
    match &args.command {
        Command::List { province, open, connect, output } => {
            run(*output, list(province, *open, connect, *output))
        }
        Command::Get { code, connect, output } => run(*output, get(code, connect, *output)),
    }
}

async fn list(
    province: &str,
    open_only: bool,
    connect: &ConnectArgs,
    output: OutputArgs,
) -> Result<Exit, Failure> {
    let hub = Connection::load(connect)?.hub()?;
    let mut client = RegionServiceClient::new(hub.service());
    let mut request = ListRegionsRequest {
        page_size: 1_000,
        page_token: String::new(),
        province_code: province.to_owned(),
        open_only,
    };
    let mut places = Vec::new();
    let version = loop {
        let page = client.list_regions(hub.request(request.clone())).await;
        let page = page.map_err(|status| hub.failed(status))?.into_inner();
        places.extend(page.regions);
        if page.next_page_token.is_empty() {
            break page.region_table_version;
        }
        request.page_token = page.next_page_token;
    };
    if output.json {
        let places: Vec<Value> = places.iter().map(region_json).collect();
        say(json!({ "regions": places, "region_table_version": version }));
    } else {
        let mut shown = table(&["code", "name", "province", "wallet", "open", "grade"]);
        shown.add_rows(places.iter().map(cells));
        say(format!("{shown}\n{} places, table {version}", places.len()));
    }
    Ok(Exit::Done)
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

async fn get(code: &str, connect: &ConnectArgs, output: OutputArgs) -> Result<Exit, Failure> {
    let hub = Connection::load(connect)?.hub()?;
    let mut client = RegionServiceClient::new(hub.service());
    let request = hub.request(GetRegionRequest { region_code: code.to_owned() });
    let answer = client.get_region(request).await.map_err(|status| hub.failed(status))?;
    let place = answer.into_inner().region.unwrap_or_default();
    if output.json {
        say(json!({ "region": region_json(&place) }));
    } else {
        let (grade, citation) = place.source.clone().map(|it| (it.grade, it.citation)).unwrap_or_default();
        let shown = facts(&[
            ("code", place.region_code.clone()),
            ("name", place.name.clone()),
            ("province", format!("{} {}", place.province_code, place.province_name)),
            ("wallet", state(&place).to_owned()),
            ("open", periods_text(&place)),
            ("node", place.node.clone()),
            ("source", format!("{grade} {citation}").trim().to_owned()),
        ]);
        say(shown);
    }
    Ok(Exit::Done)
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
        assert_eq!(region_json(&place)["open_periods"][0]["until_date"], "2025-02-01");
    }
}
