//! Name and number must belong to a person of this province. Says nothing more than that to whoever guesses.

use super::by_side;
use crate::domain::node::tables::PersonRow;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::id::MemberRef;
use crate::domain::value::id_number::Person;
use crate::domain::value::side::Side;

/// What the vault says of a leg's person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The number is not known in this province.
    Unknown,
    /// The number is known, with another name.
    NameDiffers,
    /// The number is known, but what the vault holds of the person cannot be read.
    Damaged,
    /// Number and name belong together.
    Known(MemberRef),
}

/// Opens what the vault holds sealed. Implemented where the key is: the core sees neither key nor cipher.
pub trait Vault: Send + Sync + std::fmt::Debug {
    /// Whether the row holds just this person, number and name; nothing when it cannot be read.
    fn holds(&self, row: &PersonRow, person: &Person) -> Option<bool>;
}

/// Who a person is, by the vault's row under his number's keyed hash.
pub fn identify(vault: &dyn Vault, row: Option<&PersonRow>, person: &Person) -> Identity {
    let Some(row) = row else { return Identity::Unknown };
    match vault.holds(row, person) {
        Some(true) => Identity::Known(row.member_ref),
        Some(false) => Identity::NameDiffers,
        // One damaged row must not take the other legs of the call down with it.
        None => Identity::Damaged,
    }
}

/// Refuses an unknown number (not insured here) and a known one with another name.
pub fn known(identity: Identity, side: Side, has_member: bool) -> Option<RefusalRecord> {
    match identity {
        Identity::Known(_) if has_member => None,
        Identity::Known(_) | Identity::Unknown => {
            Some(by_side(side, Reason::PayerNotInsured, Reason::PayeeNotInsured))
        }
        Identity::Damaged => Some(RefusalRecord::new(Reason::Internal, side)),
        Identity::NameDiffers => {
            Some(by_side(side, Reason::PayerIdentityMismatch, Reason::PayeeIdentityMismatch))
        }
    }
}
