//! Which kind of transfer: a number, of which the table of kinds says what it means.

/// The number of a kind; never changes, and is not given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub(in crate::domain) u8);

impl Kind {
    /// Money of a personal account goes to the wallet of a relative in another province.
    pub const TRANSFER: Kind = Kind(1);
    /// Money of a committed transfer goes back, by the word of two operators.
    pub const COMPENSATION: Kind = Kind(2);

    /// The kind of a row that is stored without its kind: whether it names a transfer whose money it carries back says
    /// which it is.
    pub fn of_stored(names_original: bool) -> Kind {
        if names_original { Kind::COMPENSATION } else { Kind::TRANSFER }
    }
}
