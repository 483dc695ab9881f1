//! Commands that a visitor can paste into another terminal, with the ports and paths of this start.

use super::error::DemoError;
use super::folder::{APP, CHECKER, Folder, MAKER};
use super::script::person;
use crate::devkit::cast::Listed;
use crate::devkit::dev_ca::Issued;
use crate::devkit::site::Site;
use crate::domain::value::{Period, ProvinceCode, hex};
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::ClearingTable;
use crate::transport::identity::Role;
use std::fmt::{Display, Write as _};
use std::path::Path;

/// Payers and receivers whom the script leaves alone.
const PAYER: &str = "fj-spare-1";
const PAYEE: &str = "sc-spare-1";

/// A word of a POSIX shell.
fn quoted(text: impl Display) -> String {
    let text = text.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn path(path: &Path) -> String {
    quoted(path.display())
}

fn party(member: &Listed) -> String {
    format!(
        r#"{{"person": {{"id_number": "{}", "name": "{}"}}, "region_code": "{}"}}"#,
        member.id_number, member.name, member.region_code
    )
}

/// A transfer of 5.00 between people of the list, with an id of its own: pasted twice it moves money once.
fn transfer(payer: &Listed, payee: &Listed) -> String {
    format!(
        r#"{{"transfer_id": "{}", "payer": {}, "payee": {}, "kinship": "KINSHIP_SIBLING", "amount": "5.00"}}"#,
        new_transfer_id(),
        party(payer),
        party(payee)
    )
}

fn program() -> String {
    std::env::current_exe().map_or_else(|_| "gongji".to_owned(), |exe| path(&exe))
}

/// Clearing: what an operator looks at, and how the maker and the checker of a province sign a table.
fn settle(
    folder: &Folder,
    site: &Site,
    gongji: &dyn Fn(&str) -> String,
    (month, unsigned): (Period, Option<&ClearingTable>),
) -> Vec<String> {
    let mut commands: Vec<String> = [
        "settle windows".to_owned(),
        "settle breaks list --all".to_owned(),
        format!("settle positions {month}"),
        "settle periods".to_owned(),
        format!("settle tables {month}"),
        format!("settle obligations --period {month}"),
        format!(
            "settle statement --period {month} --province 13 --form payment --out {}",
            path(&folder.path().join("notice.xlsx"))
        ),
    ]
    .iter()
    .map(|command| gongji(command))
    .collect();
    if let Some(table) = unsigned {
        let ClearingTable { first_province_code: own, second_province_code: with, digest, .. } = table;
        let province = ProvinceCode::parse(own).unwrap_or(ProvinceCode::HUB);
        commands.extend([MAKER, CHECKER].map(|name| {
            let Issued { cert, key } = site.certificate(&Role::Finance(province, name.to_owned()));
            format!(
                "{} settle sign {month} --with {with} --digest {} --hub {} --ca {} --cert {} --key {}",
                program(),
                hex(digest),
                site.address(&Role::Hub),
                path(&site.ca()),
                path(&cert),
                path(&key)
            )
        }));
    }
    commands
}

/// All of them, as one text.
///
/// `cleared`: the month that was cleared, and one of its tables that is left to sign.
pub(super) fn text(
    folder: &Folder,
    site: &Site,
    cast: &[Listed],
    cleared: (Period, Option<&ClearingTable>),
) -> Result<String, DemoError> {
    let (payer, payee) = (person(cast, PAYER)?, person(cast, PAYEE)?);
    let (hub, node) = (site.address(&Role::Hub), site.address(&Role::Node(payee.province())));
    let Issued { cert, key } = site.certificate(&Role::App(APP.to_owned()));
    let (ca, cert, key) = (path(&site.ca()), path(&cert), path(&key));
    let wallet = format!(r#"{{"party": {}}}"#, party(payee));

    let buf = format!("buf curl --protocol grpc --cacert {ca} --cert {cert} --key {key}");
    let grpcurl = format!("grpcurl -cacert {ca} -cert {cert} -key {key}");
    let gongji = |command: &str| format!("{} {command} --connect {}", program(), path(&folder.connect()));
    let person = |side: &str, it: &Listed| {
        let Listed { id_number, name, region_code, .. } = it;
        format!("--{side} {id_number} --{side}-name {} --{side}-region {region_code}", quoted(name))
    };
    let content =
        format!("{} {} --kinship sibling --amount 5.00", person("payer", payer), person("payee", payee));
    let Listed { id_number, name, region_code, .. } = payee;
    let whose = format!("--person {id_number} --name {} --region {region_code}", quoted(name));
    let groups = [
        (
            "buf curl",
            vec![
                format!("{buf} --list-services https://{hub}"),
                format!(
                    "{buf} -d {} https://{hub}/gongji.hub.v1.TransferService/CreateTransfer",
                    quoted(transfer(payer, payee))
                ),
                format!("{buf} -d {} https://{node}/gongji.node.v1.WalletService/GetWallet", quoted(&wallet)),
            ],
        ),
        (
            "grpcurl",
            vec![
                format!("{grpcurl} {hub} list"),
                format!(
                    "{grpcurl} -d {} {hub} gongji.hub.v1.TransferService/CreateTransfer",
                    quoted(transfer(payer, payee))
                ),
                format!("{grpcurl} -d {} {node} gongji.node.v1.WalletService/GetWallet", quoted(&wallet)),
            ],
        ),
        (
            "gongji",
            vec![
                gongji("regions list --province 51"),
                gongji(&format!("check {content}")),
                gongji(&format!("transfer {content} --id {}", new_transfer_id())),
                gongji(&format!("wallet get {whose}")),
                gongji("transfers list"),
                gongji("audit"),
            ],
        ),
        ("gongji settle", settle(folder, site, &gongji, cleared)),
    ];
    let mut text = String::new();
    for (name, commands) in groups {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {name}\n{}\n", commands.join("\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("/a/b-c_1.pem"), "/a/b-c_1.pem");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
