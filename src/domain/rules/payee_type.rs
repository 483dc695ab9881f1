//! What the payer's place demands of the payee's insurance type (policy_facts E4): it travels in the leg.

use super::Facts;
use crate::domain::reason::{Reason, RefusalRecord};

/// Refuses a payee of a type that the payer's place does not send to.
pub fn allowed(facts: &Facts) -> Option<RefusalRecord> {
    let types = &facts.terms.demands.allowed_types;
    (!types.is_empty() && !types.contains(&facts.insurance.insurance_type)).then(|| {
        RefusalRecord::new(Reason::PayeeTypeNotAllowed, facts.side)
            .with("insurance_type", facts.insurance.insurance_type.name())
    })
}
