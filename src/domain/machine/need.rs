//! What a machine must have seen of its tables before it decides: single rows, and all rows whose keys begin alike.

use crate::domain::machine::table::{Columns, InTable, Key, Table};
use crate::domain::value::column::{Column, Value};

/// All rows of one table whose keys begin with the same columns: `Prefix::of::<IncidentRow>((transfer_id,))` stands for
/// every incident of a transfer. Such rows stand side by side in key order, so that a store reads them as one range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix<T> {
    table: T,
    columns: Vec<Value<'static>>,
}

impl<T: Table> Prefix<T> {
    /// The rows of a table whose keys begin with these columns: a tuple of at least one of them, and not of all.
    pub fn of<C>(columns: impl BeginningOf<C::Key>) -> Prefix<T>
    where
        C: Columns + InTable<T>,
    {
        Prefix { table: C::TABLE, columns: columns.values() }
    }

    /// Every prefix that the row under a key belongs to, the shortest first.
    pub fn over(key: &impl Key<Table = T>) -> Vec<Prefix<T>> {
        let (table, columns) = (key.table(), key.values().into_iter().map(Value::into_owned));
        let columns: Vec<Value<'static>> = columns.collect();
        (1..columns.len()).map(|count| Prefix { table, columns: columns[..count].to_vec() }).collect()
    }

    /// Itself and every shorter one, the shortest first: where all rows of one of these are known, so are its own.
    pub(super) fn and_shorter(&self) -> impl Iterator<Item = Prefix<T>> {
        (1..=self.columns.len())
            .map(|count| Prefix { table: self.table, columns: self.columns[..count].to_vec() })
    }

    /// The table.
    pub fn table(&self) -> T {
        self.table
    }

    /// What the first key columns hold.
    pub fn columns(&self) -> &[Value<'static>] {
        &self.columns
    }

    /// Whether the row under a key belongs to it.
    pub fn covers(&self, key: &impl Key<Table = T>) -> bool {
        key.table() == self.table && key.values().starts_with(&self.columns)
    }

    /// All prefixes of a table come after this, and before those of the next table.
    pub(super) fn first(table: T) -> Prefix<T> {
        Prefix { table, columns: Vec::new() }
    }
}

/// The first columns of a key, as a tuple of their types: some of them, and not all.
pub trait BeginningOf<K> {
    /// As stored.
    fn values(self) -> Vec<Value<'static>>;
}

/// Tuples that a key may begin with: the columns that are given, and those that are left open.
macro_rules! beginnings {
    ($(($($given:ident)+) ($($open:ident)+);)+) => { $(
        impl<$($given: Column,)+ $($open),+> BeginningOf<($($given,)+ $($open,)+)> for ($($given,)+) {
            #[expect(non_snake_case, reason = "a value is named like its type")]
            fn values(self) -> Vec<Value<'static>> {
                let ($($given,)+) = self;
                vec![$($given.to_value().into_owned()),+]
            }
        }
    )+ };
}

beginnings! {
    (A) (B);
    (A) (B C);
    (A B) (C);
}

/// What deciding on an input needs of the tables, and what is not known of them yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs<K: Key> {
    /// Single rows, or that there is none.
    pub keys: Vec<K>,
    /// All rows under each of these.
    pub prefixes: Vec<Prefix<K::Table>>,
}

impl<K: Key> Needs<K> {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty()
    }
}

impl<K: Key> From<Vec<K>> for Needs<K> {
    fn from(keys: Vec<K>) -> Needs<K> {
        Needs { keys, prefixes: Vec::new() }
    }
}
