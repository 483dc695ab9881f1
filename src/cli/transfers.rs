//! `gongji transfers`: reads transfers, follows their changes, and says for payees what they take.

use super::client::{ConnectArgs, Connection, OutputArgs, Server, run};
use super::failure::{Failure, Fate, explanation_json, fate};
use super::print::{note, say};
use super::show::{local_time, state_text, transfer_json, transfer_table, transfers_table};
use super::wallet::page_size;
use super::{Exit, acceptance};
use crate::domain::value::calendar::Civil;
use crate::proto::hub::batch_get_transfers_result::Outcome;
use crate::proto::hub::transfer_service_client::TransferServiceClient;
use crate::proto::hub::{
    BatchGetTransfersRequest, ListTransfersRequest, TransferState, WatchTransfersRequest,
    WatchTransfersResponse,
};
use crate::proto::rpc;
use crate::transport::backoff::Backoff;
use crate::wire::status::explain;
use crate::wire::time::timestamp;
use serde_json::{Value, json};
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};
use tonic::{Code, Request, Status};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show transfers by id
    Get {
        /// Up to 1,000 ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        connect: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List transfers, newest first
    List(ListArgs),
    /// Take a transfer that awaits the payee; safe to run again
    Accept(acceptance::Args),
    /// Decline a transfer that awaits the payee; the money goes back
    Decline(acceptance::Args),
    /// Print every change of a transfer as it happens, until Ctrl-C
    Watch {
        /// The resume_token of the last change that was dealt with; from now on when not given
        #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
        from_token: String,
        /// Only transfers in which this province pays or receives: two digits
        #[arg(long, value_name = "NN", default_value = "", hide_default_value = true)]
        province: String,
        #[command(flatten)]
        connect: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(clap::Args)]
struct ListArgs {
    /// Only transfers in which this province pays or receives: two digits
    #[arg(long, value_name = "NN", default_value = "", hide_default_value = true)]
    province: String,
    /// Only transfers in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only transfers committed in this settlement window, YYYYMMDD
    #[arg(long, default_value = "", hide_default_value = true)]
    window: String,
    /// Only transfers created at or after this: 2026-11-21 or 2026-11-21T12:00:00, in Asia/Shanghai
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Civil>,
    /// Only transfers created before this
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Civil>,
    /// Most transfers to show
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum State {
    Pending,
    AwaitingAcceptance,
    Committed,
    Aborted,
}

impl From<State> for TransferState {
    fn from(state: State) -> TransferState {
        match state {
            State::Pending => TransferState::Pending,
            State::AwaitingAcceptance => TransferState::AwaitingAcceptance,
            State::Committed => TransferState::Committed,
            State::Aborted => TransferState::Aborted,
        }
    }
}

/// Reads a day or a moment in Asia/Shanghai; a moment may end in +08:00.
fn moment(text: &str) -> Result<Civil, String> {
    read_moment(text)
        .ok_or_else(|| "write a time as 2026-11-21 or 2026-11-21T12:00:00 (Asia/Shanghai)".to_owned())
}

fn read_moment(text: &str) -> Option<Civil> {
    let (day, clock) = match text.split_once('T') {
        Some((day, clock)) => (day, clock.strip_suffix("+08:00").unwrap_or(clock)),
        None => (text, "00:00:00"),
    };
    let number = crate::domain::value::calendar::Day::parse(day)?.number();
    let two = |number: u32| u8::try_from(number % 100).ok();
    let month = Month::try_from(two(number / 100)?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(number / 10_000).ok()?, month, two(number)?).ok()?;
    let parts: Vec<&str> = clock.split(':').collect();
    let whole = parts.len() == 3
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let part = |at: usize| parts.get(at).filter(|_| whole).and_then(|part| part.parse().ok());
    let time = Time::from_hms(part(0)?, part(1)?, part(2)?).ok()?;
    let there = PrimitiveDateTime::new(date, time).assume_offset(UtcOffset::from_hms(8, 0, 0).ok()?);
    Some(Civil(there.unix_timestamp() * 1000))
}

/// `gongji transfers`.
pub fn transfers(args: &Args) -> Exit {
    match &args.command {
        Command::Get { ids, connect, output } => run(*output, get(ids, connect, *output)),
        Command::Accept(args) => acceptance::accept(args),
        Command::Decline(args) => acceptance::decline(args),
        Command::List(list_args) => run(list_args.output, list(list_args)),
        Command::Watch { from_token, province, connect, output } => run(*output, async {
            let hub = Connection::load(connect)?.hub()?;
            let request =
                WatchTransfersRequest { resume_token: from_token.clone(), province_code: province.clone() };
            tokio::select! {
                ended = watch(&hub, request, *output) => ended,
                _ = tokio::signal::ctrl_c() => Ok(Exit::Done),
            }
        }),
    }
}

async fn get(ids: &[String], connect: &ConnectArgs, output: OutputArgs) -> Result<Exit, Failure> {
    let hub = Connection::load(connect)?.hub()?;
    let mut client = TransferServiceClient::new(hub.service());
    let request = hub.request(BatchGetTransfersRequest { transfer_ids: ids.to_vec() });
    let answer = client.batch_get_transfers(request).await.map_err(|status| hub.failed(status))?;
    let outcomes: Vec<Option<Outcome>> =
        answer.into_inner().results.into_iter().map(|result| result.outcome).collect();
    if output.json {
        let results: Vec<Value> = outcomes.iter().map(|outcome| outcome_json(outcome.as_ref())).collect();
        say(json!({ "results": results }));
    } else {
        for (id, outcome) in ids.iter().zip(&outcomes) {
            say(match outcome {
                Some(Outcome::Transfer(transfer)) => transfer_table(transfer).to_string(),
                Some(Outcome::Error(error)) => format!("{id}: {}", item_text(error)),
                None => format!("{id}: the answer holds nothing"),
            });
        }
    }
    let all = outcomes.iter().all(|outcome| matches!(outcome, Some(Outcome::Transfer(_))));
    Ok(if all { Exit::Done } else { Exit::Refused })
}

fn outcome_json(outcome: Option<&Outcome>) -> Value {
    match outcome {
        Some(Outcome::Transfer(transfer)) => json!({ "transfer": transfer_json(transfer) }),
        Some(Outcome::Error(error)) => match explain(error) {
            Some(it) => json!({ "error": explanation_json(Code::from(error.code), &it) }),
            None => json!({ "error": { "message": error.message } }),
        },
        None => json!({}),
    }
}

/// An item's error in one line.
fn item_text(error: &rpc::Status) -> String {
    explain(error).map_or_else(|| error.message.clone(), |it| format!("{} {}", it.message, it.chinese))
}

async fn list(args: &ListArgs) -> Result<Exit, Failure> {
    let hub = Connection::load(&args.connect)?.hub()?;
    let mut client = TransferServiceClient::new(hub.service());
    let mut request = ListTransfersRequest {
        page_size: 0,
        page_token: String::new(),
        province_code: args.province.clone(),
        state: args.state.map_or(0, |state| TransferState::from(state).into()),
        window_id: args.window.clone(),
        start_time: args.from.map(timestamp),
        end_time: args.to.map(timestamp),
    };
    let mut found = Vec::new();
    while found.len() < args.limit {
        request.page_size = page_size(args.limit - found.len());
        let page = client.list_transfers(hub.request(request.clone())).await;
        let page = page.map_err(|status| hub.failed(status))?.into_inner();
        found.extend(page.transfers);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    if args.output.json {
        let lines: Vec<Value> = found.iter().map(transfer_json).collect();
        say(json!({ "transfers": lines, "next_page_token": request.page_token }));
    } else {
        say(transfers_table(&found));
        if !request.page_token.is_empty() {
            say("there are more; raise --limit");
        }
    }
    Ok(Exit::Done)
}

/// Follows the changes; connects again after a loss, from the last token on.
async fn watch(
    hub: &Server,
    mut request: WatchTransfersRequest,
    output: OutputArgs,
) -> Result<Exit, Failure> {
    let mut backoff = Backoff::new(200, 5_000);
    let mut connected = false;
    loop {
        let before = request.resume_token.clone();
        let status = match follow(hub, &mut request, &mut connected, output).await {
            Ok(Listener::Gone) => return Ok(Exit::Done),
            Ok(Listener::Here) => Status::unavailable("the hub ended the stream"),
            Err(status) => status,
        };
        if !connected || fate(&status) == Fate::Refused {
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

async fn follow(
    hub: &Server,
    request: &mut WatchTransfersRequest,
    connected: &mut bool,
    output: OutputArgs,
) -> Result<Listener, Status> {
    let mut client = TransferServiceClient::new(hub.service());
    // No deadline: it goes on for as long as the caller listens.
    let mut stream = client.watch_transfers(Request::new(request.clone())).await?.into_inner();
    *connected = true;
    while let Some(change) = stream.message().await? {
        let text = if output.json { change_json(&change).to_string() } else { change_text(&change) };
        if !say(text) {
            return Ok(Listener::Gone);
        }
        request.resume_token = change.resume_token;
    }
    Ok(Listener::Here)
}

fn change_json(change: &WatchTransfersResponse) -> Value {
    let transfer = change.transfer.as_ref().map_or(Value::Null, transfer_json);
    json!({ "transfer": transfer, "resume_token": change.resume_token })
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
    let place = |party: Option<&crate::proto::types::MaskedParty>| {
        party.map_or_else(String::new, |party| party.region_code.clone())
    };
    let route = format!("{}→{}", place(it.payer.as_ref()), place(it.payee.as_ref()));
    let state = state_text(it.state());
    let parts =
        [&local_time(at), &it.transfer_id, &route, &it.amount, state, reason, recorded, &change.resume_token];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::proto::hub::Transfer;
    use crate::wire::status::Problem;

    #[test]
    fn days_and_moments_are_those_of_shanghai() {
        assert_eq!(moment("2026-11-21"), Ok(Civil(1_795_190_400_000)));
        assert_eq!(moment("2026-11-21T12:00:00"), Ok(Civil(1_795_233_600_000)));
        assert_eq!(moment("2026-11-21T12:00:00+08:00"), moment("2026-11-21T12:00:00"));
        for bad in [
            "",
            "2026-02-30",
            "2026-11-21T",
            "2026-11-21T24:00:00",
            "2026-11-21T1:00:00",
            "20261121",
            "2026-11-21T12:00:00Z",
            "2026-11-21T12:00",
            "2026-11-21T+1:00:00",
        ] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_missing_transfer_is_an_item_with_its_reason() {
        let error = Outcome::Error(Problem::new(Reason::TransferNotFound).into_rpc_status());
        let value = outcome_json(Some(&error));
        assert_eq!(value["error"]["reason"], "TRANSFER_NOT_FOUND");
        assert_eq!(value["error"]["code"], "NOT_FOUND");
        let Outcome::Error(error) = error else { unreachable!() };
        assert!(item_text(&error).starts_with("TRANSFER_NOT_FOUND: "));
    }

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
        assert_eq!(change_json(&change)["resume_token"], "token");
    }
}
