//! `[limits]`: what a server takes on at once.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use serde::Deserialize;
use toml::Spanned;

/// Bounds on work, message size and time. Every key may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Inputs that may wait for the writer or be under way; more are refused as overload. Default 100000, 1 to 1000000.
    pub in_flight_max: usize,
    /// Largest message in either direction, in bytes. Default 8388608 (8 MiB: 1,000 items, each with a refusal and its
    /// details); 1048576 to 67108864.
    pub message_bytes_max: usize,
    /// Calls that one connection may have open. Default 1024, 1 to 65536.
    pub streams_max: u32,
    /// Hub: calls of one province with questions about legs in doubt (Resolve) that are worked on at once; more are
    /// refused as overload, and the node asks again. Default 2, 1 to 1000.
    pub inquiries_max: usize,
    /// Hub: how often a caller may ask about the same payer on one day, by checks and by transfers that his node has
    /// refused. Default 10, 1 to 1000000.
    pub payer_tries_max: u32,
    /// The same of a payee. Default 20, 1 to 1000000.
    pub payee_tries_max: u32,
    /// Hub: of how many persons a caller may name a wrong name on one day, before it may not check any more that day.
    /// Default 10000, 1 to 1000000000.
    pub caller_guesses_max: u32,
    /// Time for a call whose client gave no deadline, in milliseconds. Default 10000.
    pub deadline_default_ms: u64,
    /// A longer deadline of a client is cut to this, in milliseconds. Default 60000, at most 600000.
    pub deadline_max_ms: u64,
    /// A shorter deadline is refused as DEADLINE_TOO_SHORT, in milliseconds. Default 500, at least 1.
    pub deadline_min_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            in_flight_max: 100_000,
            message_bytes_max: 8 << 20,
            streams_max: 1024,
            inquiries_max: 2,
            payer_tries_max: 10,
            payee_tries_max: 20,
            caller_guesses_max: 10_000,
            deadline_default_ms: 10_000,
            deadline_max_ms: 60_000,
            deadline_min_ms: 500,
        }
    }
}

impl Limits {
    /// The limits of a file: each in its range, `deadline_min_ms` ≤ `deadline_default_ms` ≤ `deadline_max_ms`.
    pub(super) fn of(limits: Option<Spanned<Limits>>, source: &Source) -> Result<Limits, ConfigError> {
        let Some(spanned) = limits else {
            return Ok(Limits::default());
        };
        let span = spanned.span();
        let limits = spanned.into_inner();
        let wrong = [
            ("in_flight_max is 1 to 1000000", !(1..=1_000_000).contains(&limits.in_flight_max)),
            (
                "message_bytes_max is 1048576 to 67108864",
                !(1 << 20..=64 << 20).contains(&limits.message_bytes_max),
            ),
            ("streams_max is 1 to 65536", !(1..=65_536).contains(&limits.streams_max)),
            ("inquiries_max is 1 to 1000", !(1..=1_000).contains(&limits.inquiries_max)),
            ("payer_tries_max is 1 to 1000000", !(1..=1_000_000).contains(&limits.payer_tries_max)),
            ("payee_tries_max is 1 to 1000000", !(1..=1_000_000).contains(&limits.payee_tries_max)),
            (
                "caller_guesses_max is 1 to 1000000000",
                !(1..=1_000_000_000).contains(&limits.caller_guesses_max),
            ),
            ("deadline_min_ms is at least 1", limits.deadline_min_ms == 0),
            ("deadline_max_ms is at most 600000", limits.deadline_max_ms > 600_000),
            (
                "deadline_default_ms lies between deadline_min_ms and deadline_max_ms",
                !(limits.deadline_min_ms..=limits.deadline_max_ms).contains(&limits.deadline_default_ms),
            ),
        ];
        match wrong.iter().find(|(_, wrong)| *wrong) {
            Some((rule, _)) => {
                Err(source.error(Some(span), format!("[limits]: {rule}"), "correct the value"))
            }
            None => Ok(limits),
        }
    }
}
