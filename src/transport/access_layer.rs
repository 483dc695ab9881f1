//! The gate before every service: finds the caller's role, asks the access table, and answers before anything of the
//! request is read.

use crate::domain::reason::Reason;
use crate::transport::access::{Denial, Grants, check};
use crate::transport::identity::Role;
use crate::transport::tls::Tls;
use crate::wire::status::{Problem, unreadable};
use rustls::pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tonic::Status;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use tower::{Layer, Service};

/// Metadata key in which a caller states its role where there is no TLS.
pub const ROLE_HEADER: &str = "gongji-role";

/// Certificates whose role is remembered; more than callers that one server has.
const KNOWN_MAX: usize = 4096;

/// For so long a role is remembered: on a connection that stays open, a certificate ends at most so much too late.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// How a server knows its callers.
#[derive(Clone, Debug)]
pub struct Trust(Mode);

#[derive(Clone, Debug)]
enum Mode {
    Certificates(Tls),
    StatedRole,
}

/// Plaintext was asked for on an address that other machines can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a loopback address: plaintext is for loopback only")]
pub struct NotLoopback(pub SocketAddr);

impl Trust {
    /// By the certificate that TLS has verified, and that `tls` still believes.
    pub fn certificates(tls: Tls) -> Trust {
        Trust(Mode::Certificates(tls))
    }

    /// By what callers state in [`ROLE_HEADER`]: anyone on this machine may be anything. Only for a server without
    /// TLS that listens on loopback; says so in the log.
    pub fn plaintext(listen: SocketAddr) -> Result<Trust, NotLoopback> {
        if !listen.ip().is_loopback() {
            return Err(NotLoopback(listen));
        }
        tracing::warn!(%listen, "PLAINTEXT: no encryption, and every caller is who it says it is ({ROLE_HEADER})");
        Ok(Trust(Mode::StatedRole))
    }
}

struct Shared {
    server: Role,
    trust: Trust,
    grants: Grants,
    status: fn(Reason) -> Status,
    message_bytes_max: usize,
    known: Mutex<Known>,
}

/// Role by leaf certificate: a handful of callers make millions of calls, and reading X.509 costs more than a call.
struct Known {
    /// Of the certificates and authorities by which the roles were found.
    generation: u64,
    since: Instant,
    roles: BTreeMap<Vec<u8>, Option<Role>>,
}

impl Known {
    fn new(generation: u64, since: Instant) -> Known {
        Known { generation, since, roles: BTreeMap::new() }
    }

    /// Forgets what may not be true any more.
    fn renew(&mut self, generation: u64, now: Instant) {
        let is_old = now.duration_since(self.since) >= KNOWN_FOR;
        if self.generation != generation || is_old || self.roles.len() >= KNOWN_MAX {
            *self = Known::new(generation, now);
        }
    }
}

/// Lets a request through with its [`Role`] among its extensions (none for a health check without a certificate), or
/// answers UNAUTHENTICATED, PERMISSION_DENIED or, for what is not in the table, UNIMPLEMENTED. On the way back it gives
/// tonic's own errors about requests that cannot be read the form of all others.
#[derive(Clone)]
pub struct AccessLayer(Arc<Shared>);

impl AccessLayer {
    /// For a server with the role `server` that reads messages up to `message_bytes_max`; `status` makes the error of a
    /// reason.
    pub fn new(
        server: Role,
        trust: Trust,
        grants: Grants,
        status: fn(Reason) -> Status,
        message_bytes_max: usize,
    ) -> AccessLayer {
        let known = Mutex::new(Known::new(0, Instant::now()));
        AccessLayer(Arc::new(Shared { server, trust, grants, status, message_bytes_max, known }))
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = AccessService<S>;

    fn layer(&self, inner: S) -> AccessService<S> {
        AccessService { inner, shared: Arc::clone(&self.0) }
    }
}

/// What [`AccessLayer`] makes of a service.
#[derive(Clone)]
pub struct AccessService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, B, R> Service<Request<B>> for AccessService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let role = self.shared.role_of(&request);
        match check(request.uri().path(), role.as_ref(), &self.shared.server, &self.shared.grants) {
            Ok(()) => {
                if let Some(role) = role {
                    let standing =
                        Standing { role: role.clone(), chain: chain(&request), by: Arc::clone(&self.shared) };
                    request.extensions_mut().insert(standing);
                    request.extensions_mut().insert(role);
                }
                let (answer, bytes_max) = (self.inner.call(request), self.shared.message_bytes_max);
                Box::pin(async move { answer.await.map(|response| readable(response, bytes_max)) })
            }
            Err(denial) => {
                let caller = role.as_ref().map(Role::to_string);
                tracing::debug!(path = request.uri().path(), caller, ?denial, "call denied");
                let status = match denial {
                    Denial::Because(reason) => (self.shared.status)(reason),
                    // As tonic's own router answers what it does not know.
                    Denial::NoSuchMethod => Status::unimplemented(""),
                };
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

/// An answer as it is, unless it is tonic's error about a request that it could not read. Such an error stands in the
/// headers: there is no body.
fn readable<R: Default>(response: Response<R>, bytes_max: usize) -> Response<R> {
    if !response.headers().contains_key(Status::GRPC_STATUS) {
        return response;
    }
    let status = Status::from_header_map(response.headers());
    match status.and_then(|status| unreadable(&status, bytes_max)) {
        Some(status) => status.into_http(),
        None => response,
    }
}

impl Shared {
    fn role_of<B>(&self, request: &Request<B>) -> Option<Role> {
        match &self.trust.0 {
            Mode::Certificates(tls) => self.role_of_certificate(&chain(request)?, tls),
            Mode::StatedRole => stated_role(request.headers()),
        }
    }

    /// A connection lives for weeks: who showed a certificate that has ended or been revoked since, or whose authority
    /// was dropped, has shown none.
    fn role_of_certificate(&self, chain: &[CertificateDer<'static>], tls: &Tls) -> Option<Role> {
        let leaf = chain.first()?.as_ref();
        // Nothing is left half done in the map by a panic: it is used on.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.renew(tls.generation(), Instant::now());
        if let Some(role) = known.roles.get(leaf) {
            return role.clone();
        }
        let role = Role::from_der(leaf).map_err(|error| error.to_string());
        let role =
            role.and_then(|role| tls.believes(chain).map(|()| role).map_err(|error| error.to_string()));
        if let Err(error) = &role {
            tracing::warn!(error, "the certificate of an open connection gives no role");
        }
        known.roles.insert(leaf.to_vec(), role.as_ref().ok().cloned());
        role.ok()
    }
}

/// The certificates that a caller has shown on this connection.
fn chain<B>(request: &Request<B>) -> Option<Chain> {
    request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>()?.peer_certs()
}

type Chain = Arc<Vec<CertificateDer<'static>>>;

/// Why a caller was let through; a call that lasts asks from time to time whether it still is so.
#[derive(Clone)]
pub struct Standing {
    role: Role,
    chain: Option<Chain>,
    by: Arc<Shared>,
}

impl Standing {
    /// Whether the caller would still be believed: his certificate was not revoked, and has not ended.
    pub fn holds(&self) -> bool {
        match (&self.by.trust.0, &self.chain) {
            (Mode::Certificates(tls), Some(chain)) => {
                self.by.role_of_certificate(chain, tls).as_ref() == Some(&self.role)
            }
            (Mode::Certificates(_), None) => false,
            (Mode::StatedRole, _) => true,
        }
    }

    /// Returns once the caller would not be believed any more, at most a minute late.
    pub async fn ended(&self) {
        while self.holds() {
            tokio::time::sleep(KNOWN_FOR).await;
        }
    }
}

fn stated_role(headers: &HeaderMap) -> Option<Role> {
    let mut stated = headers.get_all(ROLE_HEADER).iter();
    let role = stated.next()?.to_str().ok()?.parse().ok()?;
    stated.next().is_none().then_some(role)
}

/// Who calls: the layer has put it there.
///
/// # Errors
/// `CERTIFICATE_REQUIRED`, on a method that the table leaves open to everyone.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Role, Problem> {
    request.extensions().get::<Role>().cloned().ok_or_else(|| Problem::new(Reason::CertificateRequired))
}

/// Why he was let through.
///
/// # Errors
/// As of [`caller`].
pub fn standing<T>(request: &tonic::Request<T>) -> Result<Standing, Problem> {
    request.extensions().get::<Standing>().cloned().ok_or_else(|| Problem::new(Reason::CertificateRequired))
}

/// What a client adds to its calls: its role on a plaintext connection, nothing on TLS.
#[derive(Clone, Debug)]
pub struct StateRole(Option<MetadataValue<Ascii>>);

impl StateRole {
    /// For a TLS connection: the certificate says it.
    pub fn nothing() -> StateRole {
        StateRole(None)
    }

    /// For a plaintext connection.
    pub fn of(role: &Role) -> StateRole {
        // A role is printed in visible ASCII, which every header takes.
        StateRole(role.to_string().parse().ok())
    }
}

impl Interceptor for StateRole {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if let Some(role) = &self.0 {
            request.metadata_mut().insert(ROLE_HEADER, role.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
#[path = "access_layer_tests.rs"]
mod tests;
