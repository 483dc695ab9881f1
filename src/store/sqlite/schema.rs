//! The store's format: numbered migrations, and whose store it is.

use crate::store::StoreError;
use crate::store::failpoint::{Failpoint, hit};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// Every migration, in order; the format of a store is how many of them it has seen. Never edit one that was released.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_spoken.sql"),
    include_str!("migrations/0003_recovery.sql"),
    include_str!("migrations/0004_acceptance.sql"),
    include_str!("migrations/0005_wallet_life.sql"),
    include_str!("migrations/0006_settlement_suspended.sql"),
    include_str!("migrations/0007_compensation.sql"),
    include_str!("migrations/0008_unsettled.sql"),
    include_str!("migrations/0009_kind.sql"),
    include_str!("migrations/0010_operation.sql"),
    include_str!("migrations/0011_vault_key.sql"),
    include_str!("migrations/0012_lists.sql"),
    include_str!("migrations/0013_lost_leg.sql"),
    include_str!("migrations/0014_suspense.sql"),
    include_str!("migrations/0015_left_out.sql"),
    include_str!("migrations/0016_lineage.sql"),
    include_str!("migrations/0017_found_by.sql"),
    include_str!("migrations/0018_windows.sql"),
    include_str!("migrations/0019_leg_totals.sql"),
    include_str!("migrations/0020_breaks.sql"),
    include_str!("migrations/0021_clearing.sql"),
];

/// The newest format of a store that this program knows.
pub const FORMAT: usize = MIGRATIONS.len();

/// "GONG": tells our databases from other SQLite files.
pub(super) const APPLICATION_ID: i64 = 0x474F_4E47;

/// The store's format; 0 for a new file.
///
/// # Errors
/// `Newer` when this program does not know it, `Damaged` when the file is somebody else's.
pub(super) fn format(connection: &Connection) -> Result<usize, StoreError> {
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (found, application) = (read("user_version")?, read("application_id")?);
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
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in &MIGRATIONS[found..] {
        transaction.execute_batch(migration)?;
    }
    let stamp = |name: &str, value: i64| transaction.pragma_update(None, name, value);
    stamp("application_id", APPLICATION_ID)?;
    stamp("user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))?;
    hit(Failpoint::MigrationRan);
    transaction.commit()?;
    hit(Failpoint::MigrationCommitted);
    Ok(())
}

/// Whose store it is, if it was ever said.
pub(super) fn owner(connection: &Connection) -> Result<Option<String>, StoreError> {
    let owner = connection.query_row("SELECT value FROM meta WHERE name = 'owner'", [], |row| row.get(0));
    Ok(owner.optional()?)
}

/// Makes a new store `wanted`'s, and refuses another's.
pub(super) fn claim(connection: &Connection, wanted: &str) -> Result<(), StoreError> {
    match owner(connection)? {
        Some(found) if found == wanted => Ok(()),
        Some(found) => Err(StoreError::Foreign { found, wanted: wanted.to_owned() }),
        None => {
            connection.execute("INSERT INTO meta (name, value) VALUES ('owner', ?)", [wanted])?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::{Row as _, Table as _, TableRow, replay};
    use crate::domain::node::record::{RequestMark, WalletOpened};
    use crate::domain::node::tables::WalletRow;
    use crate::domain::node::{Key, Record, Row, Table};
    use crate::domain::value::column::Value;
    use crate::domain::value::{Civil, Digest, MemberRef, RegionCode};
    use crate::store::Tables;
    use crate::store::sqlite::SqliteReader;

    #[test]
    fn a_file_of_another_program_is_damaged_and_a_new_one_is_not() {
        let said = |version: i64, application: i64| {
            let connection = Connection::open_in_memory().unwrap();
            connection.pragma_update(None, "user_version", version).unwrap();
            connection.pragma_update(None, "application_id", application).unwrap();
            format(&connection)
        };
        assert_eq!((said(0, 0).unwrap(), said(1, APPLICATION_ID).unwrap()), (0, 1));
        for other in [said(1, 0), said(0, 7), said(1, 7)] {
            assert!(matches!(other, Err(StoreError::Damaged { .. })), "{other:?}");
        }
    }

    /// A wallet that was opened before wallets had a life: its row must be what its journal gives today.
    #[test]
    fn a_wallet_of_an_older_store_is_as_replay_has_it() {
        let life = MIGRATIONS.iter().position(|text| text.contains("vault_holder")).unwrap();
        let connection = Connection::open_in_memory().unwrap();
        super::super::digest_sum::define(&connection).unwrap();
        MIGRATIONS[..life].iter().for_each(|text| connection.execute_batch(text).unwrap());
        connection.execute("INSERT INTO wallet VALUES (?, 1, 510300, 1795233600250)", [[3u8; 16]]).unwrap();
        MIGRATIONS[life..].iter().for_each(|text| connection.execute_batch(text).unwrap());
        let columns = [Table::Wallet.key_columns(), Table::Wallet.value_columns()].concat();
        let select = format!("SELECT {} FROM wallet", columns.join(", "));
        let values = connection.query_row(&select, [], |row| {
            let value = |at| row.get::<_, rusqlite::types::Value>(at).map(as_ours);
            (0..columns.len()).map(value).collect::<Result<Vec<_>, _>>()
        });
        let member_ref = MemberRef([3; 16]);
        let opened = WalletOpened {
            member_ref,
            use_region: RegionCode::new(510_300).unwrap(),
            time: Civil(1_795_233_600_250),
            request: RequestMark { request_id: "r".to_owned(), digest: Digest([4; 32]) },
        };
        let replayed = replay::<Record>(&[opened.into()]);
        let kept = Row::from_values(Table::Wallet, values.unwrap());
        assert_eq!(kept.as_ref(), replayed.row(&Key::Wallet(member_ref)));
    }

    #[test]
    fn a_reader_sees_an_older_store_as_todays_and_leaves_it_as_it_is() {
        let life = MIGRATIONS.iter().position(|text| text.contains("vault_holder")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(super::super::DATABASE);
        let connection = Connection::open(&file).unwrap();
        MIGRATIONS[..life].iter().for_each(|text| connection.execute_batch(text).unwrap());
        connection.execute("INSERT INTO wallet VALUES (?, 1, 510300, 77)", [[3u8; 16]]).unwrap();
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", i64::try_from(life).unwrap()).unwrap();
        drop(connection);
        let before = std::fs::read(&file).unwrap();
        let keys = [Key::Wallet(MemberRef([3; 16])), Key::Holder(MemberRef([3; 16]))];
        let found = SqliteReader::<Record>::open(dir.path()).unwrap().load(&keys).unwrap();
        let wallet = found[0].as_ref().and_then(WalletRow::of).unwrap();
        assert_eq!((wallet.state_time, wallet.opened_by, &wallet.state_code), (Civil(77), None, &None));
        assert_eq!((&found[1], std::fs::read(&file).unwrap() == before), (&None, true));
    }

    fn as_ours(value: rusqlite::types::Value) -> Value<'static> {
        match value {
            rusqlite::types::Value::Null => Value::Null,
            rusqlite::types::Value::Integer(number) => Value::Int(number),
            rusqlite::types::Value::Text(text) => Value::Text(text.into()),
            rusqlite::types::Value::Blob(bytes) => Value::Blob(bytes.into()),
            rusqlite::types::Value::Real(_) => unreachable!("no table holds a float"),
        }
    }
}
