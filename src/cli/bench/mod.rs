//! `gongji bench`: how fast, how much memory, and whether every answer was true. Starts a hub and two nodes as
//! processes of their own (or drives what runs already), loads them in a closed loop, and audits before it says a
//! figure.

mod audit;
mod enrol;
mod figures;
mod foreign;
mod latencies;
mod load;
mod stage;
mod usage;

use super::Exit;
use crate::devkit::client::Caller;
use crate::devkit::launcher::LaunchError;
use crate::proto::hub::WaitMode;
use crate::proto::hub::transfer_service_client::TransferServiceClient;
use clap::ValueEnum;
use figures::{Figures, Settings};
use load::{Field, Plan, Seen};
use stage::Stage;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tonic::transport::Channel;

/// Shortest run whose figures are a result, in seconds.
const RESULT_SECONDS: u64 = 60;
/// What comes before the measured time: connections, caches and files warm up.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long recording may lag behind the last answer.
const DRAIN_WITHIN: Duration = Duration::from_secs(120);
/// Recording follows the order of decisions: once this many of the newest transfers are recorded, all are. The audit
/// would find one that is not.
const NEWEST: usize = 10_000;
/// So many of a thousand transfers go to the dark province, and so many people live there.
const DARK_PER_MILLE: usize = 100;
const DARK_PEOPLE: u64 = 100;
/// A server that has just started is left alone for so long before its idle memory is read.
const SETTLE: Duration = Duration::from_secs(1);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Calls under way at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    concurrency: u64,
    /// Transfers in one call (SubmitTransfers); without it each call makes one (CreateTransfer).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
    batch: Option<u64>,
    /// What a call waits for.
    #[arg(long, value_enum, default_value_t = Wait::Decided)]
    wait: Wait,
    /// Measured seconds, after 5 s of warm-up; at least 60.
    #[arg(long, default_value_t = RESULT_SECONDS, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Allow fewer seconds; the output then says that it is no result.
    #[arg(long)]
    short: bool,
    /// Generated payers in 河北 (13), and as many relatives in 四川 (51).
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    members: u64,
    /// Connections to the hub.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    connections: u64,
    /// Where the servers keep their stores, in a new folder that is removed at the end; default: the system's
    /// temporary folder.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Drive the servers that this connect.json describes, with its members, instead of starting some.
    #[arg(long, conflicts_with_all = ["members", "data"])]
    connect: Option<PathBuf>,
    /// A third province is configured and its node never started: measure without transfers to it, then with every
    /// tenth going there, and show what the others notice.
    #[arg(long, conflicts_with_all = ["connect", "batch"])]
    dark: bool,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wait {
    /// The hub has recorded the decision.
    Decided,
    /// Both provinces have recorded it.
    Recorded,
}

impl Wait {
    fn mode(self) -> WaitMode {
        match self {
            Wait::Decided => WaitMode::Decided,
            Wait::Recorded => WaitMode::Recorded,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Wait::Decided => "decided",
            Wait::Recorded => "recorded",
        }
    }
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    /// Wrong arguments or files.
    #[error("{0}")]
    Usage(String),
    /// Servers, members or calls did not do what a run needs.
    #[error("{0}")]
    Failed(String),
    /// A server does not start, or did not end well.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// Answers and ledgers do not agree; what is off, a line each.
    #[error("the audit failed, so there are no figures:\n{}", .0.join("\n"))]
    Audit(Vec<String>),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

/// A failure at some place, for `map_err`.
fn failed<E: std::fmt::Display>(place: impl std::fmt::Display) -> impl FnOnce(E) -> BenchError {
    move |error| BenchError::Failed(format!("{place}: {error}"))
}

/// `gongji bench`.
pub fn run(args: &Args) -> Exit {
    let done = check(args).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(failed("the runtime"))?.block_on(async {
            tokio::select! {
                done = bench(args) => done,
                () = told_to_stop() => Err(BenchError::Interrupted),
            }
        })
    });
    match done {
        Ok(figures) => {
            figures.print(args.json);
            Exit::Done
        }
        Err(error) => {
            eprintln!("gongji bench: {error}");
            if matches!(error, BenchError::Usage(_)) { Exit::Usage } else { Exit::Refused }
        }
    }
}

/// Ctrl-C or SIGTERM: then the servers must end and the folder go, as at any other end.
async fn told_to_stop() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

fn check(args: &Args) -> Result<(), BenchError> {
    if args.seconds < RESULT_SECONDS && !args.short {
        let what = format!(
            "--seconds {} is too short for a result: at least {RESULT_SECONDS}, or --short",
            args.seconds
        );
        return Err(BenchError::Usage(what));
    }
    Ok(())
}

async fn bench(args: &Args) -> Result<Figures, BenchError> {
    match &args.connect {
        Some(file) => drive(args, file).await,
        None => stage(args).await,
    }
}

/// Starts servers, loads them, stops them and reads their stores.
async fn stage(args: &Args) -> Result<Figures, BenchError> {
    say("starting a hub and two nodes");
    let mut stage = Stage::start(args.data.as_deref(), args.dark).await?;
    tokio::time::sleep(SETTLE).await;
    let started = stage.usage();
    say(&format!("enrolling {} members", args.members * 2));
    let mut field = enrol::enrol(&stage, args.members).await?;
    if args.dark {
        field.dark = enrol::people(stage::DARK_PROVINCE, DARK_PEOPLE)?;
    }
    let enrolled = stage.usage();
    let app = stage.app()?;
    let clients = clients(args, &app);
    enrol::wait_until_open(&app, &field).await?;
    let field = Arc::new(field);
    let plan = plan(args);
    let light = match args.dark {
        true => Some(load_and_drain(plan, &clients, Arc::clone(&field), &|| stage.usage()).await?.0),
        false => None,
    };
    let dark_per_mille = if args.dark { DARK_PER_MILLE } else { 0 };
    let (mut run, drained) =
        load_and_drain(Plan { dark_per_mille, ..plan }, &clients, field, &|| stage.usage()).await?;
    let after = stage.usage();
    let without = light.map(|mut light| {
        run.answers.append(&mut light.answers);
        run.answers.sort_unstable_by_key(|answer| answer.id);
        light
    });
    drop(clients);
    say("stopping the servers and reading their stores");
    stage.stop().await?;
    let audit = audit::audit(&stage, &run.answers)?;
    let settings = settings(args, Some(stage.file_system()));
    Ok(Figures { settings, run, without, drained, memory: vec![started, enrolled, after], audit })
}

/// Drives servers that run already, and audits over the wire.
async fn drive(args: &Args, file: &Path) -> Result<Figures, BenchError> {
    let world = foreign::World::load(file)?;
    let field = world.field()?;
    let clients = clients(args, &world.app);
    let before = world.balances().await?;
    let (run, drained) = load_and_drain(plan(args), &clients, Arc::new(field), &Vec::new).await?;
    say("reading every transfer and balance back");
    let audit = world.audit(&clients[0], &before, &run.answers).await?;
    let settings = settings(args, None);
    Ok(Figures { settings, run, without: None, drained, memory: Vec::new(), audit })
}

fn plan(args: &Args) -> Plan {
    Plan {
        concurrency: usize_of(args.concurrency),
        batch: args.batch.map(usize_of),
        wait: args.wait.mode(),
        dark_per_mille: 0,
        warm_up: WARM_UP,
        measured: Duration::from_secs(args.seconds),
    }
}

async fn load_and_drain(
    plan: Plan,
    clients: &[Client],
    field: Arc<Field>,
    usage: &dyn Fn() -> Vec<usage::Usage>,
) -> Result<(load::Run, Duration), BenchError> {
    let dark = if plan.dark_per_mille > 0 { ", every tenth transfer to a dark province" } else { "" };
    let seconds = (plan.measured.as_secs(), plan.warm_up.as_secs());
    say(&format!("loading for {} s after {} s of warm-up{dark}", seconds.0, seconds.1));
    let run = load::run(plan, clients, field, usage).await?;
    let begun = Instant::now();
    let newest = run.answers.iter().rev().take(NEWEST);
    let unknown = run.answers.iter().filter(|answer| answer.seen == Seen::Unknown);
    let open = newest.chain(unknown).map(|answer| answer.id).collect();
    load::drain(&clients[0], open, DRAIN_WITHIN).await?;
    Ok((run, begun.elapsed()))
}

fn settings(args: &Args, file_system: Option<String>) -> Settings {
    Settings {
        concurrency: args.concurrency,
        batch: args.batch,
        wait: args.wait.name(),
        seconds: args.seconds,
        connections: args.connections,
        members: args.connect.is_none().then_some(args.members),
        is_result: args.seconds >= RESULT_SECONDS && file_system.as_deref() != Some("tmpfs"),
        file_system,
    }
}

/// A client of the hub's TransferService.
type Client = TransferServiceClient<Channel>;

/// So many clients, each with a connection of its own.
fn clients(args: &Args, app: &Caller) -> Vec<Client> {
    (0..args.connections).map(|_| app.transfers()).collect()
}

/// What happens now, for whoever waits; figures alone go to standard output.
fn say(what: &str) {
    eprintln!("{what} …");
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
