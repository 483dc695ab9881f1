//! The hash chain that binds every journal record to all before it.

use crate::domain::value::Digest;
use sha2::{Digest as _, Sha256};

/// The chain hash of one record: SHA-256(previous ‖ be64 sequence ‖ be16 kind ‖ version ‖ bytes).
/// `previous` is that of the record before it, zeros for the first.
pub fn link(previous: &Digest, sequence: u64, kind: u16, version: u8, bytes: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(previous.0);
    hash.update(sequence.to_be_bytes());
    hash.update(kind.to_be_bytes());
    hash.update([version]);
    hash.update(bytes);
    Digest(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::hex;

    /// Computed with Python's hashlib, so that other languages can check a journal too.
    #[test]
    fn golden_vectors() {
        let first = link(&Digest::default(), 1, 2, 1, b"gongji");
        assert_eq!(hex(&first.0), "7fb44bea234451d8b5356505434c83e6f4e1ac1bdcd9a7f647bbadc96d08d366");
        let second = link(&first, 0x0102_0304_0506_0708, 0x0a0b, 0x0c, b"");
        assert_eq!(hex(&second.0), "2185705e356a4b50248a43c1ebb3bbfaed3ba759af13df3938c8f2b897aa2845");
    }
}
