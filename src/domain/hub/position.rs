//! Positions: what each province owes in a window, by double entry; and totals: what the commits of a window add up to
//! between two provinces, kept while they come, so that whoever compares them reads no transfers.

use super::{Key, Rows, clearing};
use crate::domain::hub::tables::{PositionRow, TotalRow, TransferRow};
use crate::domain::kinds;
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::{add_digest, row_digest};
use crate::domain::value::{BySide, Digest, Money, Now, ProvinceCode, Side, Window};
use std::collections::BTreeSet;

/// What a commit of a kind between two provinces needs in the window of now.
pub(super) fn keys(window: Window, provinces: BySide<ProvinceCode>, kind: Kind) -> [Key; 3] {
    let BySide { payer, payee } = provinces;
    [Key::Position(window, payer), Key::Position(window, payee), Key::Total(window, payer, payee, kind)]
}

/// What any commits among these provinces need, in whichever windows they were told.
pub(super) fn keys_among(
    windows: &BTreeSet<Window>,
    provinces: &BTreeSet<ProvinceCode>,
    (now, rows): (Now, &Rows),
    needed: &mut Vec<Key>,
) {
    for window in windows {
        needed.extend(provinces.iter().map(|province| Key::Position(*window, *province)));
        let pairs = provinces.iter().flat_map(|payer| provinces.iter().map(move |payee| (*payer, *payee)));
        for (payer, payee) in pairs.filter(|(payer, payee)| payer != payee) {
            needed.extend(Kind::ALL.iter().map(|kind| Key::Total(*window, payer, payee, *kind)));
            clearing::needs_if_late(*window, (payer, payee), (now, rows), needed);
        }
    }
}

/// The total of a kind between two provinces in a window; nothing where there is none yet.
fn total(rows: &Rows, window: Window, provinces: BySide<ProvinceCode>, kind: Kind) -> TotalRow {
    let BySide { payer, payee } = provinces;
    rows.get(&Key::Total(window, payer, payee, kind)).cloned().unwrap_or(TotalRow {
        window,
        payer_province: payer,
        payee_province: payee,
        kind,
        count: 0,
        amount: Money::ZERO,
        payer_digest: Digest::default(),
        payee_digest: Digest::default(),
    })
}

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

/// Whether the positions of both provinces, and what they add up to, can hold so much of a kind.
pub(super) fn can_hold(
    what: (Kind, Money),
    provinces: BySide<ProvinceCode>,
    window: Window,
    rows: &Rows,
) -> bool {
    let fits = |(side, province): (Side, &ProvinceCode)| {
        owed_after(&position(rows, window, *province), side, what).is_some()
    };
    let sum = total(rows, window, provinces, what.0).amount.checked_add(what.1);
    provinces.iter().all(fits) && sum.is_some() && clearing::can_hold(what, provinces, window, rows)
}

/// Enters a commit twice, as its kind has it: what one province owes, the other is owed. And adds it to the total.
pub(super) fn enter(transfer: &TransferRow, (window, hub_seq): (Window, u64), rows: &mut Rows) {
    let row = total(rows, window, transfer.provinces(), transfer.kind);
    let one = |side| row_digest(hub_seq, transfer.transfer_id, transfer.kind, side, transfer.amount);
    rows.put(TotalRow {
        count: row.count + 1,
        amount: row.amount.checked_add(transfer.amount).expect("sums are checked before a record is made"),
        payer_digest: add_digest(row.payer_digest, one(Side::Payer)),
        payee_digest: add_digest(row.payee_digest, one(Side::Payee)),
        ..row
    });
    for (side, province) in transfer.provinces().iter() {
        let row = position(rows, window, *province);
        let what = (transfer.kind, transfer.amount);
        let owed = owed_after(&row, side, what).expect("sums are checked before a record is made");
        rows.put(match side {
            Side::Payer => PositionRow { owed, sent_count: row.sent_count + 1, ..row },
            Side::Payee => PositionRow { owed, received_count: row.received_count + 1, ..row },
        });
    }
    clearing::enter_if_late(transfer, (window, hub_seq), rows);
}
