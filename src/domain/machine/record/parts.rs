//! What several kinds of record hold.

use super::declare::contents;
use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::money::Money;
use crate::domain::value::region::RegionCode;
use crate::domain::value::side::Side;
use borsh::{BorshDeserialize, BorshSerialize};

contents! {
    /// A request of the province's own system, so that a repeat changes nothing.
    RequestMark {
        /// Keyed digest of the id that the caller chose, in hexadecimal.
        request_id: String,
        /// Keyed digest of its content.
        digest: Digest,
    }
    /// A leg as its node prepared it: enough to bring it back (the content of a sealed `leg_record`).
    PreparedLeg {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side,
        /// The member.
        member_ref: MemberRef,
        /// Amount.
        amount: Money,
        /// The other side's pooling area.
        counter_region: RegionCode,
        /// When the hub received the transfer; its day is the one whose limit it counts against.
        receipt_time: Civil,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// Rulebook that judged it.
        rulebook: Digest,
        /// When.
        prepare_time: Civil,
        /// This node's incarnation at the time.
        incarnation: u64,
    }
    /// What only a committed transfer has.
    CommitDetail {
        /// Settlement window.
        window: Day,
        /// Gapless number.
        hub_seq: u64,
        /// The payer's leg, sealed by its node.
        payer_leg: Vec<u8>,
        /// The payee's leg, sealed by its node.
        payee_leg: Vec<u8>,
    }
}
