//! Damage that SQLite cannot see, and what the store says of it.

use super::tests::{SqliteStore, crashed, raw, records, refused, written};
use super::*;
use crate::domain::node::Key;
use crate::domain::value::MemberRef;
use crate::store::samples::Sample;
use tempfile::tempdir;

#[test]
fn one_flipped_byte_is_noticed() {
    let dir = written(1..=5);
    let path = dir.path().join(DATABASE);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(32).position(|part| part == [3; 32]).unwrap();
    bytes[at + 9] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(refused(&dir).contains("journal sequence 3: its hash does not fit"), "{}", refused(&dir));
}

#[test]
fn a_lost_log_is_noticed() {
    let dir = written(1..=5);
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    store.append(&records(6..=8)).unwrap();
    let copy = crashed(&dir, &[DATABASE, head_file::NAME]);
    let text = "the store is damaged at journal sequence 5: it once reached 8: its write-ahead log is lost, or it is \
                an older copy; restore it from a backup";
    assert_eq!(refused(&copy), text);
    std::fs::remove_file(copy.path().join(head_file::NAME)).unwrap();
    assert_eq!(
        SqliteStore::open(copy.path(), "hub").unwrap().head().sequence,
        5,
        "a backup has no such file"
    );
}

#[test]
fn another_history_in_the_same_place_is_noticed() {
    let (ours, other) = (written(1..=3), written(4..=9));
    std::fs::copy(other.path().join(DATABASE), ours.path().join(DATABASE)).unwrap();
    assert!(
        refused(&ours).contains("journal sequence 3: its hash is not the one that was noted"),
        "{}",
        refused(&ours)
    );
    std::fs::write(ours.path().join(head_file::NAME), "3 00\n").unwrap();
    assert!(refused(&ours).contains("does not hold a sequence and a hash"));
}

#[test]
fn a_changed_record_is_noticed() {
    let changes = [
        (
            "UPDATE journal SET bytes = CAST(bytes || x'00' AS BLOB) WHERE sequence = 3",
            "3: its hash does not fit",
        ),
        ("UPDATE journal SET kind = kind + 1 WHERE sequence = 3", "3: its hash does not fit"),
        ("UPDATE journal SET version = 2 WHERE sequence = 3", "3: its hash does not fit"),
        ("UPDATE journal SET version = 999 WHERE sequence = 3", "3: its kind or version is out of range"),
        ("UPDATE journal SET hash = zeroblob(32) WHERE sequence = 3", "3: its hash does not fit"),
        (
            "UPDATE journal SET transfer_id = zeroblob(16) WHERE sequence = 3",
            "3: its transfer id is not that",
        ),
        ("UPDATE journal SET transfer_id = NULL WHERE sequence = 3", "3: its transfer id is not that"),
        ("DELETE FROM journal WHERE sequence = 3", "3: the record is missing"),
        ("DELETE FROM journal WHERE sequence = 5", "4: it once reached 5"),
    ];
    for (change, what) in changes {
        let dir = written(1..=5);
        raw(&dir, change);
        let text = refused(&dir);
        assert!(text.contains(&format!("damaged at journal sequence {what}")), "{change}: {text}");
    }
}

#[test]
fn old_damage_is_found_by_verify() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    for _ in 0..2 {
        let records = (0..=u8::MAX).cycle().take(6_000).map(Sample::sample).collect();
        store.append(&Commit { records, ..Commit::default() }).unwrap();
    }
    let head = store.head();
    assert_eq!(store.verify(1).unwrap(), Report { records: 12_000, rows: 0, head });
    assert_eq!(store.verify(11_001).unwrap(), Report { records: 1_000, rows: 0, head });
    drop(store);
    raw(&dir, "UPDATE journal SET bytes = zeroblob(length(bytes)) WHERE sequence = 1500");
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    assert!(store.verify(1).unwrap_err().to_string().contains("journal sequence 1500"));
    assert_eq!(store.verify(1_501).unwrap().records, 10_500);
    assert!(store.verify(20_000).unwrap_err().to_string().contains("19999: the record is missing"));
}

#[test]
fn a_row_that_is_none_of_ours_is_noticed() {
    let dir = written(1..=1);
    raw(&dir, "INSERT INTO wallet VALUES (zeroblob(16), 77, 130100, 0, NULL, NULL, 0)");
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    let text = "the store is damaged at table wallet: a row holds what this program never writes; \
                restore it from a backup";
    assert_eq!(store.load(&[Key::Wallet(MemberRef::default())]).unwrap_err().to_string(), text);
    assert_eq!(store.verify(1).unwrap_err().to_string(), text);
}

#[test]
fn a_second_writer_is_fenced() {
    let dir = tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), "hub").unwrap();
    store.append(&records(1..=2)).unwrap();
    raw(
        &dir,
        "INSERT INTO journal SELECT 3, transfer_id, kind, version, bytes, hash FROM journal WHERE sequence = 2",
    );
    assert!(matches!(store.append(&records(3..=3)), Err(StoreError::Damaged { .. })));
    assert!(store.journal(0, 1).is_err(), "and the store is not used any more");
}
