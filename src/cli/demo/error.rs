//! Why a demonstration ends without a verdict.

use crate::config::ConfigError;
use crate::devkit::dev_ca::IssueError;
use crate::devkit::launcher::LaunchError;
use crate::privacy::private_file::PrivateFileError;
use crate::store::StoreError;
use crate::transport::tls::TlsError;
use std::io;
use std::path::PathBuf;

/// What stopped the demonstration. Names no person.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// `--log` is no filter.
    #[error("--log: {0}; write it like \"info\" or \"gongji=debug,warn\"")]
    Log(String),
    /// A file or folder under `--data`.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Another demonstration has the folder.
    #[error("{0} is in use by another `gongji demo`; stop that one, or name another folder with --data")]
    InUse(PathBuf),
    /// A file in the folder does not hold what it should.
    #[error("{0}: {1}")]
    Content(PathBuf, String),
    /// A file with a secret in it.
    #[error(transparent)]
    Private(#[from] PrivateFileError),
    /// Regions or rulebooks.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Certificates.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The client's side of TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A store that is looked at.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store of the node whose row is changed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The row that is changed behind a node's back.
    #[error("the planted break: {0}")]
    Planted(String),
    /// A server that does not start, or did not end well.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// A server ended while it should serve.
    #[error("{0} has ended by itself")]
    Ended(String),
    /// A call that must succeed did not.
    #[error("{0}: {1}")]
    Call(String, String),
    /// The list of people that is built in.
    #[error("deploy/demo/members.csv: {0}")]
    Cast(String),
    /// The script names somebody who is not in the list.
    #[error("the script names `{0}`, who is not in deploy/demo/members.csv")]
    NoSuchPerson(&'static str),
}
