//! How the payer proved himself, in the words of the wire.

use crate::domain::reason::Reason;
use crate::domain::rules::verification::Verification;
use crate::proto::types;
use crate::wire::reader::{Path, Violations};

/// Reads a statement; the inner nothing is that none was made. Error: `VALUE_UNSUPPORTED`.
pub fn verification(at: &Path<'_>, number: i32, found: &mut Violations) -> Option<Option<Verification>> {
    let stated = types::Verification::try_from(number).ok().map(|stated| match stated {
        types::Verification::Unspecified => None,
        types::Verification::Face => Some(Verification::Face),
        types::Verification::CodePassword => Some(Verification::CodePassword),
    });
    found.need(at, Reason::ValueUnsupported, stated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wires_numbers_are_those_of_the_core() {
        let mut found = Violations::default();
        for stated in Verification::ALL {
            let number = i32::try_from(stated.number()).unwrap();
            assert_eq!(verification(&Path::Root, number, &mut found), Some(Some(*stated)));
        }
        assert_eq!(verification(&Path::Root, 0, &mut found), Some(None));
        assert_eq!(verification(&Path::Root, 3, &mut found), None);
    }
}
