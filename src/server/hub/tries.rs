//! How often a caller may ask about the same person on one day. An answer to a check says something of an account, and
//! a node's refusal of who a person is: whoever asks often enough has found a balance, or the province of a number.
//! Counts are held in memory, and begin anew with the hub and with each day.

use crate::config::limits::Limits;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::disclosure::is_of_identity;
use crate::domain::value::{BySide, Day, Digest, Side};
use crate::transport::backoff::Rarely;
use crate::transport::identity::Role;
use crate::wire::status::Problem;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Persons that are counted for, in some 40 MB at the very most.
const PERSONS_MAX: usize = 1_000_000;

/// Who asks about whom: both sides' keyed hashes of the identity number.
pub(super) type Persons = BySide<Digest>;

/// The counts of a day.
#[derive(Debug)]
pub(super) struct Tries {
    persons_max: BySide<u32>,
    guesses_max: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    day: Option<Day>,
    /// By caller and person: see [`key`].
    persons: HashMap<u128, u32>,
    /// By caller: how often a name and a number did not belong together.
    guesses: HashMap<String, u32>,
    told: Rarely,
}

/// Of a caller and a person on one side, as small as can be.
fn key(caller: &str, side: Side, person: Digest) -> u128 {
    let hash =
        Sha256::new().chain_update(person.0).chain_update([side as u8]).chain_update(caller).finalize();
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

impl Counts {
    fn on(&mut self, day: Day) -> &mut Counts {
        if self.day != Some(day) {
            (self.day, self.persons, self.guesses) = (Some(day), HashMap::new(), HashMap::new());
        }
        self
    }

    fn count(&mut self, caller: &str, side: Side, person: Digest) {
        if self.persons.len() >= PERSONS_MAX {
            // Whoever was asked about once is forgotten first.
            self.persons.retain(|_, count| *count > 1);
        }
        if self.persons.len() >= PERSONS_MAX {
            self.persons.clear();
        }
        *self.persons.entry(key(caller, side, person)).or_default() += 1;
    }
}

impl Tries {
    pub(super) fn new(limits: &Limits) -> Tries {
        let persons_max = BySide { payer: limits.payer_tries_max, payee: limits.payee_tries_max };
        Tries { persons_max, guesses_max: limits.caller_guesses_max, counts: Mutex::default() }
    }

    /// Whether this caller may ask about these two once more.
    ///
    /// # Errors
    /// `TOO_MANY_TRIES`, with the `side` whose person it is, or none where the caller has guessed too often.
    pub(super) fn may(&self, role: &Role, persons: &Persons, day: Day) -> Result<(), Problem> {
        let caller = role.to_string();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.on(day);
        let over = |side: &Side| {
            let count = counts.persons.get(&key(&caller, *side, persons[*side]));
            count.is_some_and(|count| *count >= self.persons_max[*side])
        };
        let guessed = counts.guesses.get(&caller).is_some_and(|count| *count >= self.guesses_max);
        let side = Side::BOTH.into_iter().find(over);
        if !guessed && side.is_none() {
            return Ok(());
        }
        let what = side.map_or("names that do not fit", Side::name);
        if let Some(count) = counts.told.count(&format!("{caller} {what}"), Instant::now()) {
            tracing::error!(%caller, what, count, "ALARM: a caller has asked too often about the same person");
        }
        let problem = Problem::new(Reason::TooManyTries);
        Err(side.map_or_else(|| problem.clone(), |side| problem.clone().with("side", side.name())))
    }

    /// A check of these two was answered so.
    pub(super) fn checked(&self, role: &Role, persons: &Persons, day: Day, refusals: &[RefusalRecord]) {
        let caller = role.to_string();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.on(day);
        Side::BOTH.into_iter().for_each(|side| counts.count(&caller, side, persons[side]));
        if refusals.iter().any(|it| is_of_identity(it.reason)) {
            *counts.guesses.entry(caller).or_default() += 1;
        }
    }

    /// A transfer of these two was refused by the node of one: that says as much as a check.
    pub(super) fn refused(&self, role: &Role, persons: &Persons, day: Day, (side, reason): (Side, Reason)) {
        let caller = role.to_string();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.on(day);
        counts.count(&caller, side, persons[side]);
        if is_of_identity(reason) {
            *counts.guesses.entry(caller).or_default() += 1;
        }
    }
}

#[cfg(test)]
#[path = "tries_tests.rs"]
mod tests;
