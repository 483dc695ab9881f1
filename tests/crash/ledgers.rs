//! What stores say after a run, read from their own files: what the audit over the wire cannot know. That the books
//! agree is the audit's to say, while the servers still work.

use crate::e2e::kit::site::Site;
use gongji::domain::audit::books::{Books, HubBooks, NodeBooks};
use gongji::domain::audit::invariant::violations;
use gongji::domain::machine::row::{AccountRow, Row, Table, TransferRow};
use gongji::domain::machine::scan::{Filter, Scan};
use gongji::domain::machine::table::TableRow;
use gongji::domain::value::id::TransferId;
use gongji::domain::value::ledger::AccountKind;
use gongji::domain::value::region::ProvinceCode;
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

    fn rows(&mut self, table: Table) -> Vec<Row> {
        self.0.scan(&Scan { filter: Filter::All(table), after: None, limit: usize::MAX }).expect("rows")
    }

    fn all<T: TableRow + Clone>(&mut self, table: Table) -> Vec<T> {
        self.rows(table).iter().filter_map(T::of).cloned().collect()
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

/// Demands, besides what [`stored`] demands, that every invariant holds over the books in the stores and that nothing
/// is open: for runs whose servers no audit could read at the end.
pub fn agree(site: &Site, (payer, payee): (&str, &str), funded: i64) -> BTreeMap<TransferId, TransferRow> {
    let transfers = stored(site, &[payer, payee], &[payer], funded);
    let rows = |server: &str| {
        let mut ledger = Ledger::open(site, server);
        let tables = Table::ALL.iter().filter(|table| !table.is_vault());
        tables.flat_map(|table| ledger.rows(*table)).collect::<Vec<Row>>()
    };
    let node = |code: &str| {
        let province = ProvinceCode::new(code.parse().expect("two digits"));
        NodeBooks::of(province, rows(code))
    };
    let books = Books {
        hub: HubBooks::of(rows("hub")),
        nodes: vec![node(payer), node(payee)],
        told: Vec::new(),
        put_back: BTreeMap::new(),
        hub_lost: false,
        at_rest: true,
    };
    assert_eq!(violations(&books), vec![]);
    transfers
}
