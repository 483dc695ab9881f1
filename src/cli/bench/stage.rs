//! A hub and two nodes as processes of their own, on 127.0.0.1, in a folder that is gone afterwards.

use super::usage::{Usage, file_system};
use super::{BenchError, failed};
use crate::devkit::client::Caller;
use crate::devkit::processes::Processes;
use crate::devkit::site::{REGIONS, Settings, Site, free_addresses, servers};
use crate::domain::value::ProvinceCode;
use crate::transport::identity::Role;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// The payers' province: 河北.
pub const PAYER_PROVINCE: ProvinceCode = ProvinceCode::new(13);
/// The relatives' province: 四川.
pub const PAYEE_PROVINCE: ProvinceCode = ProvinceCode::new(51);
/// Both, whose nodes are started.
pub const PROVINCES: [ProvinceCode; 2] = [PAYER_PROVINCE, PAYEE_PROVINCE];
/// A province that is configured and whose node is never started: 内蒙古.
pub const DARK_PROVINCE: ProvinceCode = ProvinceCode::new(15);

/// Limits that a load does not reach; all else as the national rules have it.
const RULEBOOK: &str = r#"[[version]]
effective_from = "2024-12-02"
floor = { value = "0.00", grade = "INF", source = "bench" }
transfer_max = { value = "100000000.00", grade = "INF", source = "bench" }
daily_count_max = { value = 1000000000, grade = "INF", source = "bench" }
kinships = { value = ["spouse", "parent", "child", "sibling"], grade = "INF", source = "bench" }
payee_types = { value = ["employee", "resident"], grade = "INF", source = "bench" }
closed_hours = { value = "none", grade = "INF", source = "bench" }
verification = { value = [], grade = "INF", source = "bench" }
acceptance = { value = "none", grade = "INF", source = "bench" }
without_wallet = { value = "refuse", grade = "INF", source = "bench" }
acceptance_demanded = { value = "none", grade = "INF", source = "bench" }
one_open_transfer = { value = false, grade = "INF", source = "bench" }
"#;

/// How long a server may take until it listens, and until it has ended.
const WITHIN: Duration = Duration::from_secs(60);
/// The application that makes the transfers.
const APP: &str = "bench";

/// The servers. They end, and the folder is removed, when this is dropped.
#[derive(Debug)]
pub struct Stage {
    processes: Processes,
    _folder: TempDir,
}

impl Stage {
    /// Starts all three under `data` (default: the system's temporary folder) and waits until they listen.
    /// `dark`: the hub knows of a third node, which is never started.
    pub async fn start(data: Option<&Path>, dark: bool) -> Result<Stage, BenchError> {
        let parent = data.map_or_else(std::env::temp_dir, Path::to_owned);
        fs::create_dir_all(&parent).map_err(failed(parent.display()))?;
        let folder = tempfile::Builder::new().prefix("gongji-bench-").tempdir_in(&parent);
        let folder = folder.map_err(failed(parent.display()))?;
        let mut addresses = free_addresses(&PROVINCES).map_err(failed("a port on 127.0.0.1"))?;
        if dark {
            // Nobody listens on what is no port of a server: port 1 is nobody's.
            addresses.insert(Role::Node(DARK_PROVINCE), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        }
        let site = Site::new(folder.path(), addresses);
        write_files(&site)?;
        let program = std::env::current_exe().map_err(failed("this program"))?;
        let mut stage = Stage { processes: Processes::new(&program, site, WITHIN), _folder: folder };
        for server in servers(&PROVINCES) {
            stage.processes.start(&server)?;
        }
        stage.processes.come_up().await?;
        Ok(stage)
    }

    /// The folder of the servers.
    pub fn site(&self) -> &Site {
        self.processes.site()
    }

    /// What each server has used so far: the hub, the payer's node, the payee's node, and this process.
    pub fn usage(&self) -> Vec<Usage> {
        let servers = self.processes.ids().map(|(server, id)| Usage::of(server.file_stem(), id));
        servers.chain([Usage::of("load".to_owned(), std::process::id())]).collect()
    }

    /// Who makes the transfers.
    pub fn app(&self) -> Result<Caller, BenchError> {
        self.caller(Role::App(APP.to_owned()))
    }

    /// A caller with one of the roles whose certificates were made.
    pub fn caller(&self, role: Role) -> Result<Caller, BenchError> {
        Ok(Caller::at(self.site(), &self.site().tls(&role).map_err(failed("certificates"))?))
    }

    /// The kind of file system that the stores are on.
    pub fn file_system(&self) -> String {
        file_system(self.site().root())
    }

    /// Tells all of them to stop and waits until they have; one that does not end well is an error.
    pub async fn stop(&mut self) -> Result<(), BenchError> {
        Ok(self.processes.stop().await?)
    }
}

/// Configuration, places, rules and certificates. The clock begins so that no day ends on the way.
fn write_files(site: &Site) -> Result<(), BenchError> {
    let platforms = PROVINCES.into_iter().map(Role::Platform);
    let roles = servers(&PROVINCES).chain(platforms).chain([Role::App(APP.to_owned())]);
    site.issue(roles).map_err(failed("certificates"))?;
    let settings =
        Settings { apps: &[(APP, "[\"13\", \"51\"]")], log: "filter = \"warn\"", ..Settings::default() };
    let root = site.root();
    fs::create_dir(root.join("rulebooks"))
        .and_then(|()| fs::write(root.join("rulebooks/national.toml"), RULEBOOK))
        .and_then(|()| fs::write(root.join("regions.toml"), REGIONS))
        .and_then(|()| site.write_configs(&settings))
        .map_err(failed(root.display()))
}
