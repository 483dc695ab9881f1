//! What waits: `gongji hub in-flight` and `gongji node in-doubt`.

use super::list::{Found, ListArgs, closing};
use crate::cli::Exit;
use crate::cli::client::{Connection, Server, province};
use crate::cli::failure::Failure;
use crate::cli::json::to_json;
use crate::cli::pager::Page;
use crate::cli::show::{side_name, state_text};
use crate::cli::table::list;
use crate::cli::time::local_time;
use crate::domain::value::ProvinceCode;
use crate::proto::hub::{InFlightTransfer, ListInFlightRequest, WaitReason};
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::{
    InDoubtLeg, InspectRequest, InspectResponse, LegSide, LegState, ListInDoubtRequest,
};
use prost_types::Timestamp;
use serde_json::{Value, json};

/// Arguments of a list of nodes.
#[derive(Debug, clap::Args)]
pub struct NodeListArgs {
    /// Only this province's node: two digits; else every node that is named
    #[arg(long, value_name = "NN", value_parser = province)]
    province: Option<ProvinceCode>,
    #[command(flatten)]
    list: ListArgs,
}

/// `gongji hub in-flight`.
pub fn in_flight(args: &ListArgs) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let older_than = args.older_than();
        let request = |page_size, page_token| ListInFlightRequest { page_size, page_token, older_than };
        let page = hub.list(args.limit, request, |it| (it.transfers, it.next_page_token)).await?;
        args.call.output.print(
            || json!({ "transfers": page.rows.iter().map(in_flight_json).collect::<Vec<_>>(), "more": page.more() }),
            || {
                let header = ["id", "from → to", "yuan", "state", "waits for", "since"];
                let shown = list(header, page.rows.iter().map(in_flight_cells), &[2]);
                format!("{shown}\n{}", closing(page.rows.len(), page.more()))
            },
        );
        Ok(Exit::Done)
    })
}

/// Why a transfer waits.
fn wait_reason(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Unspecified => "?",
        WaitReason::Undecided => "undecided",
        WaitReason::OnItsWay => "on its way",
        WaitReason::ProvinceDark => "cannot be reached 无法连接",
        WaitReason::NoNode => "no node is configured",
        WaitReason::Rejected => "REJECTED: see gongji incidents",
    }
}

fn in_flight_cells(it: &InFlightTransfer) -> [String; 6] {
    let waiting = it.waiting.iter().map(|side| {
        let why = wait_reason(side.reason());
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

/// These lists write states and reasons without the contract's prefixes, and sides as people do.
pub(in crate::cli) fn in_flight_json(it: &InFlightTransfer) -> Value {
    let short =
        |name: &Value, prefix: &str| name.as_str().map(|name| Value::from(name.trim_start_matches(prefix)));
    let mut value = to_json(it);
    value["state"] = short(&value["state"], "TRANSFER_STATE_").into();
    for (json, side) in value["waiting"].as_array_mut().into_iter().flatten().zip(&it.waiting) {
        json["side"] = side_name(side.side()).into();
        json["reason"] = short(&json["reason"], "WAIT_REASON_").into();
    }
    value
}

/// The nodes that are asked: that of one province, or all that are named.
pub(super) fn nodes(
    connection: &Connection,
    wanted: Option<ProvinceCode>,
) -> Result<Vec<(ProvinceCode, Server)>, Failure> {
    let all: Vec<ProvinceCode> = connection.provinces().collect();
    let wanted = wanted.map_or(all, |province| vec![province]);
    if wanted.is_empty() {
        return Err(Failure::Usage("no node is named; give --node NN=HOST:PORT".to_owned()));
    }
    wanted.into_iter().map(|province| Ok((province, connection.node_as_operator(province)?))).collect()
}

/// `gongji node in-doubt`.
pub fn in_doubt(args: &NodeListArgs) -> Exit {
    args.list.call.run(async |connection| {
        let mut found = Found::new();
        let older_than = args.list.older_than();
        let request = |page_size, page_token| ListInDoubtRequest { page_size, page_token, older_than };
        for (province, node) in nodes(&connection, args.province)? {
            let read = node.list(args.list.limit, request, |it| (it.legs, it.next_page_token)).await;
            let read = match read {
                Err(failure) if failure.is_unimplemented() => {
                    found.not_checked(format!("when {province} asks"));
                    prepared(&node, args.list.limit, args.list.oldest()).await
                }
                read => read,
            };
            found.take(&format!("node {province}"), read, |leg| (province, leg));
        }
        Ok(found.print(args.list.call.output, "legs", in_doubt_json, || {
            let header = ["node", "id", "side", "yuan", "other side", "since", "asked", "asks next"];
            list(header, found.rows.iter().map(in_doubt_cells), &[3])
        }))
    })
}

/// The legs in doubt of a node that does not offer AuditService: those that it holds, by Inspect.
async fn prepared(
    node: &Server,
    limit: usize,
    oldest: Option<Timestamp>,
) -> Result<Page<InDoubtLeg>, Failure> {
    let request = |page_size, page_token| InspectRequest {
        selector: Some(Selector::State(LegState::Prepared.into())),
        page_size,
        page_token,
        ..InspectRequest::default()
    };
    let is_old = |at: Option<&Timestamp>| match (at, &oldest) {
        (Some(at), Some(oldest)) => (at.seconds, at.nanos) <= (oldest.seconds, oldest.nanos),
        (None, _) | (_, None) => true,
    };
    let legs = |it: InspectResponse| {
        let old = it.legs.into_iter().filter(|leg| is_old(leg.prepare_time.as_ref()));
        let in_doubt = old.map(|leg| InDoubtLeg {
            transfer_id: leg.transfer_id,
            side: leg.side,
            amount: leg.amount,
            counter_region_code: leg.counter_region_code,
            prepare_time: leg.prepare_time,
            ..InDoubtLeg::default()
        });
        (in_doubt.collect(), it.next_page_token)
    };
    node.list(limit, request, legs).await
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

/// A leg, and the node that has it.
pub(in crate::cli) fn in_doubt_json((province, it): &(ProvinceCode, InDoubtLeg)) -> Value {
    let mut value = to_json(it);
    value["node"] = province.to_string().into();
    value["side"] = leg_side(it.side()).into();
    value
}
