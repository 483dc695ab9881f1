//! The kind of relative must be one that the place allows; nationally all eight (policy_facts §3).

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};

/// Judged by both places, each by its own rulebook.
pub fn allowed(facts: &Facts) -> Option<RefusalRecord> {
    let kind = facts.terms.kinship?;
    (!facts.rules.kinships.contains(&kind))
        .then(|| RefusalRecord::new(Reason::KinshipNotAllowed, facts.side).with("kinship", kind.name()))
}
