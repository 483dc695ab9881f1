//! The books of hub and nodes, as they are read to see whether they agree.

use crate::domain::hub::clearing::Scheme;
use crate::domain::hub::tables::{
    CarriedRow, LineRow, ObligationRow, PairRow, PaymentRow, PositionRow, PrefundRow, TombstoneRow, TotalRow,
    TransferRow,
};
use crate::domain::kinds;
use crate::domain::machine::SelfRow;
use crate::domain::node::tables::{AccountRow, LegRow, LegTotalRow};
use crate::domain::protocol::{LegState, TransferState};
use crate::domain::value::{
    AccountKind, Civil, Direction, MemberRef, Money, Period, ProvinceCode, Side, TransferId, Window,
};
use crate::domain::{hub, node};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The hub's books.
#[derive(Clone, Debug, Default)]
pub struct HubBooks {
    pub(super) transfers: BTreeMap<TransferId, TransferRow>,
    pub(super) positions: Vec<PositionRow>,
    pub(super) tombstones: Vec<TombstoneRow>,
    pub(super) own: Option<SelfRow>,
    /// What the commits of each window add up to; empty when that was not read.
    pub(super) totals: Vec<TotalRow>,
    /// Closed windows, and when they were closed.
    pub(super) closed_windows: BTreeMap<Window, Civil>,
    /// Months, and how they are paid; as all that follows, empty when that was not read.
    pub(super) periods: BTreeMap<Period, Scheme>,
    /// Published tables.
    pub(super) tables: Vec<PairRow>,
    /// What is cleared in each month.
    pub(super) lines: Vec<LineRow>,
    /// Commits that are cleared in another month than that of their window.
    pub(super) carried: BTreeMap<TransferId, CarriedRow>,
    /// What has to be paid.
    pub(super) obligations: BTreeMap<(Period, ProvinceCode, ProvinceCode), ObligationRow>,
    /// What was paid.
    pub(super) payments: Vec<PaymentRow>,
    /// What was deposited.
    pub(super) prefunds: Vec<PrefundRow>,
    /// Ids by how often the journal decides them; empty when it was not read.
    pub(super) decided: BTreeMap<TransferId, u64>,
}

impl HubBooks {
    /// From the rows of its tables; others are ignored.
    pub fn of(rows: impl IntoIterator<Item = hub::Row>) -> HubBooks {
        let mut books = HubBooks::default();
        books.add(rows);
        books
    }

    /// Adds rows of its tables; others are ignored.
    pub fn add(&mut self, rows: impl IntoIterator<Item = hub::Row>) {
        for row in rows {
            match row {
                hub::Row::Transfer(row) => drop(self.transfers.insert(row.transfer_id, owned(row))),
                hub::Row::Position(row) => self.positions.push(owned(row)),
                hub::Row::Tombstone(row) => self.tombstones.push(owned(row)),
                hub::Row::Own(row) => self.own = Some(owned(row)),
                hub::Row::Total(row) => self.totals.push(owned(row)),
                hub::Row::Window(row) => drop(self.closed_windows.insert(row.window, row.close_time)),
                hub::Row::Period(row) => drop(self.periods.insert(row.period, row.scheme)),
                hub::Row::Pair(row) => self.tables.push(owned(row)),
                hub::Row::Line(row) => self.lines.push(owned(row)),
                hub::Row::Carried(row) => drop(self.carried.insert(row.transfer_id, owned(row))),
                hub::Row::Obligation(row) => {
                    let key = (row.period, row.debtor, row.creditor);
                    self.obligations.insert(key, owned(row));
                }
                hub::Row::Payment(row) => self.payments.push(owned(row)),
                hub::Row::Prefund(row) => self.prefunds.push(owned(row)),
                _ => {}
            }
        }
    }

    /// With what the journal says of decisions.
    pub fn with_journal(mut self, records: &[hub::Record]) -> HubBooks {
        for record in records {
            if let hub::Record::TransferDecided(record) = record {
                self.note_decision(record.transfer_id);
            }
        }
        self
    }

    /// Notes that the journal decides a transfer, once more.
    pub fn note_decision(&mut self, transfer_id: TransferId) {
        *self.decided.entry(transfer_id).or_default() += 1;
    }

    pub(super) fn committed(&self) -> impl Iterator<Item = &TransferRow> {
        self.transfers.values().filter(|row| row.state == TransferState::Committed)
    }
}

/// A node's books.
#[derive(Clone, Debug)]
pub struct NodeBooks {
    pub(super) province: ProvinceCode,
    pub(super) legs: BTreeMap<(TransferId, Side), LegRow>,
    pub(super) accounts: Vec<AccountRow>,
    /// What it has counted of each window; empty when that was not read.
    pub(super) totals: Vec<LegTotalRow>,
    /// Windows with legs that people have looked at: what is wrong with these shows in totals for ever.
    pub(super) looked_at: BTreeSet<Window>,
}

impl NodeBooks {
    /// From the rows of its tables; others are ignored.
    pub fn of(province: ProvinceCode, rows: impl IntoIterator<Item = node::Row>) -> NodeBooks {
        let mut books = NodeBooks {
            province,
            legs: BTreeMap::new(),
            accounts: Vec::new(),
            totals: Vec::new(),
            looked_at: BTreeSet::new(),
        };
        books.add(rows);
        books
    }

    /// Adds rows of its tables; others are ignored.
    pub fn add(&mut self, rows: impl IntoIterator<Item = node::Row>) {
        for row in rows {
            match row {
                node::Row::Leg(row) => drop(self.legs.insert((row.transfer_id, row.side), owned(row))),
                node::Row::Account(row) => self.accounts.push(owned(row)),
                node::Row::LegTotal(row) => self.totals.push(owned(row)),
                _ => {}
            }
        }
    }

    /// Whose they are.
    pub fn province(&self) -> ProvinceCode {
        self.province
    }

    pub(super) fn sum(&self, kind: AccountKind) -> i128 {
        self.accounts.iter().filter(|row| row.kind == kind).map(|row| fen(row.posted)).sum()
    }

    /// What live legs amount to that give (out) or take (in), by the account that they move.
    pub(super) fn live_by_account(&self, direction: Direction) -> BTreeMap<(MemberRef, AccountKind), i128> {
        let mut sums = BTreeMap::new();
        let goes = |leg: &&LegRow| leg.state == LegState::Prepared && direction_of(leg) == direction;
        for leg in self.legs.values().filter(goes) {
            *sums.entry((leg.account_owner(), leg.account)).or_default() += fen(leg.amount);
        }
        sums
    }

    /// What booked legs have added to the clearing account.
    pub(super) fn cleared(&self) -> i128 {
        self.legs.values().map(cleared).sum()
    }

    /// The same of those that the hub has set aside.
    pub(super) fn parked(&self) -> i128 {
        self.legs.values().filter(|leg| leg.state == LegState::Parked).map(cleared).sum()
    }
}

/// The books of all, and what callers were told.
#[derive(Clone, Debug)]
pub struct Books {
    /// The hub's.
    pub hub: HubBooks,
    /// The nodes'.
    pub nodes: Vec<NodeBooks>,
    /// Terminal answers that callers have.
    pub told: Vec<(TransferId, TransferState)>,
    /// Nodes that were restored from an older state, and the first life after that: a leg of an earlier one may be in
    /// doubt again whose decision had been recorded.
    pub restored: BTreeMap<ProvinceCode, u64>,
    /// Whether the hub was restored: aborts that only it and its callers knew are lost then.
    pub hub_lost: bool,
    /// Numbers of commits that people have looked at: a node has recorded them, and the hub has them for nothing.
    pub closed_numbers: u64,
    /// Whether everything has ended: nothing is on its way, and everybody can be reached.
    pub at_rest: bool,
}

impl Books {
    /// Numbers of commits that stand for such transfers at a node, and for none at the hub.
    pub fn numbers_of_nodes_alone(&self, is_such: impl Fn(TransferId) -> bool) -> u64 {
        let numbers: BTreeSet<u64> = self.hub.committed().filter_map(|row| row.hub_seq).collect();
        let last = self.hub.own.as_ref().map_or(0, |own| own.hub_seq);
        let legs = self.nodes.iter().flat_map(|node| node.legs.values());
        let told = legs.filter(|leg| is_such(leg.transfer_id)).filter_map(|leg| leg.hub_seq);
        let told: BTreeSet<u64> = told.collect();
        told.difference(&numbers).filter(|number| **number <= last).count() as u64
    }
}

/// Which way a leg moves money, as its kind has it.
fn direction_of(leg: &LegRow) -> Direction {
    kinds::of(leg.kind).legs[leg.side].direction
}

/// What a leg has added to its node's clearing account, in fen: what it took out of its member's.
pub(super) fn cleared(leg: &LegRow) -> i128 {
    if is_booked(leg) { -fen(direction_of(leg).signed(leg.amount)) } else { 0 }
}

/// Whether a leg has moved money for good.
pub(super) fn is_booked(leg: &LegRow) -> bool {
    matches!(leg.state, LegState::Committed | LegState::Posted | LegState::Parked)
}

/// The row itself; a copy only where somebody else has it too.
fn owned<R: Clone>(row: Arc<R>) -> R {
    Arc::unwrap_or_clone(row)
}

/// An amount, wide enough for any sum.
pub(super) fn fen(money: Money) -> i128 {
    i128::from(money.fen())
}
