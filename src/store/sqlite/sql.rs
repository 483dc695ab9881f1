//! SQL made from the column lists of tables and the conditions of filters.

use crate::domain::machine::{Filter, Key, Order, Prefix, Row, Scan, Table, Term};
use crate::domain::value::column::Value;
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

/// The statement of a page. Several branches are merged as they are read, each in the order of its own index.
pub(super) fn scan<R: Row>(scan: &Scan<R>) -> PageSql<'_> {
    let (table, keys) = (scan.filter.table, scan.filter.table.key_columns());
    let mut values = Vec::new();
    let branch = |terms: &'_ Vec<Term>| {
        let mut conditions: Vec<String> = terms.iter().map(condition).collect();
        conditions.extend(scan.after.as_ref().map(|_| behind(table, scan.filter.order)));
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        select(table, &filter)
    };
    let text = scan.filter.branches.iter().map(branch).collect::<Vec<_>>().join(" UNION ALL ");
    for terms in &scan.filter.branches {
        values.extend(terms.iter().filter_map(bound));
        let place = scan.after.as_ref().map(|after| after.values()).unwrap_or_default();
        if scan.filter.order != Order::Key {
            values.extend(place.clone());
        }
        values.extend(place);
    }
    let order = match scan.filter.order {
        Order::Key => list(keys),
        Order::Rising(column) => format!("{}, {}", quote(column), list(keys)),
        Order::Falling(column) => {
            let columns = std::iter::once(&column).chain(keys);
            columns.map(|column| format!("{} DESC", quote(column))).collect::<Vec<_>>().join(", ")
        }
    };
    page(text, &order, (values, scan.limit))
}

/// The statement that counts rows by a column of numbers, which holds something.
pub(super) fn count_by<'a, T: Table>(filter: &'a Filter<T>, column: &str) -> (String, Vec<Value<'a>>) {
    let (column, name) = (quote(column), quote(filter.table.name()));
    let branch = |terms: &Vec<Term>| {
        let conditions = terms.iter().map(condition).chain([format!("{column} IS NOT NULL")]);
        format!("SELECT {column} FROM {name} WHERE {}", conditions.collect::<Vec<_>>().join(" AND "))
    };
    let rows = filter.branches.iter().map(branch).collect::<Vec<_>>().join(" UNION ALL ");
    let values = filter.branches.iter().flatten().filter_map(bound).collect();
    (format!("SELECT {column}, count(*) FROM ({rows}) GROUP BY {column} ORDER BY {column}"), values)
}

/// What comes behind the row whose key is bound, in an order.
fn behind(table: impl Table, order: Order) -> String {
    let keys = table.key_columns();
    let marks = marks(keys.len());
    let by = |column: &str, sign: &str| {
        let (column, name, key) = (quote(column), quote(table.name()), by_key(table));
        let place = format!("(SELECT {column} FROM {name} WHERE {key})");
        format!("({column}, {}) {sign} ({place}, {marks})", list(keys))
    };
    match order {
        Order::Key => format!("({}) > ({marks})", list(keys)),
        Order::Rising(column) => by(column, ">"),
        Order::Falling(column) => by(column, "<"),
    }
}

/// The statement that reads the rows under a prefix: a range of the primary key.
pub(super) fn under<T: Table>(prefix: &Prefix<T>, limit: usize) -> PageSql<'_> {
    let (keys, values) = (prefix.table().key_columns(), prefix.columns().to_vec());
    let filter = format!(" WHERE {}", equal(&keys[..values.len()]));
    page(select(prefix.table(), &filter), &list(keys), (values, limit))
}

fn select(table: impl Table, filter: &str) -> String {
    format!("SELECT {} FROM {}{filter}", list(&columns(table)), quote(table.name()))
}

fn page<'a>(select: String, order: &str, (mut values, limit): (Vec<Value<'a>>, usize)) -> PageSql<'a> {
    values.push(Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
    PageSql { text: format!("{select} ORDER BY {order} LIMIT ?"), values }
}

/// A term in SQL. A partial index answers a condition only when it is written as in the migration, so numbers that
/// stand there stand in the text.
fn condition(term: &Term) -> String {
    match term {
        Term::EitherMissing(one, other) => format!("({} IS NULL OR {} IS NULL)", quote(one), quote(other)),
        Term::OneOf(column, numbers) => match numbers[..] {
            [number] => format!("{} = {number}", quote(column)),
            _ => {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                format!("{} IN ({})", quote(column), numbers.join(", "))
            }
        },
        Term::Is(column, _) => format!("{} = ?", quote(column)),
        Term::IsNot(column, _) => format!("{} IS NOT ?", quote(column)),
        Term::AtLeast(column, _) => format!("{} >= ?", quote(column)),
        Term::AtMost(columns, _) => match columns {
            [column] => format!("{} <= ?", quote(column)),
            _ => format!("coalesce({}) <= ?", list(columns)),
        },
    }
}

/// What is bound to it.
fn bound(term: &Term) -> Option<Value<'_>> {
    match term {
        Term::EitherMissing(..) | Term::OneOf(..) => None,
        Term::Is(_, value) | Term::IsNot(_, value) | Term::AtLeast(_, value) | Term::AtMost(_, value) => {
            Some(value.clone())
        }
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
