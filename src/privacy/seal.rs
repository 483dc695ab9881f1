//! Sealing: XChaCha20-Poly1305 with a random nonce, bound to its owner's id.

use crate::privacy::key::VaultKey;
use crate::privacy::random;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};

/// First byte of sealed bytes: what follows is a nonce of 24 bytes, the cipher text and a tag of 16 bytes.
const VERSION: u8 = 1;
const NONCE: usize = random::NONCE;
/// Why sealed bytes cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Changed, cut off, sealed under another key, or belonging to another owner.
    #[error("sealed bytes do not open: changed, under another key, or another owner's")]
    NotAuthentic,
    /// They open, but do not hold what they should.
    #[error("sealed bytes hold something else than expected")]
    Content,
}

/// A key for one use. Shared between threads.
pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> Sealer {
        Sealer(XChaCha20Poly1305::new(key.into()))
    }

    pub(crate) fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = random::nonce();
        // The cipher's only limit is 256 GiB of text.
        let cipher_text = self
            .0
            .encrypt(&nonce.into(), Payload { msg: plain, aad })
            .expect("a text shorter than 256 GiB is sealed");
        [&[VERSION][..], &nonce, &cipher_text].concat()
    }

    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let body = sealed.strip_prefix(&[VERSION]).ok_or(SealError::NotAuthentic)?;
        let (nonce, msg) = body.split_first_chunk::<NONCE>().ok_or(SealError::NotAuthentic)?;
        self.0.decrypt(nonce.into(), Payload { msg, aad }).map_err(|_| SealError::NotAuthentic)
    }
}

impl VaultKey {
    /// Seals bytes that are no person or parties, such as a `leg_record`. `aad` names their owner (transfer id and
    /// side) and must be given again to open them; it is not hidden. 41 bytes longer than `plain`.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.other.seal(aad, plain)
    }

    /// Opens what [`VaultKey::seal`] sealed for the same owner.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.other.open(aad, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::hex;

    #[test]
    fn what_is_sealed_opens_for_its_owner_only() {
        let key = VaultKey::from_bytes(&[7; 32]);
        for plain in [&b""[..], b"x", &[9; 1000]] {
            let sealed = key.seal(b"owner", plain);
            assert_eq!(sealed.len(), plain.len() + 41);
            assert_eq!(key.open(b"owner", &sealed).as_deref(), Ok(plain));
            assert_eq!(key.open(b"other", &sealed), Err(SealError::NotAuthentic));
            assert_eq!(VaultKey::from_bytes(&[8; 32]).open(b"owner", &sealed), Err(SealError::NotAuthentic));
            assert_eq!(key.person.open(b"owner", &sealed), Err(SealError::NotAuthentic));
            assert_ne!(key.seal(b"owner", plain), sealed, "each sealing has its own nonce");
        }
    }

    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let key = VaultKey::from_bytes(&[7; 32]);
        let sealed = key.seal(b"owner", b"plain");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"owner", &changed), Err(SealError::NotAuthentic), "byte {at}");
            assert_eq!(key.open(b"owner", &sealed[..at]), Err(SealError::NotAuthentic), "cut at {at}");
        }
    }

    #[test]
    fn bytes_sealed_by_version_1_open_for_ever() {
        let golden = include_str!("../../tests/golden/sealed_1.hex").trim();
        let sealed: Vec<u8> = (0..golden.len() / 2)
            .map(|at| u8::from_str_radix(&golden[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect();
        assert_eq!(hex(&sealed), golden);
        let opened = VaultKey::from_bytes(&[7; 32]).open(b"owner", &sealed);
        assert_eq!(opened.as_deref(), Ok(&b"a leg record"[..]));
    }
}
