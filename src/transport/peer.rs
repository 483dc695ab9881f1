//! A connection to another server of ours, whose role is checked before a word is said.

use crate::proto::{Codec, Method};
use crate::transport::access_layer::StateRole;
use crate::transport::channel::channel;
use crate::transport::identity::Role;
use crate::transport::tls::{Tls, TlsError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{Body as HttpBody, StdError};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// What clients are made over.
pub type Service = InterceptedService<Channel, StateRole>;

/// Largest answer that is read: a thousand votes with their sealed legs.
pub const MESSAGE_MAX: usize = 64 << 20;

/// Makes the call that a request is for, over a channel or a peer's service.
pub async fn call<M: Method, S>(service: S, request: Request<M>) -> Result<M::Answer, Status>
where
    S: GrpcService<Body>,
    S::Error: Into<StdError>,
    S::ResponseBody: HttpBody<Data = tonic::codegen::Bytes> + Send + 'static,
    <S::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    let mut client = Grpc::new(service).max_decoding_message_size(MESSAGE_MAX);
    let unready = |error: S::Error| Status::unknown(format!("Service was not ready: {}", error.into()));
    client.ready().await.map_err(unready)?;
    let path = PathAndQuery::from_static(M::PATH);
    Ok(client.unary(request, path, Codec::default()).await?.into_inner())
}

/// Another server. Cheap to clone; connects when it is first used, again after a loss, and anew after this side's
/// certificate or authorities were renewed: calls that run then end on the connection that they began on.
#[derive(Clone, Debug)]
pub struct Peer {
    dial: Arc<Dial>,
    channel: Arc<Mutex<(u64, Channel)>>,
    state: StateRole,
}

/// What a new connection needs.
#[derive(Debug)]
struct Dial {
    address: String,
    tls: Option<Tls>,
    expected: Role,
}

impl Dial {
    fn generation(&self) -> u64 {
        self.tls.as_ref().map_or(0, Tls::generation)
    }

    fn channel(&self) -> Result<Channel, TlsError> {
        channel(&self.address, self.tls.as_ref(), self.expected.clone())
    }
}

/// What this side itself found, in place of an answer.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error("no answer in time")]
    Late,
    #[error("it says that it does not serve")]
    NotServing,
}

impl From<Silence> for Status {
    fn from(silence: Silence) -> Status {
        let code = match silence {
            Silence::Late => Code::DeadlineExceeded,
            Silence::NotServing => Code::Unavailable,
        };
        let mut status = Status::new(code, silence.to_string());
        status.set_source(Arc::new(silence));
        status
    }
}

impl Peer {
    /// The server at `address`, accepted only if it is `expected`. `own`: what this side is, stated on a plaintext
    /// connection, where no certificate says it.
    pub fn new(address: &str, tls: Option<&Tls>, expected: Role, own: &Role) -> Result<Peer, TlsError> {
        let state = if tls.is_some() { StateRole::nothing() } else { StateRole::of(own) };
        let dial = Dial { address: address.to_owned(), tls: tls.cloned(), expected };
        let channel = Arc::new(Mutex::new((dial.generation(), dial.channel()?)));
        Ok(Peer { dial: Arc::new(dial), channel, state })
    }

    /// The connection of this moment.
    fn channel(&self) -> Channel {
        let mut current = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 != self.dial.generation() {
            self.dial_anew(&mut current);
        }
        current.1.clone()
    }

    fn dial_anew(&self, current: &mut (u64, Channel)) {
        let generation = self.dial.generation();
        // The address was fit before.
        if let Ok(channel) = self.dial.channel() {
            *current = (generation, channel);
        }
    }

    /// The next call dials anew: what was lost on a connection that fell silent comes again only after ever longer
    /// pauses.
    pub fn reconnect(&self) {
        self.dial_anew(&mut self.channel.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What to make a client over.
    pub fn service(&self) -> Service {
        InterceptedService::new(self.channel(), self.state.clone())
    }

    /// Makes the call that a request is for; so long it may take, a new connection included.
    pub async fn call<M: Method>(&self, message: M, within: Duration) -> Result<M::Answer, Status> {
        let mut request = Request::new(message);
        request.set_timeout(within);
        tokio::time::timeout(within, call(self.service(), request))
            .await
            .unwrap_or_else(|_| Err(Silence::Late.into()))
    }

    /// Whether the server is there and serves `service`; a server that does not tell its services apart is asked as a
    /// whole. So long it may take, a new connection included.
    pub async fn probe(&self, service: &str, within: Duration) -> Result<(), Status> {
        let health = async {
            match self.health(service).await {
                Err(error) if error.code() == Code::NotFound => self.health("").await,
                status => status,
            }
        };
        match tokio::time::timeout(within, health).await.unwrap_or_else(|_| Err(Silence::Late.into()))? {
            ServingStatus::Serving => Ok(()),
            _ => Err(Silence::NotServing.into()),
        }
    }

    async fn health(&self, service: &str) -> Result<ServingStatus, Status> {
        let request = Request::new(HealthCheckRequest { service: service.to_owned() });
        Ok(HealthClient::new(self.channel()).check(request).await?.into_inner().status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Response;
    use tonic::transport::Server;
    use tonic::transport::server::TcpIncoming;
    use tonic_health::pb::HealthCheckResponse;
    use tonic_health::pb::health_server::{Health, HealthServer};

    /// Says of itself that it serves, of "idle" that it does not, and of "ill" nothing; it knows no other.
    struct Said;

    #[tonic::async_trait]
    impl Health for Said {
        async fn check(
            &self,
            request: Request<HealthCheckRequest>,
        ) -> Result<Response<HealthCheckResponse>, Status> {
            let status = match request.into_inner().service.as_str() {
                "" | "able" => ServingStatus::Serving,
                "idle" => ServingStatus::NotServing,
                "ill" => return Err(Status::data_loss("ill")),
                _ => return Err(Status::not_found("no such service")),
            };
            Ok(Response::new(HealthCheckResponse { status: status.into() }))
        }

        type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;

        async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
            Ok(Response::new(tokio_stream::empty()))
        }
    }

    #[tokio::test]
    async fn a_service_is_asked_for_and_the_server_where_it_is_not_told_apart() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let server = Server::builder().add_service(HealthServer::new(Said));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        let peer = Peer::new(&address, None, Role::Hub, &Role::Hub).expect("an address");
        let mut said = Vec::new();
        for service in ["able", "unheard of", "idle", "ill"] {
            let probed = peer.probe(service, Duration::from_secs(20)).await;
            said.push(probed.map_or_else(|status| status.code(), |()| Code::Ok));
        }
        assert_eq!(said, [Code::Ok, Code::Ok, Code::Unavailable, Code::DataLoss]);
    }
}
