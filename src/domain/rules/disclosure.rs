//! What a check may tell: it never judges what a refused rule hides. Whoever guesses a name learns nothing of anybody
//! else, and an account is looked at only for a transfer that nothing else stands against.

use crate::domain::reason::{Reason, RefusalRecord};

/// Whether it says that name and number do not belong together here.
pub fn is_of_identity(reason: Reason) -> bool {
    use Reason::{PayeeIdentityMismatch, PayeeNotInsured, PayerIdentityMismatch, PayerNotInsured};
    matches!(reason, PayerNotInsured | PayerIdentityMismatch | PayeeNotInsured | PayeeIdentityMismatch)
}

/// Whether it says something of what is in the payer's account, or of what he did with it.
pub fn is_of_account(reason: Reason) -> bool {
    matches!(reason, Reason::InsufficientBalance | Reason::DailyCountReached | Reason::OpenTransfer)
}

/// Whether more is found out by asking again with something else: a balance by amounts, a person by names. That a day's
/// transfers are made says the same each time.
pub fn can_be_guessed(reason: Reason) -> bool {
    is_of_identity(reason) || reason == Reason::InsufficientBalance
}

/// Of what the hub, the payer's node and the payee's node say against a transfer: what is told, in this order.
pub fn told(
    hub: Vec<RefusalRecord>,
    payer: Vec<RefusalRecord>,
    payee: Vec<RefusalRecord>,
) -> Vec<RefusalRecord> {
    let unknown = |refusals: &[RefusalRecord]| refusals.iter().any(|it| is_of_identity(it.reason));
    let payee = if unknown(&payer) { Vec::new() } else { payee };
    let all = || hub.iter().chain(&payer).chain(&payee);
    let account_is_hidden = all().any(|it| !is_of_account(it.reason));
    all().filter(|it| !(account_is_hidden && is_of_account(it.reason))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::RefusalSide;

    fn of(reasons: &[Reason]) -> Vec<RefusalRecord> {
        reasons.iter().map(|reason| RefusalRecord::new(*reason, RefusalSide::Hub)).collect()
    }

    fn told_of(hub: &[Reason], payer: &[Reason], payee: &[Reason]) -> Vec<Reason> {
        told(of(hub), of(payer), of(payee)).iter().map(|it| it.reason).collect()
    }

    /// With any transfer that was refused anyway, an account's balance was found by halving.
    #[test]
    fn an_account_is_judged_only_where_nothing_else_stands_against_the_transfer() {
        use Reason::{ClosedHours, InsufficientBalance, OpenTransfer, PayeeEnded, PayerSuspended};
        let account = [InsufficientBalance, OpenTransfer];
        assert_eq!(told_of(&[], &account, &[]), account);
        assert_eq!(told_of(&[ClosedHours], &account, &[]), [ClosedHours]);
        assert_eq!(told_of(&[], &[PayerSuspended, InsufficientBalance], &[]), [PayerSuspended]);
        assert_eq!(told_of(&[], &account, &[PayeeEnded]), [PayeeEnded]);
    }

    /// Where anybody is registered was found with a payer who was made up.
    #[test]
    fn a_payer_who_is_not_known_hides_the_payee() {
        use Reason::{ClosedHours, PayeeIdentityMismatch, PayerIdentityMismatch, PayerNotInsured};
        for unknown in [PayerIdentityMismatch, PayerNotInsured] {
            assert_eq!(told_of(&[ClosedHours], &[unknown], &[PayeeIdentityMismatch]), [ClosedHours, unknown]);
        }
        assert_eq!(told_of(&[], &[], &[PayeeIdentityMismatch]), [PayeeIdentityMismatch]);
    }
}
