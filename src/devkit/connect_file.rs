//! `connect.json`: all that a foreign program needs to take part. `gongji demo` writes it, `gongji bench` reads it.

use super::cast::Listed;
use super::dev_ca::Issued;
use crate::transport::tls::TlsFiles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A certificate and its key.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Certificate {
    /// Certificate, PEM.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

impl Certificate {
    /// With the authority that it trusts.
    pub fn files(&self, ca: &Path) -> TlsFiles {
        TlsFiles { ca: ca.to_owned(), cert: self.cert.clone(), key: self.key.clone() }
    }
}

impl From<Issued> for Certificate {
    fn from(Issued { cert, key }: Issued) -> Certificate {
        Certificate { cert, key }
    }
}

/// The whole file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ConnectFile {
    /// The hub, HOST:PORT: without scheme, as grpcio wants it.
    pub hub: String,
    /// Each province's node.
    pub nodes: BTreeMap<String, String>,
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The application's certificate.
    #[serde(flatten)]
    pub app: Certificate,
    /// The provinces' own systems.
    #[serde(default)]
    pub platforms: BTreeMap<String, Certificate>,
    /// Somebody who runs the service; not every file has one.
    pub operator: Option<Certificate>,
    /// Who may be named in transfers.
    pub members: Vec<Listed>,
}
