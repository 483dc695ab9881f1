//! The payer's personal account (个人账户) must exist and be in normal use (policy_facts A2, C2).

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::AccountState;

/// Refuses an absent or frozen account.
pub fn normal(facts: &Facts) -> Option<RefusalRecord> {
    match facts.insurance.account_state {
        AccountState::Normal => None,
        AccountState::Absent => Some(RefusalRecord::new(Reason::PayerAccountAbsent, facts.side)),
        AccountState::Frozen => Some(RefusalRecord::new(Reason::PayerAccountFrozen, facts.side)),
    }
}
