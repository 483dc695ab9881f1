//! Cells of the tables message × state: all that there are, and those that a run has reached.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The hub's messages about a transfer.
const AT_HUB: &[&str] = &[
    "create",
    "create, other content",
    "accept",
    "decline",
    "propose",
    "approve",
    "withdraw",
    "vote yes",
    "vote no",
    "vote awaiting",
    "vote conflict",
    "no vote",
    "receipt",
    "receipt again",
    "rejection",
    "question",
    "question, other terms",
    "restart",
];

/// Where a transfer stands at the hub, or the hub itself while it hears what it lost.
const TRANSFERS: &[&str] = &[
    "never seen",
    "tombstone",
    "pending",
    "awaiting_acceptance",
    "accepted",
    "committed",
    "aborted",
    "the hub recovers",
];

/// A node's messages about a leg.
const AT_NODE: &[&str] = &[
    "prepare",
    "prepare by id",
    "prepare return",
    "prepare, other terms",
    "commit",
    "commit, replayed",
    "abort",
    "ruling commit",
    "ruling abort",
    "ruling not yet",
];

/// Where a leg stands at a node, or the node itself before it was admitted, and while it is told again what it lost.
const LEGS: &[&str] = &[
    "never seen",
    "awaiting",
    "prepared",
    "refused",
    "tombstone",
    "committed",
    "aborted",
    "the node is not admitted",
];

/// Every cell, as a run names it.
pub fn cells() -> Vec<String> {
    let table = |place: &'static str, messages: &'static [&'static str], states: &'static [&'static str]| {
        messages.iter().flat_map(move |message| states.iter().map(move |state| name((place, message, state))))
    };
    table("hub", AT_HUB, TRANSFERS).chain(table("node", AT_NODE, LEGS)).collect()
}

type Cell = (&'static str, &'static str, &'static str);

fn name((place, message, state): Cell) -> String {
    format!("{place}: {message} × {state}")
}

/// Cells that were reached, and how often. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Marks(Rc<RefCell<BTreeMap<Cell, u64>>>);

impl Marks {
    /// Marks a cell.
    pub fn mark(&self, place: &'static str, message: &'static str, state: &'static str) {
        *self.0.borrow_mut().entry((place, message, state)).or_default() += 1;
    }

    /// All of them by name.
    pub fn told(&self) -> Vec<(String, u64)> {
        self.0.borrow().iter().map(|(cell, times)| (name(*cell), *times)).collect()
    }
}
