//! Mutual TLS: what a side shows and whom it believes, in one place for its server and its clients, and renewed there.

use crate::config::transport::TlsFiles;
use crate::privacy::private_file::PrivateFileError;
use crate::transport::identity::{IdentityError, Role};
use crate::transport::material::{Contents, Material, Term, seconds_now};
use crate::transport::refusals::Refusals;
use crate::transport::role_verifier::RoleVerifier;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::SingleCertAndKey;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_rustls::{TlsAcceptor, TlsConnector};

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
    /// A certificate that nobody believes as it stands: its days, or its kind.
    #[error("{path}: {english}")]
    Unfit {
        /// Its file.
        path: PathBuf,
        /// What is wrong, with its days.
        english: String,
        /// The same in Chinese, in short.
        chinese: &'static str,
    },
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

/// This side's certificate, key and authorities. Serves and dials; what is read again counts for every handshake from
/// then on, of server and clients alike. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: TlsFiles,
    /// Never another after a reload.
    role: Role,
    current: RwLock<Current>,
    /// Counts the contents that were taken, from 0.
    generation: AtomicU64,
    refusals: Refusals,
}

#[derive(Clone)]
struct Current {
    material: Arc<Material>,
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.material.fmt(f)
    }
}

impl Current {
    fn read(files: &TlsFiles) -> Result<Current, TlsError> {
        let material = Arc::new(Material::of(files, &Contents::read(files)?, seconds_now())?);
        let acceptor = acceptor(&material)?;
        Ok(Current { material, acceptor })
    }

    /// The same, which must be of this role.
    fn read_as(files: &TlsFiles, wanted: &Role) -> Result<Current, TlsError> {
        let current = Current::read(files)?;
        if current.material.role != *wanted {
            let (path, found) = (files.cert.clone(), current.material.role.clone());
            return Err(TlsError::Role { path, found, wanted: wanted.clone() });
        }
        Ok(current)
    }
}

impl Tls {
    /// Reads the files. Everything that would make each later handshake fail is an error now: no PEM, a key that is
    /// another certificate's or that others may read, a certificate without a role, one that has expired or is not
    /// valid yet, an authority that is none.
    ///
    /// # Errors
    /// What is wrong, with its file.
    pub fn load(files: &TlsFiles) -> Result<Tls, TlsError> {
        Current::read(files).map(|current| Tls::new(files, current))
    }

    /// The same for a server, whose certificate must be the one of the role that it is configured to be.
    ///
    /// # Errors
    /// What is wrong, with its file.
    pub fn load_server(files: &TlsFiles, wanted: &Role) -> Result<Tls, TlsError> {
        Current::read_as(files, wanted).map(|current| Tls::new(files, current))
    }

    fn new(files: &TlsFiles, current: Current) -> Tls {
        let role = current.material.role.clone();
        let (files, current) = (files.clone(), RwLock::new(current));
        Tls(Arc::new(Shared {
            files,
            role,
            current,
            generation: AtomicU64::new(0),
            refusals: Refusals::default(),
        }))
    }

    /// Reads the files again. New contents count for every handshake from now on; what was in force stays when they
    /// are not sound. True: they were new.
    ///
    /// # Errors
    /// What is wrong, with its file.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let next = Current::read_as(&self.0.files, &self.0.role)?;
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.material.fingerprint == next.material.fingerprint {
            return Ok(false);
        }
        *current = next;
        self.0.generation.fetch_add(1, Ordering::Release);
        Ok(true)
    }

    /// Counts the contents that came into force after the first.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// The role that the certificate names.
    pub fn role(&self) -> &Role {
        &self.0.role
    }

    /// What of it ends, and when.
    pub fn terms(&self) -> Vec<Term> {
        self.current().material.terms.clone()
    }

    /// What handshakes were refused for, in the log at a bounded rate.
    pub fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// The hash of the files' contents in force, and of those that are in the files now; none when they cannot be read.
    pub fn fingerprints(&self) -> ([u8; 32], Option<[u8; 32]>) {
        let found = Contents::read(&self.0.files).ok().map(|contents| contents.fingerprint());
        (self.current().material.fingerprint, found)
    }

    fn current(&self) -> Current {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A server's side, as it is at this moment. A client may come without a certificate (health is answered to
    /// everyone; the access layer refuses the rest); one that our authorities did not issue ends the handshake.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current().acceptor
    }

    /// Whether a client that shows these certificates would be believed at this moment: it may have connected before
    /// an authority was dropped or its certificate revoked.
    pub fn believes(&self, chain: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
        let Some((leaf, between)) = chain.split_first() else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        let clients = Arc::clone(&self.current().material.clients);
        clients.verify_client_cert(leaf, between, UnixTime::now()).map(drop)
    }

    /// A client's side, as it is at this moment, for a server that must be `expected`.
    pub(super) fn connector(&self, expected: Role) -> Result<TlsConnector, rustls::Error> {
        let material = self.current().material;
        let verifier = RoleVerifier::new(Arc::clone(&material.servers), expected);
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&material.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&material.own))));
        config.alpn_protocols.push(ALPN_HTTP2.to_vec());
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn acceptor(material: &Material) -> Result<TlsAcceptor, TlsError> {
    let own = Arc::new(SingleCertAndKey::from(Arc::clone(&material.own)));
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(&material.provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup(with_sources(&error)))?
        .with_client_cert_verifier(Arc::clone(&material.clients))
        .with_cert_resolver(own);
    config.alpn_protocols.push(ALPN_HTTP2.to_vec());
    Ok(TlsAcceptor::from(Arc::new(config)))
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

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod renewal_tests;
