//! The vault's keys: one of digests, which stays for ever, and one or more of sealing, of which the first seals and all
//! open. Each use has a sub-key of its own.

use crate::domain::machine::{VaultKeyRow, VaultKeyState};
use crate::domain::value::{Civil, Day, hex};
use crate::privacy::seal::Sealer;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

pub(crate) type KeyedHash = Hmac<Sha256>;

/// Names a key without giving it away: 8 bytes that follow from it, shown as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; KEY_ID]);

/// Length of a key's id, in bytes.
pub(crate) const KEY_ID: usize = 8;

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What sealed bytes are about; none opens for another use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    Person,
    Parties,
    Holder,
    /// `leg_record`s.
    Other,
    /// The value by which a store knows the key again.
    Check,
}

/// A key that seals, or has sealed.
pub(crate) struct SealingKey {
    pub(crate) id: KeyId,
    /// When it was made; not known of keys of before ids.
    pub(crate) created: Option<Day>,
    pub(crate) master: [u8; 32],
    /// Whether the keys of digests follow from it: then it sealed before keys had ids.
    is_first: bool,
    sealers: [Sealer; 5],
}

/// HMAC takes keys of any length: this cannot fail.
fn keyed(key: &[u8]) -> KeyedHash {
    KeyedHash::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Labels are stored data in effect: another label is another key.
fn sub_key(master: &[u8; 32], label: &str) -> [u8; 32] {
    keyed(master).chain_update(label.as_bytes()).finalize().into_bytes().into()
}

fn id_of(hash: &[u8; 32]) -> KeyId {
    let mut id = [0; KEY_ID];
    id.copy_from_slice(&hash[..KEY_ID]);
    KeyId(id)
}

impl SealingKey {
    pub(crate) fn new(master: &[u8; 32], created: Option<Day>) -> SealingKey {
        let uses = ["person", "parties", "holder", "other", "check"];
        SealingKey {
            id: id_of(&sub_key(master, "gongji key id 1")),
            created,
            master: *master,
            is_first: false,
            sealers: uses.map(|it| Sealer::new(&sub_key(master, &format!("gongji seal {it} 1")))),
        }
    }

    pub(crate) fn sealer(&self, of: Use) -> &Sealer {
        &self.sealers[of as usize]
    }

    fn check(&self) -> Vec<u8> {
        self.sealer(Use::Check).seal(&self.id.0, CHECKED)
    }
}

/// What a check value holds, sealed.
const CHECKED: &[u8] = b"gongji vault key 1";

/// All keys of a server's vault. Losing the key of digests is losing everybody: nobody would be found again, and no
/// repeat compared. Losing one of sealing is losing the names and numbers that are still sealed under it. Cheap to
/// share in an `Arc`.
pub struct VaultKey {
    pub(crate) digests: [[u8; 32]; 3],
    pub(crate) id_hash: KeyedHash,
    pub(crate) terms: KeyedHash,
    pub(crate) request: KeyedHash,
    /// The first one seals, all of them open.
    pub(crate) seals: Vec<SealingKey>,
}

/// A key of a vault as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub id: KeyId,
    /// When it was made, if that is known.
    pub created: Option<Day>,
    /// Whether values that name no key are sealed under it.
    pub is_first: bool,
}

/// The digest keys that a vault had when one secret was all its keys.
pub(crate) fn digests_of(master: &[u8; 32]) -> [[u8; 32]; 3] {
    ["gongji id-hash 1", "gongji terms 1", "gongji request 1"].map(|label| sub_key(master, label))
}

impl VaultKey {
    /// The key with these 32 secret bytes. Servers use [`VaultKey::load`]; this is for tests and simulations.
    pub fn from_bytes(master: &[u8; 32]) -> VaultKey {
        VaultKey::of(digests_of(master), vec![SealingKey::new(master, None)])
    }

    pub(crate) fn of(digests: [[u8; 32]; 3], mut seals: Vec<SealingKey>) -> VaultKey {
        seals.iter_mut().for_each(|key| key.is_first = digests_of(&key.master) == digests);
        let [id_hash, terms, request] = digests.map(|key| keyed(&key));
        VaultKey { digests, id_hash, terms, request, seals }
    }

    /// The id of the key of digests.
    pub fn digests_id(&self) -> KeyId {
        id_of(&self.digests_hash("gongji digests id 1"))
    }

    fn digests_hash(&self, label: &str) -> [u8; 32] {
        let hash = |key: &KeyedHash| key.clone().chain_update(label.as_bytes()).finalize().into_bytes();
        let all = self.request.clone().chain_update(hash(&self.id_hash)).chain_update(hash(&self.terms));
        all.chain_update(label.as_bytes()).finalize().into_bytes().into()
    }

    /// The sealing keys, the one that seals first.
    pub fn sealing(&self) -> impl Iterator<Item = KeyInfo> + '_ {
        self.seals.iter().map(|it| KeyInfo { id: it.id, created: it.created, is_first: it.is_first })
    }

    /// The id of the key under which everything new is sealed.
    pub fn current(&self) -> KeyId {
        self.seals[0].id
    }

    /// Whether it can open what is sealed under this key; of values that name none, give nothing.
    pub fn has(&self, id: Option<KeyId>) -> bool {
        self.sealing().any(|key| id.map_or(key.is_first, |id| key.id == id))
    }

    /// Whether these are the same keys in the same order.
    pub fn is_same(&self, other: &VaultKey) -> bool {
        self.digests == other.digests
            && self.sealing().map(|key| key.id).eq(other.sealing().map(|key| key.id))
    }

    /// Whether a vault may go on by these after the others: people are found by the same digests, and what the others
    /// seal opens. Whether rows need more is another question.
    pub fn follows(&self, other: &VaultKey) -> bool {
        self.digests == other.digests && self.has(Some(other.current()))
    }

    /// What a store keeps to know its keys again. `since`: now.
    pub fn check_rows(&self, since: Civil) -> Vec<VaultKeyRow> {
        let row = |key_id: KeyId, state, proof| VaultKeyRow {
            key_id: key_id.to_string(),
            state,
            proof,
            since,
            until_seq: None,
        };
        let digests = self.digests_hash("gongji digests check 1").to_vec();
        let seal = |(at, key): (usize, &SealingKey)| {
            let state = if at == 0 { VaultKeyState::Seals } else { VaultKeyState::Retired };
            row(key.id, state, key.check())
        };
        let digests = row(self.digests_id(), VaultKeyState::Digests, digests);
        [digests].into_iter().chain(self.seals.iter().enumerate().map(seal)).collect()
    }

    /// Whether a store that keeps this row knows one of these keys by it: nothing when none has its id.
    pub fn fits(&self, row: &VaultKeyRow) -> Option<bool> {
        if row.state == VaultKeyState::Digests {
            let known = row.key_id == self.digests_id().to_string();
            return Some(known && row.proof == self.digests_hash("gongji digests check 1"));
        }
        let key = self.seals.iter().find(|key| key.id.to_string() == row.key_id)?;
        Some(key.sealer(Use::Check).open(&key.id.0, &row.proof).as_deref() == Some(CHECKED))
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", VaultKey::from_bytes(&[7; 32])), "VaultKey(****)");
    }

    #[test]
    fn ids_differ_and_never_change() {
        let key = VaultKey::from_bytes(&[7; 32]);
        let ids = [key.digests_id(), key.current()].map(|id| id.to_string());
        assert_eq!(ids, ["4bce3a497d0b9812", "01126b22d0e865b9"]);
        assert_ne!(VaultKey::from_bytes(&[8; 32]).current(), key.current());
    }

    #[test]
    fn a_store_knows_its_keys_again_and_no_others() {
        let (key, other) = (VaultKey::from_bytes(&[7; 32]), VaultKey::from_bytes(&[8; 32]));
        let rows = key.check_rows(Civil(1));
        assert_eq!(rows.iter().map(|row| key.fits(row)).collect::<Vec<_>>(), [Some(true), Some(true)]);
        assert_eq!(rows.iter().map(|row| other.fits(row)).collect::<Vec<_>>(), [Some(false), None]);
        let forged = VaultKeyRow { key_id: other.current().to_string(), ..rows[1].clone() };
        assert_eq!(other.fits(&forged), Some(false), "the id alone says nothing");
        assert!(rows.iter().all(|row| !row.proof.windows(4).any(|part| part == [7; 4])));
    }

    #[test]
    fn keys_follow_those_of_the_same_digests_whose_seals_they_open() {
        let old = VaultKey::from_bytes(&[7; 32]);
        let seal = |byte| SealingKey::new(&[byte; 32], None);
        let both = VaultKey::of(old.digests, vec![seal(9), seal(7)]);
        let later = VaultKey::of(old.digests, vec![seal(9)]);
        assert!(both.follows(&old) && both.has(None) && !old.follows(&both));
        assert!(later.follows(&both) && both.follows(&later) && !later.follows(&old) && !later.has(None));
        assert!(!VaultKey::from_bytes(&[9; 32]).follows(&later), "digests of another");
        assert!(both.is_same(&both) && !both.is_same(&later) && !later.is_same(&both));
        assert!(!both.is_same(&VaultKey::of(old.digests, vec![seal(7), seal(9)])), "another one seals");
    }
}
