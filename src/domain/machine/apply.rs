//! Applying records: the only way in which rows change, live and in replay.

use crate::domain::machine::peer::PeerMark;
use crate::domain::machine::record::Record;
use crate::domain::machine::row::{IncidentRow, Key, PeerRow, SelfRow};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::StartId;
use crate::domain::value::region::ProvinceCode;
use crate::domain::{hub, node};

/// Applies one record that stands at `sequence`. Cannot fail: whatever could stand against it was checked before it
/// was made. A panic here is a bug, and stops the process before anything of the batch is stored.
pub fn apply(record: &Record, sequence: u64, rows: &mut WorkingSet) {
    match record {
        Record::HubStarted(record) => hub::apply::started(record, rows),
        Record::TransferReceived(record) => hub::apply::received(record, sequence, rows),
        Record::TransferDecided(record) => hub::apply::decided(record, sequence, rows),
        Record::DecisionsRecorded(record) => hub::apply::recorded(record, sequence, rows),
        Record::TransferBuried(record) => hub::apply::buried(record, rows),
        Record::NodeAdmitted(record) => put_peer(record.province, record.mark, rows),
        Record::PeerSeen(record) => put_peer(record.province, record.mark, rows),
        Record::ResyncMoved(record) => hub::apply::resync_moved(record, rows),
        Record::TransferAdopted(record) => hub::apply::adopted(record, sequence, rows),
        Record::ReturnAdopted(record) => hub::apply::return_adopted(record, rows),
        Record::HubRecovered(record) => hub::apply::recovered(record, rows),
        Record::IncidentRaised(record) => rows.put(IncidentRow {
            transfer_id: record.transfer_id,
            side: record.side,
            refusal: record.refusal.clone(),
            raise_time: record.time,
        }),
        Record::TransferAwaiting(record) => hub::apply::awaiting(record, sequence, rows),
        Record::TransferAccepted(record) => hub::apply::accepted(record, rows),
        Record::CompensationProposed(record) => hub::compensation::proposed(record, rows),
        Record::CompensationAnswered(record) => hub::compensation::answered(record, sequence, rows),
        Record::ReturnPrepared(record) => node::returns::prepared(record, rows),
        Record::NodeJoined(record) => node::apply::joined(record, rows),
        Record::MemberRecorded(record) => node::apply::member(record, rows),
        Record::AccountCredited(record) => node::apply::credited(record, rows),
        Record::SettlementSuspended(record) => node::suspension::suspended(record, rows),
        Record::WalletOpened(record) => node::apply::wallet_opened(record, rows),
        Record::WalletOpenedFor(record) => node::apply::wallet_opened_for(record, rows),
        Record::WalletMoved(record) => node::apply::wallet_moved(record, rows),
        Record::WalletFrozen(record) => node::apply::wallet_frozen(record, rows),
        Record::WalletUnfrozen(record) => node::apply::wallet_unfrozen(record, rows),
        Record::RequestNoted(record) => node::apply::noted(record, rows),
        Record::WalletClosed(record) => node::apply::wallet_closed(record, rows),
        Record::LegPrepared(record) => node::apply::prepared(&record.leg, rows),
        Record::LegRefused(record) => node::apply::refused(record, rows),
        Record::LegBuried(record) => node::apply::buried(record, rows),
        Record::LegDecided(record) => node::apply::decided(record, rows),
        Record::LegReplayed(record) => node::apply::replayed(record, rows),
        Record::NodeResynced(record) => node::apply::resynced(record, rows),
        Record::LegAwaited(record) => node::apply::awaited(record, rows),
    }
}

/// What was seen of a peer; whether it is being told again what it lost stays as it is.
fn put_peer(province: ProvinceCode, mark: PeerMark, rows: &mut WorkingSet) {
    let known: Option<&PeerRow> = rows.get(&Key::PeerRow(province));
    let resync = known.and_then(|known| known.resync);
    rows.put(PeerRow {
        province,
        incarnation: mark.incarnation,
        start_id: mark.start_id,
        sequence: mark.sequence,
        head_hash: mark.head_hash,
        resync,
    });
}

impl PeerRow {
    /// How far the peer's journal was seen to have come.
    pub fn mark(&self) -> PeerMark {
        PeerMark {
            incarnation: self.incarnation,
            start_id: self.start_id,
            sequence: self.sequence,
            head_hash: self.head_hash,
        }
    }
}

/// The key of a server's own counters.
pub const SELF: Key = Key::SelfRow(0);

/// A server begins a life: the hub with its start, a node with its admission.
pub fn life_began(incarnation: u64, start_id: StartId, time: Civil, rows: &mut WorkingSet) {
    let own = own(rows);
    rows.put(SelfRow { incarnation, start_id, civil: own.civil.max(time), ..own });
}

/// A server's own counters; zeros before its first start.
pub fn own(rows: &WorkingSet) -> SelfRow {
    rows.get(&SELF).cloned().unwrap_or(SelfRow {
        slot: 0,
        incarnation: 0,
        start_id: Default::default(),
        hub_seq: 0,
        entry_id: 0,
        civil: Default::default(),
        recovered: 0,
    })
}

/// Rebuilds all tables but the vault's from a journal's records, in order, the first at sequence 1.
pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> WorkingSet {
    let mut rows = WorkingSet::complete();
    for (sequence, record) in (1..).zip(records) {
        apply(record, sequence, &mut rows);
    }
    rows
}
