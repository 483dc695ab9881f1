//! What surrounds a node's machine in place of its server: its answers to the hub, and its own way to it.

use super::Broken;
use super::network::{Event, Letter, Message};
use super::world::{Pending, World};
use crate::domain::machine::Output;
use crate::domain::node::{Effect, Input};
use crate::domain::protocol::{
    Announced, HubReply, HubRequest, NodeReply, NodeRequest, PeerMark, Posting, Question,
};
use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;
use crate::testkit::{self, Asker, Call, HUB, Server, reply_of_node};

/// How often a node shows itself, and how long its calls may take.
const ANNOUNCE_EVERY: u64 = 5_000;
const CALL_WITHIN: u64 = 2_000;
/// How often a node shows itself that is told again what it lost.
const RESYNC_EVERY: u64 = 500;

impl World {
    /// A node takes what waits.
    pub(super) fn run_node(&mut self, province: ProvinceCode) {
        let at = self.at;
        let Some(node) = self.cluster.nodes.get_mut(&province) else { return };
        let outputs = match node.run_at(at) {
            Ok(outputs) => outputs,
            Err(error) => return self.failed(province, &error),
        };
        let (mark, life, wake_at) = (node.mark(), node.life, node.next_wake(at));
        if self.plan.broken == Some(Broken::NoTombstone) {
            let disk = node.disk.clone();
            self.forget_tombstones(&disk);
        }
        if self.plan.broken == Some(Broken::ForgetsStrangers) {
            self.forget_strangers(province);
        }
        for output in outputs {
            match output {
                Output::Effect(Effect::Ask(questions)) => {
                    self.log(format_args!("{province} asks about {}", questions.len()));
                    let pending = Pending::Resolve(province, questions.clone());
                    self.ask_hub((province, mark), HubRequest::Resolve(questions), pending);
                }
                Output::Effect(Effect::Post(postings)) => {
                    self.log(format_args!("{province} posts {}", postings.len()));
                    let questions = postings.iter().map(Posting::question).collect();
                    let pending = Pending::Resolve(province, questions);
                    self.ask_hub((province, mark), HubRequest::Post(postings), pending);
                }
                Output::Effect(Effect::Announce) => self.announce_after(province, 0),
                Output::Effect(Effect::AcceptClock) => {
                    self.cluster.nodes.get_mut(&province).into_iter().for_each(|node| node.accept_clock(at));
                }
                Output::Effect(Effect::HubRefused) => self.report.count("hub refused"),
                Output::Effect(Effect::Alarm(..)) if self.is_aftermath() => {}
                Output::Effect(Effect::Alarm(transfer_id, side)) => self.alarm(province, transfer_id, side),
                Output::Answer(ticket, answer) => {
                    let caller =
                        self.cluster.nodes.get_mut(&province).and_then(|node| node.callers.remove(&ticket));
                    if let Some((Asker::Peer(_, call), reply)) = caller.zip(reply_of_node(answer)) {
                        self.reply_to_hub((province, mark), call, reply);
                    }
                }
            }
        }
        if let Some(at) = wake_at {
            self.cluster.network.at(at, Event::Wake(province, life));
        }
    }

    fn ask_hub(&mut self, (province, node): (ProvinceCode, PeerMark), request: HubRequest, pending: Pending) {
        let message = Message::Peer(node, testkit::Message::ToHub(request));
        self.call(province, HUB, message, pending, CALL_WITHIN);
    }

    fn reply_to_hub(&mut self, (from, node): (ProvinceCode, PeerMark), call: Call, reply: NodeReply) {
        let message = Message::Peer(node, testkit::Message::FromNode(reply));
        self.send(Letter { from, to: HUB, call, message });
    }

    /// A call of the hub's reaches a node.
    pub(super) fn node_is_asked(
        &mut self,
        province: ProvinceCode,
        call: Call,
        hub: PeerMark,
        mut request: NodeRequest,
    ) {
        self.break_decisions(province, &mut request);
        if matches!(request, NodeRequest::Prepare(_)) && self.key(province).is_some() {
            return self.prepare_by_key((province, hub), call, request);
        }
        match self.cluster.node_is_asked(province, (hub, call), request) {
            Some(reply) => {
                let Some(mark) = self.cluster.nodes.get(&province).map(Server::mark) else { return };
                self.reply_to_hub((province, mark), call, reply);
            }
            None => self.soon(province),
        }
    }

    /// A node will show itself to the hub, unless it will sooner.
    pub(super) fn announce_after(&mut self, province: ProvinceCode, after: u64) {
        let Some(life) = self.cluster.life(province) else { return };
        let at = self.at + after;
        let sooner = |next: &(u64, u64)| next.0 == life && next.1 <= at;
        if !self.announcing.get(&province).is_some_and(sooner) {
            self.announcing.insert(province, (life, at));
            self.cluster.network.at(at, Event::Announce(province, life));
        }
    }

    /// The time has come, if no sooner one was chosen meanwhile.
    pub(super) fn announce_now(&mut self, province: ProvinceCode, life: u64) {
        if self.announcing.get(&province).is_some_and(|next| next.0 == life && next.1 <= self.at) {
            self.announcing.remove(&province);
            self.announce(province, None);
        }
    }

    /// A node shows itself to the hub.
    pub(super) fn announce(&mut self, province: ProvinceCode, prove: Option<u64>) {
        let Some((mark, request)) = self.cluster.announcement(province, prove) else { return };
        self.ask_hub((province, mark), request, Pending::Announce(province));
    }

    /// An answer came to a call of a node's.
    pub(super) fn node_hears(&mut self, pending: Pending, hub: PeerMark, reply: HubReply) {
        match (pending, reply) {
            (Pending::Announce(province), HubReply::Announced(Announced::Prove { sequence })) => {
                self.announce(province, Some(sequence))
            }
            (Pending::Announce(province), HubReply::Refused(Reason::Recovering)) => {
                self.cluster.node_hears(province, hub, HubReply::Refused(Reason::Recovering));
                self.announce_after(province, RESYNC_EVERY);
                self.run_node(province);
            }
            (Pending::Announce(province), HubReply::Refused(Reason::HubBehind)) => {
                self.hub_was_found();
                self.unanswered(Pending::Announce(province));
            }
            // No store is lost from its first record on.
            (Pending::Announce(province), HubReply::Refused(Reason::OtherLineage)) => {
                self.complain(format!("{province} or the hub is taken for another store"));
            }
            // Another start has taken its place, or so it looks when an announcement of an earlier life comes late: the
            // process ends, and is started again.
            (Pending::Announce(province), HubReply::Refused(Reason::SenderRefused))
                if self.cluster.joined.contains_key(&province) =>
            {
                self.report.count("superseded");
                self.crash(province, "superseded");
            }
            (
                Pending::Announce(province),
                reply @ HubReply::Announced(Announced::Admitted { incarnation, resync, .. }),
            ) => {
                let before = self.cluster.joined.get(&province).copied();
                self.cluster.node_hears(province, hub, reply);
                self.was_found(province, resync);
                if let Some(first @ &mut u64::MAX) = self.restored.get_mut(&province) {
                    *first = incarnation;
                }
                if before != Some(resync) {
                    self.log(format_args!("{province} joins as {incarnation}, resync {resync}"));
                    self.report.count(if resync { "resync" } else { "joined" });
                }
                let every = if resync { RESYNC_EVERY } else { ANNOUNCE_EVERY };
                self.announce_after(province, every);
                self.soon(province);
            }
            (Pending::Resolve(province, _), reply @ HubReply::Rulings(_)) => {
                self.cluster.node_hears(province, hub, reply);
                self.soon(province);
            }
            (pending, reply) => {
                if let HubReply::Refused(reason) = reply {
                    self.log(format_args!("a node hears Refused({:?})", Some(reason)));
                }
                self.unanswered(pending);
            }
        }
    }

    /// Questions that were not answered are asked again later.
    pub(super) fn not_resolved(&mut self, province: ProvinceCode, questions: Vec<Question>) {
        if let Some(node) = self.cluster.nodes.get_mut(&province) {
            node.inbox.push(Input::AskFailed { questions });
        }
        self.soon(province);
    }
}
