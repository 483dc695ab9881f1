//! The calls between hub and node: what each asks the other, and what it is answered. Every request and every reply
//! travels with its sender's mark.

use crate::domain::protocol::leg::{HeardLeg, Leg};
use crate::domain::protocol::message::{Ack, Decision, Posting, Question, Ruling, Vote};
use crate::domain::protocol::notice::Notice;
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, StartId};
use borsh::{BorshDeserialize, BorshSerialize};

/// Version of the protocol that this program speaks. Version 1 is that of nodes that say none.
pub const PROTOCOL_VERSION: u32 = 2;

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

/// What the hub asks a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRequest {
    /// Is it there?
    Probe,
    /// Votes on these legs.
    Prepare(Vec<Leg>),
    /// To carry out these decisions.
    Decide(Vec<Decision>),
    /// What a hub that was restored may have lost: the legs that are committed with a number above this one, and those
    /// in doubt.
    /// And notices above the second number.
    WhatWasLost((u64, u64)),
    /// To keep these notices; none: how far they are kept there.
    Notices(Vec<Notice>),
}

/// What a node replies to the hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NodeReply {
    /// It is there, and was admitted or not.
    Alive(bool),
    /// A vote for each leg, in order.
    Votes(Vec<Vote>),
    /// A receipt for each decision, in order.
    Acks(Vec<Ack>),
    /// The legs that it was asked for, and the notices.
    Lost(Vec<HeardLeg>, Vec<Notice>),
    /// The number of the last notice that it keeps.
    Noticed(u64),
    /// Refused, nothing changed.
    Refused(Reason),
}

/// What a node asks the hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HubRequest {
    /// To be admitted as the start that its mark names.
    Announce(Box<Announcement>),
    /// The decisions on these legs.
    Resolve(Vec<Question>),
    /// To book what the node has decided by itself.
    Post(Vec<Posting>),
}

/// What a node says when it announces itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Announcement {
    /// How far it has seen the hub's journal, if it ever has.
    pub hub_seen: Option<PeerMark>,
    /// Its journal's hash at a sequence, as proof that it holds what was seen of it. Zeros: it does not reach so far.
    pub proof: Option<(u64, Digest)>,
    /// Whether this start was admitted before.
    pub again: bool,
    /// Whether its store was restored, and no hub has said since that nothing is missing.
    pub restored: bool,
    /// Which store it has: the chain hash of its journal's first record, if it says so.
    pub lineage: Option<Digest>,
    /// Which store the hub has that it has joined, if it knows.
    pub hub_lineage: Option<Digest>,
}

/// What the hub replies to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HubReply {
    /// To an announcement.
    Announced(Announced),
    /// A ruling for each question, in order.
    Rulings(Vec<Ruling>),
    /// Refused, nothing changed.
    Refused(Reason),
}

/// What a node's announcement is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Announced {
    /// Its start is admitted.
    Admitted {
        /// Its incarnation.
        incarnation: u64,
        /// Whether it is told again what it lost, and must not vote yet.
        resync: bool,
        /// The life in which this hub last recovered from being restored; 0 when it never was.
        hub_recovered: u64,
        /// Which store this hub has: the chain hash of its journal's first record, where that is known.
        lineage: Option<Digest>,
    },
    /// It must prove what its journal holds at this sequence.
    Prove {
        /// The last that was seen of it.
        sequence: u64,
    },
}
