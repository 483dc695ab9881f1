//! A store of an older format shown as today's, without writing to it and without copying what only gets new columns.

use super::StoreError;
use super::schema::{MIGRATIONS, format};
use rusqlite::Connection;

/// Carries out on a connection what the file's later migrations do, in the connection's own temporary database, whose
/// tables and views hide those of the file. A table that gets columns, or other values in one, becomes a view: it is
/// read where it is, by its keys. Whatever else changes is copied, and migrated there.
pub(super) fn overlay(connection: &Connection) -> Result<(), StoreError> {
    let found = format(connection)?;
    // A file of format 0 holds nothing yet.
    let later = if found == 0 { &[] } else { &MIGRATIONS[found..] };
    for migration in later {
        let code: Vec<&str> = migration.lines().filter(|line| !line.starts_with("--")).collect();
        for statement in code.join("\n").split(';').map(str::trim).filter(|text| !text.is_empty()) {
            for text in hidden(connection, statement)? {
                connection.execute_batch(&text)?;
            }
        }
    }
    Ok(())
}

/// What stands for a statement of a migration in the temporary database, in order.
fn hidden(connection: &Connection, statement: &str) -> Result<Vec<String>, StoreError> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    Ok(match words[..] {
        // Reading gives the same rows without it.
        ["CREATE" | "DROP", "INDEX", ..] => Vec::new(),
        ["CREATE", "TABLE", ..] => vec![statement.replacen("CREATE TABLE", "CREATE TEMP TABLE", 1)],
        // The file keeps its table: what is made in its place hides it.
        ["DROP", "TABLE", table] => match kind(connection, table)?.as_deref() {
            Some(kind) => vec![format!("DROP {kind} temp.{table}")],
            None => Vec::new(),
        },
        ["ALTER", "TABLE", table, ..] | ["UPDATE", table, ..] => {
            let kind = kind(connection, table)?;
            let column = changed(statement, &words).filter(|_| kind.as_deref() != Some("table"));
            match (column, kind.as_deref()) {
                (Some(column), kind) => view(connection, table, kind.is_some(), column)?,
                (None, Some("view")) => {
                    let copy = format!("CREATE TEMP TABLE copy_of AS SELECT * FROM temp.{table}");
                    let rename = format!("ALTER TABLE temp.copy_of RENAME TO {table}");
                    vec![copy, format!("DROP VIEW temp.{table}"), rename, statement.to_owned()]
                }
                (None, Some(_)) => vec![statement.to_owned()],
                (None, None) => {
                    let copy = format!("CREATE TEMP TABLE {table} AS SELECT * FROM main.{table}");
                    vec![copy, statement.to_owned()]
                }
            }
        }
        _ => vec![statement.to_owned()],
    })
}

/// What hides a table: "table" or "view".
fn kind(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut rows = connection.prepare("SELECT type FROM temp.sqlite_master WHERE name = ?")?;
    let kind = rows.query_map([name], |row| row.get(0))?.next().transpose()?;
    Ok(kind)
}

/// A column and what stands in it, where that is all that a statement changes.
fn changed<'a>(statement: &'a str, words: &[&'a str]) -> Option<(&'a str, String)> {
    match words {
        ["ALTER", _, _, "ADD", "COLUMN", name, rest @ ..] => {
            let default = rest.iter().skip_while(|word| **word != "DEFAULT").nth(1);
            Some((name, default.map_or("NULL", |value| value).to_owned()))
        }
        ["UPDATE", _, "SET", name, "=", ..] => {
            let (_, says) = statement.split_once('=')?;
            let (value, when) = says.split_once("WHERE").unwrap_or((says, "TRUE"));
            // Of two columns at once a view is not worth its words.
            let one = !value.contains(',');
            one.then(|| (*name, format!("CASE WHEN {when} THEN {value} ELSE \"{name}\" END")))
        }
        _ => None,
    }
}

/// A table, or the view that hides it, with this in a column.
fn view(
    connection: &Connection,
    table: &str,
    is_view: bool,
    (column, says): (&str, String),
) -> Result<Vec<String>, StoreError> {
    let schema = if is_view { "temp" } else { "main" };
    let mut names = connection.prepare(&format!("PRAGMA {schema}.table_info({table})"))?;
    let names: Vec<String> = names.query_map([], |row| row.get(1))?.collect::<Result<_, _>>()?;
    let before = match is_view {
        true => {
            let text = "SELECT sql FROM temp.sqlite_master WHERE type = 'view' AND name = ?";
            let text: String = connection.query_row(text, [table], |row| row.get(0))?;
            text.split_once(" AS ").map_or_else(String::new, |(_, select)| format!("({select})"))
        }
        false => format!("main.{table}"),
    };
    let said = format!("{says} AS \"{column}\"");
    // Columns keep their order: a later migration may copy them all.
    let shown = |name: &String| if name == column { said.clone() } else { format!("\"{name}\"") };
    let mut columns: Vec<String> = names.iter().map(shown).collect();
    if !names.iter().any(|name| name == column) {
        columns.push(said);
    }
    let create = format!("CREATE TEMP VIEW {table} AS SELECT {} FROM {before}", columns.join(", "));
    let drop = is_view.then(|| format!("DROP VIEW temp.{table}"));
    Ok(drop.into_iter().chain([create]).collect())
}
