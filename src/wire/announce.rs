//! AnnounceNode: what a node says of itself, and of what it has seen of the hub.

use crate::domain::hub::Announcement;
use crate::domain::machine::own::PeerMark;
use crate::domain::reason::Reason;
use crate::domain::value::id::Digest;
use crate::domain::value::region::ProvinceCode;
use crate::proto::hub;
use crate::wire::leg::{sender, sender_to_proto};
use crate::wire::reader::{Path, Violations, digest};
use crate::wire::status::Problem;

/// A node's announcement.
pub fn announcement_to_proto(
    node: &PeerMark,
    hub_seen: Option<PeerMark>,
    proof: Option<(u64, Option<Digest>)>,
    again: bool,
) -> hub::AnnounceNodeRequest {
    let proof = proof.map(|(sequence, hash)| hub::JournalProof {
        sequence,
        hash: hash.map(|hash| hash.0.to_vec()).unwrap_or_default(),
    });
    hub::AnnounceNodeRequest {
        sender: Some(sender_to_proto(node)),
        province_code: String::new(),
        hub_seen: hub_seen.as_ref().map(sender_to_proto),
        proof,
        again,
    }
}

/// Reads an announcement, and what the node has seen of the hub; `knows_us_to` is left to be found out.
///
/// # Errors
/// `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn announcement_from_proto(
    province: ProvinceCode,
    request: &hub::AnnounceNodeRequest,
) -> Result<(Announcement, Option<PeerMark>), Problem> {
    let mut found = Violations::default();
    let mark = sender(request.sender.as_ref(), &mut found);
    let hub_seen = request.hub_seen.as_ref().and_then(|seen| sender(Some(seen), &mut found));
    let hub_incarnation = hub_seen.map_or(0, |seen| seen.incarnation);
    // A journal that does not reach so far has no hash there: it proves that it was restored.
    let proof = request.proof.as_ref().and_then(|proof| {
        let at = Path::Root.field("proof");
        let hash = match proof.hash.is_empty() {
            true => Some(Digest::default()),
            false => digest(&at.field("hash"), &proof.hash, &mut found),
        };
        let hash = found.need(&at.field("hash"), Reason::RequestMalformed, hash);
        hash.map(|hash| (proof.sequence, hash))
    });
    let announcement = mark.map(|mark| Announcement {
        province,
        mark,
        proof,
        again: request.again,
        hub_incarnation,
        knows_us_to: None,
    });
    found.finish(announcement.map(|announcement| (announcement, hub_seen)))
}
