//! How tables are declared: name, key columns and other columns of each, once; and what a column can hold.

use crate::domain::machine::row::Row;
use std::sync::Arc;

/// Declares every table: its name, key columns and other columns, as structs and as the enums [`Key`] and [`Row`].
macro_rules! tables {
    ($($(#[$meta:meta])* $name:ident $table:literal {
        $($(#[$kdoc:meta])* $key:ident: $kty:ty),+ ;
        $($(#[$doc:meta])* $col:ident: $ty:ty),* $(,)?
    })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name {
                $($(#[$kdoc])* pub $key: $kty,)+
                $($(#[$doc])* pub $col: $ty,)*
            }

            impl From<$name> for Row {
                fn from(row: $name) -> Row {
                    Row::$name(Arc::new(row))
                }
            }

            impl TableRow for $name {
                fn of(row: &Row) -> Option<&$name> {
                    match row { Row::$name(row) => Some(row), _ => None }
                }
                fn share(row: &Row) -> Option<Arc<$name>> {
                    match row { Row::$name(row) => Some(Arc::clone(row)), _ => None }
                }
            }
        )+

        /// Every table, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table { $($(#[$meta])* $name),+ }

        impl Table {
            /// Every table.
            pub const ALL: &'static [Table] = &[$(Table::$name),+];

            /// The table's name in SQL.
            pub fn name(self) -> &'static str {
                match self { $(Table::$name => $table),+ }
            }

            /// Names of its key columns, in key order.
            pub fn key_columns(self) -> &'static [&'static str] {
                match self { $(Table::$name => &[$(stringify!($key)),+]),+ }
            }

            /// Names of its other columns.
            pub fn value_columns(self) -> &'static [&'static str] {
                match self { $(Table::$name => &[$(stringify!($col)),*]),+ }
            }
        }

        /// The key of one row.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $($(#[$meta])* $name($($kty),+)),+ }

        impl Key {
            /// The table it belongs to.
            pub fn table(&self) -> Table {
                match self { $(Key::$name(..) => Table::$name),+ }
            }

            /// The key columns' contents.
            pub fn values(&self) -> Vec<Value<'_>> {
                match self { $(Key::$name($($key),+) => vec![$($key.to_value()),+]),+ }
            }
        }

        /// One row of any table. Never changed, only replaced: clones share it.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Row { $($(#[$meta])* $name(Arc<$name>)),+ }

        impl Row {
            /// The table it belongs to.
            pub fn table(&self) -> Table {
                match self { $(Row::$name(_) => Table::$name),+ }
            }

            /// Its key.
            pub fn key(&self) -> Key {
                match self { $(Row::$name(row) => Key::$name($(row.$key.clone()),+)),+ }
            }

            /// Key columns, then the others, in the order that [`Table`] names them.
            pub fn values(&self) -> Vec<Value<'_>> {
                match self {
                    $(Row::$name(row) => vec![$(row.$key.to_value(),)+ $(row.$col.to_value(),)*]),+
                }
            }

            /// Which of the columns beside the key differ from those of another row under the same key: bit 0 is the
            /// first of [`Table::value_columns`].
            pub fn differing(&self, other: &Row) -> u64 {
                match (self, other) {
                    $((Row::$name(row), Row::$name(other)) => {
                        debug_assert!($(row.$key == other.$key)&&+, "rows under two keys");
                        let differ = [$(row.$col != other.$col),*];
                        differ.into_iter().rev().fold(0, |bits, differs| bits << 1 | u64::from(differs))
                    })+
                    _ => u64::MAX,
                }
            }

            /// The row that these columns hold; nothing when one of them cannot be.
            pub fn from_values<'a>(table: Table, values: impl IntoIterator<Item = Value<'a>>) -> Option<Row> {
                let mut values = values.into_iter();
                let row = match table {
                    $(Table::$name => Row::from($name {
                        $($key: Column::from_value(values.next()?)?,)+
                        $($col: Column::from_value(values.next()?)?,)*
                    })),+
                };
                values.next().is_none().then_some(row)
            }
        }
    };
}

/// A row that a batch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As it is after the batch.
    pub row: Row,
    /// As it was before.
    pub stored: Stored,
}

/// What a store holds under a key, as far as the one who writes to it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Perhaps a row.
    Unknown,
    /// No row.
    Nothing,
    /// This row.
    Row(Row),
}

/// A row, whatever is there so far.
impl<T: Into<Row>> From<T> for Change {
    fn from(row: T) -> Change {
        Change { row: row.into(), stored: Stored::Unknown }
    }
}

/// A row struct that can be taken out of a [`Row`].
pub trait TableRow: Sized + Into<Row> {
    /// The struct inside, when the row is of its table.
    fn of(row: &Row) -> Option<&Self>;
    /// The struct inside, shared with the row.
    fn share(row: &Row) -> Option<Arc<Self>>;
}

pub(crate) use tables;
