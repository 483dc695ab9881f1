//! A node that says it serves and then never answers: what a province looks like when it hangs.

use super::site::Site;
use gongji::proto::node::participant_service_server::{ParticipantService, ParticipantServiceServer};
use gongji::proto::node::{
    CheckRequest, CheckResponse, DecideRequest, DecideResponse, InspectRequest, InspectResponse,
    PrepareRequest, PrepareResponse,
};
use gongji::transport::incoming::TlsIncoming;
use std::future::pending;
use std::net::SocketAddr;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct Deaf;

#[tonic::async_trait]
impl ParticipantService for Deaf {
    async fn prepare(&self, _: Request<PrepareRequest>) -> Result<Response<PrepareResponse>, Status> {
        pending().await
    }

    async fn decide(&self, _: Request<DecideRequest>) -> Result<Response<DecideResponse>, Status> {
        pending().await
    }

    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        pending().await
    }

    async fn inspect(&self, _: Request<InspectRequest>) -> Result<Response<InspectResponse>, Status> {
        pending().await
    }
}

/// Serves as that province's node until the returned task is dropped with its runtime.
pub fn serve(site: &Site, province: &str) -> tokio::task::JoinHandle<()> {
    let tls = site.tls(&format!("node:{province}"));
    let address = SocketAddr::from(([127, 0, 0, 1], site.port(province)));
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder().add_service(health).add_service(ParticipantServiceServer::new(Deaf));
    let incoming = TcpIncoming::bind(address).expect("a port");
    let incoming = TlsIncoming::new(incoming, tls.acceptor().expect("sound settings"));
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.expect("it serves") })
}
