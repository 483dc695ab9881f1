//! A folder with everything that servers need to start: certificates, ports, configuration files.

use super::caller::Caller;
use super::people::Family;
use super::proxy::Proxy;
use super::until;
use gongji::devkit::dev_ca;
use gongji::proto::hub::TransferState;
use gongji::transport::identity::Role;
use gongji::transport::tls::{Tls, TlsFiles};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

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

/// The folder, kept until the site is dropped.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    ports: BTreeMap<String, u16>,
    proxies: BTreeMap<&'static str, Proxy>,
    options: Options,
}

/// The civil clock of every server begins here: an ordinary day, with every open place open.
const CIVIL_START: &str = "2026-11-21T10:00:00+08:00";

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn role(text: &str) -> Role {
    format!("urn:gongji:{text}").parse().expect("a role")
}

impl Site {
    /// Certificates of everyone, ports that were free a moment ago, and a configuration file for each server.
    pub fn new(options: Options) -> Site {
        let folder = TempDir::with_prefix("gongji-e2e-").expect("a folder");
        let provinces = || options.provinces.iter().chain(&options.strangers);
        let certs = folder.path().join("certs");
        dev_ca::init(&certs).expect("an authority");
        let apps = ["app:demo", "app:sichuan", "app:unlisted", "operator:ops", "operator:second", "hub"]
            .map(str::to_owned);
        let servers = provinces().flat_map(|it| [format!("node:{it}"), format!("platform:{it}")]);
        for name in apps.into_iter().chain(servers) {
            dev_ca::issue(&certs, &role(&name), &[]).expect("a certificate");
        }
        let others = folder.path().join("others");
        dev_ca::init(&others).expect("another authority");
        dev_ca::issue(&others, &role("app:demo"), &[]).expect("a certificate");
        // All are held while they are picked, so that no two are the same.
        let picked: Vec<(String, TcpListener)> = std::iter::once("hub")
            .chain(provinces().copied())
            .map(|name| (name.to_owned(), TcpListener::bind("127.0.0.1:0").expect("a port")))
            .collect();
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let ports: BTreeMap<String, u16> =
            picked.iter().map(|(name, listener)| (name.clone(), port(listener))).collect();
        let proxies = options.proxied.iter().map(|name| (*name, Proxy::to(ports[*name]))).collect();
        let site = Site { folder, ports, proxies, options };
        site.write_configs();
        site
    }

    /// Where all of it is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How it is.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// "https://127.0.0.1:PORT" of "hub" or of a province's node.
    pub fn url(&self, server: &str) -> String {
        format!("https://127.0.0.1:{}", self.port(server))
    }

    /// The wire between a proxied server and those that dial it.
    pub fn proxy(&self, server: &str) -> &Proxy {
        &self.proxies[server]
    }

    /// Where other servers look for this one.
    fn url_for_servers(&self, server: &str) -> String {
        let port = self.proxies.get(server).map_or(self.port(server), |proxy| proxy.port);
        format!("https://127.0.0.1:{port}")
    }

    /// The port of "hub" or of a province's node.
    pub fn port(&self, server: &str) -> u16 {
        self.ports[server]
    }

    /// The configuration file of "hub" or of a province's node.
    pub fn config(&self, server: &str) -> PathBuf {
        self.folder().join(format!("{server}.toml"))
    }

    /// The store's folder of "hub" or of a province's node.
    pub fn data(&self, server: &str) -> PathBuf {
        self.folder().join("data").join(server)
    }

    fn files(&self, folder: &str, name: &str) -> TlsFiles {
        let issued = dev_ca::files_of(&self.folder().join(folder), &role(name));
        TlsFiles { ca: self.folder().join("certs/ca.pem"), cert: issued.cert, key: issued.key }
    }

    /// The certificate of a role such as "app:demo".
    pub fn tls(&self, name: &str) -> Tls {
        Tls::load(&self.files("certs", name)).expect("certificates")
    }

    /// A caller with the certificate of this role.
    pub fn caller(&self, name: &str) -> Caller {
        Caller::with(self, &self.tls(name))
    }

    /// A giver in one province and a relative in another, with 10,000.00 and an open, empty wallet.
    pub async fn family(&self, payer: &str, payee: &str) -> Family {
        let platform = |province: &str| self.caller(&format!("platform:{province}"));
        Family::enrol(&platform(payer), &platform(payee), (payer, payee)).await
    }

    /// Waits until every node has joined and money gets through to it: the hub finds that out by itself, and no RPC
    /// tells.
    pub async fn ready(&self) {
        for province in &self.options.provinces {
            let mut health = self.caller("operator:ops").health(province);
            until("a node that serves", async || health.serves().await.then_some(())).await;
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

    /// A certificate that says "app:demo", of an authority that nobody here believes.
    pub fn other_authority(&self) -> Tls {
        Tls::load(&self.files("others", "app:demo")).expect("certificates")
    }

    /// The authority's certificate, PEM.
    pub fn ca(&self) -> Vec<u8> {
        fs::read(self.folder().join("certs/ca.pem")).expect("the authority's certificate")
    }

    /// From its next start on a server's civil clock begins at another time.
    pub fn set_clock(&self, server: &str, civil_start: &str) {
        let text = fs::read_to_string(self.config(server)).expect("a configuration");
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("civil_start")).collect();
        let text = format!("civil_start = \"{civil_start}\"\n{}", kept.join("\n"));
        fs::write(self.config(server), text).expect("written");
    }

    fn common(&self, server: &str, certificate: &str) -> String {
        let rulebooks = match self.options.daily_count_max {
            None if self.options.rules.is_empty() => project().join("deploy/rulebooks"),
            most => self.rulebook(most.unwrap_or(3)),
        };
        format!(
            "listen = \"127.0.0.1:{port}\"\ndata = \"data/{server}\"\nvault_key = \"{server}.vault.key\"\n\
             regions = {regions:?}\nrulebooks = {rulebooks:?}\nreflection = true\ncivil_start = \"{CIVIL_START}\"\n",
            port = self.port(server),
            regions = project().join("deploy/regions.toml"),
        ) + &self.tail(certificate)
    }

    /// What has to stand behind the keys of the file itself.
    fn tail(&self, certificate: &str) -> String {
        match certificate {
            "" => String::new(),
            name => format!(
                "[tls]\nca = \"certs/ca.pem\"\ncert = \"certs/{name}.pem\"\nkey = \"certs/{name}.key\"\n[log]\n{log}\n",
                log = self.options.log,
            ),
        }
    }

    /// The national rulebook with another number of transfers a day, and the rules of the places that have some here.
    fn rulebook(&self, daily_count_max: u32) -> PathBuf {
        let folder = self.folder().join("rulebooks");
        let national =
            fs::read_to_string(project().join("deploy/rulebooks/national.toml")).expect("a rulebook");
        let limit = "daily_count_max = { value = 3,";
        assert_eq!(national.matches(limit).count(), 1, "the national rulebook says it once");
        let changed = national.replace(limit, &format!("daily_count_max = {{ value = {daily_count_max},"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("national.toml"), changed).expect("written");
        for (name, text) in &self.options.rules {
            fs::write(folder.join(name), text).expect("written");
        }
        folder
    }

    fn write_configs(&self) {
        let mut hub = self.common("hub", "hub");
        writeln!(hub, "[limits]\n{}", self.options.hub_limits).expect("text");
        for province in self.options.provinces.iter().chain(&self.options.strangers) {
            let address = self.url_for_servers(province);
            writeln!(hub, "[[nodes]]\nprovince = \"{province}\"\naddress = \"{address}\"").expect("text");
        }
        for (name, provinces) in [("demo", "\"*\""), ("sichuan", "[\"51\"]")] {
            writeln!(hub, "[[apps]]\nname = \"{name}\"\nprovinces = {provinces}").expect("text");
        }
        fs::write(self.config("hub"), hub).expect("written");
        for province in &self.options.provinces {
            let mut node = format!("province = \"{province}\"\n");
            node += &self.common(province, &format!("node-{province}"));
            write!(node, "[hub]\naddress = \"{}\"\n[[apps]]\nname = \"demo\"\n", self.url_for_servers("hub"))
                .expect("text");
            fs::write(self.config(province), node).expect("written");
        }
    }
}
