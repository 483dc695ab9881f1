//! Whoever calls: an app, a platform, a node, a stranger.

use super::site::Site;
use gongji::proto::hub::coordinator_service_client::CoordinatorServiceClient;
use gongji::proto::hub::region_service_client::RegionServiceClient;
use gongji::proto::hub::transfer_service_client::TransferServiceClient;
use gongji::proto::hub::{
    AcceptTransferRequest, CheckTransferRequest, CheckTransferResponse, CreateTransferRequest,
    DeclineTransferRequest, GetTransferRequest, Transfer, WaitMode,
};
use gongji::proto::node::member_service_client::MemberServiceClient;
use gongji::proto::node::participant_service_client::ParticipantServiceClient;
use gongji::proto::node::wallet_service_client::WalletServiceClient;
use gongji::proto::types::Party;
use gongji::transport::identity::Role;
use gongji::transport::tls::{Tls, channel};
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Deadline of ordinary calls: far more than any needs, so that a busy machine decides no test.
const WITHIN: Duration = Duration::from_secs(30);

/// A request with the ordinary deadline.
pub fn within<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(WITHIN);
    request
}

/// How a server is reached.
#[derive(Clone, Debug)]
enum Dial {
    /// As our own clients do it, with a certificate.
    As(String, Tls, Role),
    /// As tonic does it, with none.
    Plainly(Box<Endpoint>),
}

/// Connections of one caller, made when they are used.
#[derive(Clone, Debug)]
pub struct Caller {
    servers: BTreeMap<String, Dial>,
}

impl Caller {
    /// With this certificate.
    pub fn with(site: &Site, tls: &Tls) -> Caller {
        let dial = |server: &str| {
            let expected = if server == "hub" {
                "urn:gongji:hub".to_owned()
            } else {
                format!("urn:gongji:node:{server}")
            };
            let expected: Role = expected.parse().expect("a role");
            Dial::As(site.url(server), tls.clone(), expected)
        };
        Caller { servers: servers(site).map(|server| (server.to_owned(), dial(server))).collect() }
    }

    /// Without a certificate, over TLS.
    pub fn nobody(site: &Site) -> Caller {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(site.ca()));
        let dial = |server: &str| {
            let endpoint = Endpoint::from_shared(site.url(server)).expect("an address");
            let endpoint = endpoint.tls_config(tls.clone()).expect("sound settings");
            Dial::Plainly(Box::new(endpoint))
        };
        Caller { servers: servers(site).map(|server| (server.to_owned(), dial(server))).collect() }
    }

    /// A connection to "hub" or to a province's node.
    pub fn channel(&self, server: &str) -> Channel {
        match &self.servers[server] {
            Dial::As(address, tls, role) => channel(address, Some(tls), role.clone()).expect("an address"),
            Dial::Plainly(endpoint) => endpoint.connect_lazy(),
        }
    }

    /// TransferService.
    pub fn transfers(&self) -> TransferServiceClient<Channel> {
        TransferServiceClient::new(self.channel("hub")).max_decoding_message_size(64 << 20)
    }

    /// CoordinatorService.
    pub fn coordinator(&self) -> CoordinatorServiceClient<Channel> {
        CoordinatorServiceClient::new(self.channel("hub"))
    }

    /// RegionService.
    pub fn regions(&self) -> RegionServiceClient<Channel> {
        RegionServiceClient::new(self.channel("hub"))
    }

    /// MemberService of a province.
    pub fn members(&self, province: &str) -> MemberServiceClient<Channel> {
        MemberServiceClient::new(self.channel(province))
    }

    /// WalletService of a province.
    pub fn wallets(&self, province: &str) -> WalletServiceClient<Channel> {
        WalletServiceClient::new(self.channel(province))
    }

    /// ParticipantService of a province.
    pub fn participant(&self, province: &str) -> ParticipantServiceClient<Channel> {
        ParticipantServiceClient::new(self.channel(province))
    }

    /// Health of "hub" or of a province's node.
    pub fn health(&self, server: &str) -> Health {
        Health(HealthClient::new(self.channel(server)))
    }

    /// CreateTransfer, once.
    pub async fn create(&self, request: CreateTransferRequest) -> Result<Transfer, Status> {
        let answer = self.transfers().create_transfer(within(request)).await?;
        Ok(answer.into_inner().transfer.expect("an answer carries the transfer"))
    }

    /// CheckTransfer of what a request says.
    pub async fn check(&self, request: &CreateTransferRequest) -> Result<CheckTransferResponse, Status> {
        let request = request.clone();
        let check = CheckTransferRequest {
            payer: request.payer,
            payee: request.payee,
            kinship: request.kinship,
            amount: request.amount,
            remark: request.remark,
            verification: request.verification,
        };
        self.transfers().check_transfer(within(check)).await.map(tonic::Response::into_inner)
    }

    /// AcceptTransfer by this person.
    pub async fn accept(&self, transfer_id: &str, payee: &Party) -> Result<Transfer, Status> {
        let request = AcceptTransferRequest {
            transfer_id: transfer_id.to_owned(),
            payee: Some(payee.clone()),
            wait: WaitMode::Recorded.into(),
        };
        let answer = self.transfers().accept_transfer(within(request)).await?;
        Ok(answer.into_inner().transfer.expect("an answer carries the transfer"))
    }

    /// DeclineTransfer by this person.
    pub async fn decline(&self, transfer_id: &str, payee: &Party) -> Result<Transfer, Status> {
        let request = DeclineTransferRequest {
            transfer_id: transfer_id.to_owned(),
            payee: Some(payee.clone()),
            wait: WaitMode::Recorded.into(),
        };
        let answer = self.transfers().decline_transfer(within(request)).await?;
        Ok(answer.into_inner().transfer.expect("an answer carries the transfer"))
    }

    /// GetTransfer.
    pub async fn get(&self, transfer_id: &str) -> Result<Transfer, Status> {
        let request = GetTransferRequest { transfer_id: transfer_id.to_owned() };
        let answer = self.transfers().get_transfer(within(request)).await?;
        Ok(answer.into_inner().transfer.expect("an answer carries the transfer"))
    }
}

fn servers(site: &Site) -> impl Iterator<Item = &str> {
    let options = site.options();
    std::iter::once("hub").chain(options.provinces.iter().chain(&options.strangers).copied())
}

/// A server's health.
pub struct Health(HealthClient<Channel>);

impl Health {
    /// Whether it says that it serves.
    pub async fn serves(&mut self) -> bool {
        let answer = self.0.check(within(HealthCheckRequest::default())).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }
}
