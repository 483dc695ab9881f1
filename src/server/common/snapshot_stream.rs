//! A store's books as operators read them beside the writer: all of one moment as a stream, or what waits in pages.

use crate::domain::machine::{Filter, Key, Record, Row, Scan, Table, Term};
use crate::domain::protocol::PeerMark;
use crate::domain::reason::Reason;
use crate::domain::value::Civil;
use crate::domain::value::column::Value;
use crate::proto::types::Incident;
use crate::store::sqlite::Snapshot;
use crate::store::{AnyTables, JournalEntry, KeyOf, StoreError};
use crate::wire::audit::incident_to_proto;
use crate::wire::page::{page_size, read_token, token};
use crate::wire::status::{Problem, problem_of_store};
use crate::wire::time::milliseconds;
use std::borrow::Cow;
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

/// What a part is made of.
type RowsPart<R, T> = Box<dyn Fn(&[<R as Record>::Row]) -> T + Send>;
type JournalPart<R, T> = Box<dyn Fn(&[JournalEntry<R>]) -> T + Send>;

/// One kind of what the books hold, and how a page of it becomes a part of the stream.
pub enum Section<R: Record, T> {
    /// Rows of a table, in key order.
    Rows(Filter<<R::Row as Row>::Table>, RowsPart<R, T>),
    /// The journal, in order.
    Journal(JournalPart<R, T>),
}

/// What makes a stream's first part.
type Begin<R, T> = Box<dyn FnOnce(&mut Snapshot<R>) -> Result<T, StoreError> + Send>;

/// How far a section was read.
#[derive(Clone, Debug)]
enum Place<K> {
    Beginning,
    Row(K),
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

    /// Streams all of one moment: what `begin` makes, then every section in parts.
    ///
    /// # Errors
    /// `OVERLOADED` while another reading is under way.
    pub fn stream<R: Record, T: Send + 'static>(
        &self,
        begin: impl FnOnce(&mut Snapshot<R>) -> Result<T, StoreError> + Send + 'static,
        sections: Vec<Section<R, T>>,
    ) -> Result<ReceiverStream<Result<T, Status>>, Problem> {
        let seat = Arc::clone(&self.seat).try_acquire_owned();
        let seat = seat.map_err(|_| Problem::new(Reason::Overloaded))?;
        let (sender, receiver) = mpsc::channel(AHEAD + 1);
        let folder = self.folder.clone();
        tokio::spawn(async move {
            // The last place is kept for the error: a stream that just ends says that all of it was read.
            let Ok(verdict) = sender.clone().reserve_owned().await else { return };
            let end = Instant::now() + HELD_MAX;
            let read = timeout_at(end, read(folder, Box::new(begin), sections, &sender)).await;
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

async fn read<R: Record, T: Send + 'static>(
    folder: PathBuf,
    begin: Begin<R, T>,
    sections: Vec<Section<R, T>>,
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
    for section in sections {
        let (mut section, mut place) = (section, Place::Beginning);
        loop {
            let (back, same, next, part) = on_thread(move || {
                let (part, next) = turn(&mut snapshot, &section, place)?;
                Ok((snapshot, section, next, part))
            })
            .await?;
            (snapshot, section) = (back, same);
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

/// A part, and where to go on.
type Turn<R, T> = (T, Option<Place<KeyOf<R>>>);

/// The next part of a section, and where to go on.
fn turn<R: Record, T>(
    snapshot: &mut Snapshot<R>,
    section: &Section<R, T>,
    place: Place<KeyOf<R>>,
) -> Result<Turn<R, T>, StoreError> {
    match section {
        Section::Rows(filter, part) => {
            let after = match place {
                Place::Row(key) => Some(key),
                Place::Beginning | Place::Sequence(_) => None,
            };
            let rows = snapshot.scan(&Scan { filter: filter.clone(), after, limit: PART })?;
            let next = rows.last().filter(|_| rows.len() == PART).map(|row| Place::Row(row.key()));
            Ok((part(&rows), next))
        }
        Section::Journal(part) => {
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
pub struct Waiting<R: Row> {
    filter: Filter<R::Table>,
    limit: usize,
    after: Option<R::Key>,
    scope: Vec<u8>,
}

/// An age that what waits has reached, by the columns that say since when: the first that holds something.
#[derive(Clone, Copy, Debug)]
pub struct Age<'a> {
    /// Names of the columns.
    pub since: &'static [&'static str],
    /// As asked for; whoever asks for no age is told everything, whatever the clock has.
    pub older_than: Option<&'a prost_types::Duration>,
    /// The time now.
    pub now: Civil,
}

impl<R: Row> Waiting<R> {
    /// Reads the fields that all such requests have.
    ///
    /// # Errors
    /// `PAGE_SIZE_INVALID`, `PAGE_TOKEN_INVALID`.
    pub fn read(filter: Filter<R::Table>, size: i32, page_token: &str) -> Result<Waiting<R>, Problem> {
        let limit = page_size(size)?;
        let scope = format!("waiting {filter:?}").into_bytes();
        Waiting { filter, limit, after: None, scope }.behind(page_token)
    }

    /// The same of what has reached an age. Errors as of [`Waiting::read`].
    pub fn read_old(
        filter: Filter<R::Table>,
        size: i32,
        page_token: &str,
        age: Age<'_>,
    ) -> Result<Waiting<R>, Problem> {
        let age_ms = age.older_than.map_or(0, milliseconds);
        let scope = format!("waiting {filter:?} {age_ms}").into_bytes();
        let latest = age.now.0.saturating_sub(i64::try_from(age_ms).unwrap_or(i64::MAX));
        let filter = match age_ms {
            0 => filter,
            _ => filter.and(Term::AtMost(age.since, Value::Int(latest))),
        };
        Waiting { filter, limit: page_size(size)?, after: None, scope }.behind(page_token)
    }

    fn behind(self, page_token: &str) -> Result<Waiting<R>, Problem> {
        let wrong = || Problem::field("page_token", Reason::PageTokenInvalid);
        let after = read_token("page_token", &self.scope, page_token)?;
        let after = after.map(|bytes| key::<R::Key>(self.filter.table, &bytes).ok_or_else(wrong));
        Ok(Waiting { after: after.transpose()?, ..self })
    }

    /// The rows of this page, and the token of the next page.
    ///
    /// # Errors
    /// Of the store.
    pub fn page<J: Record<Row = R>>(
        &self,
        tables: &mut AnyTables<J>,
    ) -> Result<(Vec<R>, String), StoreError> {
        let (filter, after) = (self.filter.clone(), self.after.clone());
        // One more tells whether there is a next page.
        let mut rows = tables.scan(&Scan { filter, after, limit: self.limit + 1 })?;
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| more).map(Row::key);
        Ok((rows, last.map_or_else(String::new, |key| token(&self.scope, &bytes_of(&key.values())))))
    }

    /// A request for a page of incidents. Errors as of [`Waiting::read`].
    pub fn for_incidents(
        size: i32,
        page_token: &str,
        older_than: Option<&prost_types::Duration>,
        now: Civil,
    ) -> Result<Waiting<R>, Problem> {
        let incidents = R::Table::ALL.iter().find(|table| table.name() == "incident");
        let incidents = Filter::all(*incidents.expect("every machine has incidents"));
        Waiting::read_old(incidents, size, page_token, Age { since: &["raise_time"], older_than, now })
    }

    /// The page of incidents that was asked for, and the token of the next page.
    ///
    /// # Errors
    /// Of the store.
    pub fn incidents<J: Record<Row = R>>(
        &self,
        tables: &mut AnyTables<J>,
    ) -> Result<(Vec<Incident>, String), StoreError> {
        let (rows, next) = self.page(tables)?;
        Ok((rows.iter().filter_map(Row::as_incident).map(incident_to_proto).collect(), next))
    }
}

/// What a server says of itself, at the moment of a snapshot.
pub fn mark_at<R: Record>(snapshot: &Snapshot<R>, mark: PeerMark) -> PeerMark {
    let at = snapshot.head();
    PeerMark { sequence: at.sequence, head_hash: at.hash, ..mark }
}

/// A key's columns, one behind the other, each behind what says what it is.
fn bytes_of(values: &[Value<'_>]) -> Vec<u8> {
    let bytes = values.iter().map(|value| match value {
        Value::Null => vec![0],
        Value::Int(number) => [&[1], &number.to_be_bytes()[..]].concat(),
        Value::Text(text) => [&[2], &text.len().to_be_bytes()[..], text.as_bytes()].concat(),
        Value::Blob(blob) => [&[3], &blob.len().to_be_bytes()[..], blob].concat(),
    });
    bytes.collect::<Vec<_>>().concat()
}

/// The columns that such bytes hold; nothing when they hold anything else.
fn values_of(mut bytes: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut values = Vec::new();
    while let Some((kind, rest)) = bytes.split_first() {
        let (value, rest) = match kind {
            0 => (Value::Null, rest),
            1 => {
                let (number, rest) = rest.split_first_chunk()?;
                (Value::Int(i64::from_be_bytes(*number)), rest)
            }
            2 | 3 => {
                let (len, rest) = rest.split_first_chunk()?;
                let (content, rest) = rest.split_at_checked(usize::from_be_bytes(*len))?;
                let value = match kind {
                    2 => Value::Text(Cow::Borrowed(std::str::from_utf8(content).ok()?)),
                    _ => Value::Blob(Cow::Borrowed(content)),
                };
                (value, rest)
            }
            _ => return None,
        };
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

/// The key that a token names.
fn key<K: Key>(table: K::Table, bytes: &[u8]) -> Option<K> {
    K::from_values(table, values_of(bytes)?)
}

#[cfg(test)]
#[path = "snapshot_stream_tests.rs"]
mod tests;
