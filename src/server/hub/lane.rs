//! A province's lane: what the hub has to tell its node, and whether the node can be told. What is queued goes in one
//! call; prepares and decisions have at most two calls each in flight. A call that is late fails its own items; the
//! lane is dark only while the node does not say that it serves.

mod calls;
mod halves;

use super::link::{Link, is_late};
use crate::domain::hub::{HubMachine, Input};
use crate::domain::protocol::{Decision, Leg};
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, TransferId};
use crate::engine::Handle;
use crate::transport::backoff::{Backoff, Rarely};
use crate::transport::tls::with_sources;
use crate::wire::status::reason_of;
use std::collections::VecDeque;
use std::error::Error as _;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tonic::Status;

/// Most items of one call.
const ITEMS_MAX: usize = 1_000;
/// Calls of a kind in flight for a province. Measured: two are enough.
const CALLS_MAX: usize = 2;
/// A decision whose record nobody waits for goes with the next prepares, after so long at the latest: a node then makes
/// both durable with one sync.
const DECISIONS_WAIT: Duration = Duration::from_millis(2);
/// A link is tried so often while it is used or waits to be: a node that hangs is known before the next deadline.
const PROBE_EVERY: Duration = Duration::from_millis(500);
/// So long a node may take to say that it serves.
const PROBE_WITHIN: Duration = Duration::from_secs(1);
/// The same while nothing waits for it: a new connection is made.
const DARK_WITHIN: Duration = Duration::from_secs(2);
/// Most that passes between two tries to reach a node, in milliseconds: one that is back is used within a second.
const DARK_MAX_MS: u64 = 800;
/// The same for a node that says that it serves, and then refuses what it is asked.
const REFUSED_MAX_MS: u64 = 5_000;
/// Decisions without a receipt are told again after so long, when nothing else is under way.
const QUIET: Duration = Duration::from_secs(5);

/// An error as it may be logged: what went wrong on the way; of a node's answer the code, and the reason if that is one
/// of ours. Its words may hold anything.
fn told(error: &Status) -> String {
    if let Some(source) = error.source() {
        return with_sources(source);
    }
    let reason = reason_of(error).map(Reason::code);
    format!("{:?} {}", error.code(), reason.unwrap_or_default())
}

/// One thing to tell a province.
#[derive(Debug)]
pub(super) enum Order {
    Prepare(Box<Leg>, Instant),
    Decide(Decision),
    Flush,
}

/// A call that has ended. What it was about is told already.
struct Finished {
    is_prepare: bool,
    error: Option<Status>,
    /// Of an error that is an item's own: one such item.
    unreadable: Option<TransferId>,
}

impl Finished {
    /// The call ended well, but for an item that the node could not read.
    fn with(is_prepare: bool, unreadable: Option<(Status, TransferId)>) -> Finished {
        let (error, unreadable) = unreadable.unzip();
        Finished { is_prepare, error, unreadable }
    }

    fn failed(is_prepare: bool, error: Status) -> Finished {
        Finished { is_prepare, error: Some(error), unreadable: None }
    }
}

/// What follows from the end of a call.
enum Follow {
    GoOn,
    /// The node wants to be left alone for a while.
    Rest,
}

/// Why a lane serves no more.
enum Break {
    /// The node does not say that it serves: what is under way has failed.
    Dark(Status),
    /// It serves, and refused a call, or the connection broke: what is under way may end well.
    Refused,
    /// The server stops.
    Stop,
}

pub(super) struct Lane {
    province: ProvinceCode,
    link: Link,
    engine: Handle<HubMachine>,
    orders: UnboundedReceiver<Vec<Order>>,
    prepares: VecDeque<(Box<Leg>, Instant)>,
    decisions: VecDeque<Decision>,
    /// When what stands in `decisions` is sent at the latest.
    decide_by: Option<tokio::time::Instant>,
    calls: JoinSet<Finished>,
    preparing: usize,
    deciding: usize,
    /// When the node last answered a call.
    heard: Instant,
    /// Between calls that a node refuses.
    refused: Backoff,
    /// Of calls, since the last that went well.
    failures: Rarely,
}

impl Lane {
    pub(super) fn new(
        province: ProvinceCode,
        link: Link,
        engine: Handle<HubMachine>,
        orders: UnboundedReceiver<Vec<Order>>,
    ) -> Lane {
        Lane {
            province,
            link,
            engine,
            orders,
            prepares: VecDeque::new(),
            decisions: VecDeque::new(),
            decide_by: None,
            calls: JoinSet::new(),
            preparing: 0,
            deciding: 0,
            heard: Instant::now(),
            refused: Backoff::new(100, REFUSED_MAX_MS),
            failures: Rarely::default(),
        }
    }

    /// Runs until the server stops.
    pub(super) async fn run(mut self) {
        let (mut dark, mut failures) = (Backoff::new(100, DARK_MAX_MS), Rarely::default());
        let mut said = false;
        loop {
            let broken = match self.link.probe(DARK_WITHIN).await {
                Ok(()) => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::info!(province = %self.province, "the province can be reached");
                    }
                    dark.reset();
                    failures.reset();
                    self.tell_link(true);
                    self.serve().await
                }
                Err(error) => Break::Dark(error),
            };
            let wait = match broken {
                Break::Dark(error) => {
                    said = false;
                    self.lose_calls();
                    if is_late(&error) {
                        self.link.reconnect();
                    }
                    let why = told(&error);
                    if let Some(count) = failures.count(&why, Instant::now()) {
                        tracing::warn!(province = %self.province, why, count, "the province cannot be reached");
                    }
                    dark.wait()
                }
                Break::Refused => self.refused.wait(),
                Break::Stop => return,
            };
            self.tell_link(false);
            if !self.stay_dark(wait, &mut dark).await {
                return;
            }
        }
    }

    fn tell_link(&self, up: bool) {
        self.link.note(up);
        self.engine.tell(Input::Link { province: self.province, up });
    }

    fn lose_calls(&mut self) {
        self.calls = JoinSet::new();
        (self.preparing, self.deciding) = (0, 0);
    }

    /// Serves until the node is lost or refuses a call, or the server stops.
    async fn serve(&mut self) -> Break {
        let (mut probe, mut flushed) = (Box::pin(self.next_probe()), Instant::now());
        loop {
            self.start_calls();
            let decide_by = self.decide_by.filter(|_| self.deciding < CALLS_MAX);
            tokio::select! {
                Some(finished) = self.calls.join_next() => match finished {
                    Ok(finished) => match self.follow(finished) {
                        Follow::GoOn => {}
                        Follow::Rest => return Break::Refused,
                    },
                    Err(_) => return Break::Dark(Status::unknown("a call's task has ended early")),
                },
                orders = self.orders.recv() => {
                    let Some(orders) = orders else { return Break::Stop };
                    orders.into_iter().for_each(|order| self.queue(order));
                    while let Ok(orders) = self.orders.try_recv() {
                        orders.into_iter().for_each(|order| self.queue(order));
                    }
                }
                // The time of what waits has come: the loop's head sends it.
                () = tokio::time::sleep_until(decide_by.unwrap_or_else(tokio::time::Instant::now)),
                    if decide_by.is_some() => {}
                probed = &mut probe => {
                    match probed {
                        // Under load an answer to something else comes first, and says the same.
                        Err(error) if is_late(&error) && self.heard.elapsed() < PROBE_WITHIN => {}
                        Err(error) => return Break::Dark(error),
                        Ok(()) => {}
                    }
                    probe = Box::pin(self.next_probe());
                    // Decisions that an answer left without a receipt wait for such a quiet moment.
                    if self.calls.is_empty() && decide_by.is_none() && flushed.elapsed() >= QUIET {
                        flushed = Instant::now();
                        self.tell_link(true);
                    }
                }
            }
        }
    }

    fn next_probe(&self) -> impl Future<Output = Result<(), Status>> + use<> {
        let link = self.link.clone();
        async move {
            tokio::time::sleep(PROBE_EVERY).await;
            link.probe(PROBE_WITHIN).await
        }
    }

    fn start_calls(&mut self) {
        let prepares = self.preparing < CALLS_MAX && !self.prepares.is_empty();
        while self.deciding < CALLS_MAX && !self.decisions.is_empty() && (prepares || self.must_decide()) {
            self.deciding += 1;
            let call = self.decide_call();
            self.calls.spawn(call);
        }
        while self.preparing < CALLS_MAX && !self.prepares.is_empty() {
            self.preparing += 1;
            let call = self.prepare_call();
            self.calls.spawn(call);
        }
    }

    /// Takes what a call ended with, and gives what follows.
    fn follow(&mut self, finished: Finished) -> Follow {
        let Finished { is_prepare, error, unreadable } = finished;
        if is_prepare {
            self.preparing -= 1;
        } else {
            self.deciding -= 1;
        }
        if error.is_none() || unreadable.is_some() {
            self.heard = Instant::now();
            self.refused.reset();
        }
        let Some(error) = error else {
            self.failures.reset();
            return Follow::GoOn;
        };
        let (province, why) = (self.province, told(&error));
        if let Some(count) = self.failures.count(&why, Instant::now()) {
            match (unreadable, is_prepare) {
                (Some(transfer_id), true) => {
                    tracing::warn!(%province, why, count, %transfer_id, "the node cannot read a leg");
                }
                (Some(transfer_id), false) => tracing::error!(
                    %province, why, count, %transfer_id,
                    "ALARM: the node cannot read a decision; it is told again"
                ),
                (None, true) => tracing::warn!(%province, why, count, "prepares failed"),
                (None, false) => tracing::warn!(%province, why, count, "decisions wait for the province"),
            }
        }
        // Such an end says nothing of the others.
        if unreadable.is_some() || is_late(&error) { Follow::GoOn } else { Follow::Rest }
    }

    fn queue(&mut self, order: Order) {
        let now = tokio::time::Instant::now();
        match order {
            Order::Prepare(leg, since) => self.prepares.push_back((leg, since)),
            Order::Decide(decision) => {
                self.decide_by.get_or_insert(now + DECISIONS_WAIT);
                self.decisions.push_back(decision);
            }
            Order::Flush => self.decide_by = self.decide_by.map(|_| now),
        }
    }

    /// Whether decisions wait for nothing any more.
    fn must_decide(&self) -> bool {
        let due = self.decide_by.is_some_and(|by| by <= tokio::time::Instant::now());
        due || self.decisions.len() >= ITEMS_MAX
    }

    /// Waits before the next try; meanwhile nothing may wait on the province. Decisions stay in the outbox.
    async fn stay_dark(&mut self, wait: Duration, dark: &mut Backoff) -> bool {
        self.decisions.clear();
        self.decide_by = None;
        let mut waiting =
            std::mem::take(&mut self.prepares).into_iter().map(|(leg, _)| leg).collect::<Vec<_>>();
        let until = tokio::time::Instant::now() + wait;
        let mut admitted = self.link.admissions();
        loop {
            if !waiting.is_empty() {
                let transfer_ids = waiting.drain(..).map(|it| it.reference.id.transfer_id).collect();
                self.engine.tell(Input::PrepareFailed { province: self.province, transfer_ids });
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return true,
                // It is back: it is tried at once, and soon again if it does not serve yet.
                Ok(()) = admitted.changed() => {
                    dark.reset();
                    self.refused.reset();
                    return true;
                }
                // What was under way when the node refused something else.
                Some(Ok(finished)) = self.calls.join_next() => drop(self.follow(finished)),
                orders = self.orders.recv() => {
                    let Some(orders) = orders else { return false };
                    waiting.extend(orders.into_iter().filter_map(|order| match order {
                        Order::Prepare(leg, _) => Some(leg),
                        Order::Decide(_) | Order::Flush => None,
                    }));
                }
            }
        }
    }
}
