//! WalletService: opening and reading 医保钱包, and the statements of both accounts.

use super::members::standing;
use super::requests::Request as Asked;
use super::{Desk, problem_of_ask};
use crate::domain::id_number::Person;
use crate::domain::participant::{Input, Standing};
use crate::domain::reason::Reason;
use crate::domain::row::{EntryRow, TableRow};
use crate::domain::scan::{Filter, Scan};
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
        let before = query.before.unwrap_or(u64::MAX);
        let filter = Filter::EntriesBefore(member_ref, query.account, before);
        let scan = Scan { filter, after: None, limit: query.limit + 1 };
        let rows = desk.lists.run(move |tables| tables.scan(&scan)).await.map_err(problem_of_store)?;
        let more = rows.len() > query.limit;
        let page: Vec<&EntryRow> = rows.iter().filter_map(EntryRow::of).take(query.limit).collect();
        let last = page.last().filter(|_| more).map(|row| row.entry_no);
        let next_page_token =
            last.map_or_else(String::new, |no| number_token(&entry_scope(query.account), no));
        let entries = page.into_iter().map(entry_to_proto).collect();
        Ok(Response::new(ListEntriesResponse { entries, next_page_token }))
    }
}
