//! `gongji hub` and `gongji node`: run a server until it is told to stop, or list what waits there. Beside them the
//! check of their configuration, and the incidents that people must look at.

pub mod config_check;
pub mod in_flight;
pub mod incidents;
pub mod list;
pub mod nodes;
pub mod suspense;

use super::Exit;
use super::client::CallArgs;
use super::output::{note, say};
use crate::config::{ConfigError, HubConfig, NodeConfig, ServerConfig};
use crate::engine::panics;
use crate::server::common::running::{BLOCKING_THREADS, Ready, Stop};
use crate::server::{hub, node};
use crate::telemetry;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Arguments of `gongji hub`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct HubArgs {
    #[command(subcommand)]
    command: Option<HubCommand>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Arguments of `gongji node`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct NodeArgs {
    #[command(subcommand)]
    command: Option<NodeCommand>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// The server's configuration (TOML): runs the server
    #[arg(long, required = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ServeArgs {
    fn config(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(""))
    }
}

#[derive(Debug, clap::Subcommand)]
enum HubCommand {
    /// List transfers that are undecided or not recorded by a province, why, and since when
    InFlight(list::ListArgs),
    /// List the nodes: what each says of itself, whether it can be reached, and which of its answers did not count
    Nodes(CallArgs),
}

#[derive(Debug, clap::Subcommand)]
enum NodeCommand {
    /// List legs whose decision a node does not know, since when, and when it asks next
    InDoubt(in_flight::NodeListArgs),
    /// List what stands in suspense since a node was restored: of whom (by reference), how much, and since when
    Suspense(suspense::SuspenseArgs),
}

/// `gongji hub`.
pub fn hub(args: &HubArgs) -> Exit {
    match &args.command {
        Some(HubCommand::InFlight(list)) => return in_flight::in_flight(list),
        Some(HubCommand::Nodes(call)) => return nodes::nodes(call),
        None => {}
    }
    match HubConfig::load(args.serve.config()) {
        Ok(config) => serve(&config.server.clone(), |ready, stop| hub::run(config, ready, stop)),
        Err(error) => misconfigured(&error),
    }
}

/// `gongji node`.
pub fn node(args: &NodeArgs) -> Exit {
    match &args.command {
        Some(NodeCommand::InDoubt(list)) => return in_flight::in_doubt(list),
        Some(NodeCommand::Suspense(list)) => return suspense::suspense(list),
        None => {}
    }
    match NodeConfig::load(args.serve.config()) {
        Ok(config) => serve(&config.server.clone(), |ready, stop| node::run(config, ready, stop)),
        Err(error) => misconfigured(&error),
    }
}

fn misconfigured(error: &ConfigError) -> Exit {
    note(format!("gongji: {error}"));
    Exit::Usage
}

/// Runs a server on this thread until SIGTERM or Ctrl-C; prints its address once it listens.
fn serve<F, E>(config: &ServerConfig, run: impl FnOnce(Ready, Stop) -> F) -> Exit
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    telemetry::init(&config.log);
    panics::end_process();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            note(format!("gongji: the runtime cannot be made: {error}"));
            return Exit::Refused;
        }
    };
    let served = runtime.block_on(async {
        let (ready, listening) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(announce(listening));
        tokio::spawn(stop_on_signal(stop));
        run(ready, stopped).await
    });
    match served {
        Ok(()) => Exit::Done,
        Err(error) => {
            note(format!("gongji: {error}"));
            Exit::Refused
        }
    }
}

/// One line for whoever started this: with port 0 nobody else knows it.
async fn announce(listening: oneshot::Receiver<std::net::SocketAddr>) {
    if let Ok(address) = listening.await {
        say(format!("listening on {address}"));
    }
}

async fn stop_on_signal(stop: oneshot::Sender<()>) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be heard: only a kill stops this server");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // The server may have ended by itself.
    let _ = stop.send(());
}
