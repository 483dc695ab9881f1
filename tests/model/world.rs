//! The world of the model: what is in it, and how it moves.

use super::broken::Broken;
use super::checks::Known;
use super::clocks::{Place, Turn};
use super::letter::{Letter, Message};
use super::restores::{Restore, Restored};
use super::runs::{Cache, send};
use super::server::{Server, print};
use gongji::domain::audit::invariant::Violation;
use gongji::domain::hub::{self, HubMachine, WaitMode};
use gongji::domain::machine::{Caller, PeerRow, Ticket};
use gongji::domain::node::tables::LegRow;
use gongji::domain::node::{self, NodeMachine};
use gongji::domain::protocol::{
    Announced, Decision, HubReply, HubRequest, LegId, LegState, NodeReply, NodeRequest, Outcome, PeerMark,
    TransferState, Verdict, Vote,
};
use gongji::domain::reason::Reason;
use gongji::domain::value::{Civil, Day, Mono, ProvinceCode, Side, TransferId, Window};
use gongji::testkit::{Country, NOON, Wish, id_hash};
use gongji::testkit::{asked_of_hub, asked_of_node, heard_by_hub, heard_by_node};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

/// A node's call of the hub; tickets below are clients' requests.
pub(super) const CALL: Caller = 1_000;

/// What may happen, and how much of it at most. The table that a run prints at its start.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// For people.
    pub name: &'static str,
    /// What clients ask of the hub, each at most once: transfer and fen. The same id may stand in several.
    pub requests: &'static [(u8, i64)],
    /// How many transfers a payer may make in a day; a second one is refused by its node when this is 1.
    pub daily: u64,
    /// How often the hub may crash.
    pub hub_crashes: u8,
    /// How often each node may crash.
    pub node_crashes: u8,
    /// Crashes of all servers together.
    pub crashes: u8,
    /// Whether calls may be seen to fail: prepares and decisions that come back, provinces that go dark and stay so for
    /// a while.
    pub failures: bool,
    /// Whether a civil clock may jump ahead, once: the hub's or a node's.
    pub clocks: bool,
    /// Letters that a hub of other terms might have sent, each once: a prepare, a commit.
    pub strays: bool,
    /// Whether the payee's place asks for acceptance: he takes the transfer, declines it, or lets the hour pass.
    pub accepts: bool,
    /// Whose store may be restored to any of its earlier states, once.
    pub restore: Restore,
    /// How much of a transfer has happened, without a fault, when the world begins: a world for each.
    pub begun: &'static [usize],
    /// Whether the nodes know, when it begins, that the hub was restored, and are asked what they have.
    pub asked: bool,
    /// How many things may happen one after the other; all that can when there is no number.
    pub steps: Option<usize>,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// A client's request reaches the hub.
    Ask(usize, Fate),
    /// A letter arrives. It stays where it is: it may arrive again, late, and in any order.
    Deliver(usize, Fate),
    /// The hub's clock jumps to its next timer, or beyond all.
    HubTick { beyond: bool, fate: Fate },
    /// A node's clock jumps beyond all timers.
    NodeTick(usize),
    /// The hub loses its link to a province and finds it again: what was on its way is told again.
    Retell(usize),
    /// The hub loses its link to a province, or finds it again.
    Link(usize, bool),
    /// A prepare's call ends without an answer.
    PrepareFails(usize, TransferId),
    /// A decision's call ends without an answer.
    DecideFails(usize, TransferId),
    /// Something happens to a civil clock.
    Clock(Place, Turn),
    /// A node that has not joined says again that it is there.
    Announce(usize),
    /// A server dies between two batches and starts again: what is durable survives, nothing else.
    HubRestart,
    /// The same at a node.
    NodeRestart(usize),
    /// A letter of other terms comes from somewhere.
    Stray(usize),
    /// The payee takes the transfer, or declines it.
    Accept(bool, Fate),
    /// It is 06:00 at the hub.
    Hour(Fate),
    /// The hub's store is restored to what it was before so many batches, marked or not, and it starts.
    PutHubBack { to: usize, marked: bool },
    /// The same at a node.
    PutNodeBack { node: usize, to: usize, marked: bool },
}

/// What becomes of the server that takes an input. One that dies before its batch is synced has lost the letter and
/// nothing else: that is a restart, since the letter may come again or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It lives.
    Survives,
    /// It dies when the batch is durable, before anything has gone out.
    DiesSynced,
    /// Broken on purpose: everything went out, and then the batch was not durable.
    DiesUnsynced,
}

/// Answers that lead nowhere, so that no state shows them. A world remembers that they were given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// A tombstone answered a late prepare with CONFLICT.
    TombstoneAnswers = 1,
    /// A leg answered a prepare of other terms with CONFLICT.
    OtherTerms = 2,
    /// A hub that does not know that it is old was refused by a node's knowledge.
    HubBehind = 4,
    /// A caller was refused, since the hub did not believe its clock.
    ClockNotBelieved = 8,
}

/// A moment of the world.
#[derive(Clone, Debug)]
pub struct State {
    /// The hub.
    pub hub: Arc<Server<HubMachine>>,
    /// The nodes.
    pub nodes: [Arc<Server<NodeMachine>>; 2],
    /// Every letter that was ever sent, in the order of their prints. Any of them may arrive at any time, any number of
    /// times, or never: a network that loses, doubles and reorders whatever it likes holds no more than that.
    pub letters: Vec<Arc<Letter>>,
    /// How many requests were made.
    pub asked: usize,
    /// Requests that were refused and not recorded, as bits.
    pub refused: u32,
    /// Terminal answers that clients have.
    pub told: BTreeSet<(TransferId, TransferState)>,
    /// Links that the hub has lost, as bits.
    pub dark: u8,
    /// Strays that came, as bits.
    pub strays: u8,
    /// Whether a contrary order was parked.
    pub alarm: bool,
    /// The hub's life that has admitted each node's present one; 0: none.
    pub admitted: [u64; 2],
    /// What the payee has said: taken, declined, as bits.
    pub said: u8,
    /// What was restored.
    pub restored: Restored,
    /// Whether a clock has jumped.
    pub jumped: bool,
    /// What is wrong, once somebody has looked.
    pub found: OnceLock<Arc<Vec<Violation>>>,
}

impl State {
    fn content(&self) -> impl Hash + '_ {
        let nodes = [self.nodes[0].print, self.nodes[1].print];
        let letters: Vec<u64> = self.letters.iter().map(|letter| letter.print).collect();
        let asked = (self.asked, self.refused, self.said, self.admitted);
        let bits = (asked, self.dark, self.strays, self.alarm, (self.restored, self.jumped));
        (self.hub.print, nodes, letters, bits, &self.told)
    }
}

impl State {
    /// Whether all but the letters is the same.
    pub fn is_like(&self, other: &State) -> bool {
        let asked = |it: &State| (it.asked, it.refused, it.said, it.admitted);
        let bits = |it: &State| (asked(it), it.dark, it.strays, it.alarm, (it.restored, it.jumped));
        let prints = |it: &State| (it.hub.print, it.nodes[0].print, it.nodes[1].print);
        prints(self) == prints(other) && bits(self) == bits(other) && self.told == other.told
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content().hash(state);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        print(&self.content()) == print(&other.content())
    }
}

/// A world with its bounds, and what is broken in it on purpose.
#[derive(Debug)]
pub struct World {
    /// How much may happen.
    pub bounds: Bounds,
    /// What is broken.
    pub broken: Option<Broken>,
    /// Two provinces with a member each.
    pub country: Country,
    /// Servers from whose states everything was seen to end.
    pub healed: Known,
    /// Books that were seen to be sound.
    pub sound: Known,
    /// Whether letters that have nothing left to do stay in the network.
    pub keeps: bool,
    marks: AtomicU8,
    pub(super) hub: Cache<HubMachine>,
    pub(super) node: Cache<NodeMachine>,
}

impl World {
    /// A world.
    pub fn new(bounds: Bounds, broken: Option<Broken>) -> World {
        World {
            bounds,
            broken,
            country: Country::new(2, 1, bounds.daily, bounds.accepts),
            healed: Known::default(),
            sound: Known::default(),
            keeps: false,
            marks: AtomicU8::new(0),
            hub: Cache::default(),
            node: Cache::default(),
        }
    }

    /// Everybody is up and has joined; nothing was asked yet.
    pub fn first(&self) -> State {
        let mut state = State {
            hub: self.first_hub(),
            nodes: [self.first_node(0), self.first_node(1)],
            letters: Vec::new(),
            asked: 0,
            refused: 0,
            told: BTreeSet::new(),
            dark: 0,
            strays: 0,
            alarm: false,
            admitted: [0; 2],
            said: 0,
            restored: Restored::default(),
            jumped: false,
            found: OnceLock::new(),
        };
        for at in [0, 1] {
            self.announce(&mut state, at);
            self.deliver_all(&mut state);
        }
        state
    }

    /// A transfer as its client asks for it.
    pub fn wish(&self, number: u8, fen: i64) -> Wish {
        let mut transfer_id = TransferId([7; 16]);
        transfer_id.0[15] = number;
        let [payer, payee] = [0, 1].map(|at| (self.country.provinces[at], 0));
        Wish { transfer_id, payer, payee, fen, wait: WaitMode::Recorded, deadline_ms: 10_000 }
    }

    /// Whether an answer was ever given.
    pub fn has_seen(&self, mark: Mark) -> bool {
        self.marks.load(Ordering::Relaxed) & mark as u8 != 0
    }

    pub(super) fn note(&self, node: &Server<NodeMachine>, votes: &[Vote]) {
        for vote in votes {
            let Verdict::Conflict { refusal } = &vote.verdict else { continue };
            let leg: Option<&LegRow> = node.get(&node::Key::Leg(vote.transfer_id, vote.side));
            let mark = match (refusal.reason, leg.map(|leg| leg.state)) {
                (Reason::AbortedBefore, Some(LegState::Tombstone)) => Mark::TombstoneAnswers,
                (Reason::TermsDiffer, _) => Mark::OtherTerms,
                _ => continue,
            };
            self.marks.fetch_or(mark as u8, Ordering::Relaxed);
        }
    }

    pub(super) fn note_mark(&self, mark: Mark) {
        self.marks.fetch_or(mark as u8, Ordering::Relaxed);
    }

    /// A province's place in the world.
    pub fn place(&self, province: ProvinceCode) -> usize {
        usize::from(self.country.provinces[0] != province)
    }

    /// A client's request reaches the hub.
    pub fn ask(&self, state: &mut State, number: usize, fate: Fate) {
        if !state.hub.reading(Mono(0)).1 {
            // He is refused, and asks again.
            return self.note_mark(Mark::ClockNotBelieved);
        }
        state.asked += 1;
        self.run_hub(state, print(&("ask", number)), None, fate, || {
            let (transfer, fen) = self.bounds.requests[number];
            let mut request = Country::request(&self.wish(transfer, fen));
            Broken::blur(self.broken, &mut request.digests.whole);
            // Of two callers who ask the same, one waits for the decision only.
            request.wait = if number == 0 { WaitMode::Recorded } else { WaitMode::Decided };
            (
                Mono(0),
                hub::Input::Create { ticket: Ticket::new(number as Caller), request: Box::new(request) },
            )
        });
    }

    /// Whether a node has joined, and the hub knows it as it is.
    pub fn is_known(&self, state: &State, node: usize) -> bool {
        let province = self.country.provinces[node];
        let peer: Option<&PeerRow> = state.hub.get(&hub::Key::Peer(province));
        let mark = state.nodes[node].mark;
        let known =
            peer.is_some_and(|peer| (peer.incarnation, peer.start_id) == (mark.incarnation, mark.start_id));
        let admitted = state.admitted[node] >= state.hub.mark.incarnation;
        known && admitted && state.nodes[node].has_joined() && !state.restored.is_away(node)
    }

    /// Time passes at the hub.
    pub fn hub_tick(&self, state: &mut State, beyond: bool, fate: Fate) {
        if let Some(next) = state.hub.wake_at() {
            let now = if beyond { Mono(u64::MAX) } else { next };
            self.run_hub(state, print(&("tick", now)), None, fate, || (now, hub::Input::Tick));
        }
    }

    /// Time passes at a node.
    pub fn node_tick(&self, state: &mut State, node: usize) {
        let tick = || (Mono(u64::MAX), node::Input::Tick);
        self.run_node(state, node, print(&"tick"), Fate::Survives, tick);
    }

    /// The hub loses a link, or finds it.
    pub fn link(&self, state: &mut State, node: usize, up: bool) {
        let bit = 1 << node;
        state.dark = if up { state.dark & !bit } else { state.dark | bit };
        let province = self.country.provinces[node];
        let input = || (Mono(0), hub::Input::Link { province, up });
        self.run_hub(state, print(&("link", node, up)), None, Fate::Survives, input);
    }

    /// A prepare's call ends without an answer.
    pub fn prepare_fails(&self, state: &mut State, node: usize, transfer_id: TransferId) {
        let (province, transfer_ids) = (self.country.provinces[node], vec![transfer_id]);
        let input = || (Mono(0), hub::Input::PrepareFailed { province, transfer_ids });
        self.run_hub(state, print(&("fails", node, transfer_id)), None, Fate::Survives, input);
    }

    /// A decision's call ends without an answer.
    pub fn decide_fails(&self, state: &mut State, node: usize, transfer_id: TransferId) {
        let leg = LegId { transfer_id, side: Side::BOTH[node] };
        let (province, mark) = (self.country.provinces[node], state.nodes[node].mark);
        let hub = Arc::clone(&state.hub);
        self.run_hub(state, print(&("decide fails", node, leg)), None, Fate::Survives, || {
            let failed = hub::Input::DecideFailed { province, legs: vec![leg] };
            (Mono(0), Broken::read_failure(self.broken, failed, (&hub, mark)))
        });
    }

    /// A letter arrives.
    pub fn deliver(&self, state: &mut State, letter: &Letter, fate: Fate) {
        if letter.is_from_hub() {
            return self.node_hears(state, letter, fate);
        }
        if letter.to.is_some_and(|start_id| start_id != state.hub.mark.start_id) {
            return;
        }
        let hub = Arc::clone(&state.hub);
        self.run_hub(state, letter.print, Some(letter), fate, || {
            let (province, node) = (letter.province, letter.sender);
            let input = match letter.message.clone() {
                Message::FromNode(reply) => {
                    let told = match &reply {
                        NodeReply::Acks(acks) => acks.iter().map(|ack| (ack.transfer_id, ack.side)).collect(),
                        _ => Vec::new(),
                    };
                    heard_by_hub(reply, (province, node), told).expect("a reply that is letters")
                }
                Message::ToHub(request) => {
                    let node = match &request {
                        HubRequest::Announce(_) => self.announced_mark(&hub, province, node),
                        HubRequest::Resolve(_) | HubRequest::Post(_) => node,
                    };
                    let knows = |seen: &PeerMark| hub.hash_at(seen.sequence) == Some(seen.head_hash);
                    asked_of_hub(request, (province, node, CALL), (knows, None))
                }
                Message::ToNode(_) | Message::FromHub(_) => unreachable!("a letter of the hub's"),
            };
            (Mono(0), input)
        });
    }

    fn node_hears(&self, state: &mut State, letter: &Letter, fate: Fate) {
        let (node, hub) = (self.place(letter.province), letter.sender);
        // The answer to a process that is gone reaches nobody.
        if letter.to.is_some_and(|start_id| start_id != state.nodes[node].mark.start_id) {
            return;
        }
        match letter.message {
            Message::FromHub(HubReply::Announced(Announced::Admitted { incarnation, resync, .. })) => {
                state.nodes[node] = Arc::new(state.nodes[node].admitted(incarnation));
                state.restored.is_admitted(node, incarnation, resync);
                state.admitted[node] = state.admitted[node].max(hub.incarnation);
            }
            Message::FromHub(HubReply::Announced(Announced::Prove { sequence })) => {
                return self.prove(state, node, sequence);
            }
            Message::ToNode(NodeRequest::WhatWasLost(above)) => {
                return self.tell_what_was_lost(state, node, letter, above.0);
            }
            _ => {}
        }
        self.run_node(state, node, letter.print, fate, || {
            let input = match letter.message.clone() {
                Message::ToNode(request) => asked_of_node(request, (hub, CALL), id_hash),
                Message::FromHub(HubReply::Refused(_)) => Some(node::Input::HubRecovers),
                Message::FromHub(reply) => heard_by_node(reply, hub),
                Message::FromNode(_) | Message::ToHub(_) => None,
            };
            (Mono(0), input.expect("a letter of the hub's that its machine takes"))
        });
        if matches!(letter.message, Message::FromHub(HubReply::Refused(_))) {
            state.restored.waits_for_hub(node);
        }
    }

    /// Nothing is lost: all letters arrive, and what they lead to.
    pub fn deliver_all(&self, state: &mut State) {
        while let Some(letter) = state.letters.pop() {
            self.deliver(state, &letter, Fate::Survives);
        }
    }
}

impl World {
    /// A letter of other terms for the first request's id, as a hub would send it that was restored to an older state.
    pub fn stray(&self, state: &mut State, number: usize) {
        let (transfer, fen) = self.bounds.requests[0];
        let request = Country::request(&self.wish(transfer, 2 * fen));
        let (terms, transfer_id, terms_digest) = (request.terms, request.transfer_id, request.digests.whole);
        let (province, request) = match number {
            0 => {
                let (province, region) = (terms.payer.province, terms.payer.region);
                let rules = self.country.rulebook.rules(province, region, Day::of(Civil(NOON)));
                let legs = hub::first_legs(transfer_id, terms_digest, &terms, (Civil(NOON), rules), 8_000);
                let leg = legs.payer;
                (self.country.provinces[0], NodeRequest::Prepare(vec![leg]))
            }
            _ => {
                let decision = Decision {
                    transfer_id,
                    side: Side::Payee,
                    terms_digest,
                    outcome: Outcome::Commit,
                    window: Some(Window::of(Civil(NOON))),
                    hub_seq: Some(1),
                    decide_time: Civil(NOON),
                    leg_record: Vec::new(),
                    posting: None,
                    lost: None,
                };
                (self.country.provinces[1], NodeRequest::Decide(vec![decision]))
            }
        };
        state.strays |= 1 << number;
        let letter = self.letter(province, state.hub.mark, None, Message::ToNode(request));
        send(state, &letter);
    }
}
