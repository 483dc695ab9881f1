//! A node's file. `deploy/node-13.toml` shows and explains every key.

use crate::config::alarms::Alarms;
use crate::config::apps::{self, NodeApp, NodeAppFile};
use crate::config::callers::{CallersFile, List};
use crate::config::error::ConfigError;
use crate::config::limits::Limits;
use crate::config::log::LogFile;
use crate::config::peers::{self, HubPeerFile};
use crate::config::server::{ServerConfig, ServerKeys};
use crate::config::source::Source;
use crate::config::transport::TlsFiles;
use crate::config::value::{Moment, ProvinceText};
use crate::domain::value::ProvinceCode;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// All that a node needs to start, checked.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// What every server has.
    pub server: ServerConfig,
    /// `province`: the province that this node serves, two digits. Required.
    pub province: ProvinceCode,
    /// `[hub]` `address`: "https://host:port" of the hub ("http://" with plaintext_loopback). Required.
    pub hub: String,
    /// `[[apps]]`: the applications that may read and open wallets here. Default: none.
    pub apps: Vec<NodeApp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeFile {
    province: Spanned<ProvinceText>,
    listen: Spanned<SocketAddr>,
    data: PathBuf,
    vault_key: PathBuf,
    regions: Option<PathBuf>,
    rulebooks: Option<PathBuf>,
    tls: Option<Spanned<TlsFiles>>,
    plaintext_loopback: Option<Spanned<bool>>,
    limits: Option<Spanned<Limits>>,
    #[serde(default)]
    reflection: bool,
    log: Option<LogFile>,
    alarms: Option<Spanned<Alarms>>,
    civil_start: Option<Spanned<Moment>>,
    hub: HubPeerFile,
    operators: List<String>,
    platforms: List<ProvinceText>,
    finance: List<String>,
    apps: Option<Spanned<Vec<NodeAppFile>>>,
}

impl NodeConfig {
    /// Loads and checks the file, and the places and rules that it names.
    pub fn load(path: &Path) -> Result<NodeConfig, ConfigError> {
        let source = Source::read(path)?;
        let file: NodeFile = source.parse()?;
        let keys = ServerKeys {
            listen: file.listen,
            data: file.data,
            vault_key: file.vault_key,
            regions: file.regions,
            rulebooks: file.rulebooks,
            tls: file.tls,
            plaintext_loopback: file.plaintext_loopback,
            limits: file.limits,
            reflection: file.reflection,
            log: file.log,
            alarms: file.alarms,
            civil_start: file.civil_start,
            callers: CallersFile {
                operators: file.operators,
                platforms: file.platforms,
                finance: file.finance,
            },
        };
        let server = keys.check(&source)?;
        let province = file.province.get_ref().0;
        if server.regions.directory.province(province).is_none() {
            let what = format!("province {province} is not in the table of places");
            return Err(source.error(
                Some(file.province.span()),
                what,
                "correct `province`, or add it to regions.toml",
            ));
        }
        let hub = peers::hub(&file.hub, &server.transport, &source)?;
        let apps = apps::node_apps(file.apps.as_ref(), &source)?;
        Ok(NodeConfig { server, province, hub, apps })
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
