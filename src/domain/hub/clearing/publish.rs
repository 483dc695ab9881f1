//! A period is closed, and what each two provinces have to clear for it is published.

use super::centre;
use super::event::{ClearingEvent, PeriodClosed, Scheme, TablePublished};
use super::pair::{Line, Pair, owed_gross, owed_net};
use crate::domain::hub::breaks::Standing;
use crate::domain::hub::tables::{
    BreakRow, ClearingRow, ComparisonRow, Key, ObligationRow, PairRow, PeriodRow, PositionRow, Table,
    TotalRow, WindowRow,
};
use crate::domain::hub::{Rows, refusal};
use crate::domain::machine::Prefix;
use crate::domain::protocol::Kind;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Money, Period, ProvinceCode, Window};

/// What closing a period needs.
pub(super) fn needs_to_close(period: Period, keys: &mut Vec<Key>) {
    keys.extend([Key::Period(period), Key::CLEARING]);
    keys.extend(begins_with(period));
}

/// Whether a period is the first one of this store: by the period before it, and that one's last window.
fn begins_with(period: Period) -> [Key; 3] {
    let before = period.previous();
    let last = |period: Period| Key::Window(Window::from(period.last_day()));
    [Key::Period(before), last(before), last(period)]
}

/// Closes a period. None: it is closed already.
pub(super) fn close(
    (period, scheme, provinces): (Period, Scheme, &[ProvinceCode]),
    operator: &str,
    rows: &Rows,
) -> Result<Option<ClearingEvent>, RefusalRecord> {
    let with = |reason| refusal(reason).with("period", period);
    if let Some(row) = rows.get::<PeriodRow>(&Key::Period(period)) {
        let same = row.scheme == scheme;
        return if same {
            Ok(None)
        } else {
            Err(with(Reason::PeriodClosed).with("scheme", row.scheme.name()))
        };
    }
    let [before, last_before, last] = begins_with(period);
    let open = rows.get::<ClearingRow>(&Key::CLEARING).map(|row| row.open.day());
    if open.is_none_or(|open| open <= period.last_day()) {
        return Err(with(Reason::PeriodOpen));
    }
    if rows.get::<WindowRow>(&last).is_none() {
        return Err(with(Reason::PeriodNotFound));
    }
    if rows.get::<PeriodRow>(&before).is_none() && rows.get::<WindowRow>(&last_before).is_some() {
        return Err(with(Reason::PeriodOutOfOrder).with("first", period.previous()));
    }
    let (provinces, operator) = (provinces.to_vec(), operator.to_owned());
    Ok(Some(ClearingEvent::PeriodClosed(PeriodClosed { period, scheme, provinces, operator })))
}

/// A period is closed.
pub(super) fn closed(event: &PeriodClosed, time: Civil, rows: &mut Rows) {
    let PeriodClosed { period, scheme, ref provinces, ref operator } = *event;
    let mut provinces: Vec<u8> = provinces.iter().map(|province| province.number()).collect();
    provinces.sort_unstable();
    provinces.dedup();
    rows.put(PeriodRow { period, scheme, provinces, close_time: time, closer: operator.clone() });
}

impl PeriodRow {
    /// The pairs of provinces that have a table each.
    pub fn pairs(&self) -> impl Iterator<Item = Pair> {
        let after = |first: ProvinceCode| self.taking_part().filter(move |it| *it > first);
        self.taking_part().flat_map(move |first| after(first).map(move |second| Pair { first, second }))
    }

    /// The provinces that take part.
    pub fn taking_part(&self) -> impl Iterator<Item = ProvinceCode> {
        self.provinces.iter().copied().map(ProvinceCode::new)
    }

    /// The tables that are signed: those of all pairs, or where it is paid net those of each province with the centre.
    pub fn signed_pairs(&self) -> Vec<Pair> {
        match self.scheme {
            Scheme::Gross => self.pairs().collect(),
            Scheme::Net => self.taking_part().map(Pair::with_centre).collect(),
        }
    }

    fn has(&self, pair: Pair) -> bool {
        [pair.first, pair.second].iter().all(|it| self.provinces.contains(&it.number()))
    }
}

/// Whether a period is closed.
pub(super) fn is_closed(period: Period, rows: &Rows) -> bool {
    rows.get::<PeriodRow>(&Key::Period(period)).is_some()
}

/// What adopting a published table needs.
pub(super) fn needs_to_adopt(it: &TablePublished, keys: &mut Vec<Key>) {
    keys.extend([pair_key(it.period, it.pair), Key::Period(it.period)]);
    keys.extend(it.pair.lines().map(|(payer, payee, kind)| Key::Line(it.period, payer, payee, kind)));
}

/// Whether a table that is told can be the next version of its pair.
pub(super) fn can_adopt(it: &TablePublished, rows: &Rows) -> bool {
    let row = rows.get::<PairRow>(&pair_key(it.period, it.pair));
    // Where each province signs with the centre, those of two are never signed.
    let is_signed = centre::is_net(it.period, rows) == it.pair.is_net();
    let is_final = row.is_some_and(|row| row.final_time.is_some() && row.count > 0) && is_signed;
    let is_next = row.map_or(1, |row| row.version + 1) == it.version && !is_final;
    let again = table(it.period, it.pair, it.version, it.lines.clone());
    is_next && again.as_ref() == Some(&ClearingEvent::TablePublished(it.clone()))
}

/// Its windows that are closed, in order. Err: rows that say so are not loaded yet.
pub(in crate::domain::hub) fn windows_of(period: Period, rows: &Rows) -> Result<Vec<Window>, Vec<Key>> {
    let (mut windows, mut missing) = (Vec::new(), Vec::new());
    for day in period.days() {
        let mut next = Some(Window::from(day));
        while let Some(window) = next.take() {
            let key = Key::Window(window);
            if !rows.knows(&key) {
                missing.push(key);
            } else if rows.get::<WindowRow>(&key).is_some() {
                windows.push(window);
                next = window.next_cut();
            }
        }
    }
    if missing.is_empty() { Ok(windows) } else { Err(missing) }
}

/// What publishing the table of a pair needs.
pub(super) fn needs_to_publish(period: Period, pair: Pair, rows: &Rows, keys: &mut Vec<Key>) {
    if pair.is_net() {
        return centre::needs(period, [pair.second], rows, keys);
    }
    keys.extend([Key::Period(period), pair_key(period, pair), pair_key(period.previous(), pair)]);
    keys.extend(begins_with(period));
    keys.extend(pair.lines().map(|(payer, payee, kind)| Key::Line(period, payer, payee, kind)));
    match windows_of(period, rows) {
        Ok(windows) => {
            keys.extend(totals_of(pair, &windows));
            keys.extend(sides_of(pair, &windows).flat_map(|(window, province)| {
                [Key::Comparison(window, province), Key::Position(window, province)]
            }));
        }
        Err(missing) => keys.extend(missing),
    }
}

/// The breaks of the sides of a pair that differ somewhere in the period.
pub(super) fn breaks_to_publish(period: Period, pair: Pair, rows: &Rows) -> Vec<Prefix<Table>> {
    if pair.is_net() {
        return Vec::new();
    }
    let windows = windows_of(period, rows).unwrap_or_default();
    let differs = |(window, province): &(Window, ProvinceCode)| {
        let key = Key::Comparison(*window, *province);
        let compared = rows.knows(&key).then(|| rows.get::<ComparisonRow>(&key)).flatten();
        compared.is_some_and(|row| row.state == Standing::Differs)
    };
    let of = sides_of(pair, &windows).filter(differs).map(Prefix::of::<BreakRow>);
    of.filter(|prefix| !rows.knows_all(prefix)).collect()
}

fn sides_of(pair: Pair, windows: &[Window]) -> impl Iterator<Item = (Window, ProvinceCode)> {
    windows.iter().flat_map(move |window| [(*window, pair.first), (*window, pair.second)])
}

/// The first window of a period that holds up the table of a pair: one of its sides was not compared since the last of
/// its commits came, or differs by something between the two that no two operators have closed.
fn held_up_by(pair: Pair, windows: &[Window], rows: &Rows) -> Option<(Window, ProvinceCode)> {
    let has_commits = |window: Window| {
        let of = pair.lines().map(|(payer, payee, kind)| Key::Total(window, payer, payee, kind));
        of.filter_map(|key| rows.get::<TotalRow>(&key)).any(|row| row.count > 0)
    };
    sides_of(pair, windows).find(|(window, province)| {
        let compared = rows.get::<ComparisonRow>(&Key::Comparison(*window, *province));
        let position = rows.get::<PositionRow>(&Key::Position(*window, *province));
        let counted = position.map_or(0, |row| row.sent_count + row.received_count);
        match compared.map(|row| (row.state, row)) {
            Some((Standing::Agrees, row)) => has_commits(*window) && row.counted != counted,
            Some((Standing::Differs, row)) => {
                let breaks = rows.under::<BreakRow>(&Prefix::of::<BreakRow>((*window, *province)));
                let of_pair = |it: &&&BreakRow| pair.has(it.counterpart);
                row.incomplete
                    || (has_commits(*window) && row.counted != counted)
                    || breaks.iter().filter(of_pair).any(|it| !it.is_settled())
            }
            Some((Standing::Pending, _)) | None => has_commits(*window),
        }
    })
}

/// Where the published table of a pair stands.
pub(super) fn pair_key(period: Period, pair: Pair) -> Key {
    Key::Pair(period, pair.first, pair.second)
}

fn totals_of(pair: Pair, windows: &[Window]) -> impl Iterator<Item = Key> {
    let of = move |window: &Window| {
        let window = *window;
        pair.lines().map(move |(payer, payee, kind)| Key::Total(window, payer, payee, kind))
    };
    windows.iter().flat_map(of)
}

/// Publishes the table of a pair. None: it is published already.
pub(super) fn publish(
    period: Period,
    pair: Pair,
    rows: &Rows,
) -> Result<Option<ClearingEvent>, RefusalRecord> {
    let with = |reason| refusal(reason).with("period", period).with("pair", pair);
    if rows.get::<PairRow>(&pair_key(period, pair)).is_some() {
        return Ok(None);
    }
    let Some(row) = rows.get::<PeriodRow>(&Key::Period(period)) else {
        return Err(with(Reason::PeriodOpen));
    };
    if pair.is_net() {
        return centre::publish(row, pair.second, rows).map(Some);
    }
    let before = rows.get::<PeriodRow>(&Key::Period(period.previous()));
    if before.is_some_and(|row| row.has(pair))
        && rows.get::<PairRow>(&pair_key(period.previous(), pair)).is_none()
    {
        return Err(with(Reason::PeriodOutOfOrder).with("first", period.previous()));
    }
    let Ok(windows) = windows_of(period, rows) else { return Err(refusal(Reason::Internal)) };
    if let Some((window, province)) = held_up_by(pair, &windows, rows) {
        return Err(with(Reason::NotReconciled).with("window", window).with("province", province));
    }
    let mut lines = Vec::new();
    for of @ (payer, payee, kind) in pair.lines() {
        let mut totals = windows.iter().filter_map(|window| {
            rows.get::<TotalRow>(&Key::Total(*window, payer, payee, kind)).map(Line::from)
        });
        let carried = Line::kept(period, of, rows);
        let line = totals.try_fold(carried, |sum, total| sum.plus(&total));
        lines.push(line.ok_or_else(|| with(Reason::SumTooLarge))?);
    }
    table(period, pair, 1, lines).map(Some).ok_or_else(|| with(Reason::SumTooLarge))
}

/// The table of a pair with these lines. None: no sum can hold what is owed.
pub(super) fn table(period: Period, pair: Pair, version: u64, mut lines: Vec<Line>) -> Option<ClearingEvent> {
    lines.retain(|line| line.count > 0);
    lines.sort_unstable_by_key(|line| (line.payer, line.payee, line.kind));
    let (first_owes, second_owes) =
        if pair.is_net() { owed_net(pair.second, &lines)? } else { owed_gross(pair, &lines)? };
    let digest = pair.digest(period, version, &lines);
    let published = TablePublished { period, pair, version, lines, first_owes, second_owes, digest };
    Some(ClearingEvent::TablePublished(published))
}

/// A table is published: its lines are what it says, and nobody has signed it yet.
pub(super) fn published(event: &TablePublished, time: Civil, rows: &mut Rows) {
    let TablePublished { period, pair, version, ref lines, first_owes, second_owes, digest } = *event;
    if !pair.is_net() {
        let kept: Vec<(ProvinceCode, ProvinceCode, Kind)> = pair.lines().collect();
        for of in kept {
            let line = lines.iter().find(|line| (line.payer, line.payee, line.kind) == of);
            let is_kept = rows.get::<super::LineRow>(&Key::Line(period, of.0, of.1, of.2)).is_some();
            match line {
                Some(line) => rows.put(line.row(period)),
                None if is_kept => rows.put(Line::empty(of).row(period)),
                None => {}
            }
        }
    }
    let count = lines.iter().map(|line| line.count).sum();
    // Nobody signs for nothing: a table without a commit is final as it is. So is that of two provinces where each of
    // them signs its own with the centre.
    let is_net = rows.get::<PeriodRow>(&Key::Period(period)).is_some_and(|row| row.scheme == Scheme::Net);
    let final_time = (count == 0 || (is_net && !pair.is_net())).then_some(time);
    rows.put(PairRow {
        period,
        first: pair.first,
        second: pair.second,
        version,
        count,
        first_owes,
        second_owes,
        digest,
        publish_time: time,
        first_maker: None,
        first_checker: None,
        second_maker: None,
        second_checker: None,
        final_time,
    });
}

/// A table is final: what is owed by it has to be paid.
pub(super) fn oblige(row: &PairRow, time: Civil, rows: &mut Rows) {
    let owed = [(row.first, row.second, row.first_owes), (row.second, row.first, row.second_owes)];
    for (debtor, creditor, amount) in owed.into_iter().filter(|(.., amount)| amount.is_positive()) {
        let (paid, confirmed, covered) = (Money::ZERO, Money::ZERO, Money::ZERO);
        let period = row.period;
        rows.put(ObligationRow {
            period,
            debtor,
            creditor,
            amount,
            paid,
            confirmed,
            covered,
            arise_time: time,
        });
    }
}
