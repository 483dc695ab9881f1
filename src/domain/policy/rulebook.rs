//! The rulebook.
use crate::domain::calendar::Day;
use crate::domain::id::Digest;
use crate::domain::kinship::Kinship;
use crate::domain::member::InsuranceType;
use crate::domain::money::Money;
use crate::domain::region::{ProvinceCode, RegionCode};
use std::collections::BTreeSet;
/// x
#[derive(Clone, Debug)]
pub struct PlaceRules {
    /// x
    pub floor: Money,
    /// x
    pub transfer_max: Money,
    /// x
    pub daily_count_max: u64,
    /// x
    pub kinships: BTreeSet<Kinship>,
    /// x
    pub payee_types: Vec<InsuranceType>,
    /// x
    pub hash: Digest,
}
/// x
#[derive(Debug)]
pub struct Rulebook(pub PlaceRules);
impl Rulebook {
    /// x
    pub fn uniform(rules: PlaceRules) -> Rulebook {
        Rulebook(rules)
    }
    /// x
    pub fn rules(&self, _: ProvinceCode, _: RegionCode, _: Day) -> &PlaceRules {
        &self.0
    }
}
