//! The way into an engine: cheap to clone, hides the channel.

use crate::domain::machine::step::{Machine, Ticket};
use crate::domain::reason::Reason;
use crate::store::Head;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use tokio::sync::{oneshot, watch};

/// One thing for the engine to do.
pub(super) enum Job<M: Machine> {
    /// Decide on an input and answer.
    Ask {
        /// Names the caller.
        ticket: Ticket,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
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
    pub fn reason(self) -> Reason {
        match self {
            AskError::Overloaded => Reason::Overloaded,
            AskError::Stopped => Reason::Stopping,
            AskError::Unknown => Reason::OutcomeUnknown,
        }
    }
}

/// The way in.
pub struct Handle<M: Machine> {
    jobs: Sender<Job<M>>,
    tickets: Arc<AtomicU64>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    heads: watch::Receiver<Head>,
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Handle<M> {
        Handle {
            jobs: self.jobs.clone(),
            tickets: Arc::clone(&self.tickets),
            waiting: Arc::clone(&self.waiting),
            waiting_max: self.waiting_max,
            heads: self.heads.clone(),
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
        heads: watch::Receiver<Head>,
        waiting: Arc<AtomicUsize>,
    ) -> Handle<M> {
        Handle { jobs, tickets: Arc::default(), waiting, waiting_max: WAITING_MAX, heads }
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
    pub async fn ask(&self, input: impl FnOnce(Ticket) -> M::Input) -> Result<M::Answer, AskError> {
        self.begin(input)?.await.map_err(|_| AskError::Unknown)
    }

    /// Hands in what a new ticket makes, and gives where the answer will come.
    pub fn begin(
        &self,
        input: impl FnOnce(Ticket) -> M::Input,
    ) -> Result<oneshot::Receiver<M::Answer>, AskError> {
        if self.waiting.load(Ordering::Relaxed) >= self.waiting_max {
            return Err(AskError::Overloaded);
        }
        self.hand_in(input)
    }

    /// As [`Handle::ask`], but never refused for load: for the protocol's own calls, which end what others began.
    pub async fn ask_always(&self, input: impl FnOnce(Ticket) -> M::Input) -> Result<M::Answer, AskError> {
        self.hand_in(input)?.await.map_err(|_| AskError::Unknown)
    }

    fn hand_in(
        &self,
        input: impl FnOnce(Ticket) -> M::Input,
    ) -> Result<oneshot::Receiver<M::Answer>, AskError> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job::Ask { ticket, input: input(ticket), reply });
        if sent.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(AskError::Stopped);
        }
        Ok(answer)
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

    /// Follows the journal's head.
    pub fn heads(&self) -> watch::Receiver<Head> {
        self.heads.clone()
    }

    /// Ends the engine once what was handed in before is done.
    pub fn stop(&self) {
        let _ = self.jobs.send(Job::Stop);
    }
}
