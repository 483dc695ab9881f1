//! WalletService: opening and reading 医保钱包, and the statements of both accounts.

use super::members::standing;
use super::requests::Request as Asked;
use super::{Desk, problem_of_ask};
use crate::domain::id_number::Person;
use crate::domain::ledger::AccountKind;
use crate::domain::participant::{Input, Standing};
use crate::domain::reason::Reason;
use crate::domain::row::{EntryRow, Key, TableRow};
use crate::net::access_layer::caller;
use crate::net::convert::account::{entry_to_proto, wallet_to_proto};
use crate::net::convert::member::entry_scope;
use crate::net::convert::page::number_token;
use crate::net::identity::Role;
use crate::net::status::{Problem, problem_of_store};
use crate::proto::node::wallet_service_server::WalletService;
use crate::proto::node::{
    GetWalletRequest, GetWalletResponse, ListEntriesRequest, ListEntriesResponse, OpenWalletRequest,
    OpenWalletResponse, Wallet,
};
use crate::store::{StoreError, Tables};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(super) struct Wallets(pub(super) Arc<Desk>);

impl Desk {
    /// An app acts only for members of the provinces that it serves.
    fn may_serve(&self, role: &Role) -> Result<(), Problem> {
        let allowed = match role {
            Role::App(name) => self.grants.allows_province(name, self.province),
            Role::Hub | Role::Node(_) | Role::Platform(_) | Role::Operator(_) => true,
        };
        if allowed { Ok(()) } else { Err(Problem::new(Reason::ProvinceNotAllowed)) }
    }
}

fn shown(standing: &Standing, person: &Person) -> Result<Wallet, Problem> {
    let member = standing.member.as_ref().ok_or_else(|| Problem::new(Reason::MemberNotFound))?;
    let wallet = standing.wallet.as_ref().ok_or_else(|| Problem::new(Reason::WalletNotFound))?;
    Ok(wallet_to_proto(wallet, Some(&standing.wallet_account), person, member.region))
}

/// At most `limit` entries of one account, from this one backwards, and the one that a next page begins with.
fn statement(
    tables: &mut dyn Tables,
    from: u64,
    limit: usize,
) -> Result<(Vec<EntryRow>, Option<u64>), StoreError> {
    let (mut page, mut next) = (Vec::new(), from);
    while next != 0 && page.len() < limit {
        let rows = tables.load(&[Key::EntryRow(next)])?;
        let Some(row) = rows.iter().flatten().find_map(EntryRow::of) else { break };
        next = row.previous;
        page.push(row.clone());
    }
    Ok((page, (next != 0).then_some(next)))
}

#[tonic::async_trait]
impl WalletService for Wallets {
    async fn open_wallet(
        &self,
        request: Request<OpenWalletRequest>,
    ) -> Result<Response<OpenWalletResponse>, Status> {
        let desk = &self.0;
        desk.may_serve(&caller(&request)?)?;
        let input = desk.reading().open_wallet(request.get_ref())?;
        let member_ref = desk.member(&input.party.person).await?.member_ref;
        let request = Asked::of_opening(&input).mark(desk.vault.key());
        let use_region = input.use_region;
        let ask = |ticket| Input::OpenWallet { ticket, request, member_ref, use_region };
        let standing = standing(desk.engine.ask(ask).await.map_err(problem_of_ask)?)?;
        let wallet = shown(&standing, &input.party.person)?;
        Ok(Response::new(OpenWalletResponse { wallet: Some(wallet) }))
    }

    async fn get_wallet(
        &self,
        request: Request<GetWalletRequest>,
    ) -> Result<Response<GetWalletResponse>, Status> {
        let desk = &self.0;
        desk.may_serve(&caller(&request)?)?;
        let party = desk.reading().only_party(request.get_ref().party.as_ref())?;
        let member_ref = desk.member(&party.person).await?.member_ref;
        let standing = desk.look(member_ref).await?;
        let wallet = shown(&standing, &party.person)?;
        Ok(Response::new(GetWalletResponse { wallet: Some(wallet) }))
    }

    async fn list_entries(
        &self,
        request: Request<ListEntriesRequest>,
    ) -> Result<Response<ListEntriesResponse>, Status> {
        let desk = &self.0;
        desk.may_serve(&caller(&request)?)?;
        let query = desk.reading().list_entries(request.get_ref())?;
        let member_ref = desk.member(&query.party.person).await?.member_ref;
        let standing = desk.look(member_ref).await?;
        let account = match query.account {
            AccountKind::Wallet => standing.wallet_account,
            AccountKind::Personal
            | AccountKind::Allotment
            | AccountKind::Clearing
            | AccountKind::Suspense => standing.account,
        };
        let from = query.before.unwrap_or(account.last_entry);
        let read = move |tables: &mut dyn Tables| statement(tables, from, query.limit);
        let (page, next) = desk.lists.run(read).await.map_err(problem_of_store)?;
        // A token names an entry: one of another account was given for that account, or made up.
        if page.iter().any(|row| (row.member_ref, row.kind) != (member_ref, account.kind)) {
            return Err(Problem::field("page_token", Reason::PageTokenInvalid).into());
        }
        let next_page_token =
            next.map_or_else(String::new, |id| number_token(&entry_scope(account.kind), id));
        let entries = page.iter().map(entry_to_proto).collect();
        Ok(Response::new(ListEntriesResponse { entries, next_page_token }))
    }
}
