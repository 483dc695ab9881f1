//! One caller — an app, a platform, an operator, a node — and typed calls to the servers of a site.

use super::site::Site;
use super::until::until;
use crate::domain::value::ProvinceCode;
use crate::proto::Method;
use crate::proto::hub::transfer_service_client::TransferServiceClient;
use crate::proto::hub::{
    AcceptTransferRequest, CheckTransferRequest, CheckTransferResponse, CreateTransferRequest,
    DeclineTransferRequest, GetTransferRequest, ListTransfersRequest, Transfer, TransferState, WaitMode,
};
use crate::proto::node::member_service_client::MemberServiceClient;
use crate::proto::node::{
    CreditAccountRequest, GetMemberRequest, GetWalletRequest, Member, OpenWalletRequest,
    UpsertMembersRequest, UpsertMembersResponse, Wallet,
};
use crate::proto::types::Party;
use crate::transport::channel::channel;
use crate::transport::identity::Role;
use crate::transport::peer::{MESSAGE_MAX, call};
use crate::transport::tls::{Tls, TlsError};
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Deadline of a call: far more than any needs, so that a busy machine decides nothing.
const WITHIN: Duration = Duration::from_secs(30);
/// Transfers of a page.
const PAGE: i32 = 1_000;

/// A request with the ordinary deadline.
pub fn within<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(WITHIN);
    request
}

/// The province of a person's place of insurance.
pub fn province_of(party: &Party) -> ProvinceCode {
    party.region_code.get(..2).and_then(ProvinceCode::parse).unwrap_or(ProvinceCode::HUB)
}

/// Connections of one caller. Each use makes one of its own, until they are kept.
#[derive(Clone, Debug)]
pub struct Caller(BTreeMap<Role, Dial>);

/// How a server is reached.
#[derive(Clone, Debug)]
enum Dial {
    /// As our own clients do it, with a certificate; only a server with this role is spoken to.
    As(String, Tls),
    /// As tonic does it, without a certificate.
    Plainly(Box<Endpoint>),
    /// By a connection that is there.
    By(Channel),
}

impl Caller {
    /// Who shows this certificate to these servers, each known by its URL.
    pub fn new(servers: impl IntoIterator<Item = (Role, String)>, tls: &Tls) -> Caller {
        Caller(servers.into_iter().map(|(role, url)| (role, Dial::As(url, tls.clone()))).collect())
    }

    /// The same for all servers of a site.
    pub fn at(site: &Site, tls: &Tls) -> Caller {
        Caller::new(site.addresses().keys().map(|server| (server.clone(), site.url(server))), tls)
    }

    /// Somebody without a certificate, over TLS that trusts this authority (PEM).
    ///
    /// # Errors
    /// When the authority's certificate is none.
    pub fn nobody(site: &Site, ca: &[u8]) -> Result<Caller, tonic::transport::Error> {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        let dial = |server: &Role| {
            let endpoint = Endpoint::from_shared(site.url(server))?.tls_config(tls.clone())?;
            Ok((server.clone(), Dial::Plainly(Box::new(endpoint))))
        };
        Ok(Caller(site.addresses().keys().map(dial).collect::<Result<_, tonic::transport::Error>>()?))
    }

    /// The same caller, whose connections are made now and kept. They end with the runtime that they are made in.
    ///
    /// # Errors
    /// When an address is none.
    pub fn keep(self) -> Result<Caller, TlsError> {
        let kept =
            self.0.into_iter().map(|(server, dial)| Ok((server.clone(), Dial::By(dial.channel(&server)?))));
        Ok(Caller(kept.collect::<Result<_, TlsError>>()?))
    }

    /// A connection to a server. One that is not known is dialled where nobody listens.
    pub fn channel(&self, server: &Role) -> Channel {
        let known = self.0.get(server).and_then(|dial| dial.channel(server).ok());
        known.unwrap_or_else(|| Endpoint::from_static("http://127.0.0.1:0").connect_lazy())
    }

    /// TransferService.
    pub fn transfers(&self) -> TransferServiceClient<Channel> {
        TransferServiceClient::new(self.channel(&Role::Hub)).max_decoding_message_size(MESSAGE_MAX)
    }

    /// Asks the hub.
    pub async fn ask_hub<M: Method>(&self, message: M) -> Result<M::Answer, Status> {
        call(self.channel(&Role::Hub), within(message)).await
    }

    /// Asks a province's node.
    pub async fn ask_node<M: Method>(&self, province: ProvinceCode, message: M) -> Result<M::Answer, Status> {
        call(self.channel(&Role::Node(province)), within(message)).await
    }

    /// Whether a server says that it serves; a node does once it has joined the hub.
    ///
    /// # Errors
    /// When it does not, or cannot be reached.
    pub async fn probe(&self, server: &Role) -> Result<(), Status> {
        let mut health = HealthClient::new(self.channel(server));
        match health.check(within(HealthCheckRequest::default())).await?.into_inner().status() {
            ServingStatus::Serving => Ok(()),
            _ => Err(Status::unavailable("not serving yet")),
        }
    }

    /// The same as yes or no.
    pub async fn serves(&self, server: &Role) -> bool {
        self.probe(server).await.is_ok()
    }

    /// Waits until every server serves.
    ///
    /// # Errors
    /// The first that does not in time, and what it says.
    pub async fn wait_until_serving(&self, patience: Duration) -> Result<(), (Role, Status)> {
        for server in self.0.keys() {
            if until(patience, async || self.probe(server).await.ok()).await.is_none() {
                self.probe(server).await.map_err(|status| (server.clone(), status))?;
            }
        }
        Ok(())
    }

    /// CreateTransfer, once.
    pub async fn create(&self, request: CreateTransferRequest) -> Result<Transfer, Status> {
        there(self.ask_hub(request).await?.transfer)
    }

    /// CheckTransfer of what a request says.
    pub async fn check(&self, request: &CreateTransferRequest) -> Result<CheckTransferResponse, Status> {
        self.ask_hub(CheckTransferRequest::from(request.clone())).await
    }

    /// AcceptTransfer by this person.
    pub async fn accept(&self, transfer_id: &str, payee: &Party) -> Result<Transfer, Status> {
        let (payee, wait) = (Some(payee.clone()), WaitMode::Recorded.into());
        let request = AcceptTransferRequest { transfer_id: transfer_id.to_owned(), payee, wait };
        there(self.ask_hub(request).await?.transfer)
    }

    /// DeclineTransfer by this person.
    pub async fn decline(&self, transfer_id: &str, payee: &Party) -> Result<Transfer, Status> {
        let (payee, wait) = (Some(payee.clone()), WaitMode::Recorded.into());
        let request = DeclineTransferRequest { transfer_id: transfer_id.to_owned(), payee, wait };
        there(self.ask_hub(request).await?.transfer)
    }

    /// GetTransfer.
    pub async fn get(&self, transfer_id: &str) -> Result<Transfer, Status> {
        let request = GetTransferRequest { transfer_id: transfer_id.to_owned() };
        there(self.ask_hub(request).await?.transfer)
    }

    /// ListTransfers, all pages; of one state, or with [`TransferState::Unspecified`] of all.
    pub async fn list(&self, state: TransferState) -> Result<Vec<Transfer>, Status> {
        let state = state.into();
        let request =
            |page_token| ListTransfersRequest { page_size: PAGE, page_token, state, ..Default::default() };
        self.pages(request, |it| (it.transfers, it.next_page_token)).await
    }

    /// A list of the hub's, all pages: `request` makes the request for the page of a token, `rows` takes the rows and
    /// the next token out of its answer.
    pub async fn pages<M: Method, T>(
        &self,
        request: impl Fn(String) -> M,
        rows: impl Fn(M::Answer) -> (Vec<T>, String),
    ) -> Result<Vec<T>, Status> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let (more, next) = rows(self.ask_hub(request(token)).await?);
            all.extend(more);
            if next.is_empty() {
                return Ok(all);
            }
            token = next;
        }
    }

    /// UpsertMembers of rows of one province.
    pub async fn upsert(
        &self,
        province: ProvinceCode,
        rows: Vec<UpsertMembersRequest>,
    ) -> Result<UpsertMembersResponse, Status> {
        let mut members = MemberServiceClient::new(self.channel(&Role::Node(province)));
        let answer = members.upsert_members(within(tokio_stream::iter(rows))).await;
        answer.map(tonic::Response::into_inner)
    }

    /// CreditAccount: an allotment for a month, "202611"; booked once for a request id.
    pub async fn credit(
        &self,
        request_id: &str,
        party: &Party,
        (amount, period): (&str, &str),
    ) -> Result<(), Status> {
        let request = CreditAccountRequest {
            request_id: request_id.to_owned(),
            party: Some(party.clone()),
            amount: amount.to_owned(),
            period: period.to_owned(),
            remark: String::new(),
        };
        self.ask_node(province_of(party), request).await.map(drop)
    }

    /// OpenWallet.
    pub async fn open_wallet(&self, request: OpenWalletRequest) -> Result<Wallet, Status> {
        let province = request.party.as_ref().map_or(ProvinceCode::HUB, province_of);
        there(self.ask_node(province, request).await?.wallet)
    }

    /// GetMember.
    pub async fn member(&self, party: &Party) -> Result<Member, Status> {
        let request = GetMemberRequest { party: Some(party.clone()) };
        there(self.ask_node(province_of(party), request).await?.member)
    }

    /// GetWallet.
    pub async fn wallet(&self, party: &Party) -> Result<Wallet, Status> {
        let request = GetWalletRequest { party: Some(party.clone()) };
        there(self.ask_node(province_of(party), request).await?.wallet)
    }
}

impl Dial {
    fn channel(&self, server: &Role) -> Result<Channel, TlsError> {
        match self {
            Dial::As(url, tls) => channel(url, Some(tls), server.clone()),
            Dial::Plainly(endpoint) => Ok(endpoint.connect_lazy()),
            Dial::By(channel) => Ok(channel.clone()),
        }
    }
}

/// What an answer must carry.
fn there<T>(part: Option<T>) -> Result<T, Status> {
    part.ok_or_else(|| Status::unknown("the answer does not say what was asked for"))
}
