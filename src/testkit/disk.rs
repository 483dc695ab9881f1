//! A server's disk, whichever server's it is: what faults do to it.

use crate::domain::{hub, node};
use crate::store::Journal;
use crate::store::memory::{Fault, MemoryDisk};

/// The hub's disk or a node's. Clones share the content.
#[derive(Clone, Debug)]
pub enum Disk {
    /// The hub's.
    Hub(MemoryDisk<hub::Record>),
    /// A node's.
    Node(MemoryDisk<node::Record>),
}

/// What is done with either disk.
macro_rules! each {
    ($self:ident, $disk:ident => $does:expr) => {
        match $self {
            Disk::Hub($disk) => $does,
            Disk::Node($disk) => $does,
        }
    };
}

impl Disk {
    /// A backup of what is on it now.
    pub fn backup(&self) -> Disk {
        match self {
            Disk::Hub(disk) => Disk::Hub(disk.backup()),
            Disk::Node(disk) => Disk::Node(disk.backup()),
        }
    }

    /// Puts the content of a backup of the same server in the place of what is on it.
    pub fn restored(&self, backup: &Disk) {
        match (self, backup) {
            (Disk::Hub(disk), Disk::Hub(backup)) => disk.restored(backup),
            (Disk::Node(disk), Disk::Node(backup)) => disk.restored(backup),
            (Disk::Hub(_), Disk::Node(_)) | (Disk::Node(_), Disk::Hub(_)) => {
                unreachable!("a backup goes back to where it was taken")
            }
        }
    }

    /// Lets the `nth` append from now on fail; 1 is the next.
    pub fn fail_append(&self, nth: u64, fault: Fault) {
        each!(self, disk => disk.fail_append(nth, fault));
    }

    /// Loses the last append.
    pub fn lose_last(&self) {
        each!(self, disk => disk.lose_last());
    }

    /// How many records the last append made that can still be lost.
    pub fn last_records(&self) -> u64 {
        each!(self, disk => disk.last_records())
    }

    /// How far its journal reaches.
    pub fn reach(&self) -> u64 {
        each!(self, disk => disk.open_for_reading().head().sequence)
    }
}
