//! Invariants of months: what is cleared in which, and what has to be paid for it.

use crate::domain::audit::books::{Books, fen};
use crate::domain::audit::invariant::Found;
use crate::domain::hub::clearing::{Line, ObligationRow, Pair, Scheme};
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::{add_digest, row_digest};
use crate::domain::value::{Digest, Period, ProvinceCode, Side};
use std::collections::BTreeMap;

type LineKey = (Period, ProvinceCode, ProvinceCode, Kind);

/// Each commit is cleared in one month: that of its window, or the one into which it was carried. A published line is
/// the sum of its commits, and one that is not published yet of those that were carried into it.
pub(super) fn lines(books: &Books, found: &mut Found) {
    let published: Vec<(Period, Pair)> =
        books.hub.tables.iter().map(|row| (row.period, row.pair())).collect();
    let mut sums: BTreeMap<LineKey, (u64, i128, Digest, Digest)> = BTreeMap::new();
    for row in books.hub.committed() {
        let Some((window, hub_seq)) = row.window.zip(row.hub_seq) else { continue };
        let carried = books.hub.carried.get(&row.transfer_id);
        let period = carried.map_or(Period::from(window), |carried| carried.period);
        let pair = Pair::of(row.payer_province, row.payee_province);
        let is_published = pair.is_some_and(|pair| published.contains(&(period, pair)));
        if carried.is_none() && !is_published {
            continue;
        }
        let one = |side| row_digest(hub_seq, row.transfer_id, row.kind, side, row.amount);
        let key = (period, row.payer_province, row.payee_province, row.kind);
        let (count, sum, payer, payee) = sums.entry(key).or_default();
        (*count, *sum) = (*count + 1, *sum + fen(row.amount));
        (*payer, *payee) = (add_digest(*payer, one(Side::Payer)), add_digest(*payee, one(Side::Payee)));
    }
    for line in books.hub.lines.iter().filter(|line| line.count > 0) {
        let key = (line.period, line.payer_province, line.payee_province, line.kind);
        let kept = (line.count, fen(line.amount), line.payer_digest, line.payee_digest);
        if sums.remove(&key) != Some(kept) {
            let (period, payer, payee) = (line.period, line.payer_province, line.payee_province);
            found.add(None, format!("{period} {payer} to {payee}: the line is not the sum of its commits"));
        }
    }
    if let Some(((period, payer, payee, _), _)) = sums.first_key_value() {
        found.add(None, format!("{period} {payer} to {payee}: no line"));
    }
}

/// What a table says is what its lines say; over all provinces of a net month it sums to nothing; and what a final one
/// says is owed is what has to be paid.
pub(super) fn tables(books: &Books, found: &mut Found) {
    let mut left: BTreeMap<Period, i128> = BTreeMap::new();
    for row in &books.hub.tables {
        let (period, pair) = (row.period, row.pair());
        let is_its = |line: &Line| match pair.is_net() {
            true => [line.payer, line.payee].contains(&row.second),
            false => Pair::of(line.payer, line.payee) == Some(pair),
        };
        let lines = books.hub.lines.iter().filter(|line| line.period == period && line.count > 0);
        let mut lines: Vec<Line> = lines.map(Line::from).filter(is_its).collect();
        lines.sort_unstable_by_key(|line| (line.payer, line.payee, line.kind));
        if pair.digest(period, row.version, &lines) != row.digest {
            found.add(None, format!("{period} {pair}: the digest is not that of its lines"));
        }
        if pair.is_net() {
            *left.entry(period).or_default() += fen(row.second_owes) - fen(row.first_owes);
        }
        let is_paid_net = books.hub.periods.get(&period) == Some(&Scheme::Net);
        for (debtor, creditor, owes) in
            [(row.first, row.second, row.first_owes), (row.second, row.first, row.second_owes)]
        {
            let obligation = books.hub.obligations.get(&(period, debtor, creditor));
            let is_signed = row.final_time.is_some() && is_paid_net == pair.is_net();
            let expected = if is_signed { fen(owes) } else { 0 };
            if obligation.map_or(0, |it| fen(it.amount)) != expected {
                found.add(
                    None,
                    format!("{period} {debtor} to {creditor}: not the obligation that was signed"),
                );
            }
        }
    }
    // While some of a month's tables with the centre are still to come, they sum to something.
    let is_whole = |period: &Period| {
        let centre =
            books.hub.tables.iter().filter(|row| row.period == *period && row.pair().is_net()).count();
        let pairs = books.hub.tables.iter().filter(|row| row.period == *period).count() - centre;
        centre > 0 && pairs == centre * (centre - 1) / 2
    };
    for (period, sum) in left.into_iter().filter(|(period, sum)| *sum != 0 && is_whole(period)) {
        found.add(None, format!("{period}: what is left of all provinces sums to {sum} fen"));
    }
}

/// An obligation has what its payments have paid, and a prefund has what covers obligations.
pub(super) fn payments(books: &Books, found: &mut Found) {
    let mut paid: BTreeMap<(Period, ProvinceCode, ProvinceCode), (i128, i128)> = BTreeMap::new();
    for row in books.hub.payments.iter().filter(|row| row.void_code.is_none()) {
        let (sum, confirmed) = paid.entry((row.period, row.debtor, row.creditor)).or_default();
        *sum += fen(row.amount);
        *confirmed += row.confirm_time.map_or(0, |_| fen(row.amount));
    }
    let mut covered: BTreeMap<(ProvinceCode, ProvinceCode), i128> = BTreeMap::new();
    for row in books.hub.obligations.values() {
        let ObligationRow { period, debtor, creditor, .. } = *row;
        let expected = paid.remove(&(period, debtor, creditor)).unwrap_or_default();
        if (fen(row.paid), fen(row.confirmed)) != expected {
            found.add(None, format!("{period} {debtor} to {creditor}: not what its payments have paid"));
        }
        *covered.entry((debtor, creditor)).or_default() += fen(row.covered);
    }
    if let Some(((period, debtor, creditor), _)) = paid.first_key_value() {
        found.add(None, format!("{period} {debtor} to {creditor}: paid, and not owed"));
    }
    for row in &books.hub.prefunds {
        if covered.remove(&(row.debtor, row.creditor)).unwrap_or(0) != fen(row.used) {
            let (debtor, creditor) = (row.debtor, row.creditor);
            found.add(None, format!("{debtor} at {creditor}: the prefund has used what it does not cover"));
        }
    }
    covered.retain(|_, sum| *sum != 0);
    if let Some(((debtor, creditor), _)) = covered.first_key_value() {
        found.add(None, format!("{debtor} at {creditor}: covered by no prefund"));
    }
}

#[cfg(test)]
#[path = "months_tests.rs"]
mod tests;
