//! Servers that take inputs, and what comes of it in the world.

use super::broken::Broken;
use super::letter::{Letter, Message};
use super::server::{Outputs, Server, print};
use super::world::{CALL, Fate, Mark, State, World};
use gongji::domain::hub::{self, HubMachine};
use gongji::domain::machine::{Caller, IncidentRow, Machine, Output};
use gongji::domain::node::{self, NodeMachine};
use gongji::domain::protocol::{HubReply, HubRequest, NodeReply, NodeRequest, PeerMark, TransferState};
use gongji::domain::reason::Reason;
use gongji::domain::value::{Mono, ProvinceCode, StartId, TransferId};
use gongji::testkit::{reply_of_hub, reply_of_node};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What a server's taking of an input comes to. The same server takes the same input in many states of the world, and
/// is run once for all of them.
#[derive(Debug)]
pub struct Taken<M: Machine> {
    next: Arc<Server<M>>,
    letters: Vec<Arc<Letter>>,
    told: Vec<(TransferId, TransferState)>,
    refused: u32,
    alarm: bool,
}

impl<M: Machine> Taken<M> {
    fn new(next: Server<M>) -> Taken<M> {
        Taken { next: Arc::new(next), letters: Vec::new(), told: Vec::new(), refused: 0, alarm: false }
    }

    /// An answer to a client, or to the payee.
    fn client_hears(&mut self, ticket: Caller, answer: hub::Answer) {
        match answer {
            hub::Answer::Transfer(row) => {
                self.told.extend(row.state.is_decided().then_some((row.transfer_id, row.state)));
            }
            // A hub that recovers is asked again.
            hub::Answer::Refused(refusal) if refusal.reason == Reason::Recovering => {}
            hub::Answer::Refused(_) => self.refused |= 1 << ticket,
            _ => {}
        }
    }

    /// What it says reaches the network and the clients.
    fn go_out(&self, state: &mut State) {
        self.letters.iter().for_each(|letter| send(state, letter));
        state.told.extend(&self.told);
        state.refused |= self.refused;
        state.alarm |= self.alarm;
    }
}

/// Whether an incident is a contradiction. A recovery that had to decide, or a replay that fits no account, is none.
fn is_contrary(incident: Option<&IncidentRow>) -> bool {
    let fine = [Reason::DecidedAtRecovery, Reason::ReplayedToSuspense];
    incident.is_none_or(|incident| !fine.contains(&incident.refusal.reason))
}

/// By server and input.
pub(super) type Cache<M> = Mutex<HashMap<(u64, u64), Arc<Taken<M>>>>;

fn recall<M: Machine>(cache: &Cache<M>, key: (u64, u64), take: impl FnOnce() -> Taken<M>) -> Arc<Taken<M>> {
    let known = cache.lock().expect("no holder panics").get(&key).cloned();
    known.unwrap_or_else(|| {
        let taken = Arc::new(take());
        cache.lock().expect("no holder panics").insert(key, Arc::clone(&taken));
        taken
    })
}

impl World {
    /// The hub takes one input. `key` stands for it; `call`: whose answer goes back by letter.
    pub(super) fn run_hub(
        &self,
        state: &mut State,
        key: u64,
        call: Option<&Letter>,
        fate: Fate,
        input: impl FnOnce() -> (Mono, hub::Input),
    ) {
        let taken = recall(&self.hub, (state.hub.print, key), || {
            let (now, input) = input();
            let (now, believed) = state.hub.reading(now);
            if !believed && HubMachine::stamps(&input) {
                return Taken::new((*state.hub).clone());
            }
            let (next, outputs) = state.hub.run(now, input);
            self.hub_says(next, outputs, call)
        });
        let before = std::mem::replace(&mut state.hub, Arc::clone(&taken.next));
        if fate != Fate::DiesSynced {
            taken.go_out(state);
        }
        if fate == Fate::DiesUnsynced {
            state.hub = before;
        }
        if fate != Fate::Survives {
            self.restart_hub(state);
        }
    }

    pub(super) fn hub_says(
        &self,
        next: Server<HubMachine>,
        outputs: Outputs<HubMachine>,
        call: Option<&Letter>,
    ) -> Taken<HubMachine> {
        let (next, outputs) = next.with_what_it_reads(outputs);
        let (mark, mut taken) = (next.mark, Taken::new(next));
        for output in outputs {
            let (province, message) = match output {
                Output::Effect(hub::Effect::AcceptClock) => {
                    taken.next = Arc::new((*taken.next).clone().accepts_clock());
                    continue;
                }
                Output::Effect(hub::Effect::Prepare(province, leg)) => {
                    (province, Message::ToNode(NodeRequest::Prepare(vec![*leg])))
                }
                Output::Effect(hub::Effect::Decide(province, decision)) => {
                    (province, Message::ToNode(NodeRequest::Decide(vec![decision])))
                }
                Output::Effect(hub::Effect::AskWhatWasLost(province, above)) => {
                    (province, Message::ToNode(NodeRequest::WhatWasLost(above)))
                }
                Output::Effect(hub::Effect::Alarm(transfer_id, side)) => {
                    taken.alarm |= is_contrary(taken.next.get(&hub::Key::Incident(transfer_id, side)));
                    continue;
                }
                // Nothing that is decided here depends on notices.
                Output::Effect(hub::Effect::News | hub::Effect::NoticeRefused(_)) => continue,
                Output::Effect(hub::Effect::Flush(_)) => continue,
                // These it has done itself.
                Output::Effect(hub::Effect::ReadBack(..) | hub::Effect::Recovered(_)) => {
                    continue;
                }
                Output::Answer(CALL, answer) => {
                    taken.letters.extend(call.and_then(|call| self.hub_answers(answer, mark, call)));
                    continue;
                }
                Output::Answer(ticket, answer) => {
                    taken.client_hears(ticket, answer);
                    continue;
                }
            };
            taken.letters.push(self.letter(province, mark, None, message));
        }
        taken
    }

    /// The hub's answer to a node's call. A call that was refused has failed, as one has that was lost; what is said to
    /// an announcement only the process takes that made it.
    fn hub_answers(&self, answer: hub::Answer, hub: PeerMark, call: &Letter) -> Option<Arc<Letter>> {
        let reply = reply_of_hub(answer)?;
        let announced = call.is_of_announcement();
        match reply {
            HubReply::Refused(Reason::Recovering) if announced => {}
            HubReply::Refused(reason) => {
                if reason == Reason::HubBehind {
                    self.note_mark(Mark::HubBehind);
                }
                return None;
            }
            HubReply::Announced(_) | HubReply::Rulings(_) => {}
        }
        let to = announced.then_some(call.sender.start_id);
        Some(self.letter(call.province, hub, to, Message::FromHub(reply)))
    }

    pub(super) fn run_node(
        &self,
        state: &mut State,
        node: usize,
        key: u64,
        fate: Fate,
        input: impl FnOnce() -> (Mono, node::Input),
    ) {
        let taken = recall(&self.node, (state.nodes[node].print, key), || {
            let (now, input) = input();
            let (now, believed) = state.nodes[node].reading(now);
            if !believed && NodeMachine::stamps(&input) {
                return Taken::new((*state.nodes[node]).clone());
            }
            let (next, outputs) = state.nodes[node].run(now, input);
            self.node_says(node, next, outputs)
        });
        let before = std::mem::replace(&mut state.nodes[node], Arc::clone(&taken.next));
        if fate != Fate::DiesSynced {
            taken.go_out(state);
        }
        if fate == Fate::DiesUnsynced {
            state.nodes[node] = before;
        }
        if fate != Fate::Survives {
            self.restart_node(state, node);
        }
    }

    fn node_says(
        &self,
        node: usize,
        next: Server<NodeMachine>,
        outputs: Outputs<NodeMachine>,
    ) -> Taken<NodeMachine> {
        let forgets = self.broken == Some(Broken::NoTombstone);
        let next = if forgets { next.without(Broken::is_tombstone) } else { next };
        let (province, mark, mut taken) = (self.country.provinces[node], next.mark, Taken::new(next));
        for output in outputs {
            let message = match output {
                Output::Effect(node::Effect::AcceptClock) => {
                    taken.next = Arc::new((*taken.next).clone().accepts_clock());
                    None
                }
                Output::Effect(node::Effect::Ask(questions)) => {
                    Some(Message::ToHub(HubRequest::Resolve(questions)))
                }
                Output::Effect(node::Effect::Post(postings)) => {
                    Some(Message::ToHub(HubRequest::Post(postings)))
                }
                // It announces itself again and again anyway. The answer of an earlier life of the hub comes late:
                // nothing is taken from it.
                Output::Effect(node::Effect::Announce | node::Effect::HubRefused) => None,
                Output::Effect(node::Effect::Alarm(transfer_id, side)) => {
                    taken.alarm |= is_contrary(taken.next.get(&node::Key::Incident(transfer_id, side)));
                    None
                }
                // A call that was refused has failed.
                Output::Answer(_, answer) => reply_of_node(answer)
                    .filter(|reply| !matches!(reply, NodeReply::Refused(_)))
                    .map(Message::FromNode),
            };
            if let Some(Message::FromNode(NodeReply::Votes(votes))) = &message {
                self.note(&taken.next, votes);
            }
            taken.letters.extend(message.map(|message| self.letter(province, mark, None, message)));
        }
        taken
    }

    /// The hub dies and starts again.
    pub fn restart_hub(&self, state: &mut State) {
        let taken = recall(&self.hub, (state.hub.print, print(&"restart")), || {
            let forgets = self.broken == Some(Broken::HubPresumesAbort);
            let kept = if forgets { state.hub.without(Broken::is_decided) } else { (*state.hub).clone() };
            let (next, outputs) = kept.restart(&self.country);
            self.hub_says(next, outputs, None)
        });
        state.hub = Arc::clone(&taken.next);
        state.dark = 0;
        taken.go_out(state);
    }

    /// Another store is in the hub's place, and it has started.
    pub(super) fn set_hub(&self, state: &mut State, taken: Taken<HubMachine>) {
        state.hub = Arc::clone(&taken.next);
        taken.go_out(state);
    }

    /// A node dies and starts again.
    pub fn restart_node(&self, state: &mut State, node: usize) {
        let taken = recall(&self.node, (state.nodes[node].print, print(&"restart")), || {
            Taken::new(state.nodes[node].restart(&self.country, self.country.provinces[node]))
        });
        state.nodes[node] = Arc::clone(&taken.next);
        state.admitted[node] = 0;
        self.announce(state, node);
    }

    pub(super) fn letter(
        &self,
        province: ProvinceCode,
        sender: PeerMark,
        to: Option<StartId>,
        message: Message,
    ) -> Arc<Letter> {
        let mut letter = Letter::new(province, sender, to, message);
        if self.broken == Some(Broken::NoDigest) {
            Broken::blur_letter(&mut letter);
        }
        Arc::new(letter)
    }
}

/// Puts a letter on its way.
pub(super) fn send(state: &mut State, letter: &Arc<Letter>) {
    if let Err(at) = state.letters.binary_search_by_key(&letter.print, |it| it.print) {
        state.letters.insert(at, Arc::clone(letter));
    }
}
