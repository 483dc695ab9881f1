use super::*;
use crate::domain::hub;
use crate::domain::machine::record::Record as _;
use crate::domain::machine::{Change, Row as _, WorkingSet};
use crate::domain::node::account::empty_account;
use crate::domain::node::record::{AccountCredited, MemberRecorded, NodeJoined, RequestMark};
use crate::domain::node::tables::AccountRow;
use crate::domain::node::{Key, Record, Row};
use crate::domain::value::{
    AccountKind, Civil, Digest, Insurance, InsuranceType, MemberRef, Money, RegionCode, Side, StartId,
};
use crate::store::sqlite::SqliteStore;
use crate::store::{Commit, Journal, replay};
use tempfile::TempDir;

fn request(id: &str) -> RequestMark {
    RequestMark { request_id: id.to_owned(), digest: Digest([3; 32]) }
}

fn records() -> Vec<Record> {
    let (member_ref, time) = (MemberRef([7; 16]), Civil(1_795_233_600_000));
    vec![
        NodeJoined { incarnation: 1, start_id: StartId([1; 16]), time }.into(),
        MemberRecorded {
            member_ref,
            insurance: Insurance::new(RegionCode::parse("130100").unwrap(), InsuranceType::Employee),
            time,
            request: request("a"),
        }
        .into(),
        AccountCredited {
            member_ref,
            amount: Money::from_fen(15_000),
            period: 202_611,
            time,
            request: request("b"),
        }
        .into(),
    ]
}

/// A node's store with these records and the rows that they make, changed by `spoil`.
fn store(records: Vec<Record>, spoil: impl FnOnce(&mut Vec<Row>)) -> (TempDir, SqliteStore<Record>) {
    let mut made = WorkingSet::complete();
    for (sequence, record) in (1..).zip(&records) {
        record.apply(sequence, &mut made);
    }
    let mut rows = made.take_changed().into_iter().map(|change| change.row).collect();
    spoil(&mut rows);
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path(), "node:13").unwrap();
    let rows = rows.into_iter().map(Change::unknown).collect();
    store.append(&Commit { records, rows, vault: Vec::new() }).unwrap();
    (folder, store)
}

fn difference(records: Vec<Record>, spoil: impl FnOnce(&mut Vec<Row>)) -> Option<String> {
    let (folder, _open) = store(records, spoil);
    replay::verify(&mut Snapshot::<Record>::open(folder.path()).unwrap()).unwrap().difference
}

#[test]
fn a_sound_store_is_verified_beside_its_writer() {
    let (folder, _open) = store(records(), |_| ());
    let dir = folder.path().to_owned();
    let verify = |dir: PathBuf| journal(&Command::Verify { dir, output: OutputArgs { json: false } });
    assert_eq!(verify(dir.clone()), Exit::Done);
    assert_eq!(verify(dir.join("nowhere")), Exit::Usage);
    let verified = replay::verify(&mut Snapshot::<Record>::open(&dir).unwrap()).unwrap();
    assert_eq!(verified.report.records, 3);
    assert!(verified.report.rows >= 6);
}

#[test]
fn a_row_that_the_journal_does_not_make_is_found() {
    let changed = difference(records(), |rows| {
        for row in rows {
            if let Row::Account(account) = row
                && account.kind == AccountKind::Personal
            {
                std::sync::Arc::make_mut(account).posted = Money::from_fen(99_900);
            }
        }
    });
    let changed = changed.unwrap();
    assert!(changed.contains("table account") && changed.contains("column posted holds 99900"), "{changed}");
    assert!(changed.contains("the journal gives 15000"), "{changed}");

    let added = difference(records(), |rows| {
        rows.push(Row::from(AccountRow {
            posted: Money::from_fen(1),
            ..empty_account(MemberRef([8; 16]), AccountKind::Personal)
        }));
    });
    assert!(added.unwrap().contains("has a row that no record made"));

    let lost = difference(records(), |rows| rows.retain(|row| !matches!(row.key(), Key::Entry(..))));
    assert!(lost.unwrap().contains("table entry, key 1 lacks a row"));
}

#[test]
fn a_record_that_cannot_follow_is_a_difference_and_no_crash() {
    let decided = crate::domain::node::record::LegDecided {
        transfer_id: TransferId([9; 16]),
        side: Side::Payer,
        outcome: crate::domain::protocol::transfer::Outcome::Abort,
        window: None,
        hub_seq: None,
        time: Civil(0),
    };
    let (folder, mut open) = store(records(), |_| ());
    open.append(&Commit { records: vec![decided.into()], ..Commit::default() }).unwrap();
    let verified = replay::verify(&mut Snapshot::<Record>::open(folder.path()).unwrap()).unwrap();
    assert!(verified.difference.unwrap().contains("sequence 4"));
}

#[test]
fn records_are_selected_by_place_and_transfer() {
    let id = TransferId([5; 16]);
    let tombstone = crate::domain::node::record::LegTombstoned {
        transfer_id: id,
        side: Side::Payee,
        terms_digest: Digest([2; 32]),
        time: Civil(0),
    };
    let (folder, _open) = store([records(), vec![tombstone.into()]].concat(), |_| ());
    let mut snapshot = Snapshot::<Record>::open(folder.path()).unwrap();
    let mut sequences = |from, limit, transfer| -> Vec<u64> {
        select(&mut snapshot, from, limit, transfer, |entry| entry.sequence).unwrap()
    };
    assert_eq!(sequences(2, 2, None), [2, 3]);
    assert_eq!(sequences(0, 99, None), [1, 2, 3, 4]);
    assert_eq!(sequences(1, 99, Some(id)), [4]);
    assert_eq!(sequences(9, 99, None), [0; 0]);
    let value = &select(&mut snapshot, 3, 1, None, to_json).unwrap()[0];
    assert_eq!(value["record"], "AccountCredited");
    assert_eq!(value["content"]["amount"], "150.00");
    assert_eq!(value["content"]["time"], "2026-11-21T04:00:00.000Z");
    assert!(select(&mut snapshot, 3, 1, None, cells).unwrap()[0][3].contains("period 202611"));
    let told = hub::Record::from(hub::record::DecisionsRecorded {
        province: crate::domain::value::region::ProvinceCode::new(51),
        legs: vec![(TransferId([6; 16]), Side::Payer), (id, Side::Payee)],
    });
    assert!(told.is_about(id) && !told.is_about(TransferId([7; 16])));
}
