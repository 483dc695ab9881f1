//! Statements by period: what was in an account before, what was booked, what is in it after.

use crate::domain::calendar::Day;
use crate::domain::money::Money;
use crate::domain::row::{EntryRow, Key, TableRow};
use crate::store::{StoreError, Tables};

/// A statement, with one page of its lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Balance before the first day.
    pub(super) opening: Money,
    /// Balance after the last day.
    pub(super) closing: Money,
    /// Sum of what came in.
    pub(super) credit: Money,
    /// Sum of what went out, below zero or zero.
    pub(super) debit: Money,
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

/// Walks an account's entries backwards: each names the one before it, and their times never rise on the way. So the
/// cost is what was booked since the first day. Entries are small, and an account gets a few a day.
pub(super) fn statement(tables: &mut dyn Tables, period: Period) -> Result<Statement, StoreError> {
    let (mut found, mut next) = (Statement::default(), period.last_entry);
    let (mut in_page, mut is_last) = (period.before.is_none(), true);
    while next != 0 {
        let rows = tables.load(&[Key::EntryRow(next)])?;
        let Some(row) = rows.iter().flatten().find_map(EntryRow::of) else {
            let what = format!("entry {next} is missing");
            return Err(StoreError::Damaged { place: "table entry".to_owned(), what });
        };
        let day = Day::of(row.entry_time);
        if day > period.to {
            next = row.previous;
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
        let sum = if row.amount >= Money::ZERO { &mut found.credit } else { &mut found.debit };
        // Sums of what was booked stay within what balances can hold on any real ledger.
        *sum = sum.checked_add(row.amount).unwrap_or(*sum);
        in_page = in_page || period.before == Some(next);
        if in_page && found.page.len() < period.limit {
            found.page.push(row.clone());
        } else if in_page && found.next.is_none() {
            found.next = Some(next);
        }
        next = row.previous;
    }
    Ok(found)
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
