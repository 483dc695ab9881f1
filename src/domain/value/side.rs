//! The two sides of a transfer, and what comes in twos because of them.

use crate::domain::value::stored_enum::stored_enum;
use borsh::{BorshDeserialize, BorshSerialize};
use std::ops::{Index, IndexMut};

stored_enum! {
    /// Which part of a transfer.
    Side {
        /// The part of the province that pays.
        Payer = 1 "payer",
        /// The part of the province that receives.
        Payee = 2 "payee",
    }
}

impl Side {
    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Payer => Side::Payee,
            Side::Payee => Side::Payer,
        }
    }
}

stored_enum! {
    /// One part of a transfer, or both.
    Sides {
        /// The payer's.
        Payer = 1 "payer",
        /// The payee's.
        Payee = 2 "payee",
        /// Both.
        Both = 3 "both",
    }
}

impl From<Side> for Sides {
    fn from(side: Side) -> Sides {
        match side {
            Side::Payer => Sides::Payer,
            Side::Payee => Sides::Payee,
        }
    }
}

impl Sides {
    /// Whether this side is among them.
    pub fn has(self, side: Side) -> bool {
        self == Sides::Both || self == side.into()
    }

    /// These and one more.
    pub fn and(self, side: Side) -> Sides {
        if self.has(side) { self } else { Sides::Both }
    }
}

impl Side {
    /// Both, the payer's first.
    pub const BOTH: [Side; 2] = [Side::Payer, Side::Payee];
}

/// One thing for each side. Stored as the payer's and then the payee's.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct BySide<T> {
    /// The payer's.
    pub payer: T,
    /// The payee's.
    pub payee: T,
}

impl<T> BySide<T> {
    /// What `of` gives for each side.
    pub fn new(mut of: impl FnMut(Side) -> T) -> BySide<T> {
        BySide { payer: of(Side::Payer), payee: of(Side::Payee) }
    }

    /// Each turned into something else.
    pub fn map<U>(self, mut to: impl FnMut(T) -> U) -> BySide<U> {
        BySide { payer: to(self.payer), payee: to(self.payee) }
    }

    /// Shared with both sides borrowed.
    pub fn as_ref(&self) -> BySide<&T> {
        BySide { payer: &self.payer, payee: &self.payee }
    }

    /// Each with its side, the payer's first.
    pub fn iter(&self) -> impl Iterator<Item = (Side, &T)> {
        [(Side::Payer, &self.payer), (Side::Payee, &self.payee)].into_iter()
    }

    /// Taken apart, the payer's first.
    pub fn into_array(self) -> [T; 2] {
        [self.payer, self.payee]
    }

    /// The side whose part is this one; the payer's where both are.
    pub fn side_of(&self, part: &T) -> Option<Side>
    where
        T: PartialEq,
    {
        Side::BOTH.into_iter().find(|side| self[*side] == *part)
    }
}

impl<T> Index<Side> for BySide<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::Payer => &self.payer,
            Side::Payee => &self.payee,
        }
    }
}

impl<T> IndexMut<Side> for BySide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Payer => &mut self.payer,
            Side::Payee => &mut self.payee,
        }
    }
}
