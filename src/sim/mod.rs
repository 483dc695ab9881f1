//! The simulator: the hub's and the nodes' real machines and engine cores over a simulated network, disk and clock. A
//! seed decides everything, so a failure is found again by its seed. First a safety phase full of faults, in which
//! every invariant must hold at every moment; then everything heals, and everything must end.

mod allotments;
mod broken;
mod chance;
mod chaos;
mod check;
mod clocks;
mod hub_side;
mod joint;
mod keys;
mod left_out;
mod months;
mod network;
mod node_side;
mod operators;
mod payees;
mod stale;
mod starts;
#[cfg(test)]
mod tests;
mod world;

pub use crate::testkit::cells;
pub use broken::Broken;

use std::collections::BTreeMap;

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// How many transfers clients ask for.
    pub transfers: u64,
    /// Milliseconds with faults.
    pub safety_ms: u64,
    /// Milliseconds in which everything must end, once nothing fails any more.
    pub liveness_ms: u64,
    /// How bad it gets: 0 is a good day, 10 a bad one.
    pub chaos: u64,
    /// Whether the last province is dark until everything heals.
    pub dark: bool,
    /// Whether to print the log as it is written.
    pub verbose: bool,
    /// What is broken on purpose, to see that it is caught.
    pub broken: Option<Broken>,
}

impl Plan {
    /// The usual plan of a seed.
    pub fn of(seed: u64) -> Plan {
        let (transfers, chaos) = (1_000, 1 + seed % 10);
        let (dark, verbose, broken) = (false, false, None);
        Plan { seed, transfers, safety_ms: 60_000, liveness_ms: 180_000, chaos, dark, verbose, broken }
    }
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Provinces that took part.
    pub provinces: u8,
    /// What happened how often: faults, answers.
    pub counts: BTreeMap<String, u64>,
    /// Cells of the state tables that were reached, message × state.
    pub marks: BTreeMap<String, u64>,
    /// How often what had changed was checked, and how often all of it.
    pub checks: u64,
    /// How often all of it was.
    pub whole_checks: u64,
    /// How long each client waited for his decided transfer, in simulated milliseconds from his first request: of
    /// transfers that do not touch the last province.
    pub waits: Vec<u64>,
    /// Journal records of all servers at the end.
    pub records: u64,
    /// What must not be; empty when all is well.
    pub violations: Vec<String>,
    /// SHA-256 of the log: the same for the same seed.
    pub log: [u8; 32],
}

impl Report {
    fn of(seed: u64, provinces: u8) -> Report {
        Report {
            seed,
            provinces,
            counts: BTreeMap::new(),
            marks: BTreeMap::new(),
            checks: 0,
            whole_checks: 0,
            waits: Vec::new(),
            records: 0,
            violations: Vec::new(),
            log: [0; 32],
        }
    }

    fn count(&mut self, what: &str) {
        match self.counts.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(what.to_owned(), 1)),
        }
    }

    fn mark(&mut self, cell: String) {
        *self.marks.entry(cell).or_default() += 1;
    }
}

/// Runs a plan to its end.
pub fn run(plan: Plan) -> Report {
    world::World::new(plan).run()
}
