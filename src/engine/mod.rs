//! The single writer: one thread that owns a machine and its store, takes what waits, decides it in one batch,
//! makes that durable with one sync, and only then answers and acts. It knows neither network nor SQL.

mod clock;
mod core;
mod handle;
pub mod panics;
mod progress;
mod readers;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod tests;
mod timekeeper;

pub use clock::{Clock, Standing, SystemClock};
pub use core::{Core, EngineError, Outputs, last_stamp};
pub use handle::{AskError, Handle, Waiting};
pub use progress::Progress;
pub use readers::Reader;
pub use timekeeper::{Doubt, LIMIT_MS, Reading, Timekeeper};

use crate::domain::machine::{Caller, Machine, Output};
use crate::store::{Head, Store};
use handle::Job;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};

/// Most inputs of one batch: bounds how long the first of them waits for its answer.
const BATCH_MAX: usize = 1_024;

/// An engine that has nothing to do looks at its clock so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often others may run before a batch is taken; costs nothing when no other thread waits for this core.
const YIELDS: usize = 4;

/// Where effects go once they may.
pub trait Outlet<E>: Send {
    /// Starts to do a batch's effects, in order; `since`: when it was durable. Runs on the runtime's own thread, so it
    /// must not block.
    fn deliver(&mut self, effects: Vec<E>, since: Instant);
}

/// A running engine: the way in, and the end of its thread.
#[derive(Debug)]
pub struct Engine<M: Machine> {
    /// The way in.
    pub handle: Handle<M>,
    /// The thread; it ends when it is stopped, or with an error that the process must not survive.
    pub thread: JoinHandle<Result<(), EngineError>>,
}

/// Waits for the end of an engine's thread: it ends what it has begun, and what came of that is carried out.
///
/// # Errors
/// The engine's own; a panic where nothing may fail is [`EngineError::Apply`].
pub async fn outcome<M: Machine>(
    handle: Handle<M>,
    thread: JoinHandle<Result<(), EngineError>>,
) -> Result<(), EngineError> {
    let result = match tokio::task::spawn_blocking(move || thread.join()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(_) => Err(EngineError::Apply),
    };
    handle.ended().await;
    result
}

/// What comes of a batch that is durable.
struct Done<M: Machine> {
    /// How far the journal has come.
    head: Head,
    /// When it was durable.
    since: Instant,
    effects: Vec<M::Effect>,
    /// Each with where it goes.
    answers: Vec<(oneshot::Sender<M::Answer>, M::Answer)>,
}

/// Carries out what comes of batches on the runtime's own thread: a batch costs one wake-up of the runtime, not one for
/// each caller and effect, and responses leave together.
async fn carry_out<M: Machine>(
    mut batches: UnboundedReceiver<Done<M>>,
    mut outlet: Box<dyn Outlet<M::Effect>>,
    head: watch::Sender<Head>,
) {
    while let Some(done) = batches.recv().await {
        head.send_if_modified(|known| std::mem::replace(known, done.head) != done.head);
        if !done.effects.is_empty() {
            outlet.deliver(done.effects, done.since);
        }
        for (reply, answer) in done.answers {
            // A caller who went away misses only the answer; what he asked for is done.
            let _ = reply.send(answer);
        }
    }
}

/// Starts an engine's thread; must be called inside a tokio runtime, which carries out what comes of its batches.
/// `first` is decided before anything else, and is durable when this returns, unless the clock is not believed.
pub fn start<M, S>(
    mut core: Core<M, S>,
    clock: Arc<dyn Clock>,
    mut outlet: Box<dyn Outlet<M::Effect>>,
    first: Vec<M::Input>,
) -> Result<Engine<M>, EngineError>
where
    M: Machine + Send + 'static,
    M::Input: Send + 'static,
    M::Answer: Send + 'static,
    M::Effect: Send + 'static,
    S: Store<M::Record> + 'static,
{
    let (jobs, inbox) = channel();
    let (head, heads) = watch::channel(core.head());
    let waiting = Arc::new(AtomicUsize::new(0));
    let progress = Progress::new();
    let handle = Handle::new(jobs, (heads, progress.clone()), Arc::clone(&waiting));
    let effects = core.turn(&clock.read(), first)?.into_iter().filter_map(|output| match output {
        Output::Effect(effect) => Some(effect),
        Output::Answer(..) => None,
    });
    outlet.deliver(effects.collect(), Instant::now());
    head.send_replace(core.head());
    let (done, batches) = unbounded_channel();
    tokio::spawn(carry_out::<M>(batches, outlet, head));
    progress.mark();
    let mut shared = Shared { inbox, callers: BTreeMap::new(), waiting, done, progress };
    let run = move || {
        let result = shared.serve(&mut core, clock.as_ref());
        if let Err(error) = &result {
            tracing::error!(%error, "the engine stops: it will recover from what is stored");
        }
        result
    };
    let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(run);
    Ok(Engine { handle, thread: thread.map_err(|error| EngineError::Thread(error.to_string()))? })
}

/// The engine thread's side of the way in and the ways out.
struct Shared<M: Machine> {
    inbox: Receiver<Job<M>>,
    callers: BTreeMap<Caller, oneshot::Sender<M::Answer>>,
    waiting: Arc<AtomicUsize>,
    done: UnboundedSender<Done<M>>,
    progress: Progress,
}

impl<M: Machine> Shared<M> {
    fn serve<S: Store<M::Record>>(
        &mut self,
        core: &mut Core<M, S>,
        clock: &dyn Clock,
    ) -> Result<(), EngineError> {
        loop {
            self.progress.mark();
            let reading = clock.read();
            let wake_at = core.wake_at().filter(|_| reading.doubt.is_none());
            let Some(inputs) = self.take(wake_at.map(|at| at.0.saturating_sub(reading.now.mono.0))) else {
                return Ok(());
            };
            self.progress.mark();
            let before = core.head();
            let outputs = core.turn(&clock.read(), inputs)?;
            if core.head() != before {
                core.stamped().into_iter().for_each(|stamp| clock.stamp(stamp));
                core.take_lowered().into_iter().for_each(|to| clock.lower(to));
            }
            if core.head() != before || !outputs.is_empty() {
                self.hand_over(core.head(), outputs)?;
            }
            // A caller whose input could not be decided was not answered and never will be.
            for caller in core.take_failed() {
                self.dismiss(caller);
            }
        }
    }

    /// What waits, at most a batch of it; a tick when its time has come; nothing when the engine is to stop.
    fn take(&mut self, wake_in_ms: Option<u64>) -> Option<Vec<M::Input>> {
        let wake_in = wake_in_ms.map(Duration::from_millis);
        let wait = wake_in.unwrap_or(LOOK_EVERY).min(LOOK_EVERY);
        let mut inputs = Vec::new();
        match self.inbox.recv_timeout(wait) {
            Ok(job) => self.accept(job, &mut inputs)?,
            Err(RecvTimeoutError::Timeout) if wake_in == Some(wait) => inputs.push(M::tick()),
            Err(RecvTimeoutError::Timeout) => return Some(inputs),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        // Whoever is about to hand something in does so before this batch begins: fewer and larger commits under load.
        (0..YIELDS).for_each(|_| std::thread::yield_now());
        while inputs.len() < BATCH_MAX
            && let Ok(job) = self.inbox.try_recv()
        {
            // A stop that comes behind other work lets that work finish first.
            if self.accept(job, &mut inputs).is_none() {
                self.inbox = channel().1;
            }
        }
        if wake_in_ms == Some(0) {
            inputs.push(M::tick());
        }
        Some(inputs)
    }

    fn accept(&mut self, job: Job<M>, inputs: &mut Vec<M::Input>) -> Option<()> {
        match job {
            Job::Ask { caller, input, reply } => {
                self.callers.insert(caller, reply);
                inputs.push(input);
            }
            Job::Tell(input) => inputs.push(input),
            Job::Stop => return None,
        }
        Some(())
    }

    /// An engine whose decisions nobody carries out must make no more of them.
    fn hand_over(&mut self, head: Head, outputs: Outputs<M>) -> Result<(), EngineError> {
        let (mut effects, mut answers) = (Vec::new(), Vec::new());
        for output in outputs {
            match output {
                Output::Effect(effect) => effects.push(effect),
                Output::Answer(caller, answer) => {
                    answers.extend(self.dismiss(caller).map(|reply| (reply, answer)));
                }
            }
        }
        let done = Done { head, since: Instant::now(), effects, answers };
        self.done.send(done).map_err(|_| EngineError::Outlet)
    }

    fn dismiss(&mut self, caller: Caller) -> Option<oneshot::Sender<M::Answer>> {
        let reply = self.callers.remove(&caller);
        if reply.is_some() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        reply
    }
}
