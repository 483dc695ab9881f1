//! The store's format: numbered migrations, and whose store it is.

use super::failure;
use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// Every migration, in order; the format of a store is how many of them it has seen. Never edit one that was released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_spoken.sql"),
    include_str!("migrations/0004_acceptance.sql"),
];

/// "GONG": tells our databases from other SQLite files.
const APPLICATION_ID: i64 = 0x474F_4E47;

/// The store's format; 0 for a new file.
///
/// # Errors
/// `Newer` when this program does not know it, `Damaged` when the file is somebody else's.
pub(super) fn format(connection: &Connection) -> Result<usize, StoreError> {
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (found, application) =
        (read("user_version").map_err(failure)?, read("application_id").map_err(failure)?);
    if application != APPLICATION_ID && (application != 0 || found != 0) {
        let what = "it is not a Gongji store".to_owned();
        return Err(StoreError::Damaged { place: "the database file".to_owned(), what });
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(usize::try_from(found).unwrap_or(0))
}

/// Brings the store to today's format, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found = format(connection)?;
    if found == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    for migration in &MIGRATIONS[found..] {
        transaction.execute_batch(migration).map_err(failure)?;
    }
    let stamp = |name: &str, value: i64| transaction.pragma_update(None, name, value);
    stamp("application_id", APPLICATION_ID).map_err(failure)?;
    stamp("user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)).map_err(failure)?;
    transaction.commit().map_err(failure)
}

/// Whose store it is, if it was ever said.
pub(super) fn owner(connection: &Connection) -> Result<Option<String>, StoreError> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'owner'", [], |row| row.get(0))
        .optional()
        .map_err(failure)
}

/// Makes a new store `wanted`'s, and refuses another's.
pub(super) fn claim(connection: &Connection, wanted: &str) -> Result<(), StoreError> {
    match owner(connection)? {
        Some(found) if found == wanted => Ok(()),
        Some(found) => Err(StoreError::Foreign { found, wanted: wanted.to_owned() }),
        None => connection
            .execute("INSERT INTO meta (name, value) VALUES ('owner', ?)", [wanted])
            .map(|_| ())
            .map_err(failure),
    }
}
