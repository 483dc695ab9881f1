//! A province's own node, as far as the contract demands one: ParticipantService, and nothing beside it.

use super::site::Site;
use gongji::proto::node::participant_service_server::{ParticipantService, ParticipantServiceServer};
use gongji::proto::node::{
    CheckRequest, CheckResponse, DecideRequest, DecideResponse, InspectRequest, InspectResponse,
    PrepareRequest, PrepareResponse,
};
use gongji::transport::incoming::TlsIncoming;
use std::net::SocketAddr;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Has no legs.
struct Bare;

#[tonic::async_trait]
impl ParticipantService for Bare {
    async fn prepare(&self, _: Request<PrepareRequest>) -> Result<Response<PrepareResponse>, Status> {
        Err(Status::unavailable("not yet"))
    }

    async fn decide(&self, _: Request<DecideRequest>) -> Result<Response<DecideResponse>, Status> {
        Err(Status::unavailable("not yet"))
    }

    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Err(Status::unavailable("not yet"))
    }

    async fn inspect(&self, _: Request<InspectRequest>) -> Result<Response<InspectResponse>, Status> {
        Ok(Response::new(InspectResponse::default()))
    }
}

/// Serves as that province's node until the returned task is aborted.
pub fn serve(site: &Site, province: &str) -> tokio::task::JoinHandle<()> {
    let tls = site.tls(&format!("node:{province}"));
    let address = SocketAddr::from(([127, 0, 0, 1], site.port(province)));
    let incoming = TcpIncoming::bind(address).expect("a port");
    let incoming = TlsIncoming::new(incoming, tls.acceptor().expect("sound settings"));
    let server = Server::builder().add_service(ParticipantServiceServer::new(Bare));
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.expect("it serves") })
}
