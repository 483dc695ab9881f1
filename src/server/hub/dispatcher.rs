//! Carries the hub's effects to the nodes: one lane a province, so that a dark one slows nobody. What is queued goes
//! in one call; prepares and decisions have at most two calls each in flight.

use super::link::{Link, Prepared};
use super::recovery::Recovery;
use super::resync_tasks::{self, ResyncTask};
use crate::domain::hub::{Effect, HubMachine, Input, Record};
use crate::domain::protocol::{Ask, Decision, Leg};
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, TransferId};
use crate::engine::{Handle, Outlet, Reader, SystemClock};
use crate::server::common::sender::Mark;
use crate::transport::backoff::Backoff;
use crate::wire::status::reason_of;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tonic::{Code, Status};

/// Most items of one call.
const ITEMS_MAX: usize = 1_000;
/// Calls of a kind in flight for a province. Measured: two are enough.
const CALLS_MAX: usize = 2;
/// A decision whose record nobody waits for goes with the next prepares, after so long at the latest: a node then makes
/// both durable with one sync.
const DECISIONS_WAIT: Duration = Duration::from_millis(2);
/// An idle link is tried again after so long, so that a province that went dark is known before it is needed.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// A node's error as it may be logged: its code, and its reason if that is one of ours. Its words may hold anything.
fn told(error: &Status) -> String {
    let reason = reason_of(error).map(Reason::code);
    format!("{:?} {}", error.code(), reason.unwrap_or_default())
}

/// One thing to tell a province.
#[derive(Debug)]
enum Order {
    Prepare(Box<Leg>, Instant),
    Decide(Decision),
    Flush,
}

/// The hub's way out.
#[derive(Debug)]
pub struct Dispatcher {
    lanes: BTreeMap<ProvinceCode, UnboundedSender<Vec<Order>>>,
    unserved: UnboundedSender<(ProvinceCode, TransferId)>,
    /// What servers need that were restored.
    resync_tasks: UnboundedSender<ResyncTask>,
    clock: Arc<SystemClock>,
}

/// The lanes' ends, to be run once the engine is there.
#[derive(Debug)]
pub struct Lanes {
    orders: BTreeMap<ProvinceCode, UnboundedReceiver<Vec<Order>>>,
    unserved: UnboundedReceiver<(ProvinceCode, TransferId)>,
    resync_tasks: UnboundedReceiver<ResyncTask>,
}

/// A dispatcher for these provinces, and the lanes that it feeds.
pub fn dispatcher(
    provinces: impl IntoIterator<Item = ProvinceCode>,
    clock: Arc<SystemClock>,
) -> (Dispatcher, Lanes) {
    let (mut lanes, mut orders) = (BTreeMap::new(), BTreeMap::new());
    for province in provinces {
        let (sender, receiver) = unbounded_channel();
        lanes.insert(province, sender);
        orders.insert(province, receiver);
    }
    let (unserved, no_node) = unbounded_channel();
    let (resync_tasks, wanted) = unbounded_channel();
    (
        Dispatcher { lanes, unserved, resync_tasks, clock },
        Lanes { orders, unserved: no_node, resync_tasks: wanted },
    )
}

impl Outlet<Effect> for Dispatcher {
    fn deliver(&mut self, effects: Vec<Effect>, since: Instant) {
        let mut orders: BTreeMap<ProvinceCode, Vec<Order>> = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::Prepare(province, leg) => {
                    orders.entry(province).or_default().push(Order::Prepare(leg, since));
                }
                Effect::Decide(province, decision) => {
                    orders.entry(province).or_default().push(Order::Decide(decision));
                }
                Effect::Flush(province) => orders.entry(province).or_default().push(Order::Flush),
                // Once the lanes have ended the server is stopping; the node's next announcement asks again.
                Effect::ReadBack(province, page) => {
                    drop(self.resync_tasks.send(ResyncTask::Page(province, page)))
                }
                Effect::AskWhatWasLost(province, above) => {
                    drop(self.resync_tasks.send(ResyncTask::Ask(province, above)));
                }
                Effect::AcceptClock => self.clock.accept(),
                Effect::Recovered(incarnation) => {
                    drop(self.resync_tasks.send(ResyncTask::Recovered(incarnation)))
                }
                Effect::Alarm(transfer_id, side) => {
                    tracing::error!(
                        %transfer_id,
                        side = side.name(),
                        "ALARM: an incident was noted: `gongji incidents` says what and why"
                    );
                }
            }
        }
        for (province, orders) in orders {
            match self.lanes.get(&province) {
                // A lane that has ended belongs to a server that is stopping; the outbox tells again at its next start.
                Some(lane) => drop(lane.send(orders)),
                None => self.refuse(province, orders),
            }
        }
    }
}

impl Dispatcher {
    /// No node serves the province: its prepares fail at once.
    fn refuse(&self, province: ProvinceCode, orders: Vec<Order>) {
        for order in orders {
            if let Order::Prepare(leg, _) = order {
                let _ = self.unserved.send((province, leg.reference.id.transfer_id));
            }
        }
    }
}

impl Lanes {
    /// Runs every lane until its task set is dropped. `links` are the nodes that the configuration names.
    pub fn run(
        self,
        links: BTreeMap<ProvinceCode, Link>,
        engine: &Handle<HubMachine>,
        journal: Reader<Record>,
        own: (Mark, Recovery),
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(resync_tasks::run(self.resync_tasks, links.clone(), engine.clone(), journal, own));
        let mut links = links;
        for (province, orders) in self.orders {
            if let Some(link) = links.remove(&province) {
                let lane = Lane {
                    province,
                    link,
                    engine: engine.clone(),
                    orders,
                    prepares: VecDeque::new(),
                    decisions: VecDeque::new(),
                    decide_by: None,
                };
                tasks.spawn(lane.run());
            }
        }
        tasks.spawn(refuse_unserved(self.unserved, engine.clone()));
        tasks
    }
}

/// Transfers to a province that no node serves are aborted at once.
async fn refuse_unserved(
    mut unserved: UnboundedReceiver<(ProvinceCode, TransferId)>,
    engine: Handle<HubMachine>,
) {
    while let Some((province, transfer_id)) = unserved.recv().await {
        engine.tell(Input::PrepareFailed { province, transfer_ids: vec![transfer_id] });
    }
}

/// What a finished call says of the link.
enum Finished {
    Prepare { well: bool },
    Decide { well: bool },
}

/// Prepares on their way. Those that are not answered have failed, however their call ends: a lane that loses its link
/// drops the calls that are still under way.
struct Unanswered {
    province: ProvinceCode,
    engine: Handle<HubMachine>,
    transfer_ids: Vec<TransferId>,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let transfer_ids = std::mem::take(&mut self.transfer_ids);
        if !transfer_ids.is_empty() {
            self.engine.tell(Input::PrepareFailed { province: self.province, transfer_ids });
        }
    }
}

struct Lane {
    province: ProvinceCode,
    link: Link,
    engine: Handle<HubMachine>,
    orders: UnboundedReceiver<Vec<Order>>,
    prepares: VecDeque<(Box<Leg>, Instant)>,
    decisions: VecDeque<Decision>,
    /// When what stands in `decisions` is sent at the latest.
    decide_by: Option<tokio::time::Instant>,
}

impl Lane {
    async fn run(mut self) {
        let mut backoff = Backoff::new(100, 5_000);
        loop {
            match self.link.probe().await {
                Ok(()) => {
                    backoff.reset();
                    tracing::info!(province = %self.province, "the province can be reached");
                    self.link.note(true);
                    self.engine.tell(Input::Link { province: self.province, up: true });
                    if !self.serve().await {
                        return;
                    }
                    tracing::warn!(province = %self.province, "the province cannot be reached");
                }
                Err(error) => {
                    tracing::debug!(province = %self.province, error = %told(&error), "not reached")
                }
            }
            self.link.note(false);
            self.engine.tell(Input::Link { province: self.province, up: false });
            if !self.stay_dark(backoff.wait()).await {
                return;
            }
        }
    }

    /// Serves until the link fails (true) or the server stops (false).
    async fn serve(&mut self) -> bool {
        let mut calls: JoinSet<Finished> = JoinSet::new();
        let (mut preparing, mut deciding) = (0, 0);
        loop {
            let prepares = preparing < CALLS_MAX && !self.prepares.is_empty();
            while deciding < CALLS_MAX && !self.decisions.is_empty() && (prepares || self.must_decide()) {
                deciding += 1;
                calls.spawn(self.decide_call());
            }
            while preparing < CALLS_MAX && !self.prepares.is_empty() {
                preparing += 1;
                calls.spawn(self.prepare_call());
            }
            let decide_by = self.decide_by.filter(|_| deciding < CALLS_MAX);
            let idle = calls.is_empty();
            tokio::select! {
                Some(finished) = calls.join_next() => {
                    let well = match finished {
                        Ok(Finished::Prepare { well }) => { preparing -= 1; well }
                        Ok(Finished::Decide { well }) => { deciding -= 1; well }
                        Err(_) => false,
                    };
                    if !well {
                        return true;
                    }
                }
                orders = self.orders.recv() => {
                    let Some(orders) = orders else { return false };
                    orders.into_iter().for_each(|order| self.queue(order));
                    while let Ok(orders) = self.orders.try_recv() {
                        orders.into_iter().for_each(|order| self.queue(order));
                    }
                }
                // The time of what waits has come: the loop's head sends it.
                () = tokio::time::sleep_until(decide_by.unwrap_or_else(tokio::time::Instant::now)),
                    if decide_by.is_some() => {}
                () = tokio::time::sleep(PROBE_EVERY), if idle && decide_by.is_none() => {
                    if self.link.probe().await.is_err() {
                        return true;
                    }
                    // Decisions without a receipt wait for such a quiet moment.
                    self.engine.tell(Input::Link { province: self.province, up: true });
                }
            }
        }
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

    /// Legs that are asked for by their id go in calls of their own: a node of before acceptance cannot read them, and
    /// must not refuse the others with them.
    fn prepare_call(&mut self) -> impl Future<Output = Finished> + use<> {
        let is_first = |(leg, _): &(Box<Leg>, Instant)| matches!(leg.ask, Ask::ByPerson { .. });
        let first = self.prepares.front().is_some_and(is_first);
        let count = self.prepares.iter().take(ITEMS_MAX).take_while(|it| is_first(it) == first).count();
        let waited = |since: Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let legs: Vec<Leg> =
            self.prepares.drain(..count).map(|(leg, since)| leg.waited(waited(since))).collect();
        let (province, link, engine) = (self.province, self.link.clone(), self.engine.clone());
        let transfer_ids = legs.iter().map(|it| it.reference.id.transfer_id).collect();
        let mut unanswered = Unanswered { province, engine: engine.clone(), transfer_ids };
        async move {
            let count = legs.len();
            match link.prepare(legs).await {
                Ok(Prepared { votes, refusals }) => {
                    unanswered.transfer_ids.clear();
                    if let Some((node, votes)) = votes {
                        engine.tell(Input::Votes { province, node, votes });
                    }
                    if !refusals.is_empty() {
                        engine.tell(Input::NoVote { province, refusals });
                    }
                    Finished::Prepare { well: true }
                }
                Err(error) => {
                    tracing::warn!(%province, error = %told(&error), count, "prepares failed");
                    // A node that cannot read a call is there all the same.
                    Finished::Prepare { well: error.code() == Code::InvalidArgument }
                }
            }
        }
    }

    fn decide_call(&mut self) -> impl Future<Output = Finished> + use<> {
        let count = self.decisions.len().min(ITEMS_MAX);
        let decisions: Vec<Decision> = self.decisions.drain(..count).collect();
        if self.decisions.is_empty() {
            self.decide_by = None;
        }
        let (province, link, engine) = (self.province, self.link.clone(), self.engine.clone());
        async move {
            match link.decide(&decisions).await {
                Ok((node, acks)) => {
                    let told = decisions.iter().map(|it| (it.transfer_id, it.side)).collect();
                    engine.tell(Input::Acks { province, node, told, acks });
                    Finished::Decide { well: true }
                }
                Err(error) => {
                    let (error, count) = (told(&error), decisions.len());
                    tracing::warn!(%province, %error, count, "decisions wait for the province");
                    Finished::Decide { well: false }
                }
            }
        }
    }

    /// Waits before the next try; meanwhile nothing may wait on the province. Decisions stay in the outbox.
    async fn stay_dark(&mut self, wait: Duration) -> bool {
        self.decisions.clear();
        self.decide_by = None;
        let mut waiting =
            std::mem::take(&mut self.prepares).into_iter().map(|(leg, _)| leg).collect::<Vec<_>>();
        let until = tokio::time::Instant::now() + wait;
        loop {
            if !waiting.is_empty() {
                let transfer_ids = waiting.drain(..).map(|it| it.reference.id.transfer_id).collect();
                self.engine.tell(Input::PrepareFailed { province: self.province, transfer_ids });
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return true,
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
