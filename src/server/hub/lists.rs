//! Lists and streams of transfers, read beside the writer: only what is durable is ever shown.

use super::Shared;
use crate::domain::hub::tables::{Key, PartiesRow, TransferRow};
use crate::domain::hub::{Record, transfers_before};
use crate::domain::machine::{Scan, TableRow};
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, TransferId};
use crate::proto::hub::{
    ListTransfersRequest, ListTransfersResponse, WatchTransfersRequest, WatchTransfersResponse,
};
use crate::store::{AnyTables, Head, StoreError};
use crate::transport::identity::Role;
use crate::wire::page::number_token;
use crate::wire::query::{TransferFilter, watch_scope};
use crate::wire::status::{Problem, problem_of_store};
use crate::wire::transfer::{state_to_proto, transfer_as_of};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Most rows that one page looks at: a page with few matches ends early and tells where to go on.
const SCANNED_MAX: usize = 20_000;
/// Journal entries that a stream reads at once.
const CHANGES_AT_ONCE: usize = 256;

/// One record may change up to a thousand transfers: a change's place is its record's sequence and its number in it,
/// so that a stream cut off between two of them goes on at the right one.
const PLACES_PER_RECORD: u64 = 4_096;

/// A transfer with its vault row.
type Found = (TransferRow, Option<PartiesRow>);

fn matches(filter: &TransferFilter, row: &TransferRow) -> bool {
    filter.province.is_none_or(|it| row.payer_province == it || row.payee_province == it)
        && filter.state.is_none_or(|it| state_to_proto(row.state) == state_to_proto(it))
        && filter.window.is_none_or(|it| row.window == Some(it))
        && filter.start_time.is_none_or(|it| row.receipt_time >= it)
        && filter.end_time.is_none_or(|it| row.receipt_time < it)
}

/// Vault rows of these transfers, in their order.
pub(super) fn with_parties(
    tables: &mut AnyTables<Record>,
    rows: Vec<TransferRow>,
) -> Result<Vec<Found>, StoreError> {
    let keys: Vec<Key> = rows.iter().map(|row| Key::Parties(row.transfer_id)).collect();
    let parties = tables.load(&keys)?;
    let opened = parties.iter().map(|row| row.as_ref().and_then(PartiesRow::of).cloned());
    Ok(rows.into_iter().zip(opened).collect())
}

/// A page, newest first.
pub(super) async fn list(
    shared: &Shared,
    role: &Role,
    request: &ListTransfersRequest,
) -> Result<ListTransfersResponse, Status> {
    let query = shared.reading().list_transfers(request)?;
    let filter = query.filter;
    if let Some(province) = filter.province
        && !shared.may_act_for(role, province)
    {
        return Err(Problem::new(Reason::ProvinceNotAllowed).into());
    }
    let before = query.before.unwrap_or(u64::MAX);
    let scan = Scan { filter: transfers_before(before), after: None, limit: SCANNED_MAX };
    let read = move |tables: &mut AnyTables<Record>| tables.scan(&scan);
    let rows = shared.reader.run(read).await.map_err(problem_of_store)?;
    let scanned_all = rows.len() < SCANNED_MAX;
    let last_scanned = rows.last().and_then(TransferRow::of).map(|row| row.received_seq);
    let mut page: Vec<TransferRow> = rows
        .iter()
        .filter_map(TransferRow::of)
        .filter(|row| matches(&filter, row) && shared.may_see(role, row))
        .take(query.limit + 1)
        .cloned()
        .collect();
    let more = page.len() > query.limit;
    page.truncate(query.limit);
    let resume =
        if more { page.last().map(|row| row.received_seq) } else { last_scanned.filter(|_| !scanned_all) };
    let found =
        shared.reader.run(move |tables| with_parties(tables, page)).await.map_err(problem_of_store)?;
    let transfers = found.iter().map(|(row, parties)| shared.show(row, parties.as_ref())).collect();
    let next_page_token = resume.map_or_else(String::new, |seq| number_token(&filter.scope(), seq));
    Ok(ListTransfersResponse { transfers, next_page_token })
}

/// A stream of changes.
pub(super) type Changes = ReceiverStream<Result<WatchTransfersResponse, Status>>;

/// The transfers that a record changes, in order.
fn changed(record: &Record) -> Vec<TransferId> {
    match record {
        Record::TransferReceived(record) => vec![record.transfer_id],
        Record::TransferDecided(record) => vec![record.transfer_id],
        Record::CompensationAnswered(record) if record.approved => vec![record.compensation_id],
        Record::TransferAwaiting(record) => vec![record.transfer_id],
        Record::TransferAccepted(record) => vec![record.transfer_id],
        Record::DecisionsRecorded(record) => {
            record.legs.iter().map(|(transfer_id, _)| *transfer_id).collect()
        }
        _ => Vec::new(),
    }
}

/// The changes after the place `after`, with the place of each, and the place up to which the journal was read.
fn changes(tables: &mut AnyTables<Record>, after: u64) -> Result<(Vec<(u64, Found)>, u64), StoreError> {
    // The record of that place may have more changes to tell.
    let entries = tables.journal((after / PLACES_PER_RECORD).saturating_sub(1), CHANGES_AT_ONCE)?;
    let last_place = |sequence: u64| sequence * PLACES_PER_RECORD + (PLACES_PER_RECORD - 1);
    let end = entries.last().map_or(after, |entry| last_place(entry.sequence).max(after));
    let mut found = Vec::new();
    for entry in entries {
        let keys: Vec<Key> = changed(&entry.record).into_iter().map(Key::Transfer).collect();
        let places = (1..).map(|number| entry.sequence * PLACES_PER_RECORD + number);
        for (place, row) in places.zip(tables.load(&keys)?) {
            let as_of =
                row.as_ref().and_then(TransferRow::of).and_then(|row| transfer_as_of(row, entry.sequence));
            if let Some(row) = as_of.filter(|_| place > after) {
                let parties = with_parties(tables, vec![row])?;
                found.extend(parties.into_iter().map(|it| (place, it)));
            }
        }
    }
    Ok((found, end))
}

/// Starts a stream of the changes after a token, or from now on.
pub(super) fn watch(
    shared: &Arc<Shared>,
    role: Role,
    request: &WatchTransfersRequest,
) -> Result<Changes, Status> {
    let life = shared.recovery.life()?;
    let (province, after) = shared.reading().watch_transfers(request, life)?;
    if let Some(province) = province
        && !shared.may_act_for(&role, province)
    {
        return Err(Problem::new(Reason::ProvinceNotAllowed).into());
    }
    let (sender, receiver) = mpsc::channel(CHANGES_AT_ONCE);
    let follower = Follower { shared: Arc::clone(shared), role, province, life, sender };
    let now = || shared.engine.head().sequence * PLACES_PER_RECORD + (PLACES_PER_RECORD - 1);
    let after = after.unwrap_or_else(now);
    tokio::spawn(follower.follow(after));
    Ok(ReceiverStream::new(receiver))
}

struct Follower {
    shared: Arc<Shared>,
    role: Role,
    province: Option<ProvinceCode>,
    /// The life of the journal that is followed.
    life: u64,
    sender: mpsc::Sender<Result<WatchTransfersResponse, Status>>,
}

impl Follower {
    /// Follows the journal until the caller goes away or the hub stops.
    async fn follow(self, mut after: u64) {
        let mut heads = self.shared.engine.heads();
        let mut stopping = self.shared.stopping.clone();
        loop {
            if self.sender.is_closed() || *stopping.borrow() {
                return;
            }
            let read = self.shared.reader.run(move |tables| changes(tables, after)).await;
            let (found, end) = match read {
                Ok(read) => read,
                Err(error) => {
                    let _ = self.sender.send(Err(problem_of_store(error).into())).await;
                    return;
                }
            };
            for (place, (row, parties)) in found {
                if self.shows(&row) && !self.send(place, &row, parties.as_ref()).await {
                    return;
                }
            }
            if end == after && !self.wait(after, &mut heads, &mut stopping).await {
                return;
            }
            after = end;
        }
    }

    /// Waits for the journal to go on after a place. False: the caller has gone, or the hub stops.
    async fn wait(
        &self,
        after: u64,
        heads: &mut watch::Receiver<Head>,
        stopping: &mut watch::Receiver<bool>,
    ) -> bool {
        let stops = tokio::select! {
            changed = heads.wait_for(|head| head.sequence > after / PLACES_PER_RECORD) => return changed.is_ok(),
            () = self.sender.closed() => false,
            stopping = stopping.wait_for(|stopping| *stopping) => stopping.is_ok(),
        };
        if stops {
            let _ = self.sender.send(Err(Problem::new(Reason::Stopping).into())).await;
        }
        false
    }

    fn shows(&self, row: &TransferRow) -> bool {
        let of_province = self.province.is_none_or(|it| row.payer_province == it || row.payee_province == it);
        of_province && self.shared.may_see(&self.role, row)
    }

    async fn send(&self, place: u64, row: &TransferRow, parties: Option<&PartiesRow>) -> bool {
        let response = WatchTransfersResponse {
            transfer: Some(self.shared.show(row, parties)),
            resume_token: number_token(&watch_scope(self.province, self.life), place),
        };
        let mut stopping = self.shared.stopping.clone();
        tokio::select! {
            sent = self.sender.send(Ok(response)) => sent.is_ok(),
            // Who does not read holds no server up.
            _ = stopping.wait_for(|stopping| *stopping) => false,
        }
    }
}
