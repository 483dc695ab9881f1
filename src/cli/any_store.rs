//! A store in a folder that says itself whose it is: tools read the hub's and the nodes' alike.

use crate::domain::value::{Digest, RegionDirectory};
use crate::domain::{hub, node};
use crate::privacy::key::VaultKey;
use crate::privacy::proof::{self, Proof, RowsByKey, WrongKey};
use crate::store::replay::{self, Verified};
use crate::store::sqlite::{Report, Restoring, Snapshot, owner};
use crate::store::unlisted::{self, Unlisted};
use crate::store::{Head, StoreError};
use std::path::Path;

/// One moment of a store.
#[derive(Debug)]
pub(super) enum AnySnapshot {
    /// The hub's.
    Hub(Snapshot<hub::Record>),
    /// A node's.
    Node(Snapshot<node::Record>),
}

/// Does the same with either.
macro_rules! either {
    ($snapshot:expr, $store:ident => $do:expr) => {
        match $snapshot {
            AnySnapshot::Hub($store) => $do,
            AnySnapshot::Node($store) => $do,
        }
    };
}
pub(super) use either;

impl AnySnapshot {
    /// Opens the store in a folder as it is now.
    ///
    /// # Errors
    /// As [`Snapshot::open`]; `Damaged` when the store does not say whose it is.
    pub(super) fn open(dir: &Path) -> Result<AnySnapshot, StoreError> {
        AnySnapshot::of(&owner(dir)?, || Snapshot::open(dir), || Snapshot::open(dir))
    }

    /// Opens what a restore has written so far.
    ///
    /// # Errors
    /// As [`Restoring::snapshot`].
    pub(super) fn of_restore(restoring: &Restoring, owner: &str) -> Result<AnySnapshot, StoreError> {
        AnySnapshot::of(owner, || restoring.snapshot(), || restoring.snapshot())
    }

    fn of(
        owner: &str,
        hub: impl FnOnce() -> Result<Snapshot<hub::Record>, StoreError>,
        node: impl FnOnce() -> Result<Snapshot<node::Record>, StoreError>,
    ) -> Result<AnySnapshot, StoreError> {
        if owner == "hub" { hub().map(AnySnapshot::Hub) } else { node().map(AnySnapshot::Node) }
    }

    /// See [`Snapshot::owner`].
    pub(super) fn owner(&self) -> Result<String, StoreError> {
        either!(self, store => store.owner())
    }

    /// See [`Snapshot::head`].
    pub(super) fn head(&self) -> Head {
        either!(self, store => store.head())
    }

    /// See [`Snapshot::lineage`].
    pub(super) fn lineage(&mut self) -> Result<Option<Digest>, StoreError> {
        either!(self, store => store.lineage())
    }

    /// What stands in areas that are not listed.
    pub(super) fn unlisted(&self, places: &RegionDirectory) -> Result<Unlisted, StoreError> {
        match self {
            AnySnapshot::Hub(store) => unlisted::at_hub(store, places),
            AnySnapshot::Node(store) => unlisted::at_node(store, places),
        }
    }

    /// See [`Snapshot::format`].
    pub(super) fn format(&self) -> Result<usize, StoreError> {
        either!(self, store => store.format())
    }

    /// See [`Snapshot::verify`].
    pub(super) fn verify(&mut self) -> Result<Report, StoreError> {
        either!(self, store => store.verify())
    }

    /// See [`proof::prove`].
    pub(super) fn prove(&mut self, key: &VaultKey) -> Result<Result<Proof, WrongKey>, StoreError> {
        either!(self, store => proof::prove(key, &mut |scan| store.scan(scan)))
    }

    /// See [`proof::rows_by_key`].
    pub(super) fn rows_by_key(&mut self) -> Result<RowsByKey, StoreError> {
        either!(self, store => proof::rows_by_key(&mut |scan| store.scan(scan)))
    }

    /// See [`proof::unopened`].
    pub(super) fn unopened(&mut self, key: &VaultKey) -> Result<(u64, u64), StoreError> {
        either!(self, store => proof::unopened(key, &mut |scan| store.scan(scan)))
    }

    /// See [`replay::verify`].
    pub(super) fn verify_replay(&mut self) -> Result<Verified, StoreError> {
        either!(self, store => replay::verify(store))
    }
}
