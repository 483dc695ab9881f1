//! Who a peer is: the role that the URI SAN of its certificate names.

use crate::domain::value::ProvinceCode;
use std::fmt;
use std::str::FromStr;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What every identity of ours begins with.
pub const PREFIX: &str = "urn:gongji:";

/// Longest NAME of an app or a person, in characters.
pub const NAME_CHARS_MAX: usize = 64;

/// A role, as certificates name it. Prints and parses as `urn:gongji:hub`, `urn:gongji:node:51`,
/// `urn:gongji:app:NAME`, `urn:gongji:platform:51`, `urn:gongji:operator:NAME`, `urn:gongji:finance:51:NAME`; NAME is 1
/// to 64 of a–z, 0–9 and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The national hub.
    Hub,
    /// A province's node.
    Node(ProvinceCode),
    /// A service for insured people, by name.
    App(String),
    /// A province's own system.
    Platform(ProvinceCode),
    /// A person who runs the service, by name.
    Operator(String),
    /// A person of a province's finance department, by name.
    Finance(ProvinceCode, String),
}

/// Why no role was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not the name of a role.
    #[error(
        "`{0}` is not a role: urn:gongji:hub, :node:NN, :app:NAME, :platform:NN, :operator:NAME or :finance:NN:NAME"
    )]
    Malformed(String),
    /// Not a certificate.
    #[error("not a readable X.509 certificate")]
    Certificate,
    /// A certificate that is none of this service's.
    #[error("the certificate has no URI name that begins with urn:gongji:")]
    NoRole,
    /// A certificate that could be taken for two roles.
    #[error("the certificate has more than one URI name that begins with urn:gongji:")]
    SeveralRoles,
}

impl Role {
    /// The role in a certificate: exactly one URI SAN that begins with `urn:gongji:`, and that one well-formed.
    /// Says nothing of who issued it: TLS has checked that before.
    pub fn from_der(certificate: &[u8]) -> Result<Role, IdentityError> {
        let (rest, certificate) =
            X509Certificate::from_der(certificate).map_err(|_| IdentityError::Certificate)?;
        if !rest.is_empty() {
            return Err(IdentityError::Certificate);
        }
        let names = certificate.subject_alternative_name().map_err(|_| IdentityError::Certificate)?;
        let mut ours =
            names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
                GeneralName::URI(uri) if uri.starts_with(PREFIX) => Some(*uri),
                _ => None,
            });
        let role = ours.next().ok_or(IdentityError::NoRole)?;
        if ours.next().is_some() {
            return Err(IdentityError::SeveralRoles);
        }
        role.parse()
    }

    /// The province that the role speaks for.
    pub fn province(&self) -> Option<ProvinceCode> {
        match self {
            Role::Node(province) | Role::Platform(province) | Role::Finance(province, _) => Some(*province),
            Role::Hub | Role::App(_) | Role::Operator(_) => None,
        }
    }

    /// Whether it is a server's.
    pub fn is_server(&self) -> bool {
        match self {
            Role::Hub | Role::Node(_) => true,
            Role::App(_) | Role::Platform(_) | Role::Operator(_) | Role::Finance(..) => false,
        }
    }

    /// Its name in file names: `hub`, `node-51`, `app-demo`.
    pub fn file_stem(&self) -> String {
        self.to_string()[PREFIX.len()..].replace(':', "-")
    }
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(fits)
}

impl FromStr for Role {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Role, IdentityError> {
        let province = |digits: &str| ProvinceCode::parse(digits).filter(|code| *code != ProvinceCode::HUB);
        let name = |name: &str| is_name(name).then(|| name.to_owned());
        let role = text.strip_prefix(PREFIX).and_then(|rest| match rest.split_once(':') {
            None => (rest == "hub").then_some(Role::Hub),
            Some(("node", digits)) => province(digits).map(Role::Node),
            Some(("platform", digits)) => province(digits).map(Role::Platform),
            Some(("app", rest)) => name(rest).map(Role::App),
            Some(("operator", rest)) => name(rest).map(Role::Operator),
            Some(("finance", rest)) => {
                let (digits, rest) = rest.split_once(':')?;
                province(digits).zip(name(rest)).map(|(province, name)| Role::Finance(province, name))
            }
            Some(_) => None,
        });
        role.ok_or_else(|| IdentityError::Malformed(text.chars().take(100).collect()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Hub => write!(f, "{PREFIX}hub"),
            Role::Node(province) => write!(f, "{PREFIX}node:{province}"),
            Role::App(name) => write!(f, "{PREFIX}app:{name}"),
            Role::Platform(province) => write!(f, "{PREFIX}platform:{province}"),
            Role::Operator(name) => write!(f, "{PREFIX}operator:{name}"),
            Role::Finance(province, name) => write!(f, "{PREFIX}finance:{province}:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    #[test]
    fn roles_print_as_they_are_parsed() {
        let long = format!("urn:gongji:operator:{}", "z".repeat(64));
        for text in [
            "urn:gongji:hub",
            "urn:gongji:node:51",
            "urn:gongji:app:demo-1",
            "urn:gongji:platform:66",
            "urn:gongji:finance:51:li-na",
            &long,
        ] {
            assert_eq!(text.parse::<Role>().map(|role| role.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("urn:gongji:node:13".parse(), Ok(Role::Node(ProvinceCode::new(13))));
        let finance = Role::Finance(ProvinceCode::new(51), "li-na".to_owned());
        assert_eq!("urn:gongji:finance:51:li-na".parse(), Ok(finance.clone()));
        assert_eq!(
            (finance.file_stem().as_str(), finance.province()),
            ("finance-51-li-na", Some(ProvinceCode::new(51)))
        );
        assert_eq!(Role::App("demo".to_owned()).file_stem(), "app-demo");
    }

    #[test]
    fn what_is_no_role_is_refused() {
        let long = format!("urn:gongji:app:{}", "z".repeat(65));
        for bad in [
            "",
            "hub",
            "urn:gongji:",
            "urn:gongji:hub:",
            "urn:gongji:hub:1",
            "urn:gongji:node",
            "urn:gongji:node:5",
            "urn:gongji:node:00",
            "urn:gongji:node:051",
            "urn:gongji:node:٥١",
            "urn:gongji:node:5a",
            "urn:gongji:node:51:",
            "urn:gongji:finance:51",
            "urn:gongji:finance:51:",
            "urn:gongji:finance:li",
            "urn:gongji:finance:00:li",
            "urn:gongji:finance:51:li:na",
            "urn:gongji:app:",
            "urn:gongji:app:Demo",
            "urn:gongji:app:a b",
            "urn:gongji:app:a:b",
            "urn:gongji:app:甲",
            "URN:gongji:hub",
            "urn:gongji:Hub",
            " urn:gongji:hub",
            "urn:gongji:root:1",
            &long,
        ] {
            assert!(matches!(bad.parse::<Role>(), Err(IdentityError::Malformed(_))), "{bad}");
        }
    }

    fn role_of(uris: &[&str]) -> Result<Role, IdentityError> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        for uri in uris {
            params.subject_alt_names.push(SanType::URI((*uri).try_into().expect("ASCII")));
        }
        Role::from_der(params.self_signed(&key).expect("signed").der())
    }

    #[test]
    fn a_certificate_names_exactly_one_role() {
        assert_eq!(role_of(&["urn:gongji:hub"]), Ok(Role::Hub));
        assert_eq!(
            role_of(&["spiffe://other/x", "urn:gongji:node:51"]),
            Ok(Role::Node(ProvinceCode::new(51)))
        );
        assert_eq!(role_of(&[]), Err(IdentityError::NoRole));
        assert_eq!(role_of(&["spiffe://other/x"]), Err(IdentityError::NoRole));
        assert_eq!(role_of(&["urn:gongji:hub", "urn:gongji:node:51"]), Err(IdentityError::SeveralRoles));
        assert_eq!(role_of(&["urn:gongji:hub", "urn:gongji:hub"]), Err(IdentityError::SeveralRoles));
        assert!(matches!(role_of(&["urn:gongji:king:1"]), Err(IdentityError::Malformed(_))));
        assert_eq!(Role::from_der(b"not a certificate"), Err(IdentityError::Certificate));
    }
}
