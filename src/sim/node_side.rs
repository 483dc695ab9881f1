//! What surrounds a node's machine in place of its server: its answers to the hub, and its own way to it.

use super::Broken;
use super::network::{Call, Event, Letter, Message};
use super::people::id_hash;
use super::world::{HUB, Pending, World};
use crate::domain::hub::{Announcement, HeardLeg};
use crate::domain::machine::own::PeerRow;
use crate::domain::machine::step::Output;
use crate::domain::machine::table::TableRow;
use crate::domain::node::tables::{Key, LegRow};
use crate::domain::node::{Answer, Effect, Input, leg_record};
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::message::Question;
use crate::domain::reason::Reason;
use crate::domain::value::region::ProvinceCode;

/// How often a node shows itself, and how long its calls may take.
const ANNOUNCE_EVERY: u64 = 5_000;
const CALL_WITHIN: u64 = 2_000;
/// How often a node shows itself that is told again what it lost.
const RESYNC_EVERY: u64 = 500;

impl World {
    /// A node takes what waits.
    pub(super) fn run_node(&mut self, province: ProvinceCode) {
        let at = self.at;
        let Some(node) = self.nodes.get_mut(&province) else { return };
        let outputs = match node.run(at) {
            Ok(outputs) => outputs,
            Err(error) => return self.failed(province, &error),
        };
        let (mark, life, wake_at) = (node.mark(), node.life, node.next_wake(at));
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
                Output::Effect(Effect::Announce) => self.announce_after(province, 0),
                Output::Effect(Effect::HubRefused) => self.report.count("hub refused"),
                Output::Effect(Effect::Alarm(..)) if self.is_aftermath() => {}
                Output::Effect(Effect::Alarm(transfer_id, side)) => self.alarm(province, transfer_id, side),
                Output::Answer(ticket, answer) => {
                    let caller = self.nodes.get_mut(&province).and_then(|node| node.callers.remove(&ticket));
                    let message = match answer {
                        Answer::Votes(votes) => Message::Votes(mark, votes),
                        Answer::Acks(acks) => Message::Acks(mark, acks),
                        _ => Message::Refused(None),
                    };
                    if let Some(call) = caller {
                        self.send(Letter { from: province, to: HUB, call, answer: true, message });
                    }
                }
            }
        }
        if let Some(at) = wake_at {
            self.agenda.at(at, Event::Wake(province, life));
        }
    }

    /// A call of the hub's reaches a node.
    pub(super) fn node_is_asked(&mut self, province: ProvinceCode, call: Call, message: Message) {
        let joined = self.joined.contains_key(&province);
        let Some(node) = self.nodes.get_mut(&province) else { return };
        let input = match message {
            Message::Probe => {
                let message = Message::Alive(joined);
                return self.send(Letter { from: province, to: HUB, call, answer: true, message });
            }
            Message::WhatWasLost(above) => {
                let legs = node
                    .disk
                    .rows()
                    .iter()
                    .filter_map(LegRow::of)
                    .filter_map(|leg| heard(leg, above))
                    .collect();
                let message = Message::Legs(legs);
                return self.send(Letter { from: province, to: HUB, call, answer: true, message });
            }
            Message::Prepare(hub, legs) => {
                let legs = legs.into_iter().map(|leg| Ok(leg.with_id_hash(id_hash))).collect();
                Input::Prepare { ticket: node.ticket(call), hub, legs }
            }
            Message::Decide(hub, decisions) => Input::Decide { ticket: node.ticket(call), hub, decisions },
            _ => return,
        };
        node.inbox.push(input);
        self.soon(province);
    }

    /// A node will show itself to the hub, unless it will sooner.
    pub(super) fn announce_after(&mut self, province: ProvinceCode, after: u64) {
        let Some(life) = self.life(province) else { return };
        let at = self.at + after;
        let sooner = |next: &(u64, u64)| next.0 == life && next.1 <= at;
        if !self.announcing.get(&province).is_some_and(sooner) {
            self.announcing.insert(province, (life, at));
            self.agenda.at(at, Event::Announce(province, life));
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
        let again = self.joined.contains_key(&province);
        let Some(node) = self.nodes.get(&province) else { return };
        let row = node.disk.row(&Key::Peer(ProvinceCode::HUB));
        let hub_seen = row.as_ref().and_then(PeerRow::of).map(PeerRow::mark);
        let proof = prove.map(|sequence| (sequence, node.hash_at(sequence).unwrap_or_default()));
        let hub_incarnation = hub_seen.map_or(0, |seen| seen.incarnation);
        let announcement =
            Announcement { province, mark: node.mark(), proof, again, hub_incarnation, knows_us_to: None };
        let message = Message::Announce(Box::new(announcement), hub_seen);
        self.call(province, HUB, message, Pending::Announce(province), CALL_WITHIN);
    }

    /// An answer came to a call of a node's.
    pub(super) fn node_hears(&mut self, pending: Pending, message: Message) {
        match (pending, message) {
            (Pending::Announce(province), Message::Prove(sequence)) => {
                self.announce(province, Some(sequence))
            }
            (Pending::Announce(province), Message::Refused(Some(Reason::Recovering))) => {
                let Some(node) = self.nodes.get_mut(&province) else { return };
                node.inbox.push(Input::HubRecovers);
                self.joined.remove(&province);
                self.announce_after(province, RESYNC_EVERY);
                self.run_node(province);
            }
            (Pending::Announce(province), Message::Refused(Some(Reason::HubBehind))) => {
                self.hub_was_found();
                self.unanswered(Pending::Announce(province));
            }
            // Another start has taken its place, or so it looks when an announcement of an earlier life comes late: the
            // process ends, and is started again.
            (Pending::Announce(province), Message::Refused(Some(Reason::SenderRefused)))
                if self.joined.contains_key(&province) =>
            {
                self.report.count("superseded");
                self.crash(province, "superseded");
            }
            (Pending::Announce(province), Message::Admitted(hub, incarnation, (resync, hub_recovered))) => {
                let Some(node) = self.nodes.get_mut(&province) else { return };
                node.set_incarnation(incarnation);
                node.inbox.push(Input::Joined { incarnation, hub, resync, hub_recovered });
                self.was_found(province, resync);
                if let Some(first @ &mut u64::MAX) = self.restored.get_mut(&province) {
                    *first = incarnation;
                }
                if self.joined.insert(province, resync) != Some(resync) {
                    self.log(format_args!("{province} joins as {incarnation}, resync {resync}"));
                    self.report.count(if resync { "resync" } else { "joined" });
                }
                let every = if resync { RESYNC_EVERY } else { ANNOUNCE_EVERY };
                self.announce_after(province, every);
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

/// A leg as its node tells it to a hub that was restored: committed with a later number, or in doubt.
pub fn heard(leg: &LegRow, above: u64) -> Option<HeardLeg> {
    let committed = match leg.state {
        LegState::Prepared => None,
        LegState::Committed if leg.hub_seq > Some(above) => {
            Some((leg.window?, leg.hub_seq?, leg.decide_time?))
        }
        LegState::Committed
        | LegState::Refused
        | LegState::Tombstone
        | LegState::Aborted
        | LegState::Awaiting => return None,
    };
    Some(HeardLeg {
        transfer_id: leg.transfer_id,
        side: leg.side,
        terms_digest: leg.terms_digest,
        amount: leg.amount,
        counter_region: leg.counter_region?,
        receipt_time: leg.receipt_time,
        committed,
        leg_record: leg_record(leg)?,
        rulebook: leg.rulebook,
        returns: leg.returns,
    })
}
