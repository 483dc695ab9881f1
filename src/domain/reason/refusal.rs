//! A refusal: a reason of the table, who gives it, and the public figures that go with it. And what a caller can make
//! of it.

use crate::domain::reason::Reason;
use crate::domain::value::Side;
use crate::domain::value::column::{Column, Value};
use borsh::{BorshDeserialize, BorshSerialize};
use std::borrow::Cow;

/// The kind of answer that a reason makes when it is a gRPC error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request's bytes are wrong.
    InvalidArgument,
    /// The id is taken.
    AlreadyExists,
    /// There is no such thing.
    NotFound,
    /// A rule stands against it.
    FailedPrecondition,
    /// No certificate.
    Unauthenticated,
    /// Not this certificate's business.
    PermissionDenied,
    /// Too much at once.
    ResourceExhausted,
    /// Not now.
    Unavailable,
    /// A bug or a broken store.
    Internal,
}

/// What a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: the answer will be the same.
    No,
    /// Correct the request; the id is still free.
    Correct,
    /// Ask again with the same id.
    SameId,
    /// Try again with a new id once the cause is gone; this id stays refused.
    NewId,
    /// Try the same request later.
    Later,
}

impl Retry {
    /// Its word in metadata and documents.
    pub fn name(self) -> &'static str {
        match self {
            Retry::No => "NO",
            Retry::Correct => "CORRECT_REQUEST",
            Retry::SameId => "SAME_ID",
            Retry::NewId => "NEW_ID",
            Retry::Later => "LATER",
        }
    }
}

/// Who refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum RefusalSide {
    /// The hub.
    Hub,
    /// The payer's province.
    Payer,
    /// The payee's province.
    Payee,
}

impl RefusalSide {
    /// Whose node refused; none when the hub did.
    pub fn of_node(self) -> Option<Side> {
        match self {
            RefusalSide::Hub => None,
            RefusalSide::Payer => Some(Side::Payer),
            RefusalSide::Payee => Some(Side::Payee),
        }
    }
}

impl From<Side> for RefusalSide {
    fn from(side: Side) -> RefusalSide {
        match side {
            Side::Payer => RefusalSide::Payer,
            Side::Payee => RefusalSide::Payee,
        }
    }
}

impl Reason {
    /// Whether this side can give it: what is wrong with the payer only his own province says, and so for the payee.
    pub fn may_come_from(self, side: RefusalSide) -> bool {
        match side {
            RefusalSide::Hub => true,
            RefusalSide::Payer => !self.code().starts_with("PAYEE_"),
            RefusalSide::Payee => {
                let of_account =
                    [Reason::InsufficientBalance, Reason::AmountOverLimit, Reason::DailyCountReached];
                !self.code().starts_with("PAYER_") && !of_account.contains(&self)
            }
        }
    }
}

/// A refusal as it is journaled: the reason, who refused, and public figures (limit, value, field; never a balance).
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct RefusalRecord {
    /// The reason of the refusal, with its details.
    pub reason: Reason,
    /// Who refused.
    pub side: RefusalSide,
    /// Names and values, in order. No personal data, no balance.
    pub metadata: Vec<(String, String)>,
}

impl RefusalRecord {
    /// A refusal without figures.
    pub fn new(reason: Reason, side: impl Into<RefusalSide>) -> RefusalRecord {
        RefusalRecord { reason, side: side.into(), metadata: Vec::new() }
    }

    /// The same with one more figure, which the table lists for its reason.
    pub fn with(mut self, name: &str, value: impl ToString) -> RefusalRecord {
        debug_assert!(self.reason.row().may_carry(name), "{:?} may not carry {name}", self.reason);
        self.metadata.push((name.to_owned(), value.to_string()));
        self
    }
}

/// A refusal is kept as its canonical bytes.
impl Column for RefusalRecord {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Owned(borsh::to_vec(self).unwrap_or_default()))
    }
    fn from_value(value: Value<'_>) -> Option<RefusalRecord> {
        Vec::<u8>::from_value(value).and_then(|bytes| borsh::from_slice(&bytes).ok())
    }
}
