//! A hub and two nodes as processes of their own, on 127.0.0.1, in a folder that is gone afterwards.

use super::process::{Usage, file_system};
use super::{BenchError, failed};
use crate::devkit::dev_ca;
use crate::domain::value::region::ProvinceCode;
use crate::transport::identity::Role;
use crate::transport::tls::TlsFiles;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The givers' province: 河北.
pub const PAYER_PROVINCE: u8 = 13;
/// The relatives' province: 四川.
pub const PAYEE_PROVINCE: u8 = 51;

/// A province that is configured and whose node is never started: 内蒙古.
pub const DARK_PROVINCE: u8 = 15;

/// The places, as the service ships them.
const REGIONS: &str = include_str!("../../../deploy/regions.toml");
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

/// How long a server may take until it listens, and until it has ended after SIGTERM.
const START_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// The app that makes the transfers.
pub fn app() -> Role {
    Role::App("bench".to_owned())
}

/// A province by its number.
pub fn province(number: u8) -> ProvinceCode {
    // Both numbers are constants of this file, and there are such provinces.
    ProvinceCode::parse(&format!("{number:02}")).unwrap_or(ProvinceCode::HUB)
}

/// The servers. They end, and the folder is removed, when this is dropped.
#[derive(Debug)]
pub struct Stage {
    servers: Vec<Server>,
    folder: Folder,
}

/// Removed with all that is in it when it is dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays: there is nobody to tell, and it is in a temporary place.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One server's process.
#[derive(Debug)]
struct Server {
    name: &'static str,
    port: u16,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be killed again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of the servers, and whose stores they open.
const HUB: &str = "hub";
const PAYER: &str = "node-13";
const PAYEE: &str = "node-51";

impl Stage {
    /// Starts all three under `data` (default: the system's temporary folder) and waits until they listen.
    /// `dark`: the hub knows of a third node, which is never started.
    pub fn start(data: Option<&Path>, dark: bool) -> Result<Stage, BenchError> {
        let parent = data.map_or_else(std::env::temp_dir, Path::to_owned);
        let folder = parent.join(format!("gongji-bench-{}", std::process::id()));
        fs::create_dir_all(&parent).map_err(failed(parent.display()))?;
        fs::create_dir(&folder).map_err(failed(folder.display()))?;
        let folder = Folder(folder);
        let ports = free_ports()?;
        // Nobody listens on what is no port of a server: port 1 is nobody's.
        write_files(&folder.0, ports, dark.then_some(1))?;
        let mut stage = Stage { servers: Vec::new(), folder };
        for (name, port) in [HUB, PAYER, PAYEE].into_iter().zip(ports) {
            let server = start(&stage.folder.0, name, port)?;
            stage.servers.push(server);
        }
        Ok(stage)
    }

    /// What each server has used so far: the hub, the payer's node, the payee's node, and this process.
    pub fn usage(&self) -> Vec<Usage> {
        let servers = self.servers.iter().map(|server| Usage::of(server.name, server.child.id()));
        servers.chain([Usage::of("load", std::process::id())]).collect()
    }

    /// Where a server listens, as a URL.
    fn address(&self, name: &str) -> String {
        let port = self.servers.iter().find(|server| server.name == name).map_or(0, |server| server.port);
        format!("https://127.0.0.1:{port}")
    }

    /// Where the hub listens.
    pub fn hub_address(&self) -> String {
        self.address(HUB)
    }

    /// Where the node of one of the two provinces listens.
    pub fn node_address(&self, province: u8) -> String {
        self.address(if province == PAYER_PROVINCE { PAYER } else { PAYEE })
    }

    /// The certificate of one of the roles that were made.
    pub fn files(&self, role: &Role) -> TlsFiles {
        let issued = dev_ca::files_of(&certs(&self.folder.0), role);
        TlsFiles { ca: certs(&self.folder.0).join(dev_ca::CA_CERT), cert: issued.cert, key: issued.key }
    }

    /// The store of the hub, of the payer's node, of the payee's node: its folder and its owner's name.
    pub fn stores(&self) -> [(PathBuf, &'static str); 3] {
        [(HUB, "hub"), (PAYER, "node:13"), (PAYEE, "node:51")]
            .map(|(name, owner)| (self.folder.0.join(name), owner))
    }

    /// The kind of file system that the stores are on.
    pub fn file_system(&self) -> String {
        file_system(&self.folder.0)
    }

    /// Tells all of them to stop and waits until they have; one that does not end well is an error.
    pub async fn stop(&mut self) -> Result<(), BenchError> {
        for server in &self.servers {
            let pid = server.child.id().to_string();
            let sent = Command::new("kill").args(["-TERM", &pid]).status().map_err(failed("kill"))?;
            if !sent.success() {
                return Err(BenchError::Failed(format!("{} had ended by itself", server.name)));
            }
        }
        let until = Instant::now() + STOP_WITHIN;
        for server in &mut self.servers {
            let status = loop {
                if let Some(status) = server.child.try_wait().map_err(failed(server.name))? {
                    break status;
                }
                if Instant::now() > until {
                    return Err(BenchError::Failed(format!("{} does not stop", server.name)));
                }
                tokio::time::sleep(POLL).await;
            };
            if !status.success() {
                let log = tail(&self.folder.0, server.name);
                return Err(BenchError::Failed(format!("{} ended with {status}{log}", server.name)));
            }
        }
        Ok(())
    }
}

fn certs(folder: &Path) -> PathBuf {
    folder.join("certs")
}

/// Ports that were free a moment ago. Servers name each other, so all are chosen before one starts.
fn free_ports() -> Result<[u16; 3], BenchError> {
    let bind = || TcpListener::bind("127.0.0.1:0").map_err(failed("a port on 127.0.0.1"));
    // All are held together, so that they differ.
    let held = [bind()?, bind()?, bind()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr().map_err(failed("a port on 127.0.0.1"))?.port();
    }
    Ok(ports)
}

/// Configuration, places, rules and certificates.
fn write_files(folder: &Path, [hub, payer, payee]: [u16; 3], dark: Option<u16>) -> Result<(), BenchError> {
    dev_ca::init(&certs(folder)).map_err(failed("certificates"))?;
    let [from, to] = [PAYER_PROVINCE, PAYEE_PROVINCE].map(province);
    for role in [Role::Hub, Role::Node(from), Role::Node(to), Role::Platform(from), Role::Platform(to), app()]
    {
        dev_ca::issue(&certs(folder), &role, &[]).map_err(failed("certificates"))?;
    }
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(failed(path.display()))
    };
    let rulebooks = folder.join("rulebooks");
    fs::create_dir(&rulebooks).map_err(failed(rulebooks.display()))?;
    write("rulebooks/national.toml", RULEBOOK)?;
    write("regions.toml", REGIONS)?;
    let node = |province: u8, port: u16| {
        format!("[[nodes]]\nprovince = \"{province}\"\naddress = \"https://127.0.0.1:{port}\"\n")
    };
    let apps = "[[apps]]\nname = \"bench\"\nprovinces = [\"13\", \"51\"]\n";
    let dark = dark.map_or_else(String::new, |port| node(DARK_PROVINCE, port));
    let nodes = format!("{}{}{dark}{apps}", node(PAYER_PROVINCE, payer), node(PAYEE_PROVINCE, payee));
    write("hub.toml", &format!("{}{nodes}", common(HUB, hub)))?;
    for (name, province, port) in [(PAYER, PAYER_PROVINCE, payer), (PAYEE, PAYEE_PROVINCE, payee)] {
        let upstream = format!("[hub]\naddress = \"https://127.0.0.1:{hub}\"\n");
        let apps = "[[apps]]\nname = \"bench\"\n";
        let text = format!("province = \"{province}\"\n{}{upstream}{apps}", common(name, port));
        write(&format!("{name}.toml"), &text)?;
    }
    Ok(())
}

/// What all three configurations say; everything else is the default. The clock is set so that no day ends on the way.
fn common(name: &str, port: u16) -> String {
    format!(
        "listen = \"127.0.0.1:{port}\"\ndata = \"{name}\"\nvault_key = \"{name}.vault.key\"\n\
         regions = \"regions.toml\"\nrulebooks = \"rulebooks\"\ncivil_start = \"2026-11-21T09:00:00+08:00\"\n\
         [tls]\nca = \"certs/ca.pem\"\ncert = \"certs/{name}.pem\"\nkey = \"certs/{name}.key\"\n\
         [log]\nfilter = \"warn\"\n"
    )
}

fn start(folder: &Path, name: &'static str, port: u16) -> Result<Server, BenchError> {
    let program = std::env::current_exe().map_err(failed("this program"))?;
    let log = folder.join(format!("{name}.log"));
    let log = File::create(&log).map_err(failed(log.display()))?;
    let child = Command::new(program)
        .arg(if name == HUB { "hub" } else { "node" })
        .arg("--config")
        .arg(folder.join(format!("{name}.toml")))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn();
    let mut server = Server { name, port, child: child.map_err(failed(name))? };
    let listens = server.child.stdout.take().is_some_and(listens);
    if listens {
        Ok(server)
    } else {
        Err(BenchError::Failed(format!("{name} does not start{}", tail(folder, name))))
    }
}

/// Whether a server says in time that it listens.
fn listens(stdout: ChildStdout) -> bool {
    let (told, said) = mpsc::channel();
    // The pipe is read to its end, since writing to a closed one would fail the server.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody waits for the lines after the first.
            let _ = told.send(line.starts_with("listening on "));
        }
    });
    said.recv_timeout(START_WITHIN).unwrap_or(false)
}

/// The last lines of a server's log, to explain its end.
fn tail(folder: &Path, name: &str) -> String {
    let log = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n");
    if last.is_empty() { String::new() } else { format!("; its log ends with:\n{last}") }
}
