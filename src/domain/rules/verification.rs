//! How the payer proved to the calling platform that he is himself: where his place asks for a proof, the platform must
//! state one that it accepts (policy_facts E3, R17). Owned by the hub, to which the platform makes the statement. It is
//! a statement about the payer's consent and no part of the transfer's content.

use super::at_hub::{HubFacts, HubRefusal};
use crate::domain::reason::Reason;
use crate::domain::value::Side;
use crate::domain::value::stored_enum::stored_enum;

stored_enum! {
    /// A proof of the payer. Numbers are those of the wire enum.
    Verification {
        /// 人脸验证
        Face = 1 "face",
        /// 医保码密码验证
        CodePassword = 2 "code_password",
    }
}

/// Refuses a transfer without a statement that the payer's place accepts; a place that lists none asks for none.
pub(super) fn against(facts: &HubFacts) -> Vec<HubRefusal> {
    let accepted = &facts.payer_rules.verification;
    if accepted.is_empty() || facts.verification.is_some_and(|stated| accepted.contains(&stated)) {
        return Vec::new();
    }
    let names: Vec<&str> = accepted.iter().map(|kind| kind.name()).collect();
    let refusal = facts.refusal(Side::Payer, Reason::VerificationRequired);
    vec![
        refusal
            .with("accepted", names.join(","))
            .with("stated", facts.verification.map_or("none", Verification::name)),
    ]
}
