//! What two hundred small worlds logged, as one hash each: code that is only moved leaves every world as it was. A
//! change of behaviour, or of the order in which the simulator draws its chances, changes them; `BLESS=1` then writes
//! `sim_logs.txt` anew, and the commit says why.

use gongji::domain::value::hex;
use gongji::sim::{Plan, run};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const SEEDS: u64 = 200;
const HEAD: &str = "# seed, SHA-256 of the log of a world with 40 transfers and 20 seconds of faults";

#[test]
fn small_worlds_log_what_they_always_did() {
    let next = AtomicU64::new(0);
    let work = || {
        let seeds =
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|it| *it < SEEDS));
        seeds.map(|seed| (seed, line(seed))).collect::<Vec<_>>()
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut lines: Vec<(u64, String)> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|it| it.join().expect("a thread ends")).collect()
    });
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    super::holds("sim_logs.txt", HEAD, &lines);
}

fn line(seed: u64) -> String {
    let report = run(Plan { transfers: 40, safety_ms: 20_000, ..Plan::of(seed) });
    assert!(report.violations.is_empty(), "seed {seed}: {}", report.violations.join("; "));
    format!("{seed} {}", hex(&report.log))
}
