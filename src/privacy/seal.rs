//! Sealing: XChaCha20-Poly1305 with a random nonce, bound to its owner's id.

use crate::privacy::key::{KEY_ID, KeyId, Use, VaultKey};
use crate::privacy::random;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};

/// First byte of sealed bytes: what follows is the id of their key, 8 bytes, a nonce of 24 bytes, the cipher text and a
/// tag of 16 bytes.
const VERSION: u8 = 2;
/// First byte of what was sealed before keys had ids: the first key's. No id follows.
const VERSION_1: u8 = 1;
const NONCE: usize = random::NONCE;

/// Why sealed bytes cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Changed, cut off, sealed under another key, or belonging to another owner.
    #[error("sealed bytes do not open: changed, under another key, or another owner's")]
    NotAuthentic,
    /// Sealed under a key that the key file does not have.
    #[error("sealed under a key that the key file lacks: bring the file that has it")]
    NoKey,
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

    /// Nonce, cipher text, tag.
    pub(crate) fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = random::nonce();
        // The cipher's only limit is 256 GiB of text.
        let cipher_text = self
            .0
            .encrypt(&nonce.into(), Payload { msg: plain, aad })
            .expect("a text shorter than 256 GiB is sealed");
        [&nonce[..], &cipher_text].concat()
    }

    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
        self.0.decrypt(nonce.into(), Payload { msg, aad }).ok()
    }
}

/// The key under which bytes are sealed (nothing: the first, of which none are marked), and what it sealed; nothing
/// when they are no sealed bytes.
fn parts(sealed: &[u8]) -> Option<(Option<KeyId>, &[u8])> {
    match sealed.split_first()? {
        (&VERSION, rest) => rest.split_first_chunk::<KEY_ID>().map(|(id, rest)| (Some(KeyId(*id)), rest)),
        (&VERSION_1, rest) => Some((None, rest)),
        _ => None,
    }
}

/// The id of the key that sealed bytes name; nothing of those from before keys had ids, which are the first key's.
pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
    parts(sealed).and_then(|(id, _)| id)
}

impl VaultKey {
    /// Seals bytes that are no person or parties, such as a `leg_record`. `aad` names their owner (transfer id and
    /// side) and must be given again to open them; it is not hidden. 49 bytes longer than `plain`.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.seal_as(Use::Other, aad, plain)
    }

    /// Opens what [`VaultKey::seal`] sealed for the same owner.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open_as(Use::Other, aad, sealed)
    }

    pub(crate) fn seal_as(&self, of: Use, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let key = &self.seals[0];
        [&[VERSION][..], &key.id.0, &key.sealer(of).seal(aad, plain)].concat()
    }

    pub(crate) fn open_as(&self, of: Use, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, body) = parts(sealed).ok_or(SealError::NotAuthentic)?;
        let found = self.sealing().position(|key| id.map_or(key.is_first, |id| key.id == id));
        let key = &self.seals[found.ok_or(SealError::NoKey)?];
        key.sealer(of).open(aad, body).ok_or(SealError::NotAuthentic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_owner_only() {
        let key = VaultKey::from_bytes(&[7; 32]);
        for plain in [&b""[..], b"x", &[9; 1000]] {
            let sealed = key.seal(b"owner", plain);
            assert_eq!(sealed.len(), plain.len() + 49);
            assert_eq!(key.open(b"owner", &sealed).as_deref(), Ok(plain));
            assert_eq!(key.open(b"other", &sealed), Err(SealError::NotAuthentic));
            assert_eq!(VaultKey::from_bytes(&[8; 32]).open(b"owner", &sealed), Err(SealError::NoKey));
            assert_eq!(key.open_as(Use::Person, b"owner", &sealed), Err(SealError::NotAuthentic));
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
            let expected =
                if (1..=KEY_ID).contains(&at) { SealError::NoKey } else { SealError::NotAuthentic };
            assert_eq!(key.open(b"owner", &changed), Err(expected), "byte {at}");
            assert_eq!(key.open(b"owner", &sealed[..at]), Err(SealError::NotAuthentic), "cut at {at}");
        }
    }

    #[test]
    fn bytes_of_every_version_open_for_ever() {
        let golden = [
            include_str!("../../tests/golden/sealed_1.hex"),
            include_str!("../../tests/golden/sealed_2.hex"),
        ];
        let key = VaultKey::from_bytes(&[7; 32]);
        for (text, id) in golden.into_iter().zip([None, Some(key.current())]) {
            let sealed = data_encoding::HEXLOWER.decode(text.trim().as_bytes()).expect("hexadecimal");
            assert_eq!(key.open(b"owner", &sealed).as_deref(), Ok(&b"a leg record"[..]));
            assert_eq!(key_of(&sealed), id);
        }
    }
}
