//! At most so much a transfer: 2,000 yuan nationally (policy_facts §2.2).

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};

/// Refuses more than the place's limit for one transfer.
pub fn within(facts: &Facts) -> Option<RefusalRecord> {
    let (amount, limit) = (facts.terms.amount, facts.rules.transfer_max);
    (amount > limit).then(|| {
        RefusalRecord::new(Reason::AmountOverLimit, facts.side).with("limit", limit).with("value", amount)
    })
}
