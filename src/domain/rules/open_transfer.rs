//! One transfer at a time: where the place says so, a transfer that is not taken yet blocks the payer's next one (甘肃
//! 秦安, policy_facts §2.2, R19).

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::Money;

/// Whatever is held belongs to an earlier transfer that has not come to its end, so racing calls cannot pass it.
pub fn none(facts: &Facts) -> Option<RefusalRecord> {
    let open = facts.account.held > Money::ZERO;
    (facts.rules.one_open_transfer && open).then(|| RefusalRecord::new(Reason::OpenTransfer, facts.side))
}
