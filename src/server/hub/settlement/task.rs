//! Compares each window after it was closed, without being asked: beside the writer, province by province, so that one
//! that is dark delays nobody else. What was done is kept in the store: a start goes on where the last one ended.

use super::reconcile::AtHub;
use crate::config::alarms::Alarms;
use crate::domain::hub::Record;
use crate::domain::hub::breaks::Standing;
use crate::domain::hub::tables::{ComparisonRow, PositionRow, Row, Table, WindowRow};
use crate::domain::machine::{Filter, Scan, TableRow};
use crate::domain::value::{Civil, ProvinceCode, Window};
use crate::proto::hub::ReconciliationState;
use crate::server::hub::Shared;
use crate::store::{AnyTables, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often it looks for windows that were closed, and for commits that came back into one.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After how long what could not be compared is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// After how long what differs is compared again: it may have been mended.
const AGAIN_AFTER_MS: i64 = 600_000;

/// A province's side of a window.
type Side = (ProvinceCode, Window);

/// What the store says of closed windows.
#[derive(Debug, Default)]
struct Standings {
    closed: BTreeMap<Window, Civil>,
    /// How many commits each side has now.
    counts: BTreeMap<Side, u64>,
    comparisons: BTreeMap<Side, ComparisonRow>,
}

fn read(tables: &mut AnyTables<Record>) -> Result<Standings, StoreError> {
    let mut all =
        |table| tables.scan(&Scan::<Row> { filter: Filter::all(table), after: None, limit: usize::MAX });
    let mut standings = Standings::default();
    for row in all(Table::Window)?.iter().filter_map(WindowRow::of) {
        standings.closed.insert(row.window, row.close_time);
    }
    for row in all(Table::Position)?.iter().filter_map(PositionRow::of) {
        let count = row.sent_count.saturating_add(row.received_count);
        standings.counts.insert((row.province, row.window), count);
    }
    for row in all(Table::Comparison)?.iter().filter_map(ComparisonRow::of) {
        standings.comparisons.insert((row.province, row.window), row.clone());
    }
    Ok(standings)
}

impl Standings {
    /// Whether a side of a closed window is to be compared: it never was, not all of it was recorded, a commit came
    /// back since, or it differed when it was compared last, some time ago.
    fn is_due(&self, side: Side, now: Civil) -> bool {
        let Some(row) = self.comparisons.get(&side) else { return true };
        let counted = self.counts.get(&side).copied().unwrap_or(0);
        row.counted != counted
            || match row.state {
                Standing::Agrees => false,
                Standing::Pending => true,
                Standing::Differs => now.0.saturating_sub(row.compare_time.0) >= AGAIN_AFTER_MS,
            }
    }

    /// The provinces with a side of it: those that have commits in it, and those whose nodes may have some.
    fn provinces(&self, linked: &BTreeSet<ProvinceCode>) -> BTreeSet<ProvinceCode> {
        linked.iter().copied().chain(self.counts.keys().map(|(province, _)| *province)).collect()
    }

    /// Since when windows wait of which nothing can be said for a province, and how many they are.
    fn waiting(&self, province: ProvinceCode) -> Option<(Civil, u64)> {
        let is_known = |window: &Window| {
            self.comparisons.get(&(province, *window)).is_some_and(|row| row.state != Standing::Pending)
        };
        let waiting = self.closed.iter().filter(|(window, _)| !is_known(window));
        let (times, count): (Vec<Civil>, Vec<()>) = waiting.map(|(_, time)| (*time, ())).unzip();
        times.into_iter().min().map(|since| (since, count.len() as u64))
    }
}

/// What a start keeps in memory: all of it can be found again.
#[derive(Default)]
struct Task {
    /// Provinces for which a window is being compared.
    running: JoinSet<ProvinceCode>,
    busy: BTreeSet<ProvinceCode>,
    tried: BTreeMap<Side, Instant>,
    /// How many ages the alarm of a province has reached.
    alarmed: BTreeMap<ProvinceCode, usize>,
}

/// Looks until it is dropped.
pub(in crate::server::hub) async fn run((shared, alarms): (Arc<Shared>, Alarms)) {
    let mut task = Task::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        while let Some(ended) = task.running.try_join_next() {
            match ended {
                Ok(province) => drop(task.busy.remove(&province)),
                Err(error) => tracing::error!(%error, "comparing windows has failed"),
            }
        }
        if task.running.is_empty() {
            task.busy.clear();
        }
        // A hub that recovers does not know yet what the windows hold.
        if shared.recovery.life().is_err() {
            continue;
        }
        match shared.lists.run(read).await {
            Ok(standings) => task.look(&shared, &standings, &alarms),
            Err(problem) => tracing::warn!(?problem, "closed windows cannot be looked at; it is tried again"),
        }
    }
}

impl Task {
    fn look(&mut self, shared: &Arc<Shared>, standings: &Standings, alarms: &Alarms) {
        let now = shared.clock.now().civil;
        self.tried.retain(|_, at| at.elapsed() < RETRY_AFTER);
        let linked = shared.links.keys().copied().collect();
        for province in standings.provinces(&linked) {
            self.alarm(province, standings, (now, alarms));
            if self.busy.contains(&province) {
                continue;
            }
            let due = standings.closed.keys().copied().filter(|window| {
                let side = (province, *window);
                !self.tried.contains_key(&side) && standings.is_due(side, now)
            });
            let due: Vec<Window> = due.collect();
            if due.is_empty() {
                continue;
            }
            self.tried.extend(due.iter().map(|window| ((province, *window), Instant::now())));
            self.busy.insert(province);
            self.running.spawn(compare_all(Arc::clone(shared), province, due));
        }
    }

    /// Tells, once at each age, that windows of a province wait to be compared.
    fn alarm(&mut self, province: ProvinceCode, standings: &Standings, (now, alarms): (Civil, &Alarms)) {
        let Some((since, count)) = standings.waiting(province) else {
            self.alarmed.remove(&province);
            return;
        };
        let age_ms = u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0);
        let reached = alarms.waiting_ages_ms().iter().filter(|age| **age <= age_ms).count();
        let told = self.alarmed.insert(province, reached).unwrap_or(0);
        if reached > told {
            let age_s = age_ms / 1_000;
            tracing::warn!(%province, count, age_s, "ALARM: closed windows wait to be compared with a province");
        }
    }
}

/// Compares windows of a province in their order; a node that cannot be read ends it for now.
async fn compare_all(shared: Arc<Shared>, province: ProvinceCode, due: Vec<Window>) -> ProvinceCode {
    for window in due {
        let at_hub = shared.lists.run(move |tables| AtHub::read(window, tables)).await;
        let at_hub = match at_hub {
            Ok(at_hub) => at_hub,
            Err(problem) => {
                tracing::warn!(%province, %window, ?problem, "a closed window cannot be read; it is tried again");
                return province;
            }
        };
        match shared.reconcile((province, window), &at_hub).await {
            Ok(found) if found.state() == ReconciliationState::NotRead => return province,
            Ok(found) if found.state() == ReconciliationState::Differs && !found.reconciled => {
                let commits = found.commits.len();
                tracing::warn!(%province, %window, commits, "ALARM: a closed window differs from its node's");
            }
            Ok(_) => {}
            Err(problem) => {
                tracing::warn!(%province, %window, ?problem, "a comparison cannot be kept; it is tried again");
                return province;
            }
        }
    }
    province
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVINCE: ProvinceCode = ProvinceCode::new(51);

    fn window(text: &str) -> Window {
        Window::parse(text).expect("a window")
    }

    fn standings(state: Option<Standing>) -> Standings {
        let day = window("20261121");
        let row = |state| ComparisonRow {
            window: day,
            province: PROVINCE,
            state,
            incomplete: false,
            counted: 2,
            pending_count: 0,
            late_count: 0,
            compare_time: Civil(1_000),
        };
        Standings {
            closed: [(day, Civil(500))].into(),
            counts: [((PROVINCE, day), 2)].into(),
            comparisons: state.map(|state| ((PROVINCE, day), row(state))).into_iter().collect(),
        }
    }

    #[test]
    fn a_side_is_compared_until_it_agrees_and_again_when_a_commit_came_back() {
        let side = (PROVINCE, window("20261121"));
        let due = |state, now| standings(state).is_due(side, Civil(now));
        assert!(due(None, 1_000) && due(Some(Standing::Pending), 1_000));
        assert!(!due(Some(Standing::Agrees), i64::MAX));
        assert!(!due(Some(Standing::Differs), 1_001));
        assert!(due(Some(Standing::Differs), 1_000 + AGAIN_AFTER_MS), "it may have been mended");
        let mut late = standings(Some(Standing::Agrees));
        late.counts.insert(side, 3);
        assert!(late.is_due(side, Civil(1_001)));
    }

    #[test]
    fn what_waits_is_told_by_its_oldest_window() {
        let mut it = standings(Some(Standing::Agrees));
        assert_eq!(it.waiting(PROVINCE), None);
        it.closed.insert(window("20261122"), Civil(700));
        it.closed.insert(window("20261123"), Civil(900));
        assert_eq!(it.waiting(PROVINCE), Some((Civil(700), 2)));
        assert_eq!(standings(Some(Standing::Pending)).waiting(PROVINCE), Some((Civil(500), 1)));
        assert!(it.provinces(&[ProvinceCode::new(13)].into()).contains(&ProvinceCode::new(13)));
    }
}
