//! SQL made from the column lists of tables and the conditions of filters.

use crate::domain::machine::{Filter, Key, Only, Prefix, Row, Scan, Table};
use crate::domain::value::column::{Column, Value};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// The fixed statements of one table.
#[derive(Debug)]
pub(super) struct TableSql {
    /// Reads one row by its key.
    pub(super) load: String,
    /// Adds a row under a new key.
    pub(super) insert: String,
    /// Adds a row, or replaces the one under its key.
    pub(super) replace: String,
}

/// The fixed statements of every table, by its number.
#[derive(Debug)]
pub(super) struct Statements(Vec<TableSql>);

impl Statements {
    /// Those of a machine's tables.
    pub(super) fn new<T: Table>() -> Statements {
        Statements(T::ALL.iter().map(|table| build(*table)).collect())
    }

    /// Those of one table.
    pub(super) fn of(&self, table: impl Table) -> &TableSql {
        &self.0[table.number()]
    }
}

/// A value as SQLite takes it, without a copy.
pub(super) struct Bound<'a>(pub(super) &'a Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A page's statement and what is bound to it.
pub(super) struct PageSql<'a> {
    pub(super) text: String,
    pub(super) values: Vec<Value<'a>>,
}

/// The statement of a page.
pub(super) fn scan<R: Row>(scan: &Scan<R>) -> PageSql<'_> {
    let table = scan.filter.table;
    let keys = table.key_columns();
    let Condition { text, mut values, order } = condition(&scan.filter);
    let mut terms: Vec<String> = text.into_iter().collect();
    if let Some(after) = &scan.after {
        terms.push(format!("({}) > ({})", list(keys), marks(keys.len())));
        values.extend(after.values());
    }
    let filter = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
    let order = order.unwrap_or_else(|| list(keys));
    page(table, &filter, &order, (values, scan.limit))
}

/// The statement that reads the rows under a prefix: a range of the primary key.
pub(super) fn under<T: Table>(prefix: &Prefix<T>, limit: usize) -> PageSql<'_> {
    let (keys, values) = (prefix.table().key_columns(), prefix.columns().to_vec());
    let filter = format!(" WHERE {}", equal(&keys[..values.len()]));
    page(prefix.table(), &filter, &list(keys), (values, limit))
}

fn page<'a>(
    table: impl Table,
    filter: &str,
    order: &str,
    (mut values, limit): (Vec<Value<'a>>, usize),
) -> PageSql<'a> {
    let (columns, name) = (list(&columns(table)), quote(table.name()));
    values.push(Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
    PageSql { text: format!("SELECT {columns} FROM {name}{filter} ORDER BY {order} LIMIT ?"), values }
}

/// A filter in SQL: its condition, what is bound to it, and its order where that is not the key's.
#[derive(Default)]
struct Condition<'a> {
    text: Option<String>,
    values: Vec<Value<'a>>,
    order: Option<String>,
}

/// A partial index answers a condition only when it is written as in the migration, so numbers that stand there stand
/// in the text.
fn condition<T: Table>(filter: &Filter<T>) -> Condition<'_> {
    let plain = |text: String| Condition { text: Some(text), ..Condition::default() };
    match &filter.only {
        Only::All => Condition::default(),
        Only::EitherMissing(one, other) => {
            plain(format!("({} IS NULL OR {} IS NULL)", quote(one), quote(other)))
        }
        Only::Equal(column, number) => plain(format!("{} = {number}", quote(column))),
        Only::Below(column, below) => Condition {
            text: Some(format!("{} < ?", quote(column))),
            values: vec![below.to_value()],
            order: Some(format!("{} DESC", quote(column))),
        },
    }
}

/// A table's columns, key first.
pub(super) fn columns(table: impl Table) -> Vec<&'static str> {
    table.key_columns().iter().chain(table.value_columns()).copied().collect()
}

/// Writes some columns of the row under a key; bit 0 stands for the first column beside the key.
pub(super) fn update(table: impl Table, columns: u64) -> String {
    let changed = table.value_columns().iter().enumerate().filter(|(at, _)| columns >> at & 1 == 1);
    let set: Vec<String> = changed.map(|(_, column)| format!("{} = ?", quote(column))).collect();
    format!("UPDATE {} SET {} WHERE {}", quote(table.name()), set.join(", "), by_key(table))
}

fn by_key(table: impl Table) -> String {
    equal(table.key_columns())
}

fn equal(columns: &[&str]) -> String {
    columns.iter().map(|column| format!("{} = ?", quote(column))).collect::<Vec<_>>().join(" AND ")
}

fn build(table: impl Table) -> TableSql {
    let (name, all) = (quote(table.name()), columns(table));
    let (listed, marks) = (list(&all), marks(all.len()));
    TableSql {
        load: format!("SELECT {listed} FROM {name} WHERE {}", by_key(table)),
        insert: format!("INSERT INTO {name} ({listed}) VALUES ({marks})"),
        replace: format!("REPLACE INTO {name} ({listed}) VALUES ({marks})"),
    }
}

fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
