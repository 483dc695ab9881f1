//! What a run found, for people and for programs.

use super::audit::Audit;
use super::latencies::Latencies;
use super::load::Run;
use super::usage::Usage;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How it was measured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls under way at once.
    pub concurrency: u64,
    /// Transfers in one call; none: unary.
    pub batch: Option<u64>,
    /// What a call waited for.
    pub wait: &'static str,
    /// Measured seconds.
    pub seconds: u64,
    /// Connections to the hub.
    pub connections: u64,
    /// Payers, and as many relatives; none when others' members were used.
    pub members: Option<u64>,
    /// The file system of the stores; none when they are others'.
    pub file_system: Option<String>,
    /// Whether it was long enough, and on a disk.
    pub is_result: bool,
}

/// Everything that is told.
#[derive(Debug)]
pub struct Figures {
    /// How it was measured.
    pub settings: Settings,
    /// What was measured.
    pub run: Run,
    /// The same load before it, where every tenth transfer of the other goes to a dark province.
    pub without: Option<Run>,
    /// From the last answer until both provinces had recorded everything.
    pub drained: Duration,
    /// Of each process: when started, with members, after the load. Empty for servers of others.
    pub memory: Vec<Vec<Usage>>,
    /// What the audit went through.
    pub audit: Audit,
}

const NO_RESULT: &str = "NOT A RESULT: shorter than 60 s, or not on a disk";

impl Figures {
    /// Prints it on standard output.
    pub fn print(&self, as_json: bool) {
        if as_json {
            println!("{:#}", self.json());
        } else {
            self.tables();
        }
    }

    fn per_second(&self) -> f64 {
        self.run.tally.committed as f64 / self.run.elapsed.as_secs_f64()
    }

    /// Per committed transfer of the measured time.
    fn each(&self, total: u64) -> f64 {
        total as f64 / self.run.tally.committed.max(1) as f64
    }

    fn latency(&self) -> [(&'static str, Duration); 3] {
        of_times(&self.run.tally.latencies)
    }

    /// What the others notice of a dark province.
    fn beside_dark(&self) -> Vec<(&'static str, &Latencies)> {
        let with = &self.run.tally;
        let rows = |without: &'_ Run| without.tally.latencies.total() > 0;
        match &self.without {
            Some(without) if rows(without) => vec![
                ("others, without it", &without.tally.latencies),
                ("others, beside it", &with.latencies),
                ("to the dark province", &with.to_dark),
            ],
            Some(_) | None => Vec::new(),
        }
    }

    fn json(&self) -> Value {
        let Settings { concurrency, batch, wait, seconds, connections, members, file_system, is_result } =
            &self.settings;
        let latency = self.latency().map(|(name, time)| (name.to_owned(), json!(millis(time))));
        let cpu = self.run.used.iter().map(|used| {
            let threads = used.cpu.iter().map(|(name, ns)| (name.clone(), json!(self.each(*ns) / 1e3)));
            (used.name.clone(), Value::Object(threads.collect()))
        });
        let written = self.run.used.iter().map(|used| (used.name.clone(), json!(self.each(used.written))));
        let dark = self.beside_dark().into_iter().map(|(who, times)| {
            let (count, times) = (times.total(), of_times(times));
            let times = times.map(|(name, time)| (name.to_owned(), json!(millis(time))));
            let calls = [("calls".to_owned(), json!(count))];
            (who.to_owned(), Value::Object(times.into_iter().chain(calls).collect()))
        });
        let names = ["started", "enrolled", "after"];
        let memory = names.iter().zip(&self.memory).map(|(moment, all)| {
            let all = all.iter().map(|used| (used.name.clone(), json!(used.rss_kib)));
            ((*moment).to_owned(), Value::Object(all.collect()))
        });
        json!({
            "is_result": is_result,
            "settings": {
                "concurrency": concurrency, "batch": batch, "wait": wait, "seconds": seconds,
                "connections": connections, "members": members, "file_system": file_system,
                "mtls": true, "synchronous": file_system.as_ref().map(|_| "FULL"),
            },
            "transfers_per_second": self.per_second(),
            "committed": self.run.tally.committed,
            "calls": self.run.tally.latencies.total(),
            "call_ms": Map::from_iter(latency),
            "without_dark_province": self.without.as_ref().map(|it| {
                json!({ "refusals": it.tally.refusals, "unknowns": it.tally.unknowns })
            }),
            "dark_province_call_ms": Map::from_iter(dark),
            "refusals": self.run.tally.refusals,
            "unknowns": self.run.tally.unknowns,
            "drained_ms": millis(self.drained),
            "cpu_us_per_transfer": Map::from_iter(cpu),
            "bytes_written_per_transfer": Map::from_iter(written),
            "rss_kib": Map::from_iter(memory),
            "audit": {
                "source": self.audit.source, "answers": self.audit.answers, "committed": self.audit.committed,
                "aborted": self.audit.aborted, "resolved": self.audit.resolved,
                "journal_records": self.audit.records, "in_doubt": 0,
            },
        })
    }

    fn tables(&self) {
        let settings = &self.settings;
        if !settings.is_result {
            println!("{NO_RESULT}");
        }
        let call = settings.batch.map_or("unary".to_owned(), |count| format!("batches of {count}"));
        let stores = settings.file_system.as_ref();
        let stores = stores.map_or("others' stores".to_owned(), |kind| format!("synchronous=FULL on {kind}"));
        println!(
            "{call}, concurrency {}, wait {}, {} s, {} connections, mTLS on, {stores}",
            settings.concurrency, settings.wait, settings.seconds, settings.connections
        );
        let mut main =
            table(&["transfers/s", "p50 ms", "p99 ms", "max ms", "drained ms", "refusals", "unknowns"]);
        let [p50, p99, max] = self.latency().map(|(_, time)| format!("{:.2}", millis(time)));
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>().to_string();
        let tally = &self.run.tally;
        let drained = format!("{:.0}", millis(self.drained));
        let rate = format!("{:.0}", self.per_second());
        main.add_row([rate, p50, p99, max, drained, sum(&tally.refusals), sum(&tally.unknowns)]);
        println!("{main}");
        if self.without.is_some() {
            let mut dark = table(&["one province dark", "calls", "p50 ms", "p99 ms", "max ms"]);
            for (who, times) in self.beside_dark() {
                let [p50, p99, max] = of_times(times).map(|(_, time)| format!("{:.2}", millis(time)));
                dark.add_row([who.to_owned(), times.total().to_string(), p50, p99, max]);
            }
            println!("{dark}");
        }
        if let Some(Run { tally, .. }) = &self.without {
            let (refused, unknown) = (sum(&tally.refusals), sum(&tally.unknowns));
            println!("without the dark province: {refused} refused, {unknown} unknown");
        }
        for (what, counts) in [("refused", &tally.refusals), ("unknown", &tally.unknowns)] {
            counts.iter().for_each(|(reason, count)| println!("{what}: {count} × {reason}"));
        }
        if !self.memory.is_empty() {
            self.processes();
        }
        let audit = &self.audit;
        println!(
            "audit ({}): {} answers equal the ledgers: {} committed, {} aborted, {} unknown ones settled; \
             {} journal records verified; money conserved; 0 in doubt",
            audit.source, audit.answers, audit.committed, audit.aborted, audit.resolved, audit.records
        );
    }

    fn processes(&self) {
        let heads = [
            "process",
            "MiB started",
            "enrolled",
            "after",
            "CPU µs/transfer",
            "cores",
            "written B/transfer",
            "by thread",
        ];
        let mut processes = table(&heads);
        for (at, used) in self.run.used.iter().enumerate() {
            let mut row = vec![used.name.clone()];
            let memory = |all: &Vec<Usage>| all.get(at).map_or(0, |used| used.rss_kib) as f64 / 1024.0;
            row.extend(self.memory.iter().map(|all| format!("{:.1}", memory(all))));
            row.push(format!("{:.1}", self.each(used.cpu_total()) / 1e3));
            row.push(format!("{:.2}", used.cpu_total() as f64 / 1e9 / self.run.elapsed.as_secs_f64()));
            row.push(format!("{:.0}", self.each(used.written)));
            let threads = used.cpu.iter().map(|(name, ns)| format!("{name} {:.1}", self.each(*ns) / 1e3));
            row.push(threads.collect::<Vec<_>>().join(", "));
            processes.add_row(row);
        }
        println!("{processes}");
    }
}

fn of_times(times: &Latencies) -> [(&'static str, Duration); 3] {
    [("p50", times.quantile(0.5)), ("p99", times.quantile(0.99)), ("max", times.quantile(1.0))]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(heads.iter().copied());
    table.column_iter_mut().for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    table
}
