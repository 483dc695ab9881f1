//! Whether the payee must take a transfer before he receives it (policy_facts §2.2, R13, R20): his own place says so,
//! or the payer's, or he has no wallet yet and his place waits for him.

use super::Facts;
use crate::domain::rules::rulebook::WithoutWallet;
use crate::domain::rules::wallet_open::is_open;
use crate::domain::value::Side;

/// Whether a leg that no rule refuses has still to be accepted.
pub fn is_awaited(facts: &Facts) -> bool {
    let comes_later = facts.rules.without_wallet == WithoutWallet::Await && !is_open(facts);
    facts.side == Side::Payee
        && !facts.accepted
        && (facts.rules.acceptance || facts.terms.demands.acceptance || comes_later)
}
