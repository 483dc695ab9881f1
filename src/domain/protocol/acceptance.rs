//! Acceptance: a transfer that its payee must take first, and the legs that are asked for again by their id when he
//! has. The hub keeps no persons, so the second question names none: the node that voted first knows whose leg it is.

use crate::domain::protocol::returns::ReturnLeg;
use crate::domain::protocol::transfer::Leg;
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::{Digest, TransferId};
use crate::domain::value::kinship::Kinship;
use crate::domain::value::member::InsuranceType;
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::domain::value::side::Side;

/// What the rules of a side may look at of a leg: all but the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegTerms {
    /// Whose part.
    pub side: Side,
    /// This side's pooling area, as stated.
    pub region: RegionCode,
    /// The province that serves it.
    pub province: ProvinceCode,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// What the payee is to the payer.
    pub kinship: Kinship,
    /// Amount.
    pub amount: Money,
    /// When the hub received the transfer.
    pub receipt_time: Civil,
    /// Insurance types that the other place allows. Empty: no demand.
    pub allowed_types: Vec<InsuranceType>,
    /// Whether the other place demands that the payee accepts.
    pub acceptance: bool,
    /// Whether the payee has accepted.
    pub accepted: bool,
}

impl From<&Leg> for LegTerms {
    fn from(leg: &Leg) -> LegTerms {
        LegTerms {
            side: leg.side,
            region: leg.party.region,
            province: leg.party.province,
            counter_region: leg.counter_region,
            kinship: leg.kinship,
            amount: leg.amount,
            receipt_time: leg.receipt_time,
            allowed_types: leg.allowed_types.clone(),
            acceptance: leg.acceptance,
            accepted: false,
        }
    }
}

/// A leg that is asked for by its id, once the payee has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedLeg {
    /// The transfer.
    pub transfer_id: TransferId,
    /// Digest of the whole terms.
    pub terms_digest: Digest,
    /// What is asked.
    pub terms: LegTerms,
    /// How long the hub waits for this vote, in milliseconds, before it asks again.
    pub time_left_ms: u64,
}

/// A leg on its way to its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// With its person, for the first time.
    First(Box<Leg>),
    /// By its id, after the acceptance.
    Accepted(Box<AcceptedLeg>),
    /// By the transfer whose money it carries back.
    Return(Box<ReturnLeg>),
}

impl Asked {
    /// The transfer.
    pub fn transfer_id(&self) -> TransferId {
        match self {
            Asked::First(leg) => leg.transfer_id,
            Asked::Accepted(leg) => leg.transfer_id,
            Asked::Return(leg) => leg.transfer_id,
        }
    }

    /// What is left until the hub gives up, or asks again, in milliseconds.
    pub fn time_left_ms(&self) -> u64 {
        match self {
            Asked::First(leg) => leg.time_left_ms,
            Asked::Accepted(leg) => leg.time_left_ms,
            Asked::Return(leg) => leg.time_left_ms,
        }
    }

    /// The same after it has waited so long.
    pub fn waited(mut self, ms: u64) -> Asked {
        let left = match &mut self {
            Asked::First(leg) => &mut leg.time_left_ms,
            Asked::Accepted(leg) => &mut leg.time_left_ms,
            Asked::Return(leg) => &mut leg.time_left_ms,
        };
        *left = left.saturating_sub(ms);
        self
    }
}
