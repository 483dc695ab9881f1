//! Acceptance: what a payee says to the hub.

use crate::domain::hub::WaitMode;
use crate::domain::protocol::Party;
use crate::domain::value::TransferId;
use crate::proto::{hub, types};
use crate::wire::reader::{Path, Reader, transfer_id, whole};
use crate::wire::status::Problem;
use crate::wire::terms::wait_mode;

/// A payee's word on a transfer, as far as its bytes and the region list allow to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayeesWord {
    /// Id of the transfer.
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
        whole(|found| {
            let root = Path::Root;
            let id = transfer_id(&root.field("transfer_id"), id, found);
            let payee = self.party(&root.field("payee"), payee, found).whole();
            let wait = wait_mode(&root.field("wait"), wait, found);
            Some(PayeesWord { transfer_id: id?, payee: payee?, wait: wait? })
        })
    }
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
