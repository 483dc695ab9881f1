//! A client asks for transfers by id.

use super::{Found, Key, Step, TransferRow};
use crate::domain::machine::Ticket;
use crate::domain::value::TransferId;

/// Each transfer, and what the vault holds of it.
pub(super) fn needs(transfer_ids: &[TransferId], keys: &mut Vec<Key>) {
    keys.extend(transfer_ids.iter().flat_map(|id| [Key::Transfer(*id), Key::Parties(*id)]));
}

/// Answers what is known of each, in the order in which they were asked for.
pub(super) fn get(ticket: Ticket<Vec<Option<Found>>>, transfer_ids: &[TransferId], step: &mut Step<'_>) {
    let rows = step.rows();
    let found = |id: &TransferId| {
        let transfer: Option<&TransferRow> = rows.get(&Key::Transfer(*id));
        transfer.map(|row| (row.clone(), rows.get(&Key::Parties(*id)).cloned()))
    };
    let transfers = transfer_ids.iter().map(found).collect();
    step.answer(ticket, transfers);
}
