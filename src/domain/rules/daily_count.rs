//! At most so many transfers a day: three nationally (policy_facts §2.2). The day is that of the hub's receipt.

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};

/// Live holds count too, so that racing transfers cannot pass the limit.
pub fn within(facts: &Facts) -> Option<RefusalRecord> {
    let limit = facts.rules.daily_count_max;
    (facts.account.day_count >= limit)
        .then(|| RefusalRecord::new(Reason::DailyCountReached, facts.side).with("limit", limit))
}
