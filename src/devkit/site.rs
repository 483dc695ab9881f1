//! A folder with all that a hub and its nodes need to start: certificates, addresses, and a configuration file each.

use super::dev_ca::{self, CA_CERT, IssueError, Issued};
use crate::config::transport::TlsFiles;
use crate::domain::value::ProvinceCode;
use crate::privacy::random::random_16;
use crate::transport::identity::Role;
use crate::transport::tls::{Tls, TlsError};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The places, as the service ships them.
pub const REGIONS: &str = include_str!("../../deploy/regions.toml");

/// Where each server listens.
pub type Addresses = BTreeMap<Role, SocketAddr>;

/// BASE for the hub, BASE + 13 … BASE + 51 for the nodes, on loopback.
pub fn fixed_addresses(base: u16, provinces: &[ProvinceCode]) -> Addresses {
    let port = |role: &Role| base.saturating_add(role.province().map_or(0, |code| code.number().into()));
    let at = |role: Role| (role.clone(), SocketAddr::from((Ipv4Addr::LOCALHOST, port(&role))));
    servers(provinces).map(at).collect()
}

/// The first port that this system gives to connections.
fn first_of_connections() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768)
}

/// Ports for servers, in no order that two processes share. One that starts again must find its port free: the system
/// gives it to no connection meanwhile.
fn for_servers() -> impl Iterator<Item = u16> {
    const MOST: u16 = 16_384;
    let end = first_of_connections();
    let begin = end.saturating_sub(MOST).max(1_024);
    let span = end.saturating_sub(begin);
    let [high, low, ..] = random_16();
    let offset = u16::from_be_bytes([high, low]).checked_rem(span).unwrap_or(0);
    (0..span).map(move |step| begin + (offset + step) % span)
}

/// Ports on loopback that are free at this moment: servers must know each other's before any listens.
///
/// # Errors
/// When the system has no port.
pub fn free_addresses(provinces: &[ProvinceCode]) -> io::Result<Addresses> {
    let mut ports = for_servers();
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let mut free = || ports.find_map(|port| bind(port).ok()).map_or_else(|| bind(0), Ok);
    // All are held until all are known, so that no two are the same.
    let held: Vec<(Role, TcpListener)> =
        servers(provinces).map(|role| Ok((role, free()?))).collect::<io::Result<_>>()?;
    held.into_iter().map(|(role, listener)| Ok((role, listener.local_addr()?))).collect()
}

/// The hub and the nodes of these provinces.
pub fn servers(provinces: &[ProvinceCode]) -> impl Iterator<Item = Role> {
    std::iter::once(Role::Hub).chain(provinces.iter().copied().map(Role::Node))
}

/// What the configuration files say beside what the folder itself gives.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// The table of places; a path that is not absolute begins in the site's folder.
    pub regions: &'a Path,
    /// The folder of rulebooks, in the same way.
    pub rulebooks: &'a Path,
    /// The files of working days, in the same way.
    pub calendar: &'a [&'a str],
    /// When every server's civil clock begins, as in `2026-11-21T10:00:00+08:00`.
    pub civil_start: &'a str,
    /// Applications: name, and `provinces` at the hub. Each may call every node too.
    pub apps: &'a [(&'a str, &'a str)],
    /// Lines of the lists of other callers; none: everybody with a certificate.
    pub callers: &'a str,
    /// Lines of the hub's `[limits]`.
    pub hub_limits: &'a str,
    /// Lines of `[log]`.
    pub log: &'a str,
    /// Where servers dial each other; those that are not named here are dialled where they listen.
    pub dialled: Addresses,
}

impl Default for Settings<'_> {
    /// Places and rules in the site's folder, on an ordinary day with every open place open.
    fn default() -> Self {
        Settings {
            regions: Path::new("regions.toml"),
            rulebooks: Path::new("rulebooks"),
            calendar: &[],
            civil_start: "2026-11-21T10:00:00+08:00",
            apps: &[],
            callers: "",
            hub_limits: "",
            log: "",
            dialled: Addresses::new(),
        }
    }
}

/// The folder and where its servers listen.
#[derive(Clone, Debug)]
pub struct Site {
    root: PathBuf,
    addresses: Addresses,
}

impl Site {
    /// The folder must be there.
    pub fn new(root: &Path, addresses: Addresses) -> Site {
        Site { root: root.to_owned(), addresses }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where every server listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Where a server listens; port 0, where nobody can, for one that is not of this site.
    pub fn address(&self, server: &Role) -> SocketAddr {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.addresses.get(server).copied().unwrap_or(nowhere)
    }

    /// The same as a URL.
    pub fn url(&self, server: &Role) -> String {
        format!("https://{}", self.address(server))
    }

    /// A server's configuration file.
    pub fn config(&self, server: &Role) -> PathBuf {
        self.root.join(format!("{}.toml", server.file_stem()))
    }

    /// A server's store.
    pub fn store(&self, server: &Role) -> PathBuf {
        self.root.join(server.file_stem())
    }

    /// The key of a server's vault.
    pub fn vault_key(&self, server: &Role) -> PathBuf {
        self.root.join(vault_key(server))
    }

    /// The folder of the authority and of all certificates.
    pub fn certs(&self) -> PathBuf {
        self.root.join("certs")
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.certs().join(CA_CERT)
    }

    /// Certificate and key of a role.
    pub fn certificate(&self, role: &Role) -> Issued {
        dev_ca::files_of(&self.certs(), role)
    }

    /// What a client with this role shows and trusts.
    ///
    /// # Errors
    /// When its certificate was not issued.
    pub fn tls(&self, role: &Role) -> Result<Tls, TlsError> {
        let Issued { cert, key } = self.certificate(role);
        Tls::load(&TlsFiles::new(self.ca(), cert, key))
    }

    /// Issues the certificates that are not there yet, the authority's first.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn issue(&self, roles: impl IntoIterator<Item = Role>) -> Result<(), IssueError> {
        let certs = self.certs();
        if !self.ca().exists() {
            dev_ca::init(&certs)?;
        }
        for role in roles {
            if !self.certificate(&role).cert.exists() {
                dev_ca::issue(&certs, &role, &[])?;
            }
        }
        Ok(())
    }

    /// Writes a configuration file for the hub and each node.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_configs(&self, settings: &Settings<'_>) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(self.root.join("keys"))?;
        self.addresses
            .keys()
            .try_for_each(|server| fs::write(self.config(server), self.text(server, settings)))
    }

    fn text(&self, server: &Role, settings: &Settings<'_>) -> String {
        let dialled = |other: &Role| settings.dialled.get(other).copied().unwrap_or(self.address(other));
        let mut text = server.province().map_or_else(String::new, |code| format!("province = \"{code}\"\n"));
        // Writing to a String cannot fail.
        if *server == Role::Hub {
            let _ = writeln!(text, "calendar = {:?}", settings.calendar);
        }
        text.push_str(&self.common(server, settings));
        let _ = match server.province() {
            Some(_) => writeln!(text, "[hub]\naddress = \"https://{}\"", dialled(&Role::Hub)),
            None => writeln!(text, "[limits]\n{}", settings.hub_limits),
        };
        if *server == Role::Hub {
            for (other, code) in self.addresses.keys().filter_map(|it| Some((it, it.province()?))) {
                let address = dialled(other);
                let _ = writeln!(text, "[[nodes]]\nprovince = \"{code}\"\naddress = \"https://{address}\"");
            }
        }
        for (name, provinces) in settings.apps {
            let _ = writeln!(text, "[[apps]]\nname = \"{name}\"");
            if *server == Role::Hub {
                let _ = writeln!(text, "provinces = {provinces}");
            }
        }
        text
    }

    fn common(&self, server: &Role, settings: &Settings<'_>) -> String {
        let (stem, listen) = (server.file_stem(), self.address(server));
        let Settings { regions, rulebooks, civil_start, callers, log, .. } = settings;
        format!(
            "listen = \"{listen}\"\ndata = \"{stem}\"\nvault_key = \"{}\"\nregions = {regions:?}\n\
             rulebooks = {rulebooks:?}\nreflection = true\ncivil_start = \"{civil_start}\"\n{callers}\n\
             [tls]\nca = \"certs/{CA_CERT}\"\ncert = \"certs/{stem}.pem\"\nkey = \"certs/{stem}.key\"\n[log]\n{log}\n",
            vault_key(server)
        )
    }
}

fn vault_key(server: &Role) -> String {
    format!("keys/{}.vault.key", server.file_stem())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const PROVINCES: [ProvinceCode; 2] = [ProvinceCode::new(13), ProvinceCode::new(51)];

    #[test]
    fn ports_are_counted_from_the_base_or_differ() {
        let ports = |addresses: &Addresses| addresses.values().map(SocketAddr::port).collect::<Vec<_>>();
        assert_eq!(ports(&fixed_addresses(7000, &PROVINCES)), [7000, 7013, 7051]);
        let free = ports(&free_addresses(&PROVINCES).expect("ports"));
        // A connection took the port of a server that had stopped and was to start again.
        let ours = |port: &u16| *port < first_of_connections() || first_of_connections() <= 1_024;
        assert!(free.iter().all(ours), "{free:?}");
        assert_eq!(free.into_iter().collect::<BTreeSet<u16>>().len(), 3);
    }
}
