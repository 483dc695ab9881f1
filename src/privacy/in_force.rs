//! The keys by which a server goes at this moment: they change while it serves.

use crate::domain::node::Vault;
use crate::domain::node::tables::PersonRow;
use crate::domain::value::Person;
use crate::privacy::key::VaultKey;
use std::sync::{Arc, PoisonError, RwLock};

/// The keys in force.
#[derive(Debug)]
pub struct KeyInForce(RwLock<Arc<VaultKey>>);

impl KeyInForce {
    /// These, until others come.
    pub fn new(key: Arc<VaultKey>) -> KeyInForce {
        KeyInForce(RwLock::new(key))
    }

    /// The keys at this moment. Whoever seals asks for them then, and does not keep them.
    pub fn now(&self) -> Arc<VaultKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Others are in force from here on.
    pub fn put(&self, key: Arc<VaultKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl Vault for VaultKey {
    fn holds(&self, row: &PersonRow, person: &Person) -> Option<bool> {
        match self.open_person(row.member_ref, &row.sealed) {
            Ok((known, _)) => Some(known == *person),
            Err(error) => {
                tracing::error!(%error, "ALARM: a person in the vault cannot be read");
                None
            }
        }
    }
}

impl Vault for KeyInForce {
    fn holds(&self, row: &PersonRow, person: &Person) -> Option<bool> {
        self.now().holds(row, person)
    }
}
