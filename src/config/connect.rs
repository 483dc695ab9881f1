//! `connect.json`: where servers are and as whom to call them. `gongji demo` writes it; our commands and foreign
//! programs read it.

use crate::config::error::concealed;
use crate::domain::value::ProvinceCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A certificate and its private key (PEM).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CertFiles {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// All that the file may say. `M` is what is read of each person to try transfers with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectFile<M> {
    /// The hub, HOST:PORT.
    pub hub: Option<String>,
    /// The nodes, by province.
    #[serde(default)]
    pub nodes: BTreeMap<String, String>,
    /// Certificates of the authorities whose servers are believed.
    pub ca: Option<PathBuf>,
    /// The app's certificate.
    #[serde(flatten)]
    pub own: Option<CertFiles>,
    /// Certificates of the provinces' own systems, by province.
    #[serde(default)]
    pub platforms: BTreeMap<String, CertFiles>,
    /// An operator's certificate.
    pub operator: Option<CertFiles>,
    /// People.
    #[serde(default = "Vec::new")]
    pub members: Vec<M>,
}

impl<M> Default for ConnectFile<M> {
    fn default() -> ConnectFile<M> {
        let (nodes, platforms) = Default::default();
        ConnectFile { hub: None, nodes, ca: None, own: None, platforms, operator: None, members: Vec::new() }
    }
}

impl<M: DeserializeOwned> ConnectFile<M> {
    /// Reads it. Relative paths in it start at its own folder.
    ///
    /// # Errors
    /// What is wrong, with the path: it cannot be read, or is not of this form.
    pub fn read(path: &Path) -> Result<ConnectFile<M>, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let mut file: ConnectFile<M> = serde_json::from_str(&text)
            .map_err(|error| concealed(&error.to_string()))
            .map_err(|error| format!("{shown}: {error}; it must be as `gongji demo` writes it"))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let certs = file.own.iter_mut().chain(file.platforms.values_mut()).chain(&mut file.operator);
        let paths = certs.flat_map(|files| [&mut files.cert, &mut files.key]).chain(&mut file.ca);
        paths.for_each(|it| *it = folder.join(&*it));
        Ok(file)
    }
}

impl<M: Serialize> ConnectFile<M> {
    /// Its text.
    ///
    /// # Errors
    /// A path that is not UTF-8.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| format!("{json}\n"))
    }
}

/// By the province that each key names; other keys are passed over.
pub fn by_province<T>(map: BTreeMap<String, T>) -> BTreeMap<ProvinceCode, T> {
    map.into_iter().filter_map(|(code, value)| Some((ProvinceCode::parse(&code)?, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_paths_start_at_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("connect.json");
        let own = CertFiles { cert: "app.pem".into(), key: "/c/app.key".into() };
        let nodes = [("13".to_owned(), "127.0.0.1:1".to_owned()), ("x".to_owned(), String::new())].into();
        let members = vec!["张三".to_owned()];
        let file = ConnectFile { nodes, own: Some(own), members, ..ConnectFile::default() };
        std::fs::write(&path, file.to_text().unwrap()).unwrap();
        let read = ConnectFile::<String>::read(&path).unwrap();
        let own = read.own.unwrap();
        assert_eq!((own.cert, own.key), (folder.path().join("app.pem"), "/c/app.key".into()));
        assert_eq!(read.members, ["张三"]);
        assert_eq!(by_province(read.nodes).into_keys().collect::<Vec<_>>(), [ProvinceCode::new(13)]);
        std::fs::write(&path, "{}").unwrap();
        assert!(ConnectFile::<String>::read(&path).unwrap().hub.is_none(), "a file may say less");
    }
}
