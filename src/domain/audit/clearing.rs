//! Invariants of clearing: in which window a commit is counted, and what the commits of a window add up to.

use crate::domain::audit::books::{Books, fen};
use crate::domain::audit::invariant::Found;
use crate::domain::kinds;
use crate::domain::node::tables::LegTotalRow;
use crate::domain::protocol::LegState;
use crate::domain::protocol::total::{add_digest, row_digest};
use crate::domain::value::{Day, Digest, Side};
use std::collections::BTreeMap;

/// A window of a later day is open after a clock that was ahead was lowered. A hub that was restored has counted what
/// it heard of in the windows of before.
pub(super) fn open_windows(books: &Books, found: &mut Found) {
    if books.hub.own.as_ref().is_none_or(|own| own.recovered > 0) {
        return;
    }
    for transfer in books.hub.committed() {
        let Some((window, time)) = transfer.window.zip(transfer.decide_time) else { continue };
        let closed = books.hub.closed_windows.get(&window);
        let open = Day::of(time) <= window.day() && closed.is_none_or(|closed| time <= *closed);
        found.unless(open, transfer.transfer_id, "counted in a window that was closed then");
    }
}

pub(super) fn positions(books: &Books, found: &mut Found) {
    let mut owed: BTreeMap<_, i128> = BTreeMap::new();
    for transfer in books.hub.committed() {
        let Some(debtor) = kinds::of(transfer.kind).debtor else { continue };
        let provinces = transfer.provinces();
        *owed.entry((transfer.window, provinces[debtor])).or_default() += fen(transfer.amount);
        *owed.entry((transfer.window, provinces[debtor.other()])).or_default() -= fen(transfer.amount);
    }
    for row in &books.hub.positions {
        let expected = owed.remove(&(Some(row.window), row.province)).unwrap_or(0);
        if fen(row.owed) != expected {
            found.add(None, format!("{} {}: {}, not {expected} fen", row.window, row.province, row.owed));
        }
    }
    if let Some(((window, province), _)) = owed.first_key_value() {
        found.add(None, format!("{window:?} {province}: no position"));
    }
    let sum: i128 = books.hub.positions.iter().map(|row| fen(row.owed)).sum();
    if sum != 0 {
        found.add(None, format!("positions sum to {sum} fen"));
    }
    if !books.hub.totals.is_empty() {
        totals(books, found);
    }
}

/// Count, sum and digests of what one province pays to another in a window.
type Sums = (u64, i128, Digest, Digest);

fn totals(books: &Books, found: &mut Found) {
    let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
    for row in books.hub.committed() {
        let Some((window, hub_seq)) = row.window.zip(row.hub_seq) else { continue };
        let one = |side| row_digest(hub_seq, row.transfer_id, row.kind, side, row.amount);
        let of_pair = (window, row.payer_province, row.payee_province, row.kind);
        let (count, sum, payer, payee) = sums.entry(of_pair).or_default();
        (*count, *sum) = (*count + 1, *sum + fen(row.amount));
        (*payer, *payee) = (add_digest(*payer, one(Side::Payer)), add_digest(*payee, one(Side::Payee)));
    }
    for row in &books.hub.totals {
        let of_pair = (row.window, row.payer_province, row.payee_province, row.kind);
        let kept = (row.count, fen(row.amount), row.payer_digest, row.payee_digest);
        if sums.remove(&of_pair) != Some(kept) {
            let (window, payer, payee) = (row.window, row.payer_province, row.payee_province);
            found.add(None, format!("{window} {payer} to {payee}: the total is not the sum of its commits"));
        }
    }
    if let Some(((window, payer, payee, _), _)) = sums.first_key_value() {
        found.add(None, format!("{window} {payer} to {payee}: no total"));
    }
}

/// What a node tells of a window, it has counted while legs were committed: what it would count now must be the same.
pub(super) fn leg_totals(books: &Books, found: &mut Found) {
    for node in books.nodes.iter().filter(|node| !node.totals.is_empty()) {
        let mut sums: BTreeMap<_, LegTotalRow> = BTreeMap::new();
        let committed = node.legs.values().filter(|leg| leg.state == LegState::Committed);
        let is_checked = |it: &LegTotalRow| !node.looked_at.contains(&it.window);
        for one in committed.filter_map(LegTotalRow::of_leg).filter(is_checked) {
            let group = (one.window, one.counter_region, one.side, one.kind);
            let sum = match sums.remove(&group) {
                Some(sum) => sum.and(&one),
                None => one,
            };
            sums.insert(group, sum);
        }
        for row in node.totals.iter().filter(|row| is_checked(row)) {
            let sum = sums.remove(&(row.window, row.counter_region, row.side, row.kind));
            if sum.is_none_or(|sum| sum.counted() != row.counted()) {
                let (province, window, region) = (node.province, row.window, row.counter_region);
                let is = "the total is not the sum of its legs";
                found.add(None, format!("{province}: {window} with {region}: {is}"));
            }
        }
        if let Some(((window, region, ..), _)) = sums.first_key_value() {
            found.add(None, format!("{}: {window} with {region}: no total", node.province));
        }
    }
}
