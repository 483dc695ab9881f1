//! What a node needs of its vault.

use super::tables::PersonRow;
use crate::domain::value::Person;

/// Opens what the vault holds sealed. Implemented where the key is: the core sees neither key nor cipher.
pub trait Vault: Send + Sync + std::fmt::Debug {
    /// Whether the row holds just this person, number and name; nothing when it cannot be read.
    fn holds(&self, row: &PersonRow, person: &Person) -> Option<bool>;
}
