//! Simulated worlds: the seeds that once failed, and five hundred others.

use gongji::sim::{Plan, Report, run};
use std::sync::atomic::{AtomicU64, Ordering};

/// One line for each world that went wrong, with how to see it again.
fn failed(report: &Report) -> Option<String> {
    let (seed, violations) = (report.seed, report.violations.join("; "));
    (!report.violations.is_empty()).then(|| format!("gongji sim --seed {seed} --log: {violations}"))
}

#[test]
fn seeds_that_once_failed_pass() {
    let kept = include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let seeds = kept.filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let failed: Vec<String> = seeds.filter_map(|seed| failed(&run(Plan::of(seed)))).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
#[ignore = "takes a minute or two: .ci/run runs it"]
fn five_hundred_seeds() {
    let next = AtomicU64::new(1_000);
    let work = || {
        let seeds =
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|it| *it < 1_500));
        let plan = |seed| Plan { transfers: 200, safety_ms: 20_000, ..Plan::of(seed) };
        seeds.filter_map(|seed| failed(&run(plan(seed)))).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failed = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|it| it.join().expect("a thread ends")).collect::<Vec<String>>()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
