//! Whose folder and key a backup is about.

use crate::cli::any_store::AnySnapshot;
use crate::cli::failure::Failure;
use crate::config::{ConfigError, HubConfig, NodeConfig, ServerConfig, is_secret};
use crate::privacy::key::VaultKey;
use crate::privacy::proof::{WrongKey, lacked};
use crate::store::StoreError;
use std::path::{Path, PathBuf};

/// Where a server's store and key are.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("place").required(true).args(["config", "data"]))]
pub struct PlaceArgs {
    /// The server's configuration (TOML): it names the store's folder and the vault's key file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store's folder, instead of --config
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The vault's key file, with --data
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    vault_key: Option<PathBuf>,
}

/// A server's folder and key file.
pub(in crate::cli) struct Place {
    /// Whose it is to be: "hub", "node:13"; not known without a configuration.
    pub(in crate::cli) owner: Option<String>,
    /// The store's folder.
    pub(in crate::cli) data: PathBuf,
    /// The vault's key file, if it was named.
    pub(in crate::cli) key: Option<PathBuf>,
}

impl PlaceArgs {
    /// Reads the configuration, if one was named.
    pub(in crate::cli) fn read(&self) -> Result<Place, Failure> {
        if self.vault_key.as_deref().is_some_and(is_secret) {
            let what = "--vault-key is given a secret: write it into a file, mode 0600, and name that";
            return Err(Failure::Usage(what.to_owned()));
        }
        let Some(path) = &self.config else {
            let data = self.data.clone().unwrap_or_default();
            return Ok(Place { owner: None, data, key: self.vault_key.clone() });
        };
        let (owner, server) = server(path).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Place { owner: Some(owner), data: server.data, key: Some(server.vault_key) })
    }
}

/// A node's file says its province; a hub's has no such key.
fn server(path: &Path) -> Result<(String, ServerConfig), ConfigError> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // What cannot be read here is told by the loading of it.
    let is_node = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("province"));
    if is_node {
        let config = NodeConfig::load(path)?;
        return Ok((format!("node:{}", config.province), config.server));
    }
    HubConfig::load(path).map(|config| ("hub".to_owned(), config.server))
}

/// Demands that a key file is the one of a store, and opens every row of its vault.
pub(super) fn check(path: &Path, store: &mut AnySnapshot) -> Result<(), Failure> {
    let key = VaultKey::load(path).map_err(|error| Failure::Local(error.to_string()))?;
    fits(&key, path, store)?;
    let (shut, all) = store.unopened(&key).map_err(|error| Failure::Local(error.to_string()))?;
    if shut > 0 {
        let what = format!("{shut} of {all} rows do not open under the vault's key");
        let error = StoreError::Damaged { place: "the vault".to_owned(), what };
        return Err(Failure::Local(error.to_string()));
    }
    Ok(())
}

/// Demands that keys are those of a store, and that none is missing.
pub(in crate::cli) fn fits(key: &VaultKey, path: &Path, store: &mut AnySnapshot) -> Result<(), Failure> {
    let wrong = |error: WrongKey| Failure::Local(format!("{}: {error}", path.display()));
    let local = |error: StoreError| Failure::Local(error.to_string());
    let proof = store.prove(key).map_err(local)?.map_err(wrong)?;
    if proof.missing.is_empty() {
        return Ok(());
    }
    lacked(key, &store.rows_by_key().map_err(local)?).map_err(wrong)
}
