//! What the payer's place demands of the payee's side: it travels in the leg, since each side knows its own rulebook
//! only. Derived here for a check, a first prepare and one by the id alike.

use crate::domain::protocol::Demands;
use crate::domain::rules::rulebook::PlaceRules;
use crate::domain::value::Side;

/// Version of the protocol that a node must know to judge these: each demand has that which brought it.
pub fn since(demands: &Demands) -> u32 {
    let Demands { allowed_types, acceptance } = demands;
    let brought = [(!allowed_types.is_empty(), 1), (*acceptance, 1)];
    brought.into_iter().filter(|(is_made, _)| *is_made).map(|(_, since)| since).max().unwrap_or(1)
}

/// What travels in a side's leg, given the rules of the payer's place on the day of receipt.
pub fn on(side: Side, payer_rules: &PlaceRules) -> Demands {
    match side {
        Side::Payer => Demands::default(),
        Side::Payee => Demands {
            allowed_types: payer_rules.payee_types.clone(),
            acceptance: payer_rules.acceptance_demanded,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is no version 0.
    #[test]
    fn who_demands_nothing_asks_for_the_first_version() {
        assert_eq!(since(&Demands::default()), 1);
    }
}
