//! The node joins the hub, and meets it again with every call: an older hub, and a copy of it, are refused.

use super::{Effect, Life, NodeMachine, Step};
use crate::domain::machine::lineage::{self, lineage_of, same_lineage};
use crate::domain::machine::own::own;
use crate::domain::machine::{PeerLineage, PeerRow, PeerSeen, SelfRow, WorkingSet};
use crate::domain::node::record::{NodeJoined, NodeResynced, StoreRecovered};
use crate::domain::node::request::refusal;
use crate::domain::node::tables::{Key, Row};
use crate::domain::protocol::PeerMark;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Digest, ProvinceCode};

/// What meeting the hub needs.
pub(super) fn needs_of_hub(keys: &mut Vec<Key>) {
    keys.extend([Key::OWN, Key::Peer(ProvinceCode::HUB)]);
}

impl NodeMachine {
    /// Takes note of the hub as it spoke; refuses an older hub and a copy of it. `whole`: this store has all that the
    /// hub has decided, or will be told it.
    fn meet_hub(&mut self, hub: PeerMark, whole: bool, step: &mut Step<'_>) -> Result<(), RefusalRecord> {
        let stored: Option<&PeerRow> = step.rows().get(&Key::Peer(ProvinceCode::HUB));
        let stored = stored.map(PeerRow::mark);
        let seen = self.hub_mark.or(stored);
        let new_life = seen.as_ref().is_none_or(|seen| hub.incarnation > seen.incarnation);
        if seen.is_some_and(|seen| is_older_or_copy(&hub, &seen)) {
            return Err(refusal(Reason::SenderRefused));
        }
        let newer = |known: PeerMark| hub.incarnation > known.incarnation || hub.sequence > known.sequence;
        if !whole {
            self.hub_mark = seen.filter(|seen| !newer(*seen)).or(Some(hub));
        } else if stored.is_none_or(newer) {
            self.note_hub(hub, step);
        }
        if new_life {
            // The hub has restarted: it aborted what was undecided, so whatever is in doubt can be asked at once.
            self.in_doubt.ask_all_at(step.now.mono);
        }
        Ok(())
    }

    fn note_hub(&mut self, hub: PeerMark, step: &mut Step<'_>) {
        self.hub_mark = None;
        step.record(PeerSeen { province: ProvinceCode::HUB, mark: hub });
    }

    /// Whether nothing that the hub has decided can be missing here.
    pub(super) fn is_whole(&self) -> bool {
        self.life != Life::Behind && !self.restored
    }

    /// The hub has admitted this life. Nothing is taken of a hub that has another store than the one that was joined.
    pub(super) fn joined(
        &mut self,
        incarnation: u64,
        (hub, lineage): (PeerMark, Option<Digest>),
        (resync, hub_recovered): (bool, u64),
        step: &mut Step<'_>,
    ) {
        let known = lineage_of(ProvinceCode::HUB, step.rows());
        if same_lineage(ProvinceCode::HUB, known, lineage).is_err() {
            return;
        }
        let stored: Option<&PeerRow> = step.rows().get(&Key::Peer(ProvinceCode::HUB));
        let seen = self.hub_mark.or(stored.map(PeerRow::mark));
        if seen.is_some_and(|seen| has_recovered(&hub, &seen, hub_recovered)) {
            if resync {
                self.hub_mark = Some(hub);
            } else {
                self.note_hub(hub, step);
            }
            self.in_doubt.ask_all_at(step.now.mono);
        } else if self.meet_hub(hub, !resync, step).is_err() {
            // An answer of an earlier hub that comes late changes nothing for a life that is admitted.
            if self.life == Life::Alone {
                step.effect(Effect::HubRefused);
            }
            return;
        }
        lineage::take_up(ProvinceCode::HUB, lineage, step);
        self.admitted_by = self.admitted_by.max(hub.incarnation);
        let known = own(step.rows());
        if known.incarnation != incarnation || known.start_id != self.start_id {
            step.record(NodeJoined { incarnation, start_id: self.start_id, time: step.now.civil });
        }
        if self.life == Life::Alone {
            self.admitted_at = hub.sequence;
        }
        if (self.life == Life::Behind || self.restored) && !resync {
            self.restored = false;
            step.record(NodeResynced { time: step.now.civil });
            step.record(StoreRecovered { incarnation });
        }
        self.life = if resync { Life::Behind } else { Life::Joined };
    }

    /// The hub comes back as another life, which may have come less far: nothing of it counts before it has admitted
    /// this node again.
    pub(super) fn leave_hub(&mut self) {
        self.restored |= self.life == Life::Behind;
        self.life = Life::Alone;
        self.hub_mark = None;
    }

    /// Two operators have accepted that the hub has another store: its lives are counted anew.
    pub(super) fn accept_hub(&mut self, lineage: Digest, step: &mut Step<'_>) {
        step.record(PeerLineage { province: ProvinceCode::HUB, lineage, accepted: true });
        self.leave_hub();
        self.admitted_by = 0;
        step.effect(Effect::Announce);
    }

    /// Whether this life stands so well with the hub, at least. Before it is admitted, what the hub says may be meant
    /// for an earlier life whose store was restored since; it is said again.
    pub(super) fn admitted(&self, least: Life) -> Result<(), RefusalRecord> {
        if self.life >= least {
            return Ok(());
        }
        Err(refusal(Reason::NotAnnounced))
    }

    /// Takes note of the hub as it spoke; refuses what it said before it admitted this life, and what was on its way
    /// for long.
    pub(super) fn meet_admitting_hub(
        &mut self,
        hub: PeerMark,
        step: &mut Step<'_>,
    ) -> Result<(), RefusalRecord> {
        if hub.incarnation > self.admitted_by {
            step.effect(Effect::Announce);
            return Err(refusal(Reason::NotAnnounced));
        }
        self.meet_hub(hub, self.is_whole(), step)?;
        if hub.sequence >= self.admitted_at {
            return Ok(());
        }
        Err(refusal(Reason::SenderRefused))
    }
}

/// Whether a hub is older than what was seen of it, or a copy.
fn is_older_or_copy(hub: &PeerMark, seen: &PeerMark) -> bool {
    let older = hub.incarnation < seen.incarnation
        || (hub.incarnation > seen.incarnation && hub.sequence < seen.sequence);
    let copy = hub.incarnation == seen.incarnation && hub.start_id != seen.start_id;
    let diverged = hub.sequence == seen.sequence && hub.head_hash != seen.head_hash;
    older || copy || diverged
}

/// Whether a hub has recovered since it was seen: it has a journal of its own from then on, and has heard what this
/// node knew.
fn has_recovered(hub: &PeerMark, seen: &PeerMark, hub_recovered: u64) -> bool {
    seen.incarnation < hub_recovered && hub.incarnation >= hub_recovered
}

/// Whether the answer to an announcement admits nobody: it comes from a hub that is older than what was seen of it, or
/// a copy.
pub fn admits_nobody(hub: &PeerMark, seen: &PeerMark, hub_recovered: u64) -> bool {
    !has_recovered(hub, seen, hub_recovered) && is_older_or_copy(hub, seen)
}

/// The node has all again that it had lost.
pub fn resynced(record: &NodeResynced, rows: &mut WorkingSet<Row>) {
    let own = own(rows);
    rows.put(SelfRow { civil: own.civil.max(record.time), ..own });
}

/// What it was told may not have been all: somebody who knew the rest may not have been heard yet.
pub fn recovered(record: &StoreRecovered, rows: &mut WorkingSet<Row>) {
    rows.put(SelfRow { recovered: record.incarnation, ..own(rows) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::{Digest, StartId};

    fn hub(incarnation: u64, start: u8, sequence: u64) -> PeerMark {
        let head_hash = Digest([u8::try_from(sequence).expect("small"); 32]);
        PeerMark { incarnation, start_id: StartId([start; 16]), sequence, head_hash }
    }

    /// A node that takes such an answer for its admission says that it serves, and takes nothing.
    #[test]
    fn an_older_hub_and_a_copy_admit_nobody_and_one_that_has_recovered_does() {
        let seen = hub(4, 1, 40);
        for (spoke, recovered, nobody) in [
            (hub(4, 1, 40), 0, false),
            (hub(4, 1, 41), 0, false),
            (hub(5, 2, 40), 0, false),
            // Calls of one life overtake each other.
            (hub(4, 1, 39), 0, false),
            (hub(3, 9, 50), 0, true),
            (hub(5, 2, 39), 0, true),
            (hub(4, 2, 41), 0, true),
            (PeerMark { head_hash: Digest([7; 32]), ..hub(4, 1, 40) }, 0, true),
            // It has heard from this node what it had lost.
            (hub(6, 3, 10), 5, false),
            (hub(4, 2, 10), 4, true),
        ] {
            assert_eq!(admits_nobody(&spoke, &seen, recovered), nobody, "{spoke:?}");
        }
    }
}
