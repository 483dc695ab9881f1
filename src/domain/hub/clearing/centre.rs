//! A period that is paid net (差额清算): beside the tables of all pairs, each province has one with the national centre,
//! with all its lines. They belong together: what each is left with sums to nothing over all provinces, so that an
//! objection to one item makes new versions of all of them.

use super::event::{ClearingEvent, Scheme};
use super::pair::{Line, Pair};
use super::publish::{pair_key, table};
use crate::domain::hub::tables::{Key, PairRow, PeriodRow};
use crate::domain::hub::{Rows, refusal};
use crate::domain::protocol::Kind;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Period, ProvinceCode};

/// The lines of some provinces with all others, the tables of their pairs, and their own.
pub(super) fn needs(
    period: Period,
    provinces: impl IntoIterator<Item = ProvinceCode>,
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    let key = Key::Period(period);
    if !rows.knows(&key) {
        return keys.push(key);
    }
    let Some(row) = rows.get::<PeriodRow>(&key) else { return };
    for province in provinces {
        keys.push(pair_key(period, Pair::with_centre(province)));
        for pair in pairs_of(row, province) {
            keys.push(pair_key(period, pair));
            keys.extend(pair.lines().map(|(payer, payee, kind)| Key::Line(period, payer, payee, kind)));
        }
    }
}

/// What an objection in a net period needs: everything of it.
pub(super) fn needs_of_all(period: Period, rows: &Rows, keys: &mut Vec<Key>) {
    let row = rows.knows(&Key::Period(period)).then(|| rows.get::<PeriodRow>(&Key::Period(period))).flatten();
    let all: Vec<ProvinceCode> = row
        .filter(|row| row.scheme == Scheme::Net)
        .map(|row| row.taking_part().collect())
        .unwrap_or_default();
    keys.push(Key::Period(period));
    needs(period, all, rows, keys);
}

fn pairs_of(row: &PeriodRow, province: ProvinceCode) -> impl Iterator<Item = Pair> {
    row.taking_part().filter_map(move |other| Pair::of(province, other))
}

/// The lines of a province with all others.
fn lines_of(row: &PeriodRow, province: ProvinceCode, rows: &Rows) -> Vec<Line> {
    let of = pairs_of(row, province).flat_map(|pair| pair.lines().collect::<Vec<_>>());
    of.map(|of: (ProvinceCode, ProvinceCode, Kind)| Line::kept(row.period, of, rows)).collect()
}

/// Publishes the table of a province with the centre, once those of all its pairs are published.
pub(super) fn publish(
    row: &PeriodRow,
    province: ProvinceCode,
    rows: &Rows,
) -> Result<ClearingEvent, RefusalRecord> {
    let pair = Pair::with_centre(province);
    let with = |reason| refusal(reason).with("period", row.period).with("pair", pair);
    if row.scheme != Scheme::Net {
        return Err(with(Reason::OtherScheme));
    }
    let waits =
        pairs_of(row, province).find(|pair| rows.get::<PairRow>(&pair_key(row.period, *pair)).is_none());
    if let Some(waits) = waits {
        return Err(refusal(Reason::TableNotPublished).with("period", row.period).with("pair", waits));
    }
    let event = table(row.period, pair, 1, lines_of(row, province, rows));
    event.ok_or_else(|| with(Reason::SumTooLarge))
}

/// Whether a period is paid net.
pub(super) fn is_net(period: Period, rows: &Rows) -> bool {
    rows.get::<PeriodRow>(&Key::Period(period)).is_some_and(|row| row.scheme == Scheme::Net)
}

/// New versions of the tables of all provinces with the centre, where these lines of a pair have changed. Nothing is
/// published of a period whose tables are not all there yet.
pub(super) fn publish_again(
    period: Period,
    changed: &[Line],
    rows: &Rows,
) -> Result<Vec<ClearingEvent>, RefusalRecord> {
    let Some(row) = rows.get::<PeriodRow>(&Key::Period(period)) else { return Ok(Vec::new()) };
    let mut events = Vec::new();
    for province in row.taking_part() {
        let pair = Pair::with_centre(province);
        let Some(before) = rows.get::<PairRow>(&pair_key(period, pair)) else { continue };
        let with = |reason| refusal(reason).with("period", period).with("pair", pair);
        if before.final_time.is_some() && before.count > 0 {
            return Err(with(Reason::TableFinal));
        }
        let mut lines = lines_of(row, province, rows);
        for line in &mut lines {
            let is_it = |it: &&Line| (it.payer, it.payee, it.kind) == (line.payer, line.payee, line.kind);
            if let Some(changed) = changed.iter().find(is_it) {
                *line = *changed;
            }
        }
        let event = table(period, pair, before.version + 1, lines);
        events.push(event.ok_or_else(|| with(Reason::SumTooLarge))?);
    }
    Ok(events)
}

#[cfg(test)]
#[path = "centre_tests.rs"]
mod tests;
