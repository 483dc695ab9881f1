//! Starts the servers of a site as processes of the real program.

use super::launcher::LaunchError;
use super::site::Site;
use super::until::until;
use crate::transport::identity::Role;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The processes that run; what still runs is killed when this is dropped.
#[derive(Debug)]
pub struct Processes {
    program: PathBuf,
    site: Site,
    within: Duration,
    running: BTreeMap<Role, Child>,
}

impl Processes {
    /// None yet. `within`: how long a server may take to come up, and to end.
    pub fn new(program: &Path, site: Site, within: Duration) -> Processes {
        Processes { program: program.to_owned(), site, within, running: BTreeMap::new() }
    }

    /// Where the servers live.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The program with these arguments, in the site's folder.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.site.root()).stdin(Stdio::null());
        command
    }

    /// The command that starts a server, as people give it.
    pub fn server(&self, server: &Role) -> Command {
        let mut command = self.program(&[if *server == Role::Hub { "hub" } else { "node" }, "--config"]);
        command.arg(self.site.config(server));
        command
    }

    /// Starts a server.
    ///
    /// # Errors
    /// When there is no such program, or its log cannot be written.
    pub fn start(&mut self, server: &Role) -> Result<(), LaunchError> {
        self.start_by(server, &mut self.server(server))
    }

    /// Starts a server by another command than [`Processes::server`]. Errors as of [`Processes::start`].
    pub fn start_by(&mut self, server: &Role, command: &mut Command) -> Result<(), LaunchError> {
        let log = OpenOptions::new().create(true).append(true).open(self.log(server));
        let child = log.and_then(|log| command.stdout(File::create(self.out(server))?).stderr(log).spawn());
        let child = child.map_err(|error| LaunchError::Io(self.log(server), error))?;
        self.running.insert(server.clone(), child);
        Ok(())
    }

    /// Where a server's standard error goes, all its lives in one file.
    pub fn log(&self, server: &Role) -> PathBuf {
        self.site.root().join(format!("{}.log", server.file_stem()))
    }

    fn out(&self, server: &Role) -> PathBuf {
        self.site.root().join(format!("{}.out", server.file_stem()))
    }

    /// The last lines of a server's log.
    pub fn last_words(&self, server: &Role, lines: usize) -> String {
        let log = fs::read_to_string(self.log(server)).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Each process that runs, by its number.
    pub fn ids(&self) -> impl Iterator<Item = (&Role, u32)> {
        self.running.iter().map(|(role, child)| (role, child.id()))
    }

    fn failed(&self, server: &Role, what: impl ToString) -> LaunchError {
        let words = self.last_words(server, 5);
        let words = if words.is_empty() { words } else { format!("; its log ends with:\n{words}") };
        LaunchError::Process(server.file_stem(), what.to_string(), words)
    }

    /// Waits until each has said where it listens.
    ///
    /// # Errors
    /// The first that ends instead, or has not said so in time.
    pub async fn come_up(&mut self) -> Result<(), LaunchError> {
        let servers: Vec<Role> = self.running.keys().cloned().collect();
        for server in &servers {
            let listens = until(self.within, async || match self.look(server) {
                Ok(None) => {
                    let out = fs::read_to_string(self.out(server)).unwrap_or_default();
                    out.starts_with("listening on ").then_some(Ok(()))
                }
                Ok(Some(status)) => Some(Err(self.failed(server, format!("ended with {status}")))),
                Err(error) => Some(Err(error)),
            });
            listens.await.unwrap_or_else(|| Err(self.failed(server, "does not start")))?;
        }
        Ok(())
    }

    fn look(&mut self, server: &Role) -> Result<Option<ExitStatus>, LaunchError> {
        let Some(child) = self.running.get_mut(server) else {
            return Err(self.failed(server, "was not started"));
        };
        child.try_wait().map_err(|error| LaunchError::Io(server.file_stem().into(), error))
    }

    /// `kill -9`: nothing is flushed, nobody is told.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub fn kill(&mut self, server: &Role) -> Result<(), LaunchError> {
        if let Some(status) = self.look(server)? {
            return Err(self.failed(server, format!("had ended by itself with {status}")));
        }
        self.running
            .remove(server)
            .map_or(Ok(()), end)
            .map_err(|it| LaunchError::Io(server.file_stem().into(), it))
    }

    /// Waits until a server has ended by itself.
    ///
    /// # Errors
    /// When it does not.
    pub async fn end_of(&mut self, server: &Role) -> Result<ExitStatus, LaunchError> {
        let ended = until(self.within, async || self.look(server).transpose()).await;
        let status = ended.unwrap_or_else(|| Err(self.failed(server, "does not end")))?;
        self.running.remove(server);
        Ok(status)
    }

    /// Sends a server a signal: "TERM", "HUP".
    ///
    /// # Errors
    /// When it has ended by itself.
    pub fn signal(&self, server: &Role, signal: &str) -> Result<(), LaunchError> {
        let id = self.running.get(server).map_or(0, Child::id);
        let sent =
            Command::new("sh").arg("-c").arg(format!("test {id} -gt 0 && kill -{signal} {id}")).status();
        match sent {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(self.failed(server, "had ended by itself")),
            Err(error) => Err(LaunchError::Io("sh".into(), error)),
        }
    }

    /// Tells all of them to stop and waits until they have.
    ///
    /// # Errors
    /// The first that does not end well.
    pub async fn stop(&mut self) -> Result<(), LaunchError> {
        let servers: Vec<Role> = self.running.keys().cloned().collect();
        servers.iter().try_for_each(|server| self.signal(server, "TERM"))?;
        for server in &servers {
            let status = self.end_of(server).await?;
            if !status.success() {
                return Err(self.failed(server, format!("ended with {status}")));
            }
        }
        Ok(())
    }
}

/// Kills a process and waits until it is gone.
fn end(mut child: Child) -> io::Result<()> {
    child.kill()?;
    child.wait().map(drop)
}

impl Drop for Processes {
    fn drop(&mut self) {
        // One that has ended by itself is gone already.
        std::mem::take(&mut self.running).into_values().for_each(|child| drop(end(child)));
    }
}
