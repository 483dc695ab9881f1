//! How far another server was seen to have come.

use crate::domain::value::id::{Digest, StartId};
use borsh::{BorshDeserialize, BorshSerialize};

/// How far a server's journal had come when it spoke: travels in every message between hub and node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct PeerMark {
    /// Which of its lives.
    pub incarnation: u64,
    /// Random id of that life.
    pub start_id: StartId,
    /// Journal sequence.
    pub sequence: u64,
    /// Chain hash at that sequence.
    pub head_hash: Digest,
}
