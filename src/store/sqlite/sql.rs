//! SQL made from the column lists of [`Table`]; the only place that names columns by itself is [`condition`].

use crate::domain::record::LegState;
use crate::domain::row::{Key, Table, Value};
use crate::domain::scan::{Filter, Scan};
use crate::domain::transfer::TransferState;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::cmp::Ordering;
use std::sync::LazyLock;

/// The fixed statements of one table.
pub(super) struct TableSql {
    /// Reads one row by its key.
    pub(super) load: String,
    /// Adds a row, or replaces the one under its key.
    pub(super) upsert: String,
}

static TABLES: LazyLock<Vec<TableSql>> =
    LazyLock::new(|| Table::ALL.iter().map(|table| build(*table)).collect());

/// The fixed statements of a table.
pub(super) fn of(table: Table) -> &'static TableSql {
    // `Table::ALL` is in order of declaration, so a table's number is its place.
    &TABLES[table as usize]
}

/// A value as SQLite takes it, without a copy.
pub(super) struct Bound<'a>(pub(super) &'a Value);

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
pub(super) struct ScanSql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// The statement of a page; nothing when it must be empty, because the page starts behind all that the filter admits.
pub(super) fn scan(scan: &Scan) -> Option<ScanSql> {
    let table = scan.filter.table();
    let keys = table.key_columns();
    let (fixed, condition) = condition(scan.filter);
    let mut terms: Vec<String> = keys
        .iter()
        .take(fixed.len())
        .map(|column| format!("{} = ?", quote(column)))
        .collect();
    terms.extend(condition);
    let mut values = fixed;
    if let Some(after) = scan.after.as_ref().map(Key::values) {
        let (head, tail) = after.split_at(values.len().min(after.len()));
        match head.cmp(&values[..]) {
            Ordering::Greater => return None,
            Ordering::Less => {}
            Ordering::Equal => {
                let columns = &keys[values.len()..];
                terms.push(format!("({}) > ({})", list(columns), marks(columns.len())));
                values.extend_from_slice(tail);
            }
        }
    }
    let filter = if terms.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", terms.join(" AND "))
    };
    let (columns, name, order) = (list(&columns(table)), quote(table.name()), list(keys));
    values.push(Value::Int(i64::try_from(scan.limit).unwrap_or(i64::MAX)));
    Some(ScanSql {
        text: format!("SELECT {columns} FROM {name}{filter} ORDER BY {order} LIMIT ?"),
        values,
    })
}

/// A filter in SQL: what the first key columns must be, and a condition on others. A partial index answers the
/// condition only when it is written as in the migration, so its state numbers stand in the text.
fn condition(filter: Filter) -> (Vec<Value>, Option<String>) {
    match filter {
        Filter::All(_) => (Vec::new(), None),
        Filter::UnsettledTransfers => {
            let pending = TransferState::Pending.number();
            let open = r#""payer_recorded_seq" IS NULL OR "payee_recorded_seq" IS NULL"#;
            (Vec::new(), Some(format!(r#"("state" = {pending} OR {open})"#)))
        }
        Filter::LegsInDoubt => (
            Vec::new(),
            Some(format!(r#""state" = {}"#, LegState::Prepared.number())),
        ),
        Filter::Entries(member, kind) => (
            vec![Value::Blob(member.0.to_vec()), Value::Int(kind.number())],
            None,
        ),
    }
}

/// A table's columns, key first.
pub(super) fn columns(table: Table) -> Vec<&'static str> {
    table
        .key_columns()
        .iter()
        .chain(table.value_columns())
        .copied()
        .collect()
}

fn build(table: Table) -> TableSql {
    let (name, all, keys) = (quote(table.name()), columns(table), table.key_columns());
    let by_key: Vec<String> = keys
        .iter()
        .map(|column| format!("{} = ?", quote(column)))
        .collect();
    TableSql {
        load: format!("SELECT {} FROM {name} WHERE {}", list(&all), by_key.join(" AND ")),
        // A tenth less work than ON CONFLICT DO UPDATE, and the same: no table has a second unique constraint.
        upsert: format!(
            "REPLACE INTO {name} ({}) VALUES ({})",
            list(&all),
            marks(all.len())
        ),
    }
}

fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| quote(name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
