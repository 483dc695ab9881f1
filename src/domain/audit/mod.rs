//! The invariants over books that were read from servers while they work: the hub's first, then each node's, then from
//! the hub once more what those books name and its first reading could not know.
//!
//! Each server's books are one moment of it, and the moments differ. So every invariant is checked over that part of
//! them for which the order of reading decides nothing:
//!
//! - what concerns one server alone, over its own moment;
//! - a leg against its decision, over all legs: the hub is read after the node, and a decision never changes;
//! - what an abort leaves behind, over all legs: what the hub had recorded before the node was read;
//! - both sides or neither, and money over all nodes, at the cut: every transfer whose decision both provinces had
//!   recorded before any node was read. Nothing about it can change any more, so there it is as at rest.

pub mod books;
pub mod bucket;
mod clearing;
pub mod invariant;
mod months;
pub mod overdue;
pub mod search;
pub mod totals;

use crate::domain::audit::books::{Books, HubBooks, NodeBooks, cleared, fen};
use crate::domain::audit::invariant::{INVARIANTS, Invariant, Violation};
use crate::domain::hub::tables::TransferRow;
use crate::domain::protocol::{LegState, TransferState};
use crate::domain::value::{AccountKind, Money, ProvinceCode, Side, TransferId};
use std::collections::BTreeSet;

/// What an invariant was checked over.
pub type Over = Vec<(u64, &'static str)>;

/// One invariant and what came of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The invariant that does not hold.
    pub invariant: &'static Invariant,
    /// What it was checked over; nothing when there was nothing to check it by.
    pub over: Over,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// The same of transfers of which every incident is closed: people have looked at it.
    pub closed: Vec<Violation>,
}

/// How far the books reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Transfers that the hub knew when it was read.
    pub transfers: u64,
    /// Of these, decided and recorded by both provinces, whose books were read too: what was compared on all sides.
    pub settled: u64,
    /// The highest number up to which every commitment was recorded by both provinces.
    pub hub_seq: u64,
    /// The last number that the hub had given.
    pub last_hub_seq: u64,
}

/// An audit in the making.
#[derive(Debug)]
pub struct Audit {
    books: Books,
    late: Vec<TransferRow>,
    /// Nodes that told their legs only.
    legs_only: BTreeSet<ProvinceCode>,
    /// Transfers of which every incident is closed: people have looked at them.
    closed: BTreeSet<TransferId>,
}

impl Audit {
    /// Begins with the hub's books, which must be read before any node's.
    pub fn new(hub: HubBooks) -> Audit {
        let books = Books {
            hub,
            nodes: Vec::new(),
            told: Vec::new(),
            restored: Default::default(),
            hub_lost: false,
            closed_numbers: 0,
            at_rest: false,
        };
        Audit { books, late: Vec::new(), legs_only: BTreeSet::new(), closed: BTreeSet::new() }
    }

    /// Adds a node's books. `whole`: with its accounts; else legs only.
    pub fn add_node(&mut self, node: NodeBooks, whole: bool) {
        if !whole {
            self.legs_only.insert(node.province);
        }
        self.books.nodes.push(node);
    }

    /// Adds terminal answers that callers had before the hub was read.
    pub fn add_told(&mut self, told: impl IntoIterator<Item = (TransferId, TransferState)>) {
        self.books.told.extend(told);
    }

    /// Names transfers of which every incident is closed: what is found of them is no finding any more.
    pub fn add_closed(&mut self, closed: impl IntoIterator<Item = TransferId>) {
        self.closed.extend(closed);
    }

    /// Transfers that nodes name and the hub had not decided when it was read: they must be read again now.
    pub fn missing(&self) -> Vec<TransferId> {
        let legs = self.books.nodes.iter().flat_map(|node| node.legs.values());
        let ended = legs.filter(|leg| !is_open(leg.state)).map(|leg| leg.transfer_id);
        let missing: BTreeSet<TransferId> = ended.filter(|id| !self.is_decided(*id)).collect();
        missing.into_iter().collect()
    }

    /// Adds such a transfer as the hub knows it by now.
    pub fn add_late(&mut self, row: TransferRow) {
        if !self.is_decided(row.transfer_id) {
            self.late.push(row);
        }
    }

    fn is_decided(&self, id: TransferId) -> bool {
        self.books.hub.transfers.get(&id).is_some_and(|row| row.state.is_decided())
    }

    /// How far the books reach.
    pub fn cut(&self) -> Cut {
        let hub = &self.books.hub;
        let read = self.books.nodes.iter().map(|node| node.province).collect();
        let open =
            hub.committed().filter(|row| !row.is_recorded_by_both()).filter_map(|row| row.hub_seq).min();
        let last_hub_seq = hub.own.as_ref().map_or(0, |own| own.hub_seq);
        let settled = hub.transfers.values().filter(|row| is_settled(row, &read));
        Cut {
            transfers: hub.transfers.len() as u64,
            settled: settled.count() as u64,
            hub_seq: open.map_or(last_hub_seq, |open| open - 1),
            last_hub_seq,
        }
    }

    /// Checks every invariant, in order. Without a single node's books only those of the hub are checked.
    pub fn conclude(mut self) -> Vec<Checked> {
        self.books.closed_numbers = self.books.numbers_of_nodes_alone(|id| self.closed.contains(&id));
        let mut done = Done::default();
        for id in ["INV-01", "INV-07", "INV-08", "INV-17", "INV-19", "INV-20", "INV-21"] {
            done.check(id, &self.books, hub_over(&self.books.hub, id));
        }
        self.merge();
        self.note_looked_at();
        let (whole, mut legs_only): (Vec<NodeBooks>, Vec<NodeBooks>) = std::mem::take(&mut self.books.nodes)
            .into_iter()
            .partition(|node| !self.legs_only.contains(&node.province));
        self.books.nodes = whole;
        for id in ["INV-03", "INV-04", "INV-05", "INV-06", "INV-11", "INV-15", "INV-16", "INV-18"] {
            done.check(id, &self.books, accounts_over(&self.books, id));
        }
        self.books.nodes.append(&mut legs_only);
        for id in ["INV-02", "INV-09", "INV-14"] {
            done.check(id, &self.books, legs_over(&self.books, id));
        }
        done.check("INV-10", &self.books, vec![(self.books.told.len() as u64, "answers")]);
        self.shrink(|_| true);
        done.check("INV-12", &self.books, self.transfers_over());
        // What awaits acceptance moves between two readings: only books of one moment can tell. Nothing of it is left.
        done.check("INV-13", &self.books, vec![(0, "transfers that await acceptance")]);
        let legs_only = std::mem::take(&mut self.legs_only);
        self.shrink(|province| !legs_only.contains(&province));
        // What people have looked at does not add up, and is not to be found again in a sum.
        let closed = std::mem::take(&mut self.closed);
        self.forget(&closed);
        done.check("INV-06", &self.books, self.transfers_over());
        done.0.sort_by_key(|checked| checked.invariant.id);
        for checked in &mut done.0 {
            let is_closed = |it: &Violation| it.transfer_id.is_some_and(|id| closed.contains(&id));
            (checked.closed, checked.violations) =
                std::mem::take(&mut checked.violations).into_iter().partition(is_closed);
        }
        done.0
    }

    fn transfers_over(&self) -> Over {
        vec![(self.books.hub.transfers.len() as u64, "settled transfers")]
    }

    /// Takes in what was read late. What was recorded after the nodes were read says nothing about their books.
    fn merge(&mut self) {
        for row in std::mem::take(&mut self.late) {
            let row = TransferRow { payer_recorded_seq: None, payee_recorded_seq: None, ..row };
            self.books.hub.transfers.insert(row.transfer_id, row);
        }
    }

    /// Notes at each node in which windows there are legs that people have looked at.
    fn note_looked_at(&mut self) {
        let Books { hub, nodes, .. } = &mut self.books;
        for node in nodes {
            let here = |id: &TransferId| {
                let transfer = hub.transfers.get(id);
                let transfer =
                    transfer.filter(|it| it.provinces().iter().any(|(_, own)| *own == node.province));
                let leg = Side::BOTH.iter().find_map(|side| node.legs.get(&(*id, *side)));
                [transfer.and_then(|it| it.window), leg.and_then(|leg| leg.window)]
            };
            node.looked_at = self.closed.iter().flat_map(here).flatten().collect();
        }
    }

    /// Leaves what is settled between nodes of which `keep` says so, as if nothing else had ever been.
    fn shrink(&mut self, keep: impl Fn(ProvinceCode) -> bool) {
        let books = &mut self.books;
        books.at_rest = true;
        books.nodes.retain(|node| keep(node.province));
        let read = books.nodes.iter().map(|node| node.province).collect();
        books.hub.transfers.retain(|_, row| is_settled(row, &read));
        self.shrink_nodes();
    }

    /// Leaves these out, too.
    fn forget(&mut self, ids: &BTreeSet<TransferId>) {
        self.books.hub.transfers.retain(|id, _| !ids.contains(id));
        self.shrink_nodes();
    }

    /// Leaves to nodes the legs of transfers that are left at the hub.
    fn shrink_nodes(&mut self) {
        let books = &mut self.books;
        for node in &mut books.nodes {
            let mut later = 0;
            node.legs.retain(|(id, _), leg| {
                let kept = books.hub.transfers.contains_key(id);
                if !kept {
                    later += cleared(leg);
                }
                kept
            });
            if let Some(clearing) = node.accounts.iter_mut().find(|row| row.kind == AccountKind::Clearing) {
                let before = i64::try_from(fen(clearing.posted) - later);
                clearing.posted = before.map_or(clearing.posted, Money::from_fen);
            }
        }
    }
}

/// Whether a leg's end is still to come.
fn is_open(state: LegState) -> bool {
    matches!(state, LegState::Prepared | LegState::Posted)
}

fn is_settled(row: &TransferRow, read: &BTreeSet<ProvinceCode>) -> bool {
    let both_read = read.contains(&row.payer_province) && read.contains(&row.payee_province);
    row.state.is_decided() && row.is_recorded_by_both() && both_read
}

/// What has been checked so far.
#[derive(Default)]
struct Done(Vec<Checked>);

impl Done {
    /// Checks an invariant, or what more of it these books can say.
    fn check(&mut self, id: &str, books: &Books, over: Over) {
        let Some(invariant) = INVARIANTS.iter().find(|it| it.id == id) else { return };
        let something = over.iter().any(|(count, _)| *count > 0);
        let violations = if something { invariant.check(books) } else { Vec::new() };
        match self.0.iter_mut().find(|checked| checked.invariant.id == id) {
            Some(checked) => {
                checked.over.extend(over);
                let more = violations.into_iter().filter(|it| !checked.violations.contains(it));
                let more: Vec<Violation> = more.collect();
                checked.violations.extend(more);
            }
            None => self.0.push(Checked { invariant, over, violations, closed: Vec::new() }),
        }
    }
}

fn hub_over(hub: &HubBooks, id: &str) -> Over {
    let transfers = (hub.transfers.len() as u64, "transfers");
    let committed = (hub.committed().count() as u64, "commitments");
    match id {
        "INV-01" => {
            let decisions = hub.decided.values().sum();
            vec![transfers, (decisions, "journaled decisions"), (hub.tombstones.len() as u64, "tombstones")]
        }
        "INV-07" => vec![committed, (hub.positions.len() as u64, "positions")],
        "INV-17" => vec![committed, (hub.closed_windows.len() as u64, "closed windows")],
        "INV-19" => vec![(hub.lines.len() as u64, "lines"), (hub.tables.len() as u64, "tables")],
        "INV-20" => {
            vec![(hub.tables.len() as u64, "tables"), (hub.obligations.len() as u64, "obligations")]
        }
        "INV-21" => {
            let obligations = (hub.obligations.len() as u64, "obligations");
            vec![
                obligations,
                (hub.payments.len() as u64, "payments"),
                (hub.prefunds.len() as u64, "prefunds"),
            ]
        }
        // A hub that has lost all its commitments still knows the last number that it gave.
        _ => vec![committed, (hub.own.as_ref().map_or(0, |own| own.hub_seq), "numbers given")],
    }
}

fn legs(books: &Books, is: impl Fn(LegState) -> bool) -> u64 {
    let legs = books.nodes.iter().flat_map(|node| node.legs.values());
    legs.filter(|leg| is(leg.state)).count() as u64
}

fn accounts_over(books: &Books, id: &str) -> Over {
    let accounts = (books.nodes.iter().map(|node| node.accounts.len() as u64).sum(), "accounts");
    match id {
        "INV-03" => vec![accounts, (legs(books, |state| state == LegState::Prepared), "live legs")],
        "INV-18" => {
            let totals = books.nodes.iter().map(|node| node.totals.len() as u64).sum();
            vec![(totals, "totals"), (legs(books, |state| state == LegState::Committed), "committed legs")]
        }
        "INV-06" => vec![(legs(books, |state| state == LegState::Committed), "committed legs")],
        "INV-11" => {
            let counts = |state| matches!(state, LegState::Prepared | LegState::Committed);
            vec![accounts, (legs(books, counts), "legs that count")]
        }
        _ => vec![accounts],
    }
}

fn legs_over(books: &Books, id: &str) -> Over {
    match id {
        "INV-09" => vec![(legs(books, |state| state == LegState::Prepared), "live legs")],
        "INV-14" => {
            let legs = books.nodes.iter().flat_map(|node| node.legs.values());
            vec![(legs.filter(|leg| leg.returns.is_some()).count() as u64, "legs that carry money back")]
        }
        _ => vec![(legs(books, |state| state != LegState::Prepared), "ended legs")],
    }
}

#[cfg(test)]
mod tests;
