//! What hub and nodes both journal.

use super::declare::contents;
use crate::domain::machine::peer::PeerMark;
use crate::domain::reason::RefusalRecord;
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::TransferId;
use crate::domain::value::region::ProvinceCode;
use crate::domain::value::side::Side;
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
