//! How a server is reached: mutual TLS, or plaintext on loopback only.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Spanned;

/// `[tls]`: PEM files. The first three are required. The same certificate serves calls in and is shown on calls out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Certificates of the authorities whose clients and servers are trusted; several while one replaces another.
    pub ca: PathBuf,
    /// The certificate chain of this side; its URI SAN is its identity (`urn:gongji:hub`, `urn:gongji:node:13`).
    pub cert: PathBuf,
    /// The private key of `cert`, mode 0600.
    pub key: PathBuf,
    /// Revoked certificates: a list (CRL) of each authority that has one. Default: none is revoked.
    pub crl: Option<PathBuf>,
}

impl TlsFiles {
    /// These files, and no list of revoked certificates.
    pub fn new(ca: impl Into<PathBuf>, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsFiles {
        TlsFiles { ca: ca.into(), cert: cert.into(), key: key.into(), crl: None }
    }
}

/// How calls come in and go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Mutual TLS.
    Tls(TlsFiles),
    /// No TLS and no identities: every caller may do everything. Only on loopback, only for trying things out.
    PlaintextLoopback,
}

impl Transport {
    /// What the keys `tls` and `plaintext_loopback` (default false) say: exactly one of them, and plaintext only where
    /// `listen` is a loopback address.
    pub(super) fn of(
        tls: Option<Spanned<TlsFiles>>,
        plaintext_loopback: Option<&Spanned<bool>>,
        listen: &Spanned<SocketAddr>,
        source: &Source,
    ) -> Result<Transport, ConfigError> {
        let plaintext = plaintext_loopback.filter(|plaintext| *plaintext.get_ref());
        match (tls, plaintext) {
            (Some(tls), None) => {
                let TlsFiles { ca, cert, key, crl } = tls.into_inner();
                let [ca, cert, key] = [ca, cert, key].map(|path| source.resolve(&path));
                let crl = crl.map(|path| source.resolve(&path));
                Ok(Transport::Tls(TlsFiles { ca, cert, key, crl }))
            }
            (None, Some(_)) if listen.get_ref().ip().is_loopback() => Ok(Transport::PlaintextLoopback),
            (None, Some(_)) => {
                let what = format!(
                    "plaintext_loopback is on, but `listen` {} is no loopback address",
                    listen.get_ref()
                );
                Err(source.error(Some(listen.span()), what, "listen on 127.0.0.1, or give [tls] instead"))
            }
            (Some(_), Some(plaintext)) => {
                let what = "[tls] and plaintext_loopback are both given";
                Err(source.error(Some(plaintext.span()), what, "remove `plaintext_loopback`"))
            }
            (None, None) => Err(source.error(
                None,
                "[tls] is missing",
                "give ca, cert and key under [tls]; `gongji certs` makes them for a trial",
            )),
        }
    }

    /// Whether this is mutual TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self, Transport::Tls(_))
    }
}
