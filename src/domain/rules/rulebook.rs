//! The rulebook: what a place's rules are on a day. National defaults, then a province's own values, then those of a
//! pooling area; each value is data with the day from which it holds.

use crate::domain::rules::closed_hours::ClosedHours;
use crate::domain::rules::verification::Verification;
use crate::domain::value::{Day, Digest, InsuranceType, Kinship, Money, ProvinceCode, RegionCode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What becomes of a transfer to a payee who has no open wallet (policy_facts §2.2: sources differ).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutWallet {
    /// It is refused at once.
    Refuse,
    /// It waits until he has opened one and accepts, at most until 06:00.
    Await,
}

/// Declares the keys of a rulebook once: a new rule is one line here, and one in `config::rulebook` that reads it.
macro_rules! rule_keys {
    ($($(#[$doc:meta])* $key:ident: $ty:ty),+ $(,)?) => {
        /// The values that one version of one file sets; what it does not name is inherited.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct RuleValues { $($(#[$doc])* pub $key: Option<$ty>),+ }

        /// The rules of one place on one day, complete.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct PlaceRules {
            $($(#[$doc])* pub $key: $ty,)+
            /// Stands for the texts that apply here; [`Rulebook::layers`] gives them.
            pub hash: Digest,
        }

        impl RuleValues {
            /// Takes over what `later` names.
            fn overlay(&mut self, later: &RuleValues) {
                $(if later.$key.is_some() { self.$key.clone_from(&later.$key); })+
            }

            fn complete(self, hash: Digest) -> Result<PlaceRules, RulebookError> {
                Ok(PlaceRules {
                    $($key: self.$key.ok_or(RulebookError::Incomplete(stringify!($key)))?,)+
                    hash,
                })
            }
        }
    };
}

rule_keys! {
    /// What must stay in the payer's personal account after a transfer. Owner: the payer's side.
    floor: Money,
    /// The most that one transfer may carry. Owner: the payer's side.
    transfer_max: Money,
    /// How many transfers a payer may make in a day (Asia/Shanghai). Owner: the payer's side.
    daily_count_max: u64,
    /// The relatives to whom a transfer may go. Owner: each side for itself, by its own place's list.
    kinships: BTreeSet<Kinship>,
    /// Whether the payee must accept what is sent to him. Owner: the payee's side.
    acceptance: bool,
    /// What becomes of a transfer to a payee without an open wallet. Owner: the payee's side.
    without_wallet: WithoutWallet,
    /// Whether this place demands that the payee accepts. Demanded by the payer's place, checked by the payee's: it
    /// travels in the leg as a constraint.
    acceptance_demanded: bool,
    /// Whether a transfer that is not taken yet blocks the payer's next one. Owner: the payer's side.
    one_open_transfer: bool,
    /// The insurance types of the payee to which this place sends. Demanded by the payer's place, checked by the
    /// payee's: it travels in the leg as a constraint.
    payee_types: Vec<InsuranceType>,
    /// Hours of the day in which no transfer is made; none: never closed. Owner: the hub, by its time of receipt, for
    /// the payer's place and for the payee's.
    closed_hours: Option<ClosedHours>,
    /// The proofs of the payer of which the calling platform must state one; empty: none is asked for. Owner: the hub,
    /// by the rules of the payer's place.
    verification: Vec<Verification>,
}

/// Values and the day from which they hold, until a later version of the same file names them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    /// First day.
    pub effective_from: Day,
    /// What changes on that day.
    pub values: RuleValues,
}

/// The text of one file, as it is kept by hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLayer {
    /// Name of the file, without its folder.
    pub name: Arc<str>,
    /// The text as it was read, every byte.
    pub text: Arc<str>,
}

/// One file of rules: its exact text, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// The text, and the name of its file.
    pub layer: RuleLayer,
    /// Its versions, in order of their days.
    pub versions: Vec<RuleVersion>,
}

/// The place that a file of rules is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RulePlace {
    /// A whole province.
    Province(ProvinceCode),
    /// One pooling area, and the province that serves it.
    Area(ProvinceCode, RegionCode),
}

/// What is wrong with a set of rule texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulebookError {
    /// The national text has no version.
    #[error("the national rules have no version")]
    NoVersion,
    /// The first national version lacks a key, so a place could be without that rule.
    #[error("the first national version lacks `{0}`")]
    Incomplete(&'static str),
    /// Two texts for one place.
    #[error("two files set rules for {0:?}")]
    Twice(RulePlace),
    /// Versions of a text are not in order of their days, or two begin on one day.
    #[error("the version of {0} does not begin later than the one before it")]
    Order(Day),
}

/// The rules of one place over time: the first hold from the beginning, each later entry from its day.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Timeline {
    /// Whose; none for the nation.
    province: Option<ProvinceCode>,
    first: PlaceRules,
    later: Vec<(Day, PlaceRules)>,
}

impl Timeline {
    fn on(&self, day: Day) -> &PlaceRules {
        self.later.iter().rev().find(|(from, _)| *from <= day).map_or(&self.first, |(_, rules)| rules)
    }
}

/// The rules of all places. Built once and checked; every place's rules are worked out then, so that a look-up costs
/// a walk down one or two small maps and copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rulebook {
    national: Timeline,
    provinces: BTreeMap<ProvinceCode, Timeline>,
    areas: BTreeMap<RegionCode, Timeline>,
    texts: BTreeMap<Digest, Vec<RuleLayer>>,
}

impl Rulebook {
    /// A rulebook of the national text and the texts of places. `hash` is the content hash; it is applied to the
    /// national text followed, without anything between, by the province's text if it has one, then the area's if it
    /// has one. An area's rules inherit its province's.
    ///
    /// The first national version also stands for the days before it, when no wallet was open anywhere.
    pub fn new(
        national: &RuleText,
        places: &[(RulePlace, RuleText)],
        hash: impl Fn(&str) -> Digest,
    ) -> Result<Rulebook, RulebookError> {
        let mut by_place = BTreeMap::new();
        for (place, text) in places {
            if by_place.insert(*place, text).is_some() {
                return Err(RulebookError::Twice(*place));
            }
        }
        let mut texts = BTreeMap::new();
        let mut resolve = |province: Option<ProvinceCode>, layers: &[&RuleText]| {
            let text: String = layers.iter().map(|it| it.layer.text.as_ref()).collect();
            let hash = hash(&text);
            texts.insert(hash, layers.iter().map(|it| it.layer.clone()).collect());
            timeline(province, layers, hash)
        };
        let mut book = Rulebook {
            national: resolve(None, &[national])?,
            provinces: BTreeMap::new(),
            areas: BTreeMap::new(),
            texts: BTreeMap::new(),
        };
        for (place, text) in &by_place {
            match *place {
                RulePlace::Province(province) => {
                    book.provinces.insert(province, resolve(Some(province), &[national, text])?);
                }
                RulePlace::Area(province, area) => {
                    let above = by_place.get(&RulePlace::Province(province)).copied();
                    let layers: Vec<&RuleText> =
                        [Some(national), above, Some(text)].into_iter().flatten().collect();
                    book.areas.insert(area, resolve(Some(province), &layers)?);
                }
            }
        }
        book.texts = texts;
        Ok(book)
    }

    /// The rules of a pooling area, served by `province`, on `day`.
    pub fn rules(&self, province: ProvinceCode, area: RegionCode, day: Day) -> &PlaceRules {
        self.areas.get(&area).or_else(|| self.provinces.get(&province)).unwrap_or(&self.national).on(day)
    }

    /// The texts that a [`PlaceRules::hash`] of this rulebook stands for, the nation's first.
    pub fn layers(&self, hash: &Digest) -> Option<&[RuleLayer]> {
        self.texts.get(hash).map(Vec::as_slice)
    }

    /// Every combination of texts that applies somewhere, by its hash: what is kept, so that a decision can be
    /// explained when the rulebook is long another.
    pub fn texts(&self) -> impl Iterator<Item = (&Digest, &[RuleLayer])> {
        self.texts.iter().map(|(hash, layers)| (hash, layers.as_slice()))
    }
}

impl Rulebook {
    /// The texts by which places of one province are judged; those of all places without a province.
    pub fn texts_of(&self, province: Option<ProvinceCode>) -> Vec<(&Digest, &[RuleLayer])> {
        let Some(province) = province else { return self.texts().collect() };
        let own = self.provinces.get(&province).unwrap_or(&self.national);
        let areas = self.areas.values().filter(|area| area.province == Some(province));
        let hashes: BTreeSet<&Digest> = areas.chain([own]).map(|it| &it.first.hash).collect();
        self.texts().filter(|(hash, _)| hashes.contains(hash)).collect()
    }
}

/// Works out what `layers` (from the nation down) say at each day on which one of them changes.
fn timeline(
    province: Option<ProvinceCode>,
    layers: &[&RuleText],
    hash: Digest,
) -> Result<Timeline, RulebookError> {
    for layer in layers {
        let late = layer.versions.windows(2).find(|pair| pair[0].effective_from >= pair[1].effective_from);
        if let Some(pair) = late {
            return Err(RulebookError::Order(pair[1].effective_from));
        }
    }
    let (national, below) = layers.split_first().ok_or(RulebookError::NoVersion)?;
    let base = national.versions.first().ok_or(RulebookError::NoVersion)?;
    let at = |day: Option<Day>| {
        let mut values = base.values.clone();
        let versions = national.versions.iter().skip(1).chain(below.iter().flat_map(|layer| &layer.versions));
        for version in versions.filter(|version| day.is_some_and(|day| version.effective_from <= day)) {
            values.overlay(&version.values);
        }
        values.complete(hash)
    };
    let days: BTreeSet<Day> =
        layers.iter().flat_map(|layer| &layer.versions).map(|version| version.effective_from).collect();
    let later =
        days.into_iter().map(|day| Ok((day, at(Some(day))?))).collect::<Result<_, RulebookError>>()?;
    Ok(Timeline { province, first: at(None)?, later })
}

#[cfg(test)]
#[path = "rulebook_tests.rs"]
mod tests;
