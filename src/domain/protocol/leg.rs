//! A leg: one province's part of a transfer. What names it, what it says, how its node is asked for it, and where it
//! stands there.

use crate::domain::protocol::kind::Kind;
use crate::domain::reason::RefusalRecord;
use crate::domain::value::stored_enum::stored_enum;
use crate::domain::value::{
    Civil, Digest, IdNumber, InsuranceType, Kinship, Money, Person, ProvinceCode, RegionCode, Side,
    TransferId, Window,
};

stored_enum! {
    /// Where a leg stands at its node.
    LegState {
        /// Voted yes; bound until the decision comes.
        Prepared = 1 "prepared",
        /// Voted no.
        Refused = 2 "refused",
        /// Aborted before it was ever prepared here: a tombstone.
        Tombstone = 3 "tombstone",
        /// Committed.
        Committed = 4 "committed",
        /// Aborted after a yes.
        Aborted = 5 "aborted",
        /// Voted awaiting: nothing is reserved, and nothing is bound; known by its id when the payee accepts.
        Awaiting = 6 "awaiting",
        /// Decided and booked here, of a posted kind; the hub has not booked it yet.
        Posted = 7 "posted",
        /// Decided and booked here, and not booked by the hub, which has set it aside for people.
        Parked = 8 "parked",
    }
}

/// Which leg: the transfer, and whose part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// The side whose leg it is: the payer's or the payee's.
    pub side: Side,
}

/// What every message about one leg names: the leg, and the terms that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LegRef {
    /// The leg.
    pub id: LegId,
    /// Keyed digest of the whole terms.
    pub terms_digest: Digest,
}

impl LegRef {
    /// The leg of a transfer's side, with these terms.
    pub fn new(transfer_id: TransferId, side: Side, terms_digest: Digest) -> LegRef {
        LegRef { id: LegId { transfer_id, side }, terms_digest }
    }
}

/// What the payer's place demands of the payee's side; nothing of the payer's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Insurance types that may receive. Empty: no demand.
    pub allowed_types: Vec<InsuranceType>,
    /// Whether the payee must accept before he receives.
    pub acceptance: bool,
}

/// What a leg says, but for the person: all that rules may look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegTerms {
    /// What the transfer does.
    pub kind: Kind,
    /// This side's pooling area, as stated.
    pub region: RegionCode,
    /// The province that serves it.
    pub province: ProvinceCode,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// What the payee is to the payer; none where that has no part in it.
    pub kinship: Option<Kinship>,
    /// Amount, more than zero.
    pub amount: Money,
    /// When the hub received the transfer: the time that rules go by.
    pub receipt_time: Civil,
    /// What the other place demands of this side.
    pub demands: Demands,
}

/// How a node is asked for a leg: by what it finds whose leg it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// By the person: for the first time, or to check it.
    ByPerson {
        /// This side's person. Never stored as he is.
        person: Box<Person>,
        /// Keyed hash of his number at his node; zeros until that has made it.
        id_hash: Digest,
    },
    /// By the leg's id, once the payee has accepted: the node that voted first knows whose it is.
    ById,
    /// By the leg whose money this one carries back.
    ByOriginal {
        /// The committed transfer.
        transfer_id: TransferId,
        /// Keyed digest of its whole terms.
        terms_digest: Digest,
    },
}

/// One province's part of a transfer, as it is asked to prepare or to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which leg; zeros in a check, but for the side.
    pub reference: LegRef,
    /// All of the leg that rules may look at.
    pub terms: LegTerms,
    /// By what it is asked for.
    pub ask: Ask,
    /// What is left until the hub gives up, or asks again, in milliseconds.
    pub time_left_ms: u64,
}

impl Leg {
    /// The same after it has waited so long.
    pub fn waited(mut self, ms: u64) -> Leg {
        self.time_left_ms = self.time_left_ms.saturating_sub(ms);
        self
    }

    /// The same as its node finds the person: with this keyed hash of his number, where the leg names him.
    pub fn with_id_hash(mut self, hash: impl FnOnce(&IdNumber) -> Digest) -> Leg {
        if let Ask::ByPerson { person, id_hash } = &mut self.ask {
            *id_hash = hash(&person.id_number);
        }
        self
    }

    /// Whether its payee has accepted.
    pub fn is_accepted(&self) -> bool {
        self.ask == Ask::ById
    }

    /// A refusal of it.
    pub fn refused(&self, refusal: RefusalRecord) -> LegRefusal {
        LegRefusal {
            reference: self.reference,
            amount: self.terms.amount,
            counter_region: Some(self.terms.counter_region),
            receipt_time: self.terms.receipt_time,
            refusal,
        }
    }
}

/// A leg that is refused, with what could be read of it: enough to name it, at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegRefusal {
    /// Which leg.
    pub reference: LegRef,
    /// Amount; zero when it cannot be read.
    pub amount: Money,
    /// The other side's pooling area, when it can be read.
    pub counter_region: Option<RegionCode>,
    /// When the hub received the transfer.
    pub receipt_time: Civil,
    /// The reason of the refusal, with its details.
    pub refusal: RefusalRecord,
}

/// A leg as its node has read it; one that says what this program cannot carry out is refused before any rule, and
/// takes no other leg of its call down with it.
pub type LegRead = Result<Leg, LegRefusal>;

/// A leg as its node tells it to a hub that was restored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeardLeg {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// The side whose leg it is: the payer's or the payee's.
    pub side: Side,
    /// Digest of the whole terms.
    pub terms_digest: Digest,
    /// Amount, more than zero.
    pub amount: Money,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// When the hub received the transfer.
    pub receipt_time: Civil,
    /// Window, number and time of the commit; nothing while in doubt.
    pub committed: Option<(Window, u64, Civil)>,
    /// The leg, sealed by its node.
    pub leg_record: Vec<u8>,
    /// Rulebook that judged it.
    pub rulebook: Option<Digest>,
    /// The transfer whose money it carries back, if it does.
    pub returns: Option<TransferId>,
    /// What the transfer does.
    pub kind: Kind,
    /// Its number among the postings of its original; none of a prepared kind.
    pub number: Option<u64>,
    /// Whether the hub had parked it.
    pub parked: bool,
}

/// Which leg was read, whatever it says.
pub fn named(read: &LegRead) -> LegRef {
    match read {
        Ok(leg) => leg.reference,
        Err(refused) => refused.reference,
    }
}
