//! `gongji settle`: windows, and what provinces owe each other in them.

mod breaks;
pub mod forms;
mod payments;
mod periods;
mod positions;
mod reconcile;
mod statement;

use super::Exit;
use super::client::{CallArgs, Server};
use super::failure::Failure;
use super::json::{all, to_json};
use super::table::{self, facts};
use super::time::local_time;
use crate::domain::value::Period;
use crate::proto::hub::{
    CloseWindowRequest, GetOpenWindowRequest, GetPositionsRequest, ListWindowsRequest,
    ReconcileWindowRequest, ReconciliationState, Window, WindowState,
};
use serde_json::json;

#[derive(clap::Subcommand)]
#[command(
    after_help = "Exit codes of reconcile: 0 all agree, 1 one differs, 2 one could not be compared yet."
)]
pub(super) enum Command {
    /// List windows (清算窗口) in their order: the closed ones, then the open one
    Windows {
        #[command(flatten)]
        call: CallArgs,
    },
    /// Close the open window before its day is over, so that what comes later today is counted in a further one; or
    /// close a month whose days are over
    Close {
        /// The open window, for example 20261121: what is closed already is not closed twice. Or a month: 202611
        #[arg(value_name = "WINDOW|PERIOD")]
        window: String,
        /// Of a month: each province pays, or is paid by, the national centre what is left (差额清算)
        #[arg(long)]
        net: bool,
        #[command(flatten)]
        call: CallArgs,
    },
    #[command(flatten)]
    Periods(periods::Command),
    #[command(flatten)]
    Payments(payments::Command),
    /// Compare a closed window with what each province's node has counted in it
    Reconcile {
        /// The window, for example 20261121
        #[arg(value_name = "WINDOW")]
        window: String,
        #[command(flatten)]
        call: CallArgs,
    },
    /// List breaks (差错), say who looks into one, and close one
    Breaks {
        #[command(subcommand)]
        command: breaks::Command,
    },
    /// Show what each province owes to each other one in a window
    Positions {
        /// The window, for example 20261121 or 20261121-2, or a month: 202611; without it the open window
        #[arg(value_name = "WINDOW|PERIOD")]
        window: Option<String>,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Write the commits of closed windows (清算明细), or a form of what they add up to, into a file
    Statement(statement::Args),
}

/// `gongji settle`.
pub(super) fn settle(command: &Command) -> Exit {
    match command {
        Command::Windows { call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let request = |page_size, page_token| ListWindowsRequest { page_size, page_token };
            let found = hub.list(usize::MAX, request, |it| (it.windows, it.next_page_token)).await?.rows;
            call.output.print(
                || json!({ "windows": all(&found) }),
                || {
                    let header = ["window", "state", "closed", "by", "reconciled"];
                    let reconciled = |it: &Window| {
                        let [window, state, closed, closer] = cells(it);
                        [window, state, closed, closer, reconciliation(it)]
                    };
                    table::list(header, found.iter().map(reconciled), &[])
                },
            );
            Ok(Exit::Done)
        }),
        Command::Periods(command) => periods::run(command),
        Command::Payments(command) => payments::run(command),
        Command::Close { window, net, call } if is_period(window) => periods::close(window, *net, call),
        Command::Close { window, call, .. } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let closed = hub.ask(CloseWindowRequest { window_id: window.clone() }).await?;
            let closed = closed.window.unwrap_or_default();
            call.output.print(|| json!({ "window": to_json(&closed) }), || facts(&shown(&closed)));
            Ok(Exit::Done)
        }),
        Command::Reconcile { window, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let found = hub.ask(ReconcileWindowRequest { window_id: window.clone() }).await?;
            call.output.print(|| to_json(&found), || reconcile::text(&found));
            Ok(reconcile::exit(&found))
        }),
        Command::Breaks { command } => breaks::breaks(command),
        Command::Positions { window, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let month = window.clone().filter(|it| is_period(it));
            let request = match month.clone() {
                Some(period_id) => GetPositionsRequest { period_id, ..GetPositionsRequest::default() },
                None => {
                    let window_id = named_or_open(window.as_deref(), &hub).await?;
                    GetPositionsRequest { window_id, ..GetPositionsRequest::default() }
                }
            };
            let found = hub.ask(request).await?;
            call.output.print(|| to_json(&found), || positions::text(&found, month.as_deref()));
            Ok(Exit::Done)
        }),
        Command::Statement(args) => statement::statement(args),
    }
}

/// Whether a month is named, and no window.
fn is_period(text: &str) -> bool {
    Period::parse(text).is_some()
}

async fn named_or_open(named: Option<&str>, hub: &Server) -> Result<String, Failure> {
    match named {
        Some(window) => Ok(window.to_owned()),
        None => Ok(hub.ask(GetOpenWindowRequest {}).await?.window.unwrap_or_default().window_id),
    }
}

fn state(it: &Window) -> &'static str {
    match it.state() {
        WindowState::Unspecified => "?",
        WindowState::Open => "OPEN 未关闭",
        WindowState::Closed => "CLOSED 已关闭",
    }
}

fn cells(it: &Window) -> [String; 4] {
    [it.window_id.clone(), state(it).to_owned(), local_time(it.close_time.as_ref()), it.closer.clone()]
}

/// Whether everybody has counted the same, or how many do not, or are not known to.
fn reconciliation(it: &Window) -> String {
    if it.state() == WindowState::Open {
        return String::new();
    }
    let count = |state| it.standings.iter().filter(|it| it.state() == state).count();
    let open: u64 = it.standings.iter().map(|it| it.open_breaks).sum();
    match (it.reconciled, count(ReconciliationState::Differs)) {
        (true, _) => "yes 已对平".to_owned(),
        (false, 0) => "not yet 待对账".to_owned(),
        (false, some) => format!("{some} DIFFER 不一致, {open} open breaks 差错"),
    }
}

fn shown(it: &Window) -> [(&'static str, String); 4] {
    let [window, state, closed, closer] = cells(it);
    [("window 清算窗口", window), ("state 状态", state), ("closed 关闭时间", closed), ("by 操作员", closer)]
}
