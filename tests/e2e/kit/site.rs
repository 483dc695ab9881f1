//! A folder with everything that servers of a test need to start, on ports that were free a moment ago.

use super::people::Family;
use super::proxy::Proxy;
use super::until;
use gongji::config::transport::TlsFiles;
use gongji::devkit::client::Caller;
use gongji::devkit::dev_ca::Issued;
use gongji::devkit::site::{Addresses, Settings, Site as Layout, free_addresses};
use gongji::domain::value::ProvinceCode;
use gongji::proto::hub::TransferState;
use gongji::transport::identity::Role;
use gongji::transport::tls::Tls;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// 河北.
pub const HEBEI: ProvinceCode = ProvinceCode::new(13);
/// 四川.
pub const SICHUAN: ProvinceCode = ProvinceCode::new(51);

/// How a site is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Provinces whose nodes are started.
    pub provinces: Vec<&'static str>,
    /// Provinces that the hub knows, and for which there is a port and a certificate, but no node of ours.
    pub strangers: Vec<&'static str>,
    /// Servers ("hub", "51") that other servers reach over a wire that the test may cut. Callers reach them directly.
    pub proxied: Vec<&'static str>,
    /// Lines for `[limits]` of the hub.
    pub hub_limits: &'static str,
    /// Lines for `[log]`.
    pub log: &'static str,
    /// In place of 3 in the national rulebook, when more than one transfer after another is wanted.
    pub daily_count_max: Option<u32>,
    /// Rules of places beside the national ones, in place of the shipped ones: name of the file, text.
    pub rules: Vec<(&'static str, &'static str)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            provinces: vec!["13", "14", "51"],
            strangers: Vec::new(),
            proxied: Vec::new(),
            hub_limits: "",
            log: "",
            daily_count_max: None,
            rules: Vec::new(),
        }
    }
}

impl Options {
    /// Two provinces, between which a family may make as many transfers as it likes.
    pub fn lively() -> Options {
        Options { provinces: vec!["13", "51"], daily_count_max: Some(1_000_000), ..Options::default() }
    }

    /// Every province that the hub knows.
    pub fn known(&self) -> Vec<ProvinceCode> {
        self.provinces.iter().chain(&self.strangers).map(|it| province(it)).collect()
    }

    /// The servers that are started.
    pub fn servers(&self) -> impl Iterator<Item = Role> {
        std::iter::once("hub").chain(self.provinces.iter().copied()).map(server)
    }
}

/// The folder, kept until the site is dropped.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    layout: Layout,
    proxies: BTreeMap<&'static str, Proxy>,
    options: Options,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// "app:demo" and the like.
fn role(text: &str) -> Role {
    format!("urn:gongji:{text}").parse().expect("a role")
}

/// A province by its two digits.
pub fn province(digits: &str) -> ProvinceCode {
    ProvinceCode::parse(digits).expect("two digits")
}

/// "hub", or the node of a province: "51".
pub fn server(name: &str) -> Role {
    if name == "hub" { Role::Hub } else { Role::Node(province(name)) }
}

impl Site {
    /// On ports that were free a moment ago.
    pub fn new(options: &Options) -> Site {
        Site::at(options, free_addresses(&options.known()).expect("ports"))
    }

    /// Certificates of everyone, and a configuration file for each server.
    pub fn at(options: &Options, addresses: Addresses) -> Site {
        let folder = TempDir::with_prefix("gongji-e2e-").expect("a folder");
        let layout = Layout::new(folder.path(), addresses);
        let named = ["app:demo", "app:sichuan", "app:unlisted", "operator:ops", "operator:second"].map(role);
        let platforms = options.known().into_iter().map(Role::Platform);
        let all = layout.addresses().keys().cloned().chain(named).chain(platforms);
        layout.issue(all).expect("certificates");
        let port = |name: &str| layout.address(&server(name)).port();
        let proxies = options.proxied.iter().map(|name| (*name, Proxy::to(port(name)))).collect();
        let site = Site { folder, layout, proxies, options: options.clone() };
        site.write_configs();
        site
    }

    /// Where all of it is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Addresses, certificates and files of its servers.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How it is.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The wire between a proxied server and those that dial it.
    pub fn proxy(&self, server: &str) -> &Proxy {
        &self.proxies[server]
    }

    /// The port of "hub" or of a province's node.
    pub fn port(&self, name: &str) -> u16 {
        self.layout.address(&server(name)).port()
    }

    /// The configuration file of "hub" or of a province's node.
    pub fn config(&self, name: &str) -> PathBuf {
        self.layout.config(&server(name))
    }

    /// The store's folder of "hub" or of a province's node.
    pub fn data(&self, name: &str) -> PathBuf {
        self.layout.store(&server(name))
    }

    /// The folder of rulebooks, where the test has its own.
    pub fn rulebooks(&self) -> PathBuf {
        self.folder().join("rulebooks")
    }

    /// The certificate of a role such as "app:demo".
    pub fn tls(&self, name: &str) -> Tls {
        self.layout.tls(&role(name)).expect("certificates")
    }

    /// A caller with the certificate of this role.
    pub fn caller(&self, name: &str) -> Caller {
        Caller::at(&self.layout, &self.tls(name))
    }

    /// A caller without a certificate.
    pub fn nobody(&self) -> Caller {
        let ca = fs::read(self.layout.ca()).expect("the authority's certificate");
        Caller::nobody(&self.layout, &ca).expect("an authority")
    }

    /// A caller whose certificate says "app:demo", of an authority that nobody here believes.
    pub fn stranger(&self) -> Caller {
        let folder = TempDir::new_in(self.folder()).expect("a folder");
        let others = Layout::new(folder.path(), Addresses::new());
        others.issue([role("app:demo")]).expect("another authority");
        let Issued { cert, key } = others.certificate(&role("app:demo"));
        let files = TlsFiles::new(self.layout.ca(), cert, key);
        Caller::at(&self.layout, &Tls::load(&files).expect("certificates"))
    }

    /// A payer in one province and a relative in another, with 10,000.00 and an open, empty wallet.
    pub async fn family(&self, payer: &str, payee: &str) -> Family {
        let platform = |province: &str| self.caller(&format!("platform:{province}"));
        Family::enrol(&platform(payer), &platform(payee), (payer, payee)).await
    }

    /// Waits until every node has joined and money gets through to it: the hub finds that out by itself, and no RPC
    /// tells.
    pub async fn ready(&self) {
        let operator = self.caller("operator:ops");
        for province in &self.options.provinces {
            let node = server(province);
            until("a node that serves", async || operator.serves(&node).await.then_some(())).await;
        }
        let Some((first, others)) = self.options.provinces.split_first() else { return };
        let app = self.caller("app:demo");
        for other in others {
            let family = self.family(first, other).await;
            until("a transfer that gets through", async || {
                let transfer = app.create(family.transfer("0.01")).await.ok()?;
                let through = [TransferState::Committed, TransferState::AwaitingAcceptance];
                through.contains(&transfer.state()).then_some(())
            })
            .await;
        }
    }

    /// From its next start on a server's civil clock begins at another time.
    pub fn set_clock(&self, server: &str, civil_start: &str) {
        let text = fs::read_to_string(self.config(server)).expect("a configuration");
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("civil_start")).collect();
        let text = format!("civil_start = \"{civil_start}\"\n{}", kept.join("\n"));
        fs::write(self.config(server), text).expect("written");
    }

    /// The national rulebook with another number of transfers a day, and the rules of the places that have some here.
    fn write_rulebooks(&self, daily_count_max: u32) {
        let national =
            fs::read_to_string(project().join("deploy/rulebooks/national.toml")).expect("a rulebook");
        let limit = "daily_count_max = { value = 3,";
        assert_eq!(national.matches(limit).count(), 1, "the national rulebook says it once");
        let changed = national.replace(limit, &format!("daily_count_max = {{ value = {daily_count_max},"));
        fs::create_dir_all(self.rulebooks()).expect("a folder");
        let national = ("national.toml", changed.as_str());
        for (name, text) in self.options.rules.iter().copied().chain([national]) {
            fs::write(self.rulebooks().join(name), text).expect("written");
        }
    }

    fn write_configs(&self) {
        let is_own = self.options.daily_count_max.is_some() || !self.options.rules.is_empty();
        if is_own {
            self.write_rulebooks(self.options.daily_count_max.unwrap_or(3));
        }
        let shipped = project().join("deploy/rulebooks");
        let dialled =
            |(name, proxy): (&&str, &Proxy)| (server(name), SocketAddr::from(([127, 0, 0, 1], proxy.port)));
        let settings = Settings {
            regions: &project().join("deploy/regions.toml"),
            rulebooks: if is_own { Path::new("rulebooks") } else { &shipped },
            apps: &[("demo", "\"*\""), ("sichuan", "[\"51\"]")],
            hub_limits: self.options.hub_limits,
            log: self.options.log,
            dialled: self.proxies.iter().map(dialled).collect(),
            ..Settings::default()
        };
        self.layout.write_configs(&settings).expect("written");
    }
}
