//! A province's side of a closed window was compared with its node: what differs becomes a break, once, and what is
//! equal again is noted on its break.

use super::{FoundBreak, Standing, key};
use crate::domain::hub::record::{BreakEqual, BreakFound, WindowCompared};
use crate::domain::hub::tables::{BreakRow, ComparisonRow, Key, Table, WindowRow};
use crate::domain::hub::{Rows, Step, refusal};
use crate::domain::machine::Prefix;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, ProvinceCode, Window};

/// What a comparison has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The closed window.
    pub window: Window,
    /// The province whose side was compared.
    pub province: ProvinceCode,
    /// What it has led to.
    pub state: Standing,
    /// The commits that differ.
    pub found: Vec<FoundBreak>,
    /// There may be more of them.
    pub incomplete: bool,
    /// How many commits of the province the window had then.
    pub counted: u64,
    /// How many of them it had not recorded yet.
    pub pending_count: u64,
    /// How many of them were adopted after the window was closed.
    pub late_count: u64,
    /// By when a break that is found now is to be closed, in milliseconds from now.
    pub due_within_ms: u64,
}

/// All breaks of a province's side.
fn breaks(it: &Comparison) -> Prefix<Table> {
    Prefix::of::<BreakRow>((it.window, it.province))
}

pub(super) fn needs(it: &Comparison, rows: &Rows, keys: &mut Vec<Key>) -> Vec<Prefix<Table>> {
    keys.extend([Key::Window(it.window), Key::Comparison(it.window, it.province)]);
    let breaks = breaks(it);
    if rows.knows_all(&breaks) { Vec::new() } else { vec![breaks] }
}

/// Journals what is new of it.
///
/// # Errors
/// `WINDOW_OPEN`: the window is not closed.
pub(super) fn compare(it: Comparison, step: &mut Step<'_>) -> Result<ComparisonRow, RefusalRecord> {
    let (window, province, time) = (it.window, it.province, step.now.civil);
    if step.rows().get::<WindowRow>(&Key::Window(window)).is_none() {
        return Err(refusal(Reason::WindowOpen).with("window", window));
    }
    let known: Vec<BreakRow> = step.rows().under::<BreakRow>(&breaks(&it)).into_iter().cloned().collect();
    let due = i64::try_from(it.due_within_ms).unwrap_or(i64::MAX);
    let due_time = Civil(time.0.saturating_add(due));
    for found in &it.found {
        let row = known.iter().find(|row| row.transfer_id == found.transfer_id);
        // What is closed stays so while it is what it was.
        let is_known = row.is_some_and(|row| {
            row.found() == *found && (row.equal_time.is_none() || row.close_time.is_some())
        });
        if !is_known {
            step.record(BreakFound { window, province, found: found.clone(), due_time, time });
        }
    }
    // A search that was given up, and a province that has not recorded all, say nothing of what they do not show.
    if it.state != Standing::Pending && !it.incomplete {
        let differs = |row: &BreakRow| it.found.iter().any(|found| found.transfer_id == row.transfer_id);
        for row in known.iter().filter(|row| row.equal_time.is_none() && !differs(row)) {
            step.record(BreakEqual { window, province, transfer_id: row.transfer_id, time });
        }
    }
    let Comparison { state, incomplete, counted, pending_count, late_count, .. } = it;
    step.record(WindowCompared {
        window,
        province,
        state,
        incomplete,
        counted,
        pending_count,
        late_count,
        time,
    });
    let row = step.rows().get::<ComparisonRow>(&Key::Comparison(window, province)).cloned();
    row.ok_or_else(|| refusal(Reason::Internal))
}

/// A commit differs: it is a new break, or one that is open again.
pub(in crate::domain::hub) fn found(record: &BreakFound, rows: &mut Rows) {
    let BreakFound { window, province, ref found, due_time, time } = *record;
    let known = rows.get::<BreakRow>(&key((window, province, found.transfer_id))).cloned();
    let (owner, note, request_id) =
        known.map(|row| (row.owner, row.note, row.request_id)).unwrap_or_default();
    rows.put(BreakRow {
        window,
        province,
        transfer_id: found.transfer_id,
        bucket: found.bucket,
        counterpart: found.counterpart,
        side: found.side,
        kind: found.kind,
        hub_seq: found.hub_seq,
        hub_amount: found.hub_amount,
        node_amount: found.node_amount,
        find_time: time,
        due_time,
        equal_time: None,
        owner,
        note,
        request_id,
        correction: None,
        proof: None,
        proposer: None,
        propose_time: None,
        closer: None,
        close_time: None,
    });
}

/// Hub and node have a commit alike again.
pub(in crate::domain::hub) fn equal(record: &BreakEqual, rows: &mut Rows) {
    let id = (record.window, record.province, record.transfer_id);
    let row: &BreakRow = rows.get(&key(id)).expect("only what was found is equal again");
    rows.put(BreakRow { equal_time: Some(record.time), ..row.clone() });
}

/// A province's side was compared.
pub(in crate::domain::hub) fn was_compared(record: &WindowCompared, rows: &mut Rows) {
    let WindowCompared { window, province, state, incomplete, counted, pending_count, late_count, time } =
        *record;
    rows.put(ComparisonRow {
        window,
        province,
        state,
        incomplete,
        counted,
        pending_count,
        late_count,
        compare_time: time,
    });
}
