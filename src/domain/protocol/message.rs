//! What hub and nodes say to each other, as the core sees it (presumed abort, the hub decides).

use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::{LegId, LegRef};
use crate::domain::protocol::transfer::Outcome;
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{Civil, Digest, IdNumber, Money, RegionCode, Side, TransferId, Window};

/// A node's answer to a prepare.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vote {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// The side whose leg it is: the payer's or the payee's.
    pub side: Side,
    /// Digest of the terms that were voted on.
    pub terms_digest: Digest,
    /// Yes, no, awaiting or conflict.
    pub verdict: Verdict,
}

/// What a vote says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Bound until the decision comes.
    Yes {
        /// The prepared leg: plain inside the node, sealed by its edge before it travels.
        leg_record: Vec<u8>,
        /// Rulebook that judged it.
        rulebook: Digest,
    },
    /// Durably refused.
    No {
        /// The reason of the refusal, with its details.
        refusal: RefusalRecord,
        /// Rulebook that judged it, if it came so far.
        rulebook: Option<Digest>,
    },
    /// Waits for the payee's acceptance; binds nothing.
    Awaiting {
        /// Until when.
        until: Civil,
        /// Rulebook that judged it, if it says so.
        rulebook: Option<Digest>,
    },
    /// This id is known there with other terms, or as aborted.
    Conflict {
        /// Which of the two.
        refusal: RefusalRecord,
    },
}

/// The hub's word on one leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// The side whose leg it is: the payer's or the payee's.
    pub side: Side,
    /// Digest of the terms that were decided on.
    pub terms_digest: Digest,
    /// Commit or abort.
    pub outcome: Outcome,
    /// Settlement window of a commit.
    pub window: Option<Window>,
    /// Gapless number of a commit.
    pub hub_seq: Option<u64>,
    /// When the hub decided.
    pub decide_time: Civil,
    /// Only in a replay: the node's own leg, to bring it back; plain inside the node, sealed outside. Else empty.
    pub leg_record: Vec<u8>,
    /// Only for the payer's node, of a posted kind: what it books, since it was never asked for it.
    pub posting: Option<PostingTerms>,
    /// Only for a node that was restored together with the hub: its leg, of which nobody has the sealed record.
    pub lost: Option<Box<LostLeg>>,
}

/// What is known of a leg that its node has lost, and the hub with it, from the other side's: whose it was is not,
/// until its client says it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LostLeg {
    /// What the transfer does.
    pub kind: Kind,
    /// The transfer whose money it carries back, if it does.
    pub original: Option<TransferId>,
    /// Amount, more than zero.
    pub amount: Money,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// When the hub received the transfer.
    pub receipt_time: Civil,
    /// Whose it was.
    pub whose: Option<Whose>,
}

/// Whose a lost leg was, as the client of its transfer has said again. Never stored as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Whose {
    /// His number.
    pub id_number: IdNumber,
    /// Keyed hash of it at his node; zeros until that has made it.
    pub id_hash: Digest,
}

impl Decision {
    /// The leg that it is about.
    pub fn leg(&self) -> LegId {
        LegId { transfer_id: self.transfer_id, side: self.side }
    }

    /// The same as its node finds the person: with this keyed hash of his number, where it names him.
    pub fn with_id_hash(mut self, hash: impl FnOnce(&IdNumber) -> Digest) -> Decision {
        if let Some(whose) = self.lost.as_mut().and_then(|lost| lost.whose.as_mut()) {
            whose.id_hash = hash(&whose.id_number);
        }
        self
    }
}

/// A node's receipt for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ack {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// The side whose leg it is: the payer's or the payee's.
    pub side: Side,
    /// Digest of the terms.
    pub terms_digest: Digest,
    /// What became of it.
    pub result: AckResult,
    /// Why it was rejected.
    pub refusal: Option<RefusalRecord>,
    /// Only of a lost leg that is booked to whom the decision named: the leg, to bring it back; plain inside the node,
    /// sealed outside. Else empty.
    pub leg_record: Vec<u8>,
}

impl Ack {
    /// The leg that it is about.
    pub fn leg(&self) -> LegId {
        LegId { transfer_id: self.transfer_id, side: self.side }
    }
}

/// What a posted transfer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PostingTerms {
    /// What it does.
    pub kind: Kind,
    /// The committed transfer that backs it.
    pub original: TransferId,
    /// Its place among all that are posted against that transfer: 1, 2, 3 …
    pub number: u64,
    /// The number of the one that is booked before it; 0: none is. What was parked in between is passed over.
    pub after: u64,
    /// Amount, more than zero.
    pub amount: Money,
    /// When its node decided it.
    pub post_time: Civil,
}

/// What a node has decided by itself, as it tells it to the hub, which books it or sets it aside. Told again until it
/// is ruled on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Posting {
    /// Its leg at the node that decided it, with the digest of its terms.
    pub reference: LegRef,
    /// What it does.
    pub terms: PostingTerms,
    /// The leg, from which it can be brought back; plain inside the node, sealed by its edge before it travels.
    pub leg_record: Vec<u8>,
}

impl Posting {
    /// The question what became of it.
    pub fn question(&self) -> Question {
        let LegRef { id: LegId { transfer_id, side }, terms_digest } = self.reference;
        Question { transfer_id, side, terms_digest }
    }
}

/// What became of a decision at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckResult {
    /// Recorded now.
    Recorded,
    /// Recorded before, or nothing to do.
    Already,
    /// Contrary to what is recorded; parked for people.
    Rejected,
    /// Something that comes before it is not recorded here yet: told again later, nothing was changed.
    NotYet,
}

/// A node's question about a leg in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// The side whose leg it is: the payer's or the payee's.
    pub side: Side,
    /// Digest of the terms that it voted on.
    pub terms_digest: Digest,
}

/// The hub's answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// Decided.
    Decided(Decision),
    /// Not yet.
    Pending {
        /// What was asked.
        question: Question,
        /// Ask again after so many milliseconds.
        ask_after_ms: u64,
    },
    /// Never, as long as people do not change something.
    Refused {
        /// What was asked.
        question: Question,
        /// Why the hub does not rule on it.
        refusal: RefusalRecord,
    },
}

/// After so long a node may ask again what was refused, in milliseconds.
pub const REFUSED_ASK_MS: u64 = 600_000;
