//! How often a caller may ask about the same person on one day. An answer to a check says something of an account, and
//! a node's refusal of who a person is: whoever asks often enough has found a balance, or the province of a number.
//! Counts are held in memory, and begin anew with the hub and with each day.

use crate::config::limits::Limits;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::disclosure::{can_be_guessed, is_of_identity};
use crate::domain::value::{BySide, Day, Side};
use crate::transport::backoff::Rarely;
use crate::transport::identity::Role;
use crate::wire::status::Problem;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Persons that are counted for, in some 40 MB at the very most.
const PERSONS_MAX: usize = 1_000_000;

/// Who asks about whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    role: &'a Role,
    persons: Persons,
}

/// A hash of caller, side and identity number for each side. Nobody can foresee it, and it says nothing outside of this
/// process.
type Persons = BySide<u64>;

/// The counts of a day.
#[derive(Debug)]
pub(super) struct Tries {
    persons_max: BySide<u32>,
    guesses_max: u32,
    hasher: RandomState,
    counts: Mutex<Counts>,
    /// A transfer was answered: others of its persons may be handed in.
    answered: Notify,
}

/// A transfer that is handed in and not answered yet. It may be refused, so until then it counts as if it were: many at
/// once tell no more than one after the other.
#[derive(Debug)]
pub(super) struct UnderWay {
    tries: Arc<Tries>,
    role: Role,
    persons: Persons,
}

/// What a caller has tried about one person on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tried {
    checks: u32,
    /// Transfers that his node has refused.
    refused: u32,
    /// Whether a name was tried that is not his.
    guessed: bool,
}

#[derive(Debug, Default)]
struct Counts {
    day: Option<Day>,
    /// By caller and person: see [`Persons`].
    persons: HashMap<u64, Tried>,
    /// Transfers under way, by caller and person.
    under_way: HashMap<u64, u32>,
    /// By caller: persons whose name and number did not belong together.
    guesses: HashMap<Role, u32>,
    told: Rarely,
}

impl Counts {
    fn on(&mut self, day: Day) -> &mut Counts {
        // What was asked before midnight and is answered after it brings no day back.
        if self.day < Some(day) {
            (self.day, self.persons, self.guesses) = (Some(day), HashMap::new(), HashMap::new());
        }
        self
    }

    fn of(&mut self, key: u64) -> &mut Tried {
        if self.persons.len() >= PERSONS_MAX && !self.persons.contains_key(&key) {
            // Whoever was asked about once is forgotten first, and never less than half at once.
            let mut kept = 0;
            self.persons.retain(|_, tried| {
                kept += usize::from(tried.checks + tried.refused > 1);
                tried.checks + tried.refused > 1 && kept <= PERSONS_MAX / 2
            });
        }
        self.persons.entry(key).or_default()
    }

    fn guess(&mut self, role: &Role, key: u64) {
        if !std::mem::replace(&mut self.of(key).guessed, true) {
            *self.guesses.entry(role.clone()).or_default() += 1;
        }
    }

    fn too_many(&mut self, caller: &Role, side: Option<Side>) -> Problem {
        let what = side.map_or("names that do not fit", Side::name);
        if let Some(count) = self.told.count(&format!("{caller} {what}"), Instant::now()) {
            tracing::error!(%caller, what, count, "ALARM: a caller has asked too often about the same person");
        }
        let problem = Problem::new(Reason::TooManyTries);
        side.map_or_else(|| problem.clone(), |side| problem.clone().with("side", side.name()))
    }
}

impl Tries {
    pub(super) fn new(limits: &Limits) -> Tries {
        let persons_max = BySide { payer: limits.payer_tries_max, payee: limits.payee_tries_max };
        Tries {
            persons_max,
            guesses_max: limits.caller_guesses_max,
            hasher: RandomState::new(),
            counts: Mutex::default(),
            answered: Notify::new(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks about the persons with these identity numbers.
    pub(super) fn asked<'a>(&self, role: &'a Role, numbers: BySide<impl Hash>) -> Asked<'a> {
        let persons = BySide::new(|side| self.hasher.hash_one((role, side, &numbers[side])));
        Asked { role, persons }
    }

    /// Takes a check of these two into account, before it is made: whoever goes away meanwhile has made it.
    ///
    /// # Errors
    /// `TOO_MANY_TRIES`, with the `side` whose person it is, or none where the caller has guessed too often.
    pub(super) fn check(&self, Asked { role, persons }: Asked<'_>, day: Day) -> Result<(), Problem> {
        let mut counts = self.locked();
        let counts = counts.on(day);
        if counts.guesses.get(role).is_some_and(|count| *count >= self.guesses_max) {
            return Err(counts.too_many(role, None));
        }
        let over = |side: &Side| {
            let tried = counts.persons.get(&persons[*side]).copied().unwrap_or_default();
            tried.checks + tried.refused >= self.persons_max[*side]
        };
        if let Some(side) = Side::BOTH.into_iter().find(over) {
            return Err(counts.too_many(role, Some(side)));
        }
        Side::BOTH.into_iter().for_each(|side| counts.of(persons[side]).checks += 1);
        Ok(())
    }

    /// What a check of these two has told. A side whose node has not answered was not tried.
    pub(super) fn checked(
        &self,
        Asked { role, persons }: Asked<'_>,
        answered: BySide<bool>,
        day: Day,
        refusals: &[RefusalRecord],
    ) {
        let mut counts = self.locked();
        let counts = counts.on(day);
        for side in Side::BOTH {
            let key = persons[side];
            if !answered[side] {
                let tried = counts.of(key);
                tried.checks = tried.checks.saturating_sub(1);
            }
            let guessed = |it: &RefusalRecord| it.side.of_node() == Some(side) && is_of_identity(it.reason);
            if refusals.iter().any(guessed) {
                counts.guess(role, key);
            }
        }
    }

    /// Takes up a transfer of these two, once so few others of theirs are under way that all may be refused. Checks
    /// alone keep nobody from paying.
    ///
    /// # Errors
    /// `TOO_MANY_TRIES` when nodes have refused too many, with the `side` whose person it is.
    pub(super) async fn pay(self: &Arc<Tries>, asked: Asked<'_>, day: Day) -> Result<UnderWay, Problem> {
        loop {
            let mut answered = pin!(self.answered.notified());
            answered.as_mut().enable();
            match self.pay_at_once(asked, day)? {
                Some(under_way) => return Ok(under_way),
                None => answered.await,
            }
        }
    }

    /// The same, where none of them is waited for. None: wait.
    ///
    /// # Errors
    /// As of `pay`.
    pub(super) fn pay_at_once(
        self: &Arc<Tries>,
        Asked { role, persons }: Asked<'_>,
        day: Day,
    ) -> Result<Option<UnderWay>, Problem> {
        let mut counts = self.locked();
        let counts = counts.on(day);
        let refused = |side: Side| counts.persons.get(&persons[side]).map_or(0, |tried| tried.refused);
        if let Some(side) = Side::BOTH.into_iter().find(|side| refused(*side) >= self.persons_max[*side]) {
            return Err(counts.too_many(role, Some(side)));
        }
        let others = |side: Side| counts.under_way.get(&persons[side]).copied().unwrap_or_default();
        if Side::BOTH.into_iter().any(|side| refused(side) + others(side) >= self.persons_max[side]) {
            return Ok(None);
        }
        persons.into_array().into_iter().for_each(|key| *counts.under_way.entry(key).or_default() += 1);
        Ok(Some(UnderWay { tries: Arc::clone(self), role: role.clone(), persons }))
    }
}

impl UnderWay {
    /// The transfer was refused by the node of one, for what that knows of him: that says as much as a check.
    pub(super) fn refused(&self, day: Day, (side, reason): (Side, Reason)) {
        if !can_be_guessed(reason) {
            return;
        }
        let mut counts = self.tries.locked();
        let counts = counts.on(day);
        counts.of(self.persons[side]).refused += 1;
        if is_of_identity(reason) {
            counts.guess(&self.role, self.persons[side]);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut counts = self.tries.locked();
        for key in self.persons.into_array() {
            if let Entry::Occupied(mut others) = counts.under_way.entry(key) {
                *others.get_mut() -= 1;
                if *others.get() == 0 {
                    others.remove();
                }
            }
        }
        drop(counts);
        self.tries.answered.notify_waiters();
    }
}

#[cfg(test)]
#[path = "tries_tests.rs"]
mod tests;
