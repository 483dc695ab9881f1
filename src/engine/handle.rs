//! The way into an engine: cheap to clone, hides the channel.

use crate::domain::machine::{Answers, Caller, Machine, OtherAnswer, Ticket};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::engine::Progress;
use crate::store::Head;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use tokio::sync::{oneshot, watch};

/// One thing for the engine to do.
pub(super) enum Job<M: Machine> {
    /// Decide on an input and answer.
    Ask {
        /// Who waits for the answer.
        caller: Caller,
        /// The input.
        input: M::Input,
        /// Where the answer goes.
        reply: oneshot::Sender<M::Answer>,
    },
    /// Decide on an input.
    Tell(M::Input),
    /// End.
    Stop,
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The machine refused it; nothing was changed.
    #[error("refused: {}", .0.reason.code())]
    Refused(RefusalRecord),
    /// Too many wait already; nothing was begun.
    #[error("too many callers wait")]
    Overloaded,
    /// The engine has stopped; nothing was begun.
    #[error("the engine has stopped")]
    Stopped,
    /// The engine took the input, and its answer was lost: the outcome is not known.
    #[error("the outcome is not known")]
    Unknown,
}

impl AskError {
    /// What a caller is told.
    pub fn refusal(self) -> RefusalRecord {
        let reason = match self {
            AskError::Refused(refusal) => return refusal,
            AskError::Overloaded => Reason::Overloaded,
            AskError::Stopped => Reason::Stopping,
            AskError::Unknown => Reason::OutcomeUnknown,
        };
        RefusalRecord::new(reason, RefusalSide::Hub)
    }
}

/// Where the answer to what was handed in will come.
pub struct Waiting<M: Machine, T> {
    answer: oneshot::Receiver<M::Answer>,
    answered: PhantomData<fn() -> T>,
}

impl<M: Machine<Answer: Answers<T>>, T> Waiting<M, T> {
    /// Waits for it.
    ///
    /// # Errors
    /// `Refused`, `Unknown`.
    pub async fn answer(self) -> Result<T, AskError> {
        let answer = self.answer.await.map_err(|_| AskError::Unknown)?;
        // A ticket is only ever answered as its type says.
        let answered = answer.try_into().map_err(|OtherAnswer| AskError::Unknown)?;
        answered.map_err(AskError::Refused)
    }
}

/// The way in.
pub struct Handle<M: Machine> {
    jobs: Sender<Job<M>>,
    callers: Arc<AtomicU64>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    heads: watch::Receiver<Head>,
    progress: Progress,
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Handle<M> {
        Handle {
            jobs: self.jobs.clone(),
            callers: Arc::clone(&self.callers),
            waiting: Arc::clone(&self.waiting),
            waiting_max: self.waiting_max,
            heads: self.heads.clone(),
            progress: self.progress.clone(),
        }
    }
}

impl<M: Machine> std::fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// Most callers that may wait at once unless the server says otherwise.
const WAITING_MAX: usize = 20_000;

impl<M: Machine> Handle<M> {
    pub(super) fn new(
        jobs: Sender<Job<M>>,
        (heads, progress): (watch::Receiver<Head>, Progress),
        waiting: Arc<AtomicUsize>,
    ) -> Handle<M> {
        Handle { jobs, callers: Arc::default(), waiting, waiting_max: WAITING_MAX, heads, progress }
    }

    /// The same way in, with another limit for callers that wait at once.
    pub fn with_waiting_max(mut self, waiting_max: usize) -> Handle<M> {
        self.waiting_max = waiting_max;
        self
    }

    /// Waits until the engine has ended, because it was stopped or cannot go on, and what came of its batches is
    /// carried out.
    pub async fn ended(self) {
        let mut heads = self.heads.clone();
        // The engine's thread must not live by this.
        drop(self);
        while heads.changed().await.is_ok() {}
    }

    /// Whether so many wait that whatever can come again later should: half of those that may.
    pub fn is_loaded(&self) -> bool {
        self.waiting.load(Ordering::Relaxed).saturating_mul(2) >= self.waiting_max
    }

    /// Hands in what a new ticket makes, and waits for the answer. A caller that stops waiting cancels nothing.
    pub async fn ask<T>(&self, input: impl FnOnce(Ticket<T>) -> M::Input) -> Result<T, AskError>
    where
        M::Answer: Answers<T>,
    {
        self.begin(input)?.answer().await
    }

    /// Hands in what a new ticket makes, and gives where the answer will come.
    pub fn begin<T>(&self, input: impl FnOnce(Ticket<T>) -> M::Input) -> Result<Waiting<M, T>, AskError> {
        if self.waiting.load(Ordering::Relaxed) >= self.waiting_max {
            return Err(AskError::Overloaded);
        }
        self.hand_in(input)
    }

    /// As [`Handle::ask`], but never refused for load: for the protocol's own calls, which end what others began.
    pub async fn ask_always<T>(&self, input: impl FnOnce(Ticket<T>) -> M::Input) -> Result<T, AskError>
    where
        M::Answer: Answers<T>,
    {
        self.hand_in(input)?.answer().await
    }

    fn hand_in<T>(&self, input: impl FnOnce(Ticket<T>) -> M::Input) -> Result<Waiting<M, T>, AskError> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let caller = self.callers.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job::Ask { caller, input: input(Ticket::new(caller)), reply });
        if sent.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(AskError::Stopped);
        }
        Ok(Waiting { answer, answered: PhantomData })
    }

    /// Hands in an input that nobody waits for. Never refused for load: votes and receipts make room, not work.
    pub fn tell(&self, input: M::Input) {
        // An engine that has stopped takes nothing more; the peer will tell again.
        let _ = self.jobs.send(Job::Tell(input));
    }

    /// How far the journal has come, durably.
    pub fn head(&self) -> Head {
        *self.heads.borrow()
    }

    /// Whether the engine's thread gets on.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the journal's head.
    pub fn heads(&self) -> watch::Receiver<Head> {
        self.heads.clone()
    }

    /// Ends the engine once what was handed in before is done.
    pub fn stop(&self) {
        let _ = self.jobs.send(Job::Stop);
    }
}
