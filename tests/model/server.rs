//! One server of the model: the real machine with the rows that its disk holds. A step gives another server, so that
//! the one before it is still there when a crash takes the step back, or somebody puts an older store in its place.

use super::clocks::Clock;
use super::journal::Journal;
use gongji::domain::hub::{self, HubMachine};
use gongji::domain::machine::{
    Batch, Key, Machine, Output, Record, Row, SelfRow, Step, TableRow, WorkingSet,
};
use gongji::domain::node::tables::LegRow;
use gongji::domain::node::{self, NodeMachine};
use gongji::domain::protocol::{LegState, PeerMark, Question};
use gongji::domain::value::{Civil, Mono, Now};
use gongji::testkit::NOON;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What a step wants done.
pub type Outputs<M> = Vec<Output<<M as Machine>::Answer, <M as Machine>::Effect>>;

/// The keys of a machine's rows.
type KeyOf<M> = <<M as Machine>::Row as Row>::Key;

/// What a record is to the journal of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sort {
    /// How far a peer was seen.
    PeerSeen,
    /// The hub's decision on a transfer.
    Decided,
    /// A store that was restored has heard what it lost.
    Restored,
    /// Anything else.
    Other,
}

/// A machine that says what it holds beside its rows, and what its records are.
pub trait Told: Machine + Clone {
    /// That, as a number.
    fn held(&self) -> u64;

    /// What one of its records is.
    fn sort(record: &Self::Record) -> Sort;

    /// What makes timers that a tick would end anyway alike, if there are any.
    fn wind_up(server: &Server<Self>) -> Option<Self::Input>;
}

impl Told for HubMachine {
    fn held(&self) -> u64 {
        print(&self.volatile())
    }

    fn sort(record: &hub::Record) -> Sort {
        match record {
            hub::Record::PeerSeen(_) => Sort::PeerSeen,
            hub::Record::TransferDecided(_) => Sort::Decided,
            hub::Record::HubRecovered(_) => Sort::Restored,
            _ => Sort::Other,
        }
    }

    fn wind_up(_: &Server<HubMachine>) -> Option<Self::Input> {
        None
    }
}

impl Told for NodeMachine {
    fn held(&self) -> u64 {
        print(&self.volatile())
    }

    fn sort(record: &node::Record) -> Sort {
        match record {
            node::Record::PeerSeen(_) => Sort::PeerSeen,
            node::Record::NodeResynced(_) => Sort::Restored,
            _ => Sort::Other,
        }
    }

    /// A tick asks about all legs in doubt, so when each is due makes no difference, and must make none to the state.
    fn wind_up(server: &Server<NodeMachine>) -> Option<Self::Input> {
        let question = |leg: &LegRow| Question {
            transfer_id: leg.transfer_id,
            side: leg.side,
            terms_digest: leg.terms_digest,
        };
        let questions: Vec<Question> = server.in_doubt().map(question).collect();
        (!questions.is_empty()).then_some(node::Input::AskFailed { questions })
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
pub struct Server<M: Machine> {
    pub(super) machine: M,
    /// Rows as they were when the world began.
    first: Arc<BTreeMap<KeyOf<M>, M::Row>>,
    /// Rows that have changed since, each with the number that stands for it.
    rows: BTreeMap<KeyOf<M>, (M::Row, u64)>,
    /// The journal's decisions, to see that no id has two. The rest of it is in the rows.
    decisions: Vec<M::Record>,
    /// What the store can be told by, where stores are restored.
    pub journal: Option<Journal<M>>,
    /// The civil clock.
    pub civil: Civil,
    /// Whether it is believed.
    pub clock: Clock,
    /// What it says of itself. Its sequence stands still where no store is restored: only such stores differ in it.
    pub mark: PeerMark,
    /// Stands for all of it.
    pub print: u64,
}

impl<M: Told> Server<M> {
    /// A server with nothing on its disk.
    pub fn new(machine: M, journal: Option<Journal<M>>) -> Server<M> {
        Server {
            machine,
            first: Arc::default(),
            rows: BTreeMap::new(),
            decisions: Vec::new(),
            journal,
            civil: Civil(NOON),
            clock: Clock::Right,
            mark: PeerMark::default(),
            print: 0,
        }
    }

    /// The same disk under another process.
    pub fn with(&self, machine: M, mark: PeerMark) -> Server<M> {
        Server { machine, mark, ..self.clone() }
    }

    /// A moment: timers are counted from a clock that stands still until a tick lets it jump.
    pub fn at(&self, mono: Mono) -> Now {
        self.reading(mono).0
    }

    /// The same server, which takes its civil clock so.
    pub fn with_clock(self, clock: Clock) -> Server<M> {
        let mut server = Server { clock, ..self };
        server.seal();
        server
    }

    /// Notes what stands for all of it.
    pub fn seal(&mut self) {
        if let Some(input) = M::wind_up(self) {
            self.take(self.at(Mono(0)), input);
        }
        let prints: Vec<u64> = self.rows.values().map(|(_, print)| *print).collect();
        let decided: Vec<_> = self.decisions.iter().map(Record::transfer_id).collect();
        let journal = self.journal.as_ref().map(Journal::print);
        let clock = (self.civil, self.clock);
        self.print = print(&(prints, decided, self.mark, clock, journal, self.machine.held()));
    }

    /// What is there now is what the world begins with.
    pub fn begin(mut self) -> Server<M> {
        self.first =
            Arc::new(std::mem::take(&mut self.rows).into_iter().map(|(key, (row, _))| (key, row)).collect());
        self.seal();
        self
    }

    /// One batch of one input, as the engine runs it: load, decide, append. What it gives is durable.
    pub fn run(&self, now: Now, input: M::Input) -> (Server<M>, Outputs<M>) {
        let mut next = self.clone();
        let outputs = next.take(now, input);
        if next.mark.sequence != self.mark.sequence
            && let Some(journal) = &mut next.journal
        {
            journal.remember(self);
        }
        next.seal();
        (next, outputs)
    }

    /// Takes one input, as a step of a longer batch.
    pub fn take(&mut self, now: Now, input: M::Input) -> Outputs<M> {
        let mut loaded = WorkingSet::default();
        loop {
            let needs = self.machine.needs(now, &input, &loaded);
            if needs.is_empty() {
                break;
            }
            for key in needs.keys {
                let row = self.row(&key).cloned();
                loaded.learn(key, row);
            }
            for prefix in needs.prefixes {
                let under = self.rows().filter(|row| prefix.covers(&row.key())).cloned().collect();
                loaded.learn_all(prefix, under);
            }
        }
        let mut batch = Batch::after(0);
        self.machine.step(input, &mut Step::new(now, &mut loaded, &mut batch));
        let changed = loaded.take_changed().into_iter().map(|change| change.row);
        for row in changed.chain(batch.vault) {
            let print = print(&row);
            self.rows.insert(row.key(), (row, print));
        }
        for record in batch.records {
            if let Some(journal) = &mut self.journal {
                journal.append(&record, &mut self.mark);
            }
            if M::sort(&record) == Sort::Decided {
                self.decisions.push(record);
            }
        }
        batch.outputs
    }

    /// When it wants to be woken.
    pub fn wake_at(&self) -> Option<Mono> {
        self.machine.wake_at()
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &M::Row> {
        let first = self.first.iter().filter(|(key, _)| !self.rows.contains_key(key)).map(|(_, row)| row);
        self.rows.values().map(|(row, _)| row).chain(first)
    }

    /// Its own counters.
    pub fn own(&self) -> Option<&SelfRow> {
        self.row(&<KeyOf<M> as Key>::OWN).and_then(Row::as_own)
    }

    fn row(&self, key: &KeyOf<M>) -> Option<&M::Row> {
        self.rows.get(key).map(|(row, _)| row).or_else(|| self.first.get(key))
    }

    /// The row under a key.
    pub fn get<T: TableRow<M::Row>>(&self, key: &KeyOf<M>) -> Option<&T> {
        self.row(key).and_then(T::of)
    }

    /// Every row of a kind that a transfer makes.
    pub fn all<'a, T: TableRow<M::Row> + 'a>(&'a self) -> impl Iterator<Item = &'a T> {
        self.rows.values().filter_map(|(row, _)| T::of(row))
    }

    /// The journal's decisions.
    pub fn decisions(&self) -> &[M::Record] {
        &self.decisions
    }

    /// Which of its lives it is in; the first is 1.
    pub fn life(&self) -> u8 {
        self.mark.start_id.0[15]
    }

    /// The same server with rows taken out behind the journal's back.
    pub fn without(&self, gone: impl Fn(&M::Row) -> bool) -> Server<M> {
        let mut server = self.clone();
        server.rows.retain(|_, (row, _)| !gone(row));
        server.seal();
        server
    }
}

impl Server<NodeMachine> {
    /// Legs that voted yes and do not know the decision.
    pub fn in_doubt(&self) -> impl Iterator<Item = &LegRow> {
        self.all().filter(|leg: &&LegRow| leg.state == LegState::Prepared)
    }
}
