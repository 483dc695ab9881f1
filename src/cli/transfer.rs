//! `gongji transfer`: makes one transfer, and asks with the same id until its outcome is known.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, Server, run};
use super::content::ContentArgs;
use super::failure::{Failure, Fate, fate};
use super::print::{note, say};
use super::pursuit::pursue;
use super::show::{transfer_json, transfer_table};
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::transfer_service_client::TransferServiceClient;
use crate::proto::hub::{CreateTransferRequest, Transfer, TransferState, WaitMode};
use crate::transport::peer::Service;
use serde_json::json;
use std::time::Duration;
use tonic::Status;

/// Arguments.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 committed, 1 refused (nothing was moved), 2 not known yet: run it again with \
                        the same --id, which is printed first, or ask `gongji transfers get ID`."
)]
pub struct Args {
    #[command(flatten)]
    content: ContentArgs,
    /// Id of the transfer, a UUID; made when not given. Give the same one to ask again
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// What to wait for: the hub's decision, or until both provinces have recorded it
    #[arg(long, value_enum, default_value_t = Wait::Recorded)]
    wait: Wait,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Wait {
    Decided,
    Recorded,
}

/// `gongji transfer`.
pub fn transfer(args: &Args) -> Exit {
    run(args.output, async {
        let hub = Connection::load(&args.connect)?.hub()?;
        let transfer_id = args.id.clone().unwrap_or_else(|| new_transfer_id().to_string());
        // Before anything is sent: whatever happens next, it can be asked for.
        note(format!("transfer id {transfer_id}"));
        let request = CreateTransferRequest {
            transfer_id,
            payer: Some(args.content.payer()),
            payee: Some(args.content.payee()),
            kinship: args.content.kinship(),
            amount: args.content.amount(),
            remark: args.content.remark(),
            wait: match args.wait {
                Wait::Decided => WaitMode::Decided.into(),
                Wait::Recorded => WaitMode::Recorded.into(),
            },
            verification: args.content.verification(),
        };
        let (exit, last) = make(&hub, &request, args.id.is_some()).await;
        Ok(tell(args.output, &hub, &request.transfer_id, exit, last))
    })
}

/// What the hub said last.
pub(super) type Answer = Result<Transfer, Status>;

/// Asks until the outcome is known or patience ends; the exit code, and the last answer.
async fn make(hub: &Server, request: &CreateTransferRequest, asked_before: bool) -> (Exit, Answer) {
    let mut client: TransferServiceClient<Service> = TransferServiceClient::new(hub.service());
    let ask = async |left: Duration| {
        let answer = client.create_transfer(hub.request_within(request.clone(), left)).await?;
        answer.into_inner().transfer.ok_or_else(|| Status::internal("the answer holds no transfer"))
    };
    pursue(hub, asked_before, ask, judge).await
}

/// The exit code of an answer that settles it, or what an answer that does not says.
fn judge(answer: &Answer) -> Result<Exit, Fate> {
    match answer {
        Ok(transfer) => match transfer.state() {
            TransferState::Committed => Ok(Exit::Done),
            TransferState::Aborted => Ok(Exit::Refused),
            // The payee may take hours; nothing is gained by asking on.
            TransferState::AwaitingAcceptance => Ok(Exit::Unknown),
            TransferState::Pending | TransferState::Unspecified => Err(Fate::Unknown),
        },
        Err(status) => Err(fate(status)),
    }
}

fn tell(output: OutputArgs, hub: &Server, id: &str, exit: Exit, answer: Answer) -> Exit {
    let failure = match answer {
        Ok(transfer) => {
            if output.json {
                say(json!({ "transfer": transfer_json(&transfer) }));
            } else {
                say(transfer_table(&transfer));
            }
            None
        }
        Err(status) => Some(hub.failed(status)),
    };
    if let Some(failure) = &failure {
        failure.report(output);
    }
    match exit {
        Exit::Unknown => {
            note(format!("gongji: not known yet; ask with `gongji transfers get {id}` or with --id {id}"))
        }
        Exit::Refused if matches!(&failure, Some(Failure::Call { status, .. }) if fate(status) == Fate::NotTaken) =>
        {
            note("gongji: the hub took nothing; the id is still free");
        }
        Exit::Done | Exit::Refused | Exit::Usage => {}
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::wire::status::status;

    fn answer(state: TransferState) -> Answer {
        Ok(Transfer { state: state.into(), ..Transfer::default() })
    }

    #[test]
    fn answers_have_the_documented_exit_codes() {
        assert_eq!(judge(&answer(TransferState::Committed)), Ok(Exit::Done));
        assert_eq!(judge(&answer(TransferState::Aborted)), Ok(Exit::Refused));
        assert_eq!(judge(&answer(TransferState::AwaitingAcceptance)), Ok(Exit::Unknown));
        assert_eq!(judge(&answer(TransferState::Pending)), Err(Fate::Unknown));
        assert_eq!(judge(&Ok(Transfer { state: 99, ..Transfer::default() })), Err(Fate::Unknown));
        assert_eq!(judge(&Err(status(Reason::SamePerson))), Err(Fate::Refused));
        assert_eq!(judge(&Err(status(Reason::OutcomeUnknown))), Err(Fate::Unknown));
    }
}
