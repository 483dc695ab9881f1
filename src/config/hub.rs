//! The hub's file. `deploy/hub.toml` shows and explains every key.

use crate::config::alarms::Alarms;
use crate::config::apps::{self, HubApp, HubAppFile};
use crate::config::calendar;
use crate::config::callers::{CallersFile, List};
use crate::config::error::ConfigError;
use crate::config::limits::Limits;
use crate::config::log::LogFile;
use crate::config::peers::{self, NodePeer, NodePeerFile};
use crate::config::server::{ServerConfig, ServerKeys};
use crate::config::settlement::Settlement;
use crate::config::source::Source;
use crate::config::transport::TlsFiles;
use crate::config::value::{Moment, ProvinceText};
use crate::domain::value::WorkingDays;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// All that a hub needs to start, checked.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// What every server has.
    pub server: ServerConfig,
    /// `[[nodes]]`: the provinces' nodes, in order of their codes. Default: none.
    pub nodes: Vec<NodePeer>,
    /// `[[apps]]`: the applications that may call. Default: none.
    pub apps: Vec<HubApp>,
    /// `calendar`: the working days by which due dates are counted. Default: Monday to Friday.
    pub working_days: WorkingDays,
    /// `[settlement]`: how breaks are handled.
    pub settlement: Settlement,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HubFile {
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
    settlement: Option<Spanned<Settlement>>,
    civil_start: Option<Spanned<Moment>>,
    #[serde(default)]
    nodes: Vec<NodePeerFile>,
    operators: List<String>,
    platforms: List<ProvinceText>,
    finance: List<String>,
    apps: Option<Spanned<Vec<HubAppFile>>>,
    #[serde(default)]
    calendar: Vec<PathBuf>,
}

impl HubConfig {
    /// Loads and checks the file, and the places and rules that it names.
    pub fn load(path: &Path) -> Result<HubConfig, ConfigError> {
        let source = Source::read(path)?;
        let file: HubFile = source.parse()?;
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
        let nodes = peers::nodes(&file.nodes, &server.regions.directory, &server.transport, &source)?;
        let apps = apps::hub_apps(file.apps.as_ref(), &server.regions.directory, &source)?;
        let years: Vec<PathBuf> = file.calendar.iter().map(|path| source.resolve(path)).collect();
        let working_days = calendar::load(&years)?;
        let settlement = Settlement::of(file.settlement, &source)?;
        Ok(HubConfig { server, nodes, apps, working_days, settlement })
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
