//! What both machines keep of their vaults' keys, and how rows of the vault are written beside the journal.

use crate::domain::machine::record::Record;
use crate::domain::machine::step::Step;
use crate::domain::machine::table::{Row, rows};
use crate::domain::value::Civil;
use crate::domain::value::stored_enum::stored_enum;

stored_enum! {
    /// What a key of the vault is for, as the store has seen it.
    VaultKeyState {
        /// Makes digests. Stays for ever.
        Digests = 1 "digests",
        /// Seals whatever is new.
        Seals = 2 "seals",
        /// Opens only; rows of the vault may still be sealed under it.
        Retired = 3 "retired",
        /// Opens only; no row of the vault is sealed under it.
        Unused = 4 "unused",
        /// Gone from the key file.
        Deleted = 5 "deleted",
    }
}

rows! {
    /// Vault: a key under which this store's digests or sealed values are made, and how it is known again.
    VaultKeyRow {
        /// Its id, 16 hexadecimal digits.
        key_id: String;
        /// What it is for.
        state: VaultKeyState,
        /// A keyed digest of a known text (digests), or a known text sealed under it.
        proof: Vec<u8>,
        /// When this store first had it.
        since: Civil,
        /// The journal sequence up to which it may have sealed a `leg_record`; none: it has not ended.
        until_seq: Option<u64>,
    }
}

/// A row of the vault that is to be written in place of what its maker saw there.
#[derive(Clone, Debug)]
pub struct VaultChange<R> {
    /// What stood there; nothing: no row.
    pub seen: Option<R>,
    /// What is to stand there.
    pub row: R,
}

/// How many rows of the vault were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept(pub u64);

/// The keys of the rows that are looked at.
pub fn needs<R: Row>(changes: &[VaultChange<R>], keys: &mut Vec<R::Key>) {
    keys.extend(changes.iter().map(|change| change.row.key()));
}

/// Writes each row unless another stands there meanwhile.
pub fn keep<R: Record, A, E>(changes: Vec<VaultChange<R::Row>>, step: &mut Step<'_, R, A, E>) -> Kept {
    let mut kept = 0;
    for change in changes {
        if step.rows().known(&change.row.key()) == change.seen.as_ref() {
            step.keep(change.row);
            kept += 1;
        }
    }
    Kept(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::samples::{Key, Record, Row, SecretRow};
    use crate::domain::machine::{Batch, WorkingSet};
    use crate::domain::value::Now;

    fn secret(secret: u64, sealed: &[u8]) -> Row {
        SecretRow { shop: 1, secret, sealed: sealed.to_vec() }.into()
    }

    #[test]
    fn a_row_that_was_changed_meanwhile_is_left_as_it_is() {
        let mut rows = WorkingSet::default();
        rows.learn(Key::Secret(1, 1), Some(secret(1, b"old")));
        rows.learn(Key::Secret(1, 2), Some(secret(2, b"other")));
        rows.learn(Key::Secret(1, 3), None);
        rows.learn(Key::Secret(1, 4), None);
        let change = |number, seen: Option<&[u8]>| VaultChange {
            seen: seen.map(|sealed| secret(number, sealed)),
            row: secret(number, b"new"),
        };
        let changes =
            vec![change(1, Some(b"old")), change(2, Some(b"old")), change(3, None), change(4, Some(b"old"))];
        let mut keys = Vec::new();
        needs(&changes, &mut keys);
        assert_eq!(keys, [1, 2, 3, 4].map(|number| Key::Secret(1, number)));
        let mut batch: Batch<Record, (), ()> = Batch::after(0);
        let kept = keep(changes, &mut Step::new(Now::default(), &mut rows, &mut batch));
        assert_eq!((kept, batch.vault), (Kept(2), vec![secret(1, b"new"), secret(3, b"new")]));
        assert_eq!(rows.row(&Key::Secret(1, 1)), Some(&secret(1, b"new")));
        assert_eq!(rows.row(&Key::Secret(1, 2)), Some(&secret(2, b"other")));
    }
}
