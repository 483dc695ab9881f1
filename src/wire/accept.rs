//! Acceptance: what a payee says to the hub, and legs that are asked for by their id.

use crate::domain::hub::WaitMode;
use crate::domain::protocol::acceptance::{AcceptedLeg, LegTerms};
use crate::domain::protocol::transfer::Party;
use crate::domain::value::id::TransferId;
use crate::proto::{hub, node, types};
use crate::wire::leg::{constraints_to_proto, side_to_proto};
use crate::wire::reader::{Path, Reader, Violations, transfer_id};
use crate::wire::returns::kind_to_proto;
use crate::wire::status::Problem;
use crate::wire::terms::{kinship_to_proto, wait_mode};
use crate::wire::time::{duration, timestamp};

/// A payee's word on a transfer, as far as its bytes and the region list allow to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayeesWord {
    /// The transfer.
    pub transfer_id: TransferId,
    /// Who says so.
    pub payee: Party,
    /// What to wait for.
    pub wait: WaitMode,
}

impl Reader<'_> {
    /// Reads an acceptance.
    ///
    /// # Errors
    /// Everything that is wrong, in this order: `transfer_id`; `payee` (number, name, place); `wait`.
    pub fn accept_transfer(&self, request: &hub::AcceptTransferRequest) -> Result<PayeesWord, Problem> {
        self.payees_word(&request.transfer_id, request.payee.as_ref(), request.wait)
    }

    /// Reads a refusal to accept.
    ///
    /// # Errors
    /// As [`Reader::accept_transfer`].
    pub fn decline_transfer(&self, request: &hub::DeclineTransferRequest) -> Result<PayeesWord, Problem> {
        self.payees_word(&request.transfer_id, request.payee.as_ref(), request.wait)
    }

    fn payees_word(&self, id: &str, payee: Option<&types::Party>, wait: i32) -> Result<PayeesWord, Problem> {
        let (root, mut found) = (Path::Root, Violations::default());
        let id = transfer_id(&root.field("transfer_id"), id, &mut found);
        let payee = self.party(&root.field("payee"), payee, &mut found).whole();
        let wait = wait_mode(&root.field("wait"), wait, &mut found);
        let word = match (id, payee, wait) {
            (Some(transfer_id), Some(payee), Some(wait)) => Some(PayeesWord { transfer_id, payee, wait }),
            _ => None,
        };
        found.finish(word)
    }
}

/// A leg that is asked for by its id, in the words of the wire: without its person.
pub fn accepted_leg_to_proto(leg: &AcceptedLeg) -> node::Leg {
    let LegTerms { side, region, counter_region, kinship, amount, receipt_time, .. } = leg.terms;
    node::Leg {
        transfer_id: leg.transfer_id.to_string(),
        side: side_to_proto(side),
        kind: kind_to_proto(side, false),
        party: Some(types::Party { person: None, region_code: region.to_string() }),
        counter_region_code: counter_region.to_string(),
        kinship: kinship_to_proto(kinship),
        amount: amount.to_string(),
        terms_digest: leg.terms_digest.0.to_vec(),
        receipt_time: Some(timestamp(receipt_time)),
        time_left: Some(duration(leg.time_left_ms)),
        constraints: constraints_to_proto(&leg.terms.allowed_types, leg.terms.acceptance),
        accepted: true,
        ..node::Leg::default()
    }
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
