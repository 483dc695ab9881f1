//! What is asked about a wallet's life and of its statement.

use crate::domain::node::WalletChange;
use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, Day, Kinship, Person, RegionCode};
use crate::proto::{node, types};
use crate::wire::member::entry_account;
use crate::wire::page::{page_size, read_number_token};
use crate::wire::reader::{Path, Reader, Violations, reason_code, whole};
use crate::wire::status::Problem;
use crate::wire::terms::kinship;
use crate::wire::time::required_date;
use std::fmt;

/// A relative who opens a wallet for a member (代开通), as the calling platform states it.
#[derive(Clone, PartialEq, Eq)]
pub struct Relative {
    /// The person, by number and name.
    pub person: Person,
    /// What he is to the member.
    pub kinship: Kinship,
    /// What the platform has seen, normalised.
    pub statement: String,
}

/// Without the statement: it is about persons.
impl fmt::Debug for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relative").field("kinship", &self.kinship).finish_non_exhaustive()
    }
}

/// A change of an opened wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeInput {
    /// Chosen by the caller.
    pub request_id: String,
    /// The person whose it is, with his place of insurance.
    pub party: Party,
    /// How it is to be.
    pub change: WalletChange,
}

/// A request for a page of a statement by period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementQuery {
    /// The person whose it is, with his place of insurance.
    pub party: Party,
    /// Personal account or wallet.
    pub account: AccountKind,
    /// First day.
    pub from: Day,
    /// Last day, itself included.
    pub to: Day,
    /// At most so many lines.
    pub limit: usize,
    /// The id of the entry to go on with: the list is newest first.
    pub before: Option<u64>,
}

impl StatementQuery {
    /// What the token of its page is bound to. Not to the person: tokens carry nothing of him.
    pub fn scope(&self) -> Vec<u8> {
        scope(self.account, self.from, self.to)
    }
}

fn scope(account: AccountKind, from: Day, to: Day) -> Vec<u8> {
    format!("statement {} {from} {to}", account.name()).into_bytes()
}

impl Reader<'_> {
    /// Reads who opens a wallet for a member; none when nobody does.
    pub(super) fn relative(
        &self,
        relative: Option<&node::WalletRelative>,
        holder: Option<&Party>,
        found: &mut Violations,
    ) -> Option<Relative> {
        let (root, relative) = (Path::Root, relative?);
        let at = root.field("opened_by");
        let (number_at, said_at) = (at.field("person"), at.field("statement"));
        let (id_number, name) = self.person(&number_at, relative.person.as_ref(), found);
        let person = id_number.zip(name).map(|(id_number, name)| Person { id_number, name });
        let kinship = kinship(&at.field("kinship"), relative.kinship, found);
        let statement = self.remark(&said_at, &relative.statement, found);
        let statement = statement
            .and_then(|text| found.need(&said_at, Reason::FieldRequired, (!text.is_empty()).then_some(text)));
        let same = |person: &Person| holder.is_some_and(|it| it.person.id_number == person.id_number);
        if person.as_ref().is_some_and(same) {
            found.add(&number_at.field("id_number"), Reason::RelativeIsHolder);
        }
        Some(Relative { person: person?, kinship: kinship?, statement: statement? })
    }

    /// Reads a request to change the place of use. A place of another province is for the rules to refuse.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`; `use_region_code`.
    pub fn change_place(&self, request: &node::ChangePlaceRequest) -> Result<ChangeInput, Problem> {
        self.change(&request.request_id, request.party.as_ref(), |found| {
            let at = Path::Root.field("use_region_code");
            let everywhere = Reader { home: None, ..*self };
            let region: Option<RegionCode> =
                everywhere.place(&at, &request.use_region_code, found).map(|(region, _)| region);
            region.map(WalletChange::Move)
        })
    }

    /// Reads a request to freeze a wallet.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`; `reason_code`.
    pub fn freeze_wallet(&self, request: &node::FreezeWalletRequest) -> Result<ChangeInput, Problem> {
        self.change(&request.request_id, request.party.as_ref(), |found| {
            reason_code(&Path::Root.field("reason_code"), &request.reason_code, found)
                .map(WalletChange::Freeze)
        })
    }

    /// Reads a request to unfreeze a wallet.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`; `reason_code`.
    pub fn unfreeze_wallet(&self, request: &node::UnfreezeWalletRequest) -> Result<ChangeInput, Problem> {
        self.change(&request.request_id, request.party.as_ref(), |found| {
            reason_code(&Path::Root.field("reason_code"), &request.reason_code, found)
                .map(WalletChange::Unfreeze)
        })
    }

    /// Reads a request to close a wallet.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`.
    pub fn close_wallet(&self, request: &node::CloseWalletRequest) -> Result<ChangeInput, Problem> {
        self.change(&request.request_id, request.party.as_ref(), |_| Some(WalletChange::Close))
    }

    fn change(
        &self,
        id: &str,
        party: Option<&types::Party>,
        read: impl FnOnce(&mut Violations) -> Option<WalletChange>,
    ) -> Result<ChangeInput, Problem> {
        whole(|found| {
            let (id, party) = self.asked_for(id, party, found);
            let change = read(found);
            Some(ChangeInput { request_id: id?, party: party?, change: change? })
        })
    }

    /// Reads a request for a page of a statement.
    ///
    /// # Errors
    /// Those of a party; `account`; `from_date` and `to_date` (`FIELD_REQUIRED`, `DATE_MALFORMED`), `DATES_REVERSED`;
    /// `PAGE_SIZE_INVALID`, `PAGE_TOKEN_INVALID`.
    pub fn get_statement(&self, request: &node::GetStatementRequest) -> Result<StatementQuery, Problem> {
        let ((party, account), (from, to)) = whole(|found| {
            let root = Path::Root;
            let party = self.party(&root.field("party"), request.party.as_ref(), found).whole();
            let account = entry_account(&root.field("account"), request.account, found);
            let from = required_date(&root.field("from_date"), &request.from_date, found);
            let to_at = root.field("to_date");
            let to = required_date(&to_at, &request.to_date, found);
            if from.zip(to).is_some_and(|(from, to)| to < from) {
                found.add(&to_at, Reason::DatesReversed);
            }
            party.zip(account).zip(from.zip(to))
        })?;
        let limit = page_size(request.page_size)?;
        let before = read_number_token("page_token", &scope(account, from, to), &request.page_token)?;
        Ok(StatementQuery { party, account, from, to, limit, before })
    }
}

#[cfg(test)]
#[path = "wallet_tests.rs"]
mod tests;
