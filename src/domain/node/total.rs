//! Totals: what the legs that are committed here add up to in each window, kept while they come, so that a window is
//! compared with the hub's without reading its legs. By pooling area: which province that lies in is the directory's to
//! say, and a directory may change.

use super::tables::{Key, LegRow, LegTotalRow, Row};
use crate::domain::machine::WorkingSet;
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::{add_digest, row_digest, set_digest, xor_digest};
use crate::domain::value::{Digest, Money, RegionCode, Side, Window};

/// What booking a commit needs, where its window and the other place are known.
pub(super) fn needs(
    window: Option<Window>,
    counter_region: Option<RegionCode>,
    (side, kind): (Side, Kind),
    keys: &mut Vec<Key>,
) {
    keys.extend(window.zip(counter_region).map(|(window, region)| Key::LegTotal(window, region, side, kind)));
}

impl LegTotalRow {
    /// What a committed leg alone adds up to; nothing of one that names no window or no other place.
    pub fn of_leg(leg: &LegRow) -> Option<LegTotalRow> {
        let hub_seq = leg.hub_seq.unwrap_or(0);
        Some(LegTotalRow {
            window: leg.window?,
            counter_region: leg.counter_region?,
            side: leg.side,
            kind: leg.kind,
            count: 1,
            amount: leg.amount,
            digest: row_digest(hub_seq, leg.transfer_id, leg.kind, leg.side, leg.amount),
            set_digest: set_digest(hub_seq, leg.transfer_id, leg.amount),
            first_transfer_id: leg.transfer_id,
            last_transfer_id: leg.transfer_id,
        })
    }

    /// Both together, under the key of the first.
    #[must_use]
    pub fn and(self, other: &LegTotalRow) -> LegTotalRow {
        LegTotalRow {
            count: self.count.saturating_add(other.count),
            // The hub has checked that the sum of a window fits before it committed.
            amount: self.amount.checked_add(other.amount).unwrap_or(Money::from_fen(i64::MAX)),
            digest: add_digest(self.digest, other.digest),
            set_digest: xor_digest(self.set_digest, other.set_digest),
            first_transfer_id: self.first_transfer_id.min(other.first_transfer_id),
            last_transfer_id: self.last_transfer_id.max(other.last_transfer_id),
            ..self
        }
    }

    /// How many, their sum and their digest: what is compared.
    pub fn counted(&self) -> (u64, Money, Digest) {
        (self.count, self.amount, self.digest)
    }
}

/// Adds a leg that has just been committed.
pub(super) fn count(leg: &LegRow, rows: &mut WorkingSet<Row>) {
    let Some(one) = LegTotalRow::of_leg(leg) else { return };
    let key = Key::LegTotal(one.window, one.counter_region, one.side, one.kind);
    let sum = match rows.get::<LegTotalRow>(&key) {
        Some(known) => known.clone().and(&one),
        None => one,
    };
    rows.put(sum);
}
