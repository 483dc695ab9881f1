//! How rows are kept: what must be scrubbed, what may be forgotten, what is no part of the journal.

use crate::domain::machine::row::{Row, Table};
use crate::domain::protocol::leg::LegState;

impl Row {
    /// Whether nothing more is expected of the row: it will hardly be looked at again.
    pub fn is_settled(&self) -> bool {
        match self {
            Row::EntryRow(_)
            | Row::RequestRow(_)
            | Row::BuriedRow(_)
            | Row::IncidentRow(_)
            | Row::CompensationRow(_)
            | Row::PartiesRow(_) => true,
            Row::LegRow(row) => !matches!(row.state, LegState::Prepared | LegState::Awaiting),
            Row::TransferRow(row) => {
                row.state.is_decided() && row.payer_recorded_seq.is_some() && row.payee_recorded_seq.is_some()
            }
            Row::PositionRow(_)
            | Row::PeerRow(_)
            | Row::SelfRow(_)
            | Row::MemberRow(_)
            | Row::AccountRow(_)
            | Row::WalletRow(_)
            | Row::PersonRow(_)
            | Row::HolderRow(_) => false,
        }
    }
}

impl Table {
    /// Whether rows of the table are replaced by others about the same person: what was there before must be scrubbed.
    pub fn holds_persons(self) -> bool {
        matches!(self, Table::PersonRow | Table::HolderRow)
    }

    /// Whether the table belongs to the vault: mutable, and not rebuilt from the journal.
    pub fn is_vault(self) -> bool {
        matches!(self, Table::PersonRow | Table::HolderRow | Table::PartiesRow)
    }
}
