//! Reads a statement from the hub: goes on after a loss behind the last row, and believes no end that does not add up.

use super::draft::Progress;
use super::paper::Paper;
use super::shown::Shown;
use crate::cli::client::Server;
use crate::cli::failure::{CallOutcome, Failure, classify};
use crate::domain::hub::statement::Sum;
use crate::domain::reason::Reason;
use crate::domain::value::Window;
use crate::proto::hub::get_statement_response::Part;
use crate::proto::hub::settlement_service_client::SettlementServiceClient;
use crate::proto::hub::{
    GetStatementRequest, GetStatementResponse, StatementHeader, StatementPosition, StatementRow,
    StatementTrailer,
};
use crate::transport::backoff::Backoff;
use crate::transport::peer::MESSAGE_MAX;
use crate::wire::settlement::statement::{sum_of_totals, sum_with, trailer_to_proto};
use crate::wire::status::reason_of;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Status, Streaming};

/// Why a statement was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It can go on where it ended, by another command.
    Later(Failure),
    /// What was written so far is of no use.
    Never(Failure),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Unread {
        if error.kind() == io::ErrorKind::InvalidInput {
            return Unread::Never(Failure::Usage(error.to_string()));
        }
        Unread::Later(Failure::Local(format!("the file cannot be written: {error}")))
    }
}

/// What became of one connection.
enum Ended {
    Whole,
    Lost(Status),
    Unread(Unread),
}

/// The hub, as far as it gives statements.
pub(super) trait Hub {
    /// The parts of a statement as they come.
    type Parts: Stream<Item = Result<GetStatementResponse, Status>> + Unpin;

    /// Begins a stream.
    async fn statement(&self, request: GetStatementRequest) -> Result<Self::Parts, Status>;
    /// A call's error, with where it came from.
    fn failed(&self, status: Status) -> Failure;
    /// How long nothing may come.
    fn patience(&self) -> Duration;
}

impl Hub for Server {
    type Parts = Streaming<GetStatementResponse>;

    async fn statement(&self, request: GetStatementRequest) -> Result<Self::Parts, Status> {
        let client = SettlementServiceClient::new(self.peer().service());
        let mut client = client.max_decoding_message_size(MESSAGE_MAX);
        Ok(client.get_statement(Request::new(request)).await?.into_inner())
    }

    fn failed(&self, status: Status) -> Failure {
        Server::failed(self, status)
    }

    fn patience(&self) -> Duration {
        self.timeout()
    }
}

/// Reads a statement on to a paper, from where this has come to.
pub(super) struct Reading<'a, H> {
    hub: &'a H,
    request: GetStatementRequest,
    progress: Progress,
    paper: &'a mut dyn Paper,
    shown: Shown,
    header: Option<StatementHeader>,
}

fn changed(what: &str) -> Unread {
    Unread::Never(Failure::Local(format!(
        "the statement has changed while it was read: {what}; run the command again"
    )))
}

/// What says of what a statement is: the journal moves on meanwhile.
fn content(header: &StatementHeader) -> StatementHeader {
    StatementHeader { sender: None, ..header.clone() }
}

impl<'a, H: Hub> Reading<'a, H> {
    pub(super) fn new(
        hub: &'a H,
        request: GetStatementRequest,
        progress: Progress,
        paper: &'a mut dyn Paper,
        shown: Shown,
    ) -> Reading<'a, H> {
        Reading { hub, request, progress, paper, shown, header: None }
    }

    /// Reads all of it; connects again for as long as the caller is patient.
    pub(super) async fn read(mut self) -> Result<(StatementHeader, Sum), Unread> {
        let mut backoff = Backoff::new(200, 5_000);
        let mut heard = Instant::now();
        loop {
            let before = self.progress.sum.count;
            let status = match self.connection().await {
                Ended::Whole => break,
                Ended::Unread(unread) => return Err(unread),
                Ended::Lost(status) => status,
            };
            if self.progress.sum.count > before {
                backoff.reset();
                heard = Instant::now();
            }
            if reason_of(&status) == Some(Reason::StatementChanged) {
                return Err(Unread::Never(self.hub.failed(status)));
            }
            let patient = heard.elapsed() < self.hub.patience();
            if self.header.is_none() || classify(&status) == CallOutcome::Refused || !patient {
                return Err(Unread::Later(self.hub.failed(status)));
            }
            if backoff.is_fresh() {
                self.shown.line("the stream broke, going on behind its last row");
            }
            tokio::time::sleep(backoff.wait()).await;
        }
        let header = self.header.take().unwrap_or_default();
        // Of a pooling area no totals are kept; its rows have been counted on both sides of each connection.
        let expected = sum_of_totals(&header.totals);
        if header.region_code.is_empty() && expected != Some(self.progress.sum) {
            return Err(changed("its rows do not add up to its totals"));
        }
        self.shown.end();
        Ok((header, self.progress.sum))
    }

    /// One connection, from the last row on.
    async fn connection(&mut self) -> Ended {
        let after = self.progress.last.clone();
        let request = GetStatementRequest { after, ..self.request.clone() };
        let hub = self.hub;
        let mut parts = match within(hub.patience(), hub.statement(request)).await {
            Ok(parts) => parts,
            Err(status) => return Ended::Lost(status),
        };
        let mut since = Sum::default();
        loop {
            let part = match within(hub.patience(), async { parts.next().await.transpose() }).await {
                Ok(Some(part)) => part.part,
                Ok(None) => return Ended::Lost(Status::unavailable("the hub ended the stream")),
                Err(status) => return Ended::Lost(status),
            };
            let taken = match part {
                Some(Part::Header(header)) => self.header(header),
                Some(Part::Rows(rows)) => self.rows(&rows.rows, &mut since),
                Some(Part::Trailer(trailer)) => return self.trailer(&trailer, &since),
                None => Err(changed("it has a part that cannot be read")),
            };
            if let Err(unread) = taken {
                return Ended::Unread(unread);
            }
        }
    }

    fn header(&mut self, header: StatementHeader) -> Result<(), Unread> {
        match &self.header {
            Some(first) if content(first) != content(&header) => Err(changed("its totals are others")),
            Some(_) => Ok(()),
            None => {
                self.shown.of = sum_of_totals(&header.totals).map_or(0, |sum| sum.count);
                self.paper.begin(&header, self.progress.last.is_some())?;
                self.header = Some(header);
                Ok(())
            }
        }
    }

    fn rows(&mut self, rows: &[StatementRow], since: &mut Sum) -> Result<(), Unread> {
        for row in rows {
            let in_order = |last: &StatementPosition| {
                let place = |window: &str, number| (Window::parse(window), number);
                place(&last.window_id, last.hub_seq) < place(&row.window_id, row.hub_seq)
            };
            if !self.progress.last.as_ref().is_none_or(in_order) {
                return Err(changed("its rows are not in order"));
            }
            let unreadable = || changed("it has a row that cannot be read");
            *since = sum_with(*since, row).ok_or_else(unreadable)?;
            self.progress = self.progress.with(row).ok_or_else(unreadable)?;
        }
        self.paper.rows(rows)?;
        self.shown.at(self.progress.sum.count);
        Ok(())
    }

    fn trailer(&mut self, trailer: &StatementTrailer, since: &Sum) -> Ended {
        if *trailer == trailer_to_proto(since) {
            Ended::Whole
        } else {
            Ended::Unread(changed("its rows do not add up to its end"))
        }
    }
}

/// The hub's word, within the caller's patience.
async fn within<T>(patience: Duration, word: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let late = |_| Err(Status::deadline_exceeded("nothing came"));
    timeout(patience, word).await.unwrap_or_else(late)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
