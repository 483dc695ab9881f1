//! Writes `connect.json`.

use super::clients::Clients;
use super::error::DemoError;
use super::folder::{APP, Folder};
use crate::devkit::cast::{Listed, PROVINCES};
use crate::devkit::connect_file::ConnectFile;
use crate::devkit::site::Site;
use crate::domain::value::money::Money;
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
    let certificate = |role| site.certificate(&role).into();
    let node = |code| (code, site.address(&Role::Node(code)));
    let connect = ConnectFile {
        hub: site.address(&Role::Hub).to_string(),
        nodes: PROVINCES.map(node).map(|(code, at)| (code.to_string(), at.to_string())).into(),
        ca: site.ca(),
        app: certificate(Role::App(APP.to_owned())),
        platforms: PROVINCES.map(|code| (code.to_string(), certificate(Role::Platform(code)))).into(),
        operator: Some(certificate(Role::Operator(APP.to_owned()))),
        members,
    };
    let json = serde_json::to_string_pretty(&connect);
    let json = json.map_err(|error| DemoError::Content(folder.connect(), error.to_string()))?;
    folder.write_connect(&format!("{json}\n"))
}
