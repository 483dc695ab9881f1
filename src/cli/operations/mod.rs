//! `gongji operations`: what two operators must agree on, at the hub or at a node.

mod risks;

use super::Exit;
use super::client::{CallArgs, Connection, Server, province};
use super::failure::Failure;
use super::json::to_json;
use super::output::note;
use super::show::side_name;
use super::table::{self, facts};
use super::time::local_time;
use super::transfers::moment;
use super::until_known::Request;
use crate::domain::machine::lineage::{FROM_NOTHING, role_of};
use crate::domain::value::{Civil, Digest, ProvinceCode, hex};
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::operation_action::Action;
use crate::proto::hub::{
    AcceptClock, AcceptLineage, ApproveOperationRequest, BuryId, CloseIncident, FinishTransfer, LeaveOut,
    ListOperationsRequest, LowerTime, Operation, OperationAction, OperationState, ProposeOperationRequest,
    TransferState, WithdrawOperationRequest,
};
use crate::proto::types::RefusalSide;
use crate::wire::time::timestamp;
use comfy_table::Table;
use serde_json::{Value, json};
use tonic::Status;

#[derive(clap::Subcommand)]
#[command(
    after_help = "Exit codes: 0 done, 1 refused (nothing was done), 2 not known yet: run it again with the same id."
)]
pub(super) enum Command {
    /// Propose what another operator must approve; does nothing yet
    #[command(subcommand)]
    Propose(Propose),
    /// Approve what another operator has proposed: it is carried out
    Approve(OneArgs),
    /// Withdraw what nobody has approved yet
    Withdraw(OneArgs),
    /// List operations, proposed and carried out
    List(ListArgs),
}

#[derive(clap::Subcommand)]
pub(super) enum Propose {
    /// The server's civil clock is right as it is, though nothing else confirms it
    AcceptClock(ProposeArgs),
    /// The latest time that counts is lowered, after a clock that was too far ahead
    LowerTime {
        /// The latest time that counts from then on, in Asia/Shanghai, for example 2026-11-21T12:00:00
        #[arg(long, value_name = "TIME", value_parser = moment)]
        to: Civil,
        #[command(flatten)]
        args: ProposeArgs,
    },
    /// An incident needs no people any more
    CloseIncident {
        /// Id of the transfer
        #[arg(value_name = "TRANSFER_ID")]
        transfer: String,
        /// Whose part of it
        #[arg(long, value_enum)]
        side: SideArg,
        #[command(flatten)]
        args: ProposeArgs,
    },
    /// End a restored hub's recovery without a province that stays dark
    LeaveOut {
        /// The province, two digits
        #[arg(value_name = "NN", value_parser = province)]
        left: ProvinceCode,
        #[command(flatten)]
        args: ProposeArgs,
    },
    /// Finish a transfer that a hub's recovery has left undecided or to people
    Finish {
        /// Id of the transfer
        #[arg(value_name = "TRANSFER_ID")]
        transfer: String,
        /// How it ends. What a province has recorded may not be known here: ask it by other means first
        #[arg(long, value_enum)]
        outcome: OutcomeArg,
        #[command(flatten)]
        args: ProposeArgs,
    },
    /// A peer's store is another one than before, on purpose: a node's at the hub; the hub's at the node of --province
    AcceptLineage {
        /// Whose store it is: hub, or a province, two digits
        #[arg(value_name = "hub|NN", value_parser = peer)]
        peer: ProvinceCode,
        /// Its lineage: 64 hexadecimal digits, as its alarm says; or "empty": it begins from nothing
        #[arg(value_name = "LINEAGE", value_parser = lineage)]
        lineage: Digest,
        #[command(flatten)]
        args: ProposeArgs,
    },
    /// End an id that nobody can speak for any more: what is undecided is aborted, what is unknown can never begin
    Bury {
        /// Id of the transfer
        #[arg(value_name = "TRANSFER_ID")]
        transfer: String,
        #[command(flatten)]
        args: ProposeArgs,
    },
}

fn peer(text: &str) -> Result<ProvinceCode, String> {
    if text == "hub" { Ok(ProvinceCode::HUB) } else { province(text) }
}

fn lineage(text: &str) -> Result<Digest, String> {
    let digest = if text == "empty" { Some(FROM_NOTHING) } else { Digest::parse(text) };
    digest.ok_or_else(|| "write a lineage as its 64 hexadecimal digits, or empty".to_owned())
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum OutcomeArg {
    Committed,
    Aborted,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum SideArg {
    Payer,
    Payee,
}

impl SideArg {
    pub(super) fn to_proto(self) -> RefusalSide {
        match self {
            SideArg::Payer => RefusalSide::Payer,
            SideArg::Payee => RefusalSide::Payee,
        }
    }
}

#[derive(clap::Args)]
pub(super) struct ProposeArgs {
    /// Why, as a code of capital letters and underscores, for example CLOCK_REPAIRED
    #[arg(long, value_name = "CODE")]
    reason: String,
    /// Why, in at most 200 characters; it is journaled for good, so name no person
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Id of the operation, a UUID; made when not given. Give the same one to ask again
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    #[command(flatten)]
    at: At,
}

#[derive(clap::Args)]
pub(super) struct OneArgs {
    /// Id of the operation
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    at: At,
}

#[derive(clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    at: At,
}

/// Which server.
#[derive(clap::Args)]
pub(super) struct At {
    /// At this province's node instead of the hub
    #[arg(long, value_name = "NN", value_parser = province)]
    pub(super) province: Option<ProvinceCode>,
    #[command(flatten)]
    pub(super) call: CallArgs,
}

impl At {
    pub(super) fn server(&self, connection: &Connection) -> Result<Server, Failure> {
        match self.province {
            Some(province) => connection.node_as_operator(province),
            None => connection.hub_as_operator(),
        }
    }
}

/// `gongji operations`.
pub(super) fn operations(command: &Command) -> Exit {
    match command {
        Command::Propose(it) => propose(it),
        Command::Approve(args) => args.at.call.run(async |connection| {
            let server = args.at.server(&connection)?;
            // Who approves decides, so he reads it first. Whether there is such an operation, the call itself says.
            if let Ok(known) = all(&server).await {
                known.iter().filter(|it| it.operation_id == args.id).for_each(say_risks);
            }
            let message = ApproveOperationRequest { operation_id: args.id.clone() };
            let request = request(&server, &args.at.call, &args.id, true);
            Ok(request.until_known(message, |it| whole(it.operation), stands, shown).await)
        }),
        Command::Withdraw(args) => args.at.call.run(async |connection| {
            let server = args.at.server(&connection)?;
            let message = WithdrawOperationRequest { operation_id: args.id.clone() };
            let request = request(&server, &args.at.call, &args.id, true);
            Ok(request.until_known(message, |it| whole(it.operation), |_| Some(Exit::Done), shown).await)
        }),
        Command::List(args) => list(&args.at),
    }
}

fn whole(operation: Option<Operation>) -> Result<Operation, Status> {
    operation.ok_or_else(|| Status::internal("the answer holds no operation"))
}

fn request<'a>(server: &'a Server, call: &CallArgs, id: &'a str, asked_before: bool) -> Request<'a> {
    let advice = format!("run it again with the id {id}, or see `gongji operations list`");
    Request { server, output: call.output, id: ("operation_id", id), asked_before, advice }
}

/// What is not withdrawn stands.
fn stands(it: &Operation) -> Option<Exit> {
    Some(if it.state() == OperationState::Withdrawn { Exit::Refused } else { Exit::Done })
}

fn propose(it: &Propose) -> Exit {
    let (action, args) = match it {
        Propose::AcceptClock(args) => (Action::AcceptClock(AcceptClock {}), args),
        Propose::LowerTime { to, args } => {
            (Action::LowerTime(LowerTime { to_time: Some(timestamp(*to)) }), args)
        }
        Propose::CloseIncident { transfer, side, args } => {
            let close = CloseIncident { transfer_id: transfer.clone(), side: side.to_proto().into() };
            (Action::CloseIncident(close), args)
        }
        Propose::LeaveOut { left, args } => {
            (Action::LeaveOut(LeaveOut { province_code: left.to_string() }), args)
        }
        Propose::Finish { transfer, outcome, args } => {
            let outcome = match outcome {
                OutcomeArg::Committed => TransferState::Committed,
                OutcomeArg::Aborted => TransferState::Aborted,
            };
            let finish = FinishTransfer { transfer_id: transfer.clone(), outcome: outcome.into() };
            (Action::FinishTransfer(finish), args)
        }
        Propose::AcceptLineage { peer, lineage, args } => {
            let (peer, lineage) = (role_of(*peer), hex(&lineage.0));
            (Action::AcceptLineage(AcceptLineage { peer, lineage }), args)
        }
        Propose::Bury { transfer, args } => (Action::BuryId(BuryId { transfer_id: transfer.clone() }), args),
    };
    args.at.call.run(async |connection| {
        let server = args.at.server(&connection)?;
        let id = args.id.clone().unwrap_or_else(|| new_transfer_id().to_string());
        // Before anything is sent: whatever happens next, it can be asked for.
        note(format!("operation id {id}"));
        let message = ProposeOperationRequest {
            operation_id: id.clone(),
            action: Some(OperationAction { action: Some(action.clone()) }),
            reason_code: args.reason.clone(),
            note: args.note.clone(),
        };
        let request = request(&server, &args.at.call, &id, args.id.is_some());
        let proposed = |it: &Operation| {
            say_risks(it);
            shown(it)
        };
        Ok(request.until_known(message, |it| whole(it.operation), stands, proposed).await)
    })
}

/// Says what carrying out a proposal would risk.
fn say_risks(it: &Operation) {
    let action = it.action.as_ref().and_then(|it| it.action.as_ref());
    if it.state() == OperationState::Proposed
        && let Some(risks) = action.and_then(risks::of)
    {
        note(risks);
    }
}

async fn all(server: &Server) -> Result<Vec<Operation>, Failure> {
    let request = |page_size, page_token| ListOperationsRequest { page_size, page_token };
    Ok(server.list(usize::MAX, request, |it| (it.operations, it.next_page_token)).await?.rows)
}

fn list(at: &At) -> Exit {
    at.call.run(async |connection| {
        let server = at.server(&connection)?;
        let found = all(&server).await?;
        at.call.output.print(
            || json!({ "operations": found.iter().map(to_json).collect::<Vec<_>>() }),
            || format!("{}\n{} in all", list_table(&found), found.len()),
        );
        Ok(Exit::Done)
    })
}

fn list_table(found: &[Operation]) -> Table {
    let row = |it: &Operation| {
        [
            it.operation_id.clone(),
            action_text(it.action.as_ref()),
            state_text(it.state()).to_owned(),
            it.reason_code.clone(),
            it.proposer.clone(),
            it.answerer.clone(),
            it.note.clone(),
        ]
    };
    let header = ["operation", "what", "state", "reason", "proposed by", "answered by", "note"];
    table::list(header, found.iter().map(row), &[])
}

fn state_text(state: OperationState) -> &'static str {
    match state {
        OperationState::Unspecified => "?",
        OperationState::Proposed => "PROPOSED 待批准",
        OperationState::Done => "DONE 已执行",
        OperationState::Withdrawn => "WITHDRAWN 已撤回",
    }
}

fn action_text(action: Option<&OperationAction>) -> String {
    match action.and_then(|it| it.action.as_ref()) {
        None => "?".to_owned(),
        Some(Action::AcceptClock(AcceptClock {})) => "accept the clock 认可时钟".to_owned(),
        Some(Action::LowerTime(it)) => {
            format!("lower the time to {} 调低时间", local_time(it.to_time.as_ref()))
        }
        Some(Action::CloseIncident(it)) => {
            format!("close the incident at the {} of {} 关闭异常事项", side_name(it.side()), it.transfer_id)
        }
        Some(Action::FinishTransfer(it)) => {
            let how = if it.outcome() == TransferState::Committed { "commit" } else { "abort" };
            format!("{how} the transfer {} 人工办结", it.transfer_id)
        }
        Some(Action::LeaveOut(it)) => {
            format!("leave province {} out of the recovery 恢复时排除该省", it.province_code)
        }
        Some(Action::AcceptLineage(it)) => {
            format!("accept another store of {}, lineage {} 认可另一存储", it.peer, it.lineage)
        }
        Some(Action::BuryId(it)) => format!("end the id {} 终止编号", it.transfer_id),
    }
}

/// One operation, for programs and for people.
fn shown(it: &Operation) -> (Value, String) {
    let table = facts(&[
        ("operation 操作", it.operation_id.clone()),
        ("what 内容", action_text(it.action.as_ref())),
        ("state 状态", state_text(it.state()).to_owned()),
        ("reason 原因", it.reason_code.clone()),
        ("note 说明", it.note.clone()),
        ("proposed by 提出", format!("{} {}", it.proposer, local_time(it.propose_time.as_ref()))),
        (
            "answered by 答复",
            format!("{} {}", it.answerer, local_time(it.answer_time.as_ref())).trim().to_owned(),
        ),
    ]);
    (json!({ "operation": to_json(it) }), table.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proposed_is_said_in_words() {
        let said = |action| action_text(Some(&OperationAction { action: Some(action) }));
        let to_time = Some(prost_types::Timestamp { seconds: 1_795_233_600, nanos: 0 });
        assert!(said(Action::LowerTime(LowerTime { to_time })).contains("2026-11-21 12:00:00"));
        let side = RefusalSide::Payee.into();
        let close = CloseIncident { transfer_id: "id".to_owned(), side };
        assert!(said(Action::CloseIncident(close)).contains("payee of id"));
        let accept = AcceptLineage { peer: "node:51".to_owned(), lineage: "0".repeat(64) };
        assert!(said(Action::AcceptLineage(accept)).contains("node:51, lineage 000"));
        assert_eq!(action_text(None), "?");
    }

    #[test]
    fn a_lineage_is_64_digits_or_empty() {
        assert_eq!(lineage("empty"), Ok(FROM_NOTHING));
        assert_eq!(lineage(&"7f".repeat(32)), Ok(Digest([0x7f; 32])));
        assert!(lineage("7f").is_err() && lineage("").is_err());
        assert_eq!((peer("hub"), peer("51")), (Ok(ProvinceCode::HUB), Ok(ProvinceCode::new(51))));
        assert!(peer("00").is_err() && peer("node").is_err());
    }
}
