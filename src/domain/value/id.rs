//! Identifiers and digests: plain bytes with a strict text form.

use crate::domain::value::column::{Column, Value};
use borsh::{BorshDeserialize, BorshSerialize};
use std::borrow::Cow;
use std::fmt;

macro_rules! bytes_type {
    ($(#[$meta:meta])* $name:ident, $len:literal) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
        )]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// From a slice of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<$name> {
                bytes.try_into().ok().map($name)
            }
        }

        impl Column for $name {
            fn to_value(&self) -> Value<'_> {
                Value::Blob(Cow::Borrowed(&self.0))
            }
            fn from_value(value: Value<'_>) -> Option<$name> {
                match value {
                    Value::Blob(bytes) => $name::from_slice(&bytes),
                    Value::Null | Value::Int(_) | Value::Text(_) => None,
                }
            }
        }
    };
}

bytes_type! {
    /// Identity of a transfer: a UUID (v7 advised, so that ids are in time order), chosen by the first client.
    TransferId, 16
}
bytes_type! {
    /// A member inside a province: random, so that it says nothing of the person. Only the vault links the two.
    MemberRef, 16
}
bytes_type! {
    /// Random identity of one start of a server; with the incarnation it tells a copied store from the original.
    StartId, 16
}
bytes_type! {
    /// 32 bytes that stand for a content: SHA-256 or HMAC-SHA-256.
    Digest, 32
}

impl Digest {
    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Digest> {
        let (mut bytes, text) = ([0; 32], text.as_bytes());
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Digest(bytes))
    }
}

/// What one hexadecimal digit says, either case.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    bytes.iter().flat_map(|byte| digits(*byte)).for_each(|digit| text.push(char::from(digit)));
    text
}

/// A byte's two hexadecimal digits.
fn digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 15].map(|nibble| DIGITS[usize::from(nibble)])
}

/// Where the hyphens of a UUID stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl TransferId {
    /// Reads the hyphenated form of 36 characters, either case; refuses all else and the nil UUID.
    pub fn parse(text: &str) -> Option<TransferId> {
        let bytes = text.as_bytes();
        if bytes.len() != 36 || HYPHENS.iter().any(|at| bytes[*at] != b'-') {
            return None;
        }
        let (mut id, mut at) = ([0u8; 16], 0);
        for byte in &mut id {
            at += usize::from(HYPHENS.contains(&at));
            *byte = nibble(bytes[at])? << 4 | nibble(bytes[at + 1])?;
            at += 2;
        }
        (id != [0; 16]).then_some(TransferId(id))
    }
}

/// The hyphenated form, lower case.
impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every message names its transfers in this form: one write, not nine.
        let (mut text, mut at) = ([b'-'; 36], 0);
        for byte in self.0 {
            at += usize::from(HYPHENS.contains(&at));
            text[at..at + 2].copy_from_slice(&digits(byte));
            at += 2;
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for MemberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member:{}", hex(&self.0[..4]))
    }
}

impl fmt::Debug for StartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_id_is_a_hyphenated_uuid() {
        let text = "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a";
        assert_eq!(TransferId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        assert_eq!(TransferId::parse(&text.to_uppercase()), TransferId::parse(text));
        for bad in [
            "",
            "1",
            "01963f2a7c1e7b2a9d540f1e2d3c4b5a",
            "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5g",
            "00000000-0000-0000-0000-000000000000",
            "{1963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a}",
            "+1963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a",
        ] {
            assert_eq!(TransferId::parse(bad), None, "{bad}");
        }
    }
}
