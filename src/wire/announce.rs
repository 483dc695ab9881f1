//! AnnounceNode: what a node says of itself, and of what it has seen of the hub.

use crate::domain::protocol::{Announcement, PROTOCOL_VERSION, PeerMark};
use crate::domain::reason::Reason;
use crate::domain::value::Digest;
use crate::proto::{hub, types};
use crate::wire::reader::{Path, Violations, digest};
use crate::wire::sender::{lineage_of, sender, sender_to_proto, with_lineage};
use crate::wire::status::Problem;

/// What our own node can do of all that a node may do without.
const CAPABILITIES: [hub::NodeCapability; 5] = [
    hub::NodeCapability::Acceptance,
    hub::NodeCapability::Compensation,
    hub::NodeCapability::Audit,
    hub::NodeCapability::WindowCuts,
    hub::NodeCapability::InspectParts,
];

/// A node's announcement.
pub fn announcement_to_proto(sender: types::Sender, announcement: &Announcement) -> hub::AnnounceNodeRequest {
    let none = Digest::default();
    let proof = announcement.proof.map(|(sequence, hash)| hub::JournalProof {
        sequence,
        hash: if hash == none { Vec::new() } else { hash.0.to_vec() },
    });
    let hub_seen = announcement.hub_seen.as_ref().map(sender_to_proto);
    let hub_seen = hub_seen.map(|seen| with_lineage(seen, announcement.hub_lineage));
    hub::AnnounceNodeRequest {
        sender: Some(with_lineage(sender, announcement.lineage)),
        province_code: String::new(),
        hub_seen,
        proof,
        again: announcement.again,
        restored: announcement.restored,
        protocol_version: PROTOCOL_VERSION,
        capabilities: CAPABILITIES.map(Into::into).to_vec(),
    }
}

/// Reads an announcement, and the node as it spoke.
///
/// # Errors
/// `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn announcement_from_proto(
    request: &hub::AnnounceNodeRequest,
) -> Result<(PeerMark, Announcement), Problem> {
    let mut found = Violations::default();
    let mark = sender(request.sender.as_ref(), &mut found);
    let hub_seen = request.hub_seen.as_ref().and_then(|seen| sender(Some(seen), &mut found));
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
    let announcement = Announcement {
        hub_seen,
        proof,
        again: request.again,
        restored: request.restored,
        lineage: lineage_of(request.sender.as_ref()),
        hub_lineage: lineage_of(request.hub_seen.as_ref()),
    };
    found.finish(mark.map(|mark| (mark, announcement)))
}
