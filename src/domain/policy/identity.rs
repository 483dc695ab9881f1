//! Name and number must belong to a person of this province. Says nothing more than that to whoever guesses.

use super::{Identity, by_side};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::transfer::Side;

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
