//! `gongji settle`: windows, and what provinces owe each other in them.

pub mod forms;
mod positions;
mod reconcile;
mod statement;

use super::Exit;
use super::client::{CallArgs, Server};
use super::failure::Failure;
use super::json::{all, to_json};
use super::table::{self, facts};
use super::time::local_time;
use crate::proto::hub::{
    CloseWindowRequest, GetOpenWindowRequest, GetPositionsRequest, ListWindowsRequest,
    ReconcileWindowRequest, Window, WindowState,
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
    /// Close the open window before its day is over; what comes later today is counted in a further one
    Close {
        /// The open window, for example 20261121: what is closed already is not closed twice
        #[arg(value_name = "WINDOW")]
        window: String,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Compare a closed window with what each province's node has counted in it
    Reconcile {
        /// The window, for example 20261121
        #[arg(value_name = "WINDOW")]
        window: String,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Show what each province owes to each other one in a window
    Positions {
        /// The window, for example 20261121 or 20261121-2; without it the open one
        #[arg(value_name = "WINDOW")]
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
                    let header = ["window", "state", "closed", "by"];
                    table::list(header, found.iter().map(cells), &[])
                },
            );
            Ok(Exit::Done)
        }),
        Command::Close { window, call } => call.run(async |connection| {
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
        Command::Positions { window, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let window_id = named_or_open(window.as_deref(), &hub).await?;
            let found = hub.ask(GetPositionsRequest { window_id }).await?;
            call.output.print(|| to_json(&found), || positions::text(&found));
            Ok(Exit::Done)
        }),
        Command::Statement(args) => statement::statement(args),
    }
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

fn shown(it: &Window) -> [(&'static str, String); 4] {
    let [window, state, closed, closer] = cells(it);
    [("window 清算窗口", window), ("state 状态", state), ("closed 关闭时间", closed), ("by 操作员", closer)]
}
