//! Asking again with the same id while an outcome is not known, until the caller's patience ends.

use super::Exit;
use super::client::{OutputArgs, Server};
use super::failure::{Fate, fate};
use super::print::note;
use crate::transport::backoff::Backoff;
use std::time::{Duration, Instant};
use tonic::Status;

/// Less than this is not worth another call: servers refuse deadlines under half a second.
const LEAST: Duration = Duration::from_secs(1);
/// The longest deadline that a server takes.
const CALL_MOST: Duration = Duration::from_secs(60);

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait so long, then ask again.
    Again(Duration),
    /// End with this exit code.
    Stop(Exit),
}

/// One thing that is asked for until it is known.
#[derive(Debug)]
pub struct Pursuit {
    until: Instant,
    maybe_done: bool,
    backoff: Backoff,
}

impl Pursuit {
    /// Begins now. `asked_before`: an earlier command may have used the same id.
    pub fn new(now: Instant, patience: Duration, asked_before: bool) -> Pursuit {
        Pursuit { until: now + patience, maybe_done: asked_before, backoff: Backoff::new(100, 2_000) }
    }

    /// The deadline for the next attempt.
    pub fn left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now).clamp(Duration::from_millis(1), CALL_MOST)
    }

    /// What to do after an attempt with this fate.
    pub fn after(&mut self, fate: Fate, now: Instant) -> Next {
        match fate {
            Fate::Refused => return Next::Stop(Exit::Refused),
            Fate::NotTaken => {}
            Fate::Unknown => self.maybe_done = true,
        }
        let wait = self.backoff.wait();
        if now + wait + LEAST <= self.until {
            Next::Again(wait)
        } else if self.maybe_done {
            Next::Stop(Exit::Unknown)
        } else {
            Next::Stop(Exit::Refused)
        }
    }
}

/// Asks until `judge` says that the outcome is known, or patience ends; the exit code, and the last answer.
pub async fn pursue<T>(
    server: &Server,
    asked_before: bool,
    mut ask: impl AsyncFnMut(Duration) -> Result<T, Status>,
    judge: impl Fn(&Result<T, Status>) -> Result<Exit, Fate>,
) -> (Exit, Result<T, Status>) {
    let mut pursuit = Pursuit::new(Instant::now(), server.timeout(), asked_before);
    loop {
        let answer = ask(pursuit.left(Instant::now())).await;
        let outcome = match judge(&answer) {
            Ok(exit) => return (exit, answer),
            Err(fate) => fate,
        };
        match pursuit.after(outcome, Instant::now()) {
            Next::Again(wait) => tokio::time::sleep(wait).await,
            Next::Stop(exit) => return (exit, answer),
        }
    }
}

/// Carries out a change that a node confirms by answering: the same request, with its id, until its fate is known.
/// Otherwise the last answer is reported, with `advice` when it is not known, and the exit code says which it is.
pub async fn carry_out<T>(
    server: &Server,
    output: OutputArgs,
    advice: &str,
    ask: impl AsyncFnMut(Duration) -> Result<T, Status>,
) -> Result<T, Exit> {
    let known = |answer: &Result<T, Status>| answer.as_ref().map(|_| Exit::Done).map_err(fate);
    let (exit, answer) = pursue(server, false, ask, known).await;
    answer.map_err(|status| {
        server.failed(status).report(output);
        if exit == Exit::Unknown {
            note(format!("gongji: not known yet; {advice}"));
        }
        exit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn a_refusal_ends_it_at_once() {
        let now = Instant::now();
        assert_eq!(Pursuit::new(now, PATIENCE, true).after(Fate::Refused, now), Next::Stop(Exit::Refused));
    }

    #[test]
    fn it_asks_again_with_growing_waits_until_patience_ends() {
        let start = Instant::now();
        let mut pursuit = Pursuit::new(start, PATIENCE, false);
        let (mut now, mut calls) = (start, 0);
        let end = loop {
            calls += 1;
            match pursuit.after(Fate::Unknown, now) {
                Next::Again(wait) => now += wait,
                Next::Stop(exit) => break exit,
            }
        };
        assert_eq!(end, Exit::Unknown);
        assert!((8..40).contains(&calls), "{calls} calls");
        assert!(now - start <= PATIENCE - LEAST);
        assert!(pursuit.left(now) >= LEAST);
    }

    #[test]
    fn what_was_never_taken_is_no_unknown_outcome() {
        let now = Instant::now();
        let late = now + PATIENCE;
        assert_eq!(Pursuit::new(now, PATIENCE, false).after(Fate::NotTaken, late), Next::Stop(Exit::Refused));
        assert_eq!(Pursuit::new(now, PATIENCE, true).after(Fate::NotTaken, late), Next::Stop(Exit::Unknown));
        let mut once = Pursuit::new(now, PATIENCE, false);
        assert!(matches!(once.after(Fate::Unknown, now), Next::Again(_)));
        assert_eq!(
            once.after(Fate::NotTaken, late),
            Next::Stop(Exit::Unknown),
            "the first call may have done it"
        );
    }

    #[test]
    fn deadlines_stay_within_what_servers_take() {
        let now = Instant::now();
        let pursuit = Pursuit::new(now, Duration::from_secs(600), false);
        assert_eq!(pursuit.left(now), CALL_MOST);
        assert!(!pursuit.left(now + Duration::from_secs(601)).is_zero());
    }
}
