//! Requests that make or check a transfer.

use crate::domain::hub::WaitMode;
use crate::domain::protocol::{Kind, Terms};
use crate::domain::reason::Reason;
use crate::domain::rules::verification::Verification;
use crate::domain::value::{Kinship, TransferId};
use crate::proto::{hub, types};
use crate::wire::party::PartyParts;
use crate::wire::reader::{Path, Reader, Violations, amount, choice, transfer_id, whole};
use crate::wire::status::Problem;
use crate::wire::verification::verification;
use std::fmt;

/// What a transfer says, with the remark, which is content too but travels to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// Parties, kinship, amount.
    pub terms: Terms,
    /// The remark, normalised; empty when there is none.
    pub remark: String,
}

/// Without the remark: it is the payer's own words.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("terms", &self.terms).finish_non_exhaustive()
    }
}

/// A request for a transfer, as far as its bytes and the region list allow to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTransfer {
    /// Chosen by the client.
    pub transfer_id: TransferId,
    /// The content, which a repeat must have too.
    pub content: Content,
    /// What to wait for; no part of the content.
    pub wait: WaitMode,
    /// How the payer proved himself, as the caller states it; no part of the content.
    pub verification: Option<Verification>,
}

/// What is checked, asked for as a transfer: without an id.
impl From<hub::CheckTransferRequest> for hub::CreateTransferRequest {
    fn from(check: hub::CheckTransferRequest) -> hub::CreateTransferRequest {
        let hub::CheckTransferRequest { payer, payee, kinship, amount, remark, verification } = check;
        let (transfer_id, wait) = (String::new(), 0);
        hub::CreateTransferRequest { transfer_id, payer, payee, kinship, amount, remark, wait, verification }
    }
}

/// Whether a transfer would be allowed.
impl From<hub::CreateTransferRequest> for hub::CheckTransferRequest {
    fn from(create: hub::CreateTransferRequest) -> hub::CheckTransferRequest {
        let hub::CreateTransferRequest { payer, payee, kinship, amount, remark, verification, .. } = create;
        hub::CheckTransferRequest { payer, payee, kinship, amount, remark, verification }
    }
}

impl Reader<'_> {
    /// Reads a request for a transfer.
    ///
    /// # Errors
    /// Everything that is wrong, in this order: `transfer_id`; `payer`, then `payee` (number, name, place each);
    /// `kinship`; `amount`; `remark`; `wait`; `verification`; `SAME_PERSON`; `SAME_PROVINCE`.
    pub fn create_transfer(&self, request: &hub::CreateTransferRequest) -> Result<NewTransfer, Problem> {
        self.new_transfer(request, |at, found| wait_mode(at, request.wait, found))
    }

    /// Reads an item of `SubmitTransfers`, whose own `wait` is ignored in favour of the call's.
    ///
    /// # Errors
    /// As [`Reader::create_transfer`].
    pub fn batch_item(
        &self,
        request: &hub::CreateTransferRequest,
        wait: WaitMode,
    ) -> Result<NewTransfer, Problem> {
        self.new_transfer(request, |_, _| Some(wait))
    }

    /// Reads a request to check a transfer.
    ///
    /// # Errors
    /// As [`Reader::create_transfer`], but for id and wait.
    pub fn check_transfer(
        &self,
        request: &hub::CheckTransferRequest,
    ) -> Result<(Content, Option<Verification>), Problem> {
        let mut found = Violations::default();
        let request = hub::CreateTransferRequest::from(request.clone());
        let mut stated = None;
        let at = Path::Root.field("verification");
        let content = self
            .content(&request, &mut found, |found| stated = verification(&at, request.verification, found));
        found.finish(content.zip(stated))
    }

    fn new_transfer(
        &self,
        request: &hub::CreateTransferRequest,
        read_wait: impl FnOnce(&Path<'_>, &mut Violations) -> Option<WaitMode>,
    ) -> Result<NewTransfer, Problem> {
        whole(|found| {
            let id = transfer_id(&Path::Root.field("transfer_id"), &request.transfer_id, found);
            let (mut wait, mut stated) = (None, None);
            let content = self.content(request, found, |found| {
                wait = read_wait(&Path::Root.field("wait"), found);
                stated = verification(&Path::Root.field("verification"), request.verification, found);
            });
            let (transfer_id, content) = (id?, content?);
            Some(NewTransfer { transfer_id, content, wait: wait?, verification: stated? })
        })
    }

    /// Reads field after field, then `last`, and only then compares the two parties.
    fn content(
        &self,
        request: &hub::CreateTransferRequest,
        found: &mut Violations,
        last: impl FnOnce(&mut Violations),
    ) -> Option<Content> {
        let (payer_at, payee_at) = (Path::Root.field("payer"), Path::Root.field("payee"));
        let payer = self.party(&payer_at, request.payer.as_ref(), found);
        let payee = self.party(&payee_at, request.payee.as_ref(), found);
        let kinship = kinship(&Path::Root.field("kinship"), request.kinship, found);
        let amount = amount(&Path::Root.field("amount"), &request.amount, found);
        let remark = self.remark(&Path::Root.field("remark"), &request.remark, found);
        last(found);
        compare_parties(&payer, &payee, &payee_at, found);
        let terms = Terms {
            kind: Kind::TRANSFER,
            payer: payer.whole()?,
            payee: payee.whole()?,
            kinship: kinship?,
            amount: amount?,
        };
        Some(Content { terms, remark: remark? })
    }
}

fn compare_parties(payer: &PartyParts, payee: &PartyParts, payee_at: &Path<'_>, found: &mut Violations) {
    if payer.id_number.is_some() && payer.id_number == payee.id_number {
        found.add(&payee_at.field("person").field("id_number"), Reason::SamePerson);
    }
    if let (Some((_, from)), Some((_, to))) = (payer.place, payee.place)
        && from == to
    {
        found.add(&payee_at.field("region_code"), Reason::SameProvince);
    }
}

/// Reads what the payee is to the payer: `FIELD_REQUIRED`, `KINSHIP_UNSUPPORTED`.
pub fn kinship(at: &Path<'_>, number: i32, found: &mut Violations) -> Option<Kinship> {
    choice(at, number, Reason::KinshipUnsupported, Kinship::from_number(i64::from(number)), found)
}

/// What the payee is to the payer, as the wire's number.
pub fn kinship_to_proto(kinship: Kinship) -> i32 {
    let kinship = match kinship {
        Kinship::Spouse => types::Kinship::Spouse,
        Kinship::Parent => types::Kinship::Parent,
        Kinship::Child => types::Kinship::Child,
        Kinship::Sibling => types::Kinship::Sibling,
        Kinship::PaternalGrandparent => types::Kinship::PaternalGrandparent,
        Kinship::MaternalGrandparent => types::Kinship::MaternalGrandparent,
        Kinship::SonsChild => types::Kinship::SonsChild,
        Kinship::DaughtersChild => types::Kinship::DaughtersChild,
    };
    kinship.into()
}

/// Reads what to wait for, of a call that makes transfers: `VALUE_UNSUPPORTED`.
pub fn wait_mode(at: &Path<'_>, number: i32, found: &mut Violations) -> Option<WaitMode> {
    let wait = hub::WaitMode::try_from(number).ok().map(|mode| match mode {
        hub::WaitMode::Unspecified | hub::WaitMode::Recorded => WaitMode::Recorded,
        hub::WaitMode::Decided => WaitMode::Decided,
    });
    found.need(at, Reason::ValueUnsupported, wait)
}

/// Reads what to wait for where it is a field of the call itself.
///
/// # Errors
/// `VALUE_UNSUPPORTED`.
pub fn only_wait_mode(number: i32) -> Result<WaitMode, Problem> {
    whole(|found| wait_mode(&Path::Root.field("wait"), number, found))
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
