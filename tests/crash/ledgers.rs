//! What stores say after a run, read from their own files: what the audit over the wire cannot know. That the books
//! agree is the audit's to say, while the servers still work.

use crate::e2e::kit::site::Site;
use gongji::domain::id::TransferId;
use gongji::domain::ledger::AccountKind;
use gongji::domain::row::{AccountRow, Table, TableRow, TransferRow};
use gongji::domain::scan::{Filter, Scan};
use gongji::store::Tables;
use gongji::store::sqlite::SqliteStore;
use std::collections::BTreeMap;

/// A stopped server's store.
struct Ledger(SqliteStore);

impl Ledger {
    /// Opens the store of "hub" or of a province's node, whose journal must be whole.
    fn open(site: &Site, server: &str) -> Ledger {
        let owner = if server == "hub" { "hub".to_owned() } else { format!("node:{server}") };
        let mut store = SqliteStore::open(&site.data(server), &owner).expect("a store");
        store.verify(0).expect("a whole journal");
        Ledger(store)
    }

    fn all<T: TableRow + Clone>(&mut self, table: Table) -> Vec<T> {
        let all = Scan { filter: Filter::All(table), after: None, limit: usize::MAX };
        self.0.scan(&all).expect("rows").iter().filter_map(T::of).cloned().collect()
    }
}

/// Demands that every journal is whole and that the givers' provinces have credited `funded`, in fen and all together,
/// as their systems asked for: no more and no less. Gives the hub's transfers.
pub fn stored(
    site: &Site,
    provinces: &[&str],
    givers: &[&str],
    funded: i64,
) -> BTreeMap<TransferId, TransferRow> {
    let mut credited = 0;
    for province in provinces {
        let accounts: Vec<AccountRow> = Ledger::open(site, province).all(Table::AccountRow);
        let allotments = accounts.iter().filter(|row| row.kind == AccountKind::Allotment);
        let sum: i64 = allotments.map(|row| -row.posted.fen()).sum();
        assert!(sum == 0 || givers.contains(province), "{province} has no givers");
        credited += sum;
    }
    assert_eq!(credited, funded);
    let transfers: Vec<TransferRow> = Ledger::open(site, "hub").all(Table::TransferRow);
    transfers.into_iter().map(|row| (row.transfer_id, row)).collect()
}
