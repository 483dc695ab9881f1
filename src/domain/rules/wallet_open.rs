//! The payee must have opened his wallet (policy_facts §2.1, R13); where his place waits for him, before he accepts.

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::rulebook::WithoutWallet;
use crate::domain::value::WalletState;

/// Whether there is an open wallet.
pub fn is_open(facts: &Facts) -> bool {
    facts.wallet == Some(WalletState::Open)
}

/// Refuses a frozen wallet, and a missing or closed one that is not waited for.
pub fn open(facts: &Facts) -> Option<RefusalRecord> {
    let reason = match facts.wallet {
        Some(WalletState::Open) => return None,
        Some(WalletState::Frozen) => Reason::PayeeWalletFrozen,
        Some(WalletState::Closed) | None => Reason::PayeeWalletNotOpen,
    };
    let waits = facts.rules.without_wallet == WithoutWallet::Await && !facts.accepted;
    (reason == Reason::PayeeWalletFrozen || !waits).then(|| RefusalRecord::new(reason, facts.side))
}
