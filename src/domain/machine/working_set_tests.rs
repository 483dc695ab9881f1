//! The working set against the simplest that can stand for it: ordered maps of what is stored and what is not yet.

use super::*;
use crate::domain::machine::samples::{ItemRow, Key, Row, SecretRow, Table};
use crate::domain::machine::table::{Key as _, Row as _};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a batch, the engine or a cache that is full can do.
#[derive(Clone, Debug)]
enum Act {
    Learn(Key),
    LearnAll(Prefix<Table>),
    Put(Row),
    Commit,
    Forget(Key),
    ForgetBeyond(usize),
}

fn item(shop: u64, shelf: u64, item: u64) -> impl Fn(u64) -> Row {
    move |count| ItemRow { shop, shelf, item, count, is_settled: count == 0 }.into()
}

fn secret(shop: u64, secret: u64) -> impl Fn(u64) -> Row {
    move |count| SecretRow { shop, secret, sealed: vec![1; usize::try_from(count).unwrap()] }.into()
}

/// A row of one of few keys, with one of few contents; settled when that is 0.
fn row() -> impl Strategy<Value = Row> {
    let few = || 0..2u64;
    prop_oneof![
        3 => (few(), few(), few(), 0..4u64).prop_map(|(shop, shelf, it, count)| item(shop, shelf, it)(count)),
        1 => (few(), few(), 0..4u64).prop_map(|(shop, it, count)| secret(shop, it)(count)),
    ]
}

fn keys() -> Vec<Key> {
    let few = || 0..2u64;
    let items =
        few().flat_map(|shop| few().flat_map(move |shelf| few().map(move |it| item(shop, shelf, it)(1))));
    let secrets = few().flat_map(|shop| few().map(move |it| secret(shop, it)(1)));
    items.chain(secrets).map(|row| row.key()).collect()
}

fn prefixes() -> BTreeSet<Prefix<Table>> {
    keys().iter().flat_map(Prefix::over).collect()
}

fn act() -> impl Strategy<Value = Act> {
    let prefix = prop::sample::select(prefixes().into_iter().collect::<Vec<_>>());
    prop_oneof![
        3 => row().prop_map(|row| Act::Learn(row.key())),
        4 => prefix.prop_map(Act::LearnAll),
        6 => row().prop_map(Act::Put),
        3 => Just(Act::Commit),
        1 => row().prop_map(|row| Act::Forget(row.key())),
        1 => (0..6usize).prop_map(Act::ForgetBeyond),
    ]
}

/// A working set and what must be so of it.
#[derive(Default)]
struct Model {
    rows: WorkingSet<Row>,
    stored: BTreeMap<Key, Row>,
    /// What this batch has made, and whether the key was known before.
    unstored: BTreeMap<Key, (Row, bool)>,
    /// Prefixes that are whole, with their generation.
    whole: BTreeMap<Prefix<Table>, u32>,
}

impl Model {
    fn act(&mut self, act: Act) {
        match act {
            // Nobody asks for what he knows.
            Act::Learn(key) if !self.rows.knows(&key) => {
                self.rows.learn(key.clone(), self.stored.get(&key).cloned());
                assert!(self.rows.knows(&key));
            }
            Act::LearnAll(prefix) if !self.rows.knows_all(&prefix) => {
                let under = self.stored.iter().filter(|(key, _)| prefix.covers(*key));
                self.rows.learn_all(prefix.clone(), under.map(|(_, row)| row.clone()).collect());
                self.whole.insert(prefix, self.rows.generation);
            }
            Act::Learn(_) | Act::LearnAll(_) => {}
            Act::Put(row) => {
                let key = row.key();
                let was_known = self.unstored.get(&key).map_or(self.rows.knows(&key), |(_, known)| *known);
                self.unstored.insert(key.clone(), (row.clone(), was_known));
                if row.table().is_vault() { self.rows.keep(row) } else { self.rows.put(row) }
            }
            Act::Commit => self.commit(),
            Act::Forget(key) => {
                self.commit();
                self.rows.forget(&key);
                self.forgotten(&key);
            }
            Act::ForgetBeyond(most) => {
                self.commit();
                let before = self.rows.generation;
                self.rows.forget_beyond(most);
                self.whole.retain(|_, loaded| self.rows.generation == before || *loaded == before);
            }
        }
    }

    fn commit(&mut self) {
        let mut made = std::mem::take(&mut self.unstored);
        let changed = made.iter().filter(|(key, _)| !key.table().is_vault());
        let expected = changed.map(|(key, (row, was_known))| {
            let stored = match self.stored.get(key) {
                _ if !was_known => Stored::Unknown,
                Some(row) => Stored::Row(row.clone()),
                None => Stored::Nothing,
            };
            Change { row: row.clone(), stored }
        });
        let expected: Vec<Change<Row>> = expected.collect();
        assert_eq!(self.rows.take_changed(), expected);
        assert_eq!(self.rows.take_changed(), []);
        made.iter().filter(|(_, (row, _))| row.is_finished()).for_each(|(key, _)| self.forgotten(key));
        self.stored.extend(made.iter_mut().map(|(key, (row, _))| (key.clone(), row.clone())));
    }

    /// What is not known of a key is not known of any range that it stands in.
    fn forgotten(&mut self, key: &Key) {
        assert!(!self.rows.knows(key), "{key:?}");
        self.whole.retain(|prefix, _| !prefix.covers(key));
    }

    fn check(&self) {
        let now = self.unstored.iter().map(|(key, (row, _))| (key, row));
        let now: BTreeMap<&Key, &Row> = self.stored.iter().chain(now).collect();
        for key in keys() {
            assert!(self.rows.knows(&key) || !self.unstored.contains_key(&key), "{key:?} is not stored yet");
            if self.rows.knows(&key) {
                assert_eq!(self.rows.known(&key), now.get(&key).copied());
            }
        }
        for prefix in prefixes() {
            let is_whole = prefix.and_shorter().any(|prefix| self.whole.contains_key(&prefix));
            assert_eq!(self.rows.knows_all(&prefix), is_whole, "{prefix:?}");
            if is_whole {
                let under = now.iter().filter(|(key, _)| prefix.covers(**key));
                let (keys, under): (Vec<&Key>, Vec<&Row>) = under.map(|(key, row)| (*key, *row)).unzip();
                let items: Vec<&ItemRow> = under.iter().copied().filter_map(TableRow::of).collect();
                let secrets: Vec<&SecretRow> = under.iter().copied().filter_map(TableRow::of).collect();
                assert_eq!((self.rows.under(&prefix), self.rows.under(&prefix)), (items, secrets));
                assert!(keys.into_iter().all(|key| self.rows.row(key).is_some()), "{prefix:?} is held");
            }
        }
        let young = |generation: &u32| *generation == self.rows.generation;
        let slots = self.rows.slots.values().filter(|slot| young(&slot.generation)).count();
        assert_eq!(self.rows.young, slots + self.whole.values().filter(|it| young(it)).count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_known_of_rows_and_ranges_is_so(acts in prop::collection::vec(act(), 1..60)) {
        let mut model = Model::default();
        for act in acts {
            model.act(act);
            model.check();
        }
    }
}

fn shelf(shop: u64, shelf: u64) -> Prefix<Table> {
    Prefix::of::<ItemRow>((shop, shelf))
}

#[test]
fn a_prefix_is_the_beginning_of_a_key() {
    let key = item(1, 2, 3)(4).key();
    assert!(shelf(1, 2).covers(&key) && !shelf(1, 3).covers(&key) && !shelf(2, 2).covers(&key));
    assert!(!Prefix::of::<SecretRow>((1,)).covers(&key), "another table");
    assert_eq!(Prefix::over(&key), [Prefix::of::<ItemRow>((1,)), shelf(1, 2)]);
    assert_eq!(Prefix::over(&Key::OWN), [], "one column leaves nothing open");
}

/// A replay holds all that there is, of every range too.
#[test]
fn a_complete_set_has_every_range() {
    let mut rows = WorkingSet::<Row>::complete();
    [item(1, 2, 9), item(1, 2, 3), item(1, 1, 1), item(2, 2, 2)].iter().for_each(|row| rows.put(row(5)));
    let items: Vec<u64> = rows.under(&shelf(1, 2)).into_iter().map(|row: &ItemRow| row.item).collect();
    assert_eq!(items, [3, 9]);
    assert_eq!(rows.under::<ItemRow>(&shelf(3, 0)), [] as [&ItemRow; 0]);
}

#[test]
#[should_panic(expected = "a range of item was decided on before it was loaded")]
fn a_range_that_was_not_loaded_is_not_guessed_from_its_rows() {
    let mut rows = WorkingSet::<Row>::default();
    rows.learn(item(1, 2, 3)(4).key(), Some(item(1, 2, 3)(4)));
    rows.under::<ItemRow>(&shelf(1, 2));
}
