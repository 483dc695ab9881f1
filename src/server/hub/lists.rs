//! Lists and streams of transfers, read beside the writer: only what is durable is ever shown.

use super::Shared;
use crate::domain::hub::tables::{Key, PartiesRow, Table, TransferRow};
use crate::domain::hub::{Record, transfers_where, unfinished_transfers};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Scan, TableRow, Term};
use crate::domain::protocol::TransferState;
use crate::domain::reason::Reason;
use crate::domain::value::column::Value;
use crate::domain::value::{ProvinceCode, TransferId};
use crate::proto::hub::{
    ListTransfersRequest, ListTransfersResponse, WatchTransfersRequest, WatchTransfersResponse,
};
use crate::store::{AnyTables, Head, StoreError};
use crate::transport::access_layer::Standing;
use crate::transport::identity::Role;
use crate::wire::page::{number_token, token};
use crate::wire::query::{TransferFilter, watch_scope};
use crate::wire::status::{Problem, problem_of_store};
use crate::wire::transfer::{state_to_proto, transfer_as_of};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Journal entries that a stream reads at once.
const CHANGES_AT_ONCE: usize = 256;

/// One record may change up to a thousand transfers: a change's place is its record's sequence and its number in it,
/// so that a stream cut off between two of them goes on at the right one.
const PLACES_PER_RECORD: u64 = 4_096;

/// A transfer with its vault row.
type Found = (TransferRow, Option<PartiesRow>);

impl Shared {
    /// The transfers that a caller is shown: every one is of one branch, and each has an index.
    fn shown(&self, role: &Role, province: Option<ProvinceCode>) -> Vec<Vec<Term>> {
        let all: Vec<ProvinceCode> = self.places.provinces().map(|it| it.code).collect();
        let granted = all.iter().copied().filter(|it| self.may_act_for(role, *it));
        let provinces: Vec<ProvinceCode> = match province {
            Some(province) => vec![province],
            None => granted.collect(),
        };
        if province.is_none() && provinces.len() == all.len() {
            return vec![Vec::new()];
        }
        let numbers: Vec<i64> = provinces.iter().map(|it| i64::from(it.number())).collect();
        let elsewhere = |column| numbers.iter().map(move |it| Term::IsNot(column, Value::Int(*it)));
        let pays = numbers.iter().map(|it| vec![Term::Is("payer_province", Value::Int(*it))]);
        let receives = numbers.iter().map(|it| {
            let is_payee = Term::Is("payee_province", Value::Int(*it));
            std::iter::once(is_payee).chain(elsewhere("payer_province")).collect()
        });
        // A caller sees what it owns, wherever that is now; of a province that he asks for he sees everything.
        let owner = Term::Is("owner", Value::Text(role.to_string().into()));
        let owns =
            std::iter::once(owner).chain(elsewhere("payer_province")).chain(elsewhere("payee_province"));
        let owned = province.is_none().then(|| owns.collect());
        pays.chain(receives).chain(owned).collect()
    }
}

/// The rows that a filter leaves of these branches.
fn listed(branches: Vec<Vec<Term>>, filter: &TransferFilter) -> Filter<Table> {
    let mut listed = transfers_where(branches);
    if let Some(asked) = filter.state {
        // Some states are one for whoever looks.
        let states = TransferState::ALL.iter().filter(|it| state_to_proto(**it) == state_to_proto(asked));
        listed = listed.and(Term::OneOf("state", states.map(|it| it.number()).collect()));
        if !asked.is_decided() {
            listed
                .branches
                .iter_mut()
                .for_each(|terms| terms.extend(unfinished_transfers().branches.concat()));
        }
    }
    if let Some(window) = filter.window {
        listed = listed.and(Term::Is("window", value(&window)));
    }
    if let Some(from) = filter.start_time {
        listed = listed.and(Term::AtLeast("receipt_time", value(&from)));
    }
    if let Some(end) = filter.end_time {
        listed = listed.and(Term::AtMost(&["receipt_time"], Value::Int(end.0.saturating_sub(1))));
    }
    listed
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
    shared: &Arc<Shared>,
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
    let filter_rows = listed(shared.shown(role, filter.province), &filter);
    // One more tells whether there is a next page.
    let after = query.after.map(Key::Transfer);
    let scan = Scan { filter: filter_rows, after, limit: query.limit + 1 };
    let showing = Arc::clone(shared);
    let read = move |tables: &mut AnyTables<Record>| {
        let rows = tables.scan(&scan)?;
        let more = rows.len() == scan.limit;
        let page = rows.iter().filter_map(TransferRow::of).take(scan.limit - 1).cloned().collect();
        let found = with_parties(tables, page)?;
        let last = found.last().filter(|_| more).map(|(row, _)| row.transfer_id);
        // What is opened here costs the list its turn, and no payment its thread.
        let transfers = found.iter().map(|(row, parties)| showing.show(row, parties.as_ref())).collect();
        Ok((transfers, last))
    };
    let (transfers, last) = shared.lists.run(read).await?;
    let next_page_token = last.map_or_else(String::new, |id| token(&filter.scope(), &id.0));
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
    (role, standing): (Role, Standing),
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
    let follower = Follower { shared: Arc::clone(shared), role, province, life, sender: sender.clone() };
    let now = || shared.engine.head().sequence * PLACES_PER_RECORD + (PLACES_PER_RECORD - 1);
    let after = after.unwrap_or_else(now);
    tokio::spawn(async move {
        tokio::select! {
            () = follower.follow(after) => {}
            // Whoever does not read sees the end without its reason.
            () = standing.ended() => drop(sender.try_send(Err(Problem::new(Reason::CertificateRequired).into()))),
        }
    });
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
