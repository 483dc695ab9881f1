//! The node's vault as its services use it: who is behind a number, found by keyed hash, compared by name in clear; and
//! what is known of him, read together.

use crate::domain::machine::TableRow;
use crate::domain::node::Record;
use crate::domain::node::tables::{EntryRow, Key, MemberRow, PersonRow, RequestRow, Row};
use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::value::{IdNumber, MemberRef, Person};
use crate::engine::Reader;
use crate::privacy::in_force::KeyInForce;
use crate::privacy::key::VaultKey;
use crate::store::{AnyTables, StoreError};
use crate::wire::status::Problem;
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

/// A person as the vault holds him, and what is known of him.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// His reference.
    pub(super) member_ref: MemberRef,
    /// Number and name in clear.
    pub(super) person: Person,
    /// His phone number, if he gave one.
    pub(super) phone: Option<String>,
    /// His insurance.
    pub(super) member: Option<MemberRow>,
    /// The request that is asked, if it was carried out before.
    pub(super) request: Option<RequestRow>,
    /// The entry that the request made then.
    pub(super) entry: Option<EntryRow>,
}

impl Known {
    /// Demands that this is the party: number and name belong together, in the pooling area that it names.
    ///
    /// # Errors
    /// `MEMBER_NOT_FOUND`, which says no more than that.
    pub(super) fn must_be(&self, party: &Party) -> Result<(), Problem> {
        let here = self.member.as_ref().is_some_and(|member| member.region == party.region);
        if here && self.person == party.person {
            return Ok(());
        }
        Err(Problem::new(Reason::MemberNotFound))
    }
}

/// What is known of a number: nobody; somebody; or what is kept of him cannot be read, which is never "nobody".
pub(super) type Found = Result<Option<Known>, Problem>;

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

    /// The persons with these numbers, whatever their names, in order; each with the request of this id, as it is
    /// stored, if there is one. A row that does not open was sealed under another key or changed: that is the row's
    /// own fault and no other's.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn known(
        &self,
        asked: impl IntoIterator<Item = (&IdNumber, Option<String>)>,
    ) -> Result<Vec<Found>, StoreError> {
        let key = self.key();
        let asked: Vec<(Key, Option<Key>)> = asked
            .into_iter()
            .map(|(number, request)| (Key::Person(key.id_hash(number)), request.map(Key::Request)))
            .collect();
        let in_force = Arc::clone(&self.keys);
        self.reader.run(move |tables: &mut AnyTables<Record>| read(tables, &in_force, &asked)).await
    }
}

fn read(
    tables: &mut AnyTables<Record>,
    in_force: &KeyInForce,
    asked: &[(Key, Option<Key>)],
) -> Result<Vec<Found>, StoreError> {
    let persons: Vec<Key> = asked.iter().map(|(person, _)| person.clone()).collect();
    let mut persons = rows::<PersonRow>(tables, &persons)?;
    // Nobody has said yet who he is.
    persons
        .iter_mut()
        .filter(|row| row.as_ref().is_some_and(PersonRow::is_awaited))
        .for_each(|row| *row = None);
    // The rows were read before: keys that came since open them too.
    let key = in_force.now();
    let mut found: Vec<Found> =
        persons.into_iter().map(|row| row.map(|row| open(&key, &row)).transpose()).collect();
    fill(
        tables,
        &mut found,
        |known, _| Some(Key::Member(known.member_ref)),
        |known, row| known.member = row,
    )?;
    fill(tables, &mut found, |_, at| asked[at].1.clone(), |known, row| known.request = row)?;
    let entry = |known: &Known, _| known.request.as_ref().and_then(|row| row.entry_id).map(Key::Entry);
    fill(tables, &mut found, entry, |known, row| known.entry = row)?;
    Ok(found)
}

/// Reads a row more of each person, where there is a key for it.
fn fill<T: TableRow<Row> + Clone>(
    tables: &mut AnyTables<Record>,
    found: &mut [Found],
    key: impl Fn(&Known, usize) -> Option<Key>,
    mut put: impl FnMut(&mut Known, Option<T>),
) -> Result<(), StoreError> {
    let known = found.iter().enumerate().filter_map(|(at, it)| it.as_ref().ok()?.as_ref().zip(Some(at)));
    let (places, keys): (Vec<usize>, Vec<Key>) =
        known.filter_map(|(known, at)| Some((at, key(known, at)?))).unzip();
    for (at, row) in places.into_iter().zip(rows::<T>(tables, &keys)?) {
        if let Ok(Some(known)) = &mut found[at] {
            put(known, row);
        }
    }
    Ok(())
}

fn rows<T: TableRow<Row> + Clone>(
    tables: &mut AnyTables<Record>,
    keys: &[Key],
) -> Result<Vec<Option<T>>, StoreError> {
    let rows = if keys.is_empty() { Vec::new() } else { tables.load(keys)? };
    Ok(rows.iter().map(|row| row.as_ref().and_then(T::of).cloned()).collect())
}

fn open(key: &VaultKey, row: &PersonRow) -> Result<Known, Problem> {
    let (person, phone) = key.open_person(row.member_ref, &row.sealed).map_err(|error| {
        tracing::error!(%error, "ALARM: a person in the vault cannot be read");
        Problem::new(Reason::PersonUnreadable)
    })?;
    let member_ref = row.member_ref;
    Ok(Known { member_ref, person, phone, member: None, request: None, entry: None })
}
