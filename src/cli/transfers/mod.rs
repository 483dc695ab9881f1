//! `gongji transfers`: reads transfers, follows their changes, and says for payees what they take. Beside it the
//! commands about one transfer: `gongji transfer`, `check` and `explain`.

mod accept;
pub mod check;
pub mod create;
pub mod explain;
mod show;
mod watch;

use super::Exit;
use super::client::CallArgs;
use super::failure::explanation_json;
use super::json::{all, to_json};
use super::output::say;
use crate::domain::value::Civil;
use crate::proto::hub::batch_get_transfers_result::Outcome;
use crate::proto::hub::{BatchGetTransfersRequest, ListTransfersRequest, Transfer, TransferState};
use crate::proto::rpc;
use crate::wire::status::explain;
use crate::wire::time::timestamp;
use serde_json::{Value, json};
use show::{transfer_table, transfers_table};
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};
use tonic::{Code, Status};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show transfers by id
    Get {
        /// Up to 1,000 ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        call: CallArgs,
    },
    /// List transfers, newest first
    List(ListArgs),
    /// Take a transfer that awaits the payee; safe to run again
    Accept(accept::Args),
    /// Decline a transfer that awaits the payee; the money goes back
    Decline(accept::Args),
    /// Print every change of a transfer as it happens, until Ctrl-C
    Watch(watch::Args),
}

#[derive(clap::Args)]
pub(super) struct ListArgs {
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
    call: CallArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum State {
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
pub(super) fn moment(text: &str) -> Result<Civil, String> {
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
pub(super) fn transfers(command: &Command) -> Exit {
    match command {
        Command::Get { ids, call } => get(ids, call),
        Command::Accept(args) => accept::accept(args),
        Command::Decline(args) => accept::decline(args),
        Command::List(args) => list(args),
        Command::Watch(args) => watch::watch(args),
    }
}

/// The transfer of an answer.
fn whole(transfer: Option<Transfer>) -> Result<Transfer, Status> {
    transfer.ok_or_else(|| Status::internal("the answer holds no transfer"))
}

/// The exit code of a transfer whose state is the last word.
fn settled(transfer: &Transfer) -> Option<Exit> {
    match transfer.state() {
        TransferState::Committed => Some(Exit::Done),
        TransferState::Aborted => Some(Exit::Refused),
        // The payee may take hours; nothing is gained by asking on.
        TransferState::AwaitingAcceptance => Some(Exit::Unknown),
        TransferState::Pending | TransferState::Unspecified => None,
    }
}

/// One transfer, for programs and for people.
fn shown(transfer: &Transfer) -> (Value, String) {
    (json!({ "transfer": to_json(transfer) }), transfer_table(transfer).to_string())
}

fn get(ids: &[String], call: &CallArgs) -> Exit {
    call.run(async |connection| {
        let hub = connection.hub()?;
        let results = hub.ask(BatchGetTransfersRequest { transfer_ids: ids.to_vec() }).await?.results;
        let outcomes: Vec<Option<Outcome>> = results.into_iter().map(|result| result.outcome).collect();
        if call.output.json {
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
    })
}

fn outcome_json(outcome: Option<&Outcome>) -> Value {
    match outcome {
        Some(Outcome::Transfer(transfer)) => json!({ "transfer": to_json(transfer) }),
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

fn list(args: &ListArgs) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub()?;
        let request = |page_size, page_token| ListTransfersRequest {
            page_size,
            page_token,
            province_code: args.province.clone(),
            state: args.state.map_or(0, |state| TransferState::from(state).into()),
            window_id: args.window.clone(),
            start_time: args.from.map(timestamp),
            end_time: args.to.map(timestamp),
        };
        let found = hub.list(args.limit, request, |it| (it.transfers, it.next_page_token)).await?;
        args.call.output.print(
            || json!({ "transfers": all(&found.rows), "next_page_token": found.next_page_token }),
            || {
                let more = if found.more() { "\nthere are more; raise --limit" } else { "" };
                format!("{}{more}", transfers_table(&found.rows))
            },
        );
        Ok(Exit::Done)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
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
    fn answers_have_the_documented_exit_codes() {
        let code = |state: i32| settled(&Transfer { state, ..Transfer::default() });
        assert_eq!(code(TransferState::Committed.into()), Some(Exit::Done));
        assert_eq!(code(TransferState::Aborted.into()), Some(Exit::Refused));
        assert_eq!(code(TransferState::AwaitingAcceptance.into()), Some(Exit::Unknown));
        assert_eq!((code(TransferState::Pending.into()), code(99)), (None, None));
    }
}
