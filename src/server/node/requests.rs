//! What a request of the province's own system says, as canonical bytes: a repeat must say the same again. Of whom it
//! speaks it says by number alone: a name that was corrected or typed with another dot, or another place, makes it no
//! other request.

use super::Shared;
use super::vault::Known;
use crate::domain::node::WalletChange;
use crate::domain::node::record::RequestMark;
use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, Day, Money, hex};
use crate::privacy::key::VaultKey;
use crate::privacy::names::Form;
use crate::wire::member::{CreditInput, MemberInput, OpenInput};
use crate::wire::reader::{Former, Reader};
use crate::wire::status::Problem;
use crate::wire::suspension::SuspensionInput;
use crate::wire::wallet::ChangeInput;

/// A request as it is read today, and as v0.1 read its texts.
pub(super) struct Said<T> {
    /// In today's form.
    pub(super) today: T,
    then: Option<T>,
    /// Why it is refused, though it was read: it names a place that is not listed here. A repeat is answered even so,
    /// and whoever has stayed in such a place is found there.
    refused: Option<Problem>,
}

impl<T> Said<T> {
    /// Refuses what names a place that is not listed, unless it is a repeat, or the place is where this member is.
    pub(super) fn admit(&self, party: &Party, known: Option<&Known>) -> Result<(), Problem> {
        let Some(problem) = &self.refused else { return Ok(()) };
        let own = problem.violations.iter().all(|it| it.field.ends_with("party.region_code"));
        let is_answered = |it: &Known| it.request.is_some() || own && it.must_be(party).is_ok();
        if known.is_some_and(is_answered) { Ok(()) } else { Err(problem.clone()) }
    }
}

impl Shared {
    /// Reads a request in both forms of its texts.
    pub(super) fn said<T>(
        &self,
        read: impl Fn(&Reader<'_>) -> Result<T, Problem>,
    ) -> Result<Said<T>, Problem> {
        let in_form = |form, former| read(&self.reading_in(form, former));
        let (former, refused) = match in_form(Form::TODAY, Former::No) {
            Err(it) if matches!(it.reason, Reason::UnknownRegion | Reason::RegionElsewhere) => {
                (Former::AllIn(self.province), Some(it))
            }
            _ => (Former::No, None),
        };
        let today = in_form(Form::TODAY, former).map_err(|other| refused.clone().unwrap_or(other))?;
        Ok(Said { today, then: in_form(Form::First, former).ok(), refused })
    }
}

/// What a request says.
pub(super) trait Asks {
    /// Whether name and place are what it reports, and not only whom it is about.
    const REPORTS: bool = false;

    /// Its id.
    fn request_id(&self) -> &str;
    /// What it asks for.
    fn method(&self) -> &'static str;
    /// Whom it is about.
    fn party(&self) -> &Party;
    /// All else that it says.
    fn rest(&self) -> Vec<Vec<u8>>;
    /// Of an allotment: how much, and for which month.
    fn allotment(&self) -> Option<(Money, u32)> {
        None
    }

    /// As today's requests are digested.
    fn content(&self) -> Vec<u8> {
        let Party { person, region, .. } = self.party();
        let mut fields =
            vec![b"2".to_vec(), self.method().as_bytes().to_vec(), person.id_number.reveal().into()];
        if Self::REPORTS {
            fields.extend([person.name.reveal().as_bytes().to_vec(), region.number().to_be_bytes().to_vec()]);
        }
        canonical(fields, self.rest())
    }

    /// As v0.1 digested it: with name and place.
    fn content_of_v01(&self) -> Vec<u8> {
        let Party { person, region, .. } = self.party();
        let (number, name) = (person.id_number.reveal().into(), person.name.reveal().into());
        let fields =
            vec![self.method().as_bytes().to_vec(), number, name, region.number().to_be_bytes().into()];
        canonical(fields, self.rest())
    }
}

/// Each field behind its length, so that no two contents have the same bytes.
fn canonical(fields: Vec<Vec<u8>>, rest: Vec<Vec<u8>>) -> Vec<u8> {
    let with_length = |field: Vec<u8>| (field.len() as u64).to_be_bytes().into_iter().chain(field);
    fields.into_iter().chain(rest).flat_map(with_length).collect()
}

/// A request's id and content, and what it would have been in an earlier form.
pub(super) struct Request<'a> {
    request_id: &'a str,
    contents: Vec<Vec<u8>>,
    allotment: Option<(Money, u32)>,
}

impl<'a> Request<'a> {
    /// Of what was said.
    pub(super) fn of<T: Asks>(said: &'a Said<T>) -> Request<'a> {
        let then = said.then.iter().chain([&said.today]).map(T::content_of_v01);
        let contents = std::iter::once(said.today.content()).chain(then).collect();
        Request { request_id: said.today.request_id(), contents, allotment: said.today.allotment() }
    }

    /// What its id is stored as: a keyed digest. Callers build ids out of what they have, such as a number of a person,
    /// and a journal cannot forget.
    pub(super) fn id(&self, key: &VaultKey) -> String {
        hex(&key.request_digest(&[b"request id ", self.request_id.as_bytes()].concat()).0)
    }

    /// What is journaled of it. A request that says what was carried out before has the digest of then, in whatever
    /// form it was said; an allotment is the same when member, amount and month are.
    pub(super) fn mark(&self, key: &VaultKey, known: Option<&Known>) -> RequestMark {
        let digests = self.contents.iter().map(|content| key.request_digest(content));
        let then = known.and_then(|known| Some((known, known.request.as_ref()?.digest)));
        let same = then
            .filter(|(known, then)| self.is_booked(known) || digests.clone().any(|digest| digest == *then));
        let today = || digests.clone().next().unwrap_or_default();
        RequestMark { request_id: self.id(key), digest: same.map_or_else(today, |(_, then)| then) }
    }

    fn is_booked(&self, known: &Known) -> bool {
        known.entry.as_ref().zip(self.allotment).is_some_and(|(entry, (amount, period))| {
            (entry.member_ref, entry.kind) == (known.member_ref, AccountKind::Personal)
                && (entry.amount, entry.period) == (amount, Some(u64::from(period)))
        })
    }
}

/// A report about a member.
impl Asks for MemberInput {
    const REPORTS: bool = true;

    fn request_id(&self) -> &str {
        &self.request_id
    }
    fn method(&self) -> &'static str {
        "report"
    }
    fn party(&self) -> &Party {
        &self.party
    }
    fn rest(&self) -> Vec<Vec<u8>> {
        let insurance = &self.insurance;
        let numbers = [
            insurance.insurance_type.number(),
            insurance.insurance_status.number(),
            i64::from(insurance.in_arrears),
            i64::from(insurance.public_medical),
            insurance.account_state.number(),
        ];
        let phone = self.phone.as_ref().map_or("", |phone| phone.reveal());
        vec![numbers.iter().flat_map(|number| number.to_be_bytes()).collect(), phone.into()]
    }
}

impl Asks for CreditInput {
    fn request_id(&self) -> &str {
        &self.request_id
    }
    fn method(&self) -> &'static str {
        "credit"
    }
    fn party(&self) -> &Party {
        &self.party
    }
    fn rest(&self) -> Vec<Vec<u8>> {
        let (amount, period) = (self.amount.fen().to_be_bytes(), self.period.to_be_bytes());
        vec![amount.into(), period.into(), self.remark.as_bytes().into()]
    }
    fn allotment(&self) -> Option<(Money, u32)> {
        Some((self.amount, self.period))
    }
}

impl Asks for SuspensionInput {
    fn request_id(&self) -> &str {
        &self.request_id
    }
    fn method(&self) -> &'static str {
        "suspend"
    }
    fn party(&self) -> &Party {
        &self.party
    }
    fn rest(&self) -> Vec<Vec<u8>> {
        let (from, until) = (self.suspension.from.number(), self.suspension.until.map_or(0, Day::number));
        vec![from.to_be_bytes().into(), until.to_be_bytes().into()]
    }
}

impl Asks for OpenInput {
    fn request_id(&self) -> &str {
        &self.request_id
    }
    fn method(&self) -> &'static str {
        if self.opened_by.is_some() { "open for" } else { "open" }
    }
    fn party(&self) -> &Party {
        &self.party
    }
    fn rest(&self) -> Vec<Vec<u8>> {
        let own = [self.use_region.number().to_be_bytes().into(), self.phone.reveal().into()];
        let relative = self.opened_by.iter().flat_map(|relative| {
            let (number, name) = (&relative.person.id_number, &relative.person.name);
            let kinship = relative.kinship.number().to_be_bytes().into();
            [number.reveal().into(), name.reveal().into(), kinship, relative.statement.as_bytes().into()]
        });
        own.into_iter().chain(relative).collect()
    }
}

impl Asks for ChangeInput {
    fn request_id(&self) -> &str {
        &self.request_id
    }
    fn method(&self) -> &'static str {
        match self.change {
            WalletChange::Move(_) => "move",
            WalletChange::Freeze(_) => "freeze",
            WalletChange::Unfreeze(_) => "unfreeze",
            WalletChange::Close => "close",
        }
    }
    fn party(&self) -> &Party {
        &self.party
    }
    fn rest(&self) -> Vec<Vec<u8>> {
        match &self.change {
            WalletChange::Move(region) => vec![region.number().to_be_bytes().into()],
            WalletChange::Freeze(code) | WalletChange::Unfreeze(code) => vec![code.as_bytes().into()],
            WalletChange::Close => Vec::new(),
        }
    }
}
