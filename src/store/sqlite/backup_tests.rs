use super::super::tests::{SqliteStore, raw, records, written};
use super::*;
use crate::domain::machine::{Change, Filter, Row as _, Scan, Table as _};
use crate::domain::node::{self, Row, Table};
use crate::store::samples::{Sample, row, runner};
use crate::store::{Commit, Journal, Tables};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use std::sync::{Arc, Mutex};
use tempfile::{TempDir, tempdir};

/// Rows of every table and 2,000 records.
fn full() -> (TempDir, SqliteStore) {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    let rows = vec(row::<Row>(), 400).new_tree(&mut runner(1)).unwrap().current();
    let (vault, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.table().is_vault());
    let rows = rows.into_iter().map(Change::unknown).collect();
    let records = (0..=u8::MAX).cycle().take(2_000).map(<node::Record as Sample>::sample).collect();
    store.append(&Commit { records, rows, vault }).unwrap();
    (dir, store)
}

fn everything(tables: &mut impl Tables<node::Record, Error = StoreError>) -> (usize, Vec<String>) {
    let all = |table| Scan { filter: Filter::all(table), after: None, limit: usize::MAX };
    let rows = Table::ALL.iter().flat_map(|table| tables.scan(&all(*table)).unwrap());
    let rows: Vec<String> = rows.map(|row| format!("{row:?}")).collect();
    (tables.journal(0, usize::MAX).unwrap().len(), rows)
}

/// A copy of a store, in a folder of its own.
fn copied(dir: &Path) -> TempDir {
    let to = tempdir().unwrap();
    copy(dir, &to.path().join(DATABASE)).unwrap();
    to
}

fn restore(from: &Path, dir: &Path, sequence: u64) {
    let restoring = Restoring::begin(dir).unwrap();
    restoring.take(&from.join(DATABASE), |_| ()).unwrap();
    restoring.mark(sequence).unwrap();
    restoring.snapshot::<node::Record>().unwrap().verify().unwrap();
    restoring.install().unwrap();
}

#[test]
fn a_copy_taken_while_the_writer_commits_is_one_moment_of_it() {
    let (dir, mut store) = full();
    let before = everything(&mut store);
    let head = store.head();
    let store = Arc::new(Mutex::new(store));
    // At every hundredth instruction of the copying statement the writer commits once more.
    let (writer, commits) = (Arc::clone(&store), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&commits);
    let watch = move || {
        let row = row::<Row>().new_tree(&mut runner(1)).unwrap().current();
        let (vault, rows): (Vec<Row>, Vec<Row>) = [row].into_iter().partition(|row| row.table().is_vault());
        let rows = rows.into_iter().map(Change::unknown).collect();
        writer.lock().unwrap().append(&Commit { vault, rows, ..records(1..=1) }).unwrap();
        *count.lock().unwrap() += 1;
        false
    };
    let to = tempdir().unwrap();
    copy_watched(dir.path(), &to.path().join(DATABASE), Some(watch)).unwrap();
    assert!(*commits.lock().unwrap() > 10, "the writer was busy: {commits:?}");
    assert!(store.lock().unwrap().head().sequence > head.sequence);
    let mut copy = SqliteReader::<node::Record>::open(to.path()).unwrap();
    assert_eq!(everything(&mut copy), before);
    assert_eq!((copy.head().unwrap(), copy.owner().unwrap().as_str()), (head, "hub"));
    copy.verify(1).unwrap();
}

#[test]
fn a_restored_store_is_the_same_says_that_it_is_restored_and_goes_on() {
    let (dir, mut store) = full();
    let (before, head) = (everything(&mut store), store.head());
    assert_eq!(store.restored().unwrap(), None);
    let backup = copied(dir.path());
    let place = tempdir().unwrap();
    let target = place.path().join("new/store");
    restore(backup.path(), &target, head.sequence);
    let mut again = SqliteStore::open(&target, "hub").unwrap();
    assert_eq!((everything(&mut again), again.head()), (before, head));
    assert_eq!(again.restored().unwrap(), Some(head.sequence));
    let later = again.append(&records(1..=3)).unwrap();
    drop(again);
    assert_eq!(SqliteStore::open(&target, "hub").unwrap().head(), later);
    assert_eq!(SqliteReader::<node::Record>::open(&target).unwrap().restored().unwrap(), Some(head.sequence));
    raw_mark(&target, "many");
    assert!(
        SqliteReader::<node::Record>::open(&target)
            .unwrap()
            .restored()
            .unwrap_err()
            .to_string()
            .contains("meta")
    );
}

fn raw_mark(dir: &Path, value: &str) {
    let connection = Connection::open(dir.join(DATABASE)).unwrap();
    connection.execute("UPDATE meta SET value = ? WHERE name = 'restored'", [value]).unwrap();
}

#[test]
fn a_restore_goes_only_into_an_empty_folder_where_no_server_runs() {
    let refused = |dir: &Path| Restoring::begin(dir).unwrap_err().to_string();
    let dir = written(1..=2);
    let path = dir.path().display().to_string();
    let text = "a restore goes into an empty folder only: move what is there away first";
    assert_eq!(refused(dir.path()), format!("{path} is not empty; {text}"));
    let open = SqliteStore::open(dir.path(), "hub").unwrap();
    assert_eq!(refused(dir.path()), format!("{path} is in use by another process"));
    drop(open);
    let other = tempdir().unwrap();
    std::fs::write(other.path().join("head"), "of something else").unwrap();
    assert!(refused(other.path()).contains("is not empty"));
    assert!(!other.path().join(LOCK).exists(), "nothing is left in a folder that was refused");
    let taken = tempdir().unwrap();
    let _held = Restoring::begin(taken.path()).unwrap();
    assert!(refused(taken.path()).contains("in use"));
}

#[test]
fn no_server_starts_on_a_restore_that_did_not_end_and_the_next_restore_clears_it_away() {
    let (dir, store) = full();
    let backup = copied(dir.path());
    let place = tempdir().unwrap();
    std::fs::copy(backup.path().join(DATABASE), place.path().join(DRAFT)).unwrap();
    drop(HeadFile::open(place.path(), store.head()).unwrap());
    assert!(super::super::exists(place.path()), "so no new key is made for it");
    let text = SqliteStore::open(place.path(), "hub").unwrap_err().to_string();
    assert_eq!(
        text,
        "the store is damaged at the folder: a restore into it did not end; restore it from a backup"
    );
    // Unless something stands beside it that no restore has written.
    let foreign = place.path().join("notes.txt");
    std::fs::write(&foreign, "of somebody").unwrap();
    let error = Restoring::begin(place.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotEmpty(_)), "{error}");
    std::fs::remove_file(&foreign).unwrap();
    restore(backup.path(), place.path(), 7);
    assert_eq!(SqliteStore::open(place.path(), "hub").unwrap().head(), store.head());
}

#[test]
fn no_copy_is_made_of_a_store_that_lost_its_log_and_none_over_a_file() {
    let dir = written(1..=3);
    let to = tempdir().unwrap();
    let file = to.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(copy(dir.path(), &file).unwrap_err().to_string().contains("File exists"));
    raw(&dir, "DELETE FROM journal WHERE sequence = 3");
    let text = copy(dir.path(), &to.path().join("other")).unwrap_err().to_string();
    assert!(text.contains("journal sequence 2: it once reached 3"), "{text}");
    assert!(copy(to.path(), &to.path().join("other")).is_err(), "and it makes no store");
}

#[test]
fn what_was_forgotten_is_not_in_a_copy() {
    use crate::domain::node::tables::PersonRow;
    use crate::domain::value::{Digest, MemberRef};
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "node:13").unwrap();
    let person = |byte, sealed: &[u8]| {
        let row = PersonRow {
            id_hash: Digest([byte; 32]),
            member_ref: MemberRef([byte; 16]),
            sealed: sealed.to_vec(),
        };
        Commit { vault: vec![row.into()], ..Commit::default() }
    };
    store.append(&person(1, b"somebody")).unwrap();
    store.append(&person(2, b"a secret of old")).unwrap();
    raw(&dir, "DELETE FROM vault_person WHERE sealed = CAST('a secret of old' AS BLOB)");
    let bytes = std::fs::read(copied(dir.path()).path().join(DATABASE)).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(holds(b"somebody") && !holds(b"secret"));
}
