//! How tables are declared: name, key columns and other columns of each, once. A store sees tables, keys and rows only
//! by these traits: as columns.

use crate::domain::machine::operation::OperationRow;
use crate::domain::machine::own::{IncidentRow, PeerRow, SelfRow};
use crate::domain::value::column::Value;
use crate::domain::value::{ProvinceCode, Side, TransferId};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

/// A machine's tables.
pub trait Table: Copy + Debug + Ord + Hash + Send + Sync + 'static {
    /// Every table, in order of [`Table::number`].
    const ALL: &'static [Self];

    /// Its place in [`Table::ALL`].
    fn number(self) -> usize;
    /// Its name in SQL.
    fn name(self) -> &'static str;
    /// Names of its key columns, in key order.
    fn key_columns(self) -> &'static [&'static str];
    /// Names of its other columns.
    fn value_columns(self) -> &'static [&'static str];
    /// Whether it belongs to the vault: mutable, and not rebuilt from the journal.
    fn is_vault(self) -> bool;
    /// Whether its rows are replaced by others about the same person: what was there before must be scrubbed.
    fn holds_persons(self) -> bool;
}

/// The key of one row of a machine's tables.
pub trait Key: Clone + Debug + Ord + Hash + Send + Sync + 'static {
    /// The machine's tables.
    type Table: Table;

    /// The server's own counters.
    const OWN: Self;

    /// What was seen of a peer.
    fn peer(province: ProvinceCode) -> Self;
    /// What was parked for people about a leg.
    fn incident(transfer_id: TransferId, side: Side) -> Self;
    /// What two operators agree on.
    fn operation(operation_id: TransferId) -> Self;
    /// The table it belongs to.
    fn table(&self) -> Self::Table;
    /// The key columns' contents.
    fn values(&self) -> Vec<Value<'_>>;
    /// The key that these columns hold; nothing when one of them cannot be.
    fn from_values<'a>(table: Self::Table, values: impl IntoIterator<Item = Value<'a>>) -> Option<Self>;
}

/// One row of any table of a machine. Never changed, only replaced: clones share it.
pub trait Row:
    Clone
    + Debug
    + PartialEq
    + Eq
    + Hash
    + Send
    + Sync
    + From<SelfRow>
    + From<PeerRow>
    + From<IncidentRow>
    + From<OperationRow>
    + 'static
{
    /// Keys of its tables.
    type Key: Key<Table = Self::Table>;
    /// Its tables.
    type Table: Table;

    /// Its key.
    fn key(&self) -> Self::Key;
    /// The table it belongs to.
    fn table(&self) -> Self::Table;
    /// Key columns, then the others, in the order that [`Table`] names them.
    fn values(&self) -> Vec<Value<'_>>;
    /// Which of the columns beside the key differ from those of another row under the same key: bit 0 is the first of
    /// [`Table::value_columns`].
    fn differing(&self, other: &Self) -> u64;
    /// The row that these columns hold; nothing when one of them cannot be.
    fn from_values<'a>(table: Self::Table, values: impl IntoIterator<Item = Value<'a>>) -> Option<Self>;
    /// Whether nothing more is expected of the row: it will hardly be looked at again.
    fn is_finished(&self) -> bool;
    /// The constraint of the SQL tables that it breaks. They are the last guard of money, so that a store without SQL
    /// needs them too.
    fn violated(&self) -> Option<&'static str>;
    /// The server's own counters, if it is they.
    fn as_own(&self) -> Option<&SelfRow>;
    /// What was seen of a peer, if it is that.
    fn as_peer(&self) -> Option<&PeerRow>;
    /// An incident, if it is one.
    fn as_incident(&self) -> Option<&IncidentRow>;
    /// What two operators agree on, if it is that.
    fn as_operation(&self) -> Option<&OperationRow>;
}

/// A row struct that can be taken out of a machine's row.
pub trait TableRow<R>: Sized + Into<R> {
    /// The struct inside, when the row is of its table.
    fn of(row: &R) -> Option<&Self>;
    /// The struct inside, shared with the row.
    fn share(row: &R) -> Option<Arc<Self>>;
}

/// A row struct of one of a machine's tables.
pub trait InTable<T: Table> {
    /// The table.
    const TABLE: T;
}

/// A row that a batch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<R> {
    /// As it is after the batch.
    pub row: R,
    /// As it was before.
    pub stored: Stored<R>,
}

/// What a store holds under a key, as far as the one who writes to it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored<R> {
    /// Perhaps a row.
    Unknown,
    /// No row.
    Nothing,
    /// This row.
    Row(R),
}

impl<R> Change<R> {
    /// A row, whatever is there so far.
    pub fn unknown(row: impl Into<R>) -> Change<R> {
        Change { row: row.into(), stored: Stored::Unknown }
    }
}

/// A row struct as columns.
pub trait Columns: Sized {
    /// Types of the key columns.
    type Key;
    /// Names of the key columns.
    const KEYS: &'static [&'static str];
    /// Names of the others.
    const OTHERS: &'static [&'static str];

    /// Key columns, then the others.
    fn values(&self) -> Vec<Value<'_>>;
    /// See [`Row::differing`].
    fn differing(&self, other: &Self) -> u64;
    /// See [`Row::from_values`]: takes as many as it has columns.
    fn from_values<'a>(values: &mut impl Iterator<Item = Value<'a>>) -> Option<Self>;
}

/// Declares row structs: key columns, then the others after a semicolon. `LegRow { transfer_id: TransferId; amount:
/// Money, }` becomes a struct with both fields, and says by [`Columns`] how it stands in a table.
macro_rules! rows {
    ($($(#[$meta:meta])* $name:ident {
        $($(#[$kdoc:meta])* $key:ident: $kty:ty),+ ;
        $($(#[$doc:meta])* $col:ident: $ty:ty),* $(,)?
    })+) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            $($(#[$kdoc])* pub $key: $kty,)+
            $($(#[$doc])* pub $col: $ty,)*
        }

        impl $crate::domain::machine::table::Columns for $name {
            type Key = ($($kty,)+);

            const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];
            const OTHERS: &'static [&'static str] = &[$(stringify!($col)),*];

            fn values(&self) -> Vec<$crate::domain::value::column::Value<'_>> {
                use $crate::domain::value::column::Column;
                vec![$(self.$key.to_value(),)+ $(self.$col.to_value(),)*]
            }

            fn differing(&self, other: &$name) -> u64 {
                debug_assert!($(self.$key == other.$key)&&+, "rows under two keys");
                let differ = [$(self.$col != other.$col),*];
                differ.into_iter().rev().fold(0, |bits, differs| bits << 1 | u64::from(differs))
            }

            fn from_values<'a>(
                values: &mut impl Iterator<Item = $crate::domain::value::column::Value<'a>>,
            ) -> Option<$name> {
                use $crate::domain::value::column::Column;
                Some($name {
                    $($key: Column::from_value(values.next()?)?,)+
                    $($col: Column::from_value(values.next()?)?,)*
                })
            }
        }
    )+ };
}

/// Declares a machine's tables from its row structs, as the enums `Table`, `Key` and `Row` where it is called, with
/// those that every machine has. `Leg = LegRow "leg" { transfer_id: TransferId, side: Side }` gives `Table::Leg`,
/// `Key::Leg(transfer_id, side)` and `Row::Leg(row)`. Beside it stand the methods `Table::is_vault`,
/// `Table::holds_persons`, `Row::is_finished` and `Row::violated`, written by hand.
macro_rules! tables {
    ($($name:ident = $row:ident $table:literal { $($key:ident: $kty:ty),+ })+) => {
        $crate::domain::machine::table::tables! { @all
            $($name = $row $table { $($key: $kty),+ })+
            Own = SelfRow "self" { slot: u64 }
            Peer = PeerRow "peer" { province: ProvinceCode }
            Incident = IncidentRow "incident" { transfer_id: TransferId, side: Side }
            Operation = OperationRow "operation" { operation_id: TransferId }
            Vault = VaultKeyRow "vault_key" { key_id: String }
        }
    };
    (@all $($name:ident = $row:ident $table:literal { $($key:ident: $kty:ty),+ })+) => {
        /// Every table, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table { $(
            #[doc = concat!("See [`", stringify!($row), "`].")]
            $name
        ),+ }

        impl $crate::domain::machine::table::Table for Table {
            const ALL: &'static [Table] = &[$(Table::$name),+];

            fn number(self) -> usize {
                self as usize
            }
            fn name(self) -> &'static str {
                match self { $(Table::$name => $table),+ }
            }
            fn key_columns(self) -> &'static [&'static str] {
                match self { $(Table::$name => <$row as $crate::domain::machine::table::Columns>::KEYS),+ }
            }
            fn value_columns(self) -> &'static [&'static str] {
                match self { $(Table::$name => <$row as $crate::domain::machine::table::Columns>::OTHERS),+ }
            }
            fn is_vault(self) -> bool {
                Table::is_vault(self)
            }
            fn holds_persons(self) -> bool {
                Table::holds_persons(self)
            }
        }

        /// The key of one row.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $(
            #[doc = concat!("See [`", stringify!($row), "`].")]
            $name($($kty),+)
        ),+ }

        impl Key {
            /// The server's own counters.
            pub const OWN: Key = Key::Own(0);
        }

        impl $crate::domain::machine::table::Key for Key {
            type Table = Table;

            const OWN: Key = Key::OWN;

            fn peer(province: ProvinceCode) -> Key {
                Key::Peer(province)
            }
            fn incident(transfer_id: TransferId, side: Side) -> Key {
                Key::Incident(transfer_id, side)
            }
            fn operation(operation_id: TransferId) -> Key {
                Key::Operation(operation_id)
            }
            fn table(&self) -> Table {
                match self { $(Key::$name(..) => Table::$name),+ }
            }
            fn values(&self) -> Vec<$crate::domain::value::column::Value<'_>> {
                use $crate::domain::value::column::Column;
                match self { $(Key::$name($($key),+) => vec![$($key.to_value()),+]),+ }
            }
            fn from_values<'a>(
                table: Table,
                values: impl IntoIterator<Item = $crate::domain::value::column::Value<'a>>,
            ) -> Option<Key> {
                let mut values = values.into_iter();
                let key = match table {
                    $(Table::$name => Key::$name($(
                        <$kty as $crate::domain::value::column::Column>::from_value(values.next()?)?
                    ),+)),+
                };
                values.next().is_none().then_some(key)
            }
        }

        /// One row of any table. Never changed, only replaced: clones share it.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Row { $(
            #[doc = concat!("See [`", stringify!($row), "`].")]
            $name(std::sync::Arc<$row>)
        ),+ }

        impl $crate::domain::machine::table::Row for Row {
            type Key = Key;
            type Table = Table;

            fn key(&self) -> Key {
                match self { $(Row::$name(row) => Key::$name($(row.$key.clone()),+)),+ }
            }
            fn table(&self) -> Table {
                match self { $(Row::$name(_) => Table::$name),+ }
            }
            fn values(&self) -> Vec<$crate::domain::value::column::Value<'_>> {
                match self { $(Row::$name(row) => $crate::domain::machine::table::Columns::values(&**row)),+ }
            }
            fn differing(&self, other: &Row) -> u64 {
                match (self, other) {
                    $((Row::$name(row), Row::$name(other)) => {
                        $crate::domain::machine::table::Columns::differing(&**row, other)
                    })+
                    _ => u64::MAX,
                }
            }
            fn from_values<'a>(
                table: Table,
                values: impl IntoIterator<Item = $crate::domain::value::column::Value<'a>>,
            ) -> Option<Row> {
                let mut values = values.into_iter();
                let row = match table {
                    $(Table::$name => Row::from(
                        <$row as $crate::domain::machine::table::Columns>::from_values(&mut values)?
                    )),+
                };
                values.next().is_none().then_some(row)
            }
            fn is_finished(&self) -> bool {
                Row::is_finished(self)
            }
            fn violated(&self) -> Option<&'static str> {
                Row::violated(self)
            }
            fn as_own(&self) -> Option<&SelfRow> {
                $crate::domain::machine::table::TableRow::of(self)
            }
            fn as_peer(&self) -> Option<&PeerRow> {
                $crate::domain::machine::table::TableRow::of(self)
            }
            fn as_incident(&self) -> Option<&IncidentRow> {
                $crate::domain::machine::table::TableRow::of(self)
            }
            fn as_operation(&self) -> Option<&OperationRow> {
                $crate::domain::machine::table::TableRow::of(self)
            }
        }

        $(
            impl From<$row> for Row {
                fn from(row: $row) -> Row {
                    Row::$name(std::sync::Arc::new(row))
                }
            }

            impl $crate::domain::machine::table::InTable<Table> for $row {
                const TABLE: Table = Table::$name;
            }

            impl $crate::domain::machine::table::TableRow<Row> for $row {
                fn of(row: &Row) -> Option<&$row> {
                    match row { Row::$name(row) => Some(row), _ => None }
                }
                fn share(row: &Row) -> Option<std::sync::Arc<$row>> {
                    match row { Row::$name(row) => Some(std::sync::Arc::clone(row)), _ => None }
                }
            }
        )+
    };
}

pub(crate) use {rows, tables};
