//! Writes `connect.json`.

use super::clients::Clients;
use super::error::DemoError;
use super::folder::{APP, Folder};
use crate::config::connect::{CertFiles, ConnectFile};
use crate::devkit::cast::{Listed, PROVINCES};
use crate::devkit::dev_ca::Issued;
use crate::devkit::site::Site;
use crate::domain::value::Money;
use crate::transport::identity::Role;

/// Writes it, with what is in the members' personal accounts now.
pub(super) async fn write(
    folder: &Folder,
    site: &Site,
    clients: &Clients,
    cast: &[Listed],
) -> Result<(), DemoError> {
    let mut members = Vec::new();
    for member in cast.iter().filter(|member| !member.is_storys()) {
        let balance = if member.has_account() { clients.account(member).await? } else { Money::ZERO };
        let (balance, province) = (balance.to_string(), member.province().to_string());
        members.push(Listed { balance, province, ..member.clone() });
    }
    let certificate = |role| {
        let Issued { cert, key } = site.certificate(&role);
        CertFiles { cert, key }
    };
    let node = |code| (code, site.address(&Role::Node(code)));
    let connect = ConnectFile {
        // Without scheme: grpcio wants it so.
        hub: Some(site.address(&Role::Hub).to_string()),
        nodes: PROVINCES.map(node).map(|(code, at)| (code.to_string(), at.to_string())).into(),
        ca: Some(site.ca()),
        own: Some(certificate(Role::App(APP.to_owned()))),
        platforms: PROVINCES.map(|code| (code.to_string(), certificate(Role::Platform(code)))).into(),
        operator: Some(certificate(Role::Operator(APP.to_owned()))),
        members,
    };
    let text = connect.to_text();
    folder.write_connect(&text.map_err(|error| DemoError::Content(folder.connect(), error.to_string()))?)
}
