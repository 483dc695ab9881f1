//! What is free in the personal account, above the place's floor, must cover the amount (policy_facts C3, G8, G9).

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};

/// Holds are not free. The balance itself is never told.
pub fn enough(facts: &Facts) -> Option<RefusalRecord> {
    let floor = facts.rules.floor;
    let covered = facts.account.free.checked_sub(floor).is_some_and(|above| above >= facts.terms.amount);
    (!covered).then(|| RefusalRecord::new(Reason::InsufficientBalance, facts.side).with("floor", floor))
}
