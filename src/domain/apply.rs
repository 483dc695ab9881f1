//! Applying records: the only way in which rows change, live and in replay.

use crate::domain::calendar::Civil;
use crate::domain::id::StartId;
use crate::domain::record::{PeerMark, Record};
use crate::domain::region::ProvinceCode;
use crate::domain::row::{IncidentRow, Key, PeerRow, SelfRow};
use crate::domain::working_set::WorkingSet;
use crate::domain::{coordinator, participant};

/// Applies one record that stands at `sequence`. Cannot fail: whatever could stand against it was checked before it
/// was made. A panic here is a bug, and stops the process before anything of the batch is stored.
pub fn apply(record: &Record, sequence: u64, rows: &mut WorkingSet) {
    match record {
        Record::HubStarted(record) => coordinator::apply::started(record, rows),
        Record::TransferReceived(record) => coordinator::apply::received(record, sequence, rows),
        Record::TransferDecided(record) => coordinator::apply::decided(record, sequence, rows),
        Record::DecisionsRecorded(record) => coordinator::apply::recorded(record, sequence, rows),
        Record::TransferBuried(record) => coordinator::apply::buried(record, rows),
        Record::NodeAdmitted(record) => put_peer(record.province, record.mark, rows),
        Record::PeerSeen(record) => put_peer(record.province, record.mark, rows),
        Record::ResyncMoved(record) => coordinator::apply::resync_moved(record, rows),
        Record::TransferAdopted(record) => coordinator::apply::adopted(record, sequence, rows),
        Record::ReturnAdopted(record) => coordinator::apply::return_adopted(record, rows),
        Record::HubRecovered(record) => coordinator::apply::recovered(record, rows),
        Record::IncidentRaised(record) => rows.put(IncidentRow {
            transfer_id: record.transfer_id,
            side: record.side,
            refusal: record.refusal.clone(),
            raise_time: record.time,
        }),
        Record::TransferAwaiting(record) => coordinator::apply::awaiting(record, sequence, rows),
        Record::TransferAccepted(record) => coordinator::apply::accepted(record, rows),
        Record::CompensationProposed(record) => coordinator::compensation::proposed(record, rows),
        Record::CompensationAnswered(record) => coordinator::compensation::answered(record, sequence, rows),
        Record::ReturnPrepared(record) => participant::returns::prepared(record, rows),
        Record::NodeJoined(record) => participant::apply::joined(record, rows),
        Record::MemberRecorded(record) => participant::apply::member(record, rows),
        Record::AccountCredited(record) => participant::apply::credited(record, rows),
        Record::SettlementSuspended(record) => participant::suspension::suspended(record, rows),
        Record::WalletOpened(record) => participant::apply::wallet_opened(record, rows),
        Record::WalletOpenedFor(record) => participant::apply::wallet_opened_for(record, rows),
        Record::WalletMoved(record) => participant::apply::wallet_moved(record, rows),
        Record::WalletFrozen(record) => participant::apply::wallet_frozen(record, rows),
        Record::WalletUnfrozen(record) => participant::apply::wallet_unfrozen(record, rows),
        Record::RequestNoted(record) => participant::apply::noted(record, rows),
        Record::WalletClosed(record) => participant::apply::wallet_closed(record, rows),
        Record::LegPrepared(record) => participant::apply::prepared(&record.leg, rows),
        Record::LegRefused(record) => participant::apply::refused(record, rows),
        Record::LegBuried(record) => participant::apply::buried(record, rows),
        Record::LegDecided(record) => participant::apply::decided(record, rows),
        Record::LegReplayed(record) => participant::apply::replayed(record, rows),
        Record::NodeResynced(record) => participant::apply::resynced(record, rows),
        Record::LegAwaited(record) => participant::apply::awaited(record, rows),
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
