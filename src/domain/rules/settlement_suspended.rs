//! Who misused his insurance is excluded from the network settlement (暂停联网结算) for 3 to 12 months
//! (《医疗保障基金使用监督管理条例》 art. 41; policy_facts B5, R22). Each side judges its own member by the day of receipt.

use super::{Facts, by_side};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Day, Side};

/// Shortest and longest suspension, in months.
const MONTHS: (u32, u32) = (3, 12);

/// Whether a suspension from the one day up to, and without, the other has a length that the rule knows.
pub fn has_lawful_length(from: Day, until: Day) -> bool {
    from.after_months(MONTHS.0).is_some_and(|least| least <= until)
        && from.after_months(MONTHS.1).is_some_and(|most| until <= most)
}

/// Refuses a member while his suspension lasts. Its end is told of the payer, who asks for himself, and not of the
/// payee, whose affair it is.
pub fn lifted(facts: &Facts) -> Option<RefusalRecord> {
    let until = facts.suspended_until?;
    (Day::of(facts.terms.receipt_time) < until).then(|| {
        let side = facts.side;
        let refusal = by_side(side, Reason::PayerSettlementSuspended, Reason::PayeeSettlementSuspended);
        match side {
            Side::Payer => refusal.with("until", until),
            Side::Payee => refusal,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_to_twelve_months_with_both_ends() {
        let day = |text| Day::parse(text).unwrap();
        for (from, until, lawful) in [
            ("2026-11-21", "2027-02-20", false),
            ("2026-11-21", "2027-02-21", true),
            ("2026-11-21", "2027-11-21", true),
            ("2026-11-21", "2027-11-22", false),
            ("2026-11-30", "2027-02-28", true),
            ("2026-11-30", "2027-02-27", false),
            ("2028-02-29", "2029-02-28", true),
            ("2028-02-29", "2029-03-01", false),
            ("2026-12-31", "2027-03-31", true),
            ("2026-11-21", "2026-11-21", false),
            ("2026-11-21", "2025-11-21", false),
        ] {
            assert_eq!(has_lawful_length(day(from), day(until)), lawful, "{from}..{until}");
        }
    }
}
