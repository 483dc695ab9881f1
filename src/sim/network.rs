//! What is still to happen, in order of time: messages on their way, timers, and what chance has in store.

use crate::domain::hub::{AcceptRequest, CompensationRequest, CreateRequest};
use crate::domain::protocol::{PeerMark, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;
use crate::testkit::{self, Call, Place};
use std::collections::BTreeMap;

/// What servers say to each other, and clients to the hub.
#[derive(Clone, Debug)]
pub enum Message {
    /// What a server that stood there says to another.
    Peer(PeerMark, testkit::Message),
    /// A client's transfer.
    Create(Box<CreateRequest>),
    /// A payee's word on a transfer.
    Accept(AcceptRequest),
    /// An operator's word on a compensation.
    Compensate(CompensationRequest),
    /// It was taken.
    Noted,
    /// How it stands.
    Stands(Said),
    /// It was refused: not recorded.
    NotTaken(Reason),
}

/// How a transfer stands, as a hub says it.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// The state that it says.
    pub state: TransferState,
    /// The hub's life that says so.
    pub life: u64,
    /// Whether it does not know that it is old.
    pub by_old: bool,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Who sent it; a client's letters come from the hub's own place.
    pub from: Place,
    /// Who gets it.
    pub to: Place,
    /// The call that it belongs to.
    pub call: Call,
    /// The message.
    pub message: Message,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// A letter arrives.
    Arrive(Box<Letter>),
    /// A server takes what waits in its inbox, in this life of its.
    Run(Place, u64),
    /// Its machine wanted to be woken.
    Wake(Place, u64),
    /// A call has had time enough.
    Timeout(Place, Call),
    /// The hub looks whether a province is there.
    Probe(ProvinceCode, u64),
    /// A node shows itself.
    Announce(ProvinceCode, u64),
    /// A server starts again.
    Restart(Place),
    /// A client asks, or asks again.
    Ask(usize),
    /// An operator speaks, or speaks again.
    Operate(usize),
    /// Whoever looks after the clocks sets them right.
    ClocksRight,
    /// Chance strikes.
    Fault,
}

/// Events by time, and by order within a moment.
#[derive(Debug, Default)]
pub struct Agenda {
    events: BTreeMap<(u64, u64), Event>,
    made: u64,
}

impl Agenda {
    /// Puts down an event.
    pub fn at(&mut self, at: u64, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    /// The next event and its time.
    pub fn next(&mut self) -> Option<(u64, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}
