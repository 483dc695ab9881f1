//! One server of the model: the real machine with the rows that its disk holds. A step gives another server, so that
//! the one before it is still there when a crash takes the step back.

use gongji::domain::apply::SELF;
use gongji::domain::calendar::{Civil, Mono, Now};
use gongji::domain::coordinator::{self, Coordinator, Deadlines};
use gongji::domain::id::StartId;
use gongji::domain::participant::{self, Participant};
use gongji::domain::protocol::Question;
use gongji::domain::record::{LegState, PeerMark, Record};
use gongji::domain::region::ProvinceCode;
use gongji::domain::row::{Key, LegRow, Row, SelfRow, TableRow, TransferRow};
use gongji::domain::scan::Filter;
use gongji::domain::step::{Batch, Machine, Output, Step};
use gongji::domain::working_set::WorkingSet;
use gongji::sim::people::{Country, NOON, PlainVault};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What a step wants done.
pub type Outputs<M> = Vec<Output<<M as Machine>::Answer, <M as Machine>::Effect>>;

/// A machine that says what it holds beside its rows.
pub trait Told: Machine + Clone {
    /// That, as a number.
    fn held(&self) -> u64;

    /// What makes timers that a tick would end anyway alike, if there are any.
    fn wind_up(server: &Server<Self>) -> Option<Self::Input>;
}

impl Told for Coordinator {
    fn held(&self) -> u64 {
        print(&self.volatile())
    }

    fn wind_up(_: &Server<Coordinator>) -> Option<Self::Input> {
        None
    }
}

impl Told for Participant {
    fn held(&self) -> u64 {
        print(&self.volatile())
    }

    /// A tick asks about all legs in doubt, so when each is due makes no difference, and must make none to the state.
    fn wind_up(server: &Server<Participant>) -> Option<Self::Input> {
        let question = |leg: &LegRow| Question {
            transfer_id: leg.transfer_id,
            side: leg.side,
            terms_digest: leg.terms_digest,
        };
        let questions: Vec<Question> = server.in_doubt().map(question).collect();
        (!questions.is_empty()).then_some(participant::Input::AskFailed { questions })
    }
}

/// The same number for the same content, in every run.
pub fn print(content: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// A server that is up.
#[derive(Clone, Debug)]
pub struct Server<M> {
    machine: M,
    /// Rows as they were when the world began.
    first: Arc<BTreeMap<Key, Row>>,
    /// Rows that have changed since, each with the number that stands for it.
    rows: BTreeMap<Key, (Row, u64)>,
    /// The journal's decisions, to see that no id has two. The rest of it is in the rows.
    decisions: Vec<Record>,
    /// What it says of itself. Its sequence stands still: only stores that were put back differ in it.
    pub mark: PeerMark,
    /// Stands for all of it.
    pub print: u64,
}

/// A moment: timers are counted from a clock that stands still until a tick lets it jump.
pub fn at(mono: Mono) -> Now {
    Now { mono, civil: Civil(NOON) }
}

/// The start id of a server's nth life.
fn start_id(place: ProvinceCode, life: u8) -> StartId {
    let mut bytes = [place.number(); 16];
    bytes[15] = life;
    StartId(bytes)
}

impl<M: Told> Server<M> {
    fn new(machine: M, mark: PeerMark) -> Server<M> {
        let (first, rows) = (Arc::default(), BTreeMap::new());
        Server { machine, first, rows, decisions: Vec::new(), mark, print: 0 }
    }

    /// The same disk under another process.
    fn with(&self, machine: M, mark: PeerMark) -> Server<M> {
        Server { machine, mark, ..self.clone() }
    }

    fn seal(&mut self) {
        if let Some(input) = M::wind_up(self) {
            self.take(at(Mono(0)), input);
        }
        let prints: Vec<u64> = self.rows.values().map(|(_, print)| *print).collect();
        let decided: Vec<_> = self.decisions.iter().map(Record::transfer_id).collect();
        self.print = print(&(prints, decided, self.mark, self.machine.held()));
    }

    /// What is there now is what the world begins with.
    fn begin(mut self) -> Server<M> {
        self.first =
            Arc::new(std::mem::take(&mut self.rows).into_iter().map(|(key, (row, _))| (key, row)).collect());
        self.seal();
        self
    }

    /// One batch of one input, as the engine runs it: load, decide, append. What it gives is durable.
    pub fn run(&self, now: Now, input: M::Input) -> (Server<M>, Outputs<M>) {
        let mut next = self.clone();
        let outputs = next.take(now, input);
        next.seal();
        (next, outputs)
    }

    fn take(&mut self, now: Now, input: M::Input) -> Outputs<M> {
        let mut loaded = WorkingSet::default();
        loop {
            let keys = self.machine.needs(now, &input, &loaded);
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let row = self.row(&key).cloned();
                loaded.learn(key, row);
            }
        }
        let mut batch = Batch::after(0);
        self.machine.step(input, &mut Step::new(now, &mut loaded, &mut batch));
        for row in loaded.take_changed().into_iter().chain(batch.vault) {
            let print = print(&row);
            self.rows.insert(row.key(), (row, print));
        }
        let decided = batch.records.into_iter().filter(|it| matches!(it, Record::TransferDecided(_)));
        self.decisions.extend(decided);
        batch.outputs
    }

    /// When it wants to be woken.
    pub fn wake_at(&self) -> Option<Mono> {
        self.machine.wake_at()
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let first = self.first.iter().filter(|(key, _)| !self.rows.contains_key(key)).map(|(_, row)| row);
        self.rows.values().map(|(row, _)| row).chain(first)
    }

    fn row(&self, key: &Key) -> Option<&Row> {
        self.rows.get(key).map(|(row, _)| row).or_else(|| self.first.get(key))
    }

    /// The row under a key.
    pub fn get<T: TableRow>(&self, key: &Key) -> Option<&T> {
        self.row(key).and_then(T::of)
    }

    /// Every row of a kind that a transfer makes.
    pub fn all<'a, T: TableRow + 'a>(&'a self) -> impl Iterator<Item = &'a T> {
        self.rows.values().filter_map(|(row, _)| T::of(row))
    }

    /// The journal's decisions.
    pub fn decisions(&self) -> &[Record] {
        &self.decisions
    }

    /// Which of its lives it is in; the first is 1.
    pub fn life(&self) -> u8 {
        self.mark.start_id.0[15]
    }

    /// The same server with rows taken out behind the journal's back.
    pub fn without(&self, gone: impl Fn(&Row) -> bool) -> Server<M> {
        let mut server = self.clone();
        server.rows.retain(|_, (row, _)| !gone(row));
        server.seal();
        server
    }
}

/// A hub at its first start.
pub fn first_hub(country: &Country) -> Server<Coordinator> {
    let nothing = Server::new(coordinator(country, StartId::default()), PeerMark::default());
    start_hub(country, &nothing, 1).0
}

fn coordinator(country: &Country, start_id: StartId) -> Coordinator {
    let (places, rulebook) = (Arc::clone(&country.places), Arc::clone(&country.rulebook));
    Coordinator::new(start_id, places, rulebook, Deadlines::default())
}

fn start_hub(
    country: &Country,
    before: &Server<Coordinator>,
    life: u8,
) -> (Server<Coordinator>, Outputs<Coordinator>) {
    let start_id = start_id(ProvinceCode::HUB, life);
    let open = before.rows().filter(|row| Filter::UnsettledTransfers.admits(row));
    let unsettled: Vec<TransferRow> = open.filter_map(TableRow::of).cloned().collect();
    let mark = PeerMark { start_id, ..PeerMark::default() };
    let mut hub = before.with(coordinator(country, start_id), mark);
    let outputs = hub.take(at(Mono(0)), coordinator::Input::Start { unsettled, put_back: None });
    hub.mark.incarnation = hub.get::<SelfRow>(&SELF).map_or(0, |own| own.incarnation);
    hub.seal();
    (hub, outputs)
}

impl Server<Coordinator> {
    /// The process ends and starts again over its rows.
    pub fn restart(&self, country: &Country) -> (Server<Coordinator>, Outputs<Coordinator>) {
        start_hub(country, self, self.life() + 1)
    }
}

/// A node at its first start, with its members.
pub fn first_node(country: &Country, province: ProvinceCode) -> Server<Participant> {
    let machine = participant(country, province, StartId::default(), Vec::new());
    let nothing = Server::new(machine, PeerMark::default());
    let mut node = start_node(country, province, &nothing, 1);
    for input in country.enrolment(province) {
        node.take(at(Mono(0)), input);
    }
    node.begin()
}

fn participant(
    country: &Country,
    province: ProvinceCode,
    start_id: StartId,
    in_doubt: Vec<LegRow>,
) -> Participant {
    let (places, rulebook) = (Arc::clone(&country.places), Arc::clone(&country.rulebook));
    Participant::new(province, start_id, places, rulebook, Arc::new(PlainVault), in_doubt)
}

fn start_node(
    country: &Country,
    province: ProvinceCode,
    before: &Server<Participant>,
    life: u8,
) -> Server<Participant> {
    let start_id = start_id(province, life);
    let machine = participant(country, province, start_id, before.in_doubt().cloned().collect());
    // Until it has joined, it is known by the incarnation that it last took.
    let incarnation = before.get::<SelfRow>(&SELF).map_or(0, |own| own.incarnation);
    let mut node = before.with(machine, PeerMark { incarnation, start_id, ..PeerMark::default() });
    node.seal();
    node
}

impl Server<Participant> {
    /// The process ends and starts again over its rows.
    pub fn restart(&self, country: &Country, province: ProvinceCode) -> Server<Participant> {
        start_node(country, province, self, self.life() + 1)
    }

    /// Legs that voted yes and do not know the decision.
    pub fn in_doubt(&self) -> impl Iterator<Item = &LegRow> {
        self.all().filter(|leg: &&LegRow| leg.state == LegState::Prepared)
    }

    /// The same node, as it speaks once it was given an incarnation.
    pub fn admitted(&self, incarnation: u64) -> Server<Participant> {
        let mut node = self.clone();
        node.mark.incarnation = incarnation;
        node.seal();
        node
    }

    /// Whether this life has taken its incarnation.
    pub fn has_joined(&self) -> bool {
        self.get::<SelfRow>(&SELF).is_some_and(|own| own.start_id == self.mark.start_id)
    }
}
