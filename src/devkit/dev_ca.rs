//! A development certificate authority: makes the certificates of demos, tests and pilots. Productive certificates come
//! from the operator's own authority, with the same URI names.

use crate::privacy::private_file::{self, PUBLIC, PrivateFileError, SECRET};
use crate::transport::identity::Role;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};

/// The authority's certificate, in its folder.
pub const CA_CERT: &str = "ca.pem";
/// The authority's key, in its folder.
pub const CA_KEY: &str = "ca.key";

const CA_NAME: &str = "gongji development CA";
const CA_DAYS: i64 = 3650;
const LEAF_DAYS: i64 = 365;
/// X.520 bounds a common name to 64 characters.
const COMMON_NAME_MAX: usize = 64;

/// A certificate and its key, where they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Certificate, PEM.
    pub cert: PathBuf,
    /// Private key, PEM (PKCS #8), mode 0600.
    pub key: PathBuf,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A file could not be read, or stands there already.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// A folder or certificate file could not be used.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// A host is no DNS name or IP address.
    #[error("`{0}` is neither a DNS name nor an IP address")]
    Host(String),
    /// Clients are known by their role, not by where they run.
    #[error("{0} is a client's role: hosts are for hub and nodes")]
    HostsOfClient(Role),
    /// The authority's files are not a certificate and its key, or making a certificate failed.
    #[error("certificate authority: {0}")]
    Authority(#[from] rcgen::Error),
}

/// The files that [`issue`] makes for this role: `node-13.pem` and `node-13.key`.
pub fn files_of(folder: &Path, role: &Role) -> Issued {
    let stem = role.file_stem();
    Issued { cert: folder.join(format!("{stem}.pem")), key: folder.join(format!("{stem}.key")) }
}

/// Makes an authority in a folder (made too, for its owner only): `ca.pem`, `ca.key`; ECDSA P-256, for ten years.
/// Refuses to write over either.
pub fn init(folder: &Path) -> Result<Issued, IssueError> {
    let files = Issued { cert: folder.join(CA_CERT), key: folder.join(CA_KEY) };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| IssueError::Io(folder.into(), error))?;
    let key = KeyPair::generate()?;
    let mut params = params(CA_NAME, CA_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    write(&files, &params.self_signed(&key)?.pem(), &key)?;
    Ok(files)
}

/// Issues a certificate for a role, for one year, by the authority in the folder. A server's names are `localhost`,
/// 127.0.0.1, ::1 and these hosts (DNS names or IP addresses); a client has none but its role. Refuses to write over.
pub fn issue(folder: &Path, role: &Role, hosts: &[String]) -> Result<Issued, IssueError> {
    let authority = authority(folder)?;
    let key = KeyPair::generate()?;
    let urn = role.to_string();
    // The subject must differ from the authority's: grpcio takes an equal one for self-signed.
    let common_name: String = urn.chars().take(COMMON_NAME_MAX).collect();
    let mut params = params(&common_name, LEAF_DAYS);
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(urn.as_str().try_into()?)];
    if role.is_server() {
        params.extended_key_usages.insert(0, ExtendedKeyUsagePurpose::ServerAuth);
        params.subject_alt_names.append(&mut names(hosts)?);
    } else if !hosts.is_empty() {
        return Err(IssueError::HostsOfClient(role.clone()));
    }
    let files = files_of(folder, role);
    write(&files, &params.signed_by(&key, &authority)?.pem(), &key)?;
    Ok(files)
}

fn authority(folder: &Path) -> Result<Issuer<'static, KeyPair>, IssueError> {
    let (cert_path, key_path) = (folder.join(CA_CERT), folder.join(CA_KEY));
    let key =
        String::from_utf8(private_file::read(&key_path)?).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    let cert = fs::read_to_string(&cert_path).map_err(|error| IssueError::Io(cert_path, error))?;
    Ok(Issuer::from_ca_cert_pem(&cert, KeyPair::from_pem(&key)?)?)
}

fn params(common_name: &str, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = OffsetDateTime::now_utc();
    // Peers' clocks may be a little behind.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(days);
    params
}

fn names(hosts: &[String]) -> Result<Vec<SanType>, IssueError> {
    let dns = |name: &str| -> Result<SanType, IssueError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let fine = (1..=253).contains(&name.len()) && name.chars().all(fits);
        let name = name.try_into().ok().filter(|_| fine).ok_or_else(|| IssueError::Host(name.to_owned()))?;
        Ok(SanType::DnsName(name))
    };
    let mut names = vec![
        dns("localhost")?,
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    for host in hosts {
        let name = host.parse().map(SanType::IpAddress).or_else(|_| dns(host))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn write(files: &Issued, cert: &str, key: &KeyPair) -> Result<(), IssueError> {
    // The certificate is written last; so it never stands without its key.
    if files.cert.exists() {
        return Err(PrivateFileError::Exists(files.cert.clone()).into());
    }
    private_file::write_new(&files.key, SECRET, key.serialize_pem().as_bytes())?;
    private_file::write_new(&files.cert, PUBLIC, cert.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::ProvinceCode;
    use std::os::unix::fs::MetadataExt;
    use x509_parser::prelude::{GeneralName, ParsedExtension, Pem, X509Certificate};

    fn with_cert<T>(path: &Path, look: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
        let pem = fs::read(path).expect("read");
        let pem = Pem::iter_from_buffer(&pem).next().expect("one").expect("PEM");
        look(&pem.parse_x509().expect("a certificate"))
    }

    fn role_in(path: &Path) -> Role {
        let pem = fs::read(path).expect("read");
        let pem = Pem::iter_from_buffer(&pem).next().expect("one").expect("PEM");
        Role::from_der(&pem.contents).expect("a role")
    }

    #[test]
    fn issued_certificates_name_their_role_and_keys_are_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("certs");
        let ca = init(&folder).expect("made");
        let sichuan = ProvinceCode::new(51);
        let roles = [
            Role::Hub,
            Role::Node(sichuan),
            Role::App("demo".into()),
            Role::Platform(sichuan),
            Role::Operator("z".repeat(64)),
        ];
        for role in roles {
            let issued = issue(&folder, &role, &[]).expect("issued");
            assert_eq!(issued, files_of(&folder, &role));
            assert_eq!(role_in(&issued.cert), role);
            assert_eq!(fs::metadata(&issued.key).expect("there").mode() & 0o7777, 0o600);
        }
        assert_eq!(fs::metadata(&ca.key).expect("there").mode() & 0o7777, 0o600);
        assert!(folder.join("node-51.pem").exists() && folder.join("app-demo.key").exists());
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        init(folder.path()).expect("made");
        let issued = issue(folder.path(), &Role::Hub, &[]).expect("issued");
        let before = fs::read(&issued.key).expect("read");
        for refused in [init(folder.path()), issue(folder.path(), &Role::Hub, &[])] {
            assert!(matches!(refused, Err(IssueError::File(PrivateFileError::Exists(_)))));
        }
        fs::remove_file(&issued.cert).expect("removed");
        assert!(issue(folder.path(), &Role::Hub, &[]).is_err(), "nor a key alone");
        assert_eq!(fs::read(&issued.key).expect("read"), before);
    }

    #[test]
    fn a_leaf_says_what_foreign_libraries_want_to_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let ca = init(folder.path()).expect("made");
        let hosts = ["10.1.2.3".to_owned(), "hub.example".to_owned(), "localhost".to_owned()];
        let hub = issue(folder.path(), &Role::Hub, &hosts).expect("issued");
        let subject = with_cert(&ca.cert, |ca| {
            assert!(ca.is_ca());
            ca.subject().to_string()
        });
        with_cert(&hub.cert, |leaf| {
            assert!(!leaf.is_ca());
            assert_eq!(leaf.issuer().to_string(), subject);
            assert_ne!(leaf.subject().to_string(), subject);
            let year = leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp();
            assert_eq!(year, 365 * 86_400 + 3_600);
            let has = |wanted: fn(&ParsedExtension<'_>) -> bool| {
                leaf.extensions().iter().any(|extension| wanted(extension.parsed_extension()))
            };
            assert!(has(|found| matches!(found, ParsedExtension::AuthorityKeyIdentifier(_))));
            assert!(has(|found| matches!(found, ParsedExtension::SubjectKeyIdentifier(_))));
            let usage = leaf.extended_key_usage().expect("readable").expect("there").value;
            assert!(usage.server_auth && usage.client_auth);
            let names =
                &leaf.subject_alternative_name().expect("readable").expect("there").value.general_names;
            assert_eq!(names.len(), 6, "role, localhost, 127.0.0.1, ::1, and two hosts");
            assert!(names.contains(&GeneralName::DNSName("hub.example")));
            assert!(names.contains(&GeneralName::IPAddress(&[10, 1, 2, 3])));
        });
    }

    #[test]
    fn a_client_can_be_no_server_and_bad_hosts_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        init(folder.path()).expect("made");
        let app = Role::App("demo".into());
        let host = ["10.1.2.3".to_owned()];
        assert!(matches!(issue(folder.path(), &app, &host), Err(IssueError::HostsOfClient(_))));
        for bad in ["", "a b", "甲.example", "a/b", "*.example"] {
            let refused = issue(folder.path(), &Role::Hub, &[bad.to_owned()]);
            assert!(matches!(refused, Err(IssueError::Host(_))), "{bad}");
        }
        let issued = issue(folder.path(), &app, &[]).expect("issued, as nothing was written before");
        with_cert(&issued.cert, |leaf| {
            let usage = leaf.extended_key_usage().expect("readable").expect("there").value;
            assert!(usage.client_auth && !usage.server_auth);
        });
    }
}
