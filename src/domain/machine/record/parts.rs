//! What several kinds of record hold.

use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::money::Money;
use crate::domain::value::region::RegionCode;
use crate::domain::value::side::Side;
use borsh::{BorshDeserialize, BorshSerialize};

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
