//! The insurance must be in force where it is said to be. The first rule of all: the recipient must be insured.
//! Source: policy_facts §2.1, §4.3 (types 310 and 390, status 1), R1 to R3.

use super::{Facts, by_side};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{InsuranceStatus, InsuranceType};

/// The pooling area stated must be the one of insurance.
pub fn elsewhere(facts: &Facts) -> Option<RefusalRecord> {
    (facts.insurance.region != facts.terms.region)
        .then(|| by_side(facts.side, Reason::PayerInsuredElsewhere, Reason::PayeeInsuredElsewhere))
}

/// Only a member of employee insurance (310) has a personal account to send from.
pub fn payer_employee(facts: &Facts) -> Option<RefusalRecord> {
    match facts.insurance.insurance_type {
        InsuranceType::Employee => None,
        InsuranceType::Resident => Some(RefusalRecord::new(Reason::PayerNotEmployee, facts.side)),
    }
}

/// Status 1 only; each other status has a reason of its own.
pub fn in_force(facts: &Facts) -> Option<RefusalRecord> {
    let side = facts.side;
    match facts.insurance.insurance_status {
        InsuranceStatus::Active => None,
        InsuranceStatus::None => Some(by_side(side, Reason::PayerNotInsured, Reason::PayeeNotInsured)),
        InsuranceStatus::Suspended => Some(by_side(side, Reason::PayerSuspended, Reason::PayeeSuspended)),
        InsuranceStatus::Ended => Some(by_side(side, Reason::PayerEnded, Reason::PayeeEnded)),
    }
}

/// 欠费 stands against both sides.
pub fn arrears(facts: &Facts) -> Option<RefusalRecord> {
    facts.insurance.in_arrears.then(|| by_side(facts.side, Reason::PayerInArrears, Reason::PayeeInArrears))
}
