//! Positions: what each province owes in a window, by double entry.

use super::{Key, Rows};
use crate::domain::hub::tables::{PositionRow, TransferRow};
use crate::domain::kinds;
use crate::domain::protocol::Kind;
use crate::domain::value::{BySide, Money, ProvinceCode, Side, Window};

/// The position of a province in a window; nothing owed where there is none yet.
pub(super) fn position(rows: &Rows, window: Window, province: ProvinceCode) -> PositionRow {
    rows.get(&Key::Position(window, province)).cloned().unwrap_or(PositionRow {
        window,
        province,
        owed: Money::ZERO,
        sent_count: 0,
        received_count: 0,
    })
}

/// What a side's province owes once so much of a kind is booked; nothing when no sum can hold it.
fn owed_after(row: &PositionRow, side: Side, (kind, amount): (Kind, Money)) -> Option<Money> {
    match kinds::of(kind).debtor {
        Some(debtor) if debtor == side => row.owed.checked_add(amount),
        Some(_) => row.owed.checked_sub(amount),
        None => Some(row.owed),
    }
}

/// Whether the positions of both provinces can hold so much of a kind.
pub(super) fn can_hold(
    what: (Kind, Money),
    provinces: BySide<ProvinceCode>,
    window: Window,
    rows: &Rows,
) -> bool {
    let fits = |(side, province): (Side, &ProvinceCode)| {
        owed_after(&position(rows, window, *province), side, what).is_some()
    };
    provinces.iter().all(fits)
}

/// Enters a transfer twice, as its kind has it: what one province owes, the other is owed.
pub(super) fn enter(transfer: &TransferRow, window: Window, rows: &mut Rows) {
    for (side, province) in transfer.provinces().iter() {
        let row = position(rows, window, *province);
        let what = (transfer.kind, transfer.amount);
        let owed = owed_after(&row, side, what).expect("sums are checked before a record is made");
        rows.put(match side {
            Side::Payer => PositionRow { owed, sent_count: row.sent_count + 1, ..row },
            Side::Payee => PositionRow { owed, received_count: row.received_count + 1, ..row },
        });
    }
}
