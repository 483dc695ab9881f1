//! `gongji incidents`: what people must look at.

use super::list::{Found, ListArgs};
use crate::cli::Exit;
use crate::cli::json::{take, to_json};
use crate::cli::operations::{At, SideArg};
use crate::cli::show::side_name;
use crate::cli::table::list;
use crate::cli::time::local_time;
use crate::proto::types::Incident;
use crate::proto::{hub, node};
use crate::transport::identity::PREFIX;
use serde_json::{Value, json};

/// Arguments of `gongji incidents`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct IncidentsArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say who looks into an incident
    Assign(AssignArgs),
}

#[derive(clap::Args)]
struct AssignArgs {
    /// Id of the transfer
    #[arg(long, value_name = "ID")]
    transfer: String,
    /// Whose part of it
    #[arg(long, value_enum)]
    side: SideArg,
    /// Who looks into it, for example operator:wang
    #[arg(long, value_name = "operator:NAME")]
    to: String,
    /// What he should know, in at most 200 characters; it is journaled for good, so name no person
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    at: At,
}

/// `gongji incidents`.
pub fn incidents(args: &IncidentsArgs) -> Exit {
    match &args.command {
        Some(Command::Assign(args)) => assign(args),
        None => list_all(&args.list),
    }
}

fn assign(args: &AssignArgs) -> Exit {
    args.at.call.run(async |connection| {
        let server = args.at.server(&connection)?;
        let name = args.at.province.map_or_else(|| "hub".to_owned(), |it| format!("node {it}"));
        let request = hub::AssignIncidentRequest {
            transfer_id: args.transfer.clone(),
            side: args.side.to_proto().into(),
            owner: format!("{PREFIX}{}", args.to.trim_start_matches(PREFIX)),
            note: args.note.clone(),
        };
        let answer = server.ask(request).await?;
        let row = (name, answer.incident.unwrap_or_default());
        args.at.call.output.print(
            || json!({ "incident": incident_json(&row) }),
            || list(HEADER, [incident_cells(&row)], &[]).to_string(),
        );
        Ok(Exit::Done)
    })
}

const HEADER: [&str; 9] = ["server", "id", "side", "why", "order", "since", "owner", "note", "closed"];

fn list_all(args: &ListArgs) -> Exit {
    args.call.run(async |connection| {
        let mut found = Found::new();
        let (hub, older_than) = (connection.hub_as_operator()?, args.older_than());
        let of_hub = |page_size, page_token| hub::ListIncidentsRequest { page_size, page_token, older_than };
        let of_node =
            |page_size, page_token| node::ListIncidentsRequest { page_size, page_token, older_than };
        let read = hub.list(args.limit, of_hub, |it| (it.incidents, it.next_page_token)).await;
        found.take("hub", read, |it| ("hub".to_owned(), it));
        for province in connection.provinces() {
            let node = connection.node_as_operator(province)?;
            let server = format!("node {province}");
            let read = node.list(args.limit, of_node, |it| (it.incidents, it.next_page_token)).await;
            match read {
                // A province's own node need not keep a list of them; what it rejected stands at the hub.
                Err(failure) if failure.is_unimplemented() => {
                    found.not_checked(format!("incidents of {province}"));
                }
                read => found.take(&server, read, |it| (server.clone(), it)),
            }
        }
        Ok(found.print(args.call.output, "incidents", incident_json, || {
            list(HEADER, found.rows.iter().map(incident_cells), &[])
        }))
    })
}

/// What was ordered, where an incident is about an order: "commit" or "abort".
fn incident_outcome(it: &Incident) -> Option<&str> {
    it.refusal.as_ref().and_then(|refusal| refusal.metadata.get("outcome")).map(String::as_str)
}

/// When and why it was closed; empty while it is open.
fn closed(it: &Incident) -> String {
    format!("{} {}", local_time(it.close_time.as_ref()), it.close_code).trim().to_owned()
}

fn incident_cells((server, it): &(String, Incident)) -> [String; 9] {
    let reason = it.refusal.as_ref().map_or("", |refusal| refusal.reason.as_str());
    [
        server.clone(),
        it.transfer_id.clone(),
        side_name(it.side()).to_owned(),
        reason.to_owned(),
        incident_outcome(it).unwrap_or_default().to_owned(),
        local_time(it.raise_time.as_ref()),
        it.owner.trim_start_matches(PREFIX).to_owned(),
        it.note.clone(),
        closed(it),
    ]
}

/// An incident and the server that has it: of its refusal only the reason, and the order that it is about.
pub(in crate::cli) fn incident_json((server, it): &(String, Incident)) -> Value {
    let mut value = to_json(it);
    let refusal = take(&mut value, "refusal");
    value["server"] = server.as_str().into();
    value["side"] = side_name(it.side()).into();
    value["reason"] = refusal["reason"].clone();
    value["outcome"] = incident_outcome(it).into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::types;
    use prost_types::Timestamp;

    #[test]
    fn an_incident_has_one_form_wherever_it_is_listed() {
        let incident = types::Incident {
            transfer_id: "id".to_owned(),
            side: types::RefusalSide::Payee.into(),
            refusal: Some(types::Refusal {
                reason: "CONTRARY_ORDER".to_owned(),
                metadata: [("outcome".to_owned(), "commit".to_owned())].into(),
                ..types::Refusal::default()
            }),
            raise_time: Some(Timestamp { seconds: 1_795_233_600, nanos: 0 }),
            ..types::Incident::default()
        };
        let mut expected = json!({
            "server": "node 51", "transfer_id": "id", "side": "payee", "reason": "CONTRARY_ORDER",
            "outcome": "commit", "raise_time": "2026-11-21T04:00:00.000Z", "close_code": "", "close_time": null,
            "owner": "", "note": "",
        });
        assert_eq!(incident_json(&("node 51".to_owned(), incident.clone())), expected);
        expected["outcome"] = Value::Null;
        let refusal =
            incident.refusal.clone().map(|it| types::Refusal { metadata: Default::default(), ..it });
        let without = types::Incident { refusal, ..incident };
        assert_eq!(
            incident_json(&("node 51".to_owned(), without)),
            expected,
            "not every incident is about an order"
        );
    }
}
