//! The servers: a hub and four nodes on loopback, each on a thread of its own.

use super::error::DemoError;
use super::folder::{APP, Folder, Rules};
use crate::config::alarms::Alarms;
use crate::config::apps::{HUB_METHODS, HubApp, NODE_METHODS, NodeApp, Provinces};
use crate::config::limits::Limits;
use crate::config::log::LogConfig;
use crate::config::peers::NodePeer;
use crate::config::transport::{TlsFiles, Transport};
use crate::config::{HubConfig, NodeConfig, ServerConfig};
use crate::domain::value::calendar::Civil;
use crate::domain::value::region::ProvinceCode;
use crate::server::common::running::{Running, StartError};
use crate::server::common::serve::ServeError;
use crate::server::hub::{self, HubError};
use crate::server::node::{self, NodeError};
use crate::transport::identity::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// 河北, 山西, 福建, 四川.
pub(super) const PROVINCES: [ProvinceCode; 4] =
    [ProvinceCode::new(13), ProvinceCode::new(14), ProvinceCode::new(35), ProvinceCode::new(51)];

/// A port that the system chose may be taken by somebody else before a server has it.
const TRIES: usize = 5;

/// Where the servers listen.
#[derive(Clone)]
pub(super) struct Addresses {
    pub(super) hub: SocketAddr,
    pub(super) nodes: BTreeMap<ProvinceCode, SocketAddr>,
}

impl Addresses {
    /// BASE for the hub, BASE + 13 … BASE + 51 for the nodes.
    fn fixed(base: u16) -> Addresses {
        let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let node = |province: ProvinceCode| (province, at(base.saturating_add(province.number().into())));
        Addresses { hub: at(base), nodes: PROVINCES.into_iter().map(node).collect() }
    }

    /// Ports that are free at this moment: hub and nodes must know each other's before either listens.
    fn free() -> io::Result<Addresses> {
        let open = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (hub, nodes) = (open()?, PROVINCES.map(|province| (province, open())));
        let mut addresses = Addresses { hub: hub.local_addr()?, nodes: BTreeMap::new() };
        let mut held = Vec::new();
        for (province, listener) in nodes {
            let listener = listener?;
            addresses.nodes.insert(province, listener.local_addr()?);
            // Held until all are known, so that no two are the same.
            held.push(listener);
        }
        Ok(addresses)
    }
}

/// The servers that run.
pub(super) struct Stage {
    pub(super) addresses: Addresses,
    hub: Running<HubError>,
    nodes: Vec<(ProvinceCode, Running<NodeError>)>,
}

impl Stage {
    /// Starts all five with the civil clock set to `civil_start`; on ports from the system, or from `base` on.
    pub(super) fn start(
        folder: &Folder,
        rules: &Rules,
        civil_start: Civil,
        base: Option<u16>,
    ) -> Result<Stage, DemoError> {
        let set = Set { folder, rules, civil_start };
        if let Some(base) = base {
            return set.start(Addresses::fixed(base));
        }
        let free = || Addresses::free().map_err(|error| DemoError::Io("127.0.0.1:0".into(), error));
        let mut started = set.start(free()?);
        for _ in 1..TRIES {
            if !started.as_ref().is_err_and(is_taken) {
                break;
            }
            started = set.start(free()?);
        }
        started
    }

    /// Whether all still serve; the first that does not is named.
    pub(super) fn check(&self) -> Result<(), DemoError> {
        if self.hub.has_ended() {
            return Err(DemoError::Ended("the hub".to_owned()));
        }
        match self.nodes.iter().find(|(_, node)| node.has_ended()) {
            Some((province, _)) => Err(DemoError::Ended(format!("node {province}"))),
            None => Ok(()),
        }
    }

    /// Stops all, the hub first, so that it does not miss the nodes; gives the first error.
    pub(super) fn stop(self) -> Result<(), DemoError> {
        let hub = self.hub.stop().map_err(DemoError::Hub);
        let nodes: Vec<Result<(), DemoError>> = self
            .nodes
            .into_iter()
            .map(|(province, node)| node.stop().map_err(|error| DemoError::Node(province, error)))
            .collect();
        nodes.into_iter().fold(hub, Result::and)
    }
}

fn is_taken(error: &DemoError) -> bool {
    let in_use = |error: &ServeError| match error {
        ServeError::Listen { error, .. } => error.kind() == io::ErrorKind::AddrInUse,
        ServeError::Tls(_) | ServeError::Plaintext(_) | ServeError::Serve(_) => false,
    };
    match error {
        DemoError::Hub(StartError::Server(HubError::Serve(error))) => in_use(error),
        DemoError::Node(_, StartError::Server(NodeError::Serve(error))) => in_use(error),
        _ => false,
    }
}

fn every(methods: &[&str]) -> BTreeSet<String> {
    methods.iter().map(|method| (*method).to_owned()).collect()
}

/// What all servers are made from.
struct Set<'a> {
    folder: &'a Folder,
    rules: &'a Rules,
    civil_start: Civil,
}

impl Set<'_> {
    fn start(&self, addresses: Addresses) -> Result<Stage, DemoError> {
        let config = self.hub(&addresses);
        let hub = Running::start("hub", |ready, stop| hub::run(config, ready, stop))?;
        let mut stage = Stage { addresses: addresses.clone(), hub, nodes: Vec::new() };
        for (province, address) in &addresses.nodes {
            let config = self.node(*province, *address, addresses.hub);
            let name = format!("node-{province}");
            match Running::start(&name, |ready, stop| node::run(config, ready, stop)) {
                Ok(node) => stage.nodes.push((*province, node)),
                Err(error) => {
                    // The first error is the one to tell.
                    let _ = stage.stop();
                    return Err(DemoError::Node(*province, error));
                }
            }
        }
        Ok(stage)
    }

    fn server(&self, role: &Role, listen: SocketAddr) -> ServerConfig {
        let certificate = self.folder.certificate(role);
        ServerConfig {
            listen,
            data: self.folder.store(role),
            vault_key: self.folder.vault_key(role),
            regions_path: self.rules.regions_path.clone(),
            regions: self.rules.regions.clone(),
            rulebooks_path: self.rules.rulebooks_path.clone(),
            rulebook: self.rules.rulebook.clone(),
            transport: Transport::Tls(TlsFiles {
                ca: self.folder.ca(),
                cert: certificate.cert,
                key: certificate.key,
            }),
            limits: Limits::default(),
            alarms: Alarms::default(),
            reflection: true,
            log: LogConfig::default(),
            civil_start: Some(self.civil_start),
        }
    }

    fn hub(&self, addresses: &Addresses) -> HubConfig {
        let node = |(province, address): (&ProvinceCode, &SocketAddr)| NodePeer {
            province: *province,
            address: format!("https://{address}"),
        };
        HubConfig {
            server: self.server(&Role::Hub, addresses.hub),
            nodes: addresses.nodes.iter().map(node).collect(),
            apps: vec![HubApp {
                name: APP.to_owned(),
                provinces: Provinces::All,
                methods: every(HUB_METHODS),
            }],
        }
    }

    fn node(&self, province: ProvinceCode, listen: SocketAddr, hub: SocketAddr) -> NodeConfig {
        NodeConfig {
            server: self.server(&Role::Node(province), listen),
            province,
            hub: format!("https://{hub}"),
            apps: vec![NodeApp { name: APP.to_owned(), methods: every(NODE_METHODS) }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_counted_from_the_base_or_differ() {
        let fixed = Addresses::fixed(7000);
        let ports: Vec<u16> = fixed.nodes.values().map(SocketAddr::port).collect();
        assert_eq!((fixed.hub.port(), ports), (7000, vec![7013, 7014, 7035, 7051]));
        let free = Addresses::free().expect("ports");
        let ports: BTreeSet<u16> = free.nodes.values().chain([&free.hub]).map(SocketAddr::port).collect();
        assert_eq!(ports.len(), 5);
    }
}
