//! Servers as processes of the real binary.

use crate::e2e::kit::site::{Options, Site};
use crate::e2e::kit::{run, until};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Between picking a port and listening on it another test may have taken it: then all begins again.
const TRIES: usize = 5;

/// Of each server's log, when a test fails: its folder is gone afterwards.
const LOG_LINES_SHOWN: usize = 60;

/// A site and its processes; what still runs is killed when it is dropped.
pub struct Servers {
    running: BTreeMap<String, Child>,
    site: Site,
}

impl Servers {
    /// Starts all of them and waits until money gets through.
    pub fn start(options: &Options) -> Servers {
        for _ in 0..TRIES {
            let mut servers = Servers { running: BTreeMap::new(), site: Site::new(options.clone()) };
            for server in servers.names() {
                servers.launch(&server);
            }
            if run(servers.come_up()) {
                run(servers.site.ready());
                return servers;
            }
        }
        panic!("no ports that nobody else took");
    }

    /// "hub" and the provinces.
    pub fn names(&self) -> Vec<String> {
        std::iter::once("hub")
            .chain(self.site.options().provinces.iter().copied())
            .map(str::to_owned)
            .collect()
    }

    /// Folder, ports and certificates.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Where a server's standard error goes, all its lives in one file.
    pub fn log(&self, server: &str) -> PathBuf {
        self.site.folder().join(format!("{server}.log"))
    }

    /// Starts a server as people do.
    pub fn launch(&mut self, server: &str) {
        let log = OpenOptions::new().create(true).append(true).open(self.log(server)).expect("a log");
        let role = if server == "hub" { "hub" } else { "node" };
        let child = Command::new(env!("CARGO_BIN_EXE_gongji"))
            .arg(role)
            .arg("--config")
            .arg(self.site.config(server))
            .stdin(Stdio::null())
            .stdout(File::create(self.site.folder().join(format!("{server}.out"))).expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        self.running.insert(server.to_owned(), child);
    }

    /// Waits until each has said where it listens (true) or one has ended, for example for lack of its port (false).
    pub async fn come_up(&mut self) -> bool {
        let folder = self.site.folder().to_owned();
        let running = &mut self.running;
        until("processes that listen or end", async || {
            let ended = running.values_mut().any(|child| child.try_wait().expect("a child").is_some());
            let out = |server: &String| {
                fs::read_to_string(folder.join(format!("{server}.out"))).unwrap_or_default()
            };
            let all = running.keys().all(|server| out(server).starts_with("listening on "));
            if ended { Some(false) } else { all.then_some(true) }
        })
        .await
    }

    /// `kill -9`: nothing is flushed, nobody is told.
    pub fn kill(&mut self, server: &str) {
        let mut child = self.running.remove(server).expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("gone");
    }

    /// SIGHUP: the server reads its rulebook again.
    pub fn hang_up(&self, server: &str) {
        let hangup =
            Command::new("sh").arg("-c").arg(format!("kill -HUP {}", self.running[server].id())).status();
        assert!(hangup.expect("a shell").success());
    }

    /// SIGTERM to all, and waits until each has ended well.
    pub async fn stop(&mut self) {
        for (server, mut child) in std::mem::take(&mut self.running) {
            let term = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status();
            assert!(term.expect("a shell").success());
            let ended = until("the end of a process", async || child.try_wait().expect("a child")).await;
            assert!(ended.success(), "{server} ended with {ended}");
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            // It may have ended by itself; the test has failed already then.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            for server in self.names() {
                let log = fs::read_to_string(self.log(&server)).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                eprintln!("--- the last of {server}.log");
                lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..]
                    .iter()
                    .for_each(|line| eprintln!("{line}"));
            }
        }
    }
}
