//! GetStatement: the commits of closed windows, in pages beside the writer. No moment is held still for a reader: the
//! rows of a closed window stay as they are, and what was read is compared with the totals that are kept of it.

use super::{Shared, open_window};
use crate::domain::hub::Record;
use crate::domain::hub::statement::{Selection, Sum};
use crate::domain::hub::tables::{Table, TotalRow, TransferRow, WindowRow};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Scan, TableRow, Term};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Period, ProvinceCode, Window};
use crate::engine::Reader;
use crate::proto::hub::get_statement_response::Part;
use crate::proto::hub::{GetStatementRequest, GetStatementResponse, StatementRows};
use crate::store::{AnyTables, StoreError};
use crate::transport::access_layer::Standing;
use crate::transport::identity::Role;
use crate::wire::sender::sender_to_proto;
use crate::wire::settlement::statement::{
    Span, StatementQuery, header_of, row_to_proto, totals_to_proto, trailer_to_proto,
};
use crate::wire::status::{Problem, problem_of_store};
use crate::wire::time::timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Rows of one part.
const PART: usize = 1_000;
/// Parts that wait for their reader.
const AHEAD: usize = 2;
/// Streams of one province at once; those of operators count together.
const STREAMS: usize = 4;
/// A page is followed by a rest of so many times its length: payments have the processor meanwhile.
const REST: u32 = 2;
/// The longest rest.
const REST_MAX: Duration = Duration::from_millis(20);
/// How long a reader may take nothing.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A stream of parts.
pub(in crate::server::hub) type Parts = ReceiverStream<Result<GetStatementResponse, Status>>;
type Sender = mpsc::Sender<Result<GetStatementResponse, Status>>;

/// A view for statements alone, and who reads by it.
#[derive(Debug)]
pub(in crate::server::hub) struct Statements {
    reader: Reader<Record>,
    seats: Mutex<BTreeMap<Option<ProvinceCode>, Arc<Semaphore>>>,
}

impl Statements {
    /// Over a view that nothing else uses.
    pub(in crate::server::hub) fn new(reader: Reader<Record>) -> Statements {
        Statements { reader, seats: Mutex::default() }
    }

    /// A seat for a stream of this province. `OVERLOADED` when all are taken.
    fn admit(&self, province: Option<ProvinceCode>) -> Result<OwnedSemaphorePermit, Problem> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let seats = seats.entry(province).or_insert_with(|| Arc::new(Semaphore::new(STREAMS)));
        Arc::clone(seats).try_acquire_owned().map_err(|_| Problem::new(Reason::Overloaded))
    }
}

/// The windows that are asked for, and what is kept of those rows of them that the selection takes.
struct Found {
    windows: Vec<Window>,
    close_time: Civil,
    totals: Vec<TotalRow>,
}

/// Why there is no statement.
enum Refused {
    Open(Window),
    Never(String),
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let because = |reason| RefusalRecord::new(reason, RefusalSide::Hub);
        match refused {
            Refused::Open(window) => because(Reason::WindowOpen).with("window", window).into(),
            Refused::Never(span) => because(Reason::WindowNotFound).with("window", span).into(),
        }
    }
}

/// The closed windows of a span, ascending.
fn closed(span: Span, tables: &mut AnyTables<Record>) -> Result<Result<Vec<WindowRow>, Refused>, StoreError> {
    let open = open_window(tables)?;
    let all = Filter::all(Table::Window);
    let (filter, never) = match span {
        Span::Window(window) => (all.and(Term::Is("window", value(&window))), window.to_string()),
        Span::Period(period) => (all, period.to_string()),
    };
    let is_of = |window: Window| match span {
        Span::Window(one) => window == one,
        Span::Period(period) => Period::from(window) == period,
    };
    if let Some(open) = open.filter(|open| is_of(*open)) {
        return Ok(Err(Refused::Open(open)));
    }
    let rows = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
    let mut rows: Vec<WindowRow> =
        rows.iter().filter_map(WindowRow::of).filter(|row| is_of(row.window)).cloned().collect();
    rows.sort_unstable_by_key(|row| row.window);
    Ok(if rows.is_empty() { Err(Refused::Never(never)) } else { Ok(rows) })
}

fn find(
    span: Span,
    selection: Selection,
    tables: &mut AnyTables<Record>,
) -> Result<Result<Found, Refused>, StoreError> {
    let closed = match closed(span, tables)? {
        Ok(closed) => closed,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut totals = Vec::new();
    for row in &closed {
        let filter = Filter::all(Table::Total).and(Term::Is("window", value(&row.window)));
        let rows = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
        totals.extend(rows.iter().filter_map(TotalRow::of).filter(|row| selection.takes(row)).cloned());
    }
    let close_time = closed.iter().map(|row| row.close_time).max().unwrap_or_default();
    Ok(Ok(Found { windows: closed.iter().map(|row| row.window).collect(), close_time, totals }))
}

/// Begins a stream.
pub(super) async fn stream(
    shared: &Arc<Shared>,
    (role, standing): (&Role, Standing),
    request: &GetStatementRequest,
) -> Result<Parts, Status> {
    shared.recovery.life()?;
    let own = role.province();
    let query = shared.reading().statement(request, own)?;
    let seat = shared.statements.admit(own)?;
    // Taken first: what is read has come at least so far.
    let mut header = header_of(&query, sender_to_proto(&shared.mark.now()));
    let read = move |tables: &mut AnyTables<Record>| find(query.span, query.selection, tables);
    let found = shared.statements.reader.run(read).await.map_err(problem_of_store)?;
    let found = found.map_err(Problem::from)?;
    header.window_ids = found.windows.iter().map(Window::to_string).collect();
    header.close_time = Some(timestamp(found.close_time));
    // No totals of pooling areas are kept.
    if query.selection.area.is_none() {
        header.totals = totals_to_proto(&found.totals);
    }
    let (sender, receiver) = mpsc::channel(AHEAD + 1);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let _seat = seat;
        // The last place is kept for the error: a stream without a trailer must say why.
        let Ok(verdict) = sender.clone().reserve_owned().await else { return };
        let mut stopping = shared.stopping.clone();
        let parts = async {
            send(&sender, Part::Header(header)).await?;
            rows(&shared.statements.reader, &query, &found, &sender).await
        };
        let ended = tokio::select! {
            ended = parts => ended,
            () = standing.ended() => Err(Ended::Because(Reason::CertificateRequired.into())),
            _ = stopping.wait_for(|stopping| *stopping) => Err(Ended::Because(Reason::Stopping.into())),
        };
        if let Err(Ended::Because(problem)) = ended {
            verdict.send(Err(problem.into()));
        }
    });
    Ok(ReceiverStream::new(receiver))
}

/// Why a stream ends before its trailer.
enum Ended {
    /// The reader has gone.
    Gone,
    Because(Problem),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Ended {
        Ended::Because(problem_of_store(error))
    }
}

async fn send(sender: &Sender, part: Part) -> Result<(), Ended> {
    let part = GetStatementResponse { part: Some(part) };
    match timeout(IDLE_MAX, sender.send(Ok(part))).await {
        Ok(sent) => sent.map_err(|_| Ended::Gone),
        Err(_) => Err(Ended::Because(Problem::new(Reason::Overloaded))),
    }
}

async fn rows(
    reader: &Reader<Record>,
    query: &StatementQuery,
    found: &Found,
    sender: &Sender,
) -> Result<(), Ended> {
    let mut sum = Sum::default();
    let (from, behind) = query.after.map_or((None, 0), |(window, hub_seq)| (Some(window), hub_seq));
    let has_rows = |window: Window| found.totals.iter().any(|total| total.window == window);
    for window in found.windows.iter().copied().filter(|it| Some(*it) >= from && has_rows(*it)) {
        let mut first = if Some(window) == from { behind.saturating_add(1) } else { 0 };
        loop {
            let scan = Scan { filter: query.selection.rows(window, first), after: None, limit: PART };
            let begin = Instant::now();
            let page = reader.run(move |tables| tables.scan(&scan)).await?;
            let rest = (begin.elapsed() * REST).min(REST_MAX);
            let page: Vec<&TransferRow> = page.iter().filter_map(TransferRow::of).collect();
            sum = page.iter().fold(sum, |sum, row| sum.with(row));
            if let Some(last) = page.last().and_then(|row| row.hub_seq) {
                first = last.saturating_add(1);
                let rows = page.iter().filter_map(|row| row_to_proto(row)).collect();
                send(sender, Part::Rows(StatementRows { rows })).await?;
            }
            if page.len() < PART {
                break;
            }
            sleep(rest).await;
        }
    }
    let is_whole = query.after.is_none() && query.selection.area.is_none();
    let kept = found.totals.iter().fold(Sum::default(), Sum::with_total);
    if is_whole && kept != sum {
        tracing::error!(windows = ?found.windows, ?sum, ?kept, "rows of closed windows are not what was counted");
        return Err(Ended::Because(Problem::new(Reason::StatementChanged)));
    }
    send(sender, Part::Trailer(trailer_to_proto(&sum))).await
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
