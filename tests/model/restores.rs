//! Stores that are restored to an older state, marked or not, and how a world begins.

use super::broken::Broken;
use super::checked::describe;
use super::journal::Journal;
use super::letter::{Letter, Message};
use super::runs::send;
use super::server::{Outputs, Server, print};
use super::starts::{first_hub, first_node, start_hub, start_node};
use super::world::{Action, Fate, State, World};
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::hub::{self, AcceptRequest, HubMachine, WaitMode};
use gongji::domain::machine::{Caller, Output, PeerRow, Ticket};
use gongji::domain::node::tables::LegRow;
use gongji::domain::node::{self, NodeMachine};
use gongji::domain::protocol::{Announcement, HubRequest, NodeReply, NodeRequest, PeerMark, TransferState};
use gongji::domain::value::{Civil, Digest, Mono, ProvinceCode};
use gongji::testkit::{Country, NOON, NOON_TO_SIX_MS, heard};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose store may be restored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Restore {
    /// Nobody's.
    None,
    /// A node's, marked as restored or not.
    Node,
    /// The hub's, marked as restored.
    Hub,
    /// The hub's, by somebody who says nothing of it.
    HubUnmarked,
}

/// What was restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Hash)]
pub struct Restored {
    /// For each node that was, its first life after that.
    pub nodes: [Option<u64>; 2],
    /// Whether the hub was: marked or not.
    pub hub: Option<bool>,
    /// Nodes that have seen more of the hub than its older store holds, as bits.
    ahead: u8,
    /// Whether the node's older store knows no leg.
    pub lost_leg: bool,
    /// Nodes that are told again what they lost, or wait until the hub has heard what it lost, as bits.
    away: u8,
}

impl Restored {
    /// Whether anything was.
    pub fn any(&self) -> bool {
        self.hub.is_some() || self.nodes.iter().any(Option::is_some)
    }

    /// The nodes that were, and their first life after that, as the books want it.
    pub fn incarnations(&self, provinces: &[ProvinceCode]) -> BTreeMap<ProvinceCode, u64> {
        let incarnations = provinces.iter().zip(self.nodes);
        incarnations.filter_map(|(province, life)| life.map(|life| (*province, life))).collect()
    }

    /// Whether a node takes no part now.
    pub fn is_away(&self, node: usize) -> bool {
        self.away & (1 << node) != 0
    }

    /// Whether a node has seen more of the hub than its older store holds.
    pub fn is_ahead(&self, node: usize) -> bool {
        self.ahead & (1 << node) != 0
    }

    /// A node's life was admitted.
    pub fn is_admitted(&mut self, node: usize, incarnation: u64, resync: bool) {
        if self.nodes[node] == Some(u64::MAX) {
            self.nodes[node] = Some(incarnation);
        }
        self.away = if resync { self.away | (1 << node) } else { self.away & !(1 << node) };
    }

    /// A node heard that the hub was restored.
    pub fn waits_for_hub(&mut self, node: usize) {
        self.away |= 1 << node;
    }

    /// Whether it has heard that, and was not admitted since.
    fn waits_for_it(&self, node: usize) -> bool {
        self.is_away(node) && self.hub.is_some()
    }
}

/// The tickets of the payee's two words, beside those of clients' requests.
const PAYEE: Caller = 30;

impl World {
    /// Whether stores are restored in this world.
    pub fn restores(&self) -> bool {
        self.bounds.restore != Restore::None
    }

    pub(super) fn first_hub(&self) -> Arc<Server<HubMachine>> {
        let past = matches!(self.bounds.restore, Restore::Hub | Restore::HubUnmarked);
        let journal = self.restores().then(|| Journal::new(past));
        Arc::new(first_hub(&self.country, journal).with_clock(self.clock()))
    }

    pub(super) fn first_node(&self, at: usize) -> Arc<Server<NodeMachine>> {
        let journal = self.restores().then(|| Journal::new(self.bounds.restore == Restore::Node));
        Arc::new(first_node(&self.country, self.country.provinces[at], journal).with_clock(self.clock()))
    }

    /// What has happened when the world begins: the first transfer, asked for, and so many letters of it delivered in
    /// the order in which they would come if nothing failed. All letters are still on their way.
    pub fn begun(&self, mut state: State, letters: usize) -> State {
        self.ask(&mut state, 0, Fate::Survives);
        let mut came: Vec<u64> = Vec::new();
        for _ in 0..letters {
            let next = state.letters.iter().filter(|it| !came.contains(&it.print)).min_by_key(|it| order(it));
            let Some(letter) = next.cloned() else { break };
            came.push(letter.print);
            self.deliver(&mut state, &letter, Fate::Survives);
        }
        state
    }

    /// Where the world begins, and how that came. Where something has happened already, what may be restored has just
    /// been.
    pub fn beginnings(&self) -> Vec<(String, State)> {
        if self.bounds.begun.is_empty() {
            return vec![(String::new(), self.first())];
        }
        let mut states = Vec::new();
        for letters in self.bounds.begun {
            let begun = self.begun(self.first(), *letters);
            let mut actions = Vec::new();
            self.restorations(&begun, &mut actions);
            for action in &actions {
                let mut state = begun.clone();
                match *action {
                    Action::PutHubBack { to, marked } => self.put_hub_back(&mut state, to, marked),
                    Action::PutNodeBack { node, to, marked } => {
                        self.put_node_back(&mut state, node, to, marked);
                    }
                    _ => {}
                }
                if self.bounds.asked {
                    // The first call tells a node that the hub was restored, and the second the hub that it knows.
                    [0, 0, 1, 1].into_iter().for_each(|node| self.call_hub(&mut state, node));
                }
                let how =
                    format!("after {letters} letters of a transfer, {}", describe(self, &begun, action));
                states.push((how, state));
            }
        }
        states
    }

    /// Everything that may be restored, as actions.
    pub fn restorations(&self, state: &State, actions: &mut Vec<Action>) {
        if state.restored.any() {
            return;
        }
        let marked = self.bounds.restore == Restore::Hub;
        actions.extend((0..state.hub.past().len()).map(|to| Action::PutHubBack { to, marked }));
        for node in [0, 1] {
            let to = 0..state.nodes[node].past().len();
            let back = |to| [false, true].map(|marked| Action::PutNodeBack { node, to, marked });
            actions.extend(to.flat_map(back));
        }
    }

    /// A node announces itself, and nothing of the call is lost.
    pub fn call_hub(&self, state: &mut State, node: usize) {
        let province = self.country.provinces[node];
        let earlier = std::mem::take(&mut state.letters);
        self.announce(state, node);
        let of_call = |it: &Arc<Letter>| it.province == province && it.is_of_announcement();
        while let Some(at) = state.letters.iter().position(of_call) {
            let letter = state.letters.remove(at);
            self.deliver(state, &letter, Fate::Survives);
        }
        earlier.iter().for_each(|letter| send(state, letter));
    }

    fn forget_past(&self, state: &mut State) {
        Arc::make_mut(&mut state.hub).forget_past();
        state.nodes.iter_mut().for_each(|node| Arc::make_mut(node).forget_past());
    }

    /// The hub's store is restored to what it was, and it starts.
    pub fn put_hub_back(&self, state: &mut State, to: usize, marked: bool) {
        let life = state.hub.life() + 1;
        let knows = marked && self.broken != Some(Broken::HearsNobody);
        let (next, outputs) = start_hub(&self.country, &state.hub.restored(to, knows), life);
        let taken = self.hub_says(next, outputs, None);
        self.set_hub(state, taken);
        state.dark = 0;
        state.restored.hub = Some(marked);
        let ahead = |node: &usize| knows_more(&state.nodes[*node], &state.hub);
        state.restored.ahead = [0, 1].into_iter().filter(ahead).map(|node| 1 << node).sum();
        self.forget_past(state);
    }

    /// A node's store is restored to what it was, and it starts.
    pub fn put_node_back(&self, state: &mut State, node: usize, to: usize, marked: bool) {
        let (province, life) = (self.country.provinces[node], state.nodes[node].life() + 1);
        let old = state.nodes[node].restored(to, marked);
        state.nodes[node] = Arc::new(start_node(&self.country, province, &old, life));
        state.restored.nodes[node] = Some(u64::MAX);
        state.restored.lost_leg = old.all::<LegRow>().next().is_none();
        state.admitted[node] = 0;
        self.forget_past(state);
        self.announce(state, node);
    }

    /// A node says that it is there. Where stores are restored it says what it knows, one call after the other.
    pub fn announce(&self, state: &mut State, node: usize) {
        self.show(state, node, None);
    }

    /// A node proves what it has at a sequence.
    pub fn prove(&self, state: &mut State, node: usize, sequence: u64) {
        let hash = state.nodes[node].hash_at(sequence).unwrap_or_default();
        self.show(state, node, Some((sequence, hash)));
    }

    fn show(&self, state: &mut State, at: usize, proof: Option<(u64, Digest)>) {
        let (province, node) = (self.country.provinces[at], &state.nodes[at]);
        let seen: Option<&PeerRow> = node.get(&node::Key::Peer(ProvinceCode::HUB));
        let again = node.has_joined() && !state.restored.waits_for_it(at);
        let announcement = match self.restores() {
            true => {
                Announcement { hub_seen: seen.map(PeerRow::mark), proof, again, ..Announcement::default() }
            }
            false => Announcement::default(),
        };
        let message = Message::ToHub(HubRequest::Announce(Box::new(announcement)));
        let letter = self.letter(province, node.mark, None, message);
        if self.restores() {
            state.letters.retain(|it| it.province != province || !it.is_of_announcement());
        }
        send(state, &letter);
    }

    /// The mark that the hub takes an announcement to have come with.
    pub(super) fn announced_mark(
        &self,
        hub: &Server<HubMachine>,
        province: ProvinceCode,
        mark: PeerMark,
    ) -> PeerMark {
        let seen: Option<&PeerRow> = hub.get(&hub::Key::Peer(province));
        match seen.filter(|_| self.broken == Some(Broken::NoProof)) {
            Some(seen) => PeerMark { sequence: seen.sequence, head_hash: seen.head_hash, ..mark },
            None => mark,
        }
    }

    /// A node tells a hub that was restored what it has.
    pub(super) fn tell_what_was_lost(&self, state: &mut State, node: usize, call: &Letter, above: u64) {
        let rows = &state.nodes[node];
        let found_by = |leg: &LegRow| rows.get(&node::Key::FoundBy(leg.member_ref)).cloned();
        let legs = rows.all::<LegRow>().filter_map(|leg| heard(leg, found_by(leg), above)).collect();
        let (mark, to) = (state.nodes[node].mark, Some(call.sender.start_id));
        let letter =
            self.letter(call.province, mark, to, Message::FromNode(NodeReply::Lost(legs, Vec::new())));
        send(state, &letter);
    }

    /// What the payee may say, and whether his hour may come, as actions.
    pub fn at_the_payee(&self, state: &State, fates: &[Fate], actions: &mut Vec<Action>) {
        let mut known = state.hub.all::<TransferRow>();
        if !self.bounds.accepts || known.next().is_none() {
            return;
        }
        for fate in fates {
            for takes in [true, false] {
                if state.said & said(takes) == 0 {
                    actions.push(Action::Accept(takes, *fate));
                }
            }
            if !state.hub.is_late() {
                actions.push(Action::Hour(*fate));
            }
        }
    }

    /// The payee says his word.
    pub fn accept(&self, state: &mut State, takes: bool, fate: Fate) {
        state.said |= said(takes);
        let (transfer, fen) = self.bounds.requests[0];
        self.run_hub(state, print(&("accept", takes)), None, fate, || {
            let wish = self.wish(transfer, fen);
            let request = AcceptRequest {
                transfer_id: wish.transfer_id,
                payee: Country::request(&wish).digests.payee,
                takes,
                wait: WaitMode::Decided,
                deadline_ms: wish.deadline_ms,
            };
            (Mono(0), hub::Input::Accept { ticket: Ticket::new(PAYEE + Caller::from(takes)), request })
        });
    }

    /// It is 06:00 at the hub, and the sweep comes.
    pub fn hour(&self, state: &mut State, fate: Fate) {
        let mut hub = (*state.hub).clone();
        hub.civil = Civil(NOON + NOON_TO_SIX_MS + 120_000);
        hub.seal();
        state.hub = Arc::new(hub);
        self.run_hub(state, print(&"hour"), None, fate, || (Mono(0), hub::Input::Tick));
    }
}

/// Whether a node has seen what is not in the hub's journal.
pub fn knows_more(node: &Server<NodeMachine>, hub: &Server<HubMachine>) -> bool {
    let seen: Option<&PeerRow> = node.get(&node::Key::Peer(ProvinceCode::HUB));
    seen.is_some_and(|seen| hub.hash_at(seen.sequence) != Some(seen.head_hash))
}

fn said(takes: bool) -> u8 {
    if takes { 1 } else { 2 }
}

/// Letters in the order in which they come if nothing fails: prepares before votes, the payer's first.
fn order(letter: &Letter) -> (u8, ProvinceCode) {
    let kind = match letter.message {
        Message::ToNode(NodeRequest::Prepare(_)) => 0,
        Message::FromNode(NodeReply::Votes(_)) => 1,
        Message::ToNode(NodeRequest::Decide(_)) => 2,
        Message::FromNode(NodeReply::Acks(_)) => 3,
        _ => 4,
    };
    (kind, letter.province)
}

impl Server<HubMachine> {
    /// Whether its hour has passed.
    pub fn is_late(&self) -> bool {
        self.civil > Civil(NOON)
    }

    /// Whether an undecided transfer is asked for again and again.
    pub fn asks_again(&self) -> bool {
        self.all::<TransferRow>().any(|row| row.state == TransferState::Accepted)
    }

    /// It reads in its own journal what it wants to read, and takes the incarnation with which it has recovered.
    pub fn with_what_it_reads(
        mut self,
        mut outputs: Outputs<HubMachine>,
    ) -> (Server<HubMachine>, Outputs<HubMachine>) {
        let mut at = 0;
        while at < outputs.len() {
            match &outputs[at] {
                Output::Effect(hub::Effect::ReadBack(province, page)) => {
                    let (next, more) = self.run(self.at(Mono(0)), self.page(*province, *page));
                    outputs.extend(more);
                    self = next;
                }
                Output::Effect(hub::Effect::Recovered(incarnation)) => {
                    self.mark.incarnation = *incarnation;
                    self.seal();
                }
                Output::Effect(_) | Output::Answer(..) => {}
            }
            at += 1;
        }
        (self, outputs)
    }
}
