//! What must hold, whatever crashed: each invariant is one predicate over the books of hub and nodes, with a number of
//! its own. The simulator and the random worlds check the same table.
//!
//! The books may be read at any moment: a message on its way is no violation. What holds only once everything has ended
//! is checked when the books say that they are at rest.

use crate::domain::audit::books::{Books, cleared, fen, is_booked};
use crate::domain::audit::clearing::{leg_totals, open_windows, positions};
use crate::domain::audit::months::{lines, payments, tables};
use crate::domain::audit::search::Seen;
use crate::domain::hub::tables::TransferRow;
use crate::domain::kinds;
use crate::domain::node::daily;
use crate::domain::node::tables::{AccountRow, LegRow};
use crate::domain::protocol::{LegState, TransferState};
use crate::domain::value::{AccountKind, Direction, Money, Side, TransferId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant: "INV-01".
    pub invariant: &'static str,
    /// The transfer, if it is about one.
    pub transfer_id: Option<TransferId>,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.invariant)?;
        if let Some(transfer_id) = self.transfer_id {
            write!(f, "{transfer_id}: ")?;
        }
        f.write_str(&self.found)
    }
}

/// One invariant.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its number, never given twice.
    pub id: &'static str,
    /// What must hold, as a sentence.
    pub says: &'static str,
    check: fn(&Books, &mut Found),
}

/// What one check has found.
pub(super) struct Found {
    invariant: &'static str,
    violations: Vec<Violation>,
}

impl Found {
    pub(super) fn add(&mut self, transfer_id: Option<TransferId>, found: impl Into<String>) {
        self.violations.push(Violation { invariant: self.invariant, transfer_id, found: found.into() });
    }

    pub(super) fn unless(&mut self, holds: bool, transfer_id: TransferId, found: &str) {
        if !holds {
            self.add(Some(transfer_id), found);
        }
    }
}

/// Every invariant, in order.
pub const INVARIANTS: &[Invariant] = &[
    Invariant { id: "INV-01", says: "no id has two decisions", check: one_decision },
    Invariant { id: "INV-02", says: "a leg agrees with the decision and its terms", check: legs_agree },
    Invariant { id: "INV-03", says: "what is held and pending is the sum of live legs", check: live_sums },
    Invariant { id: "INV-04", says: "posted − held of a member is never negative", check: covered },
    Invariant { id: "INV-05", says: "each node's accounts sum to zero", check: double_entry },
    Invariant { id: "INV-06", says: "money is conserved over all nodes", check: conserved },
    Invariant {
        id: "INV-07",
        says: "positions and totals are what the decisions say, and positions sum to zero",
        check: positions,
    },
    Invariant { id: "INV-08", says: "hub_seq has no gaps", check: gapless },
    Invariant {
        id: "INV-09",
        says: "an id whose abort was recorded holds nothing",
        check: no_hold_after_abort,
    },
    Invariant { id: "INV-10", says: "what was answered is what is stored", check: answered_is_stored },
    Invariant { id: "INV-11", says: "a day's count is what its transfers say", check: day_counts },
    Invariant { id: "INV-12", says: "at rest, both sides have recorded, or neither", check: both_or_neither },
    Invariant {
        id: "INV-13",
        says: "a transfer that awaits acceptance is held on the payer's side, and only there",
        check: awaiting_holds_once,
    },
    Invariant {
        id: "INV-14",
        says: "what goes back of a transfer was committed, and is never more than it moved",
        check: returns_covered,
    },
    Invariant {
        id: "INV-15",
        says: "what a member has, and what stands in suspense of him, is what his legs and allotments say",
        check: members_sums,
    },
    Invariant {
        id: "INV-16",
        says: "what a member owes in suspense is not his to spend",
        check: nothing_spent_twice,
    },
    Invariant {
        id: "INV-17",
        says: "a commit is counted in a window that was open then",
        check: open_windows,
    },
    Invariant {
        id: "INV-18",
        says: "what a node has counted of a window is the sum of its legs",
        check: leg_totals,
    },
    Invariant {
        id: "INV-19",
        says: "each commit is cleared in one month, and a line is the sum of its commits",
        check: lines,
    },
    Invariant {
        id: "INV-20",
        says: "a table is what its lines say, and what is signed is what has to be paid",
        check: tables,
    },
    Invariant {
        id: "INV-21",
        says: "an obligation has what its payments have paid, and a prefund what it covers",
        check: payments,
    },
];

impl Invariant {
    /// Checks this one.
    pub fn check(&self, books: &Books) -> Vec<Violation> {
        let mut found = Found { invariant: self.id, violations: Vec::new() };
        (self.check)(books, &mut found);
        found.violations
    }
}

/// Checks every invariant.
pub fn violations(books: &Books) -> Vec<Violation> {
    INVARIANTS.iter().flat_map(|invariant| invariant.check(books)).collect()
}

fn one_decision(books: &Books, found: &mut Found) {
    for tombstone in &books.hub.tombstones {
        let transfer = books.hub.transfers.get(&tombstone.transfer_id);
        let committed = transfer.is_some_and(|row| row.state == TransferState::Committed);
        found.unless(!committed, tombstone.transfer_id, "answered as aborted, and committed");
    }
    for (transfer_id, times) in &books.hub.decided {
        found.unless(*times == 1, *transfer_id, "the journal decides it more than once");
    }
    for transfer in books.hub.transfers.values() {
        let numbered = transfer.hub_seq.is_some() && transfer.window.is_some();
        let committed = transfer.state == TransferState::Committed;
        found.unless(
            numbered == committed,
            transfer.transfer_id,
            "a number without a commit, or none with one",
        );
    }
}

fn legs_agree(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        for leg in node.legs.values() {
            let id = leg.transfer_id;
            let transfer = books.hub.transfers.get(&id);
            match leg.state {
                LegState::Committed => {
                    let agrees = transfer.is_some_and(|row| {
                        row.state == TransferState::Committed
                            && row.terms_digest == leg.terms_digest
                            && Seen::of_transfer(row) == Seen::of_leg(leg)
                            && row.provinces()[leg.side] == node.province
                    });
                    found.unless(agrees, id, "committed here, and not so at the hub");
                }
                LegState::Aborted | LegState::Tombstone | LegState::Refused | LegState::Parked => {
                    let committed = transfer.is_some_and(|row| {
                        row.state == TransferState::Committed && row.provinces()[leg.side] == node.province
                    });
                    found.unless(!committed, id, "ended here, and committed at the hub");
                }
                LegState::Prepared | LegState::Awaiting | LegState::Posted => {}
            }
        }
    }
}

fn live_sums(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        let mut held = node.live_by_account(Direction::Out);
        let mut pending = node.live_by_account(Direction::In);
        for row in &node.accounts {
            let account = (row.member_ref, row.kind);
            let live_held = held.remove(&account).unwrap_or(0);
            let live_pending = pending.remove(&account).unwrap_or(0);
            if fen(row.held) != live_held || fen(row.pending) != live_pending {
                found.add(None, format!("{}: held {}, pending {}", node.province, row.held, row.pending));
            }
        }
        if !held.is_empty() || !pending.is_empty() {
            found.add(None, format!("{}: live legs of members without an account", node.province));
        }
    }
}

fn covered(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        for row in &node.accounts {
            let own = matches!(row.kind, AccountKind::Personal | AccountKind::Wallet);
            if own && (fen(row.posted) < fen(row.held) || fen(row.held) < 0 || fen(row.pending) < 0) {
                found.add(None, format!("{}: posted {}, held {}", node.province, row.posted, row.held));
            }
        }
    }
}

fn double_entry(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        let sum: i128 = node.accounts.iter().map(|row| fen(row.posted)).sum();
        if sum != 0 {
            found.add(None, format!("{}: accounts sum to {sum} fen", node.province));
        }
    }
}

/// What a node owes the clearing is what its booked legs say; once all have recorded, it sums to zero but for what was
/// parked, which its node bears.
fn conserved(books: &Books, found: &mut Found) {
    let mut open = 0;
    for node in &books.nodes {
        let (clearing, expected) = (node.sum(AccountKind::Clearing), node.cleared());
        open += clearing - node.parked();
        if clearing != expected {
            found.add(None, format!("{}: clearing {clearing}, legs {expected} fen", node.province));
        }
    }
    if books.at_rest && open != 0 {
        found.add(None, format!("{open} fen are nowhere"));
    }
}

fn gapless(books: &Books, found: &mut Found) {
    let numbers: BTreeSet<u64> = books.hub.committed().filter_map(|row| row.hub_seq).collect();
    let count = u64::try_from(books.hub.committed().count()).unwrap_or(u64::MAX);
    let own = books.hub.own.as_ref();
    let (last, skipped) = own.map_or((0, 0), |own| (own.hub_seq, own.skipped.count()));
    let given = count.saturating_add(skipped);
    // Of these each stands for a commit that people have looked at, or was skipped anyway.
    let looked_at = given..=given.saturating_add(books.closed_numbers);
    let whole = numbers.len() as u64 == count
        && looked_at.contains(&last)
        && numbers.last().is_none_or(|it| *it == last || (*it < last && last > count));
    if !whole {
        let kept = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        let numbers = numbers.len();
        found.add(None, format!("{count} commits, {numbers} numbers{kept}, the last given is {last}"));
    }
}

fn no_hold_after_abort(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        for leg in node.legs.values().filter(|leg| leg.state == LegState::Prepared) {
            let recorded = books.hub.transfers.get(&leg.transfer_id).is_some_and(|row| {
                let recorded = row.recorded()[leg.side];
                // A leg on other terms is not the one whose abort was recorded: its node asks, and is told.
                row.state == TransferState::Aborted
                    && recorded.is_some()
                    && row.terms_digest == leg.terms_digest
            });
            let in_doubt_again =
                books.restored.get(&node.province).is_some_and(|life| leg.incarnation < *life);
            // A side that voted no is not told of the abort: its leg is refused, never prepared.
            found.unless(!recorded || in_doubt_again, leg.transfer_id, "held after its abort was recorded");
        }
    }
}

fn answered_is_stored(books: &Books, found: &mut Found) {
    for (transfer_id, state) in &books.told {
        let stored = books.hub.transfers.get(transfer_id).map(|row| row.state);
        // Nothing committed is lost with a hub's store; an abort may be, and its id is free again.
        let lost = books.hub_lost && *state == TransferState::Aborted;
        found.unless(stored == Some(*state) || lost, *transfer_id, "a caller was told otherwise");
    }
}

fn day_counts(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        let mut counts: BTreeMap<_, u64> = BTreeMap::new();
        let counts_in_day = |leg: &&LegRow| kinds::of(leg.kind).legs[leg.side].counts_in_day;
        for leg in node.legs.values().filter(counts_in_day) {
            if matches!(leg.state, LegState::Prepared | LegState::Committed) {
                *counts.entry((leg.member_ref, leg.day)).or_default() += 1;
            }
        }
        for row in node.accounts.iter().filter(|row| row.kind == AccountKind::Personal) {
            for day in [row.day, row.earlier_day] {
                let expected = counts.get(&(row.member_ref, day)).copied().unwrap_or(0);
                if daily::count(row, day) != expected {
                    found.add(None, format!("{}: {day} counts {}", node.province, daily::count(row, day)));
                }
            }
        }
    }
}

fn awaiting_holds_once(books: &Books, found: &mut Found) {
    let leg = |transfer: &TransferRow, side| {
        let node = books.nodes.iter().find(|node| node.province == transfer.provinces()[side]);
        node.and_then(|node| node.legs.get(&(transfer.transfer_id, side))).map(|leg| leg.state)
    };
    for transfer in books.hub.transfers.values() {
        let undecided = match transfer.state {
            TransferState::AwaitingAcceptance => true,
            TransferState::Accepted => false,
            TransferState::Pending | TransferState::Committed | TransferState::Aborted => continue,
        };
        let id = transfer.transfer_id;
        // What a store that was restored has lost of it comes out at the acceptance, or it goes back at its hour.
        if books.hub_lost || books.restored.contains_key(&transfer.payer_province) {
            continue;
        }
        let held = leg(transfer, Side::Payer) == Some(LegState::Prepared);
        found.unless(held, id, "awaits acceptance, and is not held");
        // A side that was asked again after the acceptance may be bound before the hub has heard it.
        let reserved = leg(transfer, Side::Payee) == Some(LegState::Prepared);
        found.unless(!(undecided && reserved), id, "awaits acceptance, and is reserved on the payee's side");
    }
}

fn returns_covered(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        let mut returned: BTreeMap<_, i128> = BTreeMap::new();
        for leg in node.legs.values() {
            let counts = leg.state == LegState::Prepared || is_booked(leg);
            if let Some(original) = leg.returns.filter(|_| counts) {
                let side = if leg.number.is_some() { leg.side } else { leg.side.other() };
                *returned.entry((original, side)).or_default() += fen(leg.amount);
            }
        }
        for ((id, side), returned) in returned {
            let original = node.legs.get(&(id, side));
            let committed = original.filter(|leg| leg.state == LegState::Committed && leg.returns.is_none());
            let covered = committed.is_some_and(|leg| returned <= fen(leg.amount));
            found.unless(covered, id, "more goes back than it moved");
        }
    }
}

/// Whether it waits or not, a member's money is what his legs moved. Allotments have no legs: of personal accounts more
/// may be there, by member never less, and of all together just what the province has allotted.
fn members_sums(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        let mut left: BTreeMap<_, i128> = BTreeMap::new();
        let own = |kind: AccountKind| {
            AccountKind::OF_MEMBERS.into_iter().find(|own| [*own, own.suspense()].contains(&kind))
        };
        for row in &node.accounts {
            if let Some(kind) = own(row.kind) {
                *left.entry((row.member_ref, kind)).or_default() += fen(row.posted);
            }
        }
        for leg in node.legs.values() {
            if let Some(kind) = own(leg.account).filter(|_| is_booked(leg)) {
                *left.entry((leg.member_ref, kind)).or_default() += cleared(leg);
            }
        }
        let allotted = |(_, kind): (_, AccountKind)| kind == AccountKind::Personal;
        for (account, left) in &left {
            if *left != 0 && !(allotted(*account) && *left > 0) {
                let kind = account.1.name();
                found.add(None, format!("{}: a {kind} account has {left} fen of nothing", node.province));
            }
        }
        let sum: i128 = left.iter().filter(|(account, _)| allotted(**account)).map(|(_, left)| left).sum();
        let credited = -node.sum(AccountKind::Allotment);
        // Books of some members alone say nothing of the province's own accounts.
        let is_whole = node.accounts.iter().any(|row| row.kind == AccountKind::Allotment);
        if is_whole && sum != credited {
            found.add(None, format!("{}: allotted {credited}, members have {sum} fen", node.province));
        }
    }
}

fn nothing_spent_twice(books: &Books, found: &mut Found) {
    for node in &books.nodes {
        let free = |row: &AccountRow| fen(row.posted) - fen(row.held);
        let free: BTreeMap<_, i128> =
            node.accounts.iter().map(|row| ((row.member_ref, row.kind), free(row))).collect();
        for row in node.accounts.iter().filter(|row| row.posted < Money::ZERO) {
            let own = row.kind.beside().and_then(|kind| free.get(&(row.member_ref, kind)).copied());
            if let Some(own) = own.filter(|own| *own > 0) {
                found.add(None, format!("{}: owes {}, and can spend {own} fen", node.province, row.posted));
            }
        }
    }
}

fn both_or_neither(books: &Books, found: &mut Found) {
    if !books.at_rest {
        return;
    }
    for transfer in books.hub.transfers.values() {
        let id = transfer.transfer_id;
        let recorded = transfer.is_recorded_by_both();
        found.unless(transfer.state.is_decided() && recorded, id, "never ended");
        let committed = transfer.state == TransferState::Committed;
        for side in Side::BOTH {
            let node = books.nodes.iter().find(|node| node.province == transfer.provinces()[side]);
            let leg = node.and_then(|node| node.legs.get(&(id, side)));
            let recorded = leg.is_some_and(|leg| leg.state == LegState::Committed);
            found.unless(recorded == committed, id, "one side has recorded, the other has not");
        }
    }
    for node in &books.nodes {
        let open = [LegState::Prepared, LegState::Awaiting, LegState::Posted];
        for leg in node.legs.values().filter(|leg| open.contains(&leg.state)) {
            found.unless(false, leg.transfer_id, "in doubt");
        }
    }
}
