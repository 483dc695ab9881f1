//! What a request of the province's own system says, as canonical bytes: a repeat must say the same again.

use crate::domain::node::WalletChange;
use crate::domain::node::record::RequestMark;
use crate::domain::protocol::Party;
use crate::domain::value::{Day, hex};
use crate::privacy::key::VaultKey;
use crate::wire::member::{CreditInput, MemberInput, OpenInput};
use crate::wire::suspension::SuspensionInput;
use crate::wire::wallet::ChangeInput;

/// A request's id and content.
pub(super) struct Request<'a> {
    request_id: &'a str,
    content: Vec<u8>,
}

impl<'a> Request<'a> {
    fn new(request_id: &'a str, method: &str, party: &Party, rest: &[&[u8]]) -> Request<'a> {
        let region = party.region.number().to_be_bytes();
        let person =
            [party.person.id_number.reveal().as_bytes(), party.person.name.reveal().as_bytes(), &region];
        let mut content = Vec::new();
        for field in [method.as_bytes()].iter().chain(&person).chain(rest) {
            content.extend((field.len() as u64).to_be_bytes());
            content.extend(*field);
        }
        Request { request_id, content }
    }

    /// A report about a member.
    pub(super) fn of_report(input: &'a MemberInput) -> Request<'a> {
        let insurance = &input.insurance;
        let numbers = [
            insurance.insurance_type.number(),
            insurance.insurance_status.number(),
            i64::from(insurance.in_arrears),
            i64::from(insurance.public_medical),
            insurance.account_state.number(),
        ];
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        let phone = input.phone.as_ref().map_or("", |phone| phone.reveal());
        Request::new(&input.request_id, "report", &input.party, &[&numbers, phone.as_bytes()])
    }

    /// An allotment.
    pub(super) fn of_credit(input: &'a CreditInput) -> Request<'a> {
        let amount = input.amount.fen().to_be_bytes();
        let rest = [&amount[..], &input.period.to_be_bytes(), input.remark.as_bytes()];
        Request::new(&input.request_id, "credit", &input.party, &rest)
    }

    /// A suspension from the network settlement.
    pub(super) fn of_suspension(input: &'a SuspensionInput) -> Request<'a> {
        let (from, until) = (input.suspension.from.number(), input.suspension.until.map_or(0, Day::number));
        let rest = [&from.to_be_bytes()[..], &until.to_be_bytes()];
        Request::new(&input.request_id, "suspend", &input.party, &rest)
    }

    /// The opening of a wallet.
    pub(super) fn of_opening(input: &'a OpenInput) -> Request<'a> {
        let own = [&input.use_region.number().to_be_bytes()[..], input.phone.reveal().as_bytes()];
        let Some(relative) = &input.opened_by else {
            return Request::new(&input.request_id, "open", &input.party, &own);
        };
        let (person, kinship) = (&relative.person, relative.kinship.number().to_be_bytes());
        let [place, phone] = own;
        let rest = [
            place,
            phone,
            person.id_number.reveal().as_bytes(),
            person.name.reveal().as_bytes(),
            &kinship,
            relative.statement.as_bytes(),
        ];
        Request::new(&input.request_id, "open for", &input.party, &rest)
    }

    /// A change of an opened wallet.
    pub(super) fn of_change(input: &'a ChangeInput) -> Request<'a> {
        let of = |method, rest: &[&[u8]]| Request::new(&input.request_id, method, &input.party, rest);
        match &input.change {
            WalletChange::Move(region) => of("move", &[&region.number().to_be_bytes()]),
            WalletChange::Freeze(code) => of("freeze", &[code.as_bytes()]),
            WalletChange::Unfreeze(code) => of("unfreeze", &[code.as_bytes()]),
            WalletChange::Close => of("close", &[]),
        }
    }

    /// What is journaled of it: keyed digests of its id and content. Callers build ids out of what they have, such as
    /// a number of a person, and a journal cannot forget.
    pub(super) fn mark(self, key: &VaultKey) -> RequestMark {
        let id = key.request_digest(&[b"request id ", self.request_id.as_bytes()].concat());
        RequestMark { request_id: hex(&id.0), digest: key.request_digest(&self.content) }
    }
}
