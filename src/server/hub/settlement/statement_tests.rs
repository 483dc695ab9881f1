use super::*;
use crate::domain::hub::Row;
use crate::domain::hub::statement::samples::{commit, total};
use crate::domain::hub::tables::ClearingRow;
use crate::domain::machine::Change;
use crate::proto::hub::StatementHeader;
use crate::store::memory::MemoryStore;
use crate::store::{Commit, Journal as _, Store as _};

/// Commits of each of these windows.
const EACH: u64 = 1_100;

fn window(text: &str) -> Window {
    Window::parse(text).expect("a window")
}

/// Of November a day with a further cut, of October one day, all closed; the first of December is open. Every second
/// commit goes back.
fn store() -> MemoryStore<Record> {
    let mut rows: Vec<Row> = vec![ClearingRow { slot: 0, open: window("20261201"), events: 0 }.into()];
    for (at, text) in (0..).zip(["20261031", "20261121", "20261121-2"]) {
        let window = window(text);
        rows.push(WindowRow { window, close_time: Civil(at), closer: String::new() }.into());
        let numbers = (1..=EACH).map(|number| at.unsigned_abs() * 10_000 + number);
        let of = |odd| if odd { [13, 51] } else { [51, 13] };
        let commits: Vec<TransferRow> = numbers.map(|it| commit(window, it, of(it % 2 == 1))).collect();
        for odd in [true, false] {
            let of_pair = |row: &&TransferRow| row.hub_seq.is_some_and(|it| (it % 2 == 1) == odd);
            rows.push(total(&commits.iter().filter(of_pair).collect::<Vec<_>>()).into());
        }
        rows.extend(commits.into_iter().map(Row::from));
    }
    let mut store = MemoryStore::new();
    let rows = rows.into_iter().map(Change::unknown).collect();
    store.append(&Commit { rows, ..Commit::default() }).expect("stored");
    store
}

fn span(text: &str) -> Span {
    Period::parse(text).map_or_else(|| Span::Window(window(text)), Span::Period)
}

/// What is told of a span, behind a row: the sizes of the parts, the numbers of the rows, and the end.
async fn told(
    store: &MemoryStore<Record>,
    (text, selection): (&str, Selection),
    after: Option<(Window, u64)>,
) -> (Vec<usize>, Vec<u64>, Result<u64, Reason>) {
    let mut tables = store.reader().expect("a view");
    let Ok(found) = find(span(text), selection, tables.as_mut()).expect("read") else { panic!("refused") };
    let (sender, mut receiver) = mpsc::channel(100);
    let query = StatementQuery { span: span(text), selection, after };
    let ended = rows(&Reader::new(tables), &query, &found, &sender).await;
    drop(sender);
    let (mut sizes, mut numbers, mut end) = (Vec::new(), Vec::new(), Err(Reason::Internal));
    while let Some(part) = receiver.recv().await {
        match part.expect("no error").part.expect("one of three") {
            Part::Rows(part) => {
                sizes.push(part.rows.len());
                numbers.extend(part.rows.iter().map(|row| row.hub_seq));
            }
            Part::Trailer(trailer) => end = Ok(trailer.count),
            Part::Header(_) => {}
        }
    }
    if let Err(Ended::Because(problem)) = ended {
        end = Err(problem.reason);
    }
    (sizes, numbers, end)
}

#[tokio::test]
async fn a_month_is_told_window_by_window_in_parts_and_goes_on_anywhere() {
    let (store, all) = (store(), Selection::default());
    let november: Vec<u64> = (10_001..=10_000 + EACH).chain(20_001..=20_000 + EACH).collect();
    let (sizes, numbers, end) = told(&store, ("202611", all), None).await;
    assert_eq!((sizes, end), (vec![1_000, 100, 1_000, 100], Ok(2 * EACH)));
    assert_eq!(numbers, november);
    for (behind, at) in
        [("20261121", 10_005_u64), ("20261121", 11_100), ("20261121-2", 20_001), ("20261121-2", 99_999)]
    {
        let (_, numbers, end) = told(&store, ("202611", all), Some((window(behind), at))).await;
        let rest: Vec<u64> = november.iter().copied().filter(|it| *it > at).collect();
        assert_eq!((end, numbers), (Ok(rest.len() as u64), rest), "{behind} {at}");
    }
    let counter = Selection { province: Some(ProvinceCode::new(44)), ..all };
    assert_eq!(told(&store, ("202611", counter), None).await, (vec![], vec![], Ok(0)));
}

#[test]
fn a_span_is_told_when_all_of_it_is_closed() {
    let store = store();
    let closed = |text: &str| {
        let mut tables = store.reader().expect("a view");
        let found = closed(span(text), tables.as_mut()).expect("read");
        let windows = found.map(|rows| rows.iter().map(|row| row.window.to_string()).collect::<Vec<_>>());
        windows.map_err(|refused| Problem::from(refused).reason)
    };
    assert_eq!(closed("202611"), Ok(vec!["20261121".to_owned(), "20261121-2".to_owned()]));
    assert_eq!(closed("20261121"), Ok(vec!["20261121".to_owned()]));
    assert_eq!([closed("202612"), closed("20261201")], [Err(Reason::WindowOpen), Err(Reason::WindowOpen)]);
    for never in ["202609", "202701", "20261122", "20261121-3", "20261202"] {
        assert_eq!(closed(never), Err(Reason::WindowNotFound), "{never}");
    }
}

#[tokio::test]
async fn rows_that_are_not_what_was_counted_have_no_end() {
    let mut store = store();
    // As an adopted commit stands there before it is counted, or one that nobody counted.
    let late = commit(window("20261121"), 19_999, [13, 51]);
    store
        .append(&Commit { rows: vec![Change::unknown(Row::from(late))], ..Commit::default() })
        .expect("stored");
    let all = Selection::default();
    let (_, numbers, end) = told(&store, ("20261121", all), None).await;
    assert_eq!((numbers.len() as u64, end), (EACH + 1, Err(Reason::StatementChanged)));
    // Whoever goes on compares all that he has with the header by himself.
    let behind = Some((window("20261121"), 19_998));
    assert_eq!(told(&store, ("20261121", all), behind).await.2, Ok(1));
    assert_eq!(told(&store, ("20261121-2", all), None).await.2, Ok(EACH), "another window is as it was");
}

#[test]
fn a_province_has_so_many_streams_and_takes_nobody_else_s() {
    let statements = Statements::new(Reader::new(MemoryStore::new().reader().expect("a view")));
    let [hebei, sichuan] = [13, 51].map(|code| Some(ProvinceCode::new(code)));
    let seats: Vec<_> = (0..STREAMS).map(|_| statements.admit(hebei).expect("a seat")).collect();
    assert_eq!(statements.admit(hebei).map(drop).map_err(|it| it.reason), Err(Reason::Overloaded));
    assert!(statements.admit(sichuan).is_ok() && statements.admit(None).is_ok());
    drop(seats);
    assert!(statements.admit(hebei).is_ok(), "given back");
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_nothing_is_waited_for_a_minute() {
    let (sender, mut receiver) = mpsc::channel(1);
    let part = || Part::Header(StatementHeader::default());
    assert!(send(&sender, part()).await.is_ok(), "there is a place");
    let Err(Ended::Because(problem)) = send(&sender, part()).await else { panic!("it had no place") };
    assert_eq!(problem.reason, Reason::Overloaded);
    receiver.recv().await.expect("the first part").expect("no error");
    assert!(send(&sender, part()).await.is_ok(), "it goes on");
    drop(receiver);
    assert!(matches!(send(&sender, part()).await, Err(Ended::Gone)));
}
