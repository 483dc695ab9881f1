//! Carries the hub's effects to the nodes: one lane a province, so that a dark one slows nobody.

use super::lane::{Lane, Order};
use super::link::Link;
use super::recovery::Recovery;
use super::resync_tasks::{self, ResyncTask};
use crate::domain::hub::{Effect, HubMachine, Input, Record};
use crate::domain::value::{ProvinceCode, TransferId};
use crate::engine::{Handle, Outlet, Reader, SystemClock};
use crate::server::common::sender::Mark;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The hub's way out.
#[derive(Debug)]
pub struct Dispatcher {
    lanes: BTreeMap<ProvinceCode, UnboundedSender<Vec<Order>>>,
    unserved: UnboundedSender<(ProvinceCode, TransferId)>,
    /// What servers need that were restored.
    resync_tasks: UnboundedSender<ResyncTask>,
    /// Changes when something has happened of which provinces are to be told.
    news: watch::Sender<()>,
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
        Dispatcher { lanes, unserved, resync_tasks, news: watch::Sender::new(()), clock },
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
                Effect::News => self.news.send_replace(()),
                Effect::NoticeRefused(number) => {
                    tracing::error!(
                        number,
                        "ALARM: what provinces tell of clearing under this number cannot be; it is not taken"
                    );
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
    /// Changes when something has happened in clearing.
    pub fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

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
                tasks.spawn(Lane::new(province, link, engine.clone(), orders).run());
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
