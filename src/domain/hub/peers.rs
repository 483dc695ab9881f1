//! Nodes as they speak: whether it is their present life, and how far they have come.

use super::{HubMachine, Key, Step};
use crate::domain::machine::{PeerRow, PeerSeen};
use crate::domain::protocol::PeerMark;
use crate::domain::value::ProvinceCode;

impl HubMachine {
    /// Takes note of a node as it spoke. False: it has not announced this start, or is older than what was seen; or it
    /// was left out of a recovery, and not heard since.
    pub(super) fn meet_node(&mut self, province: ProvinceCode, node: PeerMark, step: &Step<'_>) -> bool {
        let Some(seen) = step.rows().get::<PeerRow>(&Key::Peer(province)) else { return false };
        if seen.left_out.is_some() || seen.incarnation != node.incarnation || seen.start_id != node.start_id {
            return false;
        }
        let latest = self.seen.get(&province).map_or(seen.sequence, |mark| mark.sequence);
        if node.sequence > latest {
            self.seen.insert(province, node);
        }
        true
    }

    /// Journals how far nodes were seen to have come, with the record that their words have led to.
    pub(super) fn note_seen(&mut self, step: &mut Step<'_>) {
        for (province, mark) in std::mem::take(&mut self.seen) {
            step.record(PeerSeen { province, mark });
        }
    }
}
