//! Clearing (清算) of a month: a period is closed, each two provinces get a table of what they owe each other, sign it
//! or object to items of it, and pay. Every step is one event with a number, journaled, and told to the provinces that
//! it concerns. A repeat of a request changes nothing.

mod centre;
mod event;
mod object;
mod pair;
mod payment;
mod prefund;
mod publish;
mod rows;
mod sign;
mod telling;

pub use event::{
    ClearingEvent, ItemCarried, ObligationCovered, PaymentConfirmed, PaymentRecorded, PaymentVoided,
    PeriodClosed, PrefundMove, PrefundMoved, Scheme, TablePublished, TableSigned, WindowEnded,
};
pub use object::Objection;
pub use pair::{Line, Pair};
pub use payment::{Cover, Payment, PaymentSays, PaymentWord};
pub use prefund::Deposit;
pub use rows::{
    CarriedRow, ClearingRequestRow, EventRow, LineRow, ObligationRow, PairRow, PaymentRow, PeriodRow,
    PrefundRow, SerialRow, ToldRow,
};
pub use sign::Signature;
pub use telling::{Heard, HeardNotice, Telling, tellings, told};

pub(super) use object::{can_hold, enter_if_late, needs_if_late};
pub(super) use telling::{LOST_EVENTS_MAX, kept, needs_of_notices, recorded as told_recorded};

use super::{Effect, HubMachine, Key, Rows, Step, refusal};
use crate::domain::hub::record::ClearingNoted;
use crate::domain::hub::tables::{ClearingRow, Table};
use crate::domain::machine::describe::{Describe, Details};
use crate::domain::machine::{Prefix, Ticket};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Day, Digest, Period, ProvinceCode, TransferId};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};
use std::hash::{Hash, Hasher};

/// What a person asks for in clearing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingRequest {
    /// Chosen by the caller; of a payment its id. None: what is asked for happens once, whoever asks.
    pub request_id: Option<TransferId>,
    /// URI SAN of the person.
    pub caller: String,
    /// What is to be done.
    pub command: Command,
}

/// See [`ClearingRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize)]
pub enum Command {
    /// Close a period, in which these provinces take part.
    Close(Period, Scheme, Vec<ProvinceCode>),
    /// Publish the table of a pair.
    Publish(Period, Pair),
    /// Sign a table.
    Sign(Signature),
    /// Object to an item.
    Object(Objection),
    /// Record a payment under its id.
    Pay(TransferId, Payment),
    /// Confirm a payment, or say that it does not count.
    Say(PaymentWord),
    /// Take what is late from a prefund.
    Cover(Cover),
    /// Record what moves a prefund.
    Deposit(Deposit),
}

/// What became of a request: the number of the event that it led to; 0: it was so already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cleared(pub u64);

/// The request that led to an event, so that its repeat is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct RequestMark {
    /// Chosen by the caller.
    pub request_id: TransferId,
    /// URI SAN of the caller.
    pub caller: String,
    /// What it said.
    pub digest: Digest,
}

/// An event as it is kept to be told.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Logged {
    /// What happened.
    pub event: ClearingEvent,
    /// The request that led to it; none: another event of the same request stands before it, or there was none.
    pub request: Option<RequestMark>,
}

impl Logged {
    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail.
        borsh::to_vec(self).unwrap_or_default()
    }
}

impl Hash for Logged {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bytes().hash(state);
    }
}

impl Describe for RequestMark {
    fn describe(&self, _: &'static str, to: &mut Details) {
        self.request_id.describe("request_id", to);
        self.caller.describe("caller", to);
        self.digest.describe("request_digest", to);
    }
}

impl ClearingRequest {
    /// What the caller himself has said, without what the server has added.
    fn said(&self) -> Command {
        match self.command.clone() {
            Command::Close(period, scheme, _) => Command::Close(period, scheme, Vec::new()),
            Command::Cover(cover) => Command::Cover(Cover { due: Day::default(), ..cover }),
            command => command,
        }
    }

    fn mark(&self) -> Option<RequestMark> {
        // Writing to memory cannot fail.
        let content = borsh::to_vec(&self.said()).unwrap_or_default();
        let digest = Digest(Sha256::digest(&content).into());
        Some(RequestMark { request_id: self.request_id?, caller: self.caller.clone(), digest })
    }
}

/// Whether it was carried out before, and what it is about.
pub(super) fn needs(request: &ClearingRequest, rows: &Rows, keys: &mut Vec<Key>) -> Vec<Prefix<Table>> {
    keys.extend(request.request_id.map(Key::ClearingRequest));
    match &request.command {
        Command::Close(period, ..) => publish::needs_to_close(*period, keys),
        Command::Publish(period, pair) => {
            publish::needs_to_publish(*period, *pair, rows, keys);
            return publish::breaks_to_publish(*period, *pair, rows);
        }
        Command::Sign(it) => sign::needs(it.period, it.pair, keys),
        Command::Object(it) => object::needs(it, rows, keys),
        Command::Pay(id, it) => payment::needs_to_record(*id, it, rows, keys),
        Command::Say(it) => payment::needs_of_word(it, rows, keys),
        Command::Cover(it) => payment::needs_to_cover(it, keys),
        Command::Deposit(it) => prefund::needs(it, keys),
    }
    Vec::new()
}

impl HubMachine {
    /// Does what a person asks for in clearing.
    pub(super) fn clear(&mut self, ticket: Ticket<Cleared>, request: &ClearingRequest, step: &mut Step<'_>) {
        let events = match judge(request, step) {
            Err(refusal) => return step.refuse(ticket, refusal),
            Ok(Err(done)) => return step.answer(ticket, done),
            Ok(Ok(events)) => events,
        };
        let mut mark = request.mark();
        let number = last_number(step.rows()) + 1;
        let cleared = if events.is_empty() { Cleared(0) } else { Cleared(number) };
        for event in events {
            note(event, mark.take(), step);
        }
        step.answer(ticket, cleared);
    }
}

/// What a request leads to; or what it led to before.
fn judge(
    request: &ClearingRequest,
    step: &Step<'_>,
) -> Result<Result<Vec<ClearingEvent>, Cleared>, RefusalRecord> {
    let (rows, person) = (step.rows(), request.caller.as_str());
    if let Some(mark) = request.mark()
        && let Some(done) = rows.get::<ClearingRequestRow>(&Key::ClearingRequest(mark.request_id))
    {
        if (&done.caller, done.digest) != (&mark.caller, mark.digest) {
            return Err(refusal(Reason::ContentDiffers).with("field", "request_id"));
        }
        return Ok(Err(Cleared(done.event)));
    }
    let one = |event: Option<ClearingEvent>| event.into_iter().collect();
    let events: Vec<ClearingEvent> = match &request.command {
        Command::Close(period, scheme, provinces) => {
            one(publish::close((*period, *scheme, provinces), person, rows)?)
        }
        Command::Publish(period, pair) => one(publish::publish(*period, *pair, rows)?),
        Command::Sign(it) => one(sign::sign(it, person, rows)?),
        Command::Object(it) => object::object(it, person, rows)?,
        Command::Pay(id, it) => vec![payment::record(*id, it, person, rows)?],
        Command::Say(it) => one(payment::say(it, person, rows)?),
        Command::Cover(it) => one(payment::cover(it, (person, Day::of(step.now.civil)), rows)?),
        Command::Deposit(it) => vec![prefund::deposit(it, person, rows)?],
    };
    Ok(Ok(events))
}

/// The number of the last event.
pub(super) fn last_number(rows: &Rows) -> u64 {
    rows.get::<ClearingRow>(&Key::CLEARING).map_or(0, |row| row.events)
}

/// Journals an event under the next number.
fn note(event: ClearingEvent, request: Option<RequestMark>, step: &mut Step<'_>) {
    let number = last_number(step.rows()) + 1;
    step.record(ClearingNoted { number, event, request, time: step.now.civil });
    step.effect(Effect::News);
}

/// An event has happened.
pub(super) fn noted(record: &ClearingNoted, rows: &mut Rows) {
    let ClearingNoted { number, ref event, ref request, time } = *record;
    match event {
        ClearingEvent::WindowEnded(_) => {}
        ClearingEvent::PeriodClosed(it) => publish::closed(it, time, rows),
        ClearingEvent::TablePublished(it) => publish::published(it, time, rows),
        ClearingEvent::TableSigned(it) => sign::signed(it, time, rows),
        ClearingEvent::ItemCarried(it) => object::carried(it, time, rows),
        ClearingEvent::PaymentRecorded(it) => payment::recorded(it, time, rows),
        ClearingEvent::PaymentConfirmed(it) => payment::confirmed(it, time, rows),
        ClearingEvent::PaymentVoided(it) => payment::voided(it, time, rows),
        ClearingEvent::ObligationCovered(it) => payment::covered(it, rows),
        ClearingEvent::PrefundMoved(it) => prefund::moved(it, rows),
    }
    if let Some(RequestMark { request_id, caller, digest }) = request.clone() {
        rows.put(ClearingRequestRow { request_id, caller, digest, event: number });
    }
    log(number, Logged { event: event.clone(), request: request.clone() }, time, rows);
}

/// Puts an event where it is told from.
pub(super) fn log(number: u64, logged: Logged, time: Civil, rows: &mut Rows) {
    let concerns = logged.event.concerns();
    rows.put(EventRow {
        number,
        first: concerns.map(|pair| pair.first),
        second: concerns.map(|pair| pair.second),
        content: logged.to_bytes(),
        time,
    });
    if let Some(row) = rows.get::<ClearingRow>(&Key::CLEARING).cloned() {
        rows.put(ClearingRow { events: row.events.max(number), ..row });
    }
}

#[cfg(test)]
#[path = "tests.rs"]
pub(in crate::domain) mod tests;
