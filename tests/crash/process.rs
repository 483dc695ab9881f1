//! A site's servers as processes of the real binary.

use crate::e2e::kit::site::{Options, Site, server};
use crate::e2e::kit::{BOUND, run, until};
use gongji::devkit::launcher::{LaunchError, on_free_ports};
use gongji::devkit::processes::Processes;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

/// Of each server's log, when a test fails: its folder is gone afterwards.
const LOG_LINES_SHOWN: usize = 60;

/// What a command wrote to its standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}

/// A site and its processes; what still runs is killed when it is dropped.
pub struct Servers {
    processes: Processes,
    site: Site,
}

impl Servers {
    /// Starts all of them and waits until money gets through.
    pub fn start(options: &Options) -> Servers {
        let started = on_free_ports(&options.known(), |addresses| {
            let mut servers = Servers::of(Site::at(options, addresses));
            servers.names().iter().for_each(|server| servers.launch(server));
            run(servers.processes.come_up())?;
            Ok::<_, LaunchError>(servers)
        });
        let servers = started.expect("servers that start");
        run(servers.site.ready());
        servers
    }

    /// A site on which nothing runs yet.
    pub fn idle(options: &Options) -> Servers {
        Servers::of(Site::new(options))
    }

    fn of(site: Site) -> Servers {
        let program = Path::new(env!("CARGO_BIN_EXE_gongji"));
        Servers { processes: Processes::new(program, site.layout().clone(), BOUND), site }
    }

    /// "hub" and the provinces.
    pub fn names(&self) -> Vec<String> {
        let provinces = self.site.options().provinces.iter();
        std::iter::once("hub").chain(provinces.copied()).map(str::to_owned).collect()
    }

    /// Folder, ports and certificates.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Where a server's standard error goes, all its lives in one file.
    pub fn log(&self, name: &str) -> PathBuf {
        self.processes.log(&server(name))
    }

    /// The program, with these arguments.
    pub fn gongji(&self, arguments: &[&str]) -> Command {
        self.processes.program(arguments)
    }

    /// Starts a server as people do.
    pub fn launch(&mut self, name: &str) {
        self.processes.start(&server(name)).expect("the binary starts");
    }

    /// Starts a server that dies when it comes to this failpoint for the `nth` time.
    #[cfg(debug_assertions)]
    pub fn launch_fatal(&mut self, name: &str, point: gongji::store::failpoint::Failpoint, nth: u64) {
        let fatal = format!("{}:{nth}", point.name());
        self.launch_by(name, self.processes.server(&server(name)).env("GONGJI_FAILPOINT", fatal));
    }

    /// Starts a server whose files may not grow beyond so many blocks, as on a disk that is full.
    pub fn launch_limited(&mut self, name: &str, blocks: u32) {
        // Without the trap the system ends the process at the limit, instead of failing its write.
        self.launch_in_shell(name, &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    }

    /// Starts a server by a script of bash that becomes it, `exec "$0" "$@"`.
    pub fn launch_in_shell(&mut self, name: &str, script: &str) {
        let plain = self.processes.server(&server(name));
        let mut command = Command::new("bash");
        command.arg("-c").arg(script).arg(plain.get_program()).args(plain.get_args());
        self.launch_by(name, command.current_dir(self.site.folder()).stdin(Stdio::null()));
    }

    fn launch_by(&mut self, name: &str, command: &mut Command) {
        self.processes.start_by(&server(name), command).expect("the binary starts");
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
    pub fn restored(&mut self, server: &str, backup: &Path) {
        self.kill(server);
        fs::remove_dir_all(self.site.data(server)).expect("lost");
        let done = self.restore_command(backup, &self.site.config(server)).output().expect("it runs");
        assert!(done.status.success(), "{}", said(&done));
    }

    /// The last line that a server wrote to its log.
    pub fn last_words(&self, name: &str) -> String {
        self.processes.last_words(&server(name), 1)
    }

    /// Waits until each has said where it listens (true) or one has ended (false).
    pub async fn come_up(&mut self) -> bool {
        match self.processes.come_up().await {
            Ok(()) => true,
            Err(error) => {
                eprintln!("{error}");
                false
            }
        }
    }

    /// `kill -9`: nothing is flushed, nobody is told.
    pub fn kill(&mut self, name: &str) {
        self.processes.kill(&server(name)).expect("it ran until now");
    }

    /// Waits until a server has ended by itself.
    pub async fn end_of(&mut self, name: &str) -> ExitStatus {
        self.processes.end_of(&server(name)).await.expect("it ends")
    }

    /// SIGHUP: the server reads its rulebook again.
    pub fn hang_up(&self, name: &str) {
        self.processes.signal(&server(name), "HUP").expect("it runs");
    }

    /// SIGTERM to one.
    pub fn terminate(&self, name: &str) {
        self.processes.signal(&server(name), "TERM").expect("it runs");
    }

    /// SIGSTOP: the process is there, and does nothing.
    pub fn freeze(&self, name: &str) {
        self.processes.signal(&server(name), "STOP").expect("it runs");
    }

    /// SIGCONT: it goes on.
    pub fn thaw(&self, name: &str) {
        self.processes.signal(&server(name), "CONT").expect("it runs");
    }

    /// SIGTERM to all, and waits until each has ended well.
    pub async fn stop(&mut self) {
        self.processes.stop().await.expect("all end well");
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in self.names() {
                let words = self.processes.last_words(&server(&name), LOG_LINES_SHOWN);
                eprintln!("--- the last of {name}'s log\n{words}");
            }
        }
    }
}
