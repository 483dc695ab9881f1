//! The lines of an account, newest first: pages of all of them, and statements by period.

use crate::domain::machine::TableRow;
use crate::domain::node::Record;
use crate::domain::node::tables::{AccountRow, EntryRow, Key, LegRow};
use crate::domain::value::{Day, EntryKind, Money, Side, TransferId, Window};
use crate::store::{AnyTables, StoreError};
use std::collections::BTreeMap;

/// A statement, with one page of its lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Balance before the first day.
    pub(super) opening: Money,
    /// Balance after the last day.
    pub(super) closing: Money,
    /// Sum of what came in; none when it does not fit.
    pub(super) credit: Option<Money>,
    /// Sum of what went out, zero or above; none when it does not fit.
    pub(super) debit: Option<Money>,
    /// Lines of the whole period.
    pub(super) count: u64,
    /// Lines of this page, newest first.
    pub(super) page: Vec<EntryRow>,
    /// The entry that the next page begins with.
    pub(super) next: Option<u64>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    /// The account's last entry; 0 when it has none.
    pub(super) last_entry: u64,
    /// First day.
    pub(super) from: Day,
    /// Last day, itself included.
    pub(super) to: Day,
    /// Where the page begins; none for the first.
    pub(super) before: Option<u64>,
    /// Most lines of a page.
    pub(super) limit: usize,
}

/// An account's entries from one backwards: each names the one before it.
///
/// # Errors
/// `Damaged` when one is missing; then it ends.
struct Walk<'a> {
    tables: &'a mut AnyTables<Record>,
    /// The entry to come; 0 after the first that was ever booked.
    next: u64,
}

impl Iterator for Walk<'_> {
    type Item = Result<EntryRow, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry_id = std::mem::take(&mut self.next);
        if entry_id == 0 {
            return None;
        }
        let rows = match self.tables.load(&[Key::Entry(entry_id)]) {
            Ok(rows) => rows,
            Err(error) => return Some(Err(error)),
        };
        let Some(row) = rows.iter().flatten().find_map(EntryRow::of) else {
            let what = format!("entry {entry_id} is missing");
            return Some(Err(StoreError::Damaged { place: "table entry".to_owned(), what }));
        };
        self.next = row.previous;
        Some(Ok(row.clone()))
    }
}

/// At most `limit` entries of one account, from this one backwards, and the one that a next page begins with.
///
/// # Errors
/// `Damaged` when one is missing.
pub(super) fn page(
    tables: &mut AnyTables<Record>,
    from: u64,
    limit: usize,
) -> Result<(Vec<EntryRow>, Option<u64>), StoreError> {
    let mut walk = Walk { tables, next: from };
    let page = walk.by_ref().take(limit).collect::<Result<Vec<_>, _>>()?;
    Ok((page, (walk.next != 0).then_some(walk.next)))
}

/// The window of the transfer behind each entry, in order; none where it is no transfer's.
pub(super) fn windows_of(
    tables: &mut AnyTables<Record>,
    entries: &[EntryRow],
) -> Result<Vec<Option<Window>>, StoreError> {
    let of_transfer = |entry: &EntryRow| entry.transfer_id.filter(|_| entry.entry_kind != EntryKind::SetOff);
    let ids: Vec<TransferId> = entries.iter().filter_map(of_transfer).collect();
    let keys: Vec<Key> = ids.iter().flat_map(|id| Side::BOTH.map(|side| Key::Leg(*id, side))).collect();
    let legs = tables.load(&keys)?;
    let windows = legs.iter().flatten().filter_map(LegRow::of).map(|leg| (leg.transfer_id, leg.window));
    let windows: BTreeMap<TransferId, Option<Window>> = windows.collect();
    let window = |entry| of_transfer(entry).and_then(|id| windows.get(&id).copied().flatten());
    Ok(entries.iter().map(window).collect())
}

/// Most entries of an account in suspense that are looked at.
const SUSPENSE_ENTRIES: usize = 1_000;

/// The entries of an account in suspense since nothing stood there last, newest first.
///
/// # Errors
/// `Damaged` when one is missing.
pub(super) fn suspended(
    tables: &mut AnyTables<Record>,
    account: &AccountRow,
) -> Result<Vec<EntryRow>, StoreError> {
    let walk = Walk { tables, next: account.last_entry }.take(SUSPENSE_ENTRIES);
    let stood =
        |row: &Result<EntryRow, StoreError>| row.as_ref().map_or(true, |it| it.balance != Money::ZERO);
    walk.take_while(stood).collect()
}

/// Walks an account's entries backwards; their times never rise on the way. So the cost is what was booked since the
/// first day. Entries are small, and an account gets a few a day.
///
/// # Errors
/// `Damaged` when an entry is missing.
pub(super) fn statement(tables: &mut AnyTables<Record>, period: Period) -> Result<Statement, StoreError> {
    let nothing = Some(Money::ZERO);
    let mut found = Statement { credit: nothing, debit: nothing, ..Statement::default() };
    let (mut in_page, mut is_last) = (period.before.is_none(), true);
    for row in (Walk { tables, next: period.last_entry }) {
        let row = row?;
        let day = Day::of(row.entry_time);
        if day > period.to {
            continue;
        }
        if std::mem::take(&mut is_last) {
            found.closing = row.balance;
        }
        if day < period.from {
            found.opening = row.balance;
            return Ok(found);
        }
        found.count += 1;
        if row.amount >= Money::ZERO {
            found.credit = found.credit.and_then(|sum| sum.checked_add(row.amount));
        } else {
            found.debit = found.debit.and_then(|sum| sum.checked_sub(row.amount));
        }
        in_page = in_page || period.before == Some(row.entry_id);
        if in_page && found.page.len() < period.limit {
            found.page.push(row);
        } else if in_page && found.next.is_none() {
            found.next = Some(row.entry_id);
        }
    }
    Ok(found)
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
