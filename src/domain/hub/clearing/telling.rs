//! Provinces are told of the events that concern them, in the order of their numbers, until each has recorded them; and
//! a hub that was restored hears from them of those that it lost.

use super::event::{ClearingEvent, WindowEnded};
use super::{Logged, object, payment, prefund, publish, sign};
use crate::domain::hub::record::{ClearingNoted, NoticesTold, WindowClosed};
use crate::domain::hub::tables::{EventRow, Key, Table, ToldRow};
use crate::domain::hub::{Effect, HubMachine, Record, Row, Rows, Step, windows};
use crate::domain::machine::reading::Tables;
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Order, Scan, TableRow, Term};
use crate::domain::value::{Civil, ProvinceCode};
use std::collections::BTreeMap;

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

    /// Brings events back that this hub had lost, in the order of their numbers.
    pub(in crate::domain::hub) fn adopt_notices(
        &self,
        heard: &BTreeMap<u64, Vec<(ProvinceCode, HeardNotice)>>,
        step: &mut Step<'_>,
    ) {
        for (number, told) in heard {
            if step.rows().get::<EventRow>(&Key::Event(*number)).is_some() {
                continue;
            }
            let concerned = told.iter().filter(|(province, notice)| {
                notice.logged.event.concerns().is_none_or(|pair| pair.has(*province))
            });
            let mut concerned = concerned.map(|(_, notice)| notice);
            let first = concerned.next();
            let agreed = first.filter(|first| concerned.all(|other| other == *first));
            match agreed.filter(|notice| fits(&notice.logged.event, step)) {
                Some(notice) => adopt(notice, step),
                None => step.effect(Effect::NoticeRefused(*number)),
            }
        }
    }
}

fn adopt(notice: &HeardNotice, step: &mut Step<'_>) {
    let HeardNotice { number, logged: Logged { event, request }, time } = notice.clone();
    match event {
        ClearingEvent::WindowEnded(WindowEnded { window, next, closer }) => {
            step.record(WindowClosed { window, next, closer, number: Some(number), time });
        }
        event => step.record(ClearingNoted { number, event, request, time }),
    }
}

/// What adopting an event needs.
pub(in crate::domain::hub) fn needs_to_adopt(notice: &HeardNotice, rows: &Rows, keys: &mut Vec<Key>) {
    keys.extend([Key::Event(notice.number), Key::CLEARING]);
    keys.extend(notice.logged.request.iter().map(|request| Key::ClearingRequest(request.request_id)));
    match &notice.logged.event {
        ClearingEvent::WindowEnded(it) => windows::needs_to_adopt(it.window, it.next, keys),
        ClearingEvent::PeriodClosed(it) => keys.push(Key::Period(it.period)),
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
        ClearingEvent::PeriodClosed(it) => !publish::is_closed(it.period, rows),
        ClearingEvent::TablePublished(it) => publish::can_adopt(it, rows),
        ClearingEvent::TableSigned(it) => sign::can_adopt(it, rows),
        ClearingEvent::ItemCarried(it) => object::can_adopt(it, rows),
        ClearingEvent::PaymentRecorded(it) => payment::can_adopt(it, rows),
        ClearingEvent::PaymentConfirmed(it) => payment::counts(it.payment_id, rows) == Some(false),
        ClearingEvent::PaymentVoided(it) => payment::counts(it.payment_id, rows).is_some(),
        ClearingEvent::ObligationCovered(it) => payment::can_cover(it, rows),
        ClearingEvent::PrefundMoved(it) => prefund::can_adopt(it, rows),
    }
}

/// A province was told so far.
pub(in crate::domain::hub) fn recorded(record: &NoticesTold, rows: &mut Rows) {
    let NoticesTold { province, number, unread, .. } = *record;
    rows.put(ToldRow { province, number, unread });
}
