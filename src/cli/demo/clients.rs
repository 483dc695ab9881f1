//! What the demonstration calls, as any program would: the hub and the wallets as an app, the members as the
//! provinces' own platforms.

use super::cast::Member;
use super::error::DemoError;
use super::folder::{APP, Folder};
use super::stage::Addresses;
use crate::domain::reason::Reason;
use crate::domain::value::money::Money;
use crate::domain::value::region::ProvinceCode;
use crate::proto::hub::transfer_service_client::TransferServiceClient;
use crate::proto::hub::{
    AcceptTransferRequest, CreateTransferRequest, DeclineTransferRequest, ListTransfersRequest, Transfer,
    TransferState, WaitMode,
};
use crate::proto::node::member_service_client::MemberServiceClient;
use crate::proto::node::wallet_service_client::WalletServiceClient;
use crate::proto::node::{
    CreditAccountRequest, FreezeWalletRequest, GetMemberRequest, GetWalletRequest, OpenWalletRequest,
    UpsertMembersRequest, Wallet, WalletRelative,
};
use crate::proto::types::Kinship;
use crate::transport::identity::Role;
use crate::transport::peer::{Peer, Service};
use crate::transport::tls::Tls;
use crate::wire::status::{explain, problem_of};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tonic::{Request, Status};

/// How long one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// How long servers may take until they serve.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks at a server that does not serve yet.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Transfers of a page.
const PAGE: i32 = 1_000;
/// A number for the wallets' phones that nobody has.
const PHONE: &str = "00000000000";

/// A province's node, as its platform and as an app see it.
struct Node {
    peer: Peer,
    members: MemberServiceClient<Service>,
    wallets: WalletServiceClient<Service>,
    wallets_of_platform: WalletServiceClient<Service>,
}

/// Connections to all servers. Made inside a runtime; connect when they are first used.
pub(super) struct Clients {
    hub: Peer,
    transfers: TransferServiceClient<Service>,
    nodes: BTreeMap<ProvinceCode, Node>,
}

fn within<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_WITHIN);
    request
}

/// A call that must succeed did not. Messages of this service carry no personal data.
fn failed(what: &str) -> impl FnOnce(Status) -> DemoError {
    let what = what.to_owned();
    move |status| DemoError::Call(what, status.message().to_owned())
}

impl Clients {
    /// Clients with the folder's certificates.
    pub(super) fn new(folder: &Folder, addresses: &Addresses) -> Result<Clients, DemoError> {
        let dial = |address: &dyn std::fmt::Display, own: &Role, server: Role| {
            let tls = Tls::load(&folder.tls(own))?;
            Peer::new(&format!("https://{address}"), Some(&tls), server, own)
        };
        let app = Role::App(APP.to_owned());
        let hub = dial(&addresses.hub, &app, Role::Hub)?;
        let mut nodes = BTreeMap::new();
        for (province, address) in &addresses.nodes {
            let peer = dial(address, &app, Role::Node(*province))?;
            let platform = dial(address, &Role::Platform(*province), Role::Node(*province))?;
            let wallets = WalletServiceClient::new(peer.service());
            let members = MemberServiceClient::new(platform.service());
            let wallets_of_platform = WalletServiceClient::new(platform.service());
            nodes.insert(*province, Node { peer, members, wallets, wallets_of_platform });
        }
        Ok(Clients { transfers: TransferServiceClient::new(hub.service()), hub, nodes })
    }

    fn node(&self, province: ProvinceCode) -> Result<&Node, DemoError> {
        self.nodes.get(&province).ok_or_else(|| DemoError::Cast(format!("province {province} has no node")))
    }

    /// Waits until every server says that it serves; a node does once it has joined the hub.
    pub(super) async fn wait_until_serving(&self) -> Result<(), DemoError> {
        let since = Instant::now();
        let nodes = self.nodes.iter().map(|(province, node)| (format!("node {province}"), &node.peer));
        for (name, peer) in nodes.chain([("hub".to_owned(), &self.hub)]) {
            while let Err(status) = peer.probe("").await {
                if since.elapsed() > READY_WITHIN {
                    return Err(failed(&name)(status));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Reports members to their province. Members who are there already stay as they are.
    pub(super) async fn upsert(&self, province: ProvinceCode, members: &[&Member]) -> Result<(), DemoError> {
        let rows: Vec<UpsertMembersRequest> = members.iter().map(|member| member.report()).collect();
        let what = format!("node {province}, UpsertMembers");
        let mut client = self.node(province)?.members.clone();
        let answer = client.upsert_members(within(tokio_stream::iter(rows))).await.map_err(failed(&what))?;
        match answer.into_inner().rejected.into_iter().next() {
            None => Ok(()),
            Some(row) => {
                let said = row.error.as_ref().and_then(explain).map_or_else(String::new, |said| said.message);
                Err(DemoError::Call(what, format!("row {}: {said}", row.request_id)))
            }
        }
    }

    /// Books an allotment; once for a request id.
    pub(super) async fn credit(
        &self,
        member: &Member,
        request_id: String,
        amount: Money,
        period: &str,
    ) -> Result<(), DemoError> {
        let request = CreditAccountRequest {
            request_id,
            party: Some(member.party()),
            amount: amount.to_string(),
            period: period.to_owned(),
            remark: String::new(),
        };
        let mut client = self.node(member.province())?.members.clone();
        let what = format!("`{}`, CreditAccount", member.key);
        client.credit_account(within(request)).await.map(drop).map_err(failed(&what))
    }

    /// Opens a member's wallet, if it is not open yet.
    pub(super) async fn open_wallet(&self, member: &Member) -> Result<(), DemoError> {
        let request = OpenWalletRequest {
            request_id: format!("demo-wallet-{}", member.key),
            party: Some(member.party()),
            use_region_code: String::new(),
            phone: PHONE.to_owned(),
            confirmed: true,
            opened_by: None,
        };
        let mut client = self.node(member.province())?.wallets.clone();
        let what = format!("`{}`, OpenWallet", member.key);
        client.open_wallet(within(request)).await.map(drop).map_err(failed(&what))
    }

    /// What is in a member's personal account.
    pub(super) async fn account(&self, member: &Member) -> Result<Money, DemoError> {
        let what = format!("`{}`, GetMember", member.key);
        let request = within(GetMemberRequest { party: Some(member.party()) });
        let answer = self.node(member.province())?.members.clone().get_member(request).await;
        let answer = answer.map_err(failed(&what))?.into_inner();
        money(&what, &answer.member.unwrap_or_default().balance)
    }

    /// What is in a member's wallet, if he has one.
    pub(super) async fn wallet(&self, member: &Member) -> Result<Option<Money>, DemoError> {
        let what = format!("`{}`, GetWallet", member.key);
        let request = within(GetWalletRequest { party: Some(member.party()) });
        match self.node(member.province())?.wallets.clone().get_wallet(request).await {
            Ok(answer) => money(&what, &answer.into_inner().wallet.unwrap_or_default().balance).map(Some),
            Err(status) => match problem_of(&status) {
                Some(said) if said.code == Reason::WalletNotFound.code() => Ok(None),
                Some(_) | None => Err(failed(&what)(status)),
            },
        }
    }

    /// A relative opens a member's wallet, as an app states it. Asked again it is the same request.
    pub(super) async fn open_for(
        &self,
        member: &Member,
        relative: &Member,
        kinship: Kinship,
    ) -> Result<Wallet, Status> {
        let opened_by = WalletRelative {
            person: relative.party().person,
            kinship: kinship.into(),
            statement: "已核验双方身份证影像".to_owned(),
        };
        let request = OpenWalletRequest {
            request_id: format!("demo-relative-{}", member.key),
            party: Some(member.party()),
            use_region_code: String::new(),
            phone: PHONE.to_owned(),
            confirmed: true,
            opened_by: Some(opened_by),
        };
        let node = self.node(member.province()).map_err(|error| Status::unknown(error.to_string()))?;
        let answer = node.wallets.clone().open_wallet(within(request)).await?.into_inner();
        answer.wallet.ok_or_else(|| Status::unknown("the node's answer has no wallet"))
    }

    /// A member's province freezes his wallet. Asked again it is the same request.
    pub(super) async fn freeze(&self, member: &Member) -> Result<Wallet, Status> {
        let request = FreezeWalletRequest {
            request_id: format!("demo-freeze-{}", member.key),
            party: Some(member.party()),
            reason_code: "SUSPECTED_MISUSE".to_owned(),
        };
        let node = self.node(member.province()).map_err(|error| Status::unknown(error.to_string()))?;
        let answer = node.wallets_of_platform.clone().freeze_wallet(within(request)).await?.into_inner();
        answer.wallet.ok_or_else(|| Status::unknown("the node's answer has no wallet"))
    }

    /// The payee takes a transfer.
    pub(super) async fn accept(&self, transfer_id: String, payee: &Member) -> Result<Transfer, Status> {
        let (payee, wait) = (Some(payee.party()), WaitMode::Recorded.into());
        let request = AcceptTransferRequest { transfer_id, payee, wait };
        let answer = self.transfers.clone().accept_transfer(within(request)).await?.into_inner();
        answer.transfer.ok_or_else(|| Status::unknown("the hub's answer has no transfer"))
    }

    /// The payee declines a transfer.
    pub(super) async fn decline(&self, transfer_id: String, payee: &Member) -> Result<Transfer, Status> {
        let (payee, wait) = (Some(payee.party()), WaitMode::Recorded.into());
        let request = DeclineTransferRequest { transfer_id, payee, wait };
        let answer = self.transfers.clone().decline_transfer(within(request)).await?.into_inner();
        answer.transfer.ok_or_else(|| Status::unknown("the hub's answer has no transfer"))
    }

    /// Asks for a transfer, once.
    pub(super) async fn transfer(&self, request: CreateTransferRequest) -> Result<Transfer, Status> {
        let answer = self.transfers.clone().create_transfer(within(request)).await?.into_inner();
        answer.transfer.ok_or_else(|| Status::unknown("the hub's answer has no transfer"))
    }

    /// Every committed transfer since the folder was made.
    pub(super) async fn committed(&self) -> Result<Vec<Transfer>, DemoError> {
        let (mut transfers, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListTransfersRequest {
                page_size: PAGE,
                page_token,
                state: TransferState::Committed.into(),
                ..ListTransfersRequest::default()
            };
            let answer = self.transfers.clone().list_transfers(within(request)).await;
            let mut answer = answer.map_err(failed("hub, ListTransfers"))?.into_inner();
            transfers.append(&mut answer.transfers);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(transfers);
            }
        }
    }
}

/// An amount that a server answered.
pub(super) fn money(what: &str, text: &str) -> Result<Money, DemoError> {
    Money::parse(text).map_err(|error| DemoError::Call(what.to_owned(), error.to_string()))
}
