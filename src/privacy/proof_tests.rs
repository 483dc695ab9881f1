use super::*;
use crate::domain::machine::Key as _;
use crate::domain::node::Row as NodeRow;
use crate::domain::node::tables::PersonRow;
use crate::domain::value::{Digest, IdNumber, MemberRef, Person, PersonName};
use crate::privacy::key::SealingKey;
use std::convert::Infallible;

/// A vault in memory.
#[derive(Default)]
struct Held(Vec<NodeRow>);

impl Held {
    fn with_person(key: &VaultKey) -> Held {
        let mut held = Held::default();
        held.keep(person(key));
        held
    }

    fn keep(&mut self, row: NodeRow) {
        self.0.retain(|it| it.key() != row.key());
        self.0.push(row);
        self.0.sort_by_key(Row::key);
    }

    fn scan(&self, scan: &Scan<NodeRow>) -> Result<Vec<NodeRow>, Infallible> {
        let behind = |row: &&NodeRow| scan.after.as_ref().is_none_or(|after| row.key() > *after);
        let rows = self.0.iter().filter(|row| row.key().table() == scan.filter.table).filter(behind);
        Ok(rows.take(scan.limit).cloned().collect())
    }

    fn prove(&self, key: &VaultKey) -> Result<Proof, WrongKey> {
        let Ok(proof) = prove(key, &mut |scan| self.scan(scan));
        proof
    }

    /// What a server does with keys that are right.
    fn note(&mut self, key: &VaultKey, head: Option<u64>) {
        let proof = self.prove(key).unwrap();
        for change in noted::<NodeRow>(key, &proof.known, &proof.missing, (Civil(1), head)) {
            assert_eq!(change.seen.as_ref(), self.0.iter().find(|it| it.key() == change.row.key()));
            self.keep(change.row);
        }
    }

    fn states(&self) -> Vec<(VaultKeyState, Option<u64>)> {
        let mut rows: Vec<_> = self.0.iter().filter_map(VaultKeyRow::of).collect();
        rows.sort_by_key(|row| row.state);
        rows.into_iter().map(|row| (row.state, row.until_seq)).collect()
    }
}

fn person(key: &VaultKey) -> NodeRow {
    let id_number = IdNumber::parse("11010519491231002X").unwrap();
    let (member_ref, id_hash) = (MemberRef([3; 16]), key.id_hash(&id_number));
    let person = Person { id_number, name: PersonName::new("张三").unwrap() };
    PersonRow { id_hash, member_ref, sealed: key.seal_person(member_ref, &person, None) }.into()
}

fn keys(seals: &[u8]) -> VaultKey {
    let seals = seals.iter().map(|byte| SealingKey::new(&[*byte; 32], None)).collect();
    VaultKey::of(VaultKey::from_bytes(&[1; 32]).digests, seals)
}

#[test]
fn a_wrong_key_is_refused_by_rows_and_by_check_values() {
    let (right, wrong) = (keys(&[1]), VaultKey::from_bytes(&[9; 32]));
    let mut held = Held::with_person(&right);
    assert_eq!(held.prove(&wrong).unwrap_err(), WrongKey::Other, "no check value yet");
    held.note(&right, Some(7));
    assert_eq!(held.prove(&wrong).unwrap_err(), WrongKey::Other);
    assert_eq!(held.prove(&right).unwrap().known.len(), 2);
    let mut empty = Held::default();
    empty.note(&wrong, Some(0));
    assert_eq!(
        empty.prove(&right).unwrap_err(),
        WrongKey::Other,
        "an empty store takes the first it is given"
    );
}

#[test]
fn one_damaged_row_does_not_make_a_right_key_wrong_nor_a_wrong_digest_right() {
    let right = keys(&[1]);
    let mut held = Held::with_person(&right);
    let id_hash = Digest([0; 32]);
    held.keep(PersonRow { id_hash, member_ref: MemberRef([1; 16]), sealed: vec![1; 60] }.into());
    assert!(held.prove(&right).is_ok());
    let other_digests = VaultKey::of([[5; 32]; 3], vec![SealingKey::new(&[1; 32], None)]);
    assert_eq!(held.prove(&other_digests).unwrap_err(), WrongKey::Other);
}

#[test]
fn the_states_of_keys_follow_the_file() {
    use VaultKeyState::{Deleted, Digests, Retired, Seals, Unused};
    let mut held = Held::with_person(&keys(&[1]));
    held.note(&keys(&[1]), Some(7));
    assert_eq!(held.states(), [(Digests, None), (Seals, None)]);
    held.note(&keys(&[2, 1]), Some(9));
    assert_eq!(held.states(), [(Digests, None), (Seals, None), (Retired, Some(9))]);
    held.note(&keys(&[2, 1]), Some(11));
    assert_eq!(held.states()[2], (Retired, Some(9)), "it ended once");

    let Ok(rows) = rows_by_key(&mut |scan| held.scan(scan));
    let missing = held.prove(&keys(&[2])).unwrap().missing;
    assert_eq!(missing.len(), 1);
    let error = lacked(&keys(&[2]), &rows).unwrap_err();
    assert_eq!(error, WrongKey::Lacks { id: keys(&[1]).current().to_string(), rows: 1 });
    let (changes, shut) = sealed_anew(&keys(&[2, 1]), &held.0);
    assert_eq!((changes.len(), shut), (1, 0));
    changes.into_iter().for_each(|change| held.keep(change.row));
    let Ok(rows) = rows_by_key(&mut |scan| held.scan(scan));
    assert_eq!((lacked(&keys(&[2]), &rows), sealed_anew(&keys(&[2, 1]), &held.0).0.len()), (Ok(()), 0));
    let retired = held.0.iter().filter_map(VaultKeyRow::of).find(|row| row.state == Retired).unwrap().clone();
    held.keep(VaultKeyRow { state: Unused, ..retired }.into());
    held.note(&keys(&[2, 1]), Some(12));
    assert_eq!(held.states()[2], (Unused, Some(9)), "stays so");
    held.note(&keys(&[2]), Some(13));
    assert_eq!(held.states()[2], (Deleted, Some(9)));
    assert!(held.prove(&keys(&[2])).unwrap().missing.is_empty());
    held.note(&keys(&[1, 2]), Some(14));
    assert_eq!(held.states(), [(Digests, None), (Seals, None), (Retired, Some(14))]);
}

#[test]
fn where_a_journal_ended_is_not_guessed_of_a_restored_store() {
    let mut held = Held::with_person(&keys(&[1]));
    held.note(&keys(&[1]), Some(7));
    held.note(&keys(&[2, 1]), None);
    assert_eq!(held.states()[2], (VaultKeyState::Retired, None));
    held.note(&keys(&[2, 1]), Some(20));
    assert_eq!(held.states()[2], (VaultKeyState::Retired, Some(20)), "known again");
}
