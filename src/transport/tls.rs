//! Mutual TLS: what a server presents and accepts, and channels to a server that must have the role that was dialled.

use crate::privacy::private_file::{self, PrivateFileError};
use crate::transport::identity::{IdentityError, Role};
use crate::transport::outgoing::Dial;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs, io};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

/// HTTP/2 flow-control window of connections and streams, in bytes: 4 MiB, for batches (a smaller one also trips h2's
/// guard against floods of small frames under many small calls).
pub const WINDOW: u32 = 4 << 20;
/// Between two pings on a quiet connection: a partition must not leave a dead one in use.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a ping may stay unanswered.
pub const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a TCP connect, and how long a TLS handshake may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What both sides speak over TLS (ALPN).
const ALPN_HTTP2: &[u8] = b"h2";
/// The port of an https:// address that names none.
const HTTPS_PORT: u16 = 443;

/// Where certificates and key are (PEM).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities whose peers are believed.
    pub ca: PathBuf,
    /// This side's certificate, with intermediates behind it.
    pub cert: PathBuf,
    /// Its private key; mode 0600.
    pub key: PathBuf,
}

/// Why TLS cannot be set up, or a server not be dialled.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The key's file cannot be read, or others may.
    #[error(transparent)]
    Key(#[from] PrivateFileError),
    /// A file does not hold what it should.
    #[error("{0}: {1}")]
    Content(PathBuf, String),
    /// The certificate names no role of this service.
    #[error("{0}: {1}")]
    Identity(PathBuf, #[source] IdentityError),
    /// The configuration makes it a server of one role, the certificate one of another.
    #[error("{path} is the certificate of {found}, but this server is {wanted}")]
    Role {
        /// The certificate.
        path: PathBuf,
        /// Whose it is.
        found: Role,
        /// Whose it should be.
        wanted: Role,
    },
    /// The address cannot be dialled so.
    #[error("address `{0}`: {1}")]
    Address(String, &'static str),
    /// The verifier or the endpoint refuses its settings.
    #[error("TLS: {0}")]
    Setup(String),
}

/// This side's certificate, key and authorities, read and found consistent. Serves and dials; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls {
    role: Role,
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Io(path.to_owned(), error))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| wrong(path, "holds no readable certificate (PEM)"))
}

fn wrong(path: &Path, what: impl ToString) -> TlsError {
    TlsError::Content(path.to_owned(), what.to_string())
}

impl Tls {
    /// Reads the three files. Everything that would make each later handshake fail is an error now: no PEM, a key
    /// that is another certificate's or that others may read, a certificate without a role.
    pub fn load(files: &TlsFiles) -> Result<Tls, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let ca = read(&files.ca)?;
        let mut roots = RootCertStore::empty();
        for root in certificates(&files.ca, &ca)? {
            roots.add(root).map_err(|error| wrong(&files.ca, error))?;
        }
        let cert = read(&files.cert)?;
        let chain = certificates(&files.cert, &cert)?;
        let role =
            Role::from_der(&chain[0]).map_err(|error| TlsError::Identity(files.cert.clone(), error))?;
        let key = private_file::read(&files.key)?;
        let parsed = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|_| wrong(&files.key, "holds no readable private key (PEM)"))?;
        CertifiedKey::from_der(chain.clone(), parsed.clone_key(), &provider)
            .map_err(|_| wrong(&files.key, format!("is not the key of {}", files.cert.display())))?;
        Ok(Tls { role, chain, key: Arc::new(parsed), roots: Arc::new(roots), provider })
    }

    /// The same for a server, whose certificate must be the one of the role that it is configured to be.
    pub fn load_server(files: &TlsFiles, wanted: &Role) -> Result<Tls, TlsError> {
        let tls = Tls::load(files)?;
        if tls.role != *wanted {
            let path = files.cert.clone();
            return Err(TlsError::Role { path, found: tls.role, wanted: wanted.clone() });
        }
        Ok(tls)
    }

    /// The role that the certificate names.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// A server's side. A client may come without a certificate (health is answered to everyone; the access layer
    /// refuses the rest); one that our authorities did not issue ends the handshake.
    ///
    /// # Errors
    /// When rustls refuses the authorities or the certificate.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let setup = |error: &dyn std::error::Error| TlsError::Setup(with_sources(error));
        let (roots, provider) = (Arc::clone(&self.roots), Arc::clone(&self.provider));
        let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(|error| setup(&error))?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?
            .with_client_cert_verifier(clients)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| setup(&error))?;
        config.alpn_protocols.push(ALPN_HTTP2.to_vec());
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// A client's side, for a server that must be `expected`.
    fn connector(&self, expected: Role) -> Result<TlsConnector, TlsError> {
        let setup = |error: &dyn std::error::Error| TlsError::Setup(with_sources(error));
        let (roots, provider) = (Arc::clone(&self.roots), Arc::clone(&self.provider));
        let chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|error| setup(&error))?;
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(RoleVerifier { chain, expected }))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| setup(&error))?;
        config.alpn_protocols.push(ALPN_HTTP2.to_vec());
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// A channel to the server with the role `expected` at `https://HOST:PORT`, or without `tls` at `http://` on loopback.
/// Connects at the first call and again after each loss; a server with another role, or of another authority, is never
/// spoken to. Must be called inside a tokio runtime.
pub fn channel(address: &str, tls: Option<&Tls>, expected: Role) -> Result<Channel, TlsError> {
    let refuse = |what| TlsError::Address(address.to_owned(), what);
    let uri: Uri = address.parse().map_err(|_| refuse("not a URL"))?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refuse("no host"))?;
    if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
        return Err(refuse("only scheme, host and port are meant"));
    }
    match (uri.scheme_str(), tls) {
        (Some("https"), Some(_)) => {}
        (Some("http"), None) if is_loopback(host) => {}
        (Some("http"), None) => return Err(refuse("http:// is for loopback only")),
        (Some("https"), None) => return Err(refuse("https:// needs certificates")),
        (Some("http"), Some(_)) => {
            return Err(refuse("http:// where certificates are configured; write https://"));
        }
        (_, _) => return Err(refuse("must begin with https://")),
    }
    let Some(tls) = tls else {
        return Ok(settings(uri).tcp_nodelay(true).connect_lazy());
    };
    let port = uri.port_u16().unwrap_or(HTTPS_PORT);
    let dial = Dial::new(host, port, tls.connector(expected)?).ok_or_else(|| refuse("no host"))?;
    // TLS is made below tonic, which therefore dials http://; what is asked for is still https://.
    let below = Uri::builder().scheme("http").authority(format!("{host}:{port}")).path_and_query("/").build();
    let below = below.map_err(|_| refuse("not a URL"))?;
    Ok(settings(below).origin(uri).connect_with_connector_lazy(dial))
}

/// How every connection is kept.
fn settings(uri: Uri) -> Endpoint {
    Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
}

/// Whether a URL's host is this machine without asking a name server.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An error with all its causes in one line: tonic's own text says only "transport error".
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// A server's certificate must be valid for the host, as everywhere, and name the role that was dialled.
#[derive(Debug)]
struct RoleVerifier {
    chain: Arc<WebPkiServerVerifier>,
    expected: Role,
}

/// The certificate is genuine, but not the dialled server's.
#[derive(thiserror::Error)]
#[error("the server is {found}, but {expected} was dialled")]
struct WrongServer {
    expected: Role,
    found: String,
}

/// As for people: rustls puts this form into its messages.
impl fmt::Debug for WrongServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ServerCertVerifier for RoleVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.chain.verify_server_cert(leaf, intermediates, name, ocsp_response, now)?;
        let found = match Role::from_der(leaf) {
            Ok(role) if role == self.expected => return Ok(verified),
            Ok(role) => role.to_string(),
            Err(error) => format!("unknown ({error})"),
        };
        let wrong = WrongServer { expected: self.expected.clone(), found };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(wrong)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
