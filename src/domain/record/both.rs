//! What hub and nodes both journal.

use super::declare::contents;
use super::parts::PeerMark;
use crate::domain::calendar::Civil;
use crate::domain::id::TransferId;
use crate::domain::reason::RefusalRecord;
use crate::domain::region::ProvinceCode;
use crate::domain::transfer::Side;
use borsh::{BorshDeserialize, BorshSerialize};

contents! {
    /// Both: how far a peer's journal was seen to have come.
    PeerSeen {
        /// The peer; 0 is the hub.
        province: ProvinceCode,
        /// How far.
        mark: PeerMark,
    }
    /// Both: a contrary order, parked for people. Nothing was changed.
    IncidentRaised {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side,
        /// What was wrong.
        refusal: RefusalRecord,
        /// When.
        time: Civil,
    }
}
