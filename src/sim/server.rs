//! One simulated server: the real machine and the real engine core over a disk that survives it.

use crate::domain::machine::step::{Caller, Machine};
use crate::domain::protocol::call::PeerMark;
use crate::domain::value::calendar::{Civil, Mono, Now};
use crate::domain::value::id::{Digest, StartId};
use crate::engine::{Core, EngineError, Outputs};
use crate::sim::people::NOON;
use crate::store::hash_at;
use crate::store::memory::{MemoryDisk, MemoryStore};
use std::collections::BTreeMap;

/// A server, up or down.
#[derive(Debug)]
pub struct Server<M: Machine, C> {
    /// What survives a crash.
    pub disk: MemoryDisk<M::Record>,
    /// What does not.
    pub core: Option<Core<M, MemoryStore<M::Record>>>,
    /// Counts its lives: timers and answers of an earlier one mean nothing.
    pub life: u64,
    /// Handed in since the last batch.
    pub inbox: Vec<M::Input>,
    /// Who waits for which answer.
    pub callers: BTreeMap<Caller, C>,
    /// How far its civil clock is off, in milliseconds.
    pub skew: i64,
    incarnation: u64,
    start_id: StartId,
    started: u64,
    last_caller: Caller,
    /// When its next wake-up is put down.
    wakes_at: Option<u64>,
}

impl<M: Machine, C> Server<M, C> {
    /// A server with an empty disk, down, whose civil clock is off by so much.
    pub fn new(skew: i64) -> Server<M, C> {
        Server {
            disk: MemoryDisk::new(),
            core: None,
            life: 0,
            inbox: Vec::new(),
            callers: BTreeMap::new(),
            skew,
            incarnation: 0,
            start_id: StartId::default(),
            started: 0,
            last_caller: 0,
            wakes_at: None,
        }
    }

    /// Starts over what is on the disk.
    pub fn start(&mut self, machine: M, start_id: StartId, at: u64) -> Result<(), EngineError> {
        let core = Core::new(machine, self.disk.open())?;
        self.incarnation = core.incarnation();
        self.core = Some(core);
        self.start_id = start_id;
        self.started = at;
        self.life += 1;
        self.wakes_at = None;
        Ok(())
    }

    /// The process is gone, with all that it held.
    pub fn crash(&mut self) {
        self.core = None;
        self.life += 1;
        self.inbox.clear();
        self.callers.clear();
    }

    /// Its clocks at a moment of the simulation.
    pub fn now(&self, at: u64) -> Now {
        let civil = NOON.saturating_add_unsigned(at).saturating_add(self.skew);
        Now { mono: Mono(at - self.started), civil: Civil(civil) }
    }

    /// When its machine wants to be woken, unless a wake-up is put down for then or before.
    pub fn next_wake(&mut self, at: u64) -> Option<u64> {
        let wanted = self.core.as_ref().and_then(Core::wake_at)?;
        let wanted = self.started.saturating_add(wanted.0).max(at);
        if self.wakes_at.is_some_and(|put_down| put_down <= wanted) {
            return None;
        }
        self.wakes_at = Some(wanted);
        self.wakes_at
    }

    /// A wake-up that was put down has come; one that an earlier one has overtaken is none.
    pub fn is_woken(&mut self, at: u64) -> bool {
        self.core.is_some() && self.wakes_at.take_if(|put_down| *put_down == at).is_some()
    }

    /// Names a caller.
    pub fn caller(&mut self, caller: C) -> Caller {
        self.last_caller += 1;
        self.callers.insert(self.last_caller, caller);
        self.last_caller
    }

    /// What it says of itself.
    pub fn mark(&self) -> PeerMark {
        let head = self.core.as_ref().map(Core::head).unwrap_or_default();
        PeerMark {
            incarnation: self.incarnation,
            start_id: self.start_id,
            sequence: head.sequence,
            head_hash: head.hash,
        }
    }

    /// Its journal's hash at a sequence.
    pub fn hash_at(&self, sequence: u64) -> Option<Digest> {
        hash_at(&mut self.disk.open_for_reading(), sequence).unwrap_or_default()
    }

    /// Takes its incarnation.
    pub fn set_incarnation(&mut self, incarnation: u64) {
        self.incarnation = incarnation;
    }

    /// The incarnation of its last start.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Runs what waits as one batch, if it is up and anything waits.
    pub fn run(&mut self, at: u64) -> Result<Outputs<M>, EngineError> {
        let now = self.now(at);
        let inputs = std::mem::take(&mut self.inbox);
        match &mut self.core {
            Some(core) if !inputs.is_empty() => core.run(now, inputs),
            Some(_) | None => Ok(Vec::new()),
        }
    }
}
