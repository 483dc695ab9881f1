//! Stores of older formats: they verify clean as they are, and after their migration.

use super::schema::{APPLICATION_ID, MIGRATIONS};
use super::sql::Bound;
use super::*;
use crate::domain::machine::{Record, Scan, TableRow, replay};
use crate::domain::node::record::LegReplayed;
use crate::domain::node::tables::{AccountRow, LegRow};
use crate::domain::protocol::Kind;
use crate::domain::value::AccountKind;
use crate::domain::value::column::Value;
use crate::domain::{hub, node};
use crate::store::replay::verify;
use crate::testkit::{PAYEE, PAYER, Pair};
use rusqlite::params_from_iter;
use tempfile::{TempDir, tempdir};

/// The format in which peers said what they had spoken, before servers could be restored.
const BEFORE_RECOVERY: usize = 2;
/// The format in which a leg moved its member's account, or the suspense account, without saying which.
const BEFORE_COMPENSATIONS: usize = 6;
/// The format in which all that waits stood in the province's own suspense account.
const BEFORE_SUSPENSE: usize = 13;
/// The format of version 0.1: a kind followed from whether money is carried back.
const BEFORE_KINDS: usize = 8;

/// A store of an older format, as the program of its time left it: today's rows, without today's columns.
fn older<R: Record>(format: usize, owner: &str, records: &[R]) -> TempDir {
    let dir = tempdir().unwrap();
    let mut connection = Connection::open(dir.path().join(DATABASE)).unwrap();
    MIGRATIONS[..format].iter().for_each(|text| connection.execute_batch(text).unwrap());
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", i64::try_from(format).unwrap()).unwrap();
    connection.execute("INSERT INTO meta (name, value) VALUES ('owner', ?)", [owner]).unwrap();
    let transaction = connection.transaction().unwrap();
    // No peer told which store it has, and no window was closed or compared.
    let later = [
        "PeerLineage",
        "WindowOpened",
        "WindowClosed",
        "WindowCompared",
        "ClearingNoted",
        "NoticesTold",
        "NoticeRecorded",
        "EventsKept",
    ];
    let is_later = |name: &str| later.contains(&name) || name.starts_with("Break");
    let records: Vec<R> = records.iter().filter(|it| !is_later(it.name())).cloned().collect();
    let commit = Commit { records: records.clone(), ..Commit::default() };
    write_records(&transaction, Head::default(), &commit).unwrap();
    replay(&records).rows().for_each(|row| insert(&transaction, row));
    transaction.commit().unwrap();
    dir
}

fn insert(connection: &Connection, row: &impl Row) {
    let table = row.table();
    let columns = [table.key_columns(), table.value_columns()].concat();
    let mut cells: Vec<(&str, Value<'_>)> = columns.into_iter().zip(row.values()).collect();
    let incarnation = cells.iter().find(|(name, _)| *name == "incarnation").cloned();
    cells.extend(incarnation.map(|(_, value)| ("spoken", value)));
    let had = |name: &str| {
        let count = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?";
        connection.query_row(count, [table.name(), name], |row| row.get(0)).unwrap()
    };
    cells.retain(|(name, _)| had(name));
    // A table that came later.
    if cells.is_empty() {
        return;
    }
    let names: Vec<String> = cells.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let marks = vec!["?"; cells.len()].join(", ");
    let text = format!("INSERT INTO {} ({}) VALUES ({marks})", table.name(), names.join(", "));
    connection.execute(&text, params_from_iter(cells.iter().map(|(_, value)| Bound(value)))).unwrap();
}

/// The first difference between tables and journal.
fn difference<R: Record>(dir: &TempDir) -> Option<String> {
    verify(&mut Snapshot::<R>::open(dir.path()).unwrap()).unwrap().difference
}

#[test]
fn stores_from_before_recovery_verify_clean_before_and_after_their_migration() {
    let mut pair = Pair::new();
    for number in 1..=3 {
        let outputs = pair.create(u64::from(number), number, 100);
        if number < 3 {
            pair.finish(outputs);
        }
    }
    all_migrate(BEFORE_RECOVERY, &pair);
}

#[test]
fn stores_from_before_kinds_had_numbers_verify_clean_before_and_after_their_migration() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    pair.propose(40, 1, 10_000);
    let outputs = pair.approve(40);
    pair.finish(outputs);
    assert_eq!(pair.transfer(40).kind, Kind::COMPENSATION);
    all_migrate(BEFORE_KINDS, &pair);
}

/// Found in review: what only got a column was copied, whole, by whoever looked at an older store.
#[test]
fn an_older_store_is_read_where_it_is_and_by_its_keys() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    for format in [BEFORE_COMPENSATIONS, BEFORE_KINDS] {
        let dir = older(format, "hub", &pair.hub.journal());
        let connection = super::read::open_file(&dir.path().join(DATABASE)).unwrap();
        let plan = "EXPLAIN QUERY PLAN SELECT kind, returns FROM transfer WHERE transfer_id = x'00'";
        let plan: String = connection.query_row(plan, [], |row| row.get(3)).unwrap();
        assert!(plan.ends_with("transfer USING PRIMARY KEY (transfer_id=?)"), "{format}: {plan}");
    }
}

fn all_migrate(format: usize, pair: &Pair) {
    migrates(format, "hub", &pair.hub.journal());
    migrates(format, "node:13", &pair.node(PAYER).journal());
    migrates(format, "node:51", &pair.node(PAYEE).journal());
}

fn migrates<R: Record>(older_format: usize, owner: &str, records: &[R]) {
    let dir = older(older_format, owner, records);
    let before = std::fs::read(dir.path().join(DATABASE)).unwrap();
    let format = || Snapshot::<R>::open(dir.path()).unwrap().format().unwrap();
    assert_eq!(difference::<R>(&dir), None, "{owner} before");
    assert_eq!(format(), older_format);
    assert!(std::fs::read(dir.path().join(DATABASE)).unwrap() == before, "reading writes nothing");
    drop(SqliteStore::<R>::open(dir.path(), owner).unwrap());
    assert_eq!(difference::<R>(&dir), None, "{owner} after");
    assert_eq!(format(), FORMAT);
}

/// A leg that came back into the suspense account moves that one, also where no column said so.
#[test]
fn legs_of_before_compensations_know_the_account_that_they_moved() {
    let mut pair = Pair::new();
    pair.send(1, 1, 100);
    pair.send(2, 2, 100);
    let mut records = pair.node(PAYEE).journal();
    let lost = records.iter().position(|record| matches!(record, node::Record::LegPrepared(_))).unwrap();
    let node::Record::LegPrepared(prepared) = records.remove(lost) else { unreachable!() };
    let decided = records.iter().position(|record| matches!(record, node::Record::LegDecided(_))).unwrap();
    let node::Record::LegDecided(decision) = records.remove(decided) else { unreachable!() };
    let replayed = LegReplayed {
        leg: prepared.leg,
        window: decision.window.unwrap(),
        hub_seq: decision.hub_seq.unwrap(),
        time: decision.time,
        suspense: true,
    };
    records.push(replayed.into());
    let accounts: Vec<AccountKind> =
        replay(&records).rows().filter_map(LegRow::of).map(|leg| leg.account).collect();
    assert_eq!(accounts, [AccountKind::Suspense, AccountKind::Wallet]);
    for format in [BEFORE_COMPENSATIONS, BEFORE_SUSPENSE] {
        let dir = older(format, "node:51", &records);
        assert_eq!(difference::<node::Record>(&dir), None, "before");
        let mut store = SqliteStore::<node::Record>::open(dir.path(), "node:51").unwrap();
        // What was booked before members had suspense accounts stands where it stood, and is listed.
        let waits = store.scan(&Scan { filter: node::in_suspense(), after: None, limit: 9 }).unwrap();
        let waits: Vec<_> =
            waits.iter().filter_map(AccountRow::of).map(|it| (it.kind, it.posted.fen())).collect();
        assert_eq!(waits, [(AccountKind::Suspense, 100)]);
        drop(store);
        assert_eq!(difference::<node::Record>(&dir), None, "after");
    }
}

/// A start and each page of the list look among the accounts of all members for the few that have something there.
#[test]
fn what_stands_in_suspense_is_found_by_index() {
    let dir = tempdir().unwrap();
    drop(SqliteStore::<node::Record>::open(dir.path(), "node:51").unwrap());
    let connection = super::read::open_file(&dir.path().join(DATABASE)).unwrap();
    let scan = Scan::<node::Row> { filter: node::in_suspense(), after: None, limit: 50 };
    let plan = format!("EXPLAIN QUERY PLAN {}", super::sql::scan(&scan).text);
    let plan: String = connection.query_row(&plan, rusqlite::params![0, 50], |row| row.get(3)).unwrap();
    assert!(plan.contains("account_suspense"), "{plan}");
}

#[test]
fn a_difference_in_an_older_store_is_seen() {
    let mut pair = Pair::new();
    pair.send(1, 1, 100);
    let dir = older(BEFORE_RECOVERY, "hub", &pair.hub.journal());
    super::tests::raw(&dir, "UPDATE transfer SET amount = amount + 1");
    let text = difference::<hub::Record>(&dir).unwrap();
    assert!(text.contains("table transfer") && text.contains("column amount"), "{text}");
}
