//! `connect.json`: all that a foreign program needs to take part.

use super::cast::{Insurance, Member, Status};
use super::clients::Clients;
use super::error::DemoError;
use super::folder::{APP, Folder};
use super::stage::{Addresses, PROVINCES};
use crate::devkit::dev_ca::Issued;
use crate::domain::value::money::Money;
use crate::transport::identity::Role;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Serialize)]
struct Connect<'a> {
    hub: String,
    nodes: BTreeMap<String, String>,
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    platforms: BTreeMap<String, Certificate>,
    operator: Certificate,
    members: Vec<Person<'a>>,
}

#[derive(Serialize)]
struct Certificate {
    cert: PathBuf,
    key: PathBuf,
}

impl From<Issued> for Certificate {
    fn from(Issued { cert, key }: Issued) -> Certificate {
        Certificate { cert, key }
    }
}

#[derive(Serialize)]
struct Person<'a> {
    id_number: &'a str,
    name: &'a str,
    region_code: &'a str,
    insurance: Insurance,
    status: Status,
    in_arrears: bool,
    balance: String,
    wallet: bool,
    province: String,
}

/// Writes it, with what is in the members' personal accounts now.
pub(super) async fn write(
    folder: &Folder,
    addresses: &Addresses,
    clients: &Clients,
    cast: &[Member],
) -> Result<(), DemoError> {
    let mut members = Vec::new();
    for member in cast.iter().filter(|member| !member.is_storys()) {
        let balance = if member.has_account() { clients.account(member).await? } else { Money::ZERO };
        members.push(Person {
            id_number: &member.id_number,
            name: &member.name,
            region_code: &member.region_code,
            insurance: member.insurance,
            status: member.status,
            in_arrears: member.in_arrears,
            balance: balance.to_string(),
            wallet: member.wallet,
            province: member.province().to_string(),
        });
    }
    let Issued { cert, key } = folder.certificate(&Role::App(APP.to_owned()));
    let platform = |province| folder.certificate(&Role::Platform(province)).into();
    // Without scheme: grpcio wants it so.
    let connect = Connect {
        hub: addresses.hub.to_string(),
        nodes: addresses.nodes.iter().map(|(code, at)| (code.to_string(), at.to_string())).collect(),
        ca: folder.ca(),
        cert,
        key,
        platforms: PROVINCES.into_iter().map(|code| (code.to_string(), platform(code))).collect(),
        operator: folder.certificate(&Role::Operator(APP.to_owned())).into(),
        members,
    };
    let json = serde_json::to_string_pretty(&connect);
    let json = json.map_err(|error| DemoError::Content(folder.connect(), error.to_string()))?;
    folder.write_connect(&format!("{json}\n"))
}
