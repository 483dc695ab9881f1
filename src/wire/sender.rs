//! The mark that every message between hub and node carries.

use crate::domain::protocol::PeerMark;
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, Digest, StartId};
use crate::proto::types;
use crate::wire::reader::{Path, Violations, digest, whole};
use crate::wire::status::Problem;
use crate::wire::time::civil;

/// How far the sender's journal has come, in the words of the wire.
pub fn sender_to_proto(mark: &PeerMark) -> types::Sender {
    types::Sender {
        incarnation: mark.incarnation,
        start_id: mark.start_id.0.to_vec(),
        sequence: mark.sequence,
        head_hash: mark.head_hash.0.to_vec(),
        clock_time: None,
        lineage: Vec::new(),
    }
}

/// What the sender's civil clock has, if it says so.
pub fn clock_of(sender: Option<&types::Sender>) -> Option<Civil> {
    sender.and_then(|sender| sender.clock_time.as_ref()).and_then(civil)
}

/// A sender that tells which store it has, where that is known.
pub fn with_lineage(sender: types::Sender, lineage: Option<Digest>) -> types::Sender {
    types::Sender { lineage: lineage.map_or_else(Vec::new, |it| it.0.to_vec()), ..sender }
}

/// Which store the sender has, if it says so.
pub fn lineage_of(sender: Option<&types::Sender>) -> Option<Digest> {
    sender.and_then(|sender| Digest::from_slice(&sender.lineage))
}

/// No counter of a server comes near it; one that says so could bring the other side's to its end.
pub const COUNTER_END: u64 = 1 << 62;

/// Reads the field `sender`: `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn sender(sender: Option<&types::Sender>, found: &mut Violations) -> Option<PeerMark> {
    let at = Path::Root.field("sender");
    let sender = found.need(&at, Reason::FieldRequired, sender)?;
    let reason = if sender.start_id.is_empty() { Reason::FieldRequired } else { Reason::RequestMalformed };
    let start_id = found.need(&at.field("start_id"), reason, StartId::from_slice(&sender.start_id));
    let head_hash = digest(&at.field("head_hash"), &sender.head_hash, found);
    if !sender.lineage.is_empty() {
        digest(&at.field("lineage"), &sender.lineage, found)?;
    }
    let mut counter = |name, number| {
        found.need(&at.field(name), Reason::RequestMalformed, Some(number).filter(|it| *it < COUNTER_END))
    };
    let incarnation = counter("incarnation", sender.incarnation);
    let sequence = counter("sequence", sender.sequence);
    Some(PeerMark {
        incarnation: incarnation?,
        start_id: start_id?,
        sequence: sequence?,
        head_hash: head_hash?,
    })
}

/// Reads the sender of an answer, where it is all that is wanted.
///
/// # Errors
/// Those of [`sender`].
pub fn sender_from_proto(mark: Option<&types::Sender>) -> Result<PeerMark, Problem> {
    whole(|found| sender(mark, found))
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
