//! What is journaled: one canonical (borsh), versioned encoding for each kind of record. Records are never edited;
//! a change of content is a new version, and the decoder of the old one stays.

mod about;
mod both;
mod declare;
mod hub;
mod node;
mod parts;

pub use both::{IncidentRaised, PeerSeen};
pub use declare::DecodeError;
use declare::records;
pub use hub::{
    CompensationAnswered, CompensationProposed, DecisionsRecorded, HubRecovered, HubStarted, NodeAdmitted,
    ResyncMoved, ReturnAdopted, TransferAccepted, TransferAdopted, TransferAwaiting, TransferBuried,
    TransferDecided, TransferReceived,
};
pub use node::{
    AccountCredited, LegAwaited, LegBuried, LegDecided, LegPrepared, LegRefused, LegReplayed, MemberRecorded,
    NodeJoined, NodeResynced, RequestNoted, ReturnPrepared, SettlementSuspended, WalletClosed, WalletFrozen,
    WalletMoved, WalletOpened, WalletOpenedFor, WalletUnfrozen,
};
pub use parts::{CommitDetail, PreparedLeg, RequestMark};

// Numbers and versions; they never change.
records! {
    HubStarted 1 v 1
    TransferReceived 2 v 1
    TransferDecided 3 v 1
    DecisionsRecorded 4 v 1
    TransferBuried 5 v 1
    NodeAdmitted 6 v 1
    PeerSeen 7 v 1
    IncidentRaised 8 v 1
    ResyncMoved 9 v 1
    TransferAdopted 10 v 1
    HubRecovered 11 v 1
    TransferAwaiting 12 v 1
    TransferAccepted 13 v 1
    ReturnAdopted 14 v 1
    NodeJoined 20 v 1
    MemberRecorded 21 v 1
    AccountCredited 22 v 1
    WalletOpened 23 v 1
    LegPrepared 24 v 1
    LegRefused 25 v 1
    LegBuried 26 v 1
    LegDecided 27 v 1
    LegReplayed 28 v 1
    NodeResynced 29 v 1
    RequestNoted 30 v 1
    CompensationProposed 31 v 1
    LegAwaited 32 v 1
    CompensationAnswered 33 v 1
    ReturnPrepared 34 v 1
    WalletOpenedFor 35 v 1
    WalletMoved 36 v 1
    WalletFrozen 37 v 1
    WalletUnfrozen 38 v 1
    WalletClosed 39 v 1
    SettlementSuspended 40 v 1
}
