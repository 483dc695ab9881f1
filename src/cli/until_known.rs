//! Asking again with the same id while an outcome is not known, until the caller's patience ends.

use super::Exit;
use super::client::Server;
use super::failure::{CallOutcome, classify};
use super::json::unknown;
use super::output::{OutputArgs, note};
use crate::proto::Method;
use crate::transport::backoff::Backoff;
use serde_json::Value;
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
pub struct RetryUntilKnown {
    until: Instant,
    maybe_done: bool,
    backoff: Backoff,
}

impl RetryUntilKnown {
    /// Begins now. `asked_before`: an earlier command may have used the same id.
    pub fn new(now: Instant, patience: Duration, asked_before: bool) -> RetryUntilKnown {
        RetryUntilKnown { until: now + patience, maybe_done: asked_before, backoff: Backoff::new(100, 2_000) }
    }

    /// The deadline for the next attempt.
    pub fn left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now).clamp(Duration::from_millis(1), CALL_MOST)
    }

    /// What to do after an attempt that ended so.
    pub fn after(&mut self, outcome: CallOutcome, now: Instant) -> Next {
        match outcome {
            CallOutcome::Refused => return Next::Stop(Exit::Refused),
            CallOutcome::NotHeard => return Next::Stop(self.given_up()),
            CallOutcome::NotTaken => {}
            CallOutcome::Unknown => self.maybe_done = true,
        }
        let wait = self.backoff.wait();
        if now + wait + LEAST <= self.until { Next::Again(wait) } else { Next::Stop(self.given_up()) }
    }

    /// What was not heard says nothing of what may have been done before.
    fn given_up(&self) -> Exit {
        if self.maybe_done { Exit::Unknown } else { Exit::Refused }
    }
}

/// One thing that a server is asked to do, until it is known whether it is done.
pub struct Request<'a> {
    /// Who is asked.
    pub server: &'a Server,
    /// How the answer is printed.
    pub output: OutputArgs,
    /// What names it in every call, as the contract calls the field: the same in each repeat.
    pub id: (&'static str, &'a str),
    /// Whether an earlier command may have used the same id.
    pub asked_before: bool,
    /// What to do when it is not known.
    pub advice: String,
}

impl Request<'_> {
    /// Sends the same message until `settled` says that what `part` takes out of its answer is the last word, or
    /// patience ends. Then prints the last answer, by what `shown` makes of it for programs and for people, or the
    /// error.
    pub async fn until_known<M: Method, T>(
        &self,
        message: M,
        part: impl Fn(M::Answer) -> Result<T, Status>,
        settled: impl Fn(&T) -> Option<Exit>,
        shown: impl Fn(&T) -> (Value, String),
    ) -> Exit {
        let mut retry = RetryUntilKnown::new(Instant::now(), self.server.timeout(), self.asked_before);
        loop {
            let answer = self.server.peer().call(message.clone(), retry.left(Instant::now())).await;
            let answer = answer.and_then(&part);
            let outcome = match answer.as_ref().map(&settled) {
                Ok(Some(exit)) => return self.end(exit, answer.map(|it| shown(&it))),
                Ok(None) => CallOutcome::Unknown,
                Err(status) => classify(status),
            };
            match retry.after(outcome, Instant::now()) {
                Next::Again(wait) => tokio::time::sleep(wait).await,
                Next::Stop(exit) => return self.end(exit, answer.map(|it| shown(&it))),
            }
        }
    }

    fn end(&self, exit: Exit, answer: Result<(Value, String), Status>) -> Exit {
        let not_taken = matches!(&answer, Err(status) if classify(status) == CallOutcome::NotTaken);
        let failed = answer.is_err();
        let document = |it| if exit == Exit::Unknown { unknown(it, Some(self.id)) } else { it };
        match answer {
            Ok((json, text)) => self.output.print(|| document(json), || text),
            Err(status) => self.server.failed(status).report_as(self.output, document),
        }
        match exit {
            Exit::Unknown => note(format!("gongji: not known yet; {}", self.advice)),
            Exit::Refused if not_taken => note("gongji: the server took nothing; the id is still free"),
            Exit::Refused if failed && self.asked_before => {
                note(format!("gongji: this says nothing of an earlier call with this id; {}", self.advice));
            }
            Exit::Done | Exit::Refused | Exit::Usage => {}
        }
        exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn a_refusal_ends_it_at_once() {
        let now = Instant::now();
        assert_eq!(
            RetryUntilKnown::new(now, PATIENCE, true).after(CallOutcome::Refused, now),
            Next::Stop(Exit::Refused)
        );
    }

    #[test]
    fn it_asks_again_with_growing_waits_until_patience_ends() {
        let start = Instant::now();
        let mut retry = RetryUntilKnown::new(start, PATIENCE, false);
        let (mut now, mut calls) = (start, 0);
        let end = loop {
            calls += 1;
            match retry.after(CallOutcome::Unknown, now) {
                Next::Again(wait) => now += wait,
                Next::Stop(exit) => break exit,
            }
        };
        assert_eq!(end, Exit::Unknown);
        assert!((8..40).contains(&calls), "{calls} calls");
        assert!(now - start <= PATIENCE - LEAST);
        assert!(retry.left(now) >= LEAST);
    }

    #[test]
    fn what_was_never_taken_is_no_unknown_outcome() {
        let now = Instant::now();
        let late = now + PATIENCE;
        assert_eq!(
            RetryUntilKnown::new(now, PATIENCE, false).after(CallOutcome::NotTaken, late),
            Next::Stop(Exit::Refused)
        );
        assert_eq!(
            RetryUntilKnown::new(now, PATIENCE, true).after(CallOutcome::NotTaken, late),
            Next::Stop(Exit::Unknown)
        );
        let mut once = RetryUntilKnown::new(now, PATIENCE, false);
        assert!(matches!(once.after(CallOutcome::Unknown, now), Next::Again(_)));
        assert_eq!(
            once.after(CallOutcome::NotTaken, late),
            Next::Stop(Exit::Unknown),
            "the first call may have done it"
        );
    }

    #[test]
    fn who_is_not_heard_learns_nothing_of_what_was_asked_before() {
        let now = Instant::now();
        for (asked_before, expected) in [(true, Exit::Unknown), (false, Exit::Refused)] {
            let mut retry = RetryUntilKnown::new(now, PATIENCE, asked_before);
            assert_eq!(retry.after(CallOutcome::NotHeard, now), Next::Stop(expected));
        }
    }

    #[test]
    fn deadlines_stay_within_what_servers_take() {
        let now = Instant::now();
        let retry = RetryUntilKnown::new(now, Duration::from_secs(600), false);
        assert_eq!(retry.left(now), CALL_MOST);
        assert!(!retry.left(now + Duration::from_secs(601)).is_zero());
    }
}
