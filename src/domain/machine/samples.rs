//! A made-up machine's tables and records: what belongs to every machine is tested with these, and not with a hub's or
//! a node's.

use crate::domain::machine::operation::OperationRow;
use crate::domain::machine::own::{
    IncidentRaised, IncidentRow, PeerRow, PeerSeen, SelfRow, TimeLowered, TimeNoted, began, lower_time,
    note_time, put_incident, put_peer,
};
use crate::domain::machine::record::{contents, records};
use crate::domain::machine::table::{rows, tables};
use crate::domain::machine::vault::VaultKeyRow;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::value::{Civil, ProvinceCode, Side, StartId, TransferId};
use borsh::{BorshDeserialize, BorshSerialize};

rows! {
    /// How many of an item there are.
    ItemRow {
        /// In which shop.
        shop: u64,
        /// On which of its shelves.
        shelf: u64,
        /// The item's number there.
        item: u64;
        /// How many.
        count: u64,
        /// Whether nobody will count it again.
        is_settled: bool,
    }
    /// What a shop keeps to itself.
    SecretRow {
        /// The shop.
        shop: u64,
        /// The secret's number there.
        secret: u64;
        /// Sealed content; empty when it was erased.
        sealed: Vec<u8>,
    }
}

tables! {
    Item = ItemRow "item" { shop: u64, shelf: u64, item: u64 }
    Secret = SecretRow "vault_secret" { shop: u64, secret: u64 }
}

impl Table {
    pub fn is_vault(self) -> bool {
        matches!(self, Table::Secret | Table::Vault)
    }

    pub fn holds_persons(self) -> bool {
        false
    }
}

impl Row {
    pub fn is_finished(&self) -> bool {
        match self {
            Row::Item(row) => row.is_settled,
            Row::Secret(row) => row.sealed.is_empty(),
            Row::Own(_) | Row::Peer(_) | Row::Incident(_) | Row::Operation(_) | Row::Vault(_) => false,
        }
    }

    pub fn violated(&self) -> Option<&'static str> {
        None
    }
}

contents! {
    /// It started.
    Started {
        /// Which of its starts.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// An item was counted.
    ItemCounted {
        /// In which shop.
        shop: u64,
        /// On which shelf.
        shelf: u64,
        /// Which item.
        item: u64,
        /// How many.
        count: u64,
        /// Whether nobody will count it again. New in version 2.
        is_settled: bool,
    }
    /// An item was counted, as version 1 said it.
    ItemCountedV1 {
        /// In which shop.
        shop: u64,
        /// On which shelf.
        shelf: u64,
        /// Which item.
        item: u64,
        /// How many.
        count: u64,
    }
}

records! { Row:
    Started 1 v 1, told back by Nobody;
    ItemCounted 2 v 2 (v 1 ItemCountedV1), told back by Platform;
    PeerSeen 7 v 1, told back by Node;
    IncidentRaised 8 v 1 about transfer_id, told back by Node;
    TimeNoted 18 v 1, told back by Nobody;
    TimeLowered 19 v 1, told back by Nobody;
}

impl From<ItemCountedV1> for ItemCounted {
    /// Until version 2 every item could be counted again.
    fn from(ItemCountedV1 { shop, shelf, item, count }: ItemCountedV1) -> ItemCounted {
        ItemCounted { shop, shelf, item, count, is_settled: false }
    }
}

impl Record {
    fn apply_to(&self, _sequence: u64, rows: &mut WorkingSet<Row>) {
        match self {
            Record::Started(it) => began(it.incarnation, it.start_id, it.time, rows),
            Record::ItemCounted(it) => {
                let ItemCounted { shop, shelf, item, count, is_settled } = it.clone();
                assert_ne!(count, u64::MAX, "a bug in applying a record");
                rows.put(ItemRow { shop, shelf, item, count, is_settled });
            }
            Record::PeerSeen(it) => put_peer(it.province, it.mark, rows),
            Record::IncidentRaised(it) => put_incident(it, rows),
            Record::TimeNoted(it) => note_time(it.time, rows),
            Record::TimeLowered(it) => lower_time(it, rows),
        }
    }
}
