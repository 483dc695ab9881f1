//! The engine with a small machine: what callers see when things go wrong.

use super::core::{ROWS_UNDER_PREFIX_MAX, TooMany, last_stamp};
use super::progress::STANDS_AFTER;
use super::{AskError, Clock, Core, Doubt, Engine, EngineError, Outlet, Reading, start};
use crate::domain::machine::samples::{ItemCounted, ItemRow, Key, Record, Row, Started, Table};
use crate::domain::machine::step::answers;
use crate::domain::machine::{
    Caller, Change, Machine, Needs, Output, Prefix, SelfRow, Step, Ticket, TimeLowered, WorkingSet,
};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Mono, Now, StartId};
use crate::store::memory::{Fault, MemoryDisk, MemoryStore};
use crate::store::{Commit, Journal, Tables};
use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Counts: each `Add` journals a record whose incarnation is the sum so far, each `Count` one about an item of a shop,
/// and answers how many things the shop has.
#[derive(Default)]
struct Counter {
    /// How often all items of a shop were asked for.
    asked: Cell<u64>,
}

fn shop(shop: u64) -> Prefix<Table> {
    Prefix::of::<ItemRow>((shop,))
}

#[derive(Debug, PartialEq)]
enum Answer {
    Sum(u64),
    Refused(RefusalRecord),
}

answers! { Answer { Sum(u64) } }

#[derive(Debug)]
enum Input {
    Add(Ticket<u64>, u64),
    Count(Ticket<u64>, ItemCounted),
    Note(ItemCounted),
    Lower(Civil),
    Panic(Ticket<u64>),
    Refuse(Ticket<u64>),
    Block(Receiver<()>),
    Tick,
}

impl Machine for Counter {
    type Record = Record;
    type Row = Row;
    type Input = Input;
    type Answer = Answer;
    type Effect = u64;

    fn needs(&self, _now: Now, input: &Input, rows: &WorkingSet<Row>) -> Needs<Key> {
        let mut needs = Needs::from(if rows.knows(&Key::OWN) { vec![] } else { vec![Key::OWN] });
        if let Input::Count(_, item) = input
            && !rows.knows_all(&shop(item.shop))
        {
            self.asked.set(self.asked.get() + 1);
            needs.prefixes.push(shop(item.shop));
        }
        needs
    }

    fn step(&mut self, input: Input, step: &mut Step<'_, Record, Answer, u64>) {
        match input {
            Input::Add(ticket, number) => {
                let sum = step.rows().get::<SelfRow>(&Key::OWN).map_or(0, |row| row.incarnation) + number;
                step.record(Started { incarnation: sum, start_id: StartId::default(), time: step.now.civil });
                step.answer(ticket, sum);
                step.effect(sum);
            }
            Input::Count(ticket, item) => {
                let shop = shop(item.shop);
                step.record(item);
                let things = step.rows().under(&shop).into_iter().map(|item: &ItemRow| item.count).sum();
                step.answer(ticket, things);
            }
            Input::Note(item) => step.record(item),
            Input::Lower(to) => step.record(TimeLowered { from: step.now.civil, to }),
            Input::Panic(_) => panic!("a bug in a rule"),
            Input::Refuse(ticket) => {
                step.refuse(ticket, RefusalRecord::new(Reason::NotOwner, RefusalSide::Hub))
            }
            Input::Block(until) => drop(until.recv()),
            Input::Tick => {}
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        None
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn stamps(input: &Input) -> bool {
        !matches!(input, Input::Refuse(_) | Input::Lower(_))
    }

    fn supersedes(later: &Input, earlier: &Input) -> bool {
        matches!((later, earlier), (Input::Tick, Input::Tick))
    }

    fn caller(input: &Input) -> Option<Caller> {
        match input {
            Input::Add(ticket, _)
            | Input::Count(ticket, _)
            | Input::Panic(ticket)
            | Input::Refuse(ticket) => Some(ticket.caller()),
            Input::Note(_) | Input::Lower(_) | Input::Block(_) | Input::Tick => None,
        }
    }
}

/// A clock in the test's hands, and whether it is believed.
#[derive(Debug)]
struct Fixed(Mutex<Reading>);

impl Clock for Fixed {
    fn read(&self) -> Reading {
        *self.0.lock().expect("not poisoned")
    }

    fn stamp(&self, _: Civil) {}

    fn lower(&self, _: Civil) {}
}

fn reading(civil: i64, doubt: Option<Doubt>) -> Reading {
    Reading { now: Now { mono: Mono(0), civil: Civil(civil) }, wall: Civil(civil), doubt }
}

struct Heard(Sender<u64>);

impl Outlet<u64> for Heard {
    fn deliver(&mut self, effects: Vec<u64>, _since: Instant) {
        for effect in effects {
            let _ = self.0.send(effect);
        }
    }
}

fn engine(disk: &MemoryDisk<Record>) -> (Engine<Counter>, Receiver<u64>) {
    let (sender, effects) = channel();
    let clock = Arc::new(Fixed(Mutex::new(reading(1_000, None))));
    let core = Core::new(Counter::default(), disk.open()).expect("a core");
    (start(core, clock, Box::new(Heard(sender)), Vec::new()).expect("an engine"), effects)
}

fn stored(disk: &MemoryDisk<Record>) -> Option<u64> {
    let rows = disk.open().load(&[Key::OWN]).expect("read");
    rows[0]
        .as_ref()
        .and_then(crate::domain::machine::table::TableRow::of)
        .map(|row: &SelfRow| row.incarnation)
}

#[tokio::test]
async fn an_answer_is_durable_before_it_is_given() {
    let disk = MemoryDisk::new();
    let (engine, effects) = engine(&disk);
    assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 2)).await, Ok(2));
    assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 3)).await, Ok(5));
    let refused = engine.handle.ask(Input::Refuse).await;
    assert!(matches!(refused, Err(AskError::Refused(it)) if it.reason == Reason::NotOwner));
    assert_eq!(engine.handle.head().sequence, 2);
    // Who waits for its end, or for what comes into the journal, is woken by that alone.
    let ended = tokio::time::timeout(Duration::ZERO, engine.handle.clone().ended());
    assert!(ended.await.is_err(), "it goes on");
    let mut heads = engine.handle.heads();
    heads.mark_unchanged();
    drop(engine.handle.ask(Input::Refuse).await);
    assert!(!heads.has_changed().expect("it goes on"), "nothing was journaled");
    assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 0)).await, Ok(5));
    assert!(heads.has_changed().expect("it goes on"));
    engine.handle.stop();
    assert!(engine.thread.join().expect("no panic").is_ok());
    engine.handle.ended().await;
    assert_eq!(effects.try_iter().collect::<Vec<_>>(), [2, 5, 5]);
    assert_eq!(stored(&disk), Some(5));
}

#[tokio::test]
async fn a_failed_write_answers_nobody_and_ends_the_engine() {
    for (fault, left) in [(Fault::Before, None), (Fault::After, Some(2))] {
        let disk = MemoryDisk::new();
        let (engine, effects) = engine(&disk);
        disk.fail_append(1, fault);
        assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 2)).await, Err(AskError::Unknown));
        assert!(matches!(engine.thread.join().expect("no panic"), Err(EngineError::Store(_))));
        assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 2)).await, Err(AskError::Stopped));
        engine.handle.ended().await;
        assert_eq!(effects.try_iter().collect::<Vec<_>>(), [] as [u64; 0]);
        assert_eq!(stored(&disk), left);
    }
}

struct Broken;

impl Outlet<u64> for Broken {
    fn deliver(&mut self, effects: Vec<u64>, _since: Instant) {
        assert!(effects.is_empty(), "a bug in an outlet");
    }
}

/// What it decides would be done by nobody.
#[tokio::test]
async fn an_engine_whose_outlet_broke_decides_nothing_more() {
    let disk = MemoryDisk::new();
    let clock = Arc::new(Fixed(Mutex::new(reading(1_000, None))));
    let core = Core::new(Counter::default(), disk.open()).expect("a core");
    let engine = start(core, clock, Box::new(Broken), Vec::new()).expect("an engine");
    assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 2)).await, Err(AskError::Unknown));
    engine.handle.clone().ended().await;
    assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 3)).await, Err(AskError::Unknown));
    engine.handle.stop();
    assert!(matches!(engine.thread.join().expect("no panic"), Err(EngineError::Outlet)));
    assert_eq!(stored(&disk), Some(5), "what was durable stays, and nothing comes after it");
}

#[tokio::test]
async fn a_panic_in_a_rule_costs_its_caller_only() {
    let disk = MemoryDisk::new();
    let (engine, _effects) = engine(&disk);
    let bug = engine.handle.begin(Input::Panic).expect("begun");
    let good = engine.handle.begin(|ticket| Input::Add(ticket, 4)).expect("begun");
    assert!(bug.answer().await.is_err());
    assert_eq!(good.answer().await, Ok(4));
}

#[tokio::test]
async fn too_many_callers_are_turned_away_before_anything_begins() {
    let disk = MemoryDisk::new();
    let (engine, _effects) = engine(&disk);
    let handle = engine.handle.clone().with_waiting_max(1);
    let (release, block) = channel();
    handle.tell(Input::Block(block));
    let first = handle.begin(|ticket| Input::Add(ticket, 1)).expect("begun");
    assert_eq!(handle.ask(|ticket| Input::Add(ticket, 1)).await, Err(AskError::Overloaded));
    assert!(handle.is_loaded() && handle.clone().with_waiting_max(2).is_loaded());
    assert!(!handle.clone().with_waiting_max(3).is_loaded(), "less than half of those that may wait");
    release.send(()).expect("the engine waits");
    assert_eq!(first.answer().await, Ok(1));
    assert_eq!(handle.ask(|ticket| Input::Add(ticket, 1)).await, Ok(2));
}

#[test]
fn civil_time_never_runs_backwards_not_even_over_a_restart() {
    let disk = MemoryDisk::new();
    let at = |civil| Now { mono: Mono(0), civil: Civil(civil) };
    let mut core = Core::new(Counter::default(), disk.open()).expect("a core");
    core.run(at(5_000), vec![Input::Add(Ticket::new(0), 1)]).expect("stored");
    core.run(at(4_000), vec![Input::Add(Ticket::new(0), 1)]).expect("stored");
    let mut core: Core<Counter, MemoryStore<Record>> =
        Core::new(Counter::default(), disk.open()).expect("a core");
    core.run(at(1_000), vec![Input::Add(Ticket::new(0), 1)]).expect("stored");
    let times: Vec<i64> = core
        .store()
        .journal(0, 9)
        .expect("read")
        .into_iter()
        .filter_map(|entry| match entry.record {
            Record::Started(record) => Some(record.time.0),
            _ => None,
        })
        .collect();
    assert_eq!(times, [5_000, 5_000, 5_000]);
}

fn counted(shop: u64, item: u64, count: u64) -> ItemCounted {
    ItemCounted { shop, shelf: 1, item, count, is_settled: false }
}

fn answers(core: &mut Core<Counter, MemoryStore<Record>>, items: Vec<ItemCounted>) -> Vec<(Caller, u64)> {
    let inputs = (0..).zip(items).map(|(caller, item)| Input::Count(Ticket::new(caller), item)).collect();
    let outputs = core.run(Now { mono: Mono(0), civil: Civil(1) }, inputs).expect("stored");
    let answer = |output| match output {
        Output::Answer(caller, Answer::Sum(things)) => (caller, things),
        Output::Answer(_, refused) => panic!("{refused:?}"),
        Output::Effect(effect) => panic!("{effect}: nothing is to be done"),
    };
    outputs.into_iter().map(answer).collect()
}

#[test]
fn a_range_is_loaded_once_and_then_has_what_the_batch_adds() {
    let disk = MemoryDisk::new();
    let mut core = Core::new(Counter::default(), disk.open()).expect("a core");
    let first = vec![counted(1, 1, 5), counted(2, 9, 100), counted(1, 2, 7), counted(1, 1, 6)];
    assert_eq!(answers(&mut core, first), [(0, 5), (1, 100), (2, 12), (3, 13)]);
    assert_eq!(answers(&mut core, vec![counted(1, 3, 1)]), [(0, 14)], "the next batch");
    assert_eq!(core.machine().asked.get(), 4 + 2, "by each at first sight, and then once a shop");
    let mut core = Core::new(Counter::default(), disk.open()).expect("a core");
    assert_eq!(answers(&mut core, vec![counted(1, 4, 1)]), [(0, 15)], "what is stored counts");
}

/// What is loaded in the middle of a batch must not hide what was made before it.
#[test]
fn a_range_that_is_loaded_late_has_what_the_batch_made_before() {
    let mut core = Core::new(Counter::default(), MemoryDisk::new().open()).expect("a core");
    let inputs = vec![Input::Note(counted(1, 1, 5)), Input::Count(Ticket::new(1), counted(1, 2, 7))];
    let outputs = core.run(Now { mono: Mono(0), civil: Civil(1) }, inputs).expect("stored");
    assert_eq!(outputs, [Output::Answer(1, Answer::Sum(12))]);
}

#[tokio::test]
async fn a_range_that_is_too_large_costs_its_input_only() {
    let disk = MemoryDisk::new();
    let item = |item| Change::unknown(ItemRow { shop: 1, shelf: 1, item, count: 1, is_settled: false });
    let rows = (0..ROWS_UNDER_PREFIX_MAX as u64).map(item).collect();
    disk.open().append(&Commit { rows, ..Commit::default() }).expect("stored");
    let (engine, _effects) = engine(&disk);
    let things = ROWS_UNDER_PREFIX_MAX as u64 + 1;
    let count = |item| engine.handle.ask(move |ticket| Input::Count(ticket, counted(1, item, 1)));
    assert_eq!(count(things).await, Ok(things), "as many as may be, and one more in the batch");
    engine.handle.stop();
    assert!(engine.thread.join().expect("no panic").is_ok());

    let (engine, _effects) = self::engine(&disk);
    let large = engine.handle.begin(|ticket| Input::Count(ticket, counted(1, 1, 1))).expect("begun");
    let other = engine.handle.begin(|ticket| Input::Count(ticket, counted(2, 1, 4))).expect("begun");
    assert!(large.answer().await.is_err(), "the caller does not wait for ever");
    assert_eq!(other.answer().await, Ok(4));
    engine.handle.stop();
    assert!(engine.thread.join().expect("no panic").is_ok());

    let mut core = Core::new(Counter::default(), disk.open()).expect("a core");
    assert_eq!(answers(&mut core, vec![counted(1, 1, 1), counted(3, 1, 2)]), [(1, 2)]);
    assert_eq!((core.failures(), core.take_failed()), (1, vec![0]));
    let text = "an input needs a range of table item that holds more than 1000 rows: it is not decided";
    assert_eq!(TooMany { table: "item" }.to_string(), text);
}

fn core() -> (MemoryDisk<Record>, Core<Counter, MemoryStore<Record>>) {
    let disk = MemoryDisk::new();
    let core = Core::new(Counter::default(), disk.open()).expect("a core");
    (disk, core)
}

#[test]
fn nothing_is_stamped_by_a_clock_that_is_not_believed() {
    let (disk, mut core) = core();
    let (sure, doubtful) = (reading(1_000, None), reading(1_500, Some(Doubt::Stepped(46_800_000))));
    core.turn(&sure, vec![Input::Add(Ticket::new(1), 1)]).expect("stored");
    let before = disk.records().len();
    let item = ItemCounted { shop: 1, shelf: 1, item: 1, count: 1, is_settled: false };
    let inputs = vec![Input::Add(Ticket::new(2), 1), Input::Note(item), Input::Refuse(Ticket::new(3))];
    let outputs = core.turn(&doubtful, inputs).expect("stored");
    let told: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Answer(caller, Answer::Refused(refusal)) => Some((*caller, refusal.reason)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [(3, Reason::NotOwner), (2, Reason::ClockNotBelieved)],
        "what needs no time is answered"
    );
    assert_eq!(disk.records().len(), before);
    core.turn(&reading(2_000, None), Vec::new()).expect("stored");
    assert_eq!(
        disk.records().len(),
        before + 1,
        "what nobody waits for is done as soon as the clock is right"
    );
}

#[test]
fn the_time_is_noted_with_what_is_journaled_and_a_start_knows_it() {
    let (disk, mut core) = core();
    let item = ItemCounted { shop: 1, shelf: 1, item: 1, count: 1, is_settled: false };
    let note = |core: &mut Core<_, _>, civil| {
        core.turn(&reading(civil, None), vec![Input::Note(item.clone())]).expect("stored");
    };
    note(&mut core, 1_000_000);
    note(&mut core, 1_009_999);
    assert_eq!(core.stamped(), Some(Civil(1_000_000)), "once in ten seconds is enough");
    note(&mut core, 1_010_000);
    let times = disk.records().into_iter().filter(|record| matches!(record, Record::TimeNoted(_))).count();
    assert_eq!((times, core.stamped()), (2, Some(Civil(1_010_000))));
    let again = Core::new(Counter::default(), disk.open()).expect("a core");
    assert_eq!(again.stamped(), Some(Civil(1_010_000)));
    assert_eq!(last_stamp(&mut disk.open()).expect("read"), Some(Civil(1_010_000)));
    assert_eq!(last_stamp(&mut MemoryDisk::<Record>::new().open()).expect("read"), None);
}

#[test]
fn what_was_stamped_too_far_ahead_is_lowered_and_time_goes_on_from_there() {
    let (disk, mut core) = core();
    core.turn(&reading(900_000_000, None), vec![Input::Add(Ticket::new(1), 1)]).expect("stored");
    let behind = reading(900_000_000, Some(Doubt::BehindJournal(800_000_000)));
    core.turn(&behind, vec![Input::Lower(Civil(100_000_000))]).expect("stored");
    assert_eq!((core.take_lowered(), core.stamped()), (Some(Civil(100_000_000)), Some(Civil(100_000_000))));
    core.turn(&reading(100_000_500, None), vec![Input::Add(Ticket::new(2), 1)]).expect("stored");
    let last = disk.records().pop();
    let time = match last {
        Some(Record::Started(it)) => it.time,
        other => panic!("not a start: {other:?}"),
    };
    assert_eq!(time, Civil(100_000_500));
    assert_eq!(
        Core::new(Counter::default(), disk.open()).expect("a core").stamped(),
        Some(Civil(100_000_500))
    );
}

/// As when a disk does not answer.
#[test]
fn a_batch_that_hangs_in_its_sync_is_no_progress_and_an_idle_engine_gets_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let disk = MemoryDisk::new();
    let (engine, _effects) = engine(&disk);
    let progress = engine.handle.progress();
    let see = |what: &str, stands: bool| {
        let begun = Instant::now();
        while progress.stands_since().is_some() != stands {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::yield_now();
        }
        begun.elapsed()
    };
    let hanging = disk.hang();
    let answer = engine.handle.begin(|ticket| Input::Add(ticket, 1)).expect("begun");
    assert!(see("a sync that hangs", true) > STANDS_AFTER / 2, "it takes its time");
    drop(hanging);
    see("a sync that ended", false);
    assert_eq!(runtime.block_on(answer.answer()), Ok(1));
    engine.handle.stop();
    assert!(engine.thread.join().expect("no panic").is_ok());
}

/// Rows may be half changed then: whoever goes on with them answers for what is not so.
#[tokio::test]
async fn a_panic_in_applying_a_record_ends_the_engine_and_nothing_of_its_batch_is_stored() {
    let disk = MemoryDisk::new();
    let (engine, _effects) = engine(&disk);
    assert_eq!(engine.handle.ask(|ticket| Input::Add(ticket, 2)).await, Ok(2));
    let before = disk.records().len();
    let bad = ItemCounted { shop: 1, shelf: 1, item: 1, count: u64::MAX, is_settled: false };
    assert_eq!(engine.handle.ask(|ticket| Input::Count(ticket, bad)).await, Err(AskError::Unknown));
    assert!(engine.handle.ask(|ticket| Input::Add(ticket, 3)).await.is_err(), "it takes nothing more");
    assert!(matches!(engine.thread.join().expect("no panic of the thread"), Err(EngineError::Apply)));
    assert_eq!(disk.records().len(), before);
}

#[test]
fn what_was_not_stamped_does_not_hold_time_back() {
    let (_disk, mut core) = core();
    core.turn(&reading(1_000_000, None), vec![Input::Add(Ticket::new(1), 1)]).expect("stored");
    // Nothing is journaled by a clock that is far ahead; then it is right again.
    core.turn(&reading(900_000_000, None), vec![Input::Refuse(Ticket::new(2))]).expect("nothing to store");
    core.turn(&reading(1_000_500, None), vec![Input::Add(Ticket::new(3), 1)]).expect("stored");
    assert_eq!(core.stamped(), Some(Civil(1_000_500)));
    core.turn(&reading(1_000_500, None), vec![Input::Add(Ticket::new(3), 1)]).expect("stored");
    assert_eq!(core.take_lowered(), None);
    // What is stamped does: time never runs back behind it.
    core.turn(&reading(1_000_100, None), vec![Input::Add(Ticket::new(4), 1)]).expect("stored");
    assert_eq!(core.stamped(), Some(Civil(1_000_500)));
}

#[test]
fn of_what_waits_for_the_clock_the_last_word_is_enough() {
    let (_disk, mut core) = core();
    let doubtful = reading(1_500, Some(Doubt::Stepped(46_800_000)));
    assert_eq!((core.waiting_for_the_clock(), core.take_failed()), (0, vec![]));
    let ticks = (0..100).map(|_| Input::Tick).collect();
    core.turn(&doubtful, ticks).expect("nothing to store");
    assert_eq!(core.waiting_for_the_clock(), 1);
}
