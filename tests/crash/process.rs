//! Servers as processes of the real binary.

use crate::e2e::kit::site::{Options, Site};
use crate::e2e::kit::{run, until};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// Between picking a port and listening on it another test may have taken it: then all begins again.
const TRIES: usize = 5;

/// Of each server's log, when a test fails: its folder is gone afterwards.
const LOG_LINES_SHOWN: usize = 60;

/// What a command wrote to its standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}

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

    /// A site on which nothing runs yet.
    pub fn idle(options: &Options) -> Servers {
        Servers { running: BTreeMap::new(), site: Site::new(options.clone()) }
    }

    /// The program, with these arguments.
    pub fn gongji(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gongji"));
        command.args(arguments).current_dir(self.site.folder()).stdin(Stdio::null());
        command
    }

    /// Starts a server as people do.
    pub fn launch(&mut self, server: &str) {
        self.launch_by(server, |command| command);
    }

    /// Starts a server that dies when it comes to this failpoint for the `nth` time.
    #[cfg(debug_assertions)]
    pub fn launch_fatal(&mut self, server: &str, point: gongji::store::failpoint::Failpoint, nth: u64) {
        let fatal = format!("{}:{nth}", point.name());
        self.launch_by(server, |command| command.env("GONGJI_FAILPOINT", fatal));
    }

    /// Starts a server whose files may not grow beyond so many blocks, as on a disk that is full.
    pub fn launch_limited(&mut self, server: &str, blocks: u32) {
        // Without the trap the system ends the process at the limit, instead of failing its write.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let plain = self.server(server);
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(plain.get_program()).args(plain.get_args());
        command.current_dir(self.site.folder()).stdin(Stdio::null());
        self.spawn(server, &mut command);
    }

    /// Starts a server with the changes that `change` makes to its command.
    fn launch_by(&mut self, server: &str, change: impl FnOnce(&mut Command) -> &mut Command) {
        let mut command = self.server(server);
        self.spawn(server, change(&mut command));
    }

    fn server(&self, server: &str) -> Command {
        let role = if server == "hub" { "hub" } else { "node" };
        self.gongji(&[role, "--config", self.site.config(server).to_str().expect("UTF-8")])
    }

    fn spawn(&mut self, server: &str, command: &mut Command) {
        let log = OpenOptions::new().create(true).append(true).open(self.log(server)).expect("a log");
        let out = File::create(self.site.folder().join(format!("{server}.out"))).expect("a file");
        let child = command.stdout(out).stderr(log).spawn().expect("the binary starts");
        self.running.insert(server.to_owned(), child);
    }

    /// Takes a backup beside the running server, and gives its folder.
    pub fn backup(&self, server: &str) -> PathBuf {
        self.backup_made(&self.backup_command(server).output().expect("it runs"))
    }

    /// Takes a backup while this runtime's callers go on.
    pub async fn backup_beside(&self, server: &str) -> PathBuf {
        let mut command = self.backup_command(server);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        until("the end of a backup", async || child.try_wait().expect("a child")).await;
        self.backup_made(&child.wait_with_output().expect("its output"))
    }

    fn backup_command(&self, server: &str) -> Command {
        let mut command = self.gongji(&["backup", "--json", "--to", "backups", "--config"]);
        command.arg(self.site.config(server));
        command
    }

    fn backup_made(&self, output: &Output) -> PathBuf {
        // With --json a failure is told there too.
        assert!(output.status.success(), "{} {}", String::from_utf8_lossy(&output.stdout), said(output));
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(made["with_keys"], true);
        self.site.folder().join(made["folder"].as_str().expect("a folder"))
    }

    /// `gongji restore` by a configuration.
    pub fn restore_command(&self, from: &Path, config: &Path) -> Command {
        let mut command = self.gongji(&["restore", "--yes", "--from"]);
        command.arg(from).arg("--config").arg(config);
        command
    }

    /// Kills a server, loses its store, and puts a backup in its place; its key is still there.
    pub fn put_back(&mut self, server: &str, backup: &Path) {
        self.kill(server);
        fs::remove_dir_all(self.site.data(server)).expect("lost");
        let done = self.restore_command(backup, &self.site.config(server)).output().expect("it runs");
        assert!(done.status.success(), "{}", said(&done));
    }

    /// The last line that a server wrote to its log.
    pub fn last_words(&self, server: &str) -> String {
        let log = fs::read_to_string(self.log(server)).expect("a log");
        log.lines().last().unwrap_or_default().to_owned()
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
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "{server} has ended by itself: {ended:?}");
        child.kill().expect("killed");
        child.wait().expect("gone");
    }

    /// Waits until a server has ended by itself.
    pub async fn end_of(&mut self, server: &str) -> ExitStatus {
        let mut child = self.running.remove(server).expect("it runs");
        until("a process that ends by itself", async || child.try_wait().expect("a child")).await
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
