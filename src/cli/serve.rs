//! `gongji hub` and `gongji node`: run a server until it is told to stop.

use super::Exit;
use crate::config::{ConfigError, HubConfig, NodeConfig, ServerConfig};
use crate::net::running::{BLOCKING_THREADS, Ready, Stop};
use crate::{hub, node, telemetry};
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Arguments of both.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server's configuration (TOML).
    #[arg(long)]
    config: PathBuf,
}

/// `gongji hub`.
pub fn hub(args: &Args) -> Exit {
    match HubConfig::load(&args.config) {
        Ok(config) => serve(&config.server.clone(), |ready, stop| hub::run(config, ready, stop)),
        Err(error) => misconfigured(&error),
    }
}

/// `gongji node`.
pub fn node(args: &Args) -> Exit {
    match NodeConfig::load(&args.config) {
        Ok(config) => serve(&config.server.clone(), |ready, stop| node::run(config, ready, stop)),
        Err(error) => misconfigured(&error),
    }
}

fn misconfigured(error: &ConfigError) -> Exit {
    eprintln!("gongji: {error}");
    Exit::Usage
}

/// Runs a server on this thread until SIGTERM or Ctrl-C; prints its address once it listens.
fn serve<F, E>(config: &ServerConfig, run: impl FnOnce(Ready, Stop) -> F) -> Exit
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    telemetry::init(&config.log);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("gongji: the runtime cannot be made: {error}");
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
            eprintln!("gongji: {error}");
            Exit::Refused
        }
    }
}

/// One line for whoever started this: with port 0 nobody else knows it.
async fn announce(listening: oneshot::Receiver<std::net::SocketAddr>) {
    if let Ok(address) = listening.await {
        println!("listening on {address}");
        let _ = std::io::stdout().flush();
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
