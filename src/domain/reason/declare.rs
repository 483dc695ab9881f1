//! How the table of reasons is declared: a reason and its row, once; and how a reason is stored.

use super::Reason;
use crate::domain::reason::refusal::{Class, Retry};
use borsh::{BorshDeserialize, BorshSerialize};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct ReasonRow {
    /// The reason.
    pub reason: Reason,
    /// UPPER_SNAKE code on the wire.
    pub code: &'static str,
    /// gRPC class.
    pub class: Class,
    /// Retry advice.
    pub retry: Retry,
    /// English text.
    pub english: &'static str,
    /// Chinese text.
    pub chinese: &'static str,
    /// Names of the facts that a refusal for this reason may carry; with a malformed request also `field`.
    pub facts: &'static [&'static str],
}

impl ReasonRow {
    /// Whether a refusal for this reason may carry a fact of this name. Whatever else a peer sends is dropped: it could
    /// be a balance, or anything of a person.
    pub fn may_carry(&self, name: &str) -> bool {
        self.facts.contains(&name) || (name == "field" && self.class == Class::InvalidArgument)
    }
}

impl BorshSerialize for Reason {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        self.number().serialize(writer)
    }
}

impl BorshDeserialize for Reason {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Reason> {
        let number = u16::deserialize_reader(reader)?;
        Reason::from_number(number).ok_or_else(|| std::io::Error::other("unknown reason number"))
    }
}

/// Declares the reasons and their table together, so that neither can lack a row.
macro_rules! reasons {
    ($($name:ident $number:literal $code:literal $class:ident $retry:ident
        $english:literal $chinese:literal $([$($fact:literal),+])?)+) => {
        /// Why something was refused.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
        )]
        pub enum Reason { $(#[doc = $english] $name),+ }

        impl Reason {
            /// Storage number; never changes.
            pub fn number(self) -> u16 {
                match self { $(Reason::$name => $number),+ }
            }

            /// The reason with this storage number.
            pub fn from_number(number: u16) -> Option<Reason> {
                match number { $($number => Some(Reason::$name),)+ _ => None }
            }

            /// Its row of the table.
            pub fn row(self) -> &'static ReasonRow {
                &TABLE[self as usize]
            }

            /// Its code on the wire.
            pub fn code(self) -> &'static str {
                self.row().code
            }

            /// The reason with this code.
            pub fn from_code(code: &str) -> Option<Reason> {
                TABLE.iter().find(|row| row.code == code).map(|row| row.reason)
            }
        }

        /// Every reason, in order of its number.
        pub const TABLE: &[ReasonRow] = &[$(ReasonRow {
            reason: Reason::$name,
            code: $code,
            class: Class::$class,
            retry: Retry::$retry,
            english: $english,
            chinese: $chinese,
            facts: &[$($($fact),+)?],
        }),+];
    };
}

pub(super) use reasons;
