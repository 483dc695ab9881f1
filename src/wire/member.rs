//! What a province's own system and apps ask of a node about members and wallets.

use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::value::{
    AccountKind, AccountState, Day, Insurance, InsuranceStatus, InsuranceType, Money, RegionCode,
};
use crate::proto::node;
use crate::wire::account::{account_state_to_proto, insurance_status_to_proto, insurance_type_to_proto};
use crate::wire::page::{page_size, read_number_token};
use crate::wire::reader::{Path, Reader, Violations, amount, choice, number_in, request_id, whole};
use crate::wire::status::Problem;
use crate::wire::time::required_date;
use crate::wire::wallet::Relative;
use std::fmt;

/// A phone number, as digits with at most a leading plus. Prints masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Reads 5 to 20 ASCII digits, with a plus before them or not.
    pub fn parse(text: &str) -> Option<Phone> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let fits = (5..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Phone(text.to_owned()))
    }

    /// The number in clear. Only for the vault.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(****)")
    }
}

/// A row of insurance data: from `UpsertMembers`, or from `UpdateInsurance` without a phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInput {
    /// Chosen by the caller.
    pub request_id: String,
    /// Who, and where he is insured.
    pub party: Party,
    /// What is said of him.
    pub insurance: Insurance,
    /// None keeps what is known.
    pub phone: Option<Phone>,
    /// What it must not undo; no part of what it says.
    pub guards: Guards,
}

/// What a row must not undo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// The name that is known of the number.
    pub same_name: bool,
    /// What was changed later than the day that the row stands for.
    pub as_of: Option<Day>,
}

/// An allotment (划入).
#[derive(Clone, PartialEq, Eq)]
pub struct CreditInput {
    /// Chosen by the caller.
    pub request_id: String,
    /// Whose account.
    pub party: Party,
    /// More than zero.
    pub amount: Money,
    /// The month, as the number YYYYMM.
    pub period: u32,
    /// Normalised; empty when there is none.
    pub remark: String,
}

/// Without the remark.
impl fmt::Debug for CreditInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreditInput").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

/// A wish to open a wallet, confirmed by the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenInput {
    /// Chosen by the caller.
    pub request_id: String,
    /// The person whose it is, with his place of insurance.
    pub party: Party,
    /// 使用地; the place of insurance when none is given.
    pub use_region: RegionCode,
    /// Required here.
    pub phone: Phone,
    /// The relative who opens it for him, if one does.
    pub opened_by: Option<Relative>,
}

/// A request for a page of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryQuery {
    /// The person whose it is, with his place of insurance.
    pub party: Party,
    /// Personal account or wallet.
    pub account: AccountKind,
    /// At most so many.
    pub limit: usize,
    /// The id of the entry to go on with: the list is newest first.
    pub before: Option<u64>,
}

/// What the token of a statement's page is bound to. Not to the person: tokens carry nothing of him.
pub fn entry_scope(account: AccountKind) -> Vec<u8> {
    format!("entries {}", account.name()).into_bytes()
}

impl Reader<'_> {
    /// Reads a row of `UpsertMembers`.
    ///
    /// # Errors
    /// In this order: `request_id`; `member.party`; insurance type, status and account state; `phone`; `as_of_date`.
    pub fn upsert_member(&self, request: &node::UpsertMembersRequest) -> Result<MemberInput, Problem> {
        whole(|found| {
            let root = Path::Root;
            let at = root.field("member");
            let id = request_id(&root.field("request_id"), &request.request_id, found);
            let member = found.need(&at, Reason::FieldRequired, request.member.as_ref());
            let party =
                member.and_then(|it| self.party(&at.field("party"), it.party.as_ref(), found).whole());
            let region = party.as_ref().map(|party| party.region);
            let insurance = member.and_then(|member| insurance(&at, member, region, found));
            let phone = match request.phone.as_str() {
                "" => None,
                text => phone(&root.field("phone"), text, found),
            };
            let as_of = match request.as_of_date.as_str() {
                "" => Some(None),
                day => required_date(&root.field("as_of_date"), day, found).map(Some),
            };
            let guards = Guards { same_name: request.same_name, as_of: as_of? };
            Some(MemberInput { request_id: id?, party: party?, insurance: insurance?, phone, guards })
        })
    }

    /// Reads a request to replace a member's insurance data.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`; insurance type, status and account state.
    pub fn update_insurance(&self, request: &node::UpdateInsuranceRequest) -> Result<MemberInput, Problem> {
        let said = node::Member {
            insurance_type: request.insurance_type,
            insurance_status: request.insurance_status,
            in_arrears: request.in_arrears,
            public_medical: request.public_medical,
            account_state: request.account_state,
            ..node::Member::default()
        };
        whole(|found| {
            let (id, party) = self.asked_for(&request.request_id, request.party.as_ref(), found);
            let region = party.as_ref().map(|party| party.region);
            let insurance = insurance(&Path::Root, &said, region, found);
            let guards = Guards::default();
            Some(MemberInput { request_id: id?, party: party?, insurance: insurance?, phone: None, guards })
        })
    }

    /// Reads an allotment.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`; `amount`; `period`; `remark`.
    pub fn credit_account(&self, request: &node::CreditAccountRequest) -> Result<CreditInput, Problem> {
        whole(|found| {
            let root = Path::Root;
            let (id, party) = self.asked_for(&request.request_id, request.party.as_ref(), found);
            let amount = amount(&root.field("amount"), &request.amount, found);
            let reason =
                if request.period.is_empty() { Reason::FieldRequired } else { Reason::PeriodMalformed };
            let period = found.need(&root.field("period"), reason, period(&request.period));
            let remark = self.remark(&root.field("remark"), &request.remark, found);
            let (request_id, party, amount) = (id?, party?, amount?);
            Some(CreditInput { request_id, party, amount, period: period?, remark: remark? })
        })
    }

    /// Reads a wish to open a wallet.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`; `use_region_code`; `phone`; `confirmed` (`NOT_CONFIRMED`); `opened_by`.
    pub fn open_wallet(&self, request: &node::OpenWalletRequest) -> Result<OpenInput, Problem> {
        whole(|found| {
            let root = Path::Root;
            let (id, party) = self.asked_for(&request.request_id, request.party.as_ref(), found);
            let use_region = match request.use_region_code.as_str() {
                "" => party.as_ref().map(|party| party.region),
                text => self.place(&root.field("use_region_code"), text, found).map(|(region, _)| region),
            };
            let phone = phone(&root.field("phone"), &request.phone, found);
            if !request.confirmed {
                found.add(&root.field("confirmed"), Reason::NotConfirmed);
            }
            let opened_by = self.relative(request.opened_by.as_ref(), party.as_ref(), found);
            let (request_id, party, use_region) = (id?, party?, use_region?);
            Some(OpenInput { request_id, party, use_region, phone: phone?, opened_by })
        })
    }

    /// Reads a request for a page of a statement.
    ///
    /// # Errors
    /// Those of a party; `account` (`FIELD_REQUIRED`, `VALUE_UNSUPPORTED`); `PAGE_SIZE_INVALID`, `PAGE_TOKEN_INVALID`.
    pub fn list_entries(&self, request: &node::ListEntriesRequest) -> Result<EntryQuery, Problem> {
        let (party, account) = whole(|found| {
            let party = self.party(&Path::Root.field("party"), request.party.as_ref(), found).whole();
            party.zip(entry_account(&Path::Root.field("account"), request.account, found))
        })?;
        let limit = page_size(request.page_size)?;
        let before = read_number_token("page_token", &entry_scope(account), &request.page_token)?;
        Ok(EntryQuery { party, account, limit, before })
    }
}

/// Reads which ledger: `FIELD_REQUIRED`, `VALUE_UNSUPPORTED`.
pub(super) fn entry_account(at: &Path<'_>, number: i32, found: &mut Violations) -> Option<AccountKind> {
    let account = match node::EntryAccount::try_from(number) {
        Ok(node::EntryAccount::Personal) => Some(AccountKind::Personal),
        Ok(node::EntryAccount::Wallet) => Some(AccountKind::Wallet),
        Ok(node::EntryAccount::Unspecified) | Err(_) => None,
    };
    choice(at, number, Reason::ValueUnsupported, account, found)
}

fn insurance(
    at: &Path<'_>,
    member: &node::Member,
    region: Option<RegionCode>,
    found: &mut Violations,
) -> Option<Insurance> {
    let status = number_in(InsuranceStatus::ALL, insurance_status_to_proto, member.insurance_status);
    // Who is not insured has no type: whatever is kept for him tells nobody anything.
    let none = member.insurance_type == 0 && status == Some(InsuranceStatus::None);
    let kind = number_in(InsuranceType::ALL, insurance_type_to_proto, member.insurance_type)
        .or(none.then_some(InsuranceType::Resident));
    let unknown = Reason::ValueUnsupported;
    let kind = choice(&at.field("insurance_type"), member.insurance_type, unknown, kind, found);
    let status = choice(&at.field("insurance_status"), member.insurance_status, unknown, status, found);
    let account = match (member.account_state, kind) {
        (0, Some(InsuranceType::Employee)) => Some(AccountState::Normal),
        (0, Some(InsuranceType::Resident) | None) => Some(AccountState::Absent),
        (number, _) => number_in(AccountState::ALL, account_state_to_proto, number),
    };
    let account = found.need(&at.field("account_state"), unknown, account);
    Some(Insurance {
        region: region?,
        insurance_type: kind?,
        insurance_status: status?,
        in_arrears: member.in_arrears,
        public_medical: member.public_medical,
        account_state: account?,
    })
}

fn phone(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<Phone> {
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::PhoneMalformed };
    found.need(at, reason, Phone::parse(text))
}

/// A month "YYYYMM" from the year 2000 on.
fn period(text: &str) -> Option<u32> {
    let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = digits.then(|| text.parse().ok()).flatten()?;
    ((2000..=9999).contains(&(number / 100)) && (1..=12).contains(&(number % 100))).then_some(number)
}

#[cfg(test)]
#[path = "member_tests.rs"]
mod tests;
