//! `gongji certs`: a development certificate authority in a folder.

use super::Exit;
use super::output::{note, say};
use crate::devkit::dev_ca::{self, IssueError, Issued};
use crate::transport::identity::Role;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a development authority: ca.pem and ca.key; refuses to write over them
    Init {
        /// Its folder; made when absent
        #[arg(long)]
        dir: PathBuf,
    },
    /// Issue a certificate and its key for a role; refuses to write over them
    Issue {
        /// The authority's folder; the files are written there too
        #[arg(long)]
        dir: PathBuf,
        /// urn:gongji:hub, urn:gongji:node:51, urn:gongji:app:NAME, urn:gongji:platform:51, urn:gongji:operator:NAME,
        /// urn:gongji:finance:51:NAME
        #[arg(long)]
        role: Role,
        /// DNS name or address of a server, besides localhost; may be repeated
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
    },
}

/// `gongji certs`.
pub(super) fn certs(command: &Command) -> Exit {
    let made = match command {
        Command::Init { dir } => dev_ca::init(dir),
        Command::Issue { dir, role, hosts } => dev_ca::issue(dir, role, hosts),
    };
    match made {
        Ok(Issued { cert, key }) => {
            say(format!("certificate {}\nprivate key {}", cert.display(), key.display()));
            Exit::Done
        }
        Err(error) => {
            note(format!("gongji: {error}"));
            match error {
                IssueError::Host(_) | IssueError::HostsOfClient(_) => Exit::Usage,
                IssueError::File(_) | IssueError::Io(..) | IssueError::Authority(_) => Exit::Refused,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_issues_and_writes_over_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("ca");
        let init = || certs(&Command::Init { dir: dir.clone() });
        let issue = |role: Role, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            certs(&Command::Issue { dir: dir.clone(), role, hosts })
        };
        assert_eq!(issue(Role::Hub, &[]), Exit::Refused, "there is no authority yet");
        assert_eq!((init(), init()), (Exit::Done, Exit::Refused));
        assert_eq!(issue(Role::Hub, &["not a host"]), Exit::Usage);
        assert_eq!(issue(Role::App("x".to_owned()), &["h.example"]), Exit::Usage);
        assert_eq!(issue(Role::Hub, &["h.example"]), Exit::Done);
        assert_eq!(issue(Role::Hub, &[]), Exit::Refused);
        assert!(dir.join("hub.pem").exists() && dir.join("hub.key").exists());
    }
}
