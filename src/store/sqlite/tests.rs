//! What only the embedded store does: its folder, its format, its readers.

use super::*;
use crate::domain::hub::tables::PositionRow;
use crate::domain::machine::{Change, Filter, IncidentRow, Order, Term};
use crate::domain::node::tables::{AccountRow, LegRow, PersonRow};
use crate::domain::protocol::LegState;
use crate::domain::value::Side;
use crate::domain::value::column::Value;
use crate::domain::value::{AccountKind, Digest, MemberRef, TransferId, Window};
use crate::domain::{hub, node};
use crate::store::samples::Sample;
use crate::store::sqlite::sql::Bound;
use rusqlite::params_from_iter;
use tempfile::{TempDir, tempdir};

/// A node's: what is tested here does not ask whose it is.
pub(super) type SqliteStore = super::SqliteStore<node::Record>;
type SqliteReader = super::SqliteReader<node::Record>;

pub(super) fn records(range: std::ops::RangeInclusive<u8>) -> Commit<node::Record> {
    Commit { records: range.map(Sample::sample).collect(), ..Commit::default() }
}

/// A closed store with this many records.
pub(super) fn written(range: std::ops::RangeInclusive<u8>) -> TempDir {
    let dir = tempdir().unwrap();
    SqliteStore::open(dir.path(), "hub").unwrap().append(&records(range)).unwrap();
    dir
}

pub(super) fn raw(dir: &TempDir, sql: &str) {
    Connection::open(dir.path().join(DATABASE)).unwrap().execute_batch(sql).unwrap();
}

/// What is on the disk at this moment, as a crash would leave it.
pub(super) fn crashed(dir: &TempDir, files: &[&str]) -> TempDir {
    let copy = tempdir().unwrap();
    for name in files {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

pub(super) fn refused(dir: &TempDir) -> String {
    SqliteStore::open(dir.path(), "hub").unwrap_err().to_string()
}

#[cfg(unix)]
#[test]
fn the_folder_and_every_file_in_it_are_for_their_owner_only() {
    use std::os::unix::fs::MetadataExt;
    let above = tempdir().unwrap();
    let dir = above.path().join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
    let mut store = SqliteStore::open(&dir, "hub").unwrap();
    store.append(&records(1..=1)).unwrap();
    assert_eq!(mode(&dir), 0o700);
    let listed = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<(PathBuf, u32)> = listed.map(|path| (path.clone(), mode(&path))).collect();
    assert!(files.len() >= 5, "database, its log, its memory, head and lock: {files:?}");
    assert!(files.iter().all(|(_, mode)| *mode == 0o600), "{files:?}");
}

#[test]
fn tables_have_the_columns_that_the_domain_names() {
    let dir = tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), "hub").unwrap();
    let mut names = vec!["journal", "meta"];
    names.extend(declared::<hub::Table>(&store));
    names.extend(declared::<node::Table>(&store));
    names.sort_unstable();
    // What both have is one table.
    names.dedup();
    let mut list = store.connection.prepare(
        "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%' ORDER BY name",
    );
    let list = list.as_mut().unwrap().query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let found: Vec<(String, bool)> = list.unwrap().map(Result::unwrap).collect();
    assert_eq!(found, names.iter().map(|name| ((*name).to_owned(), true)).collect::<Vec<_>>());
}

/// The names of a machine's tables, each of which has the columns that it declares.
fn declared<T: Table>(store: &SqliteStore) -> Vec<&'static str> {
    let mut names = Vec::new();
    for table in T::ALL {
        let mut info = store.connection.prepare("SELECT name, pk FROM pragma_table_info(?)").unwrap();
        let found: Vec<(String, i64)> = info
            .query_map([table.name()], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let all: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(all, sql::columns(*table), "{}", table.name());
        let keys = table.key_columns().len();
        for (at, (_, pk)) in found.iter().enumerate() {
            let place = if at < keys { i64::try_from(at + 1).unwrap() } else { 0 };
            assert_eq!(*pk, place, "key of {}", table.name());
        }
        names.push(table.name());
    }
    names
}

#[test]
fn what_a_start_needs_is_read_from_small_indexes() {
    let dir = tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), "hub").unwrap();
    fn plan<R: Row>(store: &SqliteStore, filter: Filter<R::Table>, after: Option<R::Key>) -> String {
        explained(store, &sql::scan(&Scan::<R> { filter, after, limit: 5 }))
    }
    assert!(
        plan::<hub::Row>(&store, hub::unfinished_transfers(), None)
            .contains("USING INDEX transfer_unsettled")
    );
    let [in_doubt, posted] = node::open_legs();
    assert!(plan::<node::Row>(&store, in_doubt, None).contains("INDEX leg_in_doubt"));
    assert!(plan::<node::Row>(&store, posted, None).contains("INDEX leg_posted"));
    let after = node::Key::Account(MemberRef([1; 16]), AccountKind::Wallet);
    let accounts = plan::<node::Row>(&store, Filter::all(node::Table::Account), Some(after));
    assert!(accounts.contains("SEARCH account USING PRIMARY KEY"), "{accounts}");
}

#[test]
fn lists_are_read_in_the_order_of_an_index() {
    let dir = tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), "hub").unwrap();
    let is = |column, number| Term::Is(column, Value::Int(number));
    let owned = || Term::Is("owner", Value::Text("app:demo".into()));
    let pays = || vec![is("payer_province", 13)];
    let receives = || vec![is("payee_province", 13), Term::IsNot("payer_province", Value::Int(13))];
    let from = || Term::AtLeast("receipt_time", Value::Int(7));
    let transfers = [
        (vec![vec![]], &["transfer_time"][..]),
        (vec![vec![from()]], &["transfer_time (receipt_time>"]),
        (vec![pays(), receives()], &["transfer_payer (payer_province=", "transfer_payee (payee_province="]),
        (vec![vec![owned(), from()]], &["transfer_owner (owner=? AND receipt_time>"]),
        (vec![vec![is("window", 9)]], &["transfer_window (window="]),
        (vec![vec![Term::equal("state", 4)]], &["transfer_aborted"]),
    ];
    for (branches, indexes) in transfers {
        for after in [None, Some(hub::Key::Transfer(TransferId([1; 16])))] {
            let filter = hub::transfers_where(branches.clone());
            let plan = explained(&store, &sql::scan(&Scan::<hub::Row> { filter, after, limit: 5 }));
            assert!(indexes.iter().all(|index| plan.contains(index)), "{plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN transfer;"), "{plan}");
        }
    }
    let committed = || node::legs_in([LegState::Committed]);
    let numbered = committed().and(Term::AtLeast("hub_seq", Value::Int(7)));
    let part = Filter { order: Order::Rising("hub_seq"), ..numbered.clone().and(is("window", 9)) };
    let legs = [
        (committed().and(is("window", 9)), "leg_window (window="),
        (Filter { order: Order::Rising("hub_seq"), ..numbered.clone() }, "leg_number (hub_seq>"),
        (part, "leg_window_number (window=? AND hub_seq>"),
        (node::legs_in([LegState::Awaiting]), "leg_awaiting"),
        (node::legs_in([LegState::Aborted]), "leg_aborted"),
    ];
    for (filter, index) in legs {
        for after in [None, Some(node::Key::Leg(TransferId([1; 16]), Side::Payer))] {
            let scan = Scan::<node::Row> { filter: filter.clone(), after, limit: 5 };
            let plan = explained(&store, &sql::scan(&scan));
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}

/// How SQLite goes about a statement.
fn explained(store: &SqliteStore, page: &sql::PageSql<'_>) -> String {
    let mut plan = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", page.text)).unwrap();
    let values = params_from_iter(page.values.iter().map(Bound));
    let rows = plan.query_map(values, |row| row.get::<_, String>(3));
    rows.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[test]
fn rows_under_a_prefix_are_a_range_of_the_primary_key() {
    let dir = tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), "hub").unwrap();
    let incidents = Prefix::<hub::Table>::of::<IncidentRow>((TransferId([1; 16]),));
    let positions = Prefix::<hub::Table>::of::<PositionRow>((Window::from_number(20_261_121),));
    let legs = Prefix::<node::Table>::of::<LegRow>((TransferId([1; 16]),));
    let accounts = Prefix::<node::Table>::of::<AccountRow>((MemberRef([1; 16]),));
    let plans = [
        (sql::under(&incidents, 5), "SEARCH incident USING PRIMARY KEY (transfer_id=?)"),
        (sql::under(&positions, 5), "SEARCH position USING PRIMARY KEY (window=?)"),
        (sql::under(&legs, 5), "SEARCH leg USING PRIMARY KEY (transfer_id=?)"),
        (sql::under(&accounts, 5), "SEARCH account USING PRIMARY KEY (member_ref=?)"),
    ];
    for (page, expected) in plans {
        assert_eq!(explained(&store, &page), expected, "and nothing is sorted");
    }
}

#[test]
fn a_second_process_is_kept_out_until_the_first_has_gone() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    assert!(matches!(SqliteStore::open(dir.path(), "hub"), Err(StoreError::Locked(_))));
    let head = store.append(&records(1..=5)).unwrap();
    drop(store);
    assert!(!dir.path().join("gongji.sqlite-wal").exists(), "a clean close leaves no log behind");
    let store = SqliteStore::open(dir.path(), "hub").unwrap();
    assert_eq!(store.head(), head);
}

#[test]
fn a_crash_loses_nothing_that_was_answered() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    let head = store.append(&records(1..=5)).unwrap();
    let copy = crashed(&dir, &[DATABASE, "gongji.sqlite-wal", head_file::NAME]);
    assert_eq!(SqliteStore::open(copy.path(), "hub").unwrap().head(), head);
}

#[test]
fn it_opens_only_its_own_kind() {
    let dir = written(1..=1);
    let foreign = SqliteStore::open(dir.path(), "node:13").unwrap_err().to_string();
    assert_eq!(foreign, "the store belongs to hub, not to node:13");
    assert_eq!(SqliteReader::open(dir.path()).unwrap().owner().unwrap(), "hub");
    raw(&dir, "PRAGMA user_version = 99");
    let newer = refused(&dir);
    let begin = "the store has format 99, this program knows up to ";
    assert!(newer.starts_with(begin) && newer.ends_with(": use the newer program"), "{newer}");
    assert_eq!(SqliteReader::open(dir.path()).unwrap_err().to_string(), newer);
    raw(&dir, "PRAGMA application_id = 5");
    assert!(refused(&dir).contains("not a Gongji store"));
    std::fs::write(dir.path().join(DATABASE), [b'x'; 9000]).unwrap();
    assert!(refused(&dir).contains("damaged at the database file"), "{}", refused(&dir));
}

#[test]
fn a_reader_beside_the_server_reads_and_cannot_write() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    let mut reader = SqliteReader::open(dir.path()).unwrap();
    let head = store.append(&records(1..=4)).unwrap();
    assert_eq!(reader.head().unwrap(), head);
    assert_eq!(reader.journal(3, 9).unwrap(), store.journal(3, 9).unwrap());
    assert_eq!(reader.verify(2).unwrap(), Report { records: 3, rows: 0, head });
    assert!(store.reader().is_ok());
    assert!(SqliteReader::open(tempdir().unwrap().path()).is_err(), "it makes no store");
}

#[cfg(unix)]
#[test]
fn the_database_and_its_log_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    store.append(&records(1..=1)).unwrap();
    for name in [DATABASE, "gongji.sqlite-wal"] {
        assert_eq!(
            std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
    }
}

#[test]
fn what_the_vault_overwrites_is_gone_from_the_database() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "node:13").unwrap();
    let person = |sealed: &[u8]| -> node::Row {
        let sealed = sealed.to_vec();
        PersonRow { id_hash: Digest([1; 32]), member_ref: MemberRef([2; 16]), sealed }.into()
    };
    for sealed in [&b"a secret of old"[..], b""] {
        store.append(&Commit { vault: vec![person(sealed)], ..Commit::default() }).unwrap();
    }
    assert_eq!(person(b"").values()[2], Value::Blob((&[]).into()));
    drop(store);
    let bytes = std::fs::read(dir.path().join(DATABASE)).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"secret"));
}

/// What is overwritten is scrubbed from the file where it may be a person, and nowhere else: that takes time.
#[test]
fn a_commit_of_persons_alone_scrubs() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "node:13").unwrap();
    let mut scrubs = |commit: &Commit<node::Record>| {
        store.append(commit).unwrap();
        let read = store.connection.pragma_query_value(None, "secure_delete", |row| row.get::<_, i64>(0));
        read.unwrap()
    };
    let sealed = PersonRow { id_hash: Digest([1; 32]), member_ref: MemberRef([2; 16]), sealed: vec![3] };
    let person = Commit { vault: vec![sealed.into()], ..Commit::default() };
    assert_eq!([&records(1..=1), &person, &records(2..=2), &person].map(&mut scrubs), [0, 1, 0, 1]);
}

#[test]
fn a_file_system_without_a_log_is_refused() {
    // What is in memory has none.
    assert!(matches!(check_wal(&Connection::open_in_memory().unwrap()), Err(StoreError::Io(_))));
}

#[test]
fn rows_are_counted_by_a_column() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "node:13").unwrap();
    let account = |member, kind| {
        let row: node::Row = node::account::empty_account(MemberRef([member; 16]), kind).into();
        Change::unknown(row)
    };
    let (personal, wallet) = (AccountKind::Personal, AccountKind::Wallet);
    let rows = vec![account(1, personal), account(2, personal), account(1, wallet)];
    store.append(&Commit { rows, ..Commit::default() }).unwrap();
    let snapshot = Snapshot::<node::Record>::open(dir.path()).unwrap();
    let counted = snapshot.count_by(&Filter::all(node::Table::Account), "kind").unwrap();
    assert_eq!(counted, [(personal.number(), 2), (wallet.number(), 1)]);
}
