//! A province's own node, as far as the contract demands one: ParticipantService, and nothing of ours beside it.

use super::site::{Site, server};
use gongji::proto::node::participant_service_server::{ParticipantService, ParticipantServiceServer};
use gongji::proto::node::{
    AnnounceRequest, AnnounceResponse, CheckRequest, CheckResponse, DecideRequest, DecideResponse,
    InspectRequest, InspectResponse, PrepareRequest, PrepareResponse,
};
use gongji::transport::incoming::TlsIncoming;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Mutex;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

/// How a node refuses every call.
pub struct Refuses {
    pub code: Code,
    /// Calls with a decision, by transfer.
    pub decides: BTreeMap<String, usize>,
}

/// What it does when it is asked.
#[derive(Clone, Copy)]
pub enum Node {
    /// It has no legs and takes none. There is nothing beside ParticipantService, no health either.
    Bare,
    /// It says that it serves, and never answers: what a province looks like when it hangs.
    Deaf,
    /// It says that it serves, and refuses every call in this way. Calls with a decision are counted, by transfer.
    Refusing(&'static Mutex<Refuses>),
    /// As Bare, and Inspect is answered so.
    Telling(fn(&InspectRequest) -> InspectResponse),
}

impl Node {
    async fn answer<T>(self, answer: Result<T, Status>) -> Result<Response<T>, Status> {
        match self {
            Node::Bare | Node::Telling(_) => answer.map(Response::new),
            Node::Refusing(refuses) => {
                let code = refuses.lock().expect("sound").code;
                answer.map(Response::new).map_err(|error| Status::new(code, error.message()))
            }
            Node::Deaf => pending().await,
        }
    }
}

fn not_yet<T>() -> Result<T, Status> {
    Err(Status::unavailable("not yet"))
}

#[tonic::async_trait]
impl ParticipantService for Node {
    async fn prepare(&self, _: Request<PrepareRequest>) -> Result<Response<PrepareResponse>, Status> {
        self.answer(not_yet()).await
    }

    async fn decide(&self, request: Request<DecideRequest>) -> Result<Response<DecideResponse>, Status> {
        if let Node::Refusing(refuses) = self {
            let mut refuses = refuses.lock().expect("sound");
            for decision in request.into_inner().decisions {
                *refuses.decides.entry(decision.transfer_id).or_default() += 1;
            }
        }
        self.answer(not_yet()).await
    }

    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        self.answer(not_yet()).await
    }

    /// As one that was written before there were notices.
    async fn announce(&self, _: Request<AnnounceRequest>) -> Result<Response<AnnounceResponse>, Status> {
        self.answer(Err(Status::unimplemented("announce"))).await
    }

    async fn inspect(&self, request: Request<InspectRequest>) -> Result<Response<InspectResponse>, Status> {
        let told = match self {
            Node::Telling(tells) => tells(request.get_ref()),
            Node::Bare | Node::Deaf | Node::Refusing(_) => InspectResponse::default(),
        };
        self.answer(Ok(told)).await
    }
}

impl Node {
    /// Serves as that province's node until the returned task is aborted, or dropped with its runtime.
    pub fn serve(self, site: &Site, province: &str) -> tokio::task::JoinHandle<()> {
        let tls = site.tls(&format!("node:{province}"));
        let incoming = TcpIncoming::bind(site.layout().address(&server(province))).expect("a port");
        let incoming = TlsIncoming::new(incoming, tls.clone());
        let health = (!matches!(self, Node::Bare | Node::Telling(_)))
            .then(|| tonic_health::server::health_reporter().1);
        let service = ParticipantServiceServer::new(self);
        let server = Server::builder().add_optional_service(health).add_service(service);
        tokio::spawn(async move { server.serve_with_incoming(incoming).await.expect("it serves") })
    }
}
