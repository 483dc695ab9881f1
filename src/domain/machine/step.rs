//! One step of a state machine: decide on an input, make records, apply them, and say what is to be done afterwards.
//! Nothing said here goes out before the batch's records are durable; the engine sees to that.

use crate::domain::machine::need::Needs;
use crate::domain::machine::own::TimeNoted;
use crate::domain::machine::record::Record;
use crate::domain::machine::table::{Key, Row, Table};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{Mono, Now};
use std::marker::PhantomData;

/// Names a caller who waits for an answer.
pub type Caller = u64;

/// Names a caller who waits, and says by its type what he is answered when he is not refused.
pub struct Ticket<T> {
    caller: Caller,
    answered: PhantomData<fn() -> T>,
}

impl<T> Ticket<T> {
    /// A ticket of this caller.
    pub fn new(caller: Caller) -> Ticket<T> {
        Ticket { caller, answered: PhantomData }
    }

    /// Whose it is.
    pub fn caller(self) -> Caller {
        self.caller
    }

    /// The same for one of the things that its caller may be answered.
    pub fn narrowed<U: Into<T>>(self) -> Ticket<U> {
        Ticket::new(self.caller)
    }
}

impl<T> Clone for Ticket<T> {
    fn clone(&self) -> Ticket<T> {
        *self
    }
}

impl<T> Copy for Ticket<T> {}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket({})", self.caller)
    }
}

impl<T> std::hash::Hash for Ticket<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.caller.hash(state);
    }
}

/// Lets each kind of answer stand for a type of its own: `answers! { Answer { Votes(Vec<Vote>) } }` carries what a
/// caller is answered, or its refusal, into the variant and back.
macro_rules! answers {
    ($answer:ident { $($variant:ident($type:ty)),+ $(,)? }) => {
        impl From<RefusalRecord> for $answer {
            fn from(refusal: RefusalRecord) -> $answer {
                $answer::Refused(refusal)
            }
        }
        $(impl From<$type> for $answer {
            fn from(answered: $type) -> $answer {
                $answer::$variant(answered)
            }
        }

        impl TryFrom<$answer> for Result<$type, RefusalRecord> {
            type Error = crate::domain::machine::step::OtherAnswer;

            fn try_from(answer: $answer) -> Result<Self, Self::Error> {
                if let $answer::Refused(refusal) = answer {
                    return Ok(Err(refusal));
                }
                let $answer::$variant(answered) = answer else {
                    return Err(crate::domain::machine::step::OtherAnswer);
                };
                Ok(Ok(answered))
            }
        })+
    };
}
pub(crate) use answers;

/// Answers among which is one of this type, or its refusal.
pub trait Answers<T>: TryInto<Result<T, RefusalRecord>, Error = OtherAnswer> {}

impl<A: TryInto<Result<T, RefusalRecord>, Error = OtherAnswer>, T> Answers<T> for A {}

/// An answer of another kind than its ticket says; no step can give one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherAnswer;

/// A hub's or a node's logic, written once and run by the engine, the model and the simulator alike.
pub trait Machine: Sized {
    /// What it journals; with it, what its rows are and how records change them.
    type Record: Record<Row = Self::Row> + From<TimeNoted>;
    /// What it keeps.
    type Row: Row;
    /// What can happen to it.
    type Input;
    /// What it tells a waiting caller.
    type Answer: From<RefusalRecord>;
    /// What it wants done in the world.
    type Effect;

    /// The rows that deciding on `input` needs and `rows` does not know yet; asked again until there are none. An
    /// input that needs more rows under a prefix than the engine loads is not decided, and its caller not answered.
    fn needs(
        &self,
        now: Now,
        input: &Self::Input,
        rows: &WorkingSet<Self::Row>,
    ) -> Needs<<Self::Row as Row>::Key>;

    /// Decides on one input.
    fn step(&mut self, input: Self::Input, step: &mut Step<'_, Self::Record, Self::Answer, Self::Effect>);

    /// When it wants to be woken by [`Machine::tick`], if nothing happens before.
    fn wake_at(&self) -> Option<Mono>;

    /// The input that says that time has passed.
    fn tick() -> Self::Input;

    /// Whether deciding on an input may stamp a time: it then waits until the clock is believed.
    fn stamps(input: &Self::Input) -> bool;

    /// Whether an input that nobody waits for says all that an earlier one of its kind said: of those that wait for the
    /// clock, which may be many, the last is enough.
    fn supersedes(_later: &Self::Input, _earlier: &Self::Input) -> bool {
        false
    }

    /// The caller who waits for the answer to an input, if one does.
    fn caller(input: &Self::Input) -> Option<Caller>;
}

/// What a step wants done once its records are durable, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<A, E> {
    /// Answer a caller.
    Answer(Caller, A),
    /// Do something in the world.
    Effect(E),
}

/// What a batch of steps has made so far.
#[derive(Debug)]
pub struct Batch<R: Record, A, E> {
    /// Records, in order.
    pub records: Vec<R>,
    /// Vault rows to keep.
    pub vault: Vec<R::Row>,
    /// What to do afterwards.
    pub outputs: Vec<Output<A, E>>,
    /// Sequence that the next record takes.
    pub next_sequence: u64,
    /// Whether a record is being applied: a panic then leaves rows half changed, and the process must stop.
    pub applying: bool,
}

impl<R: Record, A, E> Batch<R, A, E> {
    /// An empty batch after the journal's last sequence.
    pub fn after(last_sequence: u64) -> Batch<R, A, E> {
        Batch {
            records: Vec::new(),
            vault: Vec::new(),
            outputs: Vec::new(),
            next_sequence: last_sequence + 1,
            applying: false,
        }
    }
}

/// One step's view of the world: time, rows, and the batch that it adds to.
#[derive(Debug)]
pub struct Step<'a, R: Record, A, E> {
    /// Both clocks, read for this batch.
    pub now: Now,
    rows: &'a mut WorkingSet<R::Row>,
    batch: &'a mut Batch<R, A, E>,
}

impl<'a, R: Record, A, E> Step<'a, R, A, E> {
    /// A step over these rows, into this batch.
    pub fn new(
        now: Now,
        rows: &'a mut WorkingSet<R::Row>,
        batch: &'a mut Batch<R, A, E>,
    ) -> Step<'a, R, A, E> {
        Step { now, rows, batch }
    }

    /// The rows as they are now.
    pub fn rows(&self) -> &WorkingSet<R::Row> {
        self.rows
    }

    /// Whether this batch makes a record already, so that another costs no commit of its own.
    pub fn has_records(&self) -> bool {
        !self.batch.records.is_empty()
    }

    /// Makes a record: applies it, the only way in which state changes, and journals it with the batch.
    pub fn record(&mut self, record: impl Into<R>) {
        let record: R = record.into();
        self.batch.applying = true;
        record.apply(self.batch.next_sequence, self.rows);
        self.batch.applying = false;
        self.batch.next_sequence += 1;
        self.batch.records.push(record);
    }

    /// Keeps a row of the vault, which no record carries.
    pub fn keep(&mut self, row: impl Into<R::Row>) {
        let row: R::Row = row.into();
        debug_assert!(row.key().table().is_vault());
        self.rows.keep(row.clone());
        self.batch.vault.push(row);
    }

    /// Answers a caller, once this batch is durable.
    pub fn answer<T: Into<A>>(&mut self, ticket: Ticket<T>, answer: T) {
        self.batch.outputs.push(Output::Answer(ticket.caller, answer.into()));
    }

    /// Refuses what a caller asked for, once this batch is durable.
    pub fn refuse<T>(&mut self, ticket: Ticket<T>, refusal: RefusalRecord)
    where
        A: From<RefusalRecord>,
    {
        self.refuse_caller(ticket.caller, refusal);
    }

    /// The same where what the caller asked for is not looked at.
    pub fn refuse_caller(&mut self, caller: Caller, refusal: RefusalRecord)
    where
        A: From<RefusalRecord>,
    {
        self.batch.outputs.push(Output::Answer(caller, refusal.into()));
    }

    /// Has something done, once this batch is durable.
    pub fn effect(&mut self, effect: E) {
        self.batch.outputs.push(Output::Effect(effect));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_copied_with_its_caller() {
        fn copied<T: Clone>(it: &T) -> T {
            it.clone()
        }
        assert_eq!(copied(&Ticket::<u64>::new(7)).caller(), 7);
    }
}
