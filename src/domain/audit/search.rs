//! Which commits are behind a difference of totals. A window is halved by the hub's numbers until few commits are left;
//! those are read, and compared one by one. Pure: whoever drives it asks the node, and counts nothing.
//!
//! The hub's commits are given whole, since reading them costs no call. Of two halves only the lower one is asked for:
//! what the upper one adds up to follows, since digests are sums. A node that tells one thing and shows another is
//! found out by that, and each answer brings the end nearer, whatever it says.

use super::totals::{Counted, Group};
use crate::domain::hub::tables::TransferRow;
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::total::{row_digest, subtract_digest};
use crate::domain::value::{Digest, Money, TransferId, Window};
use std::collections::BTreeMap;
use std::ops::Range;

/// Commits that are read at once, and few enough to read them rather than to halve them again.
pub const PAGE: usize = 1_000;
/// Calls after which a search of one group is given up, with what it has found.
pub const CALLS_MAX: u32 = 200;
/// Commits after which it is given up: what differs so widely is no matter of single rows.
pub const FOUND_MAX: usize = 1_000;
/// Commits between two sums that are kept.
const STRIDE: usize = 1_024;

/// A commit as one side has it. That both have the same of an id is what "equal" means, to an audit and to
/// reconciliation alike; a digest is made of just that, and of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The window in which it is counted.
    pub window: Window,
    /// The hub's number.
    pub hub_seq: u64,
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// Amount, more than zero.
    pub amount: Money,
}

impl Seen {
    /// As the hub has it; nothing unless it is committed.
    pub fn of_transfer(row: &TransferRow) -> Option<Seen> {
        let (window, hub_seq) = row.window.zip(row.hub_seq)?;
        Some(Seen { window, hub_seq, transfer_id: row.transfer_id, amount: row.amount })
    }

    /// As a node has it; nothing unless it is committed.
    pub fn of_leg(leg: &LegRow) -> Option<Seen> {
        let (window, hub_seq) = leg.window.zip(leg.hub_seq)?;
        Some(Seen { window, hub_seq, transfer_id: leg.transfer_id, amount: leg.amount })
    }
}

/// A commit that hub and node do not have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differing {
    /// What the hub has in the group; nothing: it has no such commit there.
    pub hub: Option<Seen>,
    /// What the node has in it.
    pub node: Option<Seen>,
}

/// The commits of a group that differ, by id.
pub type DifferingRows = BTreeMap<TransferId, Differing>;

/// Compares commits one by one.
pub fn differing(hub: &[Seen], node: &[Seen]) -> DifferingRows {
    let mut found = DifferingRows::new();
    let none = Differing { hub: None, node: None };
    hub.iter().for_each(|it| found.entry(it.transfer_id).or_insert(none).hub = Some(*it));
    node.iter().for_each(|it| found.entry(it.transfer_id).or_insert(none).node = Some(*it));
    found.retain(|_, it| it.hub != it.node);
    found
}

/// What is asked of the node, within the group: numbers from and to, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What its commits with these numbers add up to.
    Total(u64, u64),
    /// The commits themselves, the first [`PAGE`] of them by number.
    Rows(u64, u64),
}

/// What a search has led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The commits that differ.
    pub rows: DifferingRows,
    /// The node contradicts itself: its totals are not those of the commits that it shows, or these are not what was
    /// asked for.
    pub contradicts: bool,
    /// There may be more: it was given up, by the number of calls or of commits.
    pub given_up: bool,
    /// Calls that it took.
    pub calls: u32,
}

/// A stretch of numbers in which hub and node are not equal.
#[derive(Clone, Debug)]
struct Part {
    first: u64,
    last: u64,
    node: Counted,
    /// What was read of it so far.
    seen: Vec<Seen>,
    /// From where on it is read next, once that has begun.
    next: u64,
}

/// The search in one group.
#[derive(Debug)]
pub struct Search {
    group: Group,
    window: Window,
    hub: Vec<Seen>,
    /// What the first `STRIDE`, `2 × STRIDE` … commits of the hub add up to.
    sums: Vec<Counted>,
    open: Vec<Part>,
    found: Found,
}

/// What is left of a sum without a part of it; nothing where the part is the larger one.
fn less(sum: Counted, part: Counted) -> Option<Counted> {
    Some(Counted {
        count: sum.count.checked_sub(part.count)?,
        amount: sum.amount.checked_sub(part.amount).filter(|left| *left >= Money::ZERO)?,
        digest: sum.digest.zip(part.digest).map(|(sum, part)| subtract_digest(sum, part)),
    })
}

const NOTHING: Counted = Counted { count: 0, amount: Money::ZERO, digest: Some(Digest([0; 32])) };

fn counted_of((_, side, kind): Group, rows: &[Seen]) -> Counted {
    rows.iter().fold(NOTHING, |sum, it| {
        let digest = row_digest(it.hub_seq, it.transfer_id, kind, side, it.amount);
        sum.and(Counted { count: 1, amount: it.amount, digest: Some(digest) })
    })
}

impl Search {
    /// In a group of a window of which the hub has these commits, and the node tells this total.
    pub fn new(window: Window, group: Group, mut hub: Vec<Seen>, node: Counted) -> Search {
        hub.sort_unstable_by_key(|it| it.hub_seq);
        let mut sums = vec![NOTHING];
        for stretch in hub.chunks_exact(STRIDE) {
            let before = sums.last().copied().unwrap_or(NOTHING);
            sums.push(before.and(counted_of(group, stretch)));
        }
        let all = Part { first: 0, last: u64::MAX, node, seen: Vec::new(), next: 0 };
        Search { group, window, hub, sums, open: vec![all], found: Found::default() }
    }

    /// What to ask next; nothing: it has ended.
    pub fn ask(&mut self) -> Option<Ask> {
        while let Some(part) = self.open.last() {
            if self.found.calls >= CALLS_MAX || self.found.rows.len() >= FOUND_MAX {
                self.found.given_up = true;
                self.open.clear();
                return None;
            }
            let here = self.at_hub(part.first, part.last);
            if part.seen.is_empty() && self.counted(here.clone()).is_as(&part.node) {
                self.open.pop();
                continue;
            }
            self.found.calls += 1;
            let few = here.len() < 2 || (here.len() <= PAGE && part.node.count <= PAGE as u64);
            return Some(match few || !part.seen.is_empty() {
                true => Ask::Rows(part.next, part.last),
                false => Ask::Total(part.first, self.middle(here)),
            });
        }
        None
    }

    /// The node has told a total that was asked for.
    pub fn told(&mut self, lower: Counted) {
        let Some(part) = self.open.pop() else { return };
        let middle = self.middle(self.at_hub(part.first, part.last));
        let Some(upper) = less(part.node, lower) else {
            self.found.contradicts = true;
            return;
        };
        let half = |first, last, node| Part { first, last, node, seen: Vec::new(), next: first };
        self.open.push(half(middle.saturating_add(1), part.last, upper));
        self.open.push(half(part.first, middle, lower));
    }

    /// The node has shown commits that were asked for, by number; nothing where they cannot be read.
    pub fn shown(&mut self, rows: Option<Vec<Seen>>) {
        let Some(mut part) = self.open.pop() else { return };
        let Some(rows) = rows else {
            self.found.contradicts = true;
            return;
        };
        let mut from = part.next;
        for row in &rows {
            if row.window != self.window || row.hub_seq < from || row.hub_seq > part.last {
                self.found.contradicts = true;
                return;
            }
            from = row.hub_seq;
        }
        let is_last = rows.len() < PAGE || from >= part.last;
        part.seen.extend(rows);
        part.next = from.saturating_add(1);
        // Of what the hub lacks no more is read than is looked for.
        if !is_last && part.seen.len() <= FOUND_MAX {
            self.open.push(part);
            return;
        }
        self.found.given_up |= !is_last;
        self.found.contradicts |= is_last && !counted_of(self.group, &part.seen).is_as(&part.node);
        let here = self.at_hub(part.first, part.last);
        let mut found = differing(&self.hub[here], &part.seen);
        if !is_last {
            // What comes behind the last one that was read may be there yet.
            found.retain(|_, it| it.hub.is_none_or(|hub| hub.hub_seq < part.next));
        }
        for (id, it) in found {
            // A number that was changed is found twice: where it should be, and where it is.
            let known = self.found.rows.entry(id).or_insert(it);
            *known = Differing { hub: known.hub.or(it.hub), node: known.node.or(it.node) };
        }
    }

    /// What it has led to.
    pub fn into_found(self) -> Found {
        let mut found = self.found;
        // Totals differ, and all that was shown is as it should be.
        found.contradicts |= found.calls > 0 && found.rows.is_empty() && !found.given_up;
        found
    }

    /// The hub's commits with these numbers.
    fn at_hub(&self, first: u64, last: u64) -> Range<usize> {
        let start = self.hub.partition_point(|it| it.hub_seq < first);
        start..self.hub.partition_point(|it| it.hub_seq <= last)
    }

    /// The number up to which the lower half of them goes.
    fn middle(&self, here: Range<usize>) -> u64 {
        let middle = here.start + here.len().saturating_sub(1) / 2;
        self.hub.get(middle).map_or(0, |it| it.hub_seq)
    }

    fn counted(&self, here: Range<usize>) -> Counted {
        less(self.counted_before(here.end), self.counted_before(here.start)).unwrap_or(NOTHING)
    }

    fn counted_before(&self, end: usize) -> Counted {
        let whole = end / STRIDE;
        self.sums[whole].and(counted_of(self.group, &self.hub[whole * STRIDE..end]))
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
