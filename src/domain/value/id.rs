//! Identifiers and digests: plain bytes with a strict text form.

use crate::domain::value::column::{Column, Value};
use borsh::{BorshDeserialize, BorshSerialize};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use std::borrow::Cow;
use std::fmt;
use uuid::Uuid;

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
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        Digest::from_slice(&bytes)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

impl TransferId {
    /// Reads the hyphenated form of 36 characters, either case; refuses all else and the nil UUID.
    pub fn parse(text: &str) -> Option<TransferId> {
        // The library reads other forms, too; none of them is as long.
        let id = (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()?;
        (!id.is_nil()).then(|| TransferId(id.into_bytes()))
    }
}

/// The hyphenated form, lower case.
impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Uuid::from_bytes(self.0).hyphenated().encode_lower(&mut Uuid::encode_buffer()))
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
    fn a_digest_is_64_hexadecimal_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(Digest::parse(&text).map(|it| hex(&it.0)).as_ref(), Some(&text));
        assert_eq!(Digest::parse(&text.to_uppercase()), Digest::parse(&text));
        for bad in
            ["", &text[1..], &text[2..], &format!("{text}00"), &text.replace("f0", "g0"), &"é".repeat(32)]
        {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }

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
            "01963f2a7c1e-7b2a-9d54-0f1e2d3c4b5a0",
            "01963f2a7c1e7b2a9d540f1e2d3c4b5a0000",
            "urn:uuid:01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a",
        ] {
            assert_eq!(TransferId::parse(bad), None, "{bad}");
        }
    }
}
