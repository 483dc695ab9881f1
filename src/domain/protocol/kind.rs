//! Which kind of transfer: a number, of which the table of kinds says what it means.

use crate::domain::value::column::{Column, Value};
use borsh::{BorshDeserialize, BorshSerialize, io};

/// The number of a kind; never changes, and is not given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Kind(u8);

impl Kind {
    /// Money of a personal account goes to the wallet of a relative in another province.
    pub const TRANSFER: Kind = Kind(1);
    /// Money of a committed transfer goes back, by the word of two operators.
    pub const COMPENSATION: Kind = Kind(2);
    /// A made-up kind that is prepared as a transfer is. For tests of what a kind needs.
    #[cfg(test)]
    pub const LOAN: Kind = Kind(201);
    /// A made-up kind that its owner decides: a loan is paid back. For tests of what a kind needs.
    #[cfg(test)]
    pub const REPAYMENT: Kind = Kind(202);

    /// Every kind that this program knows. The table of kinds has a row for each.
    pub const ALL: &'static [Kind] = &[
        Kind::TRANSFER,
        Kind::COMPENSATION,
        #[cfg(test)]
        Kind::LOAN,
        #[cfg(test)]
        Kind::REPAYMENT,
    ];

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The kind with this number, if this program knows it.
    pub fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.0 == number)
    }
}

impl Column for Kind {
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(self.0))
    }

    fn from_value(value: Value<'_>) -> Option<Kind> {
        i64::from_value(value).and_then(|number| u8::try_from(number).ok()).and_then(Kind::from_number)
    }
}

impl BorshDeserialize for Kind {
    /// A kind of a newer program is refused before anything is made of it.
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Kind> {
        let number = u8::deserialize_reader(reader)?;
        Kind::from_number(number).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown kind"))
    }
}
