//! `gongji transfers accept` and `decline`: what a payee says to a transfer that awaits him.

use super::{shown, whole};
use crate::cli::Exit;
use crate::cli::client::{CallArgs, Server};
use crate::cli::person::PersonArgs;
use crate::cli::until_known::Request;
use crate::proto::hub::{AcceptTransferRequest, DeclineTransferRequest, Transfer, TransferState, WaitMode};

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
    call: CallArgs,
}

impl Args {
    fn request<'a>(&'a self, hub: &'a Server) -> Request<'a> {
        let advice = format!("run it again, or ask with `gongji transfers get {}`", self.id);
        let id = ("transfer_id", self.id.as_str());
        Request { server: hub, output: self.call.output, id, asked_before: true, advice }
    }
}

/// `gongji transfers accept`.
pub fn accept(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub()?;
        let message = AcceptTransferRequest {
            transfer_id: args.id.clone(),
            payee: Some(args.person.read()?.party),
            wait: WaitMode::Recorded.into(),
        };
        Ok(args.request(&hub).until_known(message, |it| whole(it.transfer), accepted, shown).await)
    })
}

/// `gongji transfers decline`.
pub fn decline(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub()?;
        let message = DeclineTransferRequest {
            transfer_id: args.id.clone(),
            payee: Some(args.person.read()?.party),
            wait: WaitMode::Decided.into(),
        };
        Ok(args.request(&hub).until_known(message, |it| whole(it.transfer), declined, shown).await)
    })
}

/// An acceptance is done when the money has moved; until then it is asked for again.
fn accepted(transfer: &Transfer) -> Option<Exit> {
    match transfer.state() {
        TransferState::Committed => Some(Exit::Done),
        TransferState::Aborted => Some(Exit::Refused),
        TransferState::AwaitingAcceptance | TransferState::Pending | TransferState::Unspecified => None,
    }
}

/// A transfer that was declined has ended so, and one that was taken before, or refused, otherwise.
fn declined(transfer: &Transfer) -> Option<Exit> {
    let so = transfer.refusal.as_ref().is_some_and(|refusal| refusal.reason == "DECLINED");
    match transfer.state() {
        TransferState::Aborted if so => Some(Exit::Done),
        TransferState::Committed | TransferState::Aborted => Some(Exit::Refused),
        TransferState::AwaitingAcceptance | TransferState::Pending | TransferState::Unspecified => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::types::Refusal;

    fn answer(state: TransferState, reason: &str) -> Transfer {
        let refusal = Refusal { reason: reason.to_owned(), ..Refusal::default() };
        let refusal = (!reason.is_empty()).then_some(refusal);
        Transfer { state: state.into(), refusal, ..Transfer::default() }
    }

    #[test]
    fn what_was_asked_for_is_done_and_all_else_is_not() {
        let taken = answer(TransferState::Committed, "");
        let gone = answer(TransferState::Aborted, "DECLINED");
        let late = answer(TransferState::Aborted, "NOT_TAKEN_IN_TIME");
        let waits = answer(TransferState::AwaitingAcceptance, "");
        let answers = [&taken, &gone, &late, &waits];
        let (done, refused) = (Some(Exit::Done), Some(Exit::Refused));
        assert_eq!(answers.map(accepted), [done, refused, refused, None]);
        assert_eq!(answers.map(declined), [refused, done, refused, None]);
    }
}
