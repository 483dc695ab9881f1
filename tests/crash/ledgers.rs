//! What stores say after a run, read from their own files: what the audit over the wire cannot know. That the books
//! agree is the audit's to say, while the servers still work.

use crate::e2e::kit::site::Site;
use gongji::domain::audit::books::{Books, HubBooks, NodeBooks};
use gongji::domain::audit::invariant::violations;
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::machine::record::Record;
use gongji::domain::machine::scan::{Filter, Scan};
use gongji::domain::machine::table::{Row, Table, TableRow};
use gongji::domain::node::tables::AccountRow;
use gongji::domain::value::id::TransferId;
use gongji::domain::value::ledger::AccountKind;
use gongji::domain::value::region::ProvinceCode;
use gongji::domain::{hub, node};
use gongji::store::Tables;
use gongji::store::sqlite::SqliteStore;
use std::collections::BTreeMap;

/// A stopped server's store.
struct Ledger<R: Record>(SqliteStore<R>);

/// The tables of whoever makes such records.
type TableOf<R> = <<R as Record>::Row as Row>::Table;

impl<R: Record> Ledger<R> {
    /// Opens the store of "hub" or of a province's node, whose journal must be whole.
    fn open(site: &Site, server: &str) -> Ledger<R> {
        let owner = if server == "hub" { "hub".to_owned() } else { format!("node:{server}") };
        let mut store = SqliteStore::open(&site.data(server), &owner).expect("a store");
        store.verify(0).expect("a whole journal");
        Ledger(store)
    }

    fn rows(&mut self, table: TableOf<R>) -> Vec<R::Row> {
        self.0.scan(&Scan { filter: Filter::all(table), after: None, limit: usize::MAX }).expect("rows")
    }

    fn all<T: TableRow<R::Row> + Clone>(&mut self, table: TableOf<R>) -> Vec<T> {
        self.rows(table).iter().filter_map(T::of).cloned().collect()
    }

    /// Every row but the vault's.
    fn books(&mut self) -> Vec<R::Row> {
        let tables = TableOf::<R>::ALL.iter().filter(|table| !table.is_vault());
        tables.flat_map(|table| self.rows(*table)).collect()
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
        let accounts: Vec<AccountRow> =
            Ledger::<node::Record>::open(site, province).all(node::Table::Account);
        let allotments = accounts.iter().filter(|row| row.kind == AccountKind::Allotment);
        let sum: i64 = allotments.map(|row| -row.posted.fen()).sum();
        assert!(sum == 0 || givers.contains(province), "{province} has no givers");
        credited += sum;
    }
    assert_eq!(credited, funded);
    let transfers: Vec<TransferRow> = Ledger::<hub::Record>::open(site, "hub").all(hub::Table::Transfer);
    transfers.into_iter().map(|row| (row.transfer_id, row)).collect()
}

/// Demands, besides what [`stored`] demands, that every invariant holds over the books in the stores and that nothing
/// is open: for runs whose servers no audit could read at the end.
pub fn agree(site: &Site, (payer, payee): (&str, &str), funded: i64) -> BTreeMap<TransferId, TransferRow> {
    let transfers = stored(site, &[payer, payee], &[payer], funded);
    let node = |code: &str| {
        let province = ProvinceCode::new(code.parse().expect("two digits"));
        NodeBooks::of(province, Ledger::<node::Record>::open(site, code).books())
    };
    let books = Books {
        hub: HubBooks::of(Ledger::<hub::Record>::open(site, "hub").books()),
        nodes: vec![node(payer), node(payee)],
        told: Vec::new(),
        put_back: BTreeMap::new(),
        hub_lost: false,
        at_rest: true,
    };
    assert_eq!(violations(&books), vec![]);
    transfers
}
