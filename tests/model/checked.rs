//! The world as the model checker sees it: its actions, its steps, its properties.

use super::checks::{COUNT, Expect, holds, is_for, named};
use super::clocks::Turn;
use super::letter::Message;
use super::world::{Action, Fate, State, World};
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::hub::unfinished_transfers;
use gongji::domain::protocol::{NodeReply, NodeRequest, TransferState};
use gongji::domain::value::Side;
use stateright::{Model, Property};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A world that is checked.
#[derive(Debug)]
pub struct Checked {
    /// The world.
    pub world: World,
    /// The one property that is looked at, where something is broken on purpose; else all.
    pub watched: Option<&'static str>,
    /// Properties for which a path was found. The search is breadth first, so the first path is a shortest one, and
    /// later ones must not take its place.
    met: [AtomicBool; ROOM],
    letters_most: AtomicUsize,
}

impl Checked {
    /// A world to be checked.
    pub fn new(world: World, watched: Option<&'static str>) -> Checked {
        Checked {
            world,
            watched,
            met: [const { AtomicBool::new(false) }; ROOM],
            letters_most: AtomicUsize::new(0),
        }
    }

    /// The most letters that were ever in flight at once.
    pub fn letters_most(&self) -> usize {
        self.letters_most.load(Ordering::Relaxed)
    }

    fn fates(&self, crashes: bool, fates: &mut Vec<Fate>) {
        fates.clear();
        fates.push(Fate::Survives);
        if crashes {
            fates.push(Fate::DiesSynced);
            if self.world.broken == Some(super::broken::Broken::AnswersBeforeSync) {
                fates.push(Fate::DiesUnsynced);
            }
        }
    }

    /// Whether the hub, or a node, may crash once more.
    fn may_crash(&self, state: &State) -> (bool, [bool; 2]) {
        let bounds = &self.world.bounds;
        let restored = &state.restored;
        let crashed = |node: usize| state.nodes[node].life() - 1 - u8::from(restored.nodes[node].is_some());
        let nodes = [crashed(0), crashed(1)];
        let hub = state.hub.life() - 1 - u8::from(restored.hub.is_some());
        let all = hub + nodes[0] + nodes[1] < bounds.crashes;
        (all && hub < bounds.hub_crashes, nodes.map(|crashes| all && crashes < bounds.node_crashes))
    }

    fn deliveries(&self, state: &State, actions: &mut Vec<Action>) {
        let (hub, nodes) = self.may_crash(state);
        let mut fates = Vec::new();
        for (at, letter) in state.letters.iter().enumerate() {
            let node = usize::from(self.world.country.provinces[0] != letter.province);
            self.fates(if letter.is_from_hub() { nodes[node] } else { hub }, &mut fates);
            actions.extend(fates.iter().map(|fate| Action::Deliver(at, *fate)));
        }
    }

    fn at_the_hub(&self, state: &State, actions: &mut Vec<Action>) {
        let (hub, _) = self.may_crash(state);
        let mut fates = Vec::new();
        self.fates(hub, &mut fates);
        for fate in fates {
            // In order: whoever asks first for an id is its first client.
            if state.asked < self.world.bounds.requests.len() {
                actions.push(Action::Ask(state.asked, fate));
            }
            if state.hub.wake_at().is_some() {
                // What is asked for again and again has no last timer.
                let beyond = [false, true].into_iter().filter(|it| *it || !state.hub.asks_again());
                actions.extend(beyond.map(|beyond| Action::HubTick { beyond, fate }));
            }
        }
        let mut fates = Vec::new();
        self.fates(hub, &mut fates);
        self.world.at_the_payee(state, &fates, actions);
        if hub {
            actions.push(Action::HubRestart);
        }
        let unfinished = state.hub.rows().any(|row| unfinished_transfers().admits(row));
        for node in [0, 1] {
            let dark = state.dark & (1 << node) != 0;
            if self.world.bounds.failures {
                actions.push(Action::Link(node, dark));
                let pending = state.hub.all::<TransferRow>().filter(|it| it.state == TransferState::Pending);
                actions.extend(pending.map(|row| Action::PrepareFails(node, row.transfer_id)));
                let untold = |row: &&TransferRow| {
                    !dark && row.state.is_decided() && row.recorded()[Side::BOTH[node]].is_none()
                };
                let untold = state.hub.all::<TransferRow>().filter(untold);
                actions.extend(untold.map(|row| Action::DecideFails(node, row.transfer_id)));
            } else if unfinished || state.restored.is_away(node) {
                actions.push(Action::Retell(node));
            }
        }
    }

    fn at_the_nodes(&self, state: &State, actions: &mut Vec<Action>) {
        let (_, nodes) = self.may_crash(state);
        for node in [0, 1] {
            if nodes[node] {
                actions.push(Action::NodeRestart(node));
            }
            if state.nodes[node].wake_at().is_some() {
                actions.push(Action::NodeTick(node));
            }
            // It announces itself again and again; that changes something only where the hub knows another life of it.
            if !self.world.is_known(state, node) || state.restored.hub.is_some() {
                actions.push(Action::Announce(node));
            }
        }
        if self.world.bounds.strays {
            let open = |number: &usize| state.strays & (1 << number) == 0;
            actions.extend((0..2).filter(open).map(Action::Stray));
        }
    }
}

/// What an action is in a state, for people.
pub fn describe(world: &World, state: &State, action: &Action) -> String {
    let fate = |fate: &Fate| match fate {
        Fate::Survives => "",
        Fate::DiesSynced => "; it is synced, then the server dies before it answers, and starts again",
        Fate::DiesUnsynced => "; it answers, dies before the sync, and starts again",
    };
    let node = |at: usize| world.country.provinces[at];
    match action {
        Action::Ask(number, it) => {
            let (id, fen) = world.bounds.requests[*number];
            format!("a client asks for {id}, {fen} fen{}", fate(it))
        }
        Action::Deliver(letter, it) => format!("{}{}", state.letters[*letter], fate(it)),
        Action::HubTick { beyond, fate: it } => {
            let how = if *beyond { "beyond all its timers" } else { "to its next timer" };
            format!("time passes at the hub, {how}{}", fate(it))
        }
        Action::NodeTick(at) => format!("time passes at node {}", node(*at)),
        Action::Retell(at) => format!("the hub loses node {} and finds it again", node(*at)),
        Action::Link(at, true) => format!("the hub finds node {} again", node(*at)),
        Action::Link(at, false) => format!("the hub loses node {}", node(*at)),
        Action::PrepareFails(at, _) => format!("a prepare at node {} has no answer", node(*at)),
        Action::DecideFails(at, _) => format!("a decision at node {} has no answer", node(*at)),
        Action::Clock(place, turn) => {
            let whose = place.map_or("the hub".to_owned(), |at| format!("node {}", node(at)));
            match turn {
                Turn::Jumps => format!("the clock of {whose} jumps a day ahead"),
                Turn::Right => format!("the clock of {whose} is set right"),
                Turn::Accepted => format!("two operators say that the clock of {whose} is right"),
                Turn::Lowered => format!("two operators lower what {whose} has stamped"),
            }
        }
        Action::Announce(at) => format!("node {} announces itself again", node(*at)),
        Action::HubRestart => "the hub dies and starts again".to_owned(),
        Action::NodeRestart(at) => format!("node {} dies and starts again", node(*at)),
        Action::Stray(number) => {
            format!("a {} of other terms comes from somewhere", ["prepare", "commit"][*number])
        }
        Action::Accept(true, it) => format!("the payee takes it{}", fate(it)),
        Action::Accept(false, it) => format!("the payee declines it{}", fate(it)),
        Action::Hour(it) => format!("it is 06:00{}", fate(it)),
        Action::PutHubBack { to, marked } => restored("the hub", *to, *marked),
        Action::PutNodeBack { node: at, to, marked } => {
            restored(&format!("node {}", node(*at)), *to, *marked)
        }
    }
}

fn restored(who: &str, to: usize, marked: bool) -> String {
    let marked = if marked { "marked so" } else { "and nobody says so" };
    format!("the store of {who} is restored to its state no. {to}, {marked}")
}

impl Model for Checked {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.world.beginnings().into_iter().map(|(_, state)| state).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.letters_most.fetch_max(state.letters.len(), Ordering::Relaxed);
        self.at_the_hub(state, actions);
        self.deliveries(state, actions);
        self.at_the_nodes(state, actions);
        self.world.restorations(state, actions);
        self.world.at_the_clocks(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let world = &self.world;
        let mut state = State { found: Default::default(), ..last.clone() };
        match action {
            Action::Ask(number, fate) => world.ask(&mut state, number, fate),
            Action::Deliver(at, fate) => {
                let letter = &last.letters[at];
                // A start is announced in a call of its own, and the call in which it arrives is over. So are the
                // calls of recoveries.
                let call = matches!(
                    letter.message,
                    Message::ToNode(NodeRequest::WhatWasLost(_)) | Message::FromNode(NodeReply::Lost(..))
                );
                let announced = letter.is_of_announcement() && (world.restores() || !letter.is_from_hub());
                if call || announced {
                    state.letters.remove(at);
                }
                world.deliver(&mut state, letter, fate);
            }
            Action::HubTick { beyond, fate } => world.hub_tick(&mut state, beyond, fate),
            Action::NodeTick(node) => world.node_tick(&mut state, node),
            Action::Retell(node) => {
                world.link(&mut state, node, false);
                world.link(&mut state, node, true);
            }
            Action::Link(node, up) => world.link(&mut state, node, up),
            Action::PrepareFails(node, transfer_id) => world.prepare_fails(&mut state, node, transfer_id),
            Action::DecideFails(node, transfer_id) => world.decide_fails(&mut state, node, transfer_id),
            Action::Clock(place, turn) => world.turn_clock(&mut state, place, turn),
            // One that was admitted before journals nothing: it makes no difference where in the call it stands.
            Action::Announce(node) if !world.restores() && state.nodes[node].has_joined() => {
                world.call_hub(&mut state, node);
            }
            Action::Announce(node) => world.announce(&mut state, node),
            Action::HubRestart => world.restart_hub(&mut state),
            Action::NodeRestart(node) => world.restart_node(&mut state, node),
            Action::Stray(number) => world.stray(&mut state, number),
            Action::Accept(takes, fate) => world.accept(&mut state, takes, fate),
            Action::Hour(fate) => world.hour(&mut state, fate),
            Action::PutHubBack { to, marked } => world.put_hub_back(&mut state, to, marked),
            Action::PutNodeBack { node, to, marked } => world.put_node_back(&mut state, node, to, marked),
        }
        world.tidy(&mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Checked>> {
        let all = (0..COUNT).filter(|number| is_for(*number, &self.world)).map(|number| {
            let (name, _, expect) = named(number);
            match expect {
                Expect::Always => Property::always(name, CONDITIONS[number]),
                Expect::Sometimes => Property::sometimes(name, CONDITIONS[number]),
            }
        });
        all.filter(|property| self.watched.is_none_or(|it| it == property.name)).collect()
    }
}

type Condition = fn(&Checked, &State) -> bool;

/// The checker takes plain functions: one for each number.
fn condition<const NUMBER: usize>(checked: &Checked, state: &State) -> bool {
    let (_, _, expect) = named(NUMBER);
    let (quiet, met) = (expect == Expect::Always, &checked.met[NUMBER]);
    if met.load(Ordering::Relaxed) {
        return quiet;
    }
    let holds = holds(NUMBER, &checked.world, state);
    if holds != quiet {
        met.store(true, Ordering::Relaxed);
    }
    holds
}

macro_rules! conditions {
    ($($number:literal)*) => { [$(condition::<$number>),*] };
}

/// More than there are: another invariant needs nothing here.
const ROOM: usize = 56;
const _: () = assert!(COUNT <= ROOM);

const CONDITIONS: [Condition; ROOM] = conditions!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
    40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55
);
