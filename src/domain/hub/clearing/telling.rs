//! Provinces are told of the events that concern them, in the order of their numbers, until each has recorded them; and
//! a hub that was restored hears from them of those that it lost.

use super::event::{ClearingEvent, WindowEnded};
use super::{Logged, object, payment, prefund, publish, sign};
use crate::domain::hub::record::{ClearingNoted, EventsKept, NoticesTold, WindowClosed};
use crate::domain::hub::tables::{ClearingRow, EventRow, Key, Table, ToldRow};
use crate::domain::hub::{Effect, HubMachine, Record, Row, Rows, Step, windows};
use crate::domain::machine::reading::Tables;
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Order, Scan, TableRow, Term};
use crate::domain::value::{Civil, Now, ProvinceCode};
use std::collections::{BTreeMap, BTreeSet};

/// Most events that a hub can have lost: those of decades.
pub(in crate::domain::hub) const LOST_EVENTS_MAX: u64 = 1_000_000;
/// Numbers that are kept for events which only provinces that are left out may have been told of.
const KEPT_EVENTS: u64 = 1_000_000;

/// An event, with what a province needs to know of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Its number.
    pub number: u64,
    /// The number of the one before it that the province was told.
    pub previous: u64,
    /// What happened, and the request that led to it.
    pub logged: Logged,
    /// When it happened.
    pub time: Civil,
}

/// An event that a province tells a hub that may have lost it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeardNotice {
    /// Its number.
    pub number: u64,
    /// What happened, and the request that led to it.
    pub logged: Logged,
    /// When it happened.
    pub time: Civil,
}

/// How far a province was told.
pub fn told<T: Tables<Record> + ?Sized>(province: ProvinceCode, tables: &mut T) -> Result<u64, T::Error> {
    let rows = tables.load(&[Key::Told(province)])?;
    Ok(rows.iter().flatten().find_map(ToldRow::of).map_or(0, |row| row.number))
}

/// The events that concern a province after the last one that it was told, at most so many.
///
/// # Errors
/// Those of the store.
pub fn tellings<T: Tables<Record> + ?Sized>(
    province: ProvinceCode,
    limit: usize,
    tables: &mut T,
) -> Result<Vec<Telling>, T::Error> {
    let mut previous = told(province, tables)?;
    let later = Term::AtLeast("number", value(&(previous + 1)));
    let concerns = [
        Term::EitherMissing("first", "first"),
        Term::Is("first", value(&province)),
        Term::Is("second", value(&province)),
    ];
    let branches = concerns.into_iter().map(|term| vec![term, later.clone()]).collect();
    let filter = Filter { table: Table::Event, branches, order: Order::Key };
    let rows: Vec<Row> = tables.scan(&Scan { filter, after: None, limit })?;
    let mut found = Vec::new();
    for row in rows.iter().filter_map(EventRow::of) {
        // What is in the store was written by this program, or by an earlier one.
        let Ok(logged) = borsh::from_slice(&row.content) else { break };
        found.push(Telling { number: row.number, previous, logged, time: row.time });
        previous = row.number;
    }
    Ok(found)
}

impl HubMachine {
    /// A province has recorded notices up to this number; one whose store was restored has fewer than it was told.
    /// `unread`: it cannot be told, and counts as told.
    pub(in crate::domain::hub) fn notices_told(
        &mut self,
        (province, number, unread): (ProvinceCode, u64, bool),
        step: &mut Step<'_>,
    ) {
        let row = step.rows().get::<ToldRow>(&Key::Told(province));
        let is_new = row.map_or((0, false), |row| (row.number, row.unread)) != (number, unread);
        if is_new && number <= super::last_number(step.rows()) {
            step.record(NoticesTold { province, number, unread, time: step.now.civil });
        }
    }

    /// Numbers of events that provinces tell, or that only those who are left out may have been told, are not given
    /// again, whether they can be taken or not.
    pub(in crate::domain::hub) fn keep_events(&self, heard: &Heard, left_out: bool, step: &mut Step<'_>) {
        let last = super::last_number(step.rows());
        let told = heard.keys().copied().filter(|number| *number <= last.saturating_add(LOST_EVENTS_MAX));
        let kept = if left_out { KEPT_EVENTS } else { 0 };
        let number = told.max().unwrap_or(0).max(last).saturating_add(kept);
        if number > last {
            step.record(EventsKept { number, time: step.now.civil });
        }
    }

    /// Brings events back that this hub had lost, in the order of their numbers: the closings of windows before
    /// anything is decided, all others once the commits are there that they speak of.
    pub(in crate::domain::hub) fn adopt_notices(
        &self,
        heard: &Heard,
        (is_known, closings): (impl Fn(u64) -> bool, bool),
        step: &mut Step<'_>,
    ) {
        for (number, told) in heard {
            let notice = agreed(told);
            let is_closing = |it: &&HeardNotice| matches!(it.logged.event, ClearingEvent::WindowEnded(_));
            if notice.is_some_and(|notice| is_closing(&notice)) != closings {
                continue;
            }
            let stored = step.rows().get::<EventRow>(&Key::Event(*number));
            let same =
                |notice: &HeardNotice| stored.is_some_and(|row| row.content == notice.logged.to_bytes());
            match notice {
                Some(notice) if same(notice) => {}
                Some(notice) if stored.is_none() && is_known(*number) && fits(&notice.logged.event, step) => {
                    adopt(notice, step);
                }
                Some(_) | None => step.effect(Effect::NoticeRefused(*number)),
            }
        }
    }
}

/// What is told of each number, and by whom.
pub type Heard = BTreeMap<u64, Vec<(ProvinceCode, HeardNotice)>>;

/// What most of those tell whom it concerns, if it may be taken from them. None: they contradict each other, or one
/// speaks for another.
fn agreed(told: &[(ProvinceCode, HeardNotice)]) -> Option<&HeardNotice> {
    let mut found: Vec<(&HeardNotice, Vec<ProvinceCode>)> = Vec::new();
    for (province, notice) in told {
        if notice.logged.event.concerns().is_some_and(|pair| !pair.has(*province)) {
            continue;
        }
        match found.iter_mut().find(|(other, _)| *other == notice) {
            Some((_, tellers)) => tellers.push(*province),
            None => found.push((notice, vec![*province])),
        }
    }
    found.sort_by_key(|(_, tellers)| std::cmp::Reverse(tellers.len()));
    let most = found.first().map_or(0, |(_, tellers)| tellers.len());
    let is_alone = found.get(1).is_none_or(|(_, tellers)| tellers.len() < most);
    let (notice, tellers) = found.into_iter().next().filter(|_| is_alone)?;
    may_be_taken(&notice.logged.event, &tellers).then_some(notice)
}

/// Whether what somebody did is told by his own province, and he is a person who may do it.
fn may_be_taken(event: &ClearingEvent, tellers: &[ProvinceCode]) -> bool {
    let person_of = |province: ProvinceCode, person: &str| match province {
        ProvinceCode::HUB => person.starts_with("urn:gongji:operator:"),
        province => {
            tellers.contains(&province) && person.starts_with(&format!("urn:gongji:finance:{province}:"))
        }
    };
    let by_operator = |person: &str| person.starts_with("urn:gongji:operator:");
    match event {
        ClearingEvent::WindowEnded(_) | ClearingEvent::TablePublished(_) => true,
        ClearingEvent::PeriodClosed(it) => by_operator(&it.operator),
        ClearingEvent::TableSigned(it) => person_of(it.province, &it.person),
        ClearingEvent::ItemCarried(it) => person_of(it.province, &it.person),
        ClearingEvent::PaymentRecorded(it) => person_of(it.debtor, &it.person),
        ClearingEvent::PaymentConfirmed(it) => person_of(it.creditor, &it.person),
        ClearingEvent::PaymentVoided(it) => {
            person_of(it.creditor, &it.person) || person_of(it.debtor, &it.person)
        }
        ClearingEvent::ObligationCovered(it) => person_of(it.creditor, &it.person),
        // Its creditor holds it: a debtor alone does not say what is there.
        ClearingEvent::PrefundMoved(it) => {
            tellers.contains(&it.creditor) && (by_operator(&it.person) || person_of(it.debtor, &it.person))
        }
    }
}

fn adopt(notice: &HeardNotice, step: &mut Step<'_>) {
    let HeardNotice { number, logged: Logged { event, request }, time } = notice.clone();
    let time = time.min(step.now.civil);
    // A mark that stands for something else here stays what it is.
    let is_taken = |request: &super::RequestMark| {
        let key = Key::ClearingRequest(request.request_id);
        step.rows().get::<super::ClearingRequestRow>(&key).is_some()
    };
    let request = request.filter(|request| !is_taken(request));
    match event {
        ClearingEvent::WindowEnded(WindowEnded { window, next, closer }) => {
            step.record(WindowClosed { window, next, closer, number: Some(number), time });
        }
        event => step.record(ClearingNoted { number, event, request, time }),
    }
}

/// What adopting events needs, and entering commits among these provinces after them.
pub(in crate::domain::hub) fn needs_of_notices<'a>(
    told: impl Iterator<Item = &'a HeardNotice> + Clone,
    provinces: &BTreeSet<ProvinceCode>,
    (now, rows): (Now, &Rows),
    keys: &mut Vec<Key>,
) {
    told.clone().for_each(|notice| needs_to_adopt(notice, rows, keys));
    let events = told.map(|notice| &notice.logged.event);
    let pairs = provinces.iter().flat_map(|payer| provinces.iter().map(move |payee| (*payer, *payee)));
    for pair in pairs.filter(|(payer, payee)| payer != payee && events.clone().next().is_some()) {
        object::needs_if_told(events.clone(), pair, (now, rows), keys);
    }
}

/// What adopting an event needs.
fn needs_to_adopt(notice: &HeardNotice, rows: &Rows, keys: &mut Vec<Key>) {
    keys.extend([Key::Event(notice.number), Key::CLEARING]);
    keys.extend(notice.logged.request.iter().map(|request| Key::ClearingRequest(request.request_id)));
    match &notice.logged.event {
        ClearingEvent::WindowEnded(it) => windows::needs_to_adopt(it.window, it.next, keys),
        ClearingEvent::PeriodClosed(it) => publish::needs_to_close(it.period, keys),
        ClearingEvent::TablePublished(it) => publish::needs_to_adopt(it, keys),
        ClearingEvent::TableSigned(it) => sign::needs(it.period, it.pair, keys),
        ClearingEvent::ItemCarried(it) => object::needs_to_adopt(it, keys),
        ClearingEvent::PaymentRecorded(it) => payment::needs_to_adopt(it, rows, keys),
        ClearingEvent::PaymentConfirmed(it) => {
            payment::needs_of(it.payment_id, (it.debtor, it.creditor), rows, keys);
        }
        ClearingEvent::PaymentVoided(it) => {
            payment::needs_of(it.payment_id, (it.debtor, it.creditor), rows, keys);
        }
        ClearingEvent::ObligationCovered(it) => {
            keys.push(Key::Obligation(it.period, it.debtor, it.creditor));
            keys.push(Key::Prefund(it.debtor, it.creditor));
        }
        ClearingEvent::PrefundMoved(it) => keys.push(Key::Prefund(it.debtor, it.creditor)),
    }
}

/// Whether an event can follow what is here: a node may tell what never was.
fn fits(event: &ClearingEvent, step: &Step<'_>) -> bool {
    let rows = step.rows();
    match event {
        ClearingEvent::WindowEnded(it) => windows::can_adopt((it.window, it.next), step),
        ClearingEvent::PeriodClosed(it) => publish::can_adopt_close(it, rows),
        ClearingEvent::TablePublished(it) => publish::can_adopt(it, rows),
        ClearingEvent::TableSigned(it) => sign::can_adopt(it, rows),
        ClearingEvent::ItemCarried(it) => object::can_adopt(it, rows),
        ClearingEvent::PaymentRecorded(it) => payment::can_adopt(it, rows),
        ClearingEvent::PaymentConfirmed(it) => {
            payment::counts(it.payment_id, (it.debtor, it.creditor), rows) == Some(false)
        }
        ClearingEvent::PaymentVoided(it) => {
            payment::counts(it.payment_id, (it.debtor, it.creditor), rows).is_some()
        }
        ClearingEvent::ObligationCovered(it) => payment::can_cover(it, rows),
        ClearingEvent::PrefundMoved(it) => prefund::can_adopt(it, rows),
    }
}

/// Numbers up to this one are not given again.
pub(in crate::domain::hub) fn kept(record: &EventsKept, rows: &mut Rows) {
    if let Some(row) = rows.get::<ClearingRow>(&Key::CLEARING).cloned() {
        rows.put(ClearingRow { events: row.events.max(record.number), ..row });
    }
}

/// A province was told so far.
pub(in crate::domain::hub) fn recorded(record: &NoticesTold, rows: &mut Rows) {
    let NoticesTold { province, number, unread, .. } = *record;
    rows.put(ToldRow { province, number, unread });
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
