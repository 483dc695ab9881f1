//! A province objects to an item of a table: the item is cleared in a later period, and the table gets a new version.
//! Items that come late, when the table of their own month is published, are carried in the same way.

use super::centre;
use super::event::{ClearingEvent, ItemCarried};
use super::pair::{Line, Pair};
use super::publish::{pair_key, table};
use super::sign::published_table;
use crate::domain::hub::tables::{CarriedRow, ClearingRow, Key, PairRow, TransferRow};
use crate::domain::hub::{Rows, refusal};
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::row_digest;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Civil, Money, Period, ProvinceCode, Side, TransferId, Window};
use std::collections::BTreeSet;

/// How many months an item may be carried (policy_facts_2 §5, art. 49: may slip two months at most).
const CARRIED_MAX: u32 = 2;

/// A province objects to an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash, borsh::BorshSerialize)]
pub struct Objection {
    /// The month in whose table it is.
    pub period: Period,
    /// The table's pair.
    pub pair: Pair,
    /// The committed transfer.
    pub transfer_id: TransferId,
    /// The province that objects.
    pub province: ProvinceCode,
    /// Why, as a code.
    pub code: String,
    /// Why, in words. No personal data.
    pub note: String,
}

/// The item, its table, and the periods into which it may go.
pub(super) fn needs(objection: &Objection, rows: &Rows, keys: &mut Vec<Key>) {
    let Objection { period, pair, transfer_id, .. } = *objection;
    keys.extend([Key::Transfer(transfer_id), Key::Carried(transfer_id), pair_key(period, pair)]);
    centre::needs_of_all(period, rows, keys);
    keys.extend(pair.lines().map(|(payer, payee, kind)| Key::Line(period, payer, payee, kind)));
    if let Some(row) = rows.knows(&Key::Transfer(transfer_id)).then(|| item(transfer_id, rows)).flatten() {
        needs_to_carry(period, &row.1, keys);
    }
}

/// The periods after one, and the lines into which an item may go there.
fn needs_to_carry(period: Period, line: &Line, keys: &mut Vec<Key>) {
    let Some(pair) = Pair::of(line.payer, line.payee) else { return };
    let mut later = period;
    for _ in 0..=CARRIED_MAX {
        later = later.next();
        keys.push(pair_key(later, pair));
        keys.push(Key::Line(later, line.payer, line.payee, line.kind));
    }
}

/// A committed transfer: its window, and what it adds to a line.
fn item(transfer_id: TransferId, rows: &Rows) -> Option<(Window, Line)> {
    let row = rows.get::<TransferRow>(&Key::Transfer(transfer_id))?;
    let (window, hub_seq) = row.window.zip(row.hub_seq)?;
    Some((window, line_of(row, hub_seq)))
}

fn line_of(row: &TransferRow, hub_seq: u64) -> Line {
    let one = |side| row_digest(hub_seq, row.transfer_id, row.kind, side, row.amount);
    let of = (row.payer_province, row.payee_province, row.kind);
    let (payer_digest, payee_digest) = (one(Side::Payer), one(Side::Payee));
    Line { count: 1, amount: row.amount, payer_digest, payee_digest, ..Line::empty(of) }
}

/// The period in which a commit is cleared.
fn period_of(transfer_id: TransferId, window: Window, rows: &Rows) -> Period {
    let carried = rows.get::<CarriedRow>(&Key::Carried(transfer_id));
    carried.map_or(Period::from(window), |row| row.period)
}

/// The first period after one whose table is not published.
fn open_after(period: Period, pair: Pair, rows: &Rows) -> Period {
    let is_open = |later: &Period| rows.get::<PairRow>(&pair_key(*later, pair)).is_none();
    let later = std::iter::successors(Some(period.next()), |it| Some(it.next()));
    later.take(1 + CARRIED_MAX as usize).find(is_open).unwrap_or(period)
}

/// Objects: the item is carried, and a new version of the table follows.
pub(super) fn object(
    objection: &Objection,
    person: &str,
    rows: &Rows,
) -> Result<Vec<ClearingEvent>, RefusalRecord> {
    let Objection { period, pair, transfer_id, province, ref code, ref note } = *objection;
    let with = |reason| refusal(reason).with("period", period).with("pair", pair);
    if !pair.has(province) {
        return Err(with(Reason::TableOfOthers));
    }
    let row = published_table(period, pair, rows)?;
    let is_net = centre::is_net(period, rows);
    if row.final_time.is_some() && !is_net {
        return Err(with(Reason::TableFinal));
    }
    let not_in_it = || with(Reason::ItemNotInTable).with("transfer_id", transfer_id);
    let (window, line) = item(transfer_id, rows).ok_or_else(not_in_it)?;
    if Pair::of(line.payer, line.payee) != Some(pair) || period_of(transfer_id, window, rows) != period {
        return Err(not_in_it());
    }
    let times = 1 + rows.get::<CarriedRow>(&Key::Carried(transfer_id)).map_or(0, |row| row.times);
    let to = open_after(period, pair, rows);
    if to == period || to.months_after(Period::from(window)) > CARRIED_MAX {
        return Err(with(Reason::CarriedTooOften).with("transfer_id", transfer_id));
    }
    let too_large = || with(Reason::SumTooLarge);
    Line::kept(to, (line.payer, line.payee, line.kind), rows).plus(&line).ok_or_else(too_large)?;
    let mut lines = Vec::new();
    for of in pair.lines() {
        let kept = Line::kept(period, of, rows);
        let is_its = of == (line.payer, line.payee, line.kind);
        lines.push(if is_its { kept.minus(&line).ok_or_else(not_in_it)? } else { kept });
    }
    let again = if is_net { centre::publish_again(period, &lines, rows)? } else { Vec::new() };
    let next = table(period, pair, row.version + 1, lines).ok_or_else(too_large)?;
    let carried = ItemCarried {
        transfer_id,
        line,
        from: period,
        to,
        times,
        province,
        person: person.to_owned(),
        code: code.clone(),
        note: note.clone(),
    };
    let events = [vec![ClearingEvent::ItemCarried(carried), next], again];
    Ok(events.concat())
}

/// An item goes from the lines of one period to those of another.
pub(super) fn carried(event: &ItemCarried, time: Civil, rows: &mut Rows) {
    let ItemCarried { transfer_id, ref line, from, to, times, ref person, ref code, ref note, .. } = *event;
    let of = (line.payer, line.payee, line.kind);
    let (without, with) = (Line::kept(from, of, rows).minus(line), Line::kept(to, of, rows).plus(line));
    rows.put(without.expect("an item is in its table before it is carried").row(from));
    rows.put(with.expect("sums are checked before a record is made").row(to));
    let before = rows.get::<CarriedRow>(&Key::Carried(transfer_id));
    let of_period = before.map_or(from, |row| row.of_period);
    let (code, note, person) = (code.clone(), note.clone(), person.clone());
    rows.put(CarriedRow { transfer_id, period: to, of_period, times, code, note, person, carry_time: time });
}

/// What adopting a carried item needs.
pub(super) fn needs_to_adopt(it: &ItemCarried, keys: &mut Vec<Key>) {
    let Line { payer, payee, kind, .. } = it.line;
    keys.push(Key::Carried(it.transfer_id));
    keys.extend([it.from, it.to].map(|period| Key::Line(period, payer, payee, kind)));
}

/// Whether an item that is told to be carried can be.
pub(super) fn can_adopt(it: &ItemCarried, rows: &Rows) -> bool {
    let of = (it.line.payer, it.line.payee, it.line.kind);
    let (from, to) = (Line::kept(it.from, of, rows), Line::kept(it.to, of, rows));
    it.line.count == 1 && from.minus(&it.line).is_some() && to.plus(&it.line).is_some() && it.to > it.from
}

/// What entering commits may need once events are adopted that are told: their tables may be published then, and
/// another month open.
pub(in crate::domain::hub) fn needs_if_told<'a>(
    told: impl IntoIterator<Item = &'a ClearingEvent>,
    (payer, payee): (ProvinceCode, ProvinceCode),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    let next = told.into_iter().filter_map(|event| match event {
        ClearingEvent::WindowEnded(it) => Some(Period::from(it.next)),
        _ => None,
    });
    let open = rows.knows(&Key::CLEARING).then(|| open_period(rows)).flatten();
    let months: BTreeSet<Period> = next.chain(open).collect();
    let of = |month: Period| Kind::ALL.iter().map(move |kind| Key::Line(month, payer, payee, *kind));
    keys.extend(months.into_iter().flat_map(of));
}

/// What entering a commit between two provinces needs: whether the table of its month is published, so that it comes
/// late, and the line of the open month in which it is cleared then.
pub(in crate::domain::hub) fn needs_if_late(
    window: Window,
    (payer, payee): (ProvinceCode, ProvinceCode),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    let Some(pair) = Pair::of(payer, payee) else { return };
    if !rows.knows(&Key::CLEARING) {
        return keys.push(Key::CLEARING);
    }
    // The table of the open month is not published: nothing is late in it.
    if open_period(rows) == Some(Period::from(window)) {
        return;
    }
    let key = pair_key(Period::from(window), pair);
    let is_late = rows.knows(&key) && rows.get::<PairRow>(&key).is_some();
    keys.push(key);
    if let Some(open) = open_period(rows).filter(|_| is_late) {
        keys.extend(Kind::ALL.iter().map(|kind| Key::Line(open, payer, payee, *kind)));
    }
}

fn open_period(rows: &Rows) -> Option<Period> {
    rows.get::<ClearingRow>(&Key::CLEARING).map(|row| Period::from(row.open))
}

/// The open month, for a commit whose own month is published.
fn late_period(window: Window, provinces: BySide<ProvinceCode>, rows: &Rows) -> Option<Period> {
    let open = open_period(rows).filter(|open| *open != Period::from(window))?;
    let pair = Pair::of(provinces.payer, provinces.payee)?;
    rows.get::<PairRow>(&pair_key(Period::from(window), pair)).map(|_| open)
}

/// Whether the line in which a commit that comes late is cleared can hold it.
pub(in crate::domain::hub) fn can_hold(
    (kind, amount): (Kind, Money),
    provinces: BySide<ProvinceCode>,
    window: Window,
    rows: &Rows,
) -> bool {
    let of = (provinces.payer, provinces.payee, kind);
    let fits = |period| Line::kept(period, of, rows).amount.checked_add(amount).is_some();
    late_period(window, provinces, rows).is_none_or(fits)
}

/// A commit whose own month is published is cleared in the open one.
pub(in crate::domain::hub) fn enter_if_late(
    transfer: &TransferRow,
    (window, hub_seq): (Window, u64),
    rows: &mut Rows,
) {
    let Some(period) = late_period(window, transfer.provinces(), rows) else { return };
    let line = line_of(transfer, hub_seq);
    let with = Line::kept(period, (line.payer, line.payee, line.kind), rows).plus(&line);
    rows.put(with.expect("sums are checked before a record is made").row(period));
    let (code, note, person) = (String::new(), String::new(), String::new());
    let carry_time = transfer.decide_time.unwrap_or(transfer.receipt_time);
    let (transfer_id, of_period) = (transfer.transfer_id, Period::from(window));
    rows.put(CarriedRow { transfer_id, period, of_period, times: 0, code, note, person, carry_time });
}
