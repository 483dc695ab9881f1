//! The hub's own rules: what it can judge by the request, its clock and the two places, before any province is asked.

use super::rulebook::{PlaceRules, Rulebook};
use super::verification::Verification;
use super::{closed_hours, place_open, verification};
use crate::domain::protocol::{Party, Terms};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Day, Digest, RegionDirectory, Side};

/// All that the hub's rules may look at.
#[derive(Clone, Copy, Debug)]
pub struct HubFacts<'a> {
    /// What is asked.
    pub terms: &'a Terms,
    /// How the payer proved himself, as the calling platform states it.
    pub verification: Option<Verification>,
    /// When the hub received it: the one clock of every rule.
    pub receipt_time: Civil,
    /// The places and their opening dates.
    pub places: &'a RegionDirectory,
    /// Rules of the payer's place on that day.
    pub payer_rules: &'a PlaceRules,
    /// Rules of the payee's place on that day.
    pub payee_rules: &'a PlaceRules,
}

impl<'a> HubFacts<'a> {
    /// The facts of a transfer that is received at `receipt_time`.
    pub fn new(
        terms: &'a Terms,
        verification: Option<Verification>,
        receipt_time: Civil,
        places: &'a RegionDirectory,
        rulebook: &'a Rulebook,
    ) -> HubFacts<'a> {
        let of = |party: &Party| rulebook.rules(party.province, party.region, Day::of(receipt_time));
        let (payer_rules, payee_rules) = (of(&terms.payer), of(&terms.payee));
        HubFacts { terms, verification, receipt_time, places, payer_rules, payee_rules }
    }

    /// The day of receipt.
    pub(super) fn day(&self) -> Day {
        Day::of(self.receipt_time)
    }

    /// A side's party.
    pub(super) fn party(&self, side: Side) -> &'a Party {
        match side {
            Side::Payer => &self.terms.payer,
            Side::Payee => &self.terms.payee,
        }
    }

    /// A side's rules.
    pub(super) fn rules(&self, side: Side) -> &'a PlaceRules {
        match side {
            Side::Payer => self.payer_rules,
            Side::Payee => self.payee_rules,
        }
    }

    /// A refusal of the hub by the rulebook of a side's place.
    pub(super) fn refusal(&self, side: Side, reason: Reason) -> HubRefusal {
        let refusal = RefusalRecord::new(reason, RefusalSide::Hub);
        HubRefusal { refusal, by: Some((side, self.rules(side).hash)) }
    }
}

/// A refusal of the hub, and the rulebook that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubRefusal {
    /// The reason of the refusal, with its details.
    pub refusal: RefusalRecord,
    /// Whose place's rulebook it was, and its hash; none when no rulebook was asked.
    pub by: Option<(Side, Digest)>,
}

impl HubRefusal {
    /// A refusal for which no rulebook was asked.
    pub fn plain(refusal: RefusalRecord) -> HubRefusal {
        HubRefusal { refusal, by: None }
    }

    /// The same with one more figure.
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> HubRefusal {
        self.refusal = self.refusal.with(name, value);
        self
    }

    /// The hash of the rulebook that says so, if it is that of this side's place.
    pub fn rulebook(&self, side: Side) -> Option<Digest> {
        self.by.filter(|(by, _)| *by == side).map(|(_, hash)| hash)
    }
}

/// What the hub's rules have against a transfer, in their fixed order: opening, hours, proof of the payer.
pub fn against(facts: &HubFacts) -> Vec<HubRefusal> {
    let (payer, payee) = (facts.terms.payer.region, facts.terms.payee.region);
    let closed = place_open::against(facts.places, payer, payee, facts.day());
    let closed = closed.into_iter().map(HubRefusal::plain);
    closed.chain(closed_hours::against(facts)).chain(verification::against(facts)).collect()
}
