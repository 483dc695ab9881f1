//! What surrounds a node's machine in place of its server: its answers to the hub, and its own way to it.

use super::Broken;
use super::network::{Call, Event, Letter, Message};
use super::people::id_hash;
use super::world::{HUB, Pending, World};
use crate::domain::acceptance::Asked;
use crate::domain::participant::{Answer, Effect, Input};
use crate::domain::policy::{Presented, PresentedLeg};
use crate::domain::protocol::Question;
use crate::domain::region::ProvinceCode;
use crate::domain::step::Output;

/// How often a node shows itself, and how long its calls may take.
const ANNOUNCE_EVERY: u64 = 5_000;
const CALL_WITHIN: u64 = 2_000;

impl World {
    /// A node takes what waits.
    pub(super) fn run_node(&mut self, province: ProvinceCode) {
        let at = self.at;
        let Some(node) = self.nodes.get_mut(&province) else { return };
        let outputs = match node.run(at) {
            Ok(outputs) => outputs,
            Err(error) => return self.failed(province, &error),
        };
        let (mark, life, wake_at) = (node.mark(), node.life, node.wake_at());
        if self.plan.broken == Some(Broken::NoTombstone) {
            let disk = node.disk.clone();
            self.forget_tombstones(&disk);
        }
        for output in outputs {
            match output {
                Output::Effect(Effect::Ask(questions)) => {
                    self.log(format_args!("{province} asks about {}", questions.len()));
                    let pending = Pending::Resolve(province, questions.clone());
                    self.call(province, HUB, Message::Resolve(mark, questions), pending, CALL_WITHIN);
                }
                Output::Effect(Effect::Alarm(transfer_id, side)) => {
                    self.complain(format!("alarm at {province}: {transfer_id} {}", side.name()));
                }
                Output::Answer(ticket, answer) => {
                    let caller = self.nodes.get_mut(&province).and_then(|node| node.callers.remove(&ticket));
                    let message = match answer {
                        Answer::Votes(votes) => Message::Votes(mark, votes),
                        Answer::Acks(acks) => Message::Acks(mark, acks),
                        _ => Message::Refused,
                    };
                    if let Some(call) = caller {
                        self.send(Letter { from: province, to: HUB, call, answer: true, message });
                    }
                }
            }
        }
        if let Some(at) = wake_at {
            self.agenda.at(at.max(self.at), Event::Wake(province, life));
        }
    }

    /// A call of the hub's reaches a node.
    pub(super) fn node_is_asked(&mut self, province: ProvinceCode, call: Call, message: Message) {
        if let Message::Decide(_, decisions) = &message {
            for decision in decisions {
                self.mark_decision(province, decision);
            }
        }
        let joined = self.joined.contains(&province);
        let Some(node) = self.nodes.get_mut(&province) else { return };
        let input = match message {
            Message::Probe => {
                let message = Message::Alive(joined);
                return self.send(Letter { from: province, to: HUB, call, answer: true, message });
            }
            Message::Prepare(hub, legs) => {
                let present = |leg: Asked| match leg {
                    Asked::First(leg) => {
                        let id_hash = id_hash(&leg.party.person.id_number);
                        Presented::Leg(PresentedLeg { leg: *leg, id_hash })
                    }
                    Asked::Accepted(leg) => Presented::Accepted(*leg),
                };
                let legs = legs.into_iter().map(present).collect();
                Input::Prepare { ticket: node.ticket(call), hub, legs }
            }
            Message::Decide(hub, decisions) => Input::Decide { ticket: node.ticket(call), hub, decisions },
            _ => return,
        };
        node.inbox.push(input);
        self.soon(province);
    }

    /// A node shows itself to the hub.
    pub(super) fn announce(&mut self, province: ProvinceCode) {
        if let Some(mark) = self.nodes.get(&province).map(|node| node.mark()) {
            let pending = Pending::Announce(province);
            self.call(province, HUB, Message::Announce(mark), pending, CALL_WITHIN);
        }
    }

    /// An answer came to a call of a node's.
    pub(super) fn node_hears(&mut self, pending: Pending, message: Message) {
        match (pending, message) {
            (Pending::Announce(province), Message::Admitted(hub, incarnation)) => {
                let Some(node) = self.nodes.get_mut(&province) else { return };
                node.set_incarnation(incarnation);
                node.inbox.push(Input::Joined { incarnation, hub });
                let life = node.life;
                if self.joined.insert(province) {
                    self.log(format_args!("{province} joins as {incarnation}"));
                }
                self.agenda.at(self.at + ANNOUNCE_EVERY, Event::Announce(province, life));
                self.soon(province);
            }
            (Pending::Resolve(province, _), Message::Rulings(hub, rulings)) => {
                if let Some(node) = self.nodes.get_mut(&province) {
                    node.inbox.push(Input::Rulings { hub, rulings });
                }
                self.soon(province);
            }
            (pending, message) => {
                self.log(format_args!("a node hears {message:?}"));
                self.unanswered(pending);
            }
        }
    }

    /// Questions that were not answered are asked again later.
    pub(super) fn not_resolved(&mut self, province: ProvinceCode, questions: Vec<Question>) {
        if let Some(node) = self.nodes.get_mut(&province) {
            node.inbox.push(Input::AskFailed { questions });
        }
        self.soon(province);
    }
}
