//! Ranges of rows that are read in order: what a start needs, and what lists show. Said in columns, so that a store can
//! turn it into SQL without knowing what a row means.

use crate::domain::machine::table::{Row, Table};
use crate::domain::value::column::Value;

/// Which rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<T> {
    /// The table.
    pub table: T,
    /// Which of its rows.
    pub only: Only,
}

/// A condition on columns, and the order that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// All rows, in key order.
    All,
    /// Those in which one of two columns holds nothing, in key order.
    EitherMissing(&'static str, &'static str),
    /// Those in which a column holds this number, in key order.
    Equal(&'static str, i64),
    /// Those in which a column holds less than this number, the highest first.
    Below(&'static str, u64),
}

impl<T: Table> Filter<T> {
    /// All rows of a table.
    pub fn all(table: T) -> Filter<T> {
        Filter { table, only: Only::All }
    }

    /// Whether a row belongs to it. Stores that cannot filter by themselves use this.
    pub fn admits<R: Row<Table = T>>(&self, row: &R) -> bool {
        if row.table() != self.table {
            return false;
        }
        let (names, values) = (self.table, row.values());
        let of = |column: &str| {
            let mut names = names.key_columns().iter().chain(names.value_columns());
            names.position(|name| *name == column).and_then(|at| values.get(at)).cloned()
        };
        match self.only {
            Only::All => true,
            Only::EitherMissing(one, other) => {
                [one, other].into_iter().any(|column| of(column) == Some(Value::Null))
            }
            Only::Equal(column, number) => of(column) == Some(Value::Int(number)),
            Only::Below(column, _) => self.rank(row).zip(bound(self.only)).is_some_and(|(it, below)| {
                debug_assert!(of(column).is_some(), "{column} is a column");
                it < below
            }),
        }
    }

    /// What the order goes by where the highest comes first; nothing where rows come in key order.
    pub fn rank<R: Row<Table = T>>(&self, row: &R) -> Option<i64> {
        let Only::Below(column, _) = self.only else { return None };
        let columns = self.table.key_columns().iter().chain(self.table.value_columns());
        let found = columns.zip(row.values()).find(|(name, _)| **name == column);
        match found {
            Some((_, Value::Int(number))) => Some(number),
            Some((_, Value::Null | Value::Text(_) | Value::Blob(_))) | None => None,
        }
    }
}

fn bound(only: Only) -> Option<i64> {
    match only {
        Only::Below(_, below) => Some(i64::try_from(below).unwrap_or(i64::MAX)),
        Only::All | Only::EitherMissing(..) | Only::Equal(..) => None,
    }
}

/// A page of rows in the filter's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan<R: Row> {
    /// Which rows.
    pub filter: Filter<R::Table>,
    /// Only those after this key; not with filters that have an order of their own.
    pub after: Option<R::Key>,
    /// At most so many.
    pub limit: usize,
}
