//! What both machines keep and record: a server's own counters, what was seen of its peers, and incidents.

use crate::domain::machine::record::contents;
use crate::domain::machine::table::{Key, Row, rows};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::PeerMark;
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{Civil, Digest, NumberRanges, ProvinceCode, Side, StartId, TransferId};
use borsh::{BorshDeserialize, BorshSerialize};

rows! {
    /// This server's own counters.
    SelfRow {
        /// Always 0: there is one.
        slot: u64;
        /// This start's incarnation (a node's is given by the hub).
        incarnation: u64,
        /// This start's random id.
        start_id: StartId,
        /// The last `hub_seq` given (hub) or the highest applied (node).
        hub_seq: u64,
        /// The number of the last line of any statement (node).
        entry_id: u64,
        /// The latest civil time used, so that time never runs backwards.
        civil: Civil,
        /// The incarnation in which it last recovered from being restored; 0 when it never was. A node that recovered
        /// under a program from before this says 0.
        recovered: u64,
        /// Hub: numbers of commits that it did not give, since a province that was left out may have recorded them.
        skipped: NumberRanges,
    }
    /// The highest that was seen of a peer's journal, so that a restored or copied peer is noticed.
    PeerRow {
        /// The province; 0 at a node stands for the hub.
        province: ProvinceCode;
        /// The incarnation that it was last given.
        incarnation: u64,
        /// Its start id within that incarnation.
        start_id: StartId,
        /// Highest journal sequence seen.
        sequence: u64,
        /// Chain hash at that sequence.
        head_hash: Digest,
        /// Hub: the node was restored; decisions up to this journal sequence are told again. Nothing: it has all.
        resync: Option<u64>,
        /// Hub: it was left out of a recovery and not heard since; commits with a higher number than this may be known
        /// to it alone.
        left_out: Option<u64>,
        /// Chain hash of its journal's first record: which store it has; none: it has not told it.
        lineage: Option<Digest>,
    }
    /// A contrary order, parked for people.
    IncidentRow {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side;
        /// What was wrong.
        refusal: RefusalRecord,
        /// When the incident was noted.
        raise_time: Civil,
        /// Why it needs no people any more, as a code; none while it is open.
        close_code: Option<String>,
        /// When two operators have closed it.
        close_time: Option<Civil>,
        /// URI SAN of the operator who looks into it.
        owner: Option<String>,
        /// What he should know. Holds no personal data.
        note: Option<String>,
    }
}

contents! {
    /// How far a peer's journal was seen to have come.
    PeerSeen {
        /// The peer; 0 is the hub.
        province: ProvinceCode,
        /// How far.
        mark: PeerMark,
    }
    /// The time, where other records have not told it of late: a start compares the clock with it.
    TimeNoted {
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// What was stamped too far ahead was lowered: the latest time that counts is this one from here on.
    TimeLowered {
        /// The latest time that was stamped before.
        from: Civil,
        /// The time from here on.
        to: Civil,
    }
    /// Two operators have closed an incident.
    IncidentClosed {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// Why, as a code.
        code: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// An operator has said who looks into an incident.
    IncidentAssigned {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// URI SAN of the operator who looks into it.
        owner: String,
        /// What he should know; may be empty.
        note: String,
        /// URI SAN of the operator who said so.
        operator: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A contrary order, parked for people. Nothing was changed.
    IncidentRaised {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// What was wrong.
        refusal: RefusalRecord,
        /// The server's clock when it was journaled.
        time: Civil,
    }
}

impl PeerRow {
    /// Of a peer of which nothing was seen.
    pub fn unseen(province: ProvinceCode) -> PeerRow {
        PeerRow {
            province,
            incarnation: 0,
            start_id: StartId::default(),
            sequence: 0,
            head_hash: Digest::default(),
            resync: None,
            left_out: None,
            lineage: None,
        }
    }

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

/// A server's own counters; zeros before its first start.
pub fn own<R: Row>(rows: &WorkingSet<R>) -> SelfRow {
    rows.known(&R::Key::OWN).and_then(Row::as_own).cloned().unwrap_or(SelfRow {
        slot: 0,
        incarnation: 0,
        start_id: StartId::default(),
        hub_seq: 0,
        entry_id: 0,
        civil: Civil::default(),
        recovered: 0,
        skipped: NumberRanges::default(),
    })
}

/// A new incarnation begins: the hub's with its start, a node's with its admission.
pub fn began<R: Row>(incarnation: u64, start_id: StartId, time: Civil, rows: &mut WorkingSet<R>) {
    let own = own(rows);
    rows.put(SelfRow { incarnation, start_id, civil: own.civil.max(time), ..own });
}

/// Notes a time that was used: the server's own never runs back behind it.
pub fn note_time<R: Row>(time: Civil, rows: &mut WorkingSet<R>) {
    let own = own(rows);
    rows.put(SelfRow { civil: own.civil.max(time), ..own });
}

/// What was stamped too far ahead was lowered.
pub fn lower_time<R: Row>(record: &TimeLowered, rows: &mut WorkingSet<R>) {
    let own = own(rows);
    rows.put(SelfRow { civil: record.to, ..own });
}

/// What was seen of a peer, if anything was.
pub fn peer<R: Row>(rows: &WorkingSet<R>, province: ProvinceCode) -> Option<&PeerRow> {
    rows.known(&R::Key::peer(province)).and_then(Row::as_peer)
}

/// What was seen of a peer; whether it is being told again what it lost, whether it was left out, and which store it
/// has, stays as it is.
pub fn put_peer<R: Row>(province: ProvinceCode, mark: PeerMark, rows: &mut WorkingSet<R>) {
    let known = peer(rows, province).cloned().unwrap_or_else(|| PeerRow::unseen(province));
    rows.put(PeerRow {
        incarnation: mark.incarnation,
        start_id: mark.start_id,
        sequence: mark.sequence,
        head_hash: mark.head_hash,
        ..known
    });
}

/// What stands parked for people about a leg, if anything does.
pub fn incident<R: Row>(rows: &WorkingSet<R>, transfer_id: TransferId, side: Side) -> Option<&IncidentRow> {
    rows.known(&R::Key::incident(transfer_id, side)).and_then(Row::as_incident)
}

/// Parks a contrary order.
pub fn put_incident<R: Row>(record: &IncidentRaised, rows: &mut WorkingSet<R>) {
    rows.put(IncidentRow::open(record.transfer_id, record.side, record.refusal.clone(), record.time));
}

impl IncidentRow {
    /// One that is open.
    pub fn open(
        transfer_id: TransferId,
        side: Side,
        refusal: RefusalRecord,
        raise_time: Civil,
    ) -> IncidentRow {
        IncidentRow {
            transfer_id,
            side,
            refusal,
            raise_time,
            close_code: None,
            close_time: None,
            owner: None,
            note: None,
        }
    }
}

/// An incident needs no people any more. What it stands for stays: an id that is left to people is not freed by it.
pub fn close_incident<R: Row>(record: &IncidentClosed, rows: &mut WorkingSet<R>) {
    let known = incident(rows, record.transfer_id, record.side).expect("only what was raised").clone();
    rows.put(IncidentRow { close_code: Some(record.code.clone()), close_time: Some(record.time), ..known });
}
