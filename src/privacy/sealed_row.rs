//! Rows of the vault whatever is in them: under which key they are sealed, whether they open, and sealed anew.

use crate::domain::hub;
use crate::domain::hub::tables::PartiesRow;
use crate::domain::machine::Row;
use crate::domain::node;
use crate::domain::node::tables::{HolderRow, PersonRow};
use crate::privacy::key::VaultKey;
use crate::privacy::seal::{SealError, key_of};

/// A row that may hold something sealed.
pub trait SealedRow: Row {
    /// What is sealed in it; nothing of rows in clear.
    fn sealed(&self) -> Option<&[u8]>;

    /// Opens it, and compares what is in it with the digest by which it is found.
    ///
    /// # Errors
    /// `NoKey`, `NotAuthentic`; `Content` also when it is found by another digest than these keys make.
    fn opens(&self, key: &VaultKey) -> Result<(), SealError>;

    /// The same row, sealed under the key that seals now.
    ///
    /// # Errors
    /// When it does not open.
    fn sealed_anew(&self, key: &VaultKey) -> Result<Self, SealError>;

    /// Whether it is sealed, and under another key than the one that seals now.
    fn is_sealed_before(&self, key: &VaultKey) -> bool {
        let now = |sealed| match key_of(sealed) {
            Some(id) => id == key.current(),
            None => key.sealing().next().is_some_and(|current| current.is_first),
        };
        self.sealed().is_some_and(|sealed| !now(sealed))
    }
}

impl SealedRow for node::Row {
    fn sealed(&self) -> Option<&[u8]> {
        match self {
            node::Row::Person(row) => (!row.is_awaited()).then_some(&row.sealed),
            node::Row::Holder(row) => Some(&row.sealed),
            _ => None,
        }
    }

    fn opens(&self, key: &VaultKey) -> Result<(), SealError> {
        match self {
            node::Row::Person(row) if !row.is_awaited() => {
                let (person, _) = key.open_person(row.member_ref, &row.sealed)?;
                let found = key.id_hash(&person.id_number) == row.id_hash;
                if found { Ok(()) } else { Err(SealError::Content) }
            }
            node::Row::Holder(row) => key.open_holder(row.member_ref, &row.sealed).map(drop),
            _ => Ok(()),
        }
    }

    fn sealed_anew(&self, key: &VaultKey) -> Result<node::Row, SealError> {
        Ok(match self {
            node::Row::Person(row) if !row.is_awaited() => {
                let (person, phone) = key.open_person(row.member_ref, &row.sealed)?;
                let sealed = key.seal_person(row.member_ref, &person, phone.as_deref());
                PersonRow { sealed, ..PersonRow::clone(row) }.into()
            }
            node::Row::Holder(row) => {
                let holder = key.open_holder(row.member_ref, &row.sealed)?;
                let sealed = key.seal_holder(row.member_ref, &holder);
                HolderRow { sealed, ..HolderRow::clone(row) }.into()
            }
            other => other.clone(),
        })
    }
}

impl SealedRow for hub::Row {
    fn sealed(&self) -> Option<&[u8]> {
        match self {
            hub::Row::Parties(row) => Some(&row.sealed),
            _ => None,
        }
    }

    fn opens(&self, key: &VaultKey) -> Result<(), SealError> {
        match self {
            hub::Row::Parties(row) => key.open_parties(row.transfer_id, &row.sealed).map(drop),
            _ => Ok(()),
        }
    }

    fn sealed_anew(&self, key: &VaultKey) -> Result<hub::Row, SealError> {
        Ok(match self {
            hub::Row::Parties(row) => {
                let parties = key.open_parties(row.transfer_id, &row.sealed)?;
                let sealed = key.seal_parties(row.transfer_id, &parties);
                PartiesRow { sealed, ..PartiesRow::clone(row) }.into()
            }
            other => other.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::Table;
    use crate::domain::value::{Civil, Digest, IdNumber, MemberRef, Person, PersonName, TransferId};
    use crate::privacy::holder::Holder;
    use crate::privacy::key::SealingKey;
    use crate::privacy::people::MaskedParties;
    use std::collections::BTreeSet;

    fn person() -> Person {
        let id_number = IdNumber::parse("11010519491231002X").unwrap();
        Person { id_number, name: PersonName::new("张三").unwrap() }
    }

    fn rows(key: &VaultKey) -> (Vec<node::Row>, Vec<hub::Row>) {
        let (member_ref, transfer_id) = (MemberRef([3; 16]), TransferId([4; 16]));
        let id_hash = key.id_hash(&person().id_number);
        let sealed = key.seal_person(member_ref, &person(), Some("1"));
        let holder = key.seal_holder(member_ref, &Holder::default());
        let parties = key.seal_parties(transfer_id, &MaskedParties::default());
        (
            vec![
                PersonRow { id_hash, member_ref, sealed }.into(),
                HolderRow { member_ref, sealed: holder }.into(),
            ],
            vec![PartiesRow { transfer_id, sealed: parties, receipt_time: Civil(0) }.into()],
        )
    }

    fn walk<R: SealedRow>(rows: &[R], old: &VaultKey, both: &VaultKey, new: &VaultKey) {
        let other = VaultKey::from_bytes(&[9; 32]);
        for row in rows {
            assert_eq!((row.opens(old), row.opens(both)), (Ok(()), Ok(())), "{:?}", row.table());
            assert_eq!((row.opens(new), row.opens(&other)), (Err(SealError::NoKey), Err(SealError::NoKey)));
            assert_eq!((row.is_sealed_before(old), row.is_sealed_before(both)), (false, true));
            let anew = row.sealed_anew(both).unwrap();
            assert_eq!((anew.key(), anew.is_sealed_before(both)), (row.key(), false));
            assert_eq!((anew.opens(new), anew.opens(old)), (Ok(()), Err(SealError::NoKey)));
            assert!(row.sealed_anew(&other).is_err());
        }
        let tables: BTreeSet<&str> = rows.iter().map(|row| row.table().name()).collect();
        let mut vault: BTreeSet<&str> =
            R::Table::ALL.iter().filter(|table| table.is_vault()).map(|table| table.name()).collect();
        assert!(vault.remove("vault_key"), "in clear");
        vault.remove("vault_found_by");
        assert_eq!(tables, vault, "every table of the vault is sealed anew");
    }

    #[test]
    fn rows_of_every_table_of_the_vault_open_under_their_key_only_and_are_sealed_anew() {
        let old = VaultKey::from_bytes(&[1; 32]);
        let seal = |byte| SealingKey::new(&[byte; 32], None);
        let both = VaultKey::of(old.digests, vec![seal(2), seal(1)]);
        let new = VaultKey::of(old.digests, vec![seal(2)]);
        let (nodes, hubs) = rows(&old);
        walk(&nodes, &old, &both, &new);
        walk(&hubs, &old, &both, &new);
    }

    #[test]
    fn a_person_who_is_found_by_another_digest_is_noticed() {
        let old = VaultKey::from_bytes(&[1; 32]);
        let other = VaultKey::of([[5; 32]; 3], vec![SealingKey::new(&[1; 32], None)]);
        assert_eq!(rows(&old).0[0].opens(&other), Err(SealError::Content));
        let moved =
            PersonRow { id_hash: Digest([9; 32]), ..PersonRow::of(&rows(&old).0[0]).unwrap().clone() };
        assert_eq!(node::Row::from(moved).opens(&old), Err(SealError::Content));
    }

    use crate::domain::machine::TableRow as _;
}
