//! One server: the real machine and the real engine core over a disk that survives it.

use super::country::NOON;
use super::marks::Marks;
use super::watched::{Marked, Watched};
use crate::domain::machine::{Caller, Change, Row, Stored, Table, TableRow, replay};
use crate::domain::protocol::PeerMark;
use crate::domain::value::{Civil, Digest, Mono, Now, ProvinceCode, StartId};
use crate::engine::{Core, EngineError, LIMIT_MS, Outputs, Timekeeper};
use crate::store::memory::{MemoryDisk, MemoryStore};
use crate::store::{Commit, Journal, KeyOf, hash_at};
use std::collections::BTreeMap;

/// A server; the hub is [`ProvinceCode::HUB`].
pub type Place = ProvinceCode;

/// The number of one call, given by its caller.
pub type Call = u64;

/// Who waits for an answer of a server's engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A client.
    Client(usize),
    /// Another server's call.
    Peer(Place, Call),
}

/// Callers of other servers have higher numbers than this; tests name theirs as they like.
const CALLERS: Caller = 1 << 40;

/// A server, up or down.
#[derive(Debug)]
pub struct Server<M: Marked> {
    /// What survives a crash.
    pub disk: MemoryDisk<M::Record>,
    /// What does not.
    pub core: Option<Core<Watched<M>, MemoryStore<M::Record>>>,
    /// Counts its lives: timers and answers of an earlier one mean nothing.
    pub life: u64,
    /// Handed in since the last batch.
    pub inbox: Vec<M::Input>,
    /// Who waits for which answer.
    pub callers: BTreeMap<Caller, Asker>,
    /// How far its civil clock is off, in milliseconds.
    pub skew: i64,
    /// The incarnation that it says it is.
    pub incarnation: u64,
    start_id: StartId,
    started: u64,
    last_caller: Caller,
    /// When its next wake-up is put down.
    wakes_at: Option<u64>,
    /// Whether its civil clock is believed.
    pub keeper: Timekeeper,
    /// Whether it was not, when it was last looked at.
    pub doubts: bool,
}

/// A server that does not believe its clock looks again after so long.
const LOOK_EVERY: u64 = 500;

impl<M: Marked> Server<M> {
    /// A server with an empty disk, down, whose civil clock is off by so much.
    pub fn new(skew: i64) -> Server<M> {
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
            last_caller: CALLERS,
            wakes_at: None,
            keeper: Timekeeper::new(LIMIT_MS, None),
            doubts: false,
        }
    }

    /// Starts over what is on the disk.
    pub fn start(
        &mut self,
        machine: M,
        (start_id, at): (StartId, u64),
        marks: &Marks,
    ) -> Result<(), EngineError> {
        let core = Core::new(Watched::new(machine, &self.disk, marks), self.disk.open())?;
        self.incarnation = core.incarnation();
        self.keeper = Timekeeper::new(LIMIT_MS, core.stamped());
        self.doubts = false;
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
        let wanted = if self.doubts {
            at + LOOK_EVERY
        } else {
            self.started.saturating_add(self.core.as_ref().and_then(Core::wake_at)?.0).max(at)
        };
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
    pub fn caller(&mut self, caller: Asker) -> Caller {
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

    /// Runs what waits as one batch, if it is up and anything waits.
    pub fn run(&mut self, now: Now) -> Result<Outputs<M>, EngineError> {
        let inputs = std::mem::take(&mut self.inbox);
        match &mut self.core {
            Some(core) if !inputs.is_empty() => core.run(now, inputs),
            Some(_) | None => Ok(Vec::new()),
        }
    }

    /// The same at a moment of the simulation, as far as its clock is believed.
    pub fn run_at(&mut self, at: u64) -> Result<Outputs<M>, EngineError> {
        let (wall, inputs) = (self.now(at), std::mem::take(&mut self.inbox));
        let Some(core) = &mut self.core else { return Ok(Vec::new()) };
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let reading = self.keeper.read(wall);
        self.doubts = reading.doubt.is_some();
        let outputs = core.turn(&reading, inputs)?;
        core.stamped().into_iter().for_each(|stamp| self.keeper.stamp(stamp));
        core.take_lowered().into_iter().for_each(|to| self.keeper.lower(to));
        Ok(outputs)
    }

    /// A peer says what its clock has.
    pub fn hear_clock(&mut self, peer: Place, civil: Civil, at: u64) {
        if self.core.is_some() {
            self.keeper.hear(peer, self.now(at).mono, civil);
        }
    }

    /// Two operators have said that its clock is right.
    pub fn accept_clock(&mut self, at: u64) {
        self.keeper.accept(self.now(at));
    }

    /// Runs one input as a batch of its own, which must load all that it goes by.
    ///
    /// # Panics
    /// If the server is down, its store fails, or the input cannot be decided.
    pub fn take(&mut self, now: Now, input: M::Input) -> Outputs<M> {
        let core = self.core.as_mut().expect("a server that is up");
        core.forget_rows();
        let outputs = core.run(now, vec![input]).expect("stored");
        assert_eq!(core.failures(), 0, "every input is decided");
        outputs
    }

    /// Its machine.
    ///
    /// # Panics
    /// If the server is down.
    pub fn machine(&self) -> &M {
        self.core.as_ref().expect("a server that is up").machine().watched()
    }

    /// When its machine wants to be woken.
    pub fn wake_at(&self) -> Option<Mono> {
        self.core.as_ref().and_then(Core::wake_at)
    }

    /// The row under a key.
    pub fn get<T: TableRow<M::Row> + Clone>(&self, key: &KeyOf<M::Record>) -> Option<T> {
        self.disk.row(key).as_ref().and_then(T::of).cloned()
    }

    /// Its journal.
    pub fn journal(&self) -> Vec<M::Record> {
        self.disk.records()
    }

    /// Its rows, but for those of the vault.
    pub fn rows(&self) -> Vec<M::Row> {
        self.disk.rows().into_iter().filter(|row| !row.table().is_vault()).collect()
    }

    /// Changes its journal behind its back, and its tables with it; the vault stays as it is.
    pub fn rewrite(&mut self, change: impl FnOnce(&mut Vec<M::Record>)) {
        let mut records = self.journal();
        change(&mut records);
        let rows =
            replay(&records).rows().cloned().map(|row| Change { row, stored: Stored::Unknown }).collect();
        let vault = self.disk.rows().into_iter().filter(|row| row.table().is_vault()).collect();
        let other = MemoryDisk::new();
        other.open().append(&Commit { records, rows, vault }).expect("a disk in memory");
        self.disk.restored(&other);
        if let Some(core) = &mut self.core {
            *core.store() = self.disk.open();
        }
    }

    /// Whether replaying its journal makes the tables beside it, and of how many records it is.
    pub fn rebuilds(&self) -> (bool, u64) {
        let records = self.disk.records();
        let made = replay(&records);
        (made.rows().cloned().eq(self.rows()), records.len() as u64)
    }
}
