//! The hub and the nodes of a scenario: the real machines over stores in memory, with a clock that the table sets and
//! every message in the runner's hands.

use gongji::domain::audit::books::{Books, HubBooks, NodeBooks};
use gongji::domain::audit::invariant::violations;
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::hub::{self, Deadlines, HubMachine};
use gongji::domain::machine::own::PeerRow;
use gongji::domain::machine::record::{Record, replay};
use gongji::domain::machine::scan::Scan;
use gongji::domain::machine::step::{Caller, Machine, Output, Ticket};
use gongji::domain::machine::table::{Row, Table, TableRow};
use gongji::domain::node::tables::LegRow;
use gongji::domain::node::{self, NodeMachine};
use gongji::domain::protocol::call::{Announced, Announcement, PeerMark};
use gongji::domain::protocol::leg::Leg;
use gongji::domain::protocol::message::{Ack, Decision, Question, Vote};
use gongji::domain::rules::rulebook::Rulebook;
use gongji::domain::value::calendar::{Civil, Mono, Now};
use gongji::domain::value::id::{StartId, TransferId};
use gongji::domain::value::region::{ProvinceCode, RegionDirectory};
use gongji::domain::value::side::Side;
use gongji::engine::{Core, Outputs};
use gongji::privacy::key::VaultKey;
use gongji::store::memory::{MemoryDisk, MemoryStore};
use gongji::store::{Tables, hash_at};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Each row of a table takes so long, so that what is kept for a moment is done in the next row.
pub const ROW_MS: u64 = 200;

/// One server: its machine over what survives a crash.
pub struct Host<M: Machine> {
    core: Core<M, MemoryStore<M::Record>>,
    pub disk: MemoryDisk<M::Record>,
    mark: PeerMark,
}

impl<M: Machine> Host<M> {
    fn new(machine: M, disk: MemoryDisk<M::Record>, start_id: StartId) -> Host<M> {
        let core = Core::new(machine, disk.open()).expect("a machine over its store");
        let mark = PeerMark { incarnation: core.incarnation(), start_id, ..PeerMark::default() };
        Host { core, disk, mark }
    }

    fn run(&mut self, now: Now, input: M::Input) -> Outputs<M> {
        let outputs = self.core.run(now, vec![input]).expect("a store in memory does not fail");
        assert_eq!(self.core.failures(), 0, "every input is decided");
        let head = self.core.head();
        (self.mark.sequence, self.mark.head_hash) = (head.sequence, head.hash);
        outputs
    }
}

/// What is on its way between two servers.
enum Letter {
    Prepare(ProvinceCode, PeerMark, Box<Leg>),
    Votes(ProvinceCode, PeerMark, Vec<Vote>),
    Decide(ProvinceCode, PeerMark, Vec<Decision>),
    Acks(ProvinceCode, PeerMark, Vec<(TransferId, Side)>, Vec<Ack>),
    Ask(ProvinceCode, Vec<Question>),
}

/// All servers of a scenario.
pub struct World {
    pub places: Arc<RegionDirectory>,
    rulebook: Arc<Rulebook>,
    pub key: Arc<VaultKey>,
    pub civil: Civil,
    mono: u64,
    pub hub: Host<HubMachine>,
    pub nodes: BTreeMap<ProvinceCode, Host<NodeMachine>>,
    post: VecDeque<Letter>,
    held: Vec<Letter>,
    holding: BTreeSet<TransferId>,
    dark: BTreeSet<ProvinceCode>,
    last_caller: Caller,
    starts: u8,
    hub_answers: BTreeMap<Caller, hub::Answer>,
    node_answers: BTreeMap<Caller, node::Answer>,
}

impl World {
    /// A hub and a node for each of these provinces, joined, at this moment.
    pub fn new(
        (places, rulebook): (Arc<RegionDirectory>, Arc<Rulebook>),
        provinces: &BTreeSet<ProvinceCode>,
        civil: Civil,
    ) -> World {
        let disk = MemoryDisk::new();
        let start = StartId([1; 16]);
        let machine =
            HubMachine::new(start, Arc::clone(&places), Arc::clone(&rulebook), Deadlines::default());
        let mut world = World {
            hub: Host::new(machine, disk, start),
            places,
            rulebook,
            key: Arc::new(VaultKey::from_bytes(&[7; 32])),
            civil,
            mono: 0,
            nodes: BTreeMap::new(),
            post: VecDeque::new(),
            held: Vec::new(),
            holding: BTreeSet::new(),
            dark: BTreeSet::new(),
            last_caller: 0,
            starts: 1,
            hub_answers: BTreeMap::new(),
            node_answers: BTreeMap::new(),
        };
        world.begin_hub(Vec::new());
        provinces.iter().for_each(|province| world.start_node(*province, MemoryDisk::new()));
        world
    }

    fn now(&self) -> Now {
        Now { mono: Mono(self.mono), civil: self.civil }
    }

    fn start_id(&mut self) -> StartId {
        self.starts += 1;
        StartId([self.starts; 16])
    }

    fn begin_hub(&mut self, unsettled: Vec<TransferRow>) {
        let incarnation = self.hub.mark.incarnation + 1;
        self.tell_hub(hub::Input::Start { unsettled, restored: None });
        self.hub.mark.incarnation = incarnation;
    }

    fn start_node(&mut self, province: ProvinceCode, disk: MemoryDisk<node::Record>) {
        let start = self.start_id();
        let everything = Scan { filter: node::legs_in_doubt(), after: None, limit: usize::MAX };
        let rows = disk.open().scan(&everything).expect("rows in memory");
        let in_doubt: Vec<LegRow> = rows.iter().filter_map(TableRow::of).cloned().collect();
        let (places, rulebook) = (Arc::clone(&self.places), Arc::clone(&self.rulebook));
        let key = Arc::clone(&self.key);
        let machine = NodeMachine::new(province, start, places, rulebook, key, in_doubt);
        self.nodes.insert(province, Host::new(machine, disk, start));
        self.join(province);
        self.link(province, true);
    }

    /// A node announces itself and takes the incarnation that it is given.
    fn join(&mut self, province: ProvinceCode) {
        let mut proof = None;
        let (incarnation, resync, hub_recovered) = loop {
            let node = &self.nodes[&province];
            let seen = node.disk.row(&node::Key::Peer(ProvinceCode::HUB));
            let seen = seen.as_ref().and_then(PeerRow::of);
            let hub_seen = seen.map(PeerRow::mark);
            let announcement = Box::new(Announcement { hub_seen, proof, again: false });
            let (node, disk) = (node.mark, node.disk.clone());
            let knows_us_to = hub_seen.map(|seen| seen.sequence);
            match self.ask_hub(|ticket| hub::Input::Announce {
                ticket,
                province,
                node,
                announcement,
                knows_us_to,
            }) {
                hub::Answer::Announced(Announced::Admitted { incarnation, resync, hub_recovered }) => {
                    break (incarnation, resync, hub_recovered);
                }
                hub::Answer::Announced(Announced::Prove { sequence }) => {
                    let hash = hash_at(&mut disk.open_for_reading(), sequence).expect("a journal in memory");
                    proof = Some((sequence, hash.unwrap_or_default()));
                }
                answer => panic!("{province}: {answer:?}"),
            }
        };
        let hub = self.hub.mark;
        if let Some(node) = self.nodes.get_mut(&province) {
            node.mark.incarnation = incarnation;
        }
        self.tell_node(province, node::Input::Joined { incarnation, hub, resync, hub_recovered });
    }

    /// The hub's process dies and starts again over its store. What it told nobody is not known to anybody.
    pub fn restart_hub(&mut self) {
        let start = self.start_id();
        let disk = self.hub.disk.clone();
        let everything = Scan { filter: hub::unsettled_transfers(), after: None, limit: usize::MAX };
        let rows = disk.open().scan(&everything).expect("rows in memory");
        let unsettled: Vec<TransferRow> = rows.iter().filter_map(TableRow::of).cloned().collect();
        let (places, rulebook) = (Arc::clone(&self.places), Arc::clone(&self.rulebook));
        let machine = HubMachine::new(start, places, rulebook, Deadlines::default());
        self.hub = Host::new(machine, disk, start);
        self.post.clear();
        self.held.clear();
        self.holding.clear();
        self.begin_hub(unsettled);
        let provinces: Vec<ProvinceCode> = self.nodes.keys().copied().collect();
        provinces.into_iter().for_each(|province| self.join(province));
        self.deliver();
    }

    /// The line to a province is cut, or comes back.
    pub fn link(&mut self, province: ProvinceCode, up: bool) {
        if up {
            self.dark.remove(&province)
        } else {
            self.dark.insert(province)
        };
        self.tell_hub(hub::Input::Link { province, up });
        self.deliver();
    }

    /// Votes on this transfer stay under way until [`World::release`].
    pub fn hold(&mut self, transfer_id: TransferId) {
        self.holding.insert(transfer_id);
    }

    /// What was held goes on.
    pub fn release(&mut self) {
        self.holding.clear();
        self.post.extend(std::mem::take(&mut self.held));
        self.deliver();
    }

    /// Time passes, on the clock that nobody sets.
    pub fn wait(&mut self, ms: u64) {
        self.mono += ms;
        self.civil = Civil(self.civil.0.saturating_add_unsigned(ms));
        self.due();
    }

    /// Time passes to this moment, and every server wakes whenever it wants to.
    pub fn wait_until(&mut self, at: Civil) {
        while self.civil < at {
            let left = at.0.abs_diff(self.civil.0);
            let nodes = self.nodes.values().filter_map(|node| node.core.wake_at());
            let next = nodes.chain(self.hub.core.wake_at()).min();
            let pause = next.map_or(left, |Mono(wake)| wake.saturating_sub(self.mono));
            self.wait(pause.clamp(1, left));
        }
    }

    /// A row has been carried out: what was put off for a moment is done.
    pub fn row_done(&mut self) {
        self.mono += ROW_MS;
        self.due();
    }

    fn due(&mut self) {
        let now = Mono(self.mono);
        if self.hub.core.wake_at().is_some_and(|at| at <= now) {
            self.tell_hub(hub::Input::Tick);
        }
        let waking = |(province, node): (&ProvinceCode, &Host<NodeMachine>)| {
            node.core.wake_at().is_some_and(|at| at <= now).then_some(*province)
        };
        let provinces: Vec<ProvinceCode> = self.nodes.iter().filter_map(waking).collect();
        provinces.into_iter().for_each(|province| self.tell_node(province, node::Input::Tick));
        self.deliver();
    }

    fn ticket<T>(&mut self) -> Ticket<T> {
        self.last_caller += 1;
        Ticket::new(self.last_caller)
    }

    /// Asks the hub and lets everything that follows from it happen; the answer may be missing while votes are held.
    pub fn hand_in<T>(&mut self, input: impl FnOnce(Ticket<T>) -> hub::Input) -> Option<hub::Answer> {
        let ticket = self.ticket();
        self.tell_hub(input(ticket));
        self.deliver();
        self.hub_answers.remove(&ticket.caller())
    }

    fn ask_hub<T>(&mut self, input: impl FnOnce(Ticket<T>) -> hub::Input) -> hub::Answer {
        self.hand_in(input).expect("the hub's answer")
    }

    /// Asks a node on behalf of its province's own system or of an app.
    pub fn ask_node<T>(
        &mut self,
        province: ProvinceCode,
        input: impl FnOnce(Ticket<T>) -> node::Input,
    ) -> node::Answer {
        let ticket = self.ticket();
        self.tell_node(province, input(ticket));
        self.deliver();
        self.node_answers.remove(&ticket.caller()).expect("the node's answer")
    }

    fn tell_hub(&mut self, input: hub::Input) {
        for output in self.hub.run(self.now(), input) {
            match output {
                Output::Answer(ticket, answer) => drop(self.hub_answers.insert(ticket, answer)),
                Output::Effect(hub::Effect::Prepare(province, leg)) => {
                    self.post.push_back(Letter::Prepare(province, self.hub.mark, leg));
                }
                Output::Effect(hub::Effect::Decide(province, decision)) => {
                    self.post.push_back(Letter::Decide(province, self.hub.mark, vec![decision]));
                }
                Output::Effect(hub::Effect::Flush(_)) => {}
                Output::Effect(other) => panic!("the hub wants {other:?}"),
            }
        }
    }

    fn tell_node(&mut self, province: ProvinceCode, input: node::Input) {
        let now = self.now();
        let node = self.nodes.get_mut(&province).expect("a node of the scenario");
        for output in node.run(now, input) {
            match output {
                Output::Answer(ticket, answer) => drop(self.node_answers.insert(ticket, answer)),
                Output::Effect(node::Effect::Ask(questions)) => {
                    self.post.push_back(Letter::Ask(province, questions));
                }
                Output::Effect(other) => panic!("node {province} wants {other:?}"),
            }
        }
    }

    fn is_held(&self, letter: &Letter) -> bool {
        match letter {
            Letter::Votes(_, _, votes) => votes.iter().any(|vote| self.holding.contains(&vote.transfer_id)),
            Letter::Prepare(..) | Letter::Decide(..) | Letter::Acks(..) | Letter::Ask(..) => false,
        }
    }

    /// Carries letters until there are none.
    pub fn deliver(&mut self) {
        while let Some(letter) = self.post.pop_front() {
            if self.is_held(&letter) {
                self.held.push(letter);
            } else {
                self.arrive(letter);
            }
        }
    }

    fn arrive(&mut self, letter: Letter) {
        match letter {
            Letter::Prepare(province, hub, leg) => {
                let legs = vec![Ok(leg.with_id_hash(|number| self.key.id_hash(number)))];
                if let node::Answer::Votes(votes) =
                    self.node_hears(province, |ticket| node::Input::Prepare { ticket, hub, legs })
                {
                    self.post.push_back(Letter::Votes(province, self.nodes[&province].mark, votes));
                }
            }
            Letter::Votes(province, node, votes) => {
                self.tell_hub(hub::Input::Votes { province, node, votes });
            }
            // A dark province hears nothing; what it is owed stays in the hub's outbox.
            Letter::Decide(province, ..) if self.dark.contains(&province) => {}
            Letter::Decide(province, hub, decisions) => {
                let told = decisions.iter().map(|it| (it.transfer_id, it.side)).collect();
                if let node::Answer::Acks(acks) =
                    self.node_hears(province, |ticket| node::Input::Decide { ticket, hub, decisions })
                {
                    let mark = self.nodes[&province].mark;
                    self.post.push_back(Letter::Acks(province, mark, told, acks));
                }
            }
            Letter::Acks(province, node, told, acks) => {
                self.tell_hub(hub::Input::Acks { province, node, told, acks });
            }
            Letter::Ask(province, questions) => self.resolve(province, questions),
        }
    }

    fn node_hears<T>(
        &mut self,
        province: ProvinceCode,
        input: impl FnOnce(Ticket<T>) -> node::Input,
    ) -> node::Answer {
        let ticket = self.ticket();
        self.tell_node(province, input(ticket));
        self.node_answers.remove(&ticket.caller()).expect("the node's answer")
    }

    fn resolve(&mut self, province: ProvinceCode, questions: Vec<Question>) {
        if self.dark.contains(&province) {
            return self.tell_node(province, node::Input::AskFailed { questions });
        }
        let (ticket, node) = (self.ticket(), self.nodes[&province].mark);
        self.tell_hub(hub::Input::Resolve { ticket, province, node, questions });
        if let Some(hub::Answer::Rulings(rulings)) = self.hub_answers.remove(&ticket.caller()) {
            let hub = self.hub.mark;
            self.tell_node(province, node::Input::Rulings { hub, rulings });
        }
    }

    /// The transfer as the hub has it.
    pub fn transfer(&self, transfer_id: TransferId) -> Option<TransferRow> {
        let row = self.hub.disk.row(&hub::Key::Transfer(transfer_id));
        row.as_ref().and_then(TransferRow::of).cloned()
    }

    /// What must hold whatever happens, does: over the books of all servers.
    pub fn check(&self) {
        let nodes = self.nodes.iter().map(|(province, node)| NodeBooks::of(*province, node.disk.rows()));
        let hub = HubBooks::of(self.hub.disk.rows()).with_journal(&self.hub.disk.records());
        let books = Books {
            hub,
            nodes: nodes.collect(),
            told: Default::default(),
            restored: Default::default(),
            hub_lost: false,
            at_rest: false,
        };
        let found: Vec<String> = violations(&books).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    /// Replaying each journal rebuilds its tables.
    pub fn check_replay(&self) {
        rebuilds(&self.hub.disk);
        self.nodes.values().for_each(|node| rebuilds(&node.disk));
    }
}

fn rebuilds<R: Record>(disk: &MemoryDisk<R>) {
    let rebuilt = replay(&disk.records());
    let kept = disk.rows();
    let kept: Vec<_> = kept.iter().filter(|row| !row.table().is_vault()).collect();
    assert_eq!(rebuilt.rows().collect::<Vec<_>>(), kept, "tables are what the journal says");
}
