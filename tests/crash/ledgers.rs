//! What three stores say after a run, read from their own files.

use crate::e2e::kit::site::Site;
use gongji::domain::id::TransferId;
use gongji::domain::ledger::AccountKind;
use gongji::domain::money::Money;
use gongji::domain::record::LegState;
use gongji::domain::row::{AccountRow, IncidentRow, LegRow, PositionRow, Row, Table, TableRow, TransferRow};
use gongji::domain::scan::{Filter, Scan};
use gongji::domain::transfer::{Side, TransferState};
use gongji::store::Tables;
use gongji::store::sqlite::SqliteStore;
use std::collections::BTreeMap;

/// A stopped server's store.
pub struct Ledger {
    store: SqliteStore,
}

impl Ledger {
    /// Opens the store of "hub" or of a province's node, whose journal must be whole.
    pub fn open(site: &Site, server: &str) -> Ledger {
        let owner = if server == "hub" { "hub".to_owned() } else { format!("node:{server}") };
        let mut store = SqliteStore::open(&site.data(server), &owner).expect("a store");
        store.verify(0).expect("a whole journal");
        Ledger { store }
    }

    fn scan(&mut self, filter: Filter) -> Vec<Row> {
        self.store.scan(&Scan { filter, after: None, limit: usize::MAX }).expect("rows")
    }

    fn all<T: TableRow + Clone>(&mut self, table: Table) -> Vec<T> {
        self.scan(Filter::All(table)).iter().filter_map(T::of).cloned().collect()
    }

    /// The hub's transfers by id.
    pub fn transfers(&mut self) -> BTreeMap<TransferId, TransferRow> {
        self.all::<TransferRow>(Table::TransferRow).into_iter().map(|row| (row.transfer_id, row)).collect()
    }

    /// A node's legs of one side, by id.
    pub fn legs(&mut self, side: Side) -> BTreeMap<TransferId, LegRow> {
        let legs = self.all::<LegRow>(Table::LegRow).into_iter();
        legs.filter(|row| row.side == side).map(|row| (row.transfer_id, row)).collect()
    }

    /// What nobody has decided, or not everybody has recorded, and what people must look at.
    pub fn open_ends(&mut self) -> usize {
        self.scan(Filter::UnsettledTransfers).len()
            + self.scan(Filter::LegsInDoubt).len()
            + self.all::<IncidentRow>(Table::IncidentRow).len()
    }

    /// A node's accounts of one kind: the sums of what is there, set aside, and on its way.
    pub fn sums(&mut self, kind: AccountKind) -> [i64; 3] {
        let accounts: Vec<AccountRow> = self.all(Table::AccountRow);
        let sum = |of: fn(&AccountRow) -> Money| {
            accounts.iter().filter(|row| row.kind == kind).map(|row| of(row).fen()).sum()
        };
        [sum(|row| row.posted), sum(|row| row.held), sum(|row| row.pending)]
    }

    /// The hub's positions, by province, all windows together.
    pub fn positions(&mut self) -> BTreeMap<u8, i64> {
        let mut owed = BTreeMap::new();
        for row in self.all::<PositionRow>(Table::PositionRow) {
            *owed.entry(row.province.number()).or_default() += row.owed.fen();
        }
        owed
    }
}

/// Demands that the hub and the two nodes say the same of every transfer, that nothing is open, and that no money was
/// made or lost; `funded` is what was credited to givers. Gives the hub's transfers.
pub fn agree(site: &Site, (payer, payee): (&str, &str), funded: i64) -> BTreeMap<TransferId, TransferRow> {
    let (mut hub, mut giving, mut taking) =
        (Ledger::open(site, "hub"), Ledger::open(site, payer), Ledger::open(site, payee));
    assert_eq!([hub.open_ends(), giving.open_ends(), taking.open_ends()], [0, 0, 0], "nothing is in doubt");
    let transfers = hub.transfers();
    let (debits, credits) = (giving.legs(Side::Payer), taking.legs(Side::Payee));
    let mut seqs = Vec::new();
    let mut moved = 0;
    for (id, transfer) in &transfers {
        let committed = transfer.state == TransferState::Committed;
        for leg in [debits.get(id), credits.get(id)] {
            let landed = leg.filter(|leg| leg.state == LegState::Committed);
            assert_eq!(landed.is_some(), committed, "{id}: {leg:?}");
            if let Some(leg) = landed {
                let said = (leg.amount, leg.hub_seq, leg.window, leg.terms_digest);
                assert_eq!(said, (transfer.amount, transfer.hub_seq, transfer.window, transfer.terms_digest));
            }
        }
        seqs.extend(transfer.hub_seq);
        moved += if committed { transfer.amount.fen() } else { 0 };
    }
    let known = |legs: &BTreeMap<TransferId, LegRow>| legs.keys().all(|id| transfers.contains_key(id));
    assert!(known(&debits) && known(&credits), "no node has a leg of a transfer that the hub does not know");
    seqs.sort_unstable();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "numbers without gaps");
    // Money: what left the one is what arrived at the other, nothing is set aside or on its way, and each ledger is
    // balanced in itself.
    assert_eq!(giving.sums(AccountKind::Personal), [funded - moved, 0, 0]);
    assert_eq!(taking.sums(AccountKind::Wallet), [moved, 0, 0]);
    assert_eq!(giving.sums(AccountKind::Clearing), [moved, 0, 0]);
    assert_eq!(taking.sums(AccountKind::Clearing), [-moved, 0, 0]);
    assert_eq!(giving.sums(AccountKind::Allotment), [-funded, 0, 0]);
    let number = |province: &str| province.parse::<u8>().expect("two digits");
    assert_eq!(hub.positions(), BTreeMap::from([(number(payer), moved), (number(payee), -moved)]));
    transfers
}
