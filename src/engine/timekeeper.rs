//! Whether this server's civil clock can be believed. What is stamped with a wrong time stays wrong, so an implausible
//! clock stops what stamps before anything is stamped; see `docs/operate/time.md`.

use crate::domain::value::{Civil, Mono, Now, ProvinceCode};
use std::collections::BTreeMap;

/// How far a clock may be off, in milliseconds, unless the configuration says otherwise. Provinces keep their clocks
/// by NTP, within milliseconds; 30 s is what a call between servers may take at the very most.
pub const LIMIT_MS: i64 = 30_000;
/// Time is slewed by one part of so many: a step of 30 s is taken up in ten minutes, and no duration is off by more.
const SLEW_PART: i64 = 20;
/// A peer's clock counts for so long after it was heard; nodes announce themselves every 10 s.
const FRESH_MS: u64 = 60_000;

/// Why a clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It was stepped by so many milliseconds (less than zero: back) against the monotonic clock while this ran.
    Stepped(i64),
    /// At the start it is so many milliseconds later than the journal's last stamp: it stood still, or is wrong.
    AheadOfJournal(i64),
    /// It is so many milliseconds behind the latest time that is stamped in the journal.
    BehindJournal(i64),
    /// Most peers that were heard have another time: this clock is so many milliseconds before that of the middle one.
    Denied(i64),
}

impl Doubt {
    /// What the clock is off by, in milliseconds; less than zero: it is behind.
    pub fn off_ms(self) -> i64 {
        match self {
            Doubt::Stepped(off) | Doubt::AheadOfJournal(off) | Doubt::Denied(off) => off,
            Doubt::BehindJournal(behind) => behind.saturating_neg(),
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Doubt::Stepped(_) => "STEPPED",
            Doubt::AheadOfJournal(_) => "AHEAD_OF_JOURNAL",
            Doubt::BehindJournal(_) => "BEHIND_JOURNAL",
            Doubt::Denied(_) => "DENIED_BY_PEERS",
        }
    }
}

/// A look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What may be stamped, if the clock is believed. Otherwise the time that goes on from what was believed last.
    pub now: Now,
    /// The civil clock as the machine has it.
    pub wall: Civil,
    /// Why it is not believed; nothing: it is.
    pub doubt: Option<Doubt>,
}

/// A peer's clock as it was heard.
#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Mono,
    civil: Civil,
}

/// Compares the civil clock with the monotonic one, with the journal's last stamp and with the peers' clocks.
#[derive(Clone, Debug)]
pub struct Timekeeper {
    limit_ms: i64,
    /// The latest time that is durable.
    stamped: Option<Civil>,
    /// Time as it was given last, in microseconds of civil time, and when.
    given: Option<(Mono, i64)>,
    heard: BTreeMap<ProvinceCode, Heard>,
    /// Something but the clock itself has spoken for it since the start.
    vouched: bool,
    /// Two operators have: what peers say does not count until the clock is stepped.
    accepted: bool,
    /// Since when the clock is off by more than the limit.
    stepped_at: Option<Mono>,
    doubt: Option<Doubt>,
}

fn micros(civil: Civil) -> i64 {
    civil.0.saturating_mul(1_000)
}

impl Timekeeper {
    /// Of a server whose journal's last stamp is this; nothing: it has none.
    pub fn new(limit_ms: i64, stamped: Option<Civil>) -> Timekeeper {
        Timekeeper {
            limit_ms,
            stamped,
            given: None,
            heard: BTreeMap::new(),
            vouched: false,
            accepted: false,
            stepped_at: None,
            doubt: None,
        }
    }

    /// Takes the machine's clocks, and gives what goes by them.
    pub fn read(&mut self, wall: Now) -> Reading {
        let (at, held) = match self.given {
            Some((at, given)) => (at, given.saturating_add(self.since(at, wall.mono))),
            None => (wall.mono, self.begin(wall.civil)),
        };
        let off = wall.civil.0.saturating_sub(held.div_euclid(1_000));
        let plausible = off.saturating_abs() <= self.limit_ms;
        // What a peer said before the step does not confirm it: its own clock may have been wrong then.
        self.stepped_at = if plausible { None } else { self.stepped_at.or(Some(wall.mono)) };
        let (confirming, denying) = self.votes(wall);
        let most = confirming * 2 > confirming + denying;
        self.vouched |= most;
        let stamped = self.stamped.map_or(i64::MIN, |stamped| stamped.0);
        let behind = stamped.saturating_sub(wall.civil.0);
        if behind > self.limit_ms {
            // What is durable is not made undone by a clock: only two operators lower it.
            self.doubt = Some(Doubt::BehindJournal(behind));
        } else if !plausible && !most {
            self.doubt = Some(match self.doubt {
                Some(Doubt::AheadOfJournal(_)) => Doubt::AheadOfJournal(wall.civil.0.saturating_sub(stamped)),
                _ if self.given.is_none() => Doubt::AheadOfJournal(off),
                _ => Doubt::Stepped(off),
            });
            self.accepted = false;
        } else if self.is_denied(confirming, denying) {
            self.doubt = Some(Doubt::Denied(self.middle_off(wall)));
        } else {
            self.doubt = None;
        }
        let given = match self.doubt {
            Some(_) => held,
            None if plausible => {
                held.saturating_add(self.slew(micros(wall.civil).saturating_sub(held), at, wall.mono))
            }
            None => micros(wall.civil).max(stamped.saturating_mul(1_000)),
        };
        self.given = Some((wall.mono, given));
        let now = Now { mono: wall.mono, civil: Civil(given.div_euclid(1_000)) };
        Reading { now, wall: wall.civil, doubt: self.doubt }
    }

    /// The time of a start, in microseconds: the journal's last stamp until something says that more has passed.
    fn begin(&mut self, wall: Civil) -> i64 {
        let Some(stamped) = self.stamped else { return micros(wall) };
        self.vouched = wall.0.saturating_sub(stamped.0).saturating_abs() <= self.limit_ms;
        if self.vouched { micros(wall.max(stamped)) } else { micros(stamped) }
    }

    fn since(&self, at: Mono, now: Mono) -> i64 {
        i64::try_from(now.0.saturating_sub(at.0)).unwrap_or(i64::MAX).saturating_mul(1_000)
    }

    /// What of a small difference is taken up by now.
    fn slew(&self, off: i64, at: Mono, now: Mono) -> i64 {
        let most = self.since(at, now) / SLEW_PART;
        off.clamp(most.saturating_neg(), most)
    }

    /// How many peers have this time, and how many have another.
    fn votes(&self, wall: Now) -> (usize, usize) {
        let (confirming, denying): (Vec<_>, Vec<_>) =
            self.peers(wall).into_iter().partition(|(_, off)| off.saturating_abs() <= self.limit_ms);
        let since = self.stepped_at.unwrap_or_default();
        let said_since = |peer: &ProvinceCode| self.heard.get(peer).is_some_and(|it| it.at >= since);
        let confirming = confirming.iter().filter(|(peer, _)| said_since(peer)).count();
        (confirming, denying.len())
    }

    fn middle_off(&self, wall: Now) -> i64 {
        let mut offs: Vec<i64> = self.peers(wall).into_iter().map(|(_, off)| off).collect();
        offs.sort_unstable();
        offs.get(offs.len() / 2).copied().unwrap_or(0)
    }

    /// Most peers stop a clock that nothing else speaks for; one that something has spoken for is not stopped by one of
    /// them alone, whose own may be wrong.
    fn is_denied(&self, confirming: usize, denying: usize) -> bool {
        let enough = if self.vouched { 2 } else { 1 };
        !self.accepted && denying > confirming && denying >= enough
    }

    /// A peer has said what its clock has.
    pub fn hear(&mut self, peer: ProvinceCode, at: Mono, civil: Civil) {
        self.heard.insert(peer, Heard { at, civil });
    }

    /// A time is durable now.
    pub fn stamp(&mut self, civil: Civil) {
        self.stamped = self.stamped.max(Some(civil));
    }

    /// Two operators have said that the clock is right, as it is now.
    pub fn accept(&mut self, wall: Now) {
        self.accepted = true;
        self.vouched = true;
        let stamped = self.stamped.map_or(i64::MIN, |stamped| stamped.0);
        self.given = Some((wall.mono, micros(wall.civil).max(stamped.saturating_mul(1_000))));
    }

    /// Two operators have lowered what was stamped.
    pub fn lower(&mut self, to: Civil) {
        self.stamped = Some(to);
        let at = self.given.map_or(Mono(0), |(at, _)| at);
        self.given = Some((at, micros(to)));
    }

    /// Peers that were heard of late, each with how far this clock is before its, in milliseconds.
    pub fn peers(&self, wall: Now) -> Vec<(ProvinceCode, i64)> {
        let fresh = self.heard.iter().filter(|(_, it)| wall.mono.0.saturating_sub(it.at.0) <= FRESH_MS);
        let off = |(peer, it): (&ProvinceCode, &Heard)| {
            let passed = i64::try_from(wall.mono.0.saturating_sub(it.at.0)).unwrap_or(i64::MAX);
            (*peer, wall.civil.0.saturating_sub(it.civil.0.saturating_add(passed)))
        };
        fresh.map(off).collect()
    }

    /// The latest time that is durable.
    pub fn stamped(&self) -> Option<Civil> {
        self.stamped
    }
}

#[cfg(test)]
#[path = "timekeeper_tests.rs"]
mod tests;
