//! What waits and what people must look at: `gongji hub in-flight`, `gongji node in-doubt`, `gongji incidents`.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, Server, duration, run};
use super::failure::Failure;
use super::print::say;
use super::show::{incident_json, incident_outcome, local_time, side_name, state_text, time_json};
use super::table::{align_right, table};
use crate::domain::value::region::ProvinceCode;
use crate::proto::hub::audit_service_client::AuditServiceClient as HubClient;
use crate::proto::hub::{self, InFlightTransfer, ListInFlightRequest, WaitReason};
use crate::proto::node::audit_service_client::AuditServiceClient as NodeClient;
use crate::proto::node::{self, InDoubtLeg, LegSide, ListInDoubtRequest};
use crate::proto::types::Incident;
use serde_json::{Value, json};
use std::time::Duration;

/// Arguments of each list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only what waits for at least so long, for example 30s or 10m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_than: Option<Duration>,
    /// Most rows to print of each server
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = rows)]
    limit: usize,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of a list of nodes.
#[derive(Debug, clap::Args)]
pub struct NodeListArgs {
    /// Only this province's node: two digits; else every node that is named
    #[arg(long, value_name = "NN", value_parser = province)]
    province: Option<ProvinceCode>,
    #[command(flatten)]
    list: ListArgs,
}

/// At least one: servers take a page of none for one of the usual size.
fn rows(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|rows| *rows > 0).ok_or_else(|| "write a whole number from 1 on".to_owned())
}

fn province(text: &str) -> Result<ProvinceCode, String> {
    ProvinceCode::parse(text).ok_or_else(|| "write a province as two digits".to_owned())
}

/// What was read of one server: at most the limit, and whether there is more.
struct Page<T> {
    rows: Vec<T>,
    more: bool,
}

impl ListArgs {
    fn older_than(&self) -> Option<prost_types::Duration> {
        self.older_than.and_then(|age| prost_types::Duration::try_from(age).ok())
    }

    /// Reads pages until there are enough rows. `next` asks for a page by size and token.
    async fn read<T>(
        &self,
        mut next: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), Failure>,
    ) -> Result<Page<T>, Failure> {
        let (mut rows, mut token) = (Vec::new(), String::new());
        loop {
            let size = (self.limit - rows.len()).min(1_000);
            let (page, more) = next(i32::try_from(size).unwrap_or(1_000), token).await?;
            rows.extend(page);
            token = more;
            if token.is_empty() || rows.len() >= self.limit {
                return Ok(Page { rows, more: !token.is_empty() });
            }
        }
    }

    fn close(&self, count: usize, more: bool) {
        say(if more {
            format!("{count} shown; there are more, raise --limit")
        } else {
            format!("{count} in all")
        });
    }
}

/// `gongji hub in-flight`.
pub fn in_flight(args: &ListArgs) -> Exit {
    run(args.output, async {
        let hub = Connection::load(&args.connect)?.hub_as_operator()?;
        let mut client = HubClient::new(hub.service());
        let page = args
            .read(async |page_size, page_token| {
                let request = ListInFlightRequest { page_size, page_token, older_than: args.older_than() };
                let answer = client.list_in_flight(hub.request(request)).await;
                let answer = answer.map_err(|status| hub.failed(status))?.into_inner();
                Ok((answer.transfers, answer.next_page_token))
            })
            .await?;
        if args.output.json {
            let transfers: Vec<Value> = page.rows.iter().map(in_flight_json).collect();
            say(json!({ "transfers": transfers, "more": page.more }));
        } else {
            let header = ["id", "from → to", "yuan", "state", "waits for", "since"];
            let mut shown = table(&header);
            shown.add_rows(page.rows.iter().map(in_flight_cells));
            align_right(&mut shown, &[2]);
            say(shown);
            args.close(page.rows.len(), page.more);
        }
        Ok(Exit::Done)
    })
}

/// Why a transfer waits, for people and for programs.
fn wait_reason(reason: WaitReason) -> (&'static str, &'static str) {
    match reason {
        WaitReason::Unspecified => ("?", "UNSPECIFIED"),
        WaitReason::Undecided => ("undecided", "UNDECIDED"),
        WaitReason::OnItsWay => ("on its way", "ON_ITS_WAY"),
        WaitReason::ProvinceDark => ("cannot be reached 无法连接", "PROVINCE_DARK"),
        WaitReason::NoNode => ("no node is configured", "NO_NODE"),
        WaitReason::Rejected => ("REJECTED: see gongji incidents", "REJECTED"),
    }
}

fn in_flight_cells(it: &InFlightTransfer) -> [String; 6] {
    let waiting = it.waiting.iter().map(|side| {
        let why = wait_reason(side.reason()).0;
        format!("{} {}: {why}", side_name(side.side()), side.province_code)
    });
    [
        it.transfer_id.clone(),
        format!("{} → {}", it.payer_province_code, it.payee_province_code),
        it.amount.clone(),
        state_text(it.state()).to_owned(),
        waiting.collect::<Vec<_>>().join("\n"),
        local_time(it.since_time.as_ref()),
    ]
}

fn in_flight_json(it: &InFlightTransfer) -> Value {
    let waiting = |side: &hub::Waiting| {
        json!({
            "side": side_name(side.side()),
            "province_code": side.province_code,
            "reason": wait_reason(side.reason()).1,
        })
    };
    json!({
        "transfer_id": it.transfer_id,
        "payer_province_code": it.payer_province_code,
        "payee_province_code": it.payee_province_code,
        "amount": it.amount,
        "state": it.state().as_str_name().trim_start_matches("TRANSFER_STATE_"),
        "hub_seq": it.hub_seq,
        "since_time": time_json(it.since_time.as_ref()),
        "waiting": it.waiting.iter().map(waiting).collect::<Vec<_>>(),
    })
}

/// The nodes that are asked: that of one province, or all that are named.
fn nodes(args: &NodeListArgs) -> Result<Vec<(ProvinceCode, Server)>, Failure> {
    let connection = Connection::load(&args.list.connect)?;
    let all: Vec<ProvinceCode> = connection.provinces().collect();
    let wanted = args.province.map_or(all, |province| vec![province]);
    if wanted.is_empty() {
        return Err(Failure::Usage("no node is named; give --node NN=HOST:PORT".to_owned()));
    }
    wanted.into_iter().map(|province| Ok((province, connection.node_as_operator(province)?))).collect()
}

/// `gongji node in-doubt`.
pub fn in_doubt(args: &NodeListArgs) -> Exit {
    run(args.list.output, async {
        let (mut found, mut more, mut unread) = (Vec::new(), false, Unread::default());
        for (province, node) in nodes(args)? {
            match read_in_doubt(&args.list, &node).await {
                Ok(page) => {
                    more |= page.more;
                    found.extend(page.rows.into_iter().map(|leg| (province, leg)));
                }
                Err(failure) => unread.note(&format!("node {province}"), &failure),
            }
        }
        if args.list.output.json {
            let legs: Vec<Value> = found.iter().map(in_doubt_json).collect();
            say(json!({ "legs": legs, "more": more, "unread": unread.0 }));
        } else {
            let mut shown =
                table(&["node", "id", "side", "yuan", "other side", "since", "asked", "asks next"]);
            shown.add_rows(found.iter().map(in_doubt_cells));
            align_right(&mut shown, &[3]);
            say(shown);
            args.list.close(found.len(), more);
        }
        Ok(unread.exit())
    })
}

/// Servers that were not read; the others are shown all the same.
#[derive(Default)]
struct Unread(Vec<Value>);

impl Unread {
    fn note(&mut self, server: &str, failure: &Failure) {
        // Standard output is for what was read.
        failure.report(OutputArgs { json: false });
        self.0.push(json!({ "server": server, "error": failure.to_string() }));
    }

    fn exit(&self) -> Exit {
        if self.0.is_empty() { Exit::Done } else { Exit::Unknown }
    }
}

async fn read_in_doubt(args: &ListArgs, node: &Server) -> Result<Page<InDoubtLeg>, Failure> {
    let mut client = NodeClient::new(node.service());
    args.read(async |page_size, page_token| {
        let request = ListInDoubtRequest { page_size, page_token, older_than: args.older_than() };
        let answer = client.list_in_doubt(node.request(request)).await;
        let answer = answer.map_err(|status| node.failed(status))?.into_inner();
        Ok((answer.legs, answer.next_page_token))
    })
    .await
}

fn leg_side(side: LegSide) -> &'static str {
    match side {
        LegSide::Payer => "payer",
        LegSide::Payee => "payee",
        LegSide::Unspecified => "",
    }
}

fn in_doubt_cells((province, it): &(ProvinceCode, InDoubtLeg)) -> [String; 8] {
    let asked = it.ask_time.as_ref().map_or_else(|| "not yet".to_owned(), |at| local_time(Some(at)));
    [
        province.to_string(),
        it.transfer_id.clone(),
        leg_side(it.side()).to_owned(),
        it.amount.clone(),
        it.counter_region_code.clone(),
        local_time(it.prepare_time.as_ref()),
        asked,
        local_time(it.next_ask_time.as_ref()),
    ]
}

fn in_doubt_json((province, it): &(ProvinceCode, InDoubtLeg)) -> Value {
    json!({
        "node": province.to_string(),
        "transfer_id": it.transfer_id,
        "side": leg_side(it.side()),
        "amount": it.amount,
        "counter_region_code": it.counter_region_code,
        "prepare_time": time_json(it.prepare_time.as_ref()),
        "ask_time": time_json(it.ask_time.as_ref()),
        "next_ask_time": time_json(it.next_ask_time.as_ref()),
    })
}

/// `gongji incidents`.
pub fn incidents(args: &ListArgs) -> Exit {
    run(args.output, async {
        let connection = Connection::load(&args.connect)?;
        let hub = connection.hub_as_operator()?;
        let mut pages = vec![("hub".to_owned(), read_hub_incidents(args, &hub).await)];
        for province in connection.provinces() {
            let node = connection.node_as_operator(province)?;
            pages.push((format!("node {province}"), read_node_incidents(args, &node).await));
        }
        let (mut found, mut more, mut unread) = (Vec::new(), false, Unread::default());
        for (server, page) in pages {
            match page {
                Ok(page) => {
                    more |= page.more;
                    found.extend(page.rows.into_iter().map(|incident| (server.clone(), incident)));
                }
                Err(failure) => unread.note(&server, &failure),
            }
        }
        if args.output.json {
            let incidents: Vec<Value> = found.iter().map(incident_json).collect();
            say(json!({ "incidents": incidents, "more": more, "unread": unread.0 }));
        } else {
            let mut shown = table(&["server", "id", "side", "why", "order", "since"]);
            shown.add_rows(found.iter().map(incident_cells));
            say(shown);
            args.close(found.len(), more);
        }
        Ok(unread.exit())
    })
}

async fn read_hub_incidents(args: &ListArgs, hub: &Server) -> Result<Page<Incident>, Failure> {
    let mut client = HubClient::new(hub.service());
    args.read(async |page_size, page_token| {
        let request = hub::ListIncidentsRequest { page_size, page_token, older_than: args.older_than() };
        let answer = client.list_incidents(hub.request(request)).await;
        let answer = answer.map_err(|status| hub.failed(status))?.into_inner();
        Ok((answer.incidents, answer.next_page_token))
    })
    .await
}

async fn read_node_incidents(args: &ListArgs, node: &Server) -> Result<Page<Incident>, Failure> {
    let mut client = NodeClient::new(node.service());
    args.read(async |page_size, page_token| {
        let request = node::ListIncidentsRequest { page_size, page_token, older_than: args.older_than() };
        let answer = client.list_incidents(node.request(request)).await;
        let answer = answer.map_err(|status| node.failed(status))?.into_inner();
        Ok((answer.incidents, answer.next_page_token))
    })
    .await
}

fn incident_cells((server, it): &(String, Incident)) -> [String; 6] {
    let reason = it.refusal.as_ref().map_or("", |refusal| refusal.reason.as_str());
    [
        server.clone(),
        it.transfer_id.clone(),
        side_name(it.side()).to_owned(),
        reason.to_owned(),
        incident_outcome(it).unwrap_or_default().to_owned(),
        local_time(it.raise_time.as_ref()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        list: ListArgs,
    }

    #[test]
    fn a_list_has_at_least_one_row() {
        let limit =
            |text: &str| Line::try_parse_from(["x", "--limit", text]).ok().map(|line| line.list.limit);
        assert_eq!((limit("1"), limit("5000")), (Some(1), Some(5_000)));
        assert_eq!((limit("0"), limit("-1"), limit("x")), (None, None, None));
    }
}
