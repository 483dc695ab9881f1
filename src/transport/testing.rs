//! Authorities of tests: certificates that begin and end when a test wants it, and lists of revoked ones.

use crate::config::transport::TlsFiles;
use crate::transport::identity::Role;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use time::{Duration, OffsetDateTime};

/// From when until when something is valid, in days from now.
pub(super) type Days = (i64, i64);

/// Valid for a year.
pub(super) const YEAR: Days = (-1, 365);

/// An authority.
pub(super) struct Authority {
    pub(super) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What it issued.
pub(super) struct Leaf {
    pub(super) cert: String,
    pub(super) key: String,
    pub(super) serial: u64,
}

fn day(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(days)
}

fn params(name: &str, (from, until): Days) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (day(from), day(until));
    params
}

impl Authority {
    pub(super) fn new(name: &str, valid: Days) -> Authority {
        let (mut params, key) = (params(name, valid), KeyPair::generate().expect("a key"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).expect("signed").pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate of this role for this machine.
    pub(super) fn leaf(&self, role: &Role, serial: u64, valid: Days) -> Leaf {
        self.signed((role, serial, valid), IsCa::ExplicitNoCa)
    }

    /// The same, which may be an authority itself.
    pub(super) fn signed(&self, (role, serial, valid): (&Role, u64, Days), is_ca: IsCa) -> Leaf {
        let (mut params, key) = (params(&role.to_string(), valid), KeyPair::generate().expect("a key"));
        let uri = role.to_string();
        params.is_ca = is_ca;
        params.serial_number = Some(SerialNumber::from(serial));
        params.subject_alt_names = vec![
            SanType::URI(uri.as_str().try_into().expect("ASCII")),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ];
        let cert = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Leaf { cert, key: key.serialize_pem(), serial }
    }

    /// A list of these revoked certificates.
    pub(super) fn list(&self, revoked: &[&Leaf], (from, until): Days) -> String {
        let entry = |leaf: &&Leaf| RevokedCertParams {
            serial_number: SerialNumber::from(leaf.serial),
            revocation_time: day(from),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: day(from),
            next_update: day(until),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("signed").pem().expect("PEM")
    }
}

/// Writes the files of one side into a folder.
pub(super) fn write(folder: &Path, ca: &str, leaf: &Leaf, crl: Option<&str>) -> TlsFiles {
    let files = TlsFiles {
        crl: crl.map(|_| folder.join("crl.pem")),
        ..TlsFiles::new(folder.join("ca.pem"), folder.join("own.pem"), folder.join("own.key"))
    };
    fs::write(&files.ca, ca).expect("written");
    fs::write(&files.cert, &leaf.cert).expect("written");
    fs::write(&files.key, &leaf.key).expect("written");
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).expect("private");
    if let (Some(path), Some(text)) = (&files.crl, crl) {
        fs::write(path, text).expect("written");
    }
    files
}
