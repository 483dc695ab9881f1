use super::*;
use crate::domain::machine::{Change, IncidentRow, TableRow as _};
use crate::domain::node::{Record, Row, Table, legs_in_doubt};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{Side, TransferId};
use crate::store::memory::MemoryStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{Commit, Journal};
use crate::wire::page::PAGE_DEFAULT;
use tokio_stream::StreamExt;

fn incident(number: u8) -> Row {
    let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payer);
    let (transfer_id, raise_time) = (TransferId([number; 16]), Civil(i64::from(number) * 1_000));
    IncidentRow::open(transfer_id, Side::Payer, refusal, raise_time).into()
}

fn incidents(numbers: std::ops::RangeInclusive<u8>) -> Commit<Record> {
    Commit { rows: numbers.map(incident).map(Change::unknown).collect(), ..Commit::default() }
}

fn number(row: &Row) -> u8 {
    IncidentRow::of(row).expect("an incident").transfer_id.0[0]
}

fn asked(size: i32, token: &str, older_than_s: i64) -> Result<Waiting<Row>, Problem> {
    let age = prost_types::Duration { seconds: older_than_s, nanos: 0 };
    Waiting::for_incidents(size, token, Some(&age), Civil(100_000))
}

#[test]
fn pages_follow_each_other_without_gap_and_hold_what_is_old_enough() {
    let mut store = MemoryStore::new();
    store.append(&incidents(1..=100)).expect("stored");
    let (mut found, mut token) = (Vec::new(), String::new());
    for _ in 0..5 {
        let query = asked(7, &token, 70).expect("a request");
        let (page, next) = query.incidents(&mut store).expect("read");
        assert!(page.len() <= 7);
        let ids = page.iter().map(|it| TransferId::parse(&it.transfer_id).expect("an id"));
        found.extend(ids.map(|id| id.0[0]));
        token = next;
    }
    assert_eq!(found, (1..=30).collect::<Vec<u8>>());
    assert_eq!(token, "", "the fifth page is the last");
    let (all, more) = asked(0, "", 0).expect("a request").incidents(&mut store).expect("read");
    assert_eq!((all.len(), more.is_empty()), (PAGE_DEFAULT, false));
}

#[test]
fn a_page_that_names_a_next_one_is_full_however_few_are_old_enough() {
    let mut store = MemoryStore::new();
    store.append(&incidents(1..=100)).expect("stored");
    for old in 97..=99 {
        let page = asked(2, "", old).expect("a request").page(&mut store).expect("read");
        let (rows, token) = (page.0.iter().map(number).collect::<Vec<_>>(), page.1);
        assert_eq!(rows, (1..=100 - u8::try_from(old).expect("small")).take(2).collect::<Vec<_>>());
        assert_eq!(token.is_empty(), old > 97, "{old}");
    }
}

#[test]
fn a_token_of_another_list_is_refused() {
    let mut store = MemoryStore::new();
    store.append(&incidents(1..=3)).expect("stored");
    let (_, token) = asked(1, "", 5).expect("a request").incidents(&mut store).expect("read");
    assert!(asked(1, &token, 5).is_ok());
    for other in [asked(1, &token, 6), asked(1, "00", 5)] {
        assert_eq!(other.expect_err("refused").reason, Reason::PageTokenInvalid);
    }
    let doubt = Waiting::<Row>::read(legs_in_doubt(), 1, &token);
    assert_eq!(doubt.expect_err("refused").reason, Reason::PageTokenInvalid);
    assert_eq!(asked(-1, "", 0).expect_err("refused").reason, Reason::PageSizeInvalid);
}

/// One part for each turn: how many rows, how many records.
type Part = (usize, usize);

fn sections() -> Vec<Section<Record, Part>> {
    vec![
        Section::Rows(Filter::all(Table::Incident), Box::new(|rows| (rows.len(), 0))),
        Section::Journal(Box::new(|entries| (0, entries.len()))),
    ]
}

#[test]
fn a_stream_holds_one_moment_whatever_is_written_meanwhile() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = SqliteStore::open(folder.path(), "hub").expect("a store");
    let record = || {
        Record::from(crate::domain::node::record::NodeJoined {
            incarnation: 1,
            start_id: Default::default(),
            time: Civil(0),
        })
    };
    store.append(&incidents(1..=100)).expect("stored");
    for _ in 0..3 {
        store.append(&Commit { records: vec![record()], ..Commit::default() }).expect("stored");
    }
    let books = Books::new(folder.path().to_owned());
    runtime.block_on(async {
        let begin =
            |snapshot: &mut Snapshot<Record>| Ok((usize::try_from(snapshot.head().sequence).unwrap_or(0), 0));
        let mut stream = books.stream(begin, sections()).expect("a stream");
        assert_eq!(stream.next().await.map(Result::ok), Some(Some((3, 0))));
        // Only one may read at a time, and what is written now belongs to another moment.
        let second = books.stream(|_| Ok((0, 0)), sections());
        assert_eq!(second.err().map(|problem| problem.reason), Some(Reason::Overloaded));
        store.append(&incidents(101..=110)).expect("stored");
        store.append(&Commit { records: vec![record()], ..Commit::default() }).expect("stored");
        let rest: Vec<Part> = stream.map(|part| part.expect("a part")).collect().await;
        assert_eq!(rest.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1)), (100, 3));
    });
    // Whoever goes away gives the seat back.
    runtime.block_on(async {
        drop(books.stream(|_| Ok((0, 0)), sections()).expect("the seat is free"));
        while books.seat.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_store_that_cannot_be_read_ends_the_stream_with_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(async {
        let books = Books::new(folder.path().join("nowhere"));
        let stream = books.stream(|_| Ok((0, 0)), sections()).expect("a stream");
        let parts: Vec<Result<Part, Status>> = stream.collect().await;
        assert!(matches!(&parts[..], [Err(_)]), "{parts:?}");
    });
}
