//! What hub and nodes serve alike: TLS, the access layer, limits, health, reflection, and a stop that drains.

use super::calls::Calls;
use super::health::Health;
use crate::config::ServerConfig;
use crate::config::transport::Transport;
use crate::engine::EngineError;
use crate::privacy::key_file::KeyFileError;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::server::common::certificate_reload;
use crate::server::common::vault_keys::VaultKeyError;
use crate::store::StoreError;
use crate::store::rulebook_archive::TextError;
use crate::transport::access::{GrantError, Grants};
use crate::transport::access_layer::{AccessLayer, NotLoopback, Trust};
use crate::transport::identity::Role;
use crate::transport::incoming::TlsIncoming;
use crate::transport::tls::{PING_INTERVAL, PING_TIMEOUT, Tls, TlsError, WINDOW, with_sources};
use crate::wire::status::status;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::server::HealthReporter;

/// After a stop is asked for, calls that are running get so long to end.
const DRAIN: Duration = Duration::from_secs(10);
/// Connections on which no call is running get so long to be closed from the other side.
const CLOSE: Duration = Duration::from_millis(300);

/// Why a server cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Certificates or keys.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Plaintext outside loopback.
    #[error(transparent)]
    Plaintext(#[from] NotLoopback),
    /// The address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// What was to be listened on.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// Serving itself.
    #[error("serving failed: {0}")]
    Serve(String),
}

/// Why a server cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The texts of its rulebook.
    #[error(transparent)]
    Texts(#[from] TextError),
    /// Its engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Its vault's key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Its vault's key, which is not that of its store.
    #[error(transparent)]
    Vault(#[from] VaultKeyError),
    /// Its network side.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The address of a server that it calls.
    #[error(transparent)]
    Peer(#[from] TlsError),
    /// What its configuration grants to apps.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A copy of its store.
    #[error(
        "another server runs on a copy of this store and has taken its place at the hub: stop one of the two for good"
    )]
    Fenced,
}

/// A server before it serves: its role, its certificate, and its open port.
#[derive(Debug)]
pub struct Setup {
    role: Role,
    tls: Option<Tls>,
    trust: Trust,
    listener: TcpListener,
    address: SocketAddr,
}

impl Setup {
    /// Reads certificates and opens the port.
    pub async fn new(config: &ServerConfig, role: Role) -> Result<Setup, ServeError> {
        let tls = match &config.transport {
            Transport::PlaintextLoopback => None,
            Transport::Tls(files) => Some(Tls::load_server(files, &role)?),
        };
        tls.iter().for_each(certificate_reload::tell_ends);
        config.callers.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        let listen = |error| ServeError::Listen { address: config.listen, error };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let trust =
            tls.clone().map_or_else(|| Trust::plaintext(address), |tls| Ok(Trust::certificates(tls)))?;
        Ok(Setup { role, tls, trust, listener, address })
    }

    /// Where it listens: the port that the system gave, when the configuration leaves it to the system.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its role.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Its certificate, for dialling others; none on plaintext.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Serves `services` until `stop`, then lets running calls end, and cuts off those that do not.
    pub async fn serve(
        self,
        config: &ServerConfig,
        services: Routes,
        grants: Grants,
        health: Health,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        // The layers that a call passes, outermost first: HTTP/2 limits, TLS, the count of calls, role and access, then
        // the services.
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(config.limits.streams_max)
            .http2_keepalive_interval(Some(PING_INTERVAL))
            .http2_keepalive_timeout(Some(PING_TIMEOUT));
        let access = AccessLayer::new(self.role, self.trust, grants, status, config.limits.message_bytes_max);
        let calls = Calls::default();
        let router = server.layer(calls.clone()).layer(access).add_routes(services);
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let (stopping, stopped) = tokio::sync::oneshot::channel();
        let signal = async move {
            stop.await;
            health.stop().await;
            // The hard stop below may be gone already: then serving has ended.
            let _ = stopping.send(());
        };
        let hard_stop = async {
            // Serving ended before it was asked to: the other branch says why.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
            timeout(DRAIN, calls.none_for(CLOSE)).await
        };
        let renewing = self.tls.clone().map(|tls| tokio::spawn(certificate_reload::run(tls)));
        let serve = async {
            match self.tls {
                Some(tls) => {
                    router.serve_with_incoming_shutdown(TlsIncoming::new(incoming, tls), signal).await
                }
                None => router.serve_with_incoming_shutdown(incoming, signal).await,
            }
        };
        let served = tokio::select! {
            served = serve => served.map_err(|error| ServeError::Serve(with_sources(&error))),
            ended = hard_stop => {
                if ended.is_err() {
                    tracing::warn!("calls that did not end in time were cut off");
                }
                Ok(())
            }
        };
        renewing.iter().for_each(tokio::task::JoinHandle::abort);
        served
    }
}

/// Health, and reflection where it is switched on, beside the services of `routes`, which `names` lists.
pub fn with_health(
    routes: Routes,
    names: &[&str],
    reflection: bool,
) -> Result<(HealthReporter, Routes), ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let mut routes = routes.add_service(health);
    if reflection {
        // One descriptor set holds the services of hub and nodes: only this server's are to be listed.
        let builder = || {
            let all = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .with_service_name("grpc.health.v1.Health");
            names.iter().fold(all, |builder, name| builder.with_service_name(*name))
        };
        let wrong = |error: tonic_reflection::server::Error| ServeError::Serve(error.to_string());
        routes = routes.add_service(builder().build_v1().map_err(wrong)?);
        routes = routes.add_service(builder().build_v1alpha().map_err(wrong)?);
    }
    Ok((reporter, routes))
}
