//! What the hub's records do to its rows.

use super::compensation;
use super::record::Record;
use crate::domain::hub::record::{
    DecisionsRecorded, HubRecovered, ResyncMoved, ReturnAdopted, TransferAccepted, TransferAdopted,
    TransferAwaiting, TransferDecided, TransferReceived, TransferTombstoned,
};
use crate::domain::hub::tables::{Key, PositionRow, Row, TombstoneRow, TransferRow};
use crate::domain::kinds;
use crate::domain::machine::own::{PeerRow, SelfRow, began, own, put_incident, put_peer};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::transfer::{Outcome, TransferState};
use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::id::{Digest, TransferId};
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::domain::value::side::Side;

impl Record {
    /// See [`crate::domain::hub::record::Record::apply`].
    pub(super) fn apply_to(&self, sequence: u64, rows: &mut WorkingSet<Row>) {
        match self {
            Record::HubStarted(record) => began(record.incarnation, record.start_id, record.time, rows),
            Record::TransferReceived(record) => received(record, sequence, rows),
            Record::TransferDecided(record) => decided(record, sequence, rows),
            Record::DecisionsRecorded(record) => recorded(record, sequence, rows),
            Record::TransferTombstoned(record) => tombstone(record, rows),
            Record::NodeAdmitted(record) => put_peer(record.province, record.mark, rows),
            Record::PeerSeen(record) => put_peer(record.province, record.mark, rows),
            Record::ResyncMoved(record) => resync_moved(record, rows),
            Record::TransferAdopted(record) => adopted(record, sequence, rows),
            Record::ReturnAdopted(record) => return_adopted(record, rows),
            Record::HubRecovered(record) => recovered(record, rows),
            Record::IncidentRaised(record) => put_incident(record, rows),
            Record::TransferAwaiting(record) => awaiting(record, sequence, rows),
            Record::TransferAccepted(record) => accepted(record, rows),
            Record::CompensationProposed(record) => compensation::proposed(record, rows),
            Record::CompensationAnswered(record) => compensation::answered(record, sequence, rows),
        }
    }
}

/// A transfer as it begins, between these places (the payer's first), of which nothing else is known yet.
pub(super) fn begun(
    (transfer_id, amount): (TransferId, Money),
    [payer, payee]: [(RegionCode, ProvinceCode); 2],
    (receipt_time, sequence): (Civil, u64),
) -> TransferRow {
    TransferRow {
        transfer_id,
        kind: Kind::TRANSFER,
        owner: String::new(),
        received_seq: sequence,
        payer_region: payer.0,
        payee_region: payee.0,
        payer_province: payer.1,
        payee_province: payee.1,
        kinship: None,
        amount,
        payer_digest: Digest::default(),
        payee_digest: Digest::default(),
        remark_digest: Digest::default(),
        terms_digest: Digest::default(),
        receipt_time,
        state: TransferState::Pending,
        refusal: None,
        decide_time: None,
        window: None,
        hub_seq: None,
        decided_seq: None,
        payer_recorded_seq: None,
        payee_recorded_seq: None,
        payer_rulebook: None,
        payee_rulebook: None,
        await_until: None,
        awaiting_seq: None,
        accept_time: None,
        returns: None,
        compensation: None,
    }
}

/// A transfer was received.
pub fn received(record: &TransferReceived, sequence: u64, rows: &mut WorkingSet<Row>) {
    let own = own(rows);
    rows.put(SelfRow { civil: own.civil.max(record.receipt_time), ..own });
    let places = [(record.payer_region, record.payer_province), (record.payee_region, record.payee_province)];
    rows.put(TransferRow {
        owner: record.owner.clone(),
        kinship: Some(record.kinship),
        payer_digest: record.digests.payer,
        payee_digest: record.digests.payee,
        remark_digest: record.digests.remark,
        terms_digest: record.digests.whole,
        ..begun((record.transfer_id, record.amount), places, (record.receipt_time, sequence))
    });
}

/// The payer's money is held, and the payee must accept.
pub fn awaiting(record: &TransferAwaiting, sequence: u64, rows: &mut WorkingSet<Row>) {
    let transfer: &TransferRow =
        rows.get(&Key::Transfer(record.transfer_id)).expect("only a received transfer awaits");
    rows.put(TransferRow {
        state: TransferState::AwaitingAcceptance,
        await_until: Some(record.until),
        awaiting_seq: Some(sequence),
        payer_rulebook: record.payer_rulebook,
        payee_rulebook: record.payee_rulebook,
        ..transfer.clone()
    });
}

/// The payee has accepted.
pub fn accepted(record: &TransferAccepted, rows: &mut WorkingSet<Row>) {
    let transfer: &TransferRow =
        rows.get(&Key::Transfer(record.transfer_id)).expect("only a transfer that awaits is accepted");
    let (state, accept_time) = (TransferState::Accepted, Some(record.time));
    rows.put(TransferRow { state, accept_time, ..transfer.clone() });
    let own = own(rows);
    rows.put(SelfRow { civil: own.civil.max(record.time), ..own });
}

/// The position of a province in a window; nothing owed where there is none yet.
pub fn position(rows: &WorkingSet<Row>, window: Day, province: ProvinceCode) -> PositionRow {
    rows.get(&Key::Position(window, province)).cloned().unwrap_or(PositionRow {
        window,
        province,
        owed: Money::ZERO,
        sent_count: 0,
        received_count: 0,
    })
}

/// What a side's province owes once a transfer is committed, as its kind has it; nothing when no sum can hold it.
pub(super) fn owed_after(row: &PositionRow, side: Side, transfer: &TransferRow) -> Option<Money> {
    match kinds::of(transfer.kind).debtor {
        Some(debtor) if debtor == side => row.owed.checked_add(transfer.amount),
        Some(_) => row.owed.checked_sub(transfer.amount),
        None => Some(row.owed),
    }
}

/// The decision, with its double entry: what the payer's province owes, the payee's province is owed.
pub fn decided(record: &TransferDecided, sequence: u64, rows: &mut WorkingSet<Row>) {
    let transfer: &TransferRow =
        rows.get(&Key::Transfer(record.transfer_id)).expect("only a received transfer is decided");
    let transfer = transfer.clone();
    let state = match record.outcome {
        Outcome::Commit => TransferState::Committed,
        Outcome::Abort => TransferState::Aborted,
    };
    if let Some(commit) = &record.commit {
        let sum = "sums are checked before a record is made";
        for (side, province) in transfer.provinces().iter() {
            let row = position(rows, commit.window, *province);
            let owed = owed_after(&row, side, &transfer).expect(sum);
            rows.put(match side {
                Side::Payer => PositionRow { owed, sent_count: row.sent_count + 1, ..row },
                Side::Payee => PositionRow { owed, received_count: row.received_count + 1, ..row },
            });
        }
        let own = own(rows);
        // A recovering hub gives numbers that lie between those that it adopts.
        let hub_seq = own.hub_seq.max(commit.hub_seq);
        rows.put(SelfRow { hub_seq, civil: own.civil.max(record.decide_time), ..own });
    }
    rows.put(TransferRow {
        state,
        refusal: record.refusal.clone(),
        decide_time: Some(record.decide_time),
        window: record.commit.as_ref().map(|commit| commit.window),
        hub_seq: record.commit.as_ref().map(|commit| commit.hub_seq),
        decided_seq: Some(sequence),
        // A side that was never asked, or voted no, has nothing left to record.
        payer_recorded_seq: (!record.payer_owed).then_some(sequence),
        payee_recorded_seq: (!record.payee_owed).then_some(sequence),
        payer_rulebook: record.payer_rulebook,
        payee_rulebook: record.payee_rulebook,
        ..transfer
    });
}

/// A province has recorded decisions.
pub fn recorded(record: &DecisionsRecorded, sequence: u64, rows: &mut WorkingSet<Row>) {
    for (transfer_id, side) in &record.legs {
        let transfer: Option<&TransferRow> = rows.get(&Key::Transfer(*transfer_id));
        let Some(transfer) = transfer.cloned() else {
            continue;
        };
        rows.put(match side {
            Side::Payer => TransferRow { payer_recorded_seq: Some(sequence), ..transfer },
            Side::Payee => TransferRow { payee_recorded_seq: Some(sequence), ..transfer },
        });
    }
}

/// An id that a province asked for and the hub did not know.
pub fn tombstone(record: &TransferTombstoned, rows: &mut WorkingSet<Row>) {
    rows.put(TombstoneRow {
        transfer_id: record.transfer_id,
        province: record.province,
        bury_time: record.time,
    });
}

/// How far a node that was restored has been told again what it lost.
pub fn resync_moved(record: &ResyncMoved, rows: &mut WorkingSet<Row>) {
    let peer: Option<&PeerRow> = rows.get(&Key::Peer(record.province));
    if let Some(peer) = peer.cloned() {
        rows.put(PeerRow { resync: record.told, ..peer });
    }
}

/// A transfer that the hub had lost. What only its client and its own journal knew is gone.
pub fn adopted(record: &TransferAdopted, sequence: u64, rows: &mut WorkingSet<Row>) {
    let places = [(record.payer_region, record.payer_province), (record.payee_region, record.payee_province)];
    rows.put(TransferRow {
        terms_digest: record.terms_digest,
        ..begun((record.transfer_id, record.amount), places, (record.receipt_time, sequence))
    });
}

/// What was adopted carries money of another transfer back.
pub fn return_adopted(record: &ReturnAdopted, rows: &mut WorkingSet<Row>) {
    let transfer: &TransferRow =
        rows.get(&Key::Transfer(record.transfer_id)).expect("only what was adopted is such a one");
    let (kind, returns) = (Kind::COMPENSATION, Some(record.returns));
    rows.put(TransferRow { kind, returns, ..transfer.clone() });
}

/// The hub is back, as a life that no node has seen.
pub fn recovered(record: &HubRecovered, rows: &mut WorkingSet<Row>) {
    let own = own(rows);
    rows.put(SelfRow {
        incarnation: record.incarnation,
        start_id: record.start_id,
        civil: own.civil.max(record.time),
        recovered: record.incarnation,
        hub_seq: own.hub_seq.max(record.hub_seq),
        ..own
    });
}
