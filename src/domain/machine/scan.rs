//! Ranges of rows that are read in order: what a start needs, and what lists show.

use crate::domain::machine::row::{Key, Row, Table};
use crate::domain::protocol::leg::LegState;

/// Which rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of the table's rows.
    All(Table),
    /// Hub: transfers whose decision one side has not recorded, so also all that are undecided.
    UnsettledTransfers,
    /// Node: legs that voted yes and do not know the decision.
    LegsInDoubt,
    /// Hub: transfers received before this journal sequence, newest first.
    TransfersBefore(u64),
}

impl Filter {
    /// The table that it reads.
    pub fn table(self) -> Table {
        match self {
            Filter::All(table) => table,
            Filter::UnsettledTransfers | Filter::TransfersBefore(_) => Table::TransferRow,
            Filter::LegsInDoubt => Table::LegRow,
        }
    }

    /// Whether a row of that table belongs to it. Stores that cannot filter by themselves use this.
    pub fn admits(self, row: &Row) -> bool {
        match (self, row) {
            (Filter::All(table), row) => row.key().table() == table,
            (Filter::UnsettledTransfers, Row::TransferRow(row)) => {
                row.payer_recorded_seq.is_none() || row.payee_recorded_seq.is_none()
            }
            (Filter::LegsInDoubt, Row::LegRow(row)) => row.state == LegState::Prepared,
            (Filter::TransfersBefore(before), Row::TransferRow(row)) => row.received_seq < before,
            (Filter::UnsettledTransfers | Filter::LegsInDoubt | Filter::TransfersBefore(_), _) => false,
        }
    }
}

impl Filter {
    /// Whether rows come newest first; else in key order.
    pub fn is_newest_first(self) -> bool {
        matches!(self, Filter::TransfersBefore(_))
    }
}

/// A page of rows in the filter's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Which rows.
    pub filter: Filter,
    /// Only those after this key; not with filters that say `before` themselves.
    pub after: Option<Key>,
    /// At most so many.
    pub limit: usize,
}
