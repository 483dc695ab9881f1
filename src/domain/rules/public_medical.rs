//! 公费医疗: publicly funded people have no part in sharing (policy_facts C2, C5).

use super::{Facts, by_side};
use crate::domain::reason::{Reason, RefusalRecord};

/// Refuses either side.
pub fn excluded(facts: &Facts) -> Option<RefusalRecord> {
    facts
        .insurance
        .public_medical
        .then(|| by_side(facts.side, Reason::PayerPublicMedical, Reason::PayeePublicMedical))
}
