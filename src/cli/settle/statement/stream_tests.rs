use super::*;
use crate::cli::output::OutputArgs;
use crate::cli::settle::statement::line::Lines;
use crate::cli::settle::statement::paper::LinePaper;
use crate::proto::hub::{StatementRows, StatementTotal};
use crate::wire::settlement::yuan;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Read as _;
use tokio_stream::Iter;

const WINDOW: &str = "20261121";

fn row(hub_seq: u64) -> StatementRow {
    StatementRow {
        window_id: WINDOW.to_owned(),
        hub_seq,
        transfer_id: format!("01963f2a-7c1e-7b2a-9d54-{hub_seq:012}"),
        kind: 1,
        amount: "400.00".to_owned(),
        ..StatementRow::default()
    }
}

fn sum_of(numbers: impl IntoIterator<Item = u64>) -> Sum {
    numbers.into_iter().fold(Sum::default(), |sum, number| sum_with(sum, &row(number)).expect("a row"))
}

/// A header whose totals are those of these rows; the digests of both legs stand together in the payer's.
fn header(numbers: impl IntoIterator<Item = u64>) -> Part {
    let sum = sum_of(numbers);
    let total = StatementTotal {
        count: sum.count,
        amount: yuan(sum.fen),
        payer_digest: sum.digest.0.to_vec(),
        payee_digest: vec![0; 32],
        ..StatementTotal::default()
    };
    Part::Header(StatementHeader {
        window_ids: vec![WINDOW.to_owned()],
        totals: vec![total],
        ..Default::default()
    })
}

fn rows(numbers: impl IntoIterator<Item = u64>) -> Part {
    Part::Rows(StatementRows { rows: numbers.into_iter().map(row).collect() })
}

fn trailer(numbers: impl IntoIterator<Item = u64>) -> Part {
    Part::Trailer(trailer_to_proto(&sum_of(numbers)))
}

type Item = Result<GetStatementResponse, Status>;

/// A hub that answers each call with what is next, and notes from where it was asked.
struct Scripted {
    answers: RefCell<VecDeque<Vec<Item>>>,
    asked: RefCell<Vec<u64>>,
}

impl Hub for Scripted {
    type Parts = Iter<std::vec::IntoIter<Item>>;

    async fn statement(&self, request: GetStatementRequest) -> Result<Self::Parts, Status> {
        self.asked.borrow_mut().push(request.after.map_or(0, |it| it.hub_seq));
        let next = self.answers.borrow_mut().pop_front();
        next.map(tokio_stream::iter).ok_or_else(|| Status::unavailable("nobody is there"))
    }

    fn failed(&self, status: Status) -> Failure {
        Failure::Call { address: "hub".to_owned(), status: Box::new(status) }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// What comes, and then the wire breaks.
fn broken(parts: Vec<Part>) -> Vec<Item> {
    whole(parts).into_iter().chain([Err(Status::unknown("broken pipe"))]).collect()
}

fn whole(parts: Vec<Part>) -> Vec<Item> {
    parts.into_iter().map(|part| Ok(GetStatementResponse { part: Some(part) })).collect()
}

/// What became of reading these answers from a place on: what was read, from where was asked, the numbers in the file.
async fn read(answers: Vec<Vec<Item>>, begun: Progress) -> (Result<Sum, Unread>, Vec<u64>, Vec<u64>) {
    let hub = Scripted { answers: RefCell::new(answers.into()), asked: RefCell::default() };
    let mut file = tempfile::tempfile().expect("a file");
    let mut paper = LinePaper::new(Lines::Json, file.try_clone().expect("the same file"));
    let shown = Shown::new(OutputArgs { json: true });
    let request = GetStatementRequest::default();
    let read = Reading::new(&hub, request, begun, &mut paper, shown).read().await;
    paper.end().expect("written");
    let mut text = String::new();
    std::io::Seek::rewind(&mut file).expect("rewound");
    file.read_to_string(&mut text).expect("read");
    let numbers =
        text.split_inclusive('\n').map(|line| Lines::Json.row(line.as_bytes()).expect("a row").hub_seq);
    (read.map(|(_, sum)| sum), hub.asked.into_inner(), numbers.collect())
}

fn is_changed(read: Result<Sum, Unread>) -> bool {
    matches!(read, Err(Unread::Never(Failure::Local(what))) if what.contains("has changed"))
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_goes_on_behind_its_last_row_and_no_row_is_twice() {
    let answers = vec![
        broken(vec![header(1..=5), rows(1..=2)]),
        broken(vec![header(1..=5)]),
        // It ends without a word, as when a hub stops.
        whole(vec![header(1..=5), rows(3..=4)]),
        whole(vec![header(1..=5), rows(5..=5), trailer(5..=5)]),
    ];
    let (read, asked, numbers) = read(answers, Progress::default()).await;
    assert_eq!(read.expect("a statement"), sum_of(1..=5));
    assert_eq!((asked, numbers), (vec![0, 2, 2, 4], vec![1, 2, 3, 4, 5]));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_left_half_goes_on_and_must_add_up_to_the_whole() {
    let begun = || Progress::default().with(&row(1)).and_then(|it| it.with(&row(2))).expect("rows");
    let rest = || vec![whole(vec![header(1..=4), rows(3..=4), trailer(3..=4)])];
    let (read_on, asked, numbers) = read(rest(), begun()).await;
    assert_eq!(read_on.expect("a statement"), sum_of(1..=4));
    assert_eq!((asked, numbers), (vec![2], vec![3, 4]));
    // A row in the file that is not one of the statement's is found at the end.
    let other = Progress::default().with(&row(2)).expect("a row");
    assert!(is_changed(read(rest(), other).await.0));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_add_up_is_no_statement() {
    let told = |parts| async { read(vec![whole(parts)], Progress::default()).await.0 };
    assert!(is_changed(told(vec![header(1..=2), rows(1..=2), trailer(1..=1)]).await), "the end says less");
    assert!(
        is_changed(told(vec![header(1..=3), rows(1..=2), trailer(1..=2)]).await),
        "the beginning says more"
    );
    assert!(is_changed(told(vec![header(1..=2), rows([2, 1]), trailer([2, 1])]).await), "not in order");
    assert!(is_changed(told(vec![header([1, 1]), rows([1, 1]), trailer([1, 1])]).await), "a row twice");
    let late = vec![broken(vec![header(1..=2), rows(1..=2)]), whole(vec![header(1..=3)])];
    assert!(is_changed(read(late, Progress::default()).await.0), "others when it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_stays_away_is_given_up_and_what_came_is_kept() {
    let (ended, asked, numbers) =
        read(vec![broken(vec![header(1..=5), rows(1..=2)])], Progress::default()).await;
    assert!(matches!(ended, Err(Unread::Later(Failure::Call { .. }))), "{ended:?}");
    assert!(asked.len() > 2 && asked[1..].iter().all(|after| *after == 2), "{asked:?}");
    assert_eq!(numbers, [1, 2]);
    let (ended, asked, _) = read(Vec::new(), Progress::default()).await;
    assert!(matches!(ended, Err(Unread::Later(_))) && asked.len() == 1, "nobody was there: {ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_the_hub_itself_does_not_believe_is_not_gone_on_with() {
    let status = Status::from(crate::wire::status::Problem::new(Reason::StatementChanged));
    let mut parts = whole(vec![header(1..=5), rows(1..=2)]);
    parts.push(Err(status));
    let (ended, asked, _) = read(vec![parts], Progress::default()).await;
    assert!(matches!(ended, Err(Unread::Never(Failure::Call { .. }))) && asked.len() == 1, "{ended:?}");
}
