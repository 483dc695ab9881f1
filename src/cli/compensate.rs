//! `gongji compensate`: two operators carry money of a committed transfer back.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, Server, run};
use super::failure::{Failure, Fate, fate};
use super::print::{note, say};
use super::pursuit::pursue;
use super::show::{local_time, refusal_json, refusal_text, time_json};
use super::table::{align_right, facts, table};
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::compensation_service_client::CompensationServiceClient;
use crate::proto::hub::{
    ApproveCompensationRequest, Compensation, CompensationState, ListCompensationsRequest,
    ProposeCompensationRequest, WithdrawCompensationRequest,
};
use crate::transport::peer::Service;
use serde_json::{Value, json};
use std::time::Duration;
use tonic::Status;

/// What an operator says.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 refused (nothing was moved), 2 not known yet: run it again with the same id."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Propose to carry money of a committed transfer back; moves nothing
    Propose(ProposeArgs),
    /// Approve what another operator has proposed: the money goes back
    Approve(OneArgs),
    /// Withdraw what nobody has approved yet
    Withdraw(OneArgs),
    /// List compensations, proposed and carried out
    List(ListArgs),
}

#[derive(clap::Args)]
struct ProposeArgs {
    /// The committed transfer
    #[arg(long, value_name = "TRANSFER_ID")]
    transfer: String,
    /// How much goes back, in yuan
    #[arg(long, value_name = "YUAN")]
    amount: String,
    /// Why, in at most 200 characters; it is journaled for good, so name no person
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Id of the compensation, a UUID; made when not given. Give the same one to ask again
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args)]
struct OneArgs {
    /// Id of the compensation
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args)]
struct ListArgs {
    /// Only those of this transfer
    #[arg(long, value_name = "TRANSFER_ID")]
    transfer: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What the hub said last.
type Answer = Result<Compensation, Status>;

/// `gongji compensate`.
pub fn compensate(args: &Args) -> Exit {
    match &args.command {
        Command::Propose(args) => propose(args),
        Command::Approve(args) => run(args.output, async {
            let hub = Connection::load(&args.connect)?.hub_as_operator()?;
            let ask = async |left: Duration| {
                let request = ApproveCompensationRequest { compensation_id: args.id.clone() };
                let answer = client(&hub).approve_compensation(hub.request_within(request, left)).await?;
                whole(answer.into_inner().compensation)
            };
            let (exit, answer) = pursue(&hub, true, ask, carried_out).await;
            Ok(tell(args.output, &hub, &args.id, exit, answer))
        }),
        Command::Withdraw(args) => run(args.output, async {
            let hub = Connection::load(&args.connect)?.hub_as_operator()?;
            let ask = async |left: Duration| {
                let request = WithdrawCompensationRequest { compensation_id: args.id.clone() };
                let answer = client(&hub).withdraw_compensation(hub.request_within(request, left)).await?;
                whole(answer.into_inner().compensation)
            };
            let (exit, answer) = pursue(&hub, true, ask, taken).await;
            Ok(tell(args.output, &hub, &args.id, exit, answer))
        }),
        Command::List(args) => list(args),
    }
}

fn client(hub: &Server) -> CompensationServiceClient<Service> {
    CompensationServiceClient::new(hub.service())
}

fn whole(compensation: Option<Compensation>) -> Answer {
    compensation.ok_or_else(|| Status::internal("the answer holds no compensation"))
}

fn propose(args: &ProposeArgs) -> Exit {
    run(args.output, async {
        let hub = Connection::load(&args.connect)?.hub_as_operator()?;
        let id = args.id.clone().unwrap_or_else(|| new_transfer_id().to_string());
        // Before anything is sent: whatever happens next, it can be asked for.
        note(format!("compensation id {id}"));
        let request = ProposeCompensationRequest {
            compensation_id: id.clone(),
            transfer_id: args.transfer.clone(),
            amount: args.amount.clone(),
            reason: args.reason.clone(),
        };
        let ask = async |left: Duration| {
            let answer = client(&hub).propose_compensation(hub.request_within(request.clone(), left)).await?;
            whole(answer.into_inner().compensation)
        };
        let (exit, answer) = pursue(&hub, args.id.is_some(), ask, stands).await;
        Ok(tell(args.output, &hub, &id, exit, answer))
    })
}

/// A proposal that is repeated may have come to nothing meanwhile.
fn stands(answer: &Answer) -> Result<Exit, Fate> {
    match answer.as_ref().map_err(fate)?.state() {
        CompensationState::Aborted | CompensationState::Withdrawn => Ok(Exit::Refused),
        CompensationState::Proposed
        | CompensationState::Pending
        | CompensationState::Committed
        | CompensationState::Unspecified => Ok(Exit::Done),
    }
}

/// What is answered has been taken.
fn taken(answer: &Answer) -> Result<Exit, Fate> {
    answer.as_ref().map(|_| Exit::Done).map_err(fate)
}

/// An approval is done when the money has gone back.
fn carried_out(answer: &Answer) -> Result<Exit, Fate> {
    match answer.as_ref().map_err(fate)?.state() {
        CompensationState::Committed => Ok(Exit::Done),
        CompensationState::Aborted | CompensationState::Withdrawn => Ok(Exit::Refused),
        CompensationState::Proposed | CompensationState::Pending | CompensationState::Unspecified => {
            Err(Fate::Unknown)
        }
    }
}

fn tell(output: OutputArgs, hub: &Server, id: &str, exit: Exit, answer: Answer) -> Exit {
    match answer {
        Ok(it) if output.json => {
            say(json!({ "compensation": compensation_json(&it) }));
        }
        Ok(it) => {
            say(compensation_table(&it));
        }
        Err(status) => {
            hub.failed(status).report(output);
        }
    }
    if exit == Exit::Unknown {
        note(format!(
            "gongji: not known yet; run it again with the id {id}, or see `gongji compensate list`"
        ));
    }
    exit
}

fn list(args: &ListArgs) -> Exit {
    run(args.output, async {
        let hub = Connection::load(&args.connect)?.hub_as_operator()?;
        let found = read_all(&hub, args.transfer.as_deref().unwrap_or_default()).await?;
        if args.output.json {
            let found: Vec<Value> = found.iter().map(compensation_json).collect();
            say(json!({ "compensations": found }));
            return Ok(Exit::Done);
        }
        let mut shown =
            table(&["compensation", "of transfer", "yuan", "state", "proposed by", "answered by", "reason"]);
        shown.add_rows(found.iter().map(|it| {
            [
                it.compensation_id.clone(),
                it.transfer_id.clone(),
                it.amount.clone(),
                state_text(it.state()).to_owned(),
                it.proposer.clone(),
                it.answerer.clone(),
                it.reason.clone(),
            ]
        }));
        align_right(&mut shown, &[2]);
        say(shown);
        say(format!("{} in all", found.len()));
        Ok(Exit::Done)
    })
}

async fn read_all(hub: &Server, transfer_id: &str) -> Result<Vec<Compensation>, Failure> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            ListCompensationsRequest { page_size: 0, page_token, transfer_id: transfer_id.to_owned() };
        let answer = client(hub).list_compensations(hub.request(request)).await;
        let page = answer.map_err(|status| hub.failed(status))?.into_inner();
        found.extend(page.compensations);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn state_text(state: CompensationState) -> &'static str {
    match state {
        CompensationState::Unspecified => "?",
        CompensationState::Proposed => "PROPOSED 待批准",
        CompensationState::Pending => "PENDING 处理中",
        CompensationState::Committed => "COMMITTED 已退回",
        CompensationState::Aborted => "ABORTED 已终止",
        CompensationState::Withdrawn => "WITHDRAWN 已撤回",
    }
}

fn compensation_table(it: &Compensation) -> comfy_table::Table {
    let transfer = it.transfer.as_ref();
    let refusal = transfer.and_then(|transfer| transfer.refusal.as_ref());
    facts(&[
        ("compensation 退回", it.compensation_id.clone()),
        ("of transfer 原转账", it.transfer_id.clone()),
        ("amount 金额", it.amount.clone()),
        ("state 状态", state_text(it.state()).to_owned()),
        ("refusal 拒绝原因", refusal.map_or_else(String::new, refusal_text)),
        ("reason 退回原因", it.reason.clone()),
        ("proposed by 提出", format!("{} {}", it.proposer, local_time(it.propose_time.as_ref()))),
        (
            "answered by 答复",
            format!("{} {}", it.answerer, local_time(it.answer_time.as_ref())).trim().to_owned(),
        ),
        ("window 清算周期", transfer.map_or_else(String::new, |transfer| transfer.window_id.clone())),
    ])
}

pub(super) fn compensation_json(it: &Compensation) -> Value {
    let transfer = it.transfer.as_ref();
    let refusal = transfer.and_then(|transfer| transfer.refusal.as_ref());
    json!({
        "compensation_id": it.compensation_id,
        "transfer_id": it.transfer_id,
        "amount": it.amount,
        "state": it.state().as_str_name(),
        "reason": it.reason,
        "proposer": it.proposer,
        "propose_time": time_json(it.propose_time.as_ref()),
        "answerer": it.answerer,
        "answer_time": time_json(it.answer_time.as_ref()),
        "refusal": refusal.map_or(Value::Null, refusal_json),
        "window_id": transfer.map(|transfer| transfer.window_id.clone()),
        "payer_recorded": transfer.map(|transfer| transfer.payer_recorded),
        "payee_recorded": transfer.map(|transfer| transfer.payee_recorded),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::wire::status::status;

    #[test]
    fn an_approval_is_done_when_the_money_has_gone_back() {
        use CompensationState::{Aborted, Committed, Pending};
        let answer = |state: CompensationState| -> Answer {
            Ok(Compensation { state: state.into(), ..Compensation::default() })
        };
        assert_eq!(carried_out(&answer(Committed)), Ok(Exit::Done));
        assert_eq!(carried_out(&answer(Aborted)), Ok(Exit::Refused));
        assert_eq!(carried_out(&answer(Pending)), Err(Fate::Unknown));
        assert_eq!(carried_out(&Err(status(Reason::SameOperator))), Err(Fate::Refused));
        assert_eq!(carried_out(&Err(status(Reason::OutcomeUnknown))), Err(Fate::Unknown));
        assert_eq!(taken(&answer(CompensationState::Proposed)), Ok(Exit::Done));
    }

    #[test]
    fn both_operators_and_the_refusal_are_shown() {
        let refusal =
            crate::proto::types::Refusal { reason: "RETURN_NOT_COVERED".to_owned(), ..Default::default() };
        let transfer = crate::proto::hub::Transfer { refusal: Some(refusal), ..Default::default() };
        let it = Compensation {
            proposer: "urn:gongji:operator:a".to_owned(),
            answerer: "urn:gongji:operator:b".to_owned(),
            state: CompensationState::Aborted.into(),
            transfer: Some(transfer),
            ..Compensation::default()
        };
        let said = compensation_table(&it).to_string();
        for part in ["urn:gongji:operator:a", "urn:gongji:operator:b", "RETURN_NOT_COVERED", "ABORTED 已终止"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        let json = compensation_json(&it);
        assert_eq!(json["refusal"]["reason"], "RETURN_NOT_COVERED");
        assert_eq!(json["state"], "COMPENSATION_STATE_ABORTED");
    }
}
