//! Stores that come back older than they say: a disk that said "durable" and was not, a folder that was copied back by
//! hand. Whoever has seen more must find it: a node is told again what it lost; a hub is refused, and then restored as
//! it should have been. What nobody else had seen cannot be found (ADR 010).

use super::world::World;
use crate::domain::audit::invariant::Violation;
use crate::domain::machine::{IncidentRow, PeerRow, Row, TableRow};
use crate::domain::protocol::Outcome;
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, TransferId};
use crate::domain::{hub, node};
use crate::store::memory::MemoryDisk;
use crate::store::{hash_at, is_restored};
use crate::testkit::{Disk, HUB};
use std::collections::{BTreeMap, BTreeSet};

/// Most appends that a disk that lies loses.
const LOST_MAX: u64 = 6;
/// After so long every node has shown itself to the hub, once nothing fails any more.
const SHOWN_WITHIN: u64 = 15_000;

/// What a transfer breaks that was committed on one side and aborted on the other.
pub(super) const OF_A_SPLIT: &[&str] = &["INV-02", "INV-09", "INV-10", "INV-12", "INV-13"];
/// What such transfers break together: the sum over all nodes, and the numbers of commits that people must look at.
const OF_ALL_SPLITS: &[&str] = &["INV-06", "INV-08"];

/// Whether disks lie in a seed's world.
pub fn goes_stale(seed: u64) -> bool {
    seed % 7 == 6
}

/// What came back old, and what is known of it.
#[derive(Debug, Default)]
pub struct Stale {
    /// Nodes that came back old and were not admitted since: whether the hub has seen what they lost.
    nodes: BTreeMap<ProvinceCode, bool>,
    /// Nodes whose store was restored and marked so: how far it reached.
    marked: BTreeMap<ProvinceCode, u64>,
    /// Since when the hub is old without knowing it.
    hub_since: Option<u64>,
    /// Whether it ever was.
    hub_ever: bool,
    /// Commits that a client may have been told, and that no node had seen when the hub lost them.
    unseen: BTreeSet<TransferId>,
}

impl Stale {
    /// Whether the hub is old and nobody has found it yet.
    pub fn hub_is_old(&self) -> bool {
        self.hub_since.is_some()
    }

    /// Whether everything may have ended by now: who could have found an old hub has had the time.
    pub fn may_end(&self, at: u64, healed_at: u64) -> bool {
        self.hub_since.is_none_or(|since| at > since.max(healed_at) + SHOWN_WITHIN)
    }
}

impl World {
    /// A disk lies, or a folder is copied back; sometimes a node's store is restored as it should be.
    pub(super) fn come_back_old(&mut self, province: ProvinceCode) {
        let place = self.loser(province);
        let lied = self.chance.permille(500);
        let marked = !lied && place != HUB && self.chance.permille(500);
        // Somebody has a backup, or there is nothing to go back to.
        let Some(backup) = self.backups.get(&place).cloned() else { return };
        if place == HUB && (self.hub_restored || self.stale.hub_is_old()) {
            return;
        }
        if self.cluster.life(place).is_some() {
            self.crash(place, if lied { "its disk lied" } else { "an older folder is copied back" });
        }
        let Some(disk) = self.cluster.disk(place) else { return };
        let before = if place == HUB { self.cluster.hub.disk.records() } else { Vec::new() };
        if lied {
            self.lose(&disk, if place == HUB { 1 } else { 3 * self.cluster.country.members });
        } else {
            disk.restored(&backup);
        }
        self.report.count(match (lied, marked) {
            (true, _) => "disk lied",
            (false, true) => "restored, and marked so",
            (false, false) => "copied back, and nobody says so",
        });
        let reached = disk.reach();
        if place == HUB {
            return self.hub_lost(&before, reached);
        }
        self.restored.insert(place, u64::MAX);
        let peer = self.cluster.hub.disk.row(&hub::Key::Peer(place));
        // A folder that is copied back may be younger than what a disk that lied had left.
        let seen = peer.as_ref().and_then(PeerRow::of).is_some_and(|peer| {
            let there = self.cluster.nodes.get(&place).map(|node| node.disk.open_for_reading());
            there.is_some_and(|mut store| {
                hash_at(&mut store, peer.sequence).unwrap_or_default() != Some(peer.head_hash)
            })
        });
        self.stale.nodes.insert(place, seen || marked);
        if marked {
            self.stale.marked.insert(place, reached);
        }
    }

    /// Loses some of the last appends, never the first so many records.
    fn lose(&mut self, disk: &Disk, first: u64) {
        for _ in 0..self.chance.between(1, LOST_MAX + 1) {
            if disk.reach().saturating_sub(disk.last_records()) < first {
                return;
            }
            disk.lose_last();
        }
    }

    /// The hub has lost everything after this sequence.
    fn hub_lost(&mut self, before: &[hub::Record], reached: u64) {
        let seen = |node: &MemoryDisk<node::Record>| {
            let row = node.row(&node::Key::Peer(HUB));
            row.as_ref().and_then(PeerRow::of).map_or(0, |peer| peer.sequence)
        };
        let seen = self.cluster.nodes.values().map(|node| seen(&node.disk)).max().unwrap_or(0);
        let lost = before.iter().zip(1..).filter(|(_, sequence)| *sequence > reached.max(seen));
        let commits = lost.filter_map(|(record, _)| match record {
            hub::Record::TransferDecided(it) if it.outcome == Outcome::Commit => Some(it.transfer_id),
            _ => None,
        });
        self.stale.unseen.extend(commits);
        (self.stale.hub_since, self.stale.hub_ever, self.hub_lost) = (Some(self.at), true, true);
    }

    /// Whether a node's store is marked as restored, and the hub has not told it since what it lost.
    pub(super) fn is_marked(&self, province: ProvinceCode) -> bool {
        let Some((reached, node)) = self.stale.marked.get(&province).zip(self.cluster.nodes.get(&province))
        else {
            return false;
        };
        let resynced = |record: &node::Record| matches!(record, node::Record::NodeResynced(_));
        is_restored(&mut node.disk.open_for_reading(), Some(*reached), resynced).unwrap_or(true)
    }

    /// A node was admitted: one whose loss the hub had seen must have been found.
    pub(super) fn was_found(&mut self, province: ProvinceCode, resync: bool) {
        match self.stale.nodes.remove(&province) {
            Some(true) if !resync && !self.is_marked(province) => {
                self.complain(format!("{province} lost what the hub had seen, and was not found"));
            }
            Some(_) if resync => self.report.count("old node found"),
            Some(_) => self.report.count("old node, of whose loss nobody knew"),
            None => {}
        }
    }

    /// A node has shown the hub that it is old: people stop it, and restore its last backup as they should.
    pub(super) fn hub_was_found(&mut self) {
        let Some(backup) = self.backups.get(&HUB).cloned().filter(|_| self.stale.hub_is_old()) else {
            return;
        };
        self.report.count("old hub found");
        self.crash(HUB, "found to be old, and restored");
        if let Some(disk) = self.cluster.disk(HUB) {
            disk.restored(&backup);
        }
        self.stale.hub_since = None;
        self.hub_restored = true;
        self.lost_life = self.cluster.hub.life;
        self.report.count("hub restored");
    }

    /// At rest nobody has seen more of the hub than it holds.
    pub(super) fn nobody_knows_more(&mut self) {
        let mut hub = self.cluster.hub.disk.open_for_reading();
        let mut knows_more = Vec::new();
        for (province, node) in &self.cluster.nodes {
            let row = node.disk.row(&node::Key::Peer(HUB));
            let Some(seen) = row.as_ref().and_then(PeerRow::of) else { continue };
            if hash_at(&mut hub, seen.sequence).unwrap_or_default() != Some(seen.head_hash) {
                knows_more.push(*province);
            }
        }
        for province in knows_more {
            self.complain(format!("{province} has seen more of the hub than it holds, and nobody noticed"));
        }
    }

    /// Whether people know of it: an incident was noted about the transfer. Only where a hub did not know that it was
    /// old may that be needed, and only for what a split transfer breaks: no member's account, no node's books and no
    /// count may be wrong there either.
    pub(super) fn is_noted(&self, violation: &Violation) -> bool {
        // Numbers of commits that are gone are given to no other.
        if violation.invariant == "INV-08" && self.joint.ever {
            return true;
        }
        if violation.invariant == "INV-10"
            && violation.transfer_id.is_some_and(|id| self.joint.gone.contains(&id))
        {
            return true;
        }
        if self.is_of_finished(violation) {
            return true;
        }
        if !self.stale.hub_ever {
            return false;
        }
        let unseen = |id: TransferId| violation.invariant == "INV-10" && self.stale.unseen.contains(&id);
        match violation.transfer_id {
            Some(id) if OF_A_SPLIT.contains(&violation.invariant) => unseen(id) || self.is_contrary(Some(id)),
            None if OF_ALL_SPLITS.contains(&violation.invariant) => self.is_contrary(None),
            Some(_) | None => false,
        }
    }

    /// Whether an incident says that a transfer, or any, was decided otherwise than it is recorded somewhere.
    pub(super) fn is_contrary(&self, id: Option<TransferId>) -> bool {
        let says = |it: Option<&IncidentRow>| {
            it.is_some_and(|it| {
                it.refusal.reason == Reason::ContraryOrder && id.is_none_or(|id| it.transfer_id == id)
            })
        };
        self.cluster.hub.disk.any(|row| says(row.as_incident()))
            || self.cluster.nodes.values().any(|node| node.disk.any(|row| says(row.as_incident())))
    }

    /// Transfers that stay as they are, for people: a hub that did not know that it was old has split them, or
    /// operators have finished them otherwise than a side had recorded it.
    pub(super) fn left_to_people(&self) -> BTreeSet<TransferId> {
        if !self.stale.hub_ever && self.finished.is_empty() {
            return BTreeSet::new();
        }
        let rows = self.cluster.hub.disk.rows();
        let incidents = rows.iter().filter_map(IncidentRow::of);
        let contrary = incidents.filter(|it| it.refusal.reason == Reason::ContraryOrder);
        let may_be = |id: &TransferId| self.stale.hub_ever || self.finished.contains(id);
        contrary.map(|it| it.transfer_id).filter(may_be).collect()
    }

    /// Whether an alarm is what a hub leaves behind that did not know that it was old.
    pub(super) fn is_aftermath(&mut self) -> bool {
        let is_aftermath = self.stale.hub_ever || self.joint.ever;
        if is_aftermath {
            self.report.count("noted for people");
        }
        is_aftermath
    }

    /// A node's store was restored, and says so.
    pub(super) fn mark(&mut self, place: ProvinceCode, reached: u64) {
        self.restored.insert(place, u64::MAX);
        self.stale.marked.insert(place, reached);
    }
}
