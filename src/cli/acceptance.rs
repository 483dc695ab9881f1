//! `gongji transfers accept` and `decline`: what a payee says to a transfer that awaits him.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, Server, run};
use super::content::PersonArgs;
use super::failure::{Fate, fate};
use super::print::{note, say};
use super::pursuit::pursue;
use super::show::{transfer_json, transfer_table};
use super::transfer::Answer;
use crate::proto::hub::transfer_service_client::TransferServiceClient;
use crate::proto::hub::{AcceptTransferRequest, DeclineTransferRequest, TransferState, WaitMode};
use serde_json::json;
use std::time::Duration;
use tonic::Status;

/// Arguments.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 done as asked, 1 it ended otherwise, 2 not known yet: run it again.")]
pub struct Args {
    /// Id of the transfer
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// `gongji transfers accept`.
pub fn accept(args: &Args) -> Exit {
    run(args.output, async {
        let hub = Connection::load(&args.connect)?.hub()?;
        let request = AcceptTransferRequest {
            transfer_id: args.id.clone(),
            payee: Some(args.person.party()),
            wait: WaitMode::Recorded.into(),
        };
        let ask = async |left: Duration| {
            let mut client = TransferServiceClient::new(hub.service());
            let answer = client.accept_transfer(hub.request_within(request.clone(), left)).await?;
            answer.into_inner().transfer.ok_or_else(|| Status::internal("the answer holds no transfer"))
        };
        let (exit, answer) = pursue(&hub, false, ask, accepted).await;
        Ok(tell(args, &hub, exit, answer))
    })
}

/// `gongji transfers decline`.
pub fn decline(args: &Args) -> Exit {
    run(args.output, async {
        let hub = Connection::load(&args.connect)?.hub()?;
        let request = DeclineTransferRequest {
            transfer_id: args.id.clone(),
            payee: Some(args.person.party()),
            wait: WaitMode::Decided.into(),
        };
        let ask = async |left: Duration| {
            let mut client = TransferServiceClient::new(hub.service());
            let answer = client.decline_transfer(hub.request_within(request.clone(), left)).await?;
            answer.into_inner().transfer.ok_or_else(|| Status::internal("the answer holds no transfer"))
        };
        let (exit, answer) = pursue(&hub, false, ask, declined).await;
        Ok(tell(args, &hub, exit, answer))
    })
}

/// An acceptance is done when the money has moved; until then it is asked for again.
fn accepted(answer: &Answer) -> Result<Exit, Fate> {
    let transfer = answer.as_ref().map_err(fate)?;
    match transfer.state() {
        TransferState::Committed => Ok(Exit::Done),
        TransferState::Aborted => Ok(Exit::Refused),
        TransferState::AwaitingAcceptance | TransferState::Pending | TransferState::Unspecified => {
            Err(Fate::Unknown)
        }
    }
}

/// A transfer that was declined has ended so, and one that was taken before, or refused, otherwise.
fn declined(answer: &Answer) -> Result<Exit, Fate> {
    let transfer = answer.as_ref().map_err(fate)?;
    let so = transfer.refusal.as_ref().is_some_and(|refusal| refusal.reason == "DECLINED");
    match transfer.state() {
        TransferState::Aborted if so => Ok(Exit::Done),
        TransferState::Committed | TransferState::Aborted => Ok(Exit::Refused),
        TransferState::AwaitingAcceptance | TransferState::Pending | TransferState::Unspecified => {
            Err(Fate::Unknown)
        }
    }
}

fn tell(args: &Args, hub: &Server, exit: Exit, answer: Answer) -> Exit {
    match answer {
        Ok(transfer) if args.output.json => {
            say(json!({ "transfer": transfer_json(&transfer) }));
        }
        Ok(transfer) => {
            say(transfer_table(&transfer));
        }
        Err(status) => {
            hub.failed(status).report(args.output);
        }
    }
    if exit == Exit::Unknown {
        note(format!("gongji: not known yet; run it again, or ask with `gongji transfers get {}`", args.id));
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::proto::hub::Transfer;
    use crate::proto::types::Refusal;
    use crate::wire::status::status;

    fn answer(state: TransferState, reason: &str) -> Answer {
        let refusal = Refusal { reason: reason.to_owned(), ..Refusal::default() };
        let refusal = (!reason.is_empty()).then_some(refusal);
        Ok(Transfer { state: state.into(), refusal, ..Transfer::default() })
    }

    #[test]
    fn what_was_asked_for_is_done_and_all_else_is_not() {
        let taken = answer(TransferState::Committed, "");
        let gone = answer(TransferState::Aborted, "DECLINED");
        let late = answer(TransferState::Aborted, "NOT_TAKEN_IN_TIME");
        let waits = answer(TransferState::AwaitingAcceptance, "");
        let unknown = Err(status(Reason::OutcomeUnknown));
        let stranger = Err(status(Reason::TransferNotFound));
        let answers = [&taken, &gone, &late, &waits, &unknown, &stranger];
        let (done, refused) = (Ok(Exit::Done), Ok(Exit::Refused));
        let unknown = Err(Fate::Unknown);
        assert_eq!(answers.map(accepted), [done, refused, refused, unknown, unknown, Err(Fate::Refused)]);
        assert_eq!(answers.map(declined), [refused, done, refused, unknown, unknown, Err(Fate::Refused)]);
    }
}
