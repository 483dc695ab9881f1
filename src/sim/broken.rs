//! Protocols that are broken on purpose: a simulator that does not catch them proves nothing.

use super::disk::Disk;
use super::network::Place;
use super::world::World;
use crate::domain::hub::tables::TransferRow;
use crate::domain::machine::table::{Row as _, TableRow};
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::transfer::TransferState;
use crate::domain::{hub, node};
use crate::store::memory::MemoryDisk;

/// A protocol that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Servers answer before their disk has synced: a crash takes the last commit with it.
    AnswersBeforeSync,
    /// A node forgets an abort that came for an id it had never seen.
    NoTombstone,
    /// A node takes a decision that it never got for an abort, and lets go of what it holds.
    PresumesAbort,
    /// The hub forgets transfers that nobody has decided when it starts.
    ForgetsUndecided,
}

impl Broken {
    /// Every one, with its name on the command line.
    pub const ALL: &'static [(&'static str, Broken)] = &[
        ("answers-before-sync", Broken::AnswersBeforeSync),
        ("no-tombstone", Broken::NoTombstone),
        ("presumes-abort", Broken::PresumesAbort),
        ("forgets-undecided", Broken::ForgetsUndecided),
    ];
}

impl World {
    /// A node that keeps no tombstones.
    pub(super) fn forget_tombstones(&self, disk: &MemoryDisk<node::Record>) {
        let tombstone = |row: &node::Row| LegRow::of(row).is_some_and(|leg| leg.state == LegState::Tombstone);
        disk.rows().into_iter().filter(tombstone).for_each(|row| disk.remove(&row.key()));
    }

    /// What a broken protocol does when a server dies.
    pub(super) fn break_at_crash(&self, place: Place) {
        let Some((broken, disk)) = self.plan.broken.zip(self.disk(place)) else { return };
        match (broken, disk) {
            (Broken::AnswersBeforeSync, disk) => disk.lose_last(),
            (Broken::NoTombstone, Disk::Node(disk)) => self.forget_tombstones(&disk),
            (Broken::PresumesAbort, Disk::Node(disk)) => {
                let in_doubt = |row: &node::Row| node::legs_in_doubt().admits(row);
                disk.rows().into_iter().filter(in_doubt).for_each(|row| disk.remove(&row.key()));
            }
            (Broken::ForgetsUndecided, Disk::Hub(disk)) => {
                let open = |row: &hub::Row| {
                    TransferRow::of(row).is_some_and(|row| row.state == TransferState::Pending)
                };
                disk.rows().into_iter().filter(open).for_each(|row| disk.remove(&row.key()));
            }
            (Broken::NoTombstone | Broken::PresumesAbort, Disk::Hub(_))
            | (Broken::ForgetsUndecided, Disk::Node(_)) => {}
        }
    }
}
