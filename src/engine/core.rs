//! Load – decide – append: one batch, without threads or waiting, so that tests and the simulator drive it too.

use super::panics::survive;
use super::timekeeper::Reading;
use crate::domain::machine::own::own;
use crate::domain::machine::{
    Batch, Caller, Key, Machine, Output, Prefix, Record, Row, Step, Table, TimeNoted, WorkingSet,
};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Mono, Now};
use crate::store::failpoint::{Failpoint, hit};
use crate::store::{Commit, Head, KeyOf, Store, StoreError, TableOf};

/// Rows kept between batches, so that a leg's decision finds what its prepare loaded: at most twice as many.
const CACHED_ROWS_MAX: usize = 40_000;

/// Most rows under one prefix that an input may need: all others wait while they are read, and they may not drive out
/// what the inputs after it need. A fortieth of what is kept.
pub(super) const ROWS_UNDER_PREFIX_MAX: usize = 1_000;

/// The journal's last stamp is never older than this while anything is journaled: a start compares the clock with it.
const NOTED_EVERY_MS: i64 = 10_000;

/// Why an engine stops. None of these is retried in the same process.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed, or does not hold what it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows may be half changed: a bug in applying a record.
    #[error("a record could not be applied: this is a bug; nothing of its batch was stored")]
    Apply,
    /// What comes of batches is not carried out any more: its task, or the runtime, has ended too early.
    #[error("nobody carries out what is decided: this is a bug, or the runtime has ended")]
    Outlet,
    /// The thread could not be started.
    #[error("the engine thread cannot be started: {0}")]
    Thread(String),
}

/// Why an input is not decided.
#[derive(Debug, thiserror::Error)]
enum NotLoaded {
    /// Ends the engine.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Costs the input.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

/// An input needs more rows under one prefix than are loaded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an input needs a range of table {table} that holds more than {ROWS_UNDER_PREFIX_MAX} rows: it is not decided"
)]
pub(super) struct TooMany {
    /// The table's name in SQL.
    pub(super) table: &'static str,
}

/// What a batch wants done once it is durable.
pub type Outputs<M> = Vec<Output<<M as Machine>::Answer, <M as Machine>::Effect>>;

/// A machine over its store.
#[derive(Debug)]
pub struct Core<M: Machine, S> {
    machine: M,
    store: S,
    rows: WorkingSet<M::Row>,
    incarnation: u64,
    failed: Vec<Caller>,
    failures: u64,
    /// What nobody waits for, while the clock is not believed.
    kept: Vec<M::Input>,
    /// The latest time that is durable.
    stamped: Option<Civil>,
    lowered: Option<Civil>,
}

fn stored_own<R: Record>(store: &mut impl Store<R>) -> Result<Option<R::Row>, StoreError> {
    Ok(store.load(&[KeyOf::<R>::OWN])?.into_iter().next().flatten())
}

/// The latest time that is durable in a store; nothing in a new one.
///
/// # Errors
/// Of the store.
pub fn last_stamp<R: Record>(store: &mut impl Store<R>) -> Result<Option<Civil>, StoreError> {
    let own = stored_own(store)?;
    Ok(own.as_ref().and_then(Row::as_own).map(|own| own.civil).filter(|civil| civil.0 > 0))
}

impl<M: Machine, S: Store<M::Record>> Core<M, S> {
    /// A machine over its store; civil time goes on from where the store left it.
    pub fn new(machine: M, mut store: S) -> Result<Core<M, S>, EngineError> {
        let own = stored_own(&mut store)?;
        let own = own.as_ref().and_then(Row::as_own);
        let incarnation = own.map_or(0, |own| own.incarnation);
        let stamped = own.map(|own| own.civil).filter(|civil| civil.0 > 0);
        Ok(Core {
            machine,
            store,
            rows: WorkingSet::default(),
            incarnation,
            failed: Vec::new(),
            failures: 0,
            kept: Vec::new(),
            stamped,
            lowered: None,
        })
    }

    /// The latest time that is durable; nothing before the first.
    pub fn stamped(&self) -> Option<Civil> {
        self.stamped
    }

    /// How many inputs wait until the clock is believed.
    pub fn waiting_for_the_clock(&self) -> usize {
        self.kept.len()
    }

    /// The time to which what is stamped was lowered since the last call.
    pub fn take_lowered(&mut self) -> Option<Civil> {
        self.lowered.take()
    }

    /// How far the journal has come.
    pub fn head(&self) -> Head {
        self.store.head()
    }

    /// The incarnation of this server's last start; 0 before its first.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// When the machine wants to be woken.
    pub fn wake_at(&self) -> Option<Mono> {
        self.machine.wake_at()
    }

    /// The machine, for looking at.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The store, for looking at.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Forgets the rows that are kept between batches: the next one has to load all that it goes by.
    pub fn forget_rows(&mut self) {
        self.rows = WorkingSet::default();
    }

    /// How many inputs could not be decided, because a step panicked or needs too much: each is a bug, also where
    /// nobody waited for an answer.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Callers whose input could not be decided since the last call: they will not be answered.
    pub fn take_failed(&mut self) -> Vec<Caller> {
        std::mem::take(&mut self.failed)
    }

    /// Decides a batch if the clock is believed. If it is not, nothing is stamped: callers are refused, what nobody
    /// waits for is kept until the clock is right again, and only what needs no time is decided.
    pub fn turn(&mut self, reading: &Reading, inputs: Vec<M::Input>) -> Result<Outputs<M>, EngineError> {
        if reading.doubt.is_none() {
            let inputs = std::mem::take(&mut self.kept).into_iter().chain(inputs).collect();
            return self.run(reading.now, inputs);
        }
        let (stamping, timeless): (Vec<_>, Vec<_>) = inputs.into_iter().partition(M::stamps);
        let mut outputs = self.run(reading.now, timeless)?;
        for input in stamping {
            match M::caller(&input) {
                Some(caller) => {
                    let refusal = RefusalRecord::new(Reason::ClockNotBelieved, RefusalSide::Hub);
                    outputs.push(Output::Answer(caller, refusal.into()));
                }
                None => {
                    self.kept.retain(|kept| !M::supersedes(&input, kept));
                    self.kept.push(input);
                }
            }
        }
        Ok(outputs)
    }

    /// Decides a batch and makes it durable; what comes back may be answered and done.
    pub fn run(&mut self, now: Now, inputs: Vec<M::Input>) -> Result<Outputs<M>, EngineError> {
        let now = self.forward(now);
        let mut batch = Batch::after(self.store.head().sequence);
        // The rows that all inputs need at first sight come in one reading; what earlier inputs make needful, and
        // ranges, as it shows.
        let keys = inputs.iter().flat_map(|input| self.machine.needs(now, input, &self.rows).keys).collect();
        self.learn(keys)?;
        for input in inputs {
            match self.load(now, &input) {
                Ok(()) => self.decide(now, input, &mut batch)?,
                Err(NotLoaded::TooMany(error)) => self.fail(M::caller(&input), &error.to_string()),
                Err(NotLoaded::Store(error)) => return Err(error.into()),
            }
        }
        self.note_time(now, &mut batch)?;
        let rows = self.rows.take_changed();
        if !batch.records.is_empty() || !batch.vault.is_empty() {
            self.store.append(&Commit { records: batch.records, rows, vault: batch.vault })?;
            hit(Failpoint::BeforeAnswers);
            self.see_stamp();
        }
        self.rows.forget_beyond(CACHED_ROWS_MAX);
        Ok(batch.outputs)
    }

    /// Civil time never runs back behind what is stamped: a clock that was set back stands still until it has caught
    /// up.
    fn forward(&self, now: Now) -> Now {
        Now { civil: self.stamped.map_or(now.civil, |stamped| stamped.max(now.civil)), ..now }
    }

    /// Notes the time with what is journaled anyway, where its own records have not done so of late.
    fn note_time(
        &mut self,
        now: Now,
        batch: &mut Batch<M::Record, M::Answer, M::Effect>,
    ) -> Result<(), EngineError> {
        if batch.records.is_empty() {
            return Ok(());
        }
        if !self.rows.knows(&KeyOf::<M::Record>::OWN) {
            self.learn(vec![KeyOf::<M::Record>::OWN])?;
        }
        let noted = own(&self.rows).civil;
        // What this batch has lowered stays so.
        let is_lowered = self.stamped.is_some_and(|before| noted < before);
        if !is_lowered && now.civil.0.saturating_sub(noted.0) >= NOTED_EVERY_MS {
            Step::<M::Record, M::Answer, M::Effect>::new(now, &mut self.rows, batch)
                .record(TimeNoted { time: now.civil });
        }
        Ok(())
    }

    /// Follows the latest time that is durable. It falls only where a record has lowered it.
    fn see_stamp(&mut self) {
        if !self.rows.knows(&KeyOf::<M::Record>::OWN) {
            return;
        }
        let stamp = own(&self.rows).civil;
        if self.stamped.is_some_and(|before| stamp < before) {
            self.lowered = Some(stamp);
        }
        self.stamped = Some(stamp);
    }

    fn load(&mut self, now: Now, input: &M::Input) -> Result<(), NotLoaded> {
        loop {
            let needs = self.machine.needs(now, input, &self.rows);
            if needs.is_empty() {
                return Ok(());
            }
            self.learn(needs.keys)?;
            for prefix in needs.prefixes {
                self.learn_all(prefix)?;
            }
        }
    }

    fn learn_all(&mut self, prefix: Prefix<TableOf<M::Record>>) -> Result<(), NotLoaded> {
        let rows = self.store.load_under(&prefix, ROWS_UNDER_PREFIX_MAX + 1)?;
        if rows.len() > ROWS_UNDER_PREFIX_MAX {
            return Err(TooMany { table: prefix.table().name() }.into());
        }
        self.rows.learn_all(prefix, rows);
        Ok(())
    }

    fn learn(&mut self, mut keys: Vec<KeyOf<M::Record>>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        keys.sort_unstable();
        keys.dedup();
        let found = self.store.load(&keys)?;
        for (key, row) in keys.into_iter().zip(found) {
            self.rows.learn(key, row);
        }
        Ok(())
    }

    /// A panic while deciding is a bug that costs one input; a panic while applying costs the process.
    fn decide(
        &mut self,
        now: Now,
        input: M::Input,
        batch: &mut Batch<M::Record, M::Answer, M::Effect>,
    ) -> Result<(), EngineError> {
        let caller = M::caller(&input);
        let (machine, rows) = (&mut self.machine, &mut self.rows);
        match survive(|| machine.step(input, &mut Step::new(now, rows, batch))) {
            Ok(()) => Ok(()),
            Err(_) if batch.applying => Err(EngineError::Apply),
            Err(_) => {
                self.fail(caller, "a step panicked: this is a bug");
                Ok(())
            }
        }
    }

    /// Gives one input up.
    fn fail(&mut self, caller: Option<Caller>, error: &str) {
        tracing::error!(error, "an input was not decided; its caller is told that the outcome is not known");
        self.failures += 1;
        self.failed.extend(caller);
    }
}
