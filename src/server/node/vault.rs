//! The node's vault as its services use it: who is behind a number, found by keyed hash, compared by name in clear.

use crate::domain::machine::TableRow;
use crate::domain::node::Record;
use crate::domain::node::tables::{Key, PersonRow};
use crate::domain::value::{Digest, MemberRef, Person};
use crate::engine::Reader;
use crate::privacy::in_force::KeyInForce;
use crate::privacy::key::VaultKey;
use crate::store::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Finds persons. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Vault {
    reader: Reader<Record>,
    keys: Arc<KeyInForce>,
    /// When it was last said that a key is missing.
    missing: Arc<Mutex<Option<Instant>>>,
}

/// A person as the vault holds him.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// His reference.
    pub(super) member_ref: MemberRef,
    /// Number and name in clear.
    pub(super) person: Person,
    /// His phone number, if he gave one.
    pub(super) phone: Option<String>,
}

impl Vault {
    /// A vault over this view, under these keys.
    pub(super) fn new(reader: Reader<Record>, keys: Arc<KeyInForce>) -> Vault {
        Vault { reader, keys, missing: Arc::default() }
    }

    /// The keys, whichever are in force.
    pub(super) fn keys(&self) -> Arc<KeyInForce> {
        Arc::clone(&self.keys)
    }

    /// The vault's keys at this moment: whoever seals hands it in at once.
    pub(super) fn key(&self) -> Arc<VaultKey> {
        self.keys.now()
    }

    /// Whether a minute has passed since this was last asked and true.
    pub(super) fn must_say_that_a_key_is_missing(&self) -> bool {
        const RARELY: Duration = Duration::from_secs(60);
        let mut said = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = said.is_none_or(|at| at.elapsed() >= RARELY);
        if is_due {
            *said = Some(Instant::now());
        }
        is_due
    }

    /// The persons behind these hashes, in order. A row that does not open was sealed under another key or changed:
    /// that is an error, never "unknown".
    async fn find(&self, hashes: Vec<Digest>) -> Result<Vec<Option<Known>>, StoreError> {
        let in_force = Arc::clone(&self.keys);
        let read = move |tables: &mut crate::store::AnyTables<Record>| {
            let keys: Vec<Key> = hashes.into_iter().map(Key::Person).collect();
            let rows = tables.load(&keys)?;
            // The rows were read before: keys that came since open them too.
            let key = in_force.now();
            let persons = rows.iter().map(|row| row.as_ref().and_then(PersonRow::of));
            persons.map(|row| row.map(|row| open(&key, row)).transpose()).collect()
        };
        self.reader.run(read).await
    }

    /// The persons with these numbers, whatever their names, in order.
    pub(super) async fn known(&self, persons: &[Person]) -> Result<Vec<Option<Known>>, StoreError> {
        let key = self.key();
        self.find(persons.iter().map(|person| key.id_hash(&person.id_number)).collect()).await
    }
}

fn open(key: &VaultKey, row: &PersonRow) -> Result<Known, StoreError> {
    let opened = key.open_person(row.member_ref, &row.sealed);
    let (person, phone) = opened
        .map_err(|error| StoreError::Damaged { place: "vault_person".to_owned(), what: error.to_string() })?;
    Ok(Known { member_ref: row.member_ref, person, phone })
}
