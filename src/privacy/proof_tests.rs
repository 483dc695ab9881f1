use super::*;
use crate::domain::machine::Key as _;
use crate::domain::node::Row as NodeRow;
use crate::domain::node::tables::{HolderRow, PersonRow};
use crate::domain::value::{Digest, IdNumber, MemberRef, Person, PersonName};
use crate::privacy::holder::Holder;
use crate::privacy::key::SealingKey;
use proptest::prelude::*;
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
    // A holder's row has no digest: that it opens says nothing of them.
    let sealed = right.seal_holder(MemberRef([3; 16]), &Holder::default());
    held.keep(HolderRow { member_ref: MemberRef([3; 16]), sealed }.into());
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

/// What operators, backups and mistakes do to a store and its key file.
#[derive(Clone, Debug)]
enum Turn {
    /// A wallet is opened: a row is sealed under the key in force.
    Keep(u8),
    /// `gongji keys new`, and the server takes it.
    New,
    /// A sealing key is taken out of the file, wanted or not.
    TakeOut(prop::sample::Index),
    /// The server seals so many rows anew.
    SealAnew(usize),
    /// A backup of the store.
    Save,
    /// The store comes from a backup; the key file is the one of that time (true), or stays.
    Restore(prop::sample::Index, bool),
    /// A key file of another time is in the place of the right one.
    Earlier(prop::sample::Index),
    /// A key file of another store is.
    Wrong,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let index = any::<prop::sample::Index>;
    let one = prop_oneof![
        4 => (0u8..8).prop_map(Turn::Keep),
        3 => Just(Turn::New),
        2 => index().prop_map(Turn::TakeOut),
        3 => (0usize..6).prop_map(Turn::SealAnew),
        1 => Just(Turn::Save),
        1 => (index(), any::<bool>()).prop_map(|(saved, file)| Turn::Restore(saved, file)),
        1 => index().prop_map(Turn::Earlier),
        1 => Just(Turn::Wrong),
    ];
    prop::collection::vec(one, 0..40)
}

/// A store, the sealing keys of its file, and all that was ever kept of both.
struct World {
    held: Held,
    file: Vec<u8>,
    made: u8,
    saved: Vec<(Vec<NodeRow>, Vec<u8>)>,
    files: Vec<Vec<u8>>,
}

impl World {
    /// Starts a server with this file: only if all that is sealed opens, and everybody is found, may it go on.
    fn start(&mut self, file: Vec<u8>) -> bool {
        let key = keys(&file);
        let Ok(rows) = rows_by_key(&mut |scan| self.held.scan(scan));
        let Ok((shut, _)) = unopened(&key, &mut |scan| self.held.scan(scan));
        let taken = match self.held.prove(&key) {
            Ok(proof) => proof.missing.is_empty() || lacked(&key, &rows).is_ok(),
            Err(error) => panic!("{file:?} is refused as another store's: {error}"),
        };
        assert_eq!(taken, shut == 0, "{file:?}");
        if taken {
            self.held.note(&key, Some(1));
            self.file = file;
        }
        taken
    }

    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Keep(number) => {
                let (key, member_ref) = (keys(&self.file), MemberRef([number; 16]));
                let sealed = key.seal_holder(member_ref, &Holder::default());
                self.held.keep(HolderRow { member_ref, sealed }.into());
            }
            Turn::New => {
                self.made += 1;
                let file: Vec<u8> = [self.made].into_iter().chain(self.file.clone()).collect();
                assert!(self.start(file.clone()), "one more key is never refused");
                self.files.push(file);
            }
            Turn::TakeOut(at) => {
                let mut file = self.file.clone();
                file.remove(at.index(file.len()));
                if !file.is_empty() {
                    self.start(file);
                }
            }
            Turn::SealAnew(count) => {
                let (changes, shut) = sealed_anew(&keys(&self.file), &self.held.0);
                assert_eq!(shut, 0);
                changes.into_iter().take(count).for_each(|change| self.held.keep(change.row));
            }
            Turn::Save => self.saved.push((self.held.0.clone(), self.file.clone())),
            Turn::Restore(at, file) if !self.saved.is_empty() => {
                let (rows, then) = self.saved[at.index(self.saved.len())].clone();
                let before = std::mem::replace(&mut self.held, Held(rows));
                let file = if file { then } else { self.file.clone() };
                if !self.start(file) {
                    // The key file lacks what the backup needs: the operator keeps the store that he has.
                    self.held = before;
                }
            }
            Turn::Earlier(at) if !self.files.is_empty() => {
                let file = self.files[at.index(self.files.len())].clone();
                self.start(file);
            }
            Turn::Restore(..) | Turn::Earlier(_) => {}
            Turn::Wrong => {
                let before = self.held.0.clone();
                for wrong in [VaultKey::from_bytes(&[200; 32]), keys_of_other_digests(&self.file)] {
                    assert_eq!(self.held.prove(&wrong).unwrap_err(), WrongKey::Other);
                }
                assert_eq!(self.held.0, before);
            }
        }
    }
}

/// The right seals with the digests of another store.
fn keys_of_other_digests(file: &[u8]) -> VaultKey {
    VaultKey::of([[5; 32]; 3], file.iter().map(|byte| SealingKey::new(&[*byte; 32], None)).collect())
}

proptest! {
    /// However keys, backups and mistakes follow each other: a server goes on exactly with the files that open all that
    /// is in its vault, and never with another store's.
    #[test]
    fn a_server_goes_on_with_the_right_keys_and_with_no_others(turns in turns()) {
        let mut held = Held::with_person(&keys(&[1]));
        held.note(&keys(&[1]), Some(0));
        let mut world = World { held, file: vec![1], made: 1, saved: Vec::new(), files: vec![vec![1]] };
        turns.into_iter().for_each(|turn| world.turn(turn));
        let Ok((shut, all)) = unopened(&keys(&world.file), &mut |scan| world.held.scan(scan));
        prop_assert!(shut == 0 && all > 0);
    }
}
