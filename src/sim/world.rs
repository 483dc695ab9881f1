//! The world: servers, network, clients and time, moved on event by event.

use super::allotments::{Saying, opening};
use super::chance::Chance;
use super::check::Looked;
use super::joint::Joint;
use super::network::{Agenda, Event, Letter, Message, Said};
use super::operators::{Returning, operates};
use super::payees::{SKEW_MS, accepts};
use super::stale::Stale;
use super::{Plan, Report};
use crate::domain::protocol::{Decision, Question, TransferState};
use crate::domain::value::{ProvinceCode, Side, TransferId};
use crate::domain::{hub, node};
use crate::privacy::key::VaultKey;
use crate::testkit::{Call, Cluster, Country, Disk, HUB, Place, Wish};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

/// Half a day.
const NOON_TO_MIDNIGHT_MS: i64 = 12 * 3_600_000;

/// How often what has changed is checked, and whether everything has ended, in simulated milliseconds.
const CHECK_EVERY: u64 = 500;
const END_EVERY: u64 = 50;

/// What a caller will do with a call's answer, or without one.
#[derive(Clone, Debug)]
pub enum Pending {
    /// Prepares under way.
    Prepare(ProvinceCode, Vec<TransferId>),
    /// Decisions under way.
    Decide(ProvinceCode, Vec<(TransferId, Side)>),
    /// A look whether a province is there.
    Probe(ProvinceCode),
    /// A question of a hub that was restored.
    WhatWasLost(ProvinceCode),
    /// What a province is told of clearing.
    Notices(ProvinceCode),
    /// A node's announcement.
    Announce(ProvinceCode),
    /// A node's questions.
    Resolve(ProvinceCode, Vec<Question>),
}

/// One client's transfer.
#[derive(Clone, Debug)]
pub struct Client {
    /// What it wants.
    pub wish: Wish,
    /// When it first asked.
    pub asked_at: Option<u64>,
    /// What it was told, once that is terminal.
    pub told: Option<TransferState>,
    /// That answer as it was said.
    pub first: Option<Said>,
    /// Whether it needs no more answers.
    pub done: bool,
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    pub(super) plan: Plan,
    pub(super) chance: Chance,
    pub(super) at: u64,
    pub(super) cluster: Cluster<Agenda>,
    /// When the hub's life looks next whether a province is there.
    pub(super) probing: BTreeMap<ProvinceCode, (u64, u64)>,
    /// When a node's life announces itself next.
    pub(super) announcing: BTreeMap<ProvinceCode, (u64, u64)>,
    /// What was on a node's disk some time ago.
    pub(super) backups: BTreeMap<ProvinceCode, Disk>,
    /// Nodes that were restored, and the first life after that.
    pub(super) restored: BTreeMap<ProvinceCode, u64>,
    /// Whether the hub's store was restored and it has not recovered yet.
    pub(super) hub_restored: bool,
    /// Whether it ever was.
    pub(super) hub_lost: bool,
    /// The last of its lives that a restore has lost something of.
    pub(super) lost_life: u64,
    /// What operators have finished that stayed undecided for a province that was left out.
    pub(super) finished: BTreeSet<TransferId>,
    pub(super) up: BTreeSet<ProvinceCode>,
    pub(super) calls: BTreeMap<(Place, Call), (u64, Pending)>,
    pub(super) last_call: Call,
    /// Directions in which nothing passes.
    pub(super) cut: BTreeSet<(Place, Place)>,
    pub(super) healing: bool,
    /// By how much all clocks are off that are right.
    pub(super) right_skew: i64,
    /// Whether operators have said that a wrong clock is right.
    pub(super) operators_erred: bool,
    /// How many operations were proposed.
    pub(super) operations: u64,
    pub(super) clients: Vec<Client>,
    /// The keys by which servers go, where vaults are sealed.
    pub(super) keys: BTreeMap<Place, Arc<VaultKey>>,
    /// What operators carry back.
    pub(super) returning: Vec<Returning>,
    /// Whose wish a transfer is.
    pub(super) wishes: BTreeMap<TransferId, usize>,
    /// What was looked at.
    pub(super) looked: Looked,
    /// Stores that came back older than they said.
    pub(super) stale: Stale,
    /// What was restored together.
    pub(super) joint: Joint,
    /// What provinces' own systems say of members beside what these began with.
    pub(super) said: Vec<Saying>,
    pub(super) report: Report,
    log: Sha256,
    line: String,
}

impl World {
    /// A world at its beginning.
    pub fn new(plan: Plan) -> World {
        let mut chance = Chance::new(plan.seed);
        let provinces = u8::try_from(chance.between(2, 9)).unwrap_or(2);
        let daily = if chance.permille(500) { 3 } else { 1_000 };
        let acceptance = accepts(plan.seed);
        let mut country = Country::new(provinces, 20, daily, acceptance);
        country.opening = opening(plan.seed);
        // Every fourth world begins just before midnight in Shanghai: windows and days' limits change in it.
        let midnight = if plan.seed % 4 == 3 { NOON_TO_MIDNIGHT_MS - 20_000 } else { 0 };
        let skew = if acceptance { SKEW_MS } else { midnight };
        World {
            plan,
            chance,
            at: 0,
            cluster: Cluster::down(country, skew, Agenda::default()),
            probing: BTreeMap::new(),
            announcing: BTreeMap::new(),
            backups: BTreeMap::new(),
            restored: BTreeMap::new(),
            hub_restored: false,
            hub_lost: false,
            lost_life: 0,
            finished: BTreeSet::new(),
            up: BTreeSet::new(),
            calls: BTreeMap::new(),
            last_call: 0,
            cut: BTreeSet::new(),
            healing: false,
            right_skew: skew,
            operators_erred: false,
            operations: 0,
            clients: Vec::new(),
            keys: BTreeMap::new(),
            returning: Vec::new(),
            wishes: BTreeMap::new(),
            looked: Looked::default(),
            stale: Stale::default(),
            joint: Joint::default(),
            said: Vec::new(),
            report: Report::of(plan.seed, provinces),
            log: Sha256::new(),
            line: String::new(),
        }
    }

    /// Runs it to its end; gives what was seen.
    pub fn run(mut self) -> Report {
        self.begin();
        let (mut check_at, mut end_at) = (0, 0);
        while let Some((at, event)) = self.cluster.network.next() {
            self.at = self.at.max(at);
            if self.at >= self.plan.safety_ms && !self.healing {
                self.heal();
            }
            self.happen(event);
            self.leave_out();
            if self.at >= check_at {
                check_at = self.at + CHECK_EVERY;
                self.check();
                self.check_stamps();
                self.remind_payees();
                self.say_again();
                self.finish_some();
                if self.healing {
                    self.mend_stamps();
                }
            }
            if !self.report.violations.is_empty() {
                break;
            }
            if self.healing && self.at >= end_at {
                end_at = self.at + END_EVERY;
                if self.has_ended() {
                    self.check_at_rest();
                    break;
                }
            }
            if self.at > self.plan.safety_ms + self.plan.liveness_ms {
                self.check_at_rest();
                let left: Vec<String> = self.not_ended().collect();
                self.complain(format!("not everything ended in time: {}", left.join(", ")));
                break;
            }
        }
        self.report.log = self.log.clone().finalize().into();
        self.report.marks.extend(self.cluster.marks.told());
        self.report
    }

    /// A line of the log.
    pub(super) fn log(&mut self, line: std::fmt::Arguments<'_>) {
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = writeln!(self.line, "{:>8} {line}", self.at);
        self.log.update(self.line.as_bytes());
        if self.plan.verbose {
            // Whoever reads may have gone away.
            let _ = std::io::stdout().write_all(self.line.as_bytes());
        }
    }

    pub(super) fn complain(&mut self, found: String) {
        self.log(format_args!("VIOLATION {found}"));
        self.report.violations.push(found);
    }

    fn begin(&mut self) {
        self.start_hub();
        for province in self.cluster.country.provinces.clone() {
            self.start_node(province);
            let enrolment = self.enrolment(province);
            if let Some(node) = self.cluster.nodes.get_mut(&province) {
                node.inbox.extend(enrolment);
            }
            self.run_node(province);
        }
        let span = self.plan.safety_ms.saturating_sub(1_000).max(1);
        for number in 0..self.plan.transfers {
            let wish = self.wish();
            self.wishes.insert(wish.transfer_id, self.clients.len());
            self.clients.push(Client { wish, asked_at: None, told: None, first: None, done: false });
            let at = 500 + self.chance.next() % span;
            self.cluster.network.at(at, Event::Ask(usize::try_from(number).unwrap_or(0)));
        }
        if operates(self.plan.seed) {
            self.cluster.network.at(700, Event::Operate(0));
        }
        // On a good day nothing fails.
        if self.plan.chaos > 0 {
            self.cluster.network.at(600, Event::Fault);
        }
        if self.plan.dark {
            self.cut.extend([(HUB, self.last_province()), (self.last_province(), HUB)]);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(letter) => self.arrive(*letter),
            Event::Run(HUB, life) if life == self.cluster.hub.life => self.run_hub(),
            Event::Run(place, life) if self.cluster.life(place) == Some(life) => self.run_node(place),
            Event::Wake(place, life) => self.wake(place, life),
            Event::Timeout(place, call) => {
                if let Some((life, pending)) = self.calls.remove(&(place, call))
                    && self.cluster.life(place) == Some(life)
                {
                    self.unanswered(pending);
                }
            }
            Event::Probe(province, life) if life == self.cluster.hub.life => self.probe_now(province, life),
            Event::Announce(province, life) if self.cluster.life(province) == Some(life) => {
                self.announce_now(province, life);
            }
            Event::Run(..) | Event::Probe(..) | Event::Announce(..) => {}
            Event::Restart(HUB) if self.cluster.hub.core.is_none() => self.start_hub(),
            Event::Restart(place) => {
                if self.cluster.nodes.get(&place).is_some_and(|node| node.core.is_none()) {
                    self.start_node(place);
                }
            }
            Event::Ask(number) => self.ask(number),
            Event::Operate(number) => self.operate(number),
            Event::ClocksRight => self.set_clocks_right(),
            Event::Fault => self.fault(),
        }
    }

    /// The province that is dark where one is.
    pub(super) fn last_province(&self) -> ProvinceCode {
        self.cluster.country.provinces.last().copied().unwrap_or(HUB)
    }

    fn wake(&mut self, place: Place, life: u64) {
        if self.cluster.life(place) != Some(life) {
            return;
        }
        if place == HUB {
            if self.cluster.hub.is_woken(self.at) {
                self.cluster.hub.inbox.push(hub::Input::Tick);
                self.run_hub();
            }
        } else if let Some(node) = self.cluster.nodes.get_mut(&place)
            && node.is_woken(self.at)
        {
            node.inbox.push(node::Input::Tick);
            self.run_node(place);
        }
    }

    /// Lets a server run soon: what comes until then is one batch.
    pub(super) fn soon(&mut self, place: Place) {
        if let Some(life) = self.cluster.life(place) {
            let at = self.at + self.chance.between(0, 3);
            self.cluster.network.at(at, Event::Run(place, life));
        }
    }

    /// Begins a call: sends it, and remembers what to do about its answer.
    pub(super) fn call(&mut self, from: Place, to: Place, message: Message, pending: Pending, within: u64) {
        let Some(life) = self.cluster.life(from) else { return };
        self.last_call += 1;
        let call = self.last_call;
        self.calls.insert((from, call), (life, pending));
        self.cluster.network.at(self.at + within, Event::Timeout(from, call));
        self.send(Letter { from, to, call, message });
    }

    /// Puts a letter on its way, as the network pleases.
    pub(super) fn send(&mut self, letter: Letter) {
        if self.cut.contains(&(letter.from, letter.to)) {
            return self.report.count("cut off");
        }
        let chaos = if self.healing { 0 } else { self.plan.chaos };
        if self.chance.permille(3 * chaos) {
            return self.report.count("lost");
        }
        if self.chance.permille(3 * chaos) {
            self.report.count("doubled");
            let late = self.at + self.chance.between(1, 5_000);
            self.cluster.network.at(late, Event::Arrive(Box::new(letter.clone())));
        }
        let slow = self.chance.permille(5 * chaos);
        let delay = if slow { self.chance.between(5, 4_000) } else { self.chance.between(0, 4) };
        self.cluster.network.at(self.at + delay, Event::Arrive(Box::new(letter)));
    }

    /// No new faults; everybody comes back, and everything must end.
    fn heal(&mut self) {
        self.healing = true;
        self.cut.clear();
        self.set_clocks_right();
        self.log(format_args!("heals"));
        for place in [HUB].into_iter().chain(self.cluster.country.provinces.clone()) {
            if self.cluster.life(place).is_none() {
                self.cluster.network.at(self.at + 10, Event::Restart(place));
            }
        }
    }

    /// A leg's decision as it is queued for its province.
    pub(super) fn legs_of(decisions: &[Decision]) -> Vec<(TransferId, Side)> {
        decisions.iter().map(|it| (it.transfer_id, it.side)).collect()
    }
}
