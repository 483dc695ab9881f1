//! Whose folder and key a backup is about.

use crate::cli::any_store::AnySnapshot;
use crate::cli::failure::Failure;
use crate::config::{ConfigError, HubConfig, NodeConfig, ServerConfig};
use crate::domain::machine::{Filter, Record, Row, Scan, Table};
use crate::domain::{hub, node};
use crate::privacy::key::VaultKey;
use crate::store::StoreError;
use crate::store::sqlite::Snapshot;
use std::path::{Path, PathBuf};

/// Where a server's store and key are.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("place").required(true).args(["config", "data"]))]
pub struct PlaceArgs {
    /// The server's configuration (TOML): it names the store's folder and the vault's key file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store's folder, instead of --config
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The vault's key file, with --data
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    vault_key: Option<PathBuf>,
}

/// A server's folder and key file.
pub(super) struct Place {
    /// Whose it is to be: "hub", "node:13"; not known without a configuration.
    pub(super) owner: Option<String>,
    /// The store's folder.
    pub(super) data: PathBuf,
    /// The vault's key file, if it was named.
    pub(super) key: Option<PathBuf>,
}

impl PlaceArgs {
    /// Reads the configuration, if one was named.
    pub(super) fn read(&self) -> Result<Place, Failure> {
        let Some(path) = &self.config else {
            let data = self.data.clone().unwrap_or_default();
            return Ok(Place { owner: None, data, key: self.vault_key.clone() });
        };
        let (owner, server) = server(path).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Place { owner: Some(owner), data: server.data, key: Some(server.vault_key) })
    }
}

/// A node's file says its province; a hub's has no such key.
fn server(path: &Path) -> Result<(String, ServerConfig), ConfigError> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // What cannot be read here is told by the loading of it.
    let is_node = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("province"));
    if is_node {
        let config = NodeConfig::load(path)?;
        return Ok((format!("node:{}", config.province), config.server));
    }
    HubConfig::load(path).map(|config| ("hub".to_owned(), config.server))
}

/// Rows read at a time.
const PAGE: usize = 1_000;

/// Opens every row of the vault: false when this is another key than theirs.
///
/// # Errors
/// `Damaged` when it opens some of them and not others.
pub(super) fn opens(key: &VaultKey, store: &mut AnySnapshot) -> Result<bool, StoreError> {
    let (opened, sealed) = match store {
        AnySnapshot::Hub(store) => count(store, |row| opens_hubs(key, row))?,
        AnySnapshot::Node(store) => count(store, |row| opens_nodes(key, row))?,
    };
    if opened > 0 && opened < sealed {
        let what = format!("{} of {sealed} rows do not open under the vault's key", sealed - opened);
        return Err(StoreError::Damaged { place: "the vault".to_owned(), what });
    }
    Ok(opened == sealed)
}

/// How many rows of the vault open, and how many there are.
fn count<R: Record>(
    store: &mut Snapshot<R>,
    opens: impl Fn(&R::Row) -> bool,
) -> Result<(usize, usize), StoreError> {
    let (mut opened, mut sealed) = (0, 0);
    for table in <R::Row as Row>::Table::ALL.iter().filter(|table| table.is_vault()) {
        let mut scan = Scan { filter: Filter::all(*table), after: None, limit: PAGE };
        loop {
            let page = store.scan(&scan)?;
            opened += page.iter().filter(|row| opens(row)).count();
            sealed += page.len();
            scan.after = page.last().map(Row::key);
            if page.len() < PAGE {
                break;
            }
        }
    }
    Ok((opened, sealed))
}

fn opens_hubs(key: &VaultKey, row: &hub::Row) -> bool {
    match row {
        hub::Row::Parties(row) => key.open_parties(row.transfer_id, &row.sealed).is_ok(),
        _ => false,
    }
}

fn opens_nodes(key: &VaultKey, row: &node::Row) -> bool {
    match row {
        node::Row::Person(row) => key.open_person(row.member_ref, &row.sealed).is_ok(),
        node::Row::Holder(row) => key.open_holder(row.member_ref, &row.sealed).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hub::tables::PartiesRow;
    use crate::domain::node::tables::{HolderRow, PersonRow};
    use crate::domain::value::{Civil, Digest, IdNumber, MemberRef, Person, PersonName, TransferId};
    use crate::privacy::holder::Holder;
    use crate::privacy::people::MaskedParties;
    use std::collections::BTreeSet;

    #[test]
    fn rows_of_every_table_of_the_vault_open_under_their_key_only() {
        let (key, other) = (VaultKey::from_bytes(&[1; 32]), VaultKey::from_bytes(&[2; 32]));
        let (member_ref, transfer_id) = (MemberRef([3; 16]), TransferId([4; 16]));
        let id_number = IdNumber::parse("11010519491231002X").unwrap();
        let person = Person { id_number, name: PersonName::new("张三").unwrap() };
        let nodes: Vec<node::Row> = vec![
            PersonRow {
                id_hash: Digest([5; 32]),
                member_ref,
                sealed: key.seal_person(member_ref, &person, None),
            }
            .into(),
            HolderRow { member_ref, sealed: key.seal_holder(member_ref, &Holder::default()) }.into(),
        ];
        let hubs: Vec<hub::Row> = vec![
            PartiesRow {
                transfer_id,
                sealed: key.seal_parties(transfer_id, &MaskedParties::default()),
                receipt_time: Civil(0),
            }
            .into(),
        ];
        for row in &nodes {
            let opened = (opens_nodes(&key, row), opens_nodes(&other, row));
            assert_eq!(opened, (true, false), "{:?}", row.table());
        }
        for row in &hubs {
            assert_eq!((opens_hubs(&key, row), opens_hubs(&other, row)), (true, false));
        }
        assert_eq!(vault_of(&nodes), vault_tables::<node::Table>());
        assert_eq!(vault_of(&hubs), vault_tables::<hub::Table>());
    }

    fn vault_of<R: Row>(rows: &[R]) -> BTreeSet<&'static str> {
        rows.iter().map(|row| row.table().name()).collect()
    }

    fn vault_tables<T: Table>() -> BTreeSet<&'static str> {
        T::ALL.iter().filter(|table| table.is_vault()).map(|table| table.name()).collect()
    }
}
