//! What is free in the personal account, above the place's floor, must cover the amount (policy_facts C3, G8, G9).

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::money::Money;

/// Holds are not free. The balance itself is never told.
pub fn enough(facts: &Facts) -> Option<RefusalRecord> {
    let floor = facts.rules.floor;
    let free =
        facts.account.and_then(|account| account.posted.checked_sub(account.held)).unwrap_or(Money::ZERO);
    let covered = free.checked_sub(floor).is_some_and(|above| above >= facts.leg.amount);
    (!covered).then(|| RefusalRecord::new(Reason::InsufficientBalance, facts.leg.side).with("floor", floor))
}
