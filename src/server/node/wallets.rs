//! WalletService: the life of 医保钱包, and the statements of both accounts.

use super::Shared;
use super::requests::Said;
use super::statement::{Period, page, statement, windows_of};
use crate::domain::node::tables::{AccountRow, HolderRow};
use crate::domain::node::{Input, Record, Standing};
use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, MemberRef, Person, ProvinceCode};
use crate::privacy::holder::{Holder, RelativeSaid};
use crate::proto::node::wallet_service_server::WalletService;
use crate::proto::node::{
    ChangePlaceRequest, ChangePlaceResponse, CloseWalletRequest, CloseWalletResponse, FreezeWalletRequest,
    FreezeWalletResponse, GetStatementRequest, GetStatementResponse, GetWalletRequest, GetWalletResponse,
    ListEntriesRequest, ListEntriesResponse, OpenWalletRequest, OpenWalletResponse, UnfreezeWalletRequest,
    UnfreezeWalletResponse, Wallet,
};
use crate::server::common::Answer;
use crate::store::AnyTables;
use crate::transport::access::Grants;
use crate::transport::access_layer::caller;
use crate::transport::identity::Role;
use crate::wire::account::{entry_to_proto, suspense_text, wallet_to_proto};
use crate::wire::member::{OpenInput, entry_scope};
use crate::wire::page::number_token;
use crate::wire::reader::Reader;
use crate::wire::status::Problem;
use crate::wire::wallet::{ChangeInput, Relative};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// WalletService, over what the server shares.
pub(super) struct Wallets(pub(super) Arc<Shared>);

impl Shared {
    /// An app acts only for members of the provinces that it serves, and a platform for its own.
    fn may_serve(&self, role: &Role) -> Result<(), Problem> {
        let allowed = serves(role, self.province, &self.grants);
        if allowed { Ok(()) } else { Err(Problem::new(Reason::ProvinceNotAllowed)) }
    }
}

/// Whether a caller with this role acts for members of the province. The table of access comes first; here only who
/// does is named.
fn serves(role: &Role, province: ProvinceCode, grants: &Grants) -> bool {
    match role {
        Role::App(name) => grants.allows_province(name, province),
        Role::Platform(own) => *own == province,
        Role::Hub | Role::Node(_) | Role::Operator(_) | Role::Finance(..) => false,
    }
}

impl Shared {
    /// What is said when a wallet is opened, sealed.
    fn holder(&self, member_ref: MemberRef, input: &OpenInput) -> HolderRow {
        let said = |relative: &Relative| RelativeSaid {
            number: relative.person.id_number.reveal().to_owned(),
            name: relative.person.name.reveal().to_owned(),
            statement: relative.statement.clone(),
        };
        let holder =
            Holder { phone: input.phone.reveal().to_owned(), relative: input.opened_by.as_ref().map(said) };
        HolderRow { member_ref, sealed: self.vault.key().seal_holder(member_ref, &holder) }
    }

    /// One of a member's two accounts.
    async fn account<T>(
        &self,
        said: &Said<T>,
        (party, kind): (&Party, AccountKind),
    ) -> Result<AccountRow, Problem> {
        let standing = self.look_at(said, party).await?;
        Ok(match kind {
            AccountKind::Wallet => standing.wallet_account,
            AccountKind::Personal
            | AccountKind::Allotment
            | AccountKind::Clearing
            | AccountKind::Suspense
            | AccountKind::PersonalSuspense
            | AccountKind::WalletSuspense => standing.account,
        })
    }

    /// Carries out a change of an opened wallet. Who may ask for it, the table of access says.
    async fn change(
        &self,
        role: Role,
        read: impl Fn(&Reader<'_>) -> Result<ChangeInput, Problem>,
    ) -> Result<Option<Wallet>, Status> {
        self.may_serve(&role)?;
        let said = self.said(read)?;
        let change = said.today.change.clone();
        let ask = |ticket, request, member_ref| Input::ChangeWallet { ticket, request, member_ref, change };
        let (standing, person) = self.carry_out(&said, ask).await?;
        Ok(Some(shown(&standing, &person)?))
    }
}

fn shown(standing: &Standing, person: &Person) -> Result<Wallet, Problem> {
    let member = standing.member.as_ref().ok_or_else(|| Problem::new(Reason::MemberNotFound))?;
    let wallet = standing.wallet.as_ref().ok_or_else(|| Problem::new(Reason::WalletNotFound))?;
    let suspense = suspense_text(standing.wallet_suspense);
    Ok(Wallet { suspense, ..wallet_to_proto(wallet, Some(&standing.wallet_account), person, member.region) })
}

#[tonic::async_trait]
impl WalletService for Wallets {
    async fn open_wallet(&self, request: Request<OpenWalletRequest>) -> Answer<OpenWalletResponse> {
        let shared = &self.0;
        shared.may_serve(&caller(&request)?)?;
        let said = shared.said(|reader| reader.open_wallet(request.get_ref()))?;
        let input = &said.today;
        let (use_region, opened_by) = (input.use_region, input.opened_by.as_ref().map(|it| it.kinship));
        let open = |ticket, request, member_ref| {
            let holder = Some(shared.holder(member_ref, input));
            Input::OpenWallet { ticket, request, member_ref, use_region, opened_by, holder }
        };
        let (standing, person) = shared.carry_out(&said, open).await?;
        let wallet = shown(&standing, &person)?;
        Ok(Response::new(OpenWalletResponse { wallet: Some(wallet) }))
    }

    async fn get_wallet(&self, request: Request<GetWalletRequest>) -> Answer<GetWalletResponse> {
        let shared = &self.0;
        shared.may_serve(&caller(&request)?)?;
        let said = shared.said(|reader| reader.only_party(request.get_ref().party.as_ref()))?;
        let party = &said.today;
        let wallet = shown(&*shared.look_at(&said, party).await?, &party.person)?;
        Ok(Response::new(GetWalletResponse { wallet: Some(wallet) }))
    }

    async fn list_entries(&self, request: Request<ListEntriesRequest>) -> Answer<ListEntriesResponse> {
        let shared = &self.0;
        shared.may_serve(&caller(&request)?)?;
        let said = shared.said(|reader| reader.list_entries(request.get_ref()))?;
        let query = &said.today;
        let account = shared.account(&said, (&query.party, query.account)).await?;
        let from = query.before.unwrap_or(account.last_entry);
        // A token names an entry: one that is later than the account's last, or of another account, was given for that
        // account, or before the store was restored, or made up.
        let wrong = || Problem::field("page_token", Reason::PageTokenInvalid);
        if from > account.last_entry {
            return Err(wrong().into());
        }
        let limit = query.limit;
        let read = move |tables: &mut AnyTables<Record>| {
            let (page, next) = page(tables, from, limit)?;
            Ok((windows_of(tables, &page)?, page, next))
        };
        let (windows, page, next) = shared.lists.run(read).await?;
        if page.iter().any(|row| (row.member_ref, row.kind) != (account.member_ref, account.kind)) {
            return Err(wrong().into());
        }
        let next_page_token =
            next.map_or_else(String::new, |id| number_token(&entry_scope(account.kind), id));
        let entries = page.iter().zip(windows).map(|(row, window)| entry_to_proto(row, window)).collect();
        Ok(Response::new(ListEntriesResponse { entries, next_page_token }))
    }

    async fn get_statement(&self, request: Request<GetStatementRequest>) -> Answer<GetStatementResponse> {
        let shared = &self.0;
        shared.may_serve(&caller(&request)?)?;
        let said = shared.said(|reader| reader.get_statement(request.get_ref()))?;
        let query = &said.today;
        let account = shared.account(&said, (&query.party, query.account)).await?;
        let (from, to, before, limit) = (query.from, query.to, query.before, query.limit);
        let period = Period { last_entry: account.last_entry, from, to, before, limit };
        let read = move |tables: &mut AnyTables<Record>| {
            let found = statement(tables, period)?;
            Ok((windows_of(tables, &found.page)?, found))
        };
        let (windows, found) = shared.lists.run(read).await?;
        let lines = found.page.iter().zip(windows);
        // A token names an entry of the period: another one was given for somebody else, or made up.
        if before.is_some() && found.page.is_empty() {
            return Err(Problem::field("page_token", Reason::PageTokenInvalid).into());
        }
        let sums = found.credit.zip(found.debit);
        let (credit, debit) = sums.ok_or_else(|| Problem::new(Reason::Overflow))?;
        let next = found.next.map(|id| number_token(&query.scope(), id));
        Ok(Response::new(GetStatementResponse {
            opening_balance: found.opening.to_string(),
            closing_balance: found.closing.to_string(),
            credit_sum: credit.to_string(),
            debit_sum: debit.to_string(),
            entry_count: found.count,
            entries: lines.map(|(row, window)| entry_to_proto(row, window)).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn change_place(&self, request: Request<ChangePlaceRequest>) -> Answer<ChangePlaceResponse> {
        let read = |reader: &Reader<'_>| reader.change_place(request.get_ref());
        let wallet = self.0.change(caller(&request)?, read).await?;
        Ok(Response::new(ChangePlaceResponse { wallet }))
    }

    async fn freeze_wallet(&self, request: Request<FreezeWalletRequest>) -> Answer<FreezeWalletResponse> {
        let read = |reader: &Reader<'_>| reader.freeze_wallet(request.get_ref());
        let wallet = self.0.change(caller(&request)?, read).await?;
        Ok(Response::new(FreezeWalletResponse { wallet }))
    }

    async fn unfreeze_wallet(
        &self,
        request: Request<UnfreezeWalletRequest>,
    ) -> Answer<UnfreezeWalletResponse> {
        let read = |reader: &Reader<'_>| reader.unfreeze_wallet(request.get_ref());
        let wallet = self.0.change(caller(&request)?, read).await?;
        Ok(Response::new(UnfreezeWalletResponse { wallet }))
    }

    async fn close_wallet(&self, request: Request<CloseWalletRequest>) -> Answer<CloseWalletResponse> {
        let read = |reader: &Reader<'_>| reader.close_wallet(request.get_ref());
        let wallet = self.0.change(caller(&request)?, read).await?;
        Ok(Response::new(CloseWalletResponse { wallet }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::access::AppGrant;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn an_app_serves_what_it_was_granted_a_platform_its_own_province_and_nobody_else_any() {
        let (hebei, sichuan) = (ProvinceCode::new(13), ProvinceCode::new(51));
        let grant = AppGrant { provinces: BTreeSet::from([hebei]), methods: BTreeSet::new() };
        let grants = Grants::new(BTreeMap::from([("demo".to_owned(), grant)])).expect("sound");
        let app = |name: &str| Role::App(name.to_owned());
        let cases = [
            (app("demo"), hebei, true),
            (app("demo"), sichuan, false),
            (app("other"), hebei, false),
            (Role::Platform(hebei), hebei, true),
            (Role::Platform(sichuan), hebei, false),
            (Role::Node(hebei), hebei, false),
            (Role::Hub, hebei, false),
            (Role::Operator("li".to_owned()), hebei, false),
        ];
        for (role, province, expected) in cases {
            assert_eq!(serves(&role, province, &grants), expected, "{role} in {province}");
        }
    }
}
