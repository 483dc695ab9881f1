//! Windows (清算窗口): in which one a commit is counted, and when one is closed. A window is a business day by the hub's
//! clock. The writer closes it before it decides anything that is stamped on a later day, so nothing straggles: closing
//! is one record, and no commit is refused or moved by it. Windows without a commit are closed, too.

use super::clearing::{ClearingEvent, Logged, WindowEnded, last_number, log};
use super::{Effect, HubMachine, Key, Rows, Step, refusal};
use crate::domain::hub::record::{WindowClosed, WindowOpened};
use crate::domain::hub::tables::{ClearingRow, WindowRow};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Day, Mono, Now, ProvinceCode, Window};
use std::collections::BTreeSet;

/// The open window; at a change of day, which windows of the days since are closed already.
pub(super) fn needs(hub: &HubMachine, now: Now, rows: &Rows, keys: &mut Vec<Key>) {
    needs_since(hub.first_window, now, rows, keys);
}

/// The same at a start; `first`: the earliest window of this store's commits.
pub(super) fn needs_since(first: Option<Window>, now: Now, rows: &Rows, keys: &mut Vec<Key>) {
    if !rows.knows(&Key::CLEARING) {
        return keys.push(Key::CLEARING);
    }
    let mut day = open_window(rows).or(first).map_or(Day::of(now.civil), Window::day);
    while day < Day::of(now.civil) {
        day = day.next();
        keys.extend(first_unclosed(day, rows).err());
    }
}

/// What moving the open window back to a day needs.
pub(super) fn needs_of_day(day: Day, rows: &Rows, keys: &mut Vec<Key>) {
    keys.extend(first_unclosed(day, rows).err());
}

fn open_window(rows: &Rows) -> Option<Window> {
    rows.get::<ClearingRow>(&Key::CLEARING).map(|row| row.open)
}

/// The window in which a commit of now is counted. None: rows that say so are not loaded yet.
pub(super) fn window_at(now: Civil, rows: &Rows) -> Option<Window> {
    let today = Day::of(now);
    if !rows.knows(&Key::CLEARING) {
        return None;
    }
    match open_window(rows).filter(|open| open.day() >= today) {
        Some(open) => Some(open),
        None => first_unclosed(today, rows).ok(),
    }
}

/// The same in a step, whose input has loaded what it needs.
pub(super) fn window_now(step: &Step<'_>) -> Window {
    window_at(step.now.civil, step.rows()).unwrap_or_else(|| Window::of(step.now.civil))
}

/// The first window of a day that is not closed: a clock that was ahead may have closed one before its day came. Err: a
/// row that says so is not loaded yet.
fn first_unclosed(day: Day, rows: &Rows) -> Result<Window, Key> {
    let mut window = Window::from(day);
    loop {
        let key = Key::Window(window);
        if !rows.knows(&key) {
            return Err(key);
        }
        match window.next_cut().filter(|_| rows.get::<WindowRow>(&key).is_some()) {
            Some(next) => window = next,
            None => return Ok(window),
        }
    }
}

impl HubMachine {
    /// Closes the windows of all days that are over, in their order.
    pub(super) fn close_due(&mut self, step: &mut Step<'_>) {
        self.close_before(&BTreeSet::new(), step);
    }

    /// The same at the end of a recovery: of each day the cuts before those in which commits come back were closed by a
    /// life of this hub that is lost.
    pub(super) fn close_before(&mut self, told: &BTreeSet<Window>, step: &mut Step<'_>) {
        let (now, today) = (step.now.civil, Day::of(step.now.civil));
        self.day_ends = Some(end_of_day(step.now));
        let mut open = match open_window(step.rows()) {
            Some(open) => open,
            None => {
                let first = self.first_window.into_iter().chain(told.iter().map(|it| Window::from(it.day())));
                let window = first.min().unwrap_or(Window::from(today));
                step.record(WindowOpened { window, time: now });
                window
            }
        };
        loop {
            let cut = open.next_cut().filter(|_| told.iter().any(|it| it.day() == open.day() && *it > open));
            let next = match cut {
                Some(cut) => cut,
                None if open.day() < today => {
                    let day = open.day().next();
                    first_unclosed(day, step.rows()).unwrap_or(Window::from(day))
                }
                None => return,
            };
            let number = Some(last_number(step.rows()) + 1);
            step.record(WindowClosed { window: open, next, closer: String::new(), number, time: now });
            step.effect(Effect::News);
            open = next;
        }
    }

    /// An operator closes the open window. One that is closed is given as it stands.
    pub(super) fn close_window(
        &self,
        window: Window,
        operator: String,
        unread_by: Option<ProvinceCode>,
        step: &mut Step<'_>,
    ) -> Result<WindowRow, RefusalRecord> {
        let with = |reason| refusal(reason).with("window", window);
        if let Some(closed) = step.rows().get::<WindowRow>(&Key::Window(window)) {
            return Ok(closed.clone());
        }
        if open_window(step.rows()) != Some(window) {
            return Err(with(Reason::WindowNotFound));
        }
        let next = window.next_cut().ok_or_else(|| with(Reason::CutsUsedUp))?;
        if let Some(province) = unread_by {
            return Err(refusal(Reason::CutNotRead).with("province", province));
        }
        let time = step.now.civil;
        let number = Some(last_number(step.rows()) + 1);
        step.record(WindowClosed { window, next, closer: operator.clone(), number, time });
        step.effect(Effect::News);
        Ok(WindowRow { window, close_time: time, closer: operator })
    }

    /// A clock that was ahead is lowered: commits are counted in a window of their own day again. While a node cannot
    /// read the name of a further cut they go on in the window of the later day: it would refuse what it is told.
    pub(super) fn return_to(&mut self, to: Civil, step: &mut Step<'_>) {
        let day = Day::of(to);
        let window = first_unclosed(day, step.rows()).unwrap_or(Window::from(day));
        let can_be_read = self.reads_cuts || window == Window::from(day);
        if can_be_read && open_window(step.rows()).is_some_and(|open| open.day() > day) {
            step.record(WindowOpened { window, time: to });
        }
    }
}

/// What adopting a closing that is told needs.
pub(super) fn needs_to_adopt(window: Window, next: Window, keys: &mut Vec<Key>) {
    keys.extend([Some(window), Some(next), next.next_cut()].into_iter().flatten().map(Key::Window));
}

/// Whether a window that is told to be closed can have been: it is not yet, and the one after it is of today at the
/// latest.
pub(super) fn can_adopt((window, next): (Window, Window), step: &Step<'_>) -> bool {
    let is_open = step.rows().get::<WindowRow>(&Key::Window(window)).is_none();
    let follows = Some(next) == window.next_cut() || next.day() == window.day().next();
    let is_later = open_window(step.rows()).is_none_or(|open| window >= open);
    is_open && follows && is_later && next.day() <= Day::of(step.now.civil)
}

/// When the day of now ends, on the monotonic clock.
fn end_of_day(now: Now) -> Mono {
    let left = Day::of(now.civil).end().0.saturating_sub(now.civil.0);
    now.mono.after(u64::try_from(left).unwrap_or(0))
}

/// From now on commits are counted in this window.
pub(super) fn opened(record: &WindowOpened, rows: &mut Rows) {
    let events = last_number(rows);
    rows.put(ClearingRow { slot: 0, open: record.window, events });
}

/// A window is closed, and the next one is open.
pub(super) fn closed(record: &WindowClosed, rows: &mut Rows) {
    let WindowClosed { window, next, ref closer, number, time } = *record;
    rows.put(WindowRow { window, close_time: time, closer: closer.clone() });
    let events = last_number(rows);
    rows.put(ClearingRow { slot: 0, open: next, events });
    if let Some(number) = number {
        let event = ClearingEvent::WindowEnded(WindowEnded { window, next, closer: closer.clone() });
        log(number, Logged { event, request: None }, time, rows);
    }
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
