//! The two clocks that everything is handed: monotonic for deadlines, civil for rules.

use super::timekeeper::{Doubt, LIMIT_MS, Reading, Timekeeper};
use crate::domain::value::{Civil, Mono, Now, ProvinceCode};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// An implausible clock is told again after so long.
const TELL_EVERY_MS: u64 = 60_000;

/// Reads both clocks, and says whether the civil one can be believed.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// This moment.
    fn read(&self) -> Reading;

    /// A time is durable now.
    fn stamp(&self, civil: Civil);

    /// What was stamped too far ahead was lowered.
    fn lower(&self, to: Civil);
}

/// The machine's clocks; the civil one may be set to begin at another time, for demonstrations.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    civil_offset_ms: i64,
    /// The civil time is made up: no other clock can speak for or against it.
    made_up: bool,
    keeper: Mutex<Timekeeper>,
    doubt: watch::Sender<Option<Doubt>>,
    told: Mutex<Option<Mono>>,
}

/// How a server's clock stands, for people who look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it reads.
    pub reading: Reading,
    /// The latest time that is durable.
    pub stamped: Option<Civil>,
    /// Peers that were heard of late, each with how far this clock is before its, in milliseconds.
    pub peers: Vec<(ProvinceCode, i64)>,
}

fn civil_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis());
    since.ok().and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SystemClock {
    /// The machine's clocks, over a journal whose last stamp is this. With `civil_start` the civil one is made up: it
    /// begins then, or at the last stamp if that is later, since time never runs backwards.
    pub fn new(civil_start: Option<Civil>, stamped: Option<Civil>) -> SystemClock {
        let begin = civil_start.map(|start| stamped.map_or(start, |stamped| start.max(stamped)));
        SystemClock {
            started: Instant::now(),
            civil_offset_ms: begin.map_or(0, |begin| begin.0 - civil_ms()),
            made_up: begin.is_some(),
            keeper: Mutex::new(Timekeeper::new(LIMIT_MS, stamped.filter(|_| begin.is_none()))),
            doubt: watch::Sender::new(None),
            told: Mutex::new(None),
        }
    }

    /// This moment, as it may be shown.
    pub fn now(&self) -> Now {
        self.read().now
    }

    fn wall(&self) -> Now {
        let mono = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono(mono), civil: Civil(civil_ms().saturating_add(self.civil_offset_ms)) }
    }

    /// What peers are told of this clock, believed here or not: two that agree are right. Nothing when it is made up.
    pub fn told_to_peers(&self) -> Option<Civil> {
        (!self.made_up).then(|| self.wall().civil)
    }

    /// A peer has said what its clock has.
    pub fn hear(&self, peer: ProvinceCode, civil: Civil) {
        if !self.made_up {
            lock(&self.keeper).hear(peer, self.wall().mono, civil);
            self.read();
        }
    }

    /// Two operators have said that the clock is right, as it is now.
    pub fn accept(&self) {
        lock(&self.keeper).accept(self.wall());
        self.read();
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let reading = self.read();
        let keeper = lock(&self.keeper);
        Standing { reading, stamped: keeper.stamped(), peers: keeper.peers(self.wall()) }
    }

    /// Follows whether it is believed.
    pub fn doubts(&self) -> watch::Receiver<Option<Doubt>> {
        self.doubt.subscribe()
    }

    /// Says at once, and then rarely, that the clock is not believed.
    fn tell(&self, reading: &Reading) {
        let mut told = lock(&self.told);
        match (reading.doubt, *told) {
            (Some(doubt), before) => {
                let again = before.is_none_or(|at| reading.now.mono.0.saturating_sub(at.0) >= TELL_EVERY_MS);
                if again {
                    *told = Some(reading.now.mono);
                    tracing::error!(
                        why = doubt.name(),
                        off_s = doubt.off_ms() / 1_000,
                        "ALARM: the civil clock is not believed: nothing is decided until it is right again, most \
                         peers confirm it, or two operators accept it (`gongji clock`)"
                    );
                }
            }
            (None, Some(_)) => {
                *told = None;
                tracing::warn!("the civil clock is believed again");
            }
            (None, None) => {}
        }
        drop(told);
        self.doubt.send_if_modified(|known| {
            std::mem::replace(known, reading.doubt).is_some() != reading.doubt.is_some()
        });
    }
}

impl Clock for SystemClock {
    fn read(&self) -> Reading {
        let reading = lock(&self.keeper).read(self.wall());
        self.tell(&reading);
        reading
    }

    fn stamp(&self, civil: Civil) {
        lock(&self.keeper).stamp(civil);
    }

    fn lower(&self, to: Civil) {
        lock(&self.keeper).lower(to);
        self.read();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3_600_000;

    fn real() -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        i64::try_from(since.as_millis()).expect("small")
    }

    fn is_near(civil: Civil, expected: i64) -> bool {
        (civil.0 - expected).abs() < 60_000
    }

    #[test]
    fn the_machine_s_clock_is_given_and_peers_are_told_and_heard() {
        let clock = SystemClock::new(None, None);
        assert!(is_near(clock.now().civil, real()));
        assert!(clock.told_to_peers().is_some_and(|civil| is_near(civil, real())));
        clock.hear(ProvinceCode::new(13), Civil(real()));
        assert_eq!(clock.standing().peers.len(), 1);
        clock.stamp(Civil(real()));
        assert!(clock.standing().stamped.is_some_and(|civil| is_near(civil, real())));
    }

    #[test]
    fn a_clock_that_is_made_up_speaks_for_no_other_and_none_for_it() {
        let begin = 1_795_233_600_000;
        let clock = SystemClock::new(Some(Civil(begin)), None);
        assert!(is_near(clock.now().civil, begin));
        assert_eq!(clock.told_to_peers(), None);
        clock.hear(ProvinceCode::new(13), Civil(real()));
        assert_eq!(clock.standing().peers, []);
    }

    #[test]
    fn two_operators_accept_a_clock_or_lower_what_was_stamped_and_whoever_follows_it_is_told() {
        let ahead = SystemClock::new(None, Some(Civil(real() - DAY)));
        let doubts = ahead.doubts();
        assert!(matches!(ahead.read().doubt, Some(Doubt::AheadOfJournal(_))));
        assert!(doubts.borrow().is_some());
        ahead.accept();
        assert_eq!((ahead.read().doubt, *doubts.borrow()), (None, None));

        let behind = SystemClock::new(None, Some(Civil(real() + DAY)));
        let doubts = behind.doubts();
        assert!(matches!(behind.read().doubt, Some(Doubt::BehindJournal(_))));
        assert!(doubts.borrow().is_some());
        behind.lower(Civil(real()));
        assert_eq!(*doubts.borrow(), None, "without another look");
    }
}
