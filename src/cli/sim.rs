//! `gongji sim`: seeded worlds in which servers, networks, disks and clocks fail, while both sides must agree.

use super::Exit;
use super::print::say;
use super::table::{align_right, table};
use crate::sim::{Broken, Plan, Report, cells, run as simulate};
use clap::Args as ClapArgs;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What to simulate.
#[derive(ClapArgs)]
pub(super) struct Args {
    /// Simulate this seed alone
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many seeds to simulate
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Transfers in each world
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    transfers: u64,
    /// Break the protocol on purpose, to see that it is caught: exit code 1
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Broken::ALL.iter().map(|it| it.0)))]
    broken: Option<String>,
    /// Print every event of the one seed
    #[arg(long, requires = "seed")]
    log: bool,
}

impl Args {
    fn plan(&self, seed: u64) -> Plan {
        let named = |name: &String| Broken::ALL.iter().find(|(it, _)| it == name).map(|(_, broken)| *broken);
        let broken = self.broken.as_ref().and_then(named);
        Plan { transfers: self.transfers, verbose: self.log, broken, ..Plan::of(seed) }
    }

    fn replay(&self, seed: u64) -> String {
        let broken = self.broken.as_ref().map_or_else(String::new, |name| format!(" --broken {name}"));
        format!("gongji sim --seed {seed} --transfers {}{broken} --log", self.transfers)
    }
}

/// Simulates every seed, on all cores; reports come in the order of seeds.
fn all(args: &Args) -> Vec<Report> {
    let (from, count) = args.seed.map_or((args.from, args.seeds), |seed| (seed, 1));
    let (next, reports) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return;
            }
            let report = simulate(args.plan(from.wrapping_add(at)));
            if let Ok(mut reports) = reports.lock() {
                reports.insert(at, report);
            }
        }
    };
    let threads = cores(usize::try_from(count).unwrap_or(usize::MAX));
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    reports.into_inner().map(|reports| reports.into_values().collect()).unwrap_or_default()
}

fn sum<'a>(maps: impl Iterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<&'a str, u64> {
    let mut sums = BTreeMap::new();
    for (name, count) in maps.flatten() {
        *sums.entry(name.as_str()).or_default() += count;
    }
    sums
}

fn show(title: &str, counts: &BTreeMap<&str, u64>) {
    let mut shown = table(&[title, "times"]);
    for (name, count) in counts {
        shown.add_row([(*name).to_owned(), count.to_string()]);
    }
    align_right(&mut shown, &[1]);
    say(shown);
}

/// Cells of the tables that no world has reached.
fn never_reached(reports: &[Report]) {
    let reached = |cell: &String| reports.iter().any(|report| report.marks.contains_key(cell));
    let never: Vec<String> = cells().into_iter().filter(|cell| !reached(cell)).collect();
    say(format!("never reached: {} of {} cells", never.len(), cells().len()));
    for cell in never {
        say(format!("  {cell}"));
    }
}

/// How many cores so many worlds were run on.
fn cores(worlds: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(worlds).max(1)
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Exit {
    let began = Instant::now();
    let reports = all(args);
    let seconds = began.elapsed().as_secs_f64();
    show("what happened", &sum(reports.iter().map(|report| &report.counts)));
    show("message × state", &sum(reports.iter().map(|report| &report.marks)));
    never_reached(&reports);
    let transfers = args.transfers * reports.len() as u64;
    let records: u64 = reports.iter().map(|report| report.records).sum();
    let checks: u64 = reports.iter().map(|report| report.checks).sum();
    let whole: u64 = reports.iter().map(|report| report.whole_checks).sum();
    let rate = transfers as f64 / seconds.max(0.001);
    say(format!(
        "{} seeds, {transfers} transfers, {records} journal records; what had changed was checked {checks} times, \
         all of it {whole} times; {seconds:.1} s, {rate:.0} transfers/s, {:.0} a core",
        reports.len(),
        rate / cores(reports.len()) as f64
    ));
    if let [only] = reports.as_slice() {
        say(format!("log {}", crate::domain::value::id::hex(&only.log)));
    }
    let failed: Vec<&Report> = reports.iter().filter(|report| !report.violations.is_empty()).collect();
    for report in &failed {
        say(format!("seed {} FAILED: {}", report.seed, report.violations.join("; ")));
        say(format!("  again: {}", args.replay(report.seed)));
    }
    if failed.is_empty() { Exit::Done } else { Exit::Refused }
}
