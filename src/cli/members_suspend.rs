//! `gongji members suspend`: excludes a member from the network settlement (暂停联网结算) for misuse, or lifts that.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, run};
use super::content::PersonArgs;
use super::print::say;
use crate::privacy::random::new_transfer_id;
use crate::proto::node::SuspendSettlementRequest;
use crate::proto::node::member_service_client::MemberServiceClient;
use serde_json::json;

/// Arguments.
#[derive(clap::Args)]
#[command(after_help = "It may be run again: what is said already changes nothing.")]
pub struct Args {
    #[command(flatten)]
    person: PersonArgs,
    /// Day of the decision, "2026-11-21": today or earlier
    #[arg(long, value_name = "DAY")]
    from: String,
    /// First day on which settlement is open again: 3 to 12 months later
    #[arg(long, value_name = "DAY", required_unless_present = "lift", conflicts_with = "lift")]
    until: Option<String>,
    /// Lift a suspension before its end
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// `gongji members suspend`.
pub fn suspend(args: &Args) -> Exit {
    run(args.output, async {
        let node = Connection::load(&args.connect)?.node_as_platform(args.person.province())?;
        let request = SuspendSettlementRequest {
            request_id: new_transfer_id().to_string(),
            party: Some(args.person.party()),
            from_date: args.from.clone(),
            until_date: args.until.clone().unwrap_or_default(),
            lift: args.lift,
        };
        let mut client = MemberServiceClient::new(node.service());
        let answer = client.suspend_settlement(node.request(request)).await;
        let member = answer.map_err(|status| node.failed(status))?.into_inner().member.unwrap_or_default();
        let until = member.settlement_suspended_until;
        say(match (args.output.json, until.as_str()) {
            (true, _) => json!({ "settlement_suspended_until": until }).to_string(),
            (false, "") => "part of the network settlement 联网结算正常".to_owned(),
            (false, until) => format!("excluded from the network settlement until {until} 暂停联网结算"),
        });
        Ok(Exit::Done)
    })
}
