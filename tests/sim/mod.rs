//! Simulated worlds: the seeds that once failed, and five hundred others.

use gongji::sim::{Plan, Report, cells, run};
use std::collections::{BTreeMap, BTreeSet};
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

/// Cells of the tables message × state that no world can or need reach, each with why.
fn unreached() -> BTreeMap<String, String> {
    let lines = include_str!("unreached.txt").lines().filter(|line| !line.starts_with('#'));
    let split =
        |line: &str| line.split_once(" | ").map(|(cell, why)| (cell.trim().to_owned(), why.to_owned()));
    lines.map(|line| split(line).unwrap_or_else(|| panic!("no reason: {line}"))).collect()
}

#[test]
fn cells_that_need_not_be_reached_exist_and_have_a_reason() {
    let all: BTreeSet<String> = cells().into_iter().collect();
    for (cell, why) in unreached() {
        assert!(all.contains(&cell) && why.len() > 10, "{cell}: {why}");
    }
}

#[test]
#[ignore = "takes a minute or two: .ci/run runs it"]
fn five_hundred_seeds() {
    let next = AtomicU64::new(1_000);
    let work = || {
        let seeds =
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|it| *it < 1_500));
        let plan = |seed| Plan { transfers: 200, safety_ms: 20_000, ..Plan::of(seed) };
        let (mut wrong, mut reached, mut counts) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for report in seeds.map(|seed| run(plan(seed))) {
            wrong.extend(failed(&report));
            let sum = |sums: &mut BTreeMap<String, u64>, of: &BTreeMap<String, u64>| {
                of.iter().for_each(|(name, times)| *sums.entry(name.clone()).or_default() += times);
            };
            sum(&mut reached, &report.marks);
            sum(&mut counts, &report.counts);
        }
        (wrong, reached, counts)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let all = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|it| it.join().expect("a thread ends")).collect::<Vec<_>>()
    });
    let wrong: Vec<String> = all.iter().flat_map(|(wrong, ..)| wrong.clone()).collect();
    let reached: BTreeSet<&String> = all.iter().flat_map(|(_, reached, _)| reached.keys()).collect();
    let mut sums: BTreeMap<&String, u64> = BTreeMap::new();
    for (name, times) in all.iter().flat_map(|(.., counts)| counts) {
        *sums.entry(name).or_default() += times;
    }
    sums.iter().for_each(|(name, times)| println!("{times:>8} {name}"));
    let (cells, unreached) = (cells(), unreached());
    println!("{} of {} cells message × state were reached", reached.len(), cells.len());
    let missed = cells.iter().filter(|cell| !reached.contains(cell) && !unreached.contains_key(*cell));
    let needless = unreached.keys().filter(|cell| reached.contains(cell));
    let missed = missed.map(|cell| format!("never reached, and not in unreached.txt: {cell}"));
    let needless = needless.map(|cell| format!("in unreached.txt, and reached: {cell}"));
    let wrong: Vec<String> = wrong.into_iter().chain(missed).chain(needless).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
