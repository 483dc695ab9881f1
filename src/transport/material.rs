//! What one side shows and whom it believes, read from its files and found sound: certificate, key, authorities, and
//! which certificates are revoked.

use crate::config::transport::TlsFiles;
use crate::privacy::private_file;
use crate::transport::identity::Role;
use crate::transport::tls::{TlsError, with_sources};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

const DAY_SECONDS: i64 = 86_400;

/// The bytes of the files.
pub(super) struct Contents {
    ca: Vec<u8>,
    cert: Vec<u8>,
    key: Vec<u8>,
    crl: Option<Vec<u8>>,
}

impl Contents {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or others than its owner may read the key.
    pub(super) fn read(files: &TlsFiles) -> Result<Contents, TlsError> {
        let read = |path: &PathBuf| fs::read(path).map_err(|error| TlsError::Io(path.clone(), error));
        Ok(Contents {
            ca: read(&files.ca)?,
            cert: read(&files.cert)?,
            key: private_file::read(&files.key)?,
            crl: files.crl.as_ref().map(read).transpose()?,
        })
    }

    /// A hash by which other contents are known from these.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&self.ca, &self.cert, &self.key].into_iter().chain(&self.crl) {
            hash.update(Sha256::digest(part));
        }
        hash.finalize().into()
    }
}

/// Something that ends: a certificate, or the time within which a list of revoked ones is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its file.
    path: PathBuf,
    /// What it is: "the certificate of CN=urn:gongji:hub".
    what: String,
    /// When it ends, in seconds since 1970.
    ends: i64,
}

/// How near an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// Within 30 days.
    Month,
    /// Within 7 days.
    Week,
    /// Within a day, or past.
    Day,
}

impl Term {
    /// How near the end is at `now` (seconds since 1970); none when it is more than 30 days away.
    pub fn nearness(&self, now: i64) -> Option<Nearness> {
        let within = |days: i64| self.ends <= now.saturating_add(days * DAY_SECONDS);
        [(1, Nearness::Day), (7, Nearness::Week), (30, Nearness::Month)]
            .into_iter()
            .find_map(|(days, nearness)| within(days).then_some(nearness))
    }

    /// The end for people, with what is left at `now`.
    pub fn said(&self, now: i64) -> String {
        let (path, what, at) = (self.path.display(), &self.what, at(self.ends));
        if self.ends < now {
            return format!("{path}: {what} ended on {at}: replace it");
        }
        format!("{path}: {what} ends in {} days, on {at}: replace it before", self.days_left(now))
    }

    /// Whole days from `now` to the end.
    pub fn days_left(&self, now: i64) -> i64 {
        self.ends.saturating_sub(now).div_euclid(DAY_SECONDS)
    }
}

/// A moment for people, in UTC.
fn at(seconds: i64) -> String {
    let since = Duration::from_secs(seconds.try_into().unwrap_or(0));
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string()
}

/// The machine's clock, in seconds since 1970, by which TLS judges certificates.
pub fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}

/// All that a side shows and believes, ready for handshakes.
pub(super) struct Material {
    pub(super) role: Role,
    pub(super) own: Arc<CertifiedKey>,
    pub(super) provider: Arc<CryptoProvider>,
    /// Judges clients.
    pub(super) clients: Arc<dyn ClientCertVerifier>,
    /// Judges servers, all but their role.
    pub(super) servers: Arc<WebPkiServerVerifier>,
    pub(super) fingerprint: [u8; 32],
    pub(super) terms: Vec<Term>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("role", &self.role)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

fn wrong(path: &Path, what: impl ToString) -> TlsError {
    TlsError::Content(path.to_owned(), what.to_string())
}

fn unfit(path: &Path, english: String, chinese: &'static str) -> TlsError {
    TlsError::Unfit { path: path.to_owned(), english, chinese }
}

const NO_AUTHORITY: &str = "该证书不是签发机构的证书（缺少 CA:true）";

fn setup(error: &dyn std::error::Error) -> TlsError {
    TlsError::Setup(with_sources(error))
}

impl Material {
    /// Everything that would make each later handshake fail is an error now: no PEM, a key that is another
    /// certificate's, a certificate without a role, one that is not valid at `now` (seconds since 1970), an authority
    /// that is none.
    pub(super) fn of(files: &TlsFiles, contents: &Contents, now: i64) -> Result<Material, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut terms = Vec::new();
        let authorities = pem(&files.ca, &contents.ca)?;
        let roots = Arc::new(roots(&files.ca, &authorities, now, &mut terms)?);
        let chain = pem(&files.cert, &contents.cert)?;
        let role =
            Role::from_der(&chain[0]).map_err(|error| TlsError::Identity(files.cert.clone(), error))?;
        check_chain(&files.cert, &chain, now, &mut terms)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| wrong(&files.key, "holds no readable private key (PEM)"))?;
        let own = CertifiedKey::from_der(chain, key, &provider)
            .map_err(|_| wrong(&files.key, format!("is not the key of {}", files.cert.display())))?;
        let crls = match files.crl.as_ref().zip(contents.crl.as_ref()) {
            Some((path, text)) => revocations(path, text, &authorities, now, &mut terms)?,
            None => Vec::new(),
        };
        // An authority without a list revokes nothing. A list that is late revokes what it did, and is told of.
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .with_crls(crls.clone())
            .allow_unknown_revocation_status()
            .allow_unauthenticated()
            .build()
            .map_err(|error| setup(&error))?;
        let servers = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .with_crls(crls)
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| setup(&error))?;
        let (own, fingerprint) = (Arc::new(own), contents.fingerprint());
        Ok(Material { role, own, provider, clients, servers, fingerprint, terms })
    }
}

fn pem(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| wrong(path, "holds no readable certificate (PEM)"))
}

fn parsed<'a>(path: &Path, der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, TlsError> {
    let read =
        X509Certificate::from_der(der).map_err(|_| wrong(path, "holds a certificate that cannot be read"));
    read.map(|(_, certificate)| certificate)
}

/// Until when a certificate is valid.
fn term(path: &Path, certificate: &X509Certificate<'_>) -> Term {
    let what = format!("the certificate of {}", certificate.subject());
    Term { path: path.to_owned(), what, ends: certificate.validity().not_after.timestamp() }
}

/// Until when a certificate is valid, which it must be now.
fn in_force(path: &Path, certificate: &X509Certificate<'_>, now: i64) -> Result<Term, TlsError> {
    let begins = certificate.validity().not_before.timestamp();
    let term = term(path, certificate);
    let Term { what, ends, .. } = &term;
    if now < begins {
        let english = format!("{what} is not valid before {}; it is {}", at(begins), at(now));
        return Err(unfit(path, english, "证书尚未生效"));
    }
    if now > *ends {
        let english = format!("{what} expired on {}; it is {}", at(*ends), at(now));
        return Err(unfit(path, english, "证书已过期"));
    }
    Ok(term)
}

/// The authorities. One that has expired beside others that have not is left out, as peers do it, and told.
fn roots(
    path: &Path,
    authorities: &[CertificateDer<'static>],
    now: i64,
    terms: &mut Vec<Term>,
) -> Result<RootCertStore, TlsError> {
    let (mut roots, mut expired) = (RootCertStore::empty(), None);
    for der in authorities {
        let certificate = parsed(path, der)?;
        if !certificate.is_ca() {
            let subject = certificate.subject();
            let what =
                format!("{subject} is no authority (CA:true is missing): only authorities may stand here");
            return Err(unfit(path, what, NO_AUTHORITY));
        }
        let term = term(path, &certificate);
        match in_force(path, &certificate, now) {
            Ok(_) => roots.add(der.clone()).map_err(|error| wrong(path, error))?,
            Err(error) if term.ends < now => expired = Some(error),
            Err(error) => return Err(error),
        }
        terms.push(term);
    }
    match expired {
        Some(error) if roots.is_empty() => Err(error),
        _ => Ok(roots),
    }
}

/// This side's certificate, and behind it the authorities between it and a root.
fn check_chain(
    path: &Path,
    chain: &[CertificateDer<'static>],
    now: i64,
    terms: &mut Vec<Term>,
) -> Result<(), TlsError> {
    for (number, der) in chain.iter().enumerate() {
        let certificate = parsed(path, der)?;
        let subject = certificate.subject();
        match (number, certificate.is_ca()) {
            (0, true) => {
                let english = format!("{subject} is an authority: it can neither serve nor call");
                return Err(unfit(path, english, "这是签发机构的证书，不能用于服务或调用"));
            }
            (1.., false) => {
                let what = format!("{subject} is no authority (CA:true is missing)");
                return Err(unfit(path, format!("{what}: it cannot stand behind another"), NO_AUTHORITY));
            }
            _ => terms.push(in_force(path, &certificate, now)?),
        }
    }
    Ok(())
}

/// The lists of revoked certificates.
fn revocations(
    path: &Path,
    text: &[u8],
    authorities: &[CertificateDer<'static>],
    now: i64,
    terms: &mut Vec<Term>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(text).collect();
    let lists = lists.ok().filter(|lists| !lists.is_empty());
    let lists =
        lists.ok_or_else(|| wrong(path, "holds no readable list of revoked certificates (PEM, X509 CRL)"))?;
    let authorities = authorities.iter().map(|der| parsed(path, der)).collect::<Result<Vec<_>, _>>()?;
    let mut issuers = BTreeSet::new();
    for der in &lists {
        let (_, list) = CertificateRevocationList::from_der(der)
            .map_err(|_| wrong(path, "holds a list of revoked certificates that cannot be read"))?;
        let issuer = list.issuer().to_string();
        let named: Vec<_> =
            authorities.iter().filter(|it| it.subject().as_raw() == list.issuer().as_raw()).collect();
        // A list is found by its issuer's name: with two of one name, one authority's certificates would all fail.
        if named.len() > 1 || !issuers.insert(list.issuer().as_raw().to_vec()) {
            let what = format!("more than one authority or list is of {issuer}");
            return Err(wrong(path, format!("{what}: with lists, a new authority must have a new name")));
        }
        if named.iter().any(|authority| list.verify_signature(authority.public_key()).is_err()) {
            return Err(wrong(path, format!("the list of {issuer} was not signed by its key")));
        }
        if list.last_update().timestamp() > now {
            return Err(wrong(
                path,
                format!(
                    "the list of {issuer} begins in the future, on {}",
                    at(list.last_update().timestamp())
                ),
            ));
        }
        if let Some(next) = list.next_update() {
            let what = format!("the list of certificates revoked by {issuer}");
            terms.push(Term { path: path.to_owned(), what, ends: next.timestamp() });
        }
    }
    Ok(lists)
}

#[cfg(test)]
#[path = "material_tests.rs"]
mod tests;
