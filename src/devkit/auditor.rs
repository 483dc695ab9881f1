//! The auditor of servers that have stopped: reads their stores and checks every invariant over them, as `gongji audit`
//! does over the wire, and besides what the wire does not show: every journal's chain and every line of a statement.

use super::site::Site;
use crate::domain::audit::books::{Books, HubBooks, NodeBooks};
use crate::domain::audit::invariant::violations;
use crate::domain::machine::{Filter, Record, Row, Scan, Table};
use crate::domain::protocol::{LegState, TransferState};
use crate::domain::value::{AccountKind, ProvinceCode, Side, TransferId};
use crate::domain::{hub, node};
use crate::store::sqlite::SqliteStore;
use crate::store::{StoreError, Tables};
use crate::transport::identity::Role;
use std::collections::BTreeMap;

/// Rows read at a time.
const PAGE: usize = 10_000;

/// A transfer as the hub has stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtHub {
    /// State of the transfer.
    pub state: TransferState,
    /// Its amount, in fen.
    pub fen: i64,
    /// Its number, if it was committed.
    pub hub_seq: Option<u64>,
}

/// Something that must not be: what kind of thing, and the case.
pub type Finding = (&'static str, String);

/// What the stores of a site hold.
#[derive(Debug)]
pub struct Ledgers {
    /// Every transfer of the hub.
    pub transfers: BTreeMap<TransferId, AtHub>,
    /// What each province has credited to personal accounts, in fen.
    pub credited: BTreeMap<ProvinceCode, i64>,
    /// Journal records whose chain was recomputed.
    pub records: u64,
    books: Books,
    found: Vec<Finding>,
}

impl Ledgers {
    /// Reads the stores of the hub and of these provinces' nodes, which must have stopped.
    ///
    /// # Errors
    /// When a store cannot be opened, or its journal's chain is broken.
    pub fn read(site: &Site, provinces: &[ProvinceCode]) -> Result<Ledgers, StoreError> {
        let (hub, nodes) = (HubBooks::default(), Vec::new());
        let (told, restored) = (Vec::new(), BTreeMap::new());
        let books = Books { hub, nodes, told, restored, hub_lost: false, closed_numbers: 0, at_rest: true };
        let (transfers, credited) = (BTreeMap::new(), BTreeMap::new());
        let mut ledgers = Ledgers { transfers, credited, records: 0, books, found: Vec::new() };
        ledgers.read_hub(site)?;
        provinces.iter().try_for_each(|province| ledgers.read_node(site, *province))?;
        Ok(ledgers)
    }

    fn open<R: Record>(
        &mut self,
        site: &Site,
        server: &Role,
        owner: &str,
    ) -> Result<SqliteStore<R>, StoreError> {
        let mut store = SqliteStore::open(&site.store(server), owner)?;
        self.records += store.verify(1)?.records;
        Ok(store)
    }

    fn read_hub(&mut self, site: &Site) -> Result<(), StoreError> {
        let mut store = self.open::<hub::Record>(site, &Role::Hub, "hub")?;
        each(&mut store, |row: hub::Row| {
            match &row {
                hub::Row::Transfer(row) => {
                    let (state, fen, hub_seq) = (row.state, row.amount.fen(), row.hub_seq);
                    self.transfers.insert(row.transfer_id, AtHub { state, fen, hub_seq });
                }
                hub::Row::Incident(row) => self.found.push(("incident", format!("hub: {}", row.transfer_id))),
                _ => {}
            }
            self.books.hub.add([row]);
        })
    }

    fn read_node(&mut self, site: &Site, province: ProvinceCode) -> Result<(), StoreError> {
        let owner = format!("node:{province}");
        let mut store = self.open::<node::Record>(site, &Role::Node(province), &owner)?;
        let mut books = NodeBooks::of(province, []);
        let (mut booked, mut lines, mut credited) = (Vec::new(), Vec::new(), 0);
        each(&mut store, |row: node::Row| {
            match &row {
                node::Row::Leg(leg) if leg.state == LegState::Committed => {
                    booked.push((leg.transfer_id, signed(leg.side, leg.amount.fen())));
                }
                node::Row::Account(row) if row.kind == AccountKind::Allotment => credited -= row.posted.fen(),
                node::Row::Entry(line) => lines.extend(line.transfer_id.map(|id| (id, line.amount.fen()))),
                node::Row::Incident(row) => {
                    self.found.push(("incident", format!("{owner}: {}", row.transfer_id)));
                }
                _ => {}
            }
            books.add([row]);
        })?;
        self.compare_lines(province, booked, lines);
        self.credited.insert(province, credited);
        self.books.nodes.push(books);
        Ok(())
    }

    /// Each committed leg has exactly one line in a member's statement, with its amount.
    fn compare_lines(
        &mut self,
        province: ProvinceCode,
        mut booked: Vec<(TransferId, i64)>,
        mut lines: Vec<(TransferId, i64)>,
    ) {
        booked.sort_unstable();
        lines.sort_unstable();
        if booked != lines {
            let first = booked.iter().zip(&lines).find(|(leg, line)| leg != line);
            let counts = (booked.len(), lines.len());
            self.found
                .push(("statements differ from committed legs", format!("{province}: {counts:?} {first:?}")));
        }
    }

    /// Checks every invariant, with what callers were told in the end; gives all that is off.
    pub fn check(mut self, told: impl IntoIterator<Item = (TransferId, TransferState)>) -> Vec<Finding> {
        self.books.told.extend(told);
        let violated = violations(&self.books).into_iter().map(|it| (it.invariant, it.to_string()));
        self.found.into_iter().chain(violated).collect()
    }
}

fn signed(side: Side, fen: i64) -> i64 {
    match side {
        Side::Payer => -fen,
        Side::Payee => fen,
    }
}

/// Goes through all rows but the vault's, a table after the other, in key order.
fn each<R: Record>(store: &mut SqliteStore<R>, mut visit: impl FnMut(R::Row)) -> Result<(), StoreError> {
    for table in <R::Row as Row>::Table::ALL.iter().filter(|table| !table.is_vault()) {
        let mut after = None;
        loop {
            let page = store.scan(&Scan { filter: Filter::all(*table), after, limit: PAGE })?;
            let is_last = page.len() < PAGE;
            after = page.last().map(Row::key);
            page.into_iter().for_each(&mut visit);
            if is_last {
                break;
            }
        }
    }
    Ok(())
}
