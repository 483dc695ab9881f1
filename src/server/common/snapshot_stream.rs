//! A store's books as operators read them beside the writer: all of one moment as a stream, or what waits in pages.

use crate::domain::machine::peer::PeerMark;
use crate::domain::machine::row::{IncidentRow, Key, Row, Table};
use crate::domain::machine::scan::{Filter, Scan};
use crate::domain::machine::table::TableRow;
use crate::domain::reason::Reason;
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::TransferId;
use crate::domain::value::side::Side;
use crate::proto::types::Incident;
use crate::store::sqlite::Snapshot;
use crate::store::{JournalEntry, StoreError, Tables};
use crate::wire::audit::incident_to_proto;
use crate::wire::page::{page_size, read_token, token};
use crate::wire::status::{Problem, problem_of_store};
use crate::wire::time::milliseconds;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Items of one part.
const PART: usize = 1_000;
/// Parts that wait for their reader.
const AHEAD: usize = 2;
/// While a moment is held still the write-ahead log only grows: nobody may hold it for longer.
const HELD_MAX: Duration = Duration::from_secs(600);
/// Most rows that a page of a list looks at.
const SCANNED_MAX: usize = 20_000;

/// What a part is made of.
type RowsPart<T> = Box<dyn Fn(&[Row]) -> T + Send>;
type JournalPart<T> = Box<dyn Fn(&[JournalEntry]) -> T + Send>;

/// One kind of what the books hold, and how a page of it becomes a part of the stream.
pub enum Chapter<T> {
    /// Rows of a table, in key order.
    Rows(Filter, RowsPart<T>),
    /// The journal, in order.
    Journal(JournalPart<T>),
}

/// What makes a stream's first part.
type Begin<T> = Box<dyn FnOnce(&mut Snapshot) -> Result<T, StoreError> + Send>;

/// How far a chapter was read.
#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Beginning,
    Row(Key),
    Sequence(u64),
}

/// The books of the store in a folder. Cheap to clone; one reading at a time.
#[derive(Clone, Debug)]
pub struct Books {
    folder: PathBuf,
    seat: Arc<Semaphore>,
}

impl Books {
    /// The books in this folder.
    pub fn new(folder: PathBuf) -> Books {
        Books { folder, seat: Arc::new(Semaphore::new(1)) }
    }

    /// Streams all of one moment: what `begin` makes, then every chapter in parts.
    ///
    /// # Errors
    /// `OVERLOADED` while another reading is under way.
    pub fn stream<T: Send + 'static>(
        &self,
        begin: impl FnOnce(&mut Snapshot) -> Result<T, StoreError> + Send + 'static,
        chapters: Vec<Chapter<T>>,
    ) -> Result<ReceiverStream<Result<T, Status>>, Problem> {
        let seat = Arc::clone(&self.seat).try_acquire_owned();
        let seat = seat.map_err(|_| Problem::new(Reason::Overloaded))?;
        let (sender, receiver) = mpsc::channel(AHEAD + 1);
        let folder = self.folder.clone();
        tokio::spawn(async move {
            // The last place is kept for the error: a stream that just ends says that all of it was read.
            let Ok(verdict) = sender.clone().reserve_owned().await else { return };
            let end = Instant::now() + HELD_MAX;
            let read = timeout_at(end, read(folder, Box::new(begin), chapters, &sender)).await;
            drop(seat);
            let problem = match read {
                Ok(Ok(())) => return,
                Ok(Err(error)) => problem_of_store(error),
                Err(_) => Problem::new(Reason::Overloaded),
            };
            verdict.send(Err(problem.into()));
        });
        Ok(ReceiverStream::new(receiver))
    }
}

/// Runs a reading on a thread that may block; the snapshot goes with it and comes back.
async fn on_thread<R: Send + 'static>(
    read: impl FnOnce() -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    let done = tokio::task::spawn_blocking(read).await;
    done.unwrap_or_else(|error| Err(StoreError::Io(format!("a reading ended early: {error}"))))
}

async fn read<T: Send + 'static>(
    folder: PathBuf,
    begin: Begin<T>,
    chapters: Vec<Chapter<T>>,
    sender: &mpsc::Sender<Result<T, Status>>,
) -> Result<(), StoreError> {
    let (mut snapshot, first) = on_thread(move || {
        let mut snapshot = Snapshot::open(&folder)?;
        let first = begin(&mut snapshot)?;
        Ok((snapshot, first))
    })
    .await?;
    if sender.send(Ok(first)).await.is_err() {
        return Ok(());
    }
    for chapter in chapters {
        let (mut chapter, mut place) = (chapter, Place::default());
        loop {
            let (back, same, next, part) = on_thread(move || {
                let (part, next) = turn(&mut snapshot, &chapter, place)?;
                Ok((snapshot, chapter, next, part))
            })
            .await?;
            (snapshot, chapter) = (back, same);
            // A reader who has gone needs no more.
            if sender.send(Ok(part)).await.is_err() {
                return Ok(());
            }
            match next {
                Some(next) => place = next,
                None => break,
            }
        }
    }
    Ok(())
}

/// The next part of a chapter, and where to go on.
fn turn<T>(
    snapshot: &mut Snapshot,
    chapter: &Chapter<T>,
    place: Place,
) -> Result<(T, Option<Place>), StoreError> {
    match chapter {
        Chapter::Rows(filter, part) => {
            let after = match place {
                Place::Row(key) => Some(key),
                Place::Beginning | Place::Sequence(_) => None,
            };
            let rows = snapshot.scan(&Scan { filter: *filter, after, limit: PART })?;
            let next = rows.last().filter(|_| rows.len() == PART).map(|row| Place::Row(row.key()));
            Ok((part(&rows), next))
        }
        Chapter::Journal(part) => {
            let after = match place {
                Place::Sequence(sequence) => sequence,
                Place::Beginning | Place::Row(_) => 0,
            };
            let entries = snapshot.journal(after, PART)?;
            let next = entries.last().filter(|_| entries.len() == PART);
            let next = next.map(|entry| Place::Sequence(entry.sequence));
            Ok((part(&entries), next))
        }
    }
}

/// A request for a page of what waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    filter: Filter,
    limit: usize,
    after: Option<Key>,
    older_than_ms: u64,
    scope: Vec<u8>,
}

impl Waiting {
    /// Reads the fields that all such requests have.
    ///
    /// # Errors
    /// `PAGE_SIZE_INVALID`, `PAGE_TOKEN_INVALID`.
    pub fn read(
        filter: Filter,
        size: i32,
        page_token: &str,
        older_than: Option<&prost_types::Duration>,
    ) -> Result<Waiting, Problem> {
        let limit = page_size(size)?;
        let older_than_ms = older_than.map_or(0, milliseconds);
        let scope = format!("waiting {filter:?} {older_than_ms}").into_bytes();
        let wrong = || Problem::field("page_token", Reason::PageTokenInvalid);
        let after = read_token("page_token", &scope, page_token)?;
        let after = after.map(|bytes| key(filter.table(), &bytes).ok_or_else(wrong)).transpose()?;
        Ok(Waiting { filter, limit, after, older_than_ms, scope })
    }

    /// Whether what waits since then is in the list.
    pub fn is_old(&self, since: Civil, now: Civil) -> bool {
        now.0.saturating_sub(since.0) >= i64::try_from(self.older_than_ms).unwrap_or(i64::MAX)
    }

    /// The rows of this page that `admits` says yes to, and the token of the next page.
    ///
    /// # Errors
    /// Of the store.
    pub fn page(
        &self,
        tables: &mut dyn Tables,
        admits: impl Fn(&Row) -> bool,
    ) -> Result<(Vec<Row>, String), StoreError> {
        let (mut page, mut after, mut scanned) = (Vec::new(), self.after.clone(), 0);
        loop {
            let rows = tables.scan(&Scan { filter: self.filter, after: after.clone(), limit: PART })?;
            let is_last = rows.len() < PART;
            scanned += rows.len();
            for row in rows {
                if page.len() == self.limit {
                    return Ok((page, self.token(after.as_ref())));
                }
                after = Some(row.key());
                if admits(&row) {
                    page.push(row);
                }
            }
            if is_last {
                return Ok((page, String::new()));
            }
            if scanned >= SCANNED_MAX {
                return Ok((page, self.token(after.as_ref())));
            }
        }
    }

    /// A request for a page of incidents. Errors as of [`Waiting::read`].
    pub fn for_incidents(
        size: i32,
        page_token: &str,
        older_than: Option<&prost_types::Duration>,
    ) -> Result<Waiting, Problem> {
        Waiting::read(Filter::All(Table::IncidentRow), size, page_token, older_than)
    }

    /// The page of incidents that was asked for, and the token of the next page.
    ///
    /// # Errors
    /// Of the store.
    pub fn incidents(
        &self,
        tables: &mut dyn Tables,
        now: Civil,
    ) -> Result<(Vec<Incident>, String), StoreError> {
        let is_old = |row: &Row| IncidentRow::of(row).is_some_and(|row| self.is_old(row.raise_time, now));
        let (rows, next) = self.page(tables, is_old)?;
        Ok((rows.iter().filter_map(IncidentRow::of).map(incident_to_proto).collect(), next))
    }

    fn token(&self, after: Option<&Key>) -> String {
        let bytes = match after {
            Some(Key::TransferRow(id) | Key::CompensationRow(id)) => id.0.to_vec(),
            Some(Key::LegRow(id, side) | Key::IncidentRow(id, side)) => [&id.0[..], &[*side as u8]].concat(),
            Some(_) | None => return String::new(),
        };
        token(&self.scope, &bytes)
    }
}

/// What a server says of itself, at the moment of a snapshot.
pub fn mark_at(snapshot: &Snapshot, mark: PeerMark) -> PeerMark {
    let at = snapshot.head();
    PeerMark { sequence: at.sequence, head_hash: at.hash, ..mark }
}

/// The key that a token names.
fn key(table: Table, bytes: &[u8]) -> Option<Key> {
    let (id, rest) = bytes.split_at_checked(16)?;
    let id = TransferId::from_slice(id)?;
    let side = || match rest {
        [side] => Side::from_number(i64::from(*side)),
        _ => None,
    };
    match table {
        Table::TransferRow if rest.is_empty() => Some(Key::TransferRow(id)),
        Table::CompensationRow if rest.is_empty() => Some(Key::CompensationRow(id)),
        Table::LegRow => Some(Key::LegRow(id, side()?)),
        Table::IncidentRow => Some(Key::IncidentRow(id, side()?)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "snapshot_stream_tests.rs"]
mod tests;
