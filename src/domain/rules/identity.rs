//! Name and number must belong to a person of this province. Says nothing more than that to whoever guesses.

use super::by_side;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{MemberRef, Side};

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Number and name are in the vault, and he is no member here any more, or not again since a restore.
    #[test]
    fn who_is_no_member_is_not_insured() {
        let known = |has_member| known(Identity::Known(MemberRef([1; 16])), Side::Payer, has_member);
        assert_eq!(known(true), None);
        assert_eq!(known(false).map(|it| it.reason), Some(Reason::PayerNotInsured));
    }
}
