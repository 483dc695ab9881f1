//! `gongji transfers watch`: prints every change of a transfer as it happens.

use crate::cli::Exit;
use crate::cli::client::{CallArgs, Server};
use crate::cli::failure::{CallOutcome, Failure, classify};
use crate::cli::json::to_json;
use crate::cli::output::{OutputArgs, note, say};
use crate::cli::show::state_text;
use crate::cli::time::local_time;
use crate::proto::hub::transfer_service_client::TransferServiceClient;
use crate::proto::hub::{WatchTransfersRequest, WatchTransfersResponse};
use crate::proto::types::MaskedParty;
use crate::transport::backoff::Backoff;
use tonic::{Request, Status};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The resume_token of the last change that was dealt with; from now on when not given
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    from_token: String,
    /// Only transfers in which this province pays or receives: two digits
    #[arg(long, value_name = "NN", default_value = "", hide_default_value = true)]
    province: String,
    #[command(flatten)]
    call: CallArgs,
}

/// `gongji transfers watch`.
pub fn watch(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub()?;
        let (resume_token, province_code) = (args.from_token.clone(), args.province.clone());
        tokio::select! {
            ended = follow(&hub, WatchTransfersRequest { resume_token, province_code }, args.call.output) => ended,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Done),
        }
    })
}

/// Follows the changes; connects again after a loss, from the last token on.
async fn follow(
    hub: &Server,
    mut request: WatchTransfersRequest,
    output: OutputArgs,
) -> Result<Exit, Failure> {
    let mut backoff = Backoff::new(200, 5_000);
    let mut connected = false;
    loop {
        let before = request.resume_token.clone();
        let status = match stream(hub, &mut request, &mut connected, output).await {
            Ok(Listener::Gone) => return Ok(Exit::Done),
            Ok(Listener::Here) => Status::unavailable("the hub ended the stream"),
            Err(status) => status,
        };
        if !connected || classify(&status) == CallOutcome::Refused {
            return Err(hub.failed(status));
        }
        if request.resume_token != before {
            backoff.reset();
        }
        let missed = if request.resume_token.is_empty() { "; changes until then are not shown" } else { "" };
        note(format!("gongji: the stream broke, connecting again{missed}"));
        tokio::time::sleep(backoff.wait()).await;
    }
}

/// Whether anyone still reads what is printed.
enum Listener {
    Here,
    Gone,
}

async fn stream(
    hub: &Server,
    request: &mut WatchTransfersRequest,
    connected: &mut bool,
    output: OutputArgs,
) -> Result<Listener, Status> {
    let mut client = TransferServiceClient::new(hub.peer().service());
    // No deadline: it goes on for as long as the caller listens.
    let mut changes = client.watch_transfers(Request::new(request.clone())).await?.into_inner();
    *connected = true;
    while let Some(change) = changes.message().await? {
        let text = if output.json { to_json(&change).to_string() } else { change_text(&change) };
        if !say(text) {
            return Ok(Listener::Gone);
        }
        request.resume_token = change.resume_token;
    }
    Ok(Listener::Here)
}

fn change_text(change: &WatchTransfersResponse) -> String {
    let Some(it) = &change.transfer else { return change.resume_token.clone() };
    let at = it.decide_time.as_ref().or(it.create_time.as_ref());
    let recorded = match (it.payer_recorded, it.payee_recorded) {
        (true, true) => "recorded by both",
        (true, false) => "recorded by payer's province",
        (false, true) => "recorded by payee's province",
        (false, false) => "",
    };
    let reason = it.refusal.as_ref().map_or("", |refusal| refusal.reason.as_str());
    let place =
        |party: Option<&MaskedParty>| party.map_or_else(String::new, |party| party.region_code.clone());
    let route = format!("{}→{}", place(it.payer.as_ref()), place(it.payee.as_ref()));
    let state = state_text(it.state());
    let parts =
        [&local_time(at), &it.transfer_id, &route, &it.amount, state, reason, recorded, &change.resume_token];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hub::{Transfer, TransferState};

    #[test]
    fn a_change_is_one_line_with_its_token() {
        let transfer = Transfer {
            transfer_id: "id".to_owned(),
            amount: "1.00".to_owned(),
            state: TransferState::Committed.into(),
            payer_recorded: true,
            ..Transfer::default()
        };
        let change = WatchTransfersResponse { transfer: Some(transfer), resume_token: "token".to_owned() };
        assert_eq!(
            change_text(&change),
            "id  →  1.00  COMMITTED 已完成  recorded by payer's province  token"
        );
        assert_eq!(to_json(&change)["resume_token"], "token");
    }
}
