//! What stands in the records of compensations, as names and values.

use super::text::{Detail, Pairs, leg, text};
use crate::domain::machine::record::Record;
use crate::domain::value::id::hex;

/// Names and values of a record about a compensation, without its id.
pub(super) fn details(record: &Record) -> Pairs {
    match record {
        Record::CompensationProposed(it) => vec![
            ("original", text(it.original_id)),
            ("amount", text(it.amount)),
            ("reason", text(&it.reason)),
            ("terms_digest", text(hex(&it.terms_digest.0))),
            ("operator", text(&it.operator)),
            ("time", Detail::Time(it.time)),
        ],
        Record::CompensationAnswered(it) => vec![
            ("approved", Detail::Flag(it.approved)),
            ("operator", text(&it.operator)),
            ("time", Detail::Time(it.time)),
            ("decide_within_ms", Detail::Number(it.decide_within_ms)),
        ],
        Record::ReturnPrepared(it) => {
            let mut pairs = leg(&it.leg);
            pairs.extend([("original", text(it.returns)), ("account", text(it.account.name()))]);
            pairs
        }
        _ => Vec::new(),
    }
}
