//! `gongji compensate`: two operators carry money of a committed transfer back.

use super::Exit;
use super::client::{CallArgs, Server};
use super::json::{take, to_json};
use super::output::note;
use super::show::{one_line, refusal_text};
use super::table::{self, facts};
use super::time::local_time;
use super::until_known::Request;
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::{
    ApproveCompensationRequest, Compensation, CompensationState, ListCompensationsRequest,
    ProposeCompensationRequest, WithdrawCompensationRequest,
};
use comfy_table::Table;
use serde_json::{Value, json};
use tonic::Status;

#[derive(clap::Subcommand)]
#[command(
    after_help = "Exit codes: 0 done, 1 refused (nothing was moved), 2 not known yet: run it again with the same id."
)]
pub(super) enum Command {
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
pub(super) struct ProposeArgs {
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
    call: CallArgs,
}

#[derive(clap::Args)]
pub(super) struct OneArgs {
    /// Id of the compensation
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// Only those of this transfer
    #[arg(long, value_name = "TRANSFER_ID")]
    transfer: Option<String>,
    #[command(flatten)]
    call: CallArgs,
}

/// `gongji compensate`.
pub(super) fn compensate(command: &Command) -> Exit {
    match command {
        Command::Propose(args) => propose(args),
        Command::Approve(args) => args.call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let message = ApproveCompensationRequest { compensation_id: args.id.clone() };
            let request = request(&hub, &args.call, &args.id, true);
            Ok(request.until_known(message, |it| whole(it.compensation), carried_out, shown).await)
        }),
        Command::Withdraw(args) => args.call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let message = WithdrawCompensationRequest { compensation_id: args.id.clone() };
            let request = request(&hub, &args.call, &args.id, true);
            let taken = |_: &Compensation| Some(Exit::Done);
            Ok(request.until_known(message, |it| whole(it.compensation), taken, shown).await)
        }),
        Command::List(args) => list(args),
    }
}

fn whole(compensation: Option<Compensation>) -> Result<Compensation, Status> {
    compensation.ok_or_else(|| Status::internal("the answer holds no compensation"))
}

fn request<'a>(hub: &'a Server, call: &CallArgs, id: &'a str, asked_before: bool) -> Request<'a> {
    let advice = format!("run it again with the id {id}, or see `gongji compensate list`");
    Request { server: hub, output: call.output, id: ("compensation_id", id), asked_before, advice }
}

fn propose(args: &ProposeArgs) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let id = args.id.clone().unwrap_or_else(|| new_transfer_id().to_string());
        // Before anything is sent: whatever happens next, it can be asked for.
        note(format!("compensation id {id}"));
        let message = ProposeCompensationRequest {
            compensation_id: id.clone(),
            transfer_id: args.transfer.clone(),
            amount: args.amount.clone(),
            reason: args.reason.clone(),
        };
        let request = request(&hub, &args.call, &id, args.id.is_some());
        Ok(request.until_known(message, |it| whole(it.compensation), stands, shown).await)
    })
}

/// A proposal that is repeated may have come to nothing meanwhile.
fn stands(it: &Compensation) -> Option<Exit> {
    Some(match it.state() {
        CompensationState::Aborted | CompensationState::Withdrawn => Exit::Refused,
        CompensationState::Proposed
        | CompensationState::Pending
        | CompensationState::Committed
        | CompensationState::Unspecified => Exit::Done,
    })
}

/// An approval is done when the money has gone back.
fn carried_out(it: &Compensation) -> Option<Exit> {
    match it.state() {
        CompensationState::Committed => Some(Exit::Done),
        CompensationState::Aborted | CompensationState::Withdrawn => Some(Exit::Refused),
        CompensationState::Proposed | CompensationState::Pending | CompensationState::Unspecified => None,
    }
}

fn list(args: &ListArgs) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let request = |page_size, page_token| {
            let transfer_id = args.transfer.clone().unwrap_or_default();
            ListCompensationsRequest { page_size, page_token, transfer_id }
        };
        let found = hub.list(usize::MAX, request, |it| (it.compensations, it.next_page_token)).await?.rows;
        args.call.output.print(
            || json!({ "compensations": found.iter().map(compensation_json).collect::<Vec<_>>() }),
            || format!("{}\n{} in all", list_table(&found), found.len()),
        );
        Ok(Exit::Done)
    })
}

fn list_table(found: &[Compensation]) -> Table {
    let row = |it: &Compensation| {
        [
            it.compensation_id.clone(),
            it.transfer_id.clone(),
            it.amount.clone(),
            state_text(it.state()).to_owned(),
            it.proposer.clone(),
            it.answerer.clone(),
            one_line(&it.reason),
        ]
    };
    let header = ["compensation", "of transfer", "yuan", "state", "proposed by", "answered by", "reason"];
    table::list(header, found.iter().map(row), &[2])
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

fn compensation_table(it: &Compensation) -> Table {
    let transfer = it.transfer.as_ref();
    let refusal = transfer.and_then(|transfer| transfer.refusal.as_ref());
    facts(&[
        ("compensation 退回", it.compensation_id.clone()),
        ("of transfer 原转账", it.transfer_id.clone()),
        ("amount 金额", it.amount.clone()),
        ("state 状态", state_text(it.state()).to_owned()),
        ("refusal 拒绝原因", refusal.map_or_else(String::new, refusal_text)),
        ("reason 退回原因", one_line(&it.reason)),
        ("proposed by 提出", format!("{} {}", it.proposer, local_time(it.propose_time.as_ref()))),
        (
            "answered by 答复",
            format!("{} {}", it.answerer, local_time(it.answer_time.as_ref())).trim().to_owned(),
        ),
        ("window 清算窗口", transfer.map_or_else(String::new, |transfer| transfer.window_id.clone())),
    ])
}

/// One compensation, for programs and for people.
fn shown(it: &Compensation) -> (Value, String) {
    (json!({ "compensation": compensation_json(it) }), compensation_table(it).to_string())
}

/// Of its transfer only what the compensation does not say itself.
pub(super) fn compensation_json(it: &Compensation) -> Value {
    let mut value = to_json(it);
    let transfer = take(&mut value, "transfer");
    for name in ["refusal", "window_id", "payer_recorded", "payee_recorded"] {
        value[name] = transfer[name].clone();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_done_when_the_money_has_gone_back() {
        use CompensationState::{Aborted, Committed, Pending};
        let answer =
            |state: CompensationState| Compensation { state: state.into(), ..Compensation::default() };
        assert_eq!(carried_out(&answer(Committed)), Some(Exit::Done));
        assert_eq!(carried_out(&answer(Aborted)), Some(Exit::Refused));
        assert_eq!(carried_out(&answer(Pending)), None);
        assert_eq!(stands(&answer(Pending)), Some(Exit::Done));
        assert_eq!(stands(&answer(Aborted)), Some(Exit::Refused));
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
