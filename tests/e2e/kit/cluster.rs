//! A hub and nodes in this process, each on its own thread, over mutual TLS on loopback.

use super::audit::demand_clean;
use super::people::Family;
use super::site::{Options, Site, server};
use gongji::devkit::client::Caller;
use gongji::devkit::launcher::{Servers, on_free_ports};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Running servers; they are stopped and their folder is removed when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    servers: Mutex<Servers>,
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
        let started = on_free_ports(&options.known(), |addresses| {
            let site = Site::at(options, addresses);
            let servers = Servers::start_all(site.layout(), options.servers())?;
            Ok(Cluster { servers: Mutex::new(servers), site })
        });
        let cluster = started.expect("servers that start");
        super::run(cluster.site.ready());
        cluster
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts "hub" or a province's node again, on its port.
    pub fn restart(&self, name: &str) {
        // A test is itself run by a runtime, in which nothing may block.
        let start = || self.servers().start(self.site.layout(), &server(name));
        let started = std::thread::scope(|scope| scope.spawn(start).join().expect("no panic"));
        started.expect("its port is still its own");
    }

    /// Stops "hub" or a province's node and waits for its end.
    pub fn stop(&self, name: &str) {
        self.servers().stop(&server(name)).expect("it ends well");
    }

    /// All servers go on at another time, as if it had passed.
    pub fn go_on_at(&self, time: &str) {
        let provinces = &self.site.options().provinces;
        let all = || std::iter::once("hub").chain(provinces.iter().copied());
        all().for_each(|name| self.stop(name));
        for name in all() {
            self.site.set_clock(name, time);
            self.restart(name);
        }
    }

    /// Whether no test has stopped a server.
    fn is_whole(&self) -> bool {
        let servers = self.servers();
        self.site.options().servers().all(|server| servers.has(&server))
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

    /// A payer in one province and a relative in another, with 10,000.00 and an open, empty wallet.
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
        let ended = self.servers().stop_all();
        if !std::thread::panicking() {
            ended.expect("every server must end well");
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
