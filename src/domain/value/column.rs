//! How a value stands in a column of a table.

use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::domain::value::window::Window;
use std::borrow::Cow;

/// One column's content, as every SQL store can hold it; borrowed from a row, or from what a store reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value<'a> {
    /// Absent.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Int(number) => Value::Int(number),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Blob(bytes) => Value::Blob(Cow::Owned(bytes.into_owned())),
        }
    }
}

/// A type that one column holds.
pub trait Column: Sized {
    /// As stored.
    fn to_value(&self) -> Value<'_>;
    /// As read; nothing when the stored value cannot be one of ours.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

impl Column for i64 {
    fn to_value(&self) -> Value<'_> {
        Value::Int(*self)
    }
    fn from_value(value: Value<'_>) -> Option<i64> {
        match value {
            Value::Int(number) => Some(number),
            Value::Null | Value::Text(_) | Value::Blob(_) => None,
        }
    }
}

impl Column for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
    fn from_value(value: Value<'_>) -> Option<String> {
        match value {
            Value::Text(text) => Some(text.into_owned()),
            Value::Null | Value::Int(_) | Value::Blob(_) => None,
        }
    }
}

impl Column for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Borrowed(self))
    }
    fn from_value(value: Value<'_>) -> Option<Vec<u8>> {
        match value {
            Value::Blob(bytes) => Some(bytes.into_owned()),
            Value::Null | Value::Int(_) | Value::Text(_) => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Column::to_value)
    }
    fn from_value(value: Value<'_>) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            Value::Int(_) | Value::Text(_) | Value::Blob(_) => T::from_value(value).map(Some),
        }
    }
}

/// A type that is stored as a whole number.
macro_rules! int_column {
    ($($ty:ty: $to:expr, $from:expr;)+) => {
        $(impl Column for $ty {
            fn to_value(&self) -> Value<'_> {
                let to: fn(&$ty) -> i64 = $to;
                Value::Int(to(self))
            }
            fn from_value(value: Value<'_>) -> Option<$ty> {
                let from: fn(i64) -> Option<$ty> = $from;
                i64::from_value(value).and_then(from)
            }
        })+
    };
}

int_column! {
    u64: |number| i64::try_from(*number).unwrap_or(i64::MAX), |number| u64::try_from(number).ok();
    bool: |flag| i64::from(*flag), |number| (number == 0 || number == 1).then_some(number == 1);
    Money: |money| money.fen(), |fen| Some(Money::from_fen(fen));
    Civil: |at| at.0, |ms| Some(Civil(ms));
    Day: |day| i64::from(day.number()), |number| u32::try_from(number).ok().map(Day::from_number);
    Window: |window| i64::from(window.number()), |number| u32::try_from(number).ok().map(Window::from_number);
    RegionCode: |code| i64::from(code.number()), |number| u32::try_from(number).ok().and_then(RegionCode::new);
    ProvinceCode: |code| i64::from(code.number()), |number| u8::try_from(number).ok().map(ProvinceCode::new);
}
