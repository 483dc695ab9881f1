//! Starts the servers of a site in this process, each on a thread of its own.

use super::dev_ca::IssueError;
use super::site::{Addresses, Site, free_addresses};
use crate::config::{ConfigError, HubConfig, NodeConfig};
use crate::domain::value::ProvinceCode;
use crate::server::common::running::{Running, StartError};
use crate::server::common::serve::{ServeError, ServerError};
use crate::server::{hub, node};
use crate::transport::identity::Role;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// A port that the system chose may be taken by somebody else before a server has it.
const TRIES: usize = 5;

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A file, a folder or a port.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Certificates.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A configuration file, or what it names.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A server in this process, and which.
    #[error("{0}: {1}")]
    Server(String, #[source] StartError),
    /// A process of its own: which, what became of it, and what it said last.
    #[error("{0} {1}{2}")]
    Process(String, String, String),
}

impl LaunchError {
    /// Whether somebody else has the port that was to be listened on.
    pub fn is_taken(&self) -> bool {
        let in_use = |error: &ServeError| match error {
            ServeError::Listen { error, .. } => error.kind() == io::ErrorKind::AddrInUse,
            ServeError::Tls(_) | ServeError::Plaintext(_) | ServeError::Serve(_) => false,
        };
        match self {
            LaunchError::Server(_, StartError::Server(ServerError::Serve(error))) => in_use(error),
            LaunchError::Process(_, _, said) => said.contains("cannot listen on"),
            _ => false,
        }
    }
}

/// Starts on ports that were free a moment ago, once more on others when somebody was faster.
///
/// # Errors
/// Those of the last try.
pub fn on_free_ports<T>(
    provinces: &[ProvinceCode],
    mut start: impl FnMut(Addresses) -> Result<T, LaunchError>,
) -> Result<T, LaunchError> {
    let mut once = || {
        let addresses =
            free_addresses(provinces).map_err(|error| LaunchError::Io("127.0.0.1:0".into(), error))?;
        start(addresses)
    };
    for _ in 1..TRIES {
        match once() {
            Err(error) if error.is_taken() => {}
            done => return done,
        }
    }
    once()
}

/// The servers that run in this process.
#[derive(Debug, Default)]
pub struct Servers(BTreeMap<Role, Running>);

impl Servers {
    /// Starts a server by its configuration file and waits until it listens. Not to be called inside a runtime.
    ///
    /// # Errors
    /// When it ends before it listens.
    pub fn start(&mut self, site: &Site, server: &Role) -> Result<(), LaunchError> {
        let (name, config) = (server.file_stem(), site.config(server));
        let running = match server.province() {
            None => {
                let config = HubConfig::load(&config)?;
                Running::start(&name, |ready, stop| hub::run(config, ready, stop))
            }
            Some(_) => {
                let config = NodeConfig::load(&config)?;
                Running::start(&name, |ready, stop| node::run(config, ready, stop))
            }
        };
        self.0.insert(server.clone(), running.map_err(|error| LaunchError::Server(name, error))?);
        Ok(())
    }

    /// Starts these servers; when one does not start, those before it are stopped.
    ///
    /// # Errors
    /// Those of the first that does not start.
    pub fn start_all(site: &Site, servers: impl IntoIterator<Item = Role>) -> Result<Servers, LaunchError> {
        let mut all = Servers::default();
        for server in servers {
            if let Err(error) = all.start(site, &server) {
                // The first error is the one to tell.
                let _ = all.stop_all();
                return Err(error);
            }
        }
        Ok(all)
    }

    /// Whether this server was started and not stopped.
    pub fn has(&self, server: &Role) -> bool {
        self.0.contains_key(server)
    }

    /// A server that has ended by itself.
    pub fn ended(&self) -> Option<&Role> {
        self.0.iter().find(|(_, server)| server.has_ended()).map(|(role, _)| role)
    }

    /// Stops a server and waits for its end; one that does not run has ended already.
    ///
    /// # Errors
    /// When it did not end well.
    pub fn stop(&mut self, server: &Role) -> Result<(), LaunchError> {
        let stopped = self.0.remove(server).map_or(Ok(()), Running::stop);
        stopped.map_err(|error| LaunchError::Server(server.file_stem(), error))
    }

    /// Stops all, the hub first, so that it does not miss the nodes.
    ///
    /// # Errors
    /// The first of theirs; the others are stopped all the same.
    pub fn stop_all(&mut self) -> Result<(), LaunchError> {
        let servers: Vec<Role> = self.0.keys().cloned().collect();
        let ended: Vec<Result<(), LaunchError>> = servers.iter().map(|server| self.stop(server)).collect();
        ended.into_iter().collect()
    }
}
