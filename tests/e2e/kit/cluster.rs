//! A hub and nodes in this process, each on its own thread, over mutual TLS on loopback.

use super::audit::demand_clean;
use super::caller::Caller;
use super::people::Family;
use super::site::{Options, Site};
use gongji::config::{HubConfig, NodeConfig};
use gongji::server::common::running::Running;
use gongji::server::hub::HubError;
use gongji::server::node::NodeError;
use gongji::server::{hub, node};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Between picking a port and listening on it another test may have taken it: then all begins again.
const TRIES: usize = 5;

/// Running servers; they are stopped and their folder is removed when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Mutex<BTreeMap<&'static str, Running<NodeError>>>,
    hub: Mutex<Option<Running<HubError>>>,
    site: Site,
}

/// The cluster of all tests that break nothing. Each of them brings its own members, so none sees another's money.
static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    /// The cluster that tests share while at least one of them runs: 13, 14 and 51.
    pub fn shared() -> Arc<Cluster> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Cluster::start(&Options::default()));
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    /// A cluster of one's own, ready: every province of `options` can pay and be paid.
    pub fn start(options: &Options) -> Cluster {
        let started = (0..TRIES).find_map(|_| Cluster::try_start(options));
        let cluster = started.expect("ports that nobody else took");
        super::run(cluster.site.ready());
        cluster
    }

    fn try_start(options: &Options) -> Option<Cluster> {
        let site = Site::new(options.clone());
        let cluster = Cluster { nodes: Mutex::default(), hub: Mutex::default(), site };
        let started =
            cluster.start_hub() && options.provinces.iter().all(|province| cluster.start_node(province));
        started.then_some(cluster)
    }

    /// Starts the hub. False: its port was taken.
    pub fn start_hub(&self) -> bool {
        let config = HubConfig::load(&self.site.config("hub")).expect("a sound configuration");
        // A test that starts it again is itself run by a runtime, in which nothing may block.
        let start = || Running::start("hub", |ready, stop| hub::run(config, ready, stop)).ok();
        let hub = std::thread::scope(|scope| scope.spawn(start).join().expect("no panic"));
        let mut held = self.hub.lock().expect("no test panics while it holds this");
        *held = hub;
        held.is_some()
    }

    /// Stops the hub and waits for its end.
    pub fn stop_hub(&self) {
        let hub = self.hub.lock().expect("no test panics while it holds this").take();
        hub.expect("it runs").stop().expect("it ends well");
    }

    fn start_node(&self, province: &'static str) -> bool {
        let config = NodeConfig::load(&self.site.config(province)).expect("a sound configuration");
        let node = Running::start(province, |ready, stop| node::run(config, ready, stop));
        let nodes = self.nodes.lock();
        node.map(|node| nodes.expect("no test panics while it holds this").insert(province, node)).is_ok()
    }

    /// Whether no test has stopped a node.
    fn is_whole(&self) -> bool {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        self.site.options().provinces.iter().all(|province| nodes.contains_key(province))
    }

    /// Stops a province's node and waits for its end.
    pub fn stop_node(&self, province: &str) {
        let node = self.nodes.lock().expect("no test panics while it holds this").remove(province);
        node.expect("it runs").stop().expect("it ends well");
    }

    /// Folder, ports and certificates.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// A caller with the certificate of this role, for example "app:demo".
    pub fn caller(&self, role: &str) -> Caller {
        self.site.caller(role)
    }

    /// The application that may act for every province.
    pub fn app(&self) -> Caller {
        self.caller("app:demo")
    }

    /// A giver in one province and a relative in another, with 10,000.00 and an open, empty wallet.
    pub async fn family(&self, payer: &str, payee: &str) -> Family {
        self.site.family(payer, payee).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.is_whole() {
            // Whatever its tests did: no books of theirs contradict each other.
            super::run(demand_clean(&self.site, &[]));
        }
        let nodes = std::mem::take(&mut *self.nodes.lock().unwrap_or_else(PoisonError::into_inner));
        let hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = nodes.into_values().map(Running::stop).all(|ended| ended.is_ok());
        let hub_ended = hub.is_none_or(|hub| hub.stop().is_ok());
        if !std::thread::panicking() {
            assert!(ended && hub_ended, "every server must end well");
        }
    }
}

/// Runs a test against the shared cluster.
pub fn shared(test: impl AsyncFnOnce(&Cluster)) {
    let cluster = Cluster::shared();
    super::run(test(&cluster));
}

/// Runs a test against a cluster of its own, which it may break.
pub fn own(options: &Options, test: impl AsyncFnOnce(&Cluster)) {
    let cluster = Cluster::start(options);
    super::run(test(&cluster));
}
