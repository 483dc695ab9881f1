//! What several kinds of record hold.

use crate::domain::calendar::{Civil, Day};
use crate::domain::id::{Digest, MemberRef, StartId, TransferId};
use crate::domain::money::Money;
use crate::domain::numbered::numbered;
use crate::domain::region::RegionCode;
use crate::domain::transfer::Side;
use borsh::{BorshDeserialize, BorshSerialize};

numbered! {
    /// Where a leg stands at its node.
    LegState {
        /// Voted yes; bound until the decision comes.
        Prepared = 1 "prepared",
        /// Voted no.
        Refused = 2 "refused",
        /// Aborted before it was ever prepared here: a tombstone.
        Buried = 3 "buried",
        /// Committed.
        Committed = 4 "committed",
        /// Aborted after a yes.
        Aborted = 5 "aborted",
        /// Voted awaiting: nothing is reserved, and nothing is bound; known by its id when the payee accepts.
        Awaiting = 6 "awaiting",
    }
}

/// How far a server's journal had come when it spoke: travels in every message between hub and node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct PeerMark {
    /// Which of its lives.
    pub incarnation: u64,
    /// Random id of that life.
    pub start_id: StartId,
    /// Journal sequence.
    pub sequence: u64,
    /// Chain hash at that sequence.
    pub head_hash: Digest,
}

/// A request of the province's own system, so that a repeat changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RequestMark {
    /// Keyed digest of the id that the caller chose, in hexadecimal.
    pub request_id: String,
    /// Keyed digest of its content.
    pub digest: Digest,
}

/// A leg as its node prepared it: enough to bring it back (the content of a sealed `leg_record`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PreparedLeg {
    /// The transfer.
    pub transfer_id: TransferId,
    /// Whose part.
    pub side: Side,
    /// The member.
    pub member_ref: MemberRef,
    /// Amount.
    pub amount: Money,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// When the hub received the transfer; its day is the one whose limit it counts against.
    pub receipt_time: Civil,
    /// Digest of the whole terms.
    pub terms_digest: Digest,
    /// Rulebook that judged it.
    pub rulebook: Digest,
    /// When.
    pub prepare_time: Civil,
    /// This node's incarnation at the time.
    pub incarnation: u64,
}

/// What only a committed transfer has.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitDetail {
    /// Settlement window.
    pub window: Day,
    /// Gapless number.
    pub hub_seq: u64,
    /// The payer's leg, sealed by its node.
    pub payer_leg: Vec<u8>,
    /// The payee's leg, sealed by its node.
    pub payee_leg: Vec<u8>,
}
