//! Which rule of a rulebook a refusal comes from, and whose place's: for those who explain it.

use crate::domain::reason::Reason;
use crate::domain::value::Side;

/// The place whose rulebook holds the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulePlaceOf {
    /// That of the side which refused; at the hub, the place that it names.
    Refuser,
    /// One side's, whoever refused.
    Side(Side),
}

/// The key of the rule behind a refusal, and whose place's it is; none for what no rulebook decides.
pub fn rule_of(reason: Reason) -> Option<(&'static str, RulePlaceOf)> {
    match reason {
        Reason::InsufficientBalance => Some(("floor", RulePlaceOf::Refuser)),
        Reason::AmountOverLimit => Some(("transfer_max", RulePlaceOf::Refuser)),
        Reason::DailyCountReached => Some(("daily_count_max", RulePlaceOf::Refuser)),
        Reason::KinshipNotAllowed => Some(("kinships", RulePlaceOf::Refuser)),
        Reason::PayeeTypeNotAllowed => Some(("payee_types", RulePlaceOf::Side(Side::Payer))),
        Reason::ClosedHours => Some(("closed_hours", RulePlaceOf::Refuser)),
        Reason::VerificationRequired => Some(("verification", RulePlaceOf::Side(Side::Payer))),
        Reason::OpenTransfer => Some(("one_open_transfer", RulePlaceOf::Side(Side::Payer))),
        Reason::PayeeWalletNotOpen => Some(("without_wallet", RulePlaceOf::Side(Side::Payee))),
        // Behind NOT_TAKEN_IN_TIME one of three can stand (`acceptance` and `without_wallet` of the payee's place,
        // `acceptance_demanded` of the payer's); the tables of the day show which was in force.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::TABLE;

    #[test]
    fn nine_rules_of_a_rulebook_are_behind_refusals_each_behind_one() {
        let mut found: Vec<&str> =
            TABLE.iter().filter_map(|row| rule_of(row.reason)).map(|(key, _)| key).collect();
        found.sort_unstable();
        let expected = [
            "closed_hours",
            "daily_count_max",
            "floor",
            "kinships",
            "one_open_transfer",
            "payee_types",
            "transfer_max",
            "verification",
            "without_wallet",
        ];
        assert_eq!(found, expected);
    }
}
