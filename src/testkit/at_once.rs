//! A cluster whose letters arrive at once, unless they are held or their line is cut, and whose clock its user sets. A
//! test that wants every message in its hands takes what a server wants done, and lets what it likes of it happen.

use super::calls::{Message, reply_of_hub, reply_of_node};
use super::cluster::{Cluster, HUB};
use super::country::Country;
use super::server::{Asker, Server};
use crate::domain::hub::{self, Effect};
use crate::domain::machine::{Caller, Output};
use crate::domain::node::{self, NodeMachine};
use crate::domain::protocol::{Announced, HubReply, HubRequest, NodeReply, NodeRequest, PeerMark};
use crate::domain::value::{Civil, Mono, Now, ProvinceCode, Side, StartId, TransferId};
use std::collections::{BTreeSet, VecDeque};

/// What the hub wants done.
pub type HubOutput = Output<hub::Answer, hub::Effect>;
/// What a node wants done.
pub type NodeOutput = Output<node::Answer, node::Effect>;

/// A message between the hub and a province's node.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The province whose node sends or gets it.
    pub province: ProvinceCode,
    /// Its sender, as it stood when it was sent.
    pub sender: PeerMark,
    /// A request, or a reply to one.
    pub message: Message,
    /// The decisions that it is about.
    pub told: Vec<(TransferId, Side)>,
}

/// A network on which nothing is lost, and what came of it.
#[derive(Debug)]
pub struct AtOnce {
    /// The time, for all servers.
    pub now: Now,
    /// Letters on their way.
    pub post: VecDeque<Letter>,
    /// Provinces to which the line is cut.
    pub dark: BTreeSet<ProvinceCode>,
    /// Transfers whose votes stay under way.
    pub holding: BTreeSet<TransferId>,
    held: Vec<Letter>,
    /// Where people were called.
    pub alarms: Vec<(ProvinceCode, TransferId, Side)>,
}

impl Cluster<AtOnce> {
    /// A hub that has started and nodes that have joined it, at this moment.
    pub fn started(country: Country, civil: Civil) -> Cluster<AtOnce> {
        let network = AtOnce {
            now: Now { mono: Mono(0), civil },
            post: VecDeque::new(),
            dark: BTreeSet::new(),
            holding: BTreeSet::new(),
            held: Vec::new(),
            alarms: Vec::new(),
        };
        let mut cluster = Cluster::down(country, 0, network);
        drop(cluster.start_hub_as(1, false));
        for province in cluster.country.provinces.clone() {
            cluster.restart_node(province, province.number());
            drop(cluster.link(province, true));
        }
        cluster
    }
}

/// Starts and ends of servers.
impl Cluster<AtOnce> {
    /// The hub's process ends and starts again over its disk, and has not admitted anybody; `restored`: it first hears
    /// what it lost.
    pub fn start_hub_as(&mut self, start: u8, restored: bool) -> Vec<HubOutput> {
        self.hub.crash();
        self.start_hub(StartId([start; 16]), 0, restored).expect("a store in memory");
        self.hub.incarnation += 1;
        self.run_hub_inbox()
    }

    /// The hub's process ends and starts again, and admits the nodes. What was on its way is gone.
    pub fn restart_hub(&mut self, start: u8) -> Vec<HubOutput> {
        let network = &mut self.network;
        (network.post, network.held, network.holding) = Default::default();
        let mut outputs = self.start_hub_as(start, false);
        for province in self.country.provinces.clone() {
            outputs.extend(self.join(province));
        }
        outputs
    }

    /// A node's process ends and starts again: only its disk is left.
    pub fn start_node_as(&mut self, province: ProvinceCode, start: u8) {
        self.crash(province);
        self.start_node(province, StartId([start; 16]), 0).expect("a store in memory");
    }

    /// A node's process ends and starts again, and joins.
    pub fn restart_node(&mut self, province: ProvinceCode, start: u8) {
        self.start_node_as(province, start);
        drop(self.join(province));
    }

    /// A node announces itself, proves what it has to, and takes the incarnation that it is given. Gives what else the
    /// hub wants done.
    ///
    /// # Panics
    /// If the hub refuses it.
    pub fn join(&mut self, province: ProvinceCode) -> Vec<HubOutput> {
        let mut prove = None;
        loop {
            let (node, request) = self.announcement(province, prove).expect("a node");
            self.hub_is_asked((province, node), 0, request);
            let outputs = self.run_hub_inbox();
            // A day that is over is closed first, whatever is asked.
            let is_news = |output: &HubOutput| matches!(output, Output::Effect(Effect::News));
            let (news, outputs): (Vec<_>, Vec<_>) = outputs.into_iter().partition(is_news);
            let mut outputs = VecDeque::from([outputs, news].concat());
            match outputs.pop_front() {
                Some(Output::Answer(_, hub::Answer::Announced(Announced::Prove { sequence }))) => {
                    prove = Some(sequence);
                }
                Some(Output::Answer(_, hub::Answer::Announced(admitted))) => {
                    let hub = self.hub.mark();
                    self.node_hears(province, hub, HubReply::Announced(admitted));
                    self.run_node_inbox(province, &[]);
                    return outputs.into();
                }
                other => panic!("{province} is not admitted: {other:?}"),
            }
        }
    }

    /// The line to a province is cut, or comes back.
    pub fn link(&mut self, province: ProvinceCode, up: bool) -> Vec<HubOutput> {
        match up {
            true => self.network.dark.remove(&province),
            false => self.network.dark.insert(province),
        };
        self.run_hub(hub::Input::Link { province, up })
    }
}

/// What servers take, and what comes of it.
impl Cluster<AtOnce> {
    /// A province's node.
    pub fn node(&self, province: ProvinceCode) -> &Server<NodeMachine> {
        &self.nodes[&province]
    }

    /// The same, to change it.
    pub fn node_mut(&mut self, province: ProvinceCode) -> &mut Server<NodeMachine> {
        self.nodes.get_mut(&province).expect("a node")
    }

    /// The hub takes an input; gives what it wants done.
    pub fn run_hub(&mut self, input: hub::Input) -> Vec<HubOutput> {
        self.hub.take(self.network.now, input)
    }

    /// A node takes an input; gives what it wants done.
    pub fn run_node(&mut self, province: ProvinceCode, input: node::Input) -> Vec<NodeOutput> {
        let now = self.network.now;
        self.node_mut(province).take(now, input)
    }

    fn run_hub_inbox(&mut self) -> Vec<HubOutput> {
        let inputs = std::mem::take(&mut self.hub.inbox);
        inputs.into_iter().flat_map(|input| self.run_hub(input)).collect()
    }

    fn run_node_inbox(&mut self, province: ProvinceCode, told: &[(TransferId, Side)]) {
        let inputs = std::mem::take(&mut self.node_mut(province).inbox);
        for input in inputs {
            let outputs = self.run_node(province, input);
            self.node_says(province, outputs, told);
        }
    }

    /// Votes that were held go on.
    pub fn release(&mut self) -> Vec<(Caller, hub::Answer)> {
        self.network.holding.clear();
        let held = std::mem::take(&mut self.network.held);
        self.network.post.extend(held);
        self.finish(Vec::new())
    }

    /// When a server wants to be woken next.
    pub fn wake_at(&self) -> Option<Mono> {
        self.nodes.values().map(Server::wake_at).chain([self.hub.wake_at()]).flatten().min()
    }

    /// Who wants to be woken is; what follows from it is on its way. Gives what callers were told.
    pub fn tick(&mut self) -> Vec<(Caller, hub::Answer)> {
        let (now, mut told) = (self.network.now.mono, Vec::new());
        if self.hub.wake_at().is_some_and(|at| at <= now) {
            let outputs = self.run_hub(hub::Input::Tick);
            told = self.hub_says(outputs);
        }
        for province in self.country.provinces.clone() {
            if self.node(province).wake_at().is_some_and(|at| at <= now) {
                let outputs = self.run_node(province, node::Input::Tick);
                self.node_says(province, outputs, &[]);
            }
        }
        told
    }

    /// What the hub wants done is on its way, or done where it does it itself. Gives what callers were told.
    pub fn hub_says(&mut self, outputs: Vec<HubOutput>) -> Vec<(Caller, hub::Answer)> {
        let mut told = Vec::new();
        let mut open = VecDeque::from(outputs);
        while let Some(output) = open.pop_front() {
            let (province, request) = match output {
                Output::Effect(Effect::Prepare(province, leg)) => {
                    (province, NodeRequest::Prepare(vec![*leg]))
                }
                Output::Effect(Effect::Decide(province, it)) => (province, NodeRequest::Decide(vec![it])),
                Output::Effect(Effect::AskWhatWasLost(province, above)) => {
                    (province, NodeRequest::WhatWasLost(above))
                }
                Output::Effect(Effect::News) => {
                    self.tell_notices();
                    continue;
                }
                // It is seen by the tests of it.
                Output::Effect(Effect::NoticeRefused(_)) => continue,
                Output::Effect(Effect::ReadBack(province, page)) => {
                    let page = self.read_back(province, page);
                    open.extend(self.run_hub(page));
                    continue;
                }
                Output::Effect(Effect::Recovered(incarnation)) => {
                    self.hub.incarnation = incarnation;
                    continue;
                }
                Output::Effect(Effect::Alarm(transfer_id, side)) => {
                    self.network.alarms.push((HUB, transfer_id, side));
                    continue;
                }
                // Time is in the test's hands.
                Output::Effect(Effect::Flush(_) | Effect::AcceptClock) => continue,
                Output::Answer(caller, answer) => {
                    match self.hub.callers.remove(&caller) {
                        Some(Asker::Peer(province, _)) => {
                            let reply = reply_of_hub(answer).expect("an answer to a node");
                            self.post(province, self.hub.mark(), Message::FromHub(reply), &[]);
                        }
                        Some(Asker::Client(_)) | None => told.push((caller, answer)),
                    }
                    continue;
                }
            };
            self.post(province, self.hub.mark(), Message::ToNode(request), &[]);
        }
        told
    }

    /// Each province is told what has happened in clearing.
    fn tell_notices(&mut self) {
        for province in self.country.provinces.clone() {
            let notices = self.notices(province);
            if !notices.is_empty() {
                let request = Message::ToNode(NodeRequest::Notices(notices));
                self.post(province, self.hub.mark(), request, &[]);
            }
        }
    }

    fn post(
        &mut self,
        province: ProvinceCode,
        sender: PeerMark,
        message: Message,
        told: &[(TransferId, Side)],
    ) {
        self.network.post.push_back(Letter { province, sender, message, told: told.to_vec() });
    }

    fn node_says(&mut self, province: ProvinceCode, outputs: Vec<NodeOutput>, told: &[(TransferId, Side)]) {
        for output in outputs {
            let message = match output {
                Output::Effect(node::Effect::Ask(questions)) => {
                    Message::ToHub(HubRequest::Resolve(questions))
                }
                Output::Effect(node::Effect::Post(postings)) => Message::ToHub(HubRequest::Post(postings)),
                Output::Effect(node::Effect::Announce) => {
                    let outputs = self.join(province);
                    self.hub_says(outputs);
                    continue;
                }
                Output::Effect(node::Effect::AcceptClock) => continue,
                Output::Effect(node::Effect::HubRefused) => panic!("{province} refuses the hub"),
                Output::Effect(node::Effect::Alarm(transfer_id, side)) => {
                    self.network.alarms.push((province, transfer_id, side));
                    continue;
                }
                Output::Answer(_, answer) => {
                    Message::FromNode(reply_of_node(answer).expect("an answer to the hub"))
                }
            };
            self.post(province, self.node(province).mark(), message, told);
        }
    }

    /// Carries everything at once until nothing is left but what is held; gives what callers were told.
    pub fn finish(&mut self, outputs: Vec<HubOutput>) -> Vec<(Caller, hub::Answer)> {
        let mut told = self.hub_says(outputs);
        while let Some(letter) = self.network.post.pop_front() {
            let holding = &self.network.holding;
            match &letter.message {
                Message::FromNode(NodeReply::Votes(votes))
                    if votes.iter().any(|vote| holding.contains(&vote.transfer_id)) =>
                {
                    self.network.held.push(letter);
                }
                _ => told.extend(self.arrive(letter)),
            }
        }
        told
    }

    /// A letter arrives; what follows from it is on its way. Gives what callers were told.
    pub fn arrive(&mut self, letter: Letter) -> Vec<(Caller, hub::Answer)> {
        let Letter { province, sender, message, told } = letter;
        let is_dark = self.network.dark.contains(&province);
        match message {
            // A dark province hears nothing; what it is owed stays in the hub's outbox.
            Message::ToNode(_) if is_dark => {}
            Message::ToNode(request) => {
                let told: Vec<_> = match &request {
                    NodeRequest::Decide(it) => it.iter().map(|it| (it.transfer_id, it.side)).collect(),
                    _ => Vec::new(),
                };
                if let Some(reply) = self.node_is_asked(province, (sender, 0), request) {
                    self.post(province, self.node(province).mark(), Message::FromNode(reply), &[]);
                }
                self.run_node_inbox(province, &told);
            }
            Message::ToHub(HubRequest::Resolve(questions)) if is_dark => {
                let outputs = self.run_node(province, node::Input::AskFailed { questions });
                self.node_says(province, outputs, &[]);
            }
            Message::ToHub(request) => self.hub_is_asked((province, sender), 0, request),
            Message::FromNode(reply) => drop(self.hub_hears((province, sender), reply, told)),
            Message::FromHub(reply) => {
                self.node_hears(province, sender, reply);
                self.run_node_inbox(province, &[]);
            }
        }
        let outputs = self.run_hub_inbox();
        self.hub_says(outputs)
    }
}
