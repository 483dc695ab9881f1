//! Identifiers and digests: plain bytes with a strict text form.

use borsh::{BorshDeserialize, BorshSerialize};
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

        impl crate::domain::row::Column for $name {
            fn to_value(&self) -> crate::domain::row::Value {
                crate::domain::row::Value::Blob(self.0.to_vec())
            }
            fn from_value(value: crate::domain::row::Value) -> Option<$name> {
                Vec::<u8>::from_value(value).and_then(|bytes| $name::from_slice(&bytes))
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
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (mut bytes, text) = ([0; 32], text.as_bytes());
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Digest(bytes))
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

impl TransferId {
    /// Reads the hyphenated form of 36 characters, either case; refuses all else and the nil UUID.
    pub fn parse(text: &str) -> Option<TransferId> {
        let bytes = text.as_bytes();
        if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|at| bytes[*at] != b'-') {
            return None;
        }
        let mut nibbles = bytes.iter().enumerate().filter(|(at, _)| ![8, 13, 18, 23].contains(at));
        let mut id = [0u8; 16];
        for byte in &mut id {
            let mut nibble = || nibbles.next().and_then(|(_, digit)| char::from(*digit).to_digit(16));
            let (high, low) = (nibble()?, nibble()?);
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        (id != [0; 16]).then_some(TransferId(id))
    }
}

/// The hyphenated form, lower case.
impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = hex(&self.0);
        write!(f, "{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
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
