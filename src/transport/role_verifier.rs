//! A server must be the one that was dialled.

use crate::transport::identity::Role;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use std::fmt;
use std::sync::Arc;

/// A server's certificate must be valid for the host, as everywhere, and name the role that was dialled.
#[derive(Debug)]
pub(super) struct RoleVerifier {
    chain: Arc<WebPkiServerVerifier>,
    expected: Role,
}

impl RoleVerifier {
    /// What `chain` believes, and the role in it is this one.
    pub(super) fn new(chain: Arc<WebPkiServerVerifier>, expected: Role) -> RoleVerifier {
        RoleVerifier { chain, expected }
    }
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
