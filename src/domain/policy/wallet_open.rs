//! The payee must have opened his wallet (policy_facts §2.1, R13).

use super::Facts;
use crate::domain::member::WalletState;
use crate::domain::reason::{Reason, RefusalRecord};

/// Refuses a missing, closed or frozen wallet.
pub fn open(facts: &Facts) -> Option<RefusalRecord> {
    let reason = match facts.wallet.map(|wallet| wallet.state) {
        Some(WalletState::Open) => return None,
        Some(WalletState::Frozen) => Reason::PayeeWalletFrozen,
        Some(WalletState::Closed) | None => Reason::PayeeWalletNotOpen,
    };
    Some(RefusalRecord::new(reason, facts.leg.side))
}
