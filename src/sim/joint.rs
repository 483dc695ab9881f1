//! Stores that are restored together: the hub's and those of provinces, from backups of about the same time. Of what
//! all of them have lost the other province's leg is left; what nobody else had recorded is gone, whatever a client was
//! told.

use super::payees::accepts;
use super::stale::goes_stale;
use super::world::World;
use crate::domain::hub;
use crate::domain::hub::tables::TransferRow;
use crate::domain::machine::TableRow;
use crate::domain::node;
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::{LegState, Outcome, TransferState};
use crate::domain::value::{ProvinceCode, Side, TransferId};
use std::collections::BTreeSet;

/// Whether the hub loses its store together with provinces in a seed's world.
pub fn goes_joint(seed: u64) -> bool {
    seed % 12 == 5 && !goes_stale(seed) && !accepts(seed)
}

/// What was restored together.
#[derive(Debug, Default)]
pub struct Joint {
    /// Provinces that were backed up with the hub.
    with_hub: BTreeSet<ProvinceCode>,
    /// Whether any was restored with it.
    pub(super) ever: bool,
    /// Commits that no store has recorded any more.
    pub(super) gone: BTreeSet<TransferId>,
}

impl World {
    /// One province or two are backed up when the hub is.
    pub(super) fn back_up_with_hub(&mut self, province: ProvinceCode) {
        let all = self.cluster.country.provinces.clone();
        let other = all[self.chance.next() as usize % all.len()];
        self.joint.with_hub = [province, other].into();
        for place in self.joint.with_hub.clone() {
            if let Some(disk) = self.cluster.disk(place) {
                self.backups.insert(place, disk.backup());
            }
        }
    }

    /// They are restored when the hub is, of whose journal this was left before, and marked so.
    pub(super) fn restore_with_hub(&mut self, before: &[hub::Record]) {
        if !goes_joint(self.plan.seed) || self.chance.permille(300) {
            return;
        }
        let places = std::mem::take(&mut self.joint.with_hub);
        for place in &places {
            let Some(backup) = self.backups.get(place).cloned() else { continue };
            if self.cluster.life(*place).is_some() {
                self.crash(*place, "restored together with the hub");
            }
            let Some(disk) = self.cluster.disk(*place) else { continue };
            disk.restored(&backup);
            self.mark(*place, disk.reach());
            self.joint.ever = true;
            self.report.count("restored with the hub");
        }
        let decided = before.iter().filter_map(|record| match record {
            hub::Record::TransferDecided(it) if it.outcome == Outcome::Commit => Some(it.transfer_id),
            _ => None,
        });
        let is_recorded = |id: &TransferId| {
            let committed =
                |row: &node::Row| LegRow::of(row).is_some_and(|it| it.state == LegState::Committed);
            let legs = Side::BOTH.map(|side| node::Key::Leg(*id, side));
            let here = |node: &crate::testkit::MemoryDisk<node::Record>| {
                legs.iter().any(|key| node.row(key).as_ref().is_some_and(committed))
            };
            self.cluster.nodes.values().any(|node| here(&node.disk))
        };
        let is_known = |id: &TransferId| {
            let row = self.cluster.hub.disk.row(&hub::Key::Transfer(*id));
            row.as_ref().and_then(TransferRow::of).is_some_and(|it| it.state.is_decided())
        };
        // An earlier restore of the hub may have lost the decision already.
        let told = self.clients.iter().filter(|it| it.told == Some(TransferState::Committed));
        let decided = decided.chain(told.map(|it| it.wish.transfer_id));
        let gone: Vec<TransferId> = decided.filter(|id| !is_recorded(id) && !is_known(id)).collect();
        self.joint.gone.extend(gone);
    }
}
