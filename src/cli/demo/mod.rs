//! `gongji demo`: a hub and the nodes of four provinces in one process, a script of transfers with all that it shows,
//! the clearing of their month, and then a place to try things out.

mod attempt;
mod books;
mod clearing;
mod clerks;
mod clients;
mod commands;
mod connect;
mod enrol;
mod error;
mod folder;
mod perform;
mod planted;
mod report;
mod script;

use super::Exit;
use crate::config::log::{LogConfig, LogFormat};
use crate::devkit::cast::{Listed, PROVINCES};
use crate::devkit::launcher::{LaunchError, Servers, on_free_ports};
use crate::devkit::site::{Addresses, Site};
use crate::devkit::{cast, site};
use crate::domain::value::{Day, Period, RegionDirectory, Window};
use crate::telemetry;
use crate::transport::identity::Role;
use clearing::{Cleared, Clearing, Step};
use clerks::Clerks;
use clients::Clients;
use error::DemoError;
use folder::Folder;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The highest base from which the last node's port still exists.
const PORT_MAX: i64 = 65_535 - 51;

/// Arguments of `gongji demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of everything: stores, keys, certificates, configuration, connect.json
    #[arg(long, value_name = "DIR", default_value = "./data/demo")]
    data: PathBuf,
    /// Ports: the hub's; the nodes follow at +13, +14, +35 and +51 [default: what the system gives]
    #[arg(long, value_name = "BASE", value_parser = clap::value_parser!(u16).range(1..=PORT_MAX))]
    port: Option<u16>,
    /// End after the script: 0 when everything came out as it should, else 1
    #[arg(long)]
    once: bool,
    /// Which lines of the servers' log to print, for example warn or gongji=debug: that they are stopped and started
    /// again is a warning
    #[arg(long, value_name = "FILTER", default_value = "error")]
    log: String,
}

/// `gongji demo`.
pub fn run(args: &Args) -> Exit {
    match demonstrate(args) {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Refused,
        Err(error) => {
            eprintln!("gongji: {error}");
            match error {
                DemoError::Log(_) | DemoError::Config(_) | DemoError::Launch(LaunchError::Config(_)) => {
                    Exit::Usage
                }
                _ => Exit::Refused,
            }
        }
    }
}

/// Prints; nobody may be listening any more, and that is no reason to end.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// All of it. Gives whether everything came out as the script expects.
fn demonstrate(args: &Args) -> Result<bool, DemoError> {
    EnvFilter::builder().parse(&args.log).map_err(|error| DemoError::Log(error.to_string()))?;
    telemetry::init(&LogConfig { format: LogFormat::Text, filter: args.log.clone() });
    let cast = cast::list().map_err(|error| DemoError::Cast(error.to_string()))?;
    let folder = Folder::open(&args.data)?;
    let is_new = folder.is_new();
    let places = folder.places()?.directory;
    folder.issue()?;
    planted::put_right(&folder)?;
    let today = folder.next_day()?;
    let (site, mut servers) = start(&folder, today, args.port)?;
    say(&opening(&folder, &site, &places, today, is_new));
    let mut show =
        Show { folder: &folder, site: &site, servers: &mut servers, places: &places, cast: &cast, today };
    let well = show.play(args.once);
    let removed = folder.remove_connect();
    let stopped = servers.stop_all();
    let well = well?;
    removed?;
    stopped?;
    Ok(well)
}

/// Runs the part of clients. Their connections end with their runtime, so that no server waits for them.
fn in_runtime<T>(work: impl Future<Output = Result<T, DemoError>>) -> Result<T, DemoError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| DemoError::Io("runtime".into(), error))?.block_on(work)
}

/// Starts all five on a rule-day; on ports from the system, or from `base` on.
fn start(folder: &Folder, today: Day, base: Option<u16>) -> Result<(Site, Servers), LaunchError> {
    let start = |addresses: Addresses| {
        let site = folder.site_at(addresses, today)?;
        let servers = Servers::start_all(&site, site::servers(&PROVINCES))?;
        Ok((site, servers))
    };
    match base {
        Some(base) => start(site::fixed_addresses(base, &PROVINCES)),
        None => on_free_ports(&PROVINCES, start),
    }
}

fn opening(folder: &Folder, site: &Site, places: &RegionDirectory, today: Day, is_new: bool) -> String {
    let mut lines = vec![
        "gongji demo 医保钱包跨省共济演示: invented people, real servers, mutual TLS".to_owned(),
        format!("  rule-day 业务日期  {} (Asia/Shanghai; the next start is a later day)", today),
        format!(
            "  folder 数据目录    {} ({})",
            folder.path().display(),
            if is_new { "first start 首次启动" } else { "continued 继续" }
        ),
        format!("  hub 清算中心       {}", site.address(&Role::Hub)),
    ];
    for province in PROVINCES {
        let name = places.province(province).map_or("", |it| it.name.as_str());
        let address = site.address(&Role::Node(province));
        lines.push(format!("  node {province} {name}     {address}"));
    }
    lines.join("\n")
}

fn verdict(well: bool) -> &'static str {
    if well { "✓" } else { "✗" }
}

/// One start, once its servers run.
struct Show<'a> {
    folder: &'a Folder,
    site: &'a Site,
    servers: &'a mut Servers,
    places: &'a RegionDirectory,
    cast: &'a [Listed],
    today: Day,
}

impl Show<'_> {
    fn play(&mut self, once: bool) -> Result<bool, DemoError> {
        let (moved, first, day) = in_runtime(async {
            let clients = Clients::new(self.site)?;
            clients.wait_until_serving().await?;
            let (well, first) = self.script(&clients).await?;
            let clerks = Clerks::new(self.site)?;
            Ok((well, first, self.clearing(&clerks).close_day().await?))
        })?;
        // Without a transfer there is nothing to clear.
        let (cleared, unsigned) = match first {
            Some(transfer_id) => self.clear(day, &transfer_id)?,
            None => (false, None),
        };
        in_runtime(async {
            let clients = Clients::new(self.site)?;
            clients.wait_until_serving().await?;
            connect::write(self.folder, self.site, &clients, self.cast).await?;
            Ok(())
        })?;
        if !once {
            let month = Period::of(self.today);
            say("Commands for another terminal, with the ports and paths of this start:\n");
            say(&commands::text(self.folder, self.site, self.cast, (month, unsigned.as_ref()))?);
            say(&format!(
                "Serving; {} tells programs how to connect. Ctrl-C ends.",
                self.folder.connect().display()
            ));
            in_runtime(self.serve())?;
        }
        Ok(moved && cleared)
    }

    fn clearing<'a>(&'a self, clerks: &'a Clerks) -> Clearing<'a> {
        Clearing { folder: self.folder, clerks, window: Window::from(self.today) }
    }

    /// Clears the month, once hub and nodes have gone on on the first day of the next one. Gives whether every step
    /// came out as it must, and a table that is left to sign.
    fn clear(
        &mut self,
        day: Step,
        transfer_id: &str,
    ) -> Result<(bool, Option<crate::proto::hub::ClearingTable>), DemoError> {
        let next = Period::of(self.today).next().first_day();
        self.servers.stop_all()?;
        self.folder.site_at(self.site.addresses().clone(), next)?;
        *self.servers = Servers::start_all(self.site, site::servers(&PROVINCES))?;
        let Cleared { steps, notice, unsigned } = in_runtime(async {
            Clients::new(self.site)?.wait_until_serving().await?;
            self.clearing(&Clerks::new(self.site)?).clear(transfer_id).await
        })?;
        let steps: Vec<Step> = std::iter::once(day).chain(steps).collect();
        let well = steps.iter().filter(|it| it.well).count();
        let month = Period::of(self.today);
        say(&format!(
            "Clearing of {month}; hub and provinces go on at {next} 清算 {month}，时间推进到 {next}\n{}\n",
            report::clearing(&steps)
        ));
        say(&format!(
            "{} {well} of {} steps of clearing came out as they must 清算各步均符合预期\n  file 文件  {}\n",
            verdict(well == steps.len()),
            steps.len(),
            notice.display()
        ));
        Ok((well == steps.len(), unsigned))
    }

    /// Enrols, plays, prints. Gives whether every row and every ledger is as it must be, and the first transfer.
    async fn script(&self, clients: &Clients) -> Result<(bool, Option<String>), DemoError> {
        let filled = enrol::enrol(clients, self.cast, self.today).await?;
        say(&format!(
            "  members 参保人     {} (accounts filled up again 补充划入: {filled})\n",
            self.cast.len()
        ));
        let involved = script::people();
        let people: Vec<&Listed> = self.cast.iter().filter(|it| involved.contains(it.key.as_str())).collect();
        let before = books::balances(clients, people.iter().copied()).await?;
        let played = perform::play(clients, self.cast).await?;
        let after = books::balances(clients, people.iter().copied()).await?;
        let positions = books::positions(clients, self.site, self.today).await?;
        say(&format!("Transfers 转账\n{}\n", report::attempts(&played, self.places)));
        say(&format!("Balances 余额\n{}\n", report::balances(&people, &before, &after, self.places)));
        say(&format!("Positions 清算头寸\n{}\n", report::positions(&positions, self.places)));

        let failed = played.iter().filter(|it| !it.as_expected).count();
        let moved = books::expected(&before, &played)? == after;
        let balanced = books::balanced(&positions);
        say(&format!(
            "{} {} of {} attempts came out as expected 符合预期\n\
             {} balances moved by what was committed, and by nothing else 余额仅随已完成转账变动\n\
             {} positions of all provinces sum to 0.00; hub and provinces agree 各省头寸合计为 0.00，三方账目一致\n",
            verdict(failed == 0),
            played.len() - failed,
            played.len(),
            verdict(moved),
            verdict(balanced),
        ));
        let first = played.first().and_then(|it| it.committed()).map(|it| it.transfer_id.clone());
        Ok((failed == 0 && moved && balanced, first))
    }

    /// Until Ctrl-C or SIGTERM, or until a server has ended by itself.
    async fn serve(&self) -> Result<(), DemoError> {
        const LOOK_EVERY: Duration = Duration::from_secs(1);
        let heard = |error| DemoError::Io("signals".into(), error);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(heard)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(heard)?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {
                    if let Some(server) = self.servers.ended() {
                        return Err(DemoError::Ended(server.file_stem()));
                    }
                }
            }
        }
    }
}
