//! Simulated worlds: the seeds that once failed, and a thousand others.

use gongji::sim::{Broken, Plan, Report, cells, run};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// One line for each world that went wrong, with how to see it again.
fn failed(report: &Report) -> Option<String> {
    let (seed, violations) = (report.seed, report.violations.join("; "));
    (!report.violations.is_empty()).then(|| format!("gongji sim --seed {seed} --log: {violations}"))
}

/// Seeds that once failed, each with the name of the broken protocol that brings its bug back.
fn kept() -> Vec<(u64, &'static str)> {
    let lines = include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let split = |line: &'static str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?))
    };
    lines.map(|line| split(line).unwrap_or_else(|| panic!("no seed and name: {line}"))).collect()
}

#[test]
fn seeds_that_once_failed_pass() {
    let failed: Vec<String> = kept().iter().filter_map(|(seed, _)| failed(&run(Plan::of(*seed)))).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A simulator that finds nothing proves nothing: each of these protocols must be caught, and by its own symptom. Those
/// that bring an old bug back are caught in the worlds that once found it; the others in one of a few small worlds.
/// When worlds go other ways, `gongji sim --broken NAME --seeds 3000` finds others for `seeds.txt`.
#[test]
fn protocols_that_are_broken_on_purpose_are_caught() {
    let kept = kept();
    let unknown =
        |(_, name): &&(u64, &str)| *name != "-" && Broken::ALL.iter().all(|(known, _)| known != name);
    assert_eq!(kept.iter().find(unknown), None);
    for (name, broken) in Broken::ALL {
        let (begins, says) = broken.symptom();
        let shows = |plan: Plan| {
            let violations = run(Plan { broken: Some(*broken), ..plan }).violations;
            violations.first().is_some_and(|it| it.starts_with(begins) && it.contains(says))
        };
        let old: Vec<u64> = kept.iter().filter(|(_, it)| it == name).map(|(seed, _)| *seed).collect();
        let small = |seed| Plan { transfers: 120, safety_ms: 20_000, chaos: 10, ..Plan::of(seed) };
        for seed in &old {
            assert!(shows(Plan::of(*seed)), "gongji sim --broken {name} --seed {seed} --log");
        }
        assert!(!old.is_empty() || (0..30).any(|seed| shows(small(seed))), "{name}");
    }
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
fn a_thousand_seeds() {
    let next = AtomicU64::new(1_000);
    let work = || {
        let seeds =
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|it| *it < 2_000));
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
    let never = unreached.iter().filter(|(_, why)| !why.starts_with("seldom:"));
    let needless = never.map(|(cell, _)| cell).filter(|cell| reached.contains(cell));
    let missed = missed.map(|cell| format!("never reached, and not in unreached.txt: {cell}"));
    let needless = needless.map(|cell| format!("in unreached.txt, and reached: {cell}"));
    let wrong: Vec<String> = wrong.into_iter().chain(missed).chain(needless).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
