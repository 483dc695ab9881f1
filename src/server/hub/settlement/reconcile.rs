//! Compares a province's side of a closed window, and keeps what that has led to: at will, and after each close.

use super::compare::Compared;
use super::pending;
use crate::domain::audit::totals::Group;
use crate::domain::hub::breaks::{BreakInput, Comparison, Standing, commits_of, is_province_reconciled};
use crate::domain::hub::tables::{BreakRow, ComparisonRow, Key, Table, TotalRow, TransferRow};
use crate::domain::hub::{Input, Record};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Scan, SelfRow, TableRow, Term};
use crate::domain::value::{ProvinceCode, Window};
use crate::proto::hub::{ProvinceReconciliation, ReconciliationState};
use crate::server::hub::Shared;
use crate::store::{AnyTables, StoreError};
use crate::wire::settlement::breaks::{found_to_proto, standing_to_proto};
use crate::wire::settlement::difference_to_proto;
use crate::wire::status::Problem;
use crate::wire::time::timestamp;
use std::collections::BTreeMap;

/// What the hub has of a window, and who has not recorded all of it.
#[derive(Debug)]
pub(super) struct AtHub {
    /// The window's totals.
    pub(super) totals: Vec<TotalRow>,
    /// How many commits each province has not recorded yet.
    pending: BTreeMap<ProvinceCode, u64>,
    /// How many commits of each province came back after the window was closed.
    late: BTreeMap<ProvinceCode, u64>,
}

impl AtHub {
    pub(super) fn read(window: Window, tables: &mut AnyTables<Record>) -> Result<AtHub, StoreError> {
        let of_window = Term::Is("window", value(&window));
        let filter = Filter::all(Table::Total).and(of_window.clone());
        let rows = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
        let totals = rows.iter().filter_map(TotalRow::of).cloned().collect();
        let own = tables.load(&[Key::OWN])?;
        let mut late = BTreeMap::new();
        // Only a hub that has lost something adopts it later.
        if own.iter().flatten().filter_map(SelfRow::of).any(|own| own.recovered > 0) {
            let adopted =
                Filter::all(Table::Transfer).and(of_window).and(Term::Is("owner", value(&String::new())));
            let rows = tables.scan(&Scan { filter: adopted, after: None, limit: usize::MAX })?;
            for row in rows.iter().filter_map(TransferRow::of) {
                row.provinces().iter().for_each(|(_, province)| *late.entry(*province).or_default() += 1);
            }
        }
        Ok(AtHub { totals, pending: pending(window, tables)?, late })
    }

    /// The provinces that have commits in it.
    pub(super) fn provinces(&self) -> impl Iterator<Item = ProvinceCode> {
        self.totals.iter().flat_map(|row| [row.payer_province, row.payee_province])
    }
}

/// The breaks of a province's side.
pub(super) fn breaks_of(
    province: ProvinceCode,
    window: Window,
    tables: &mut AnyTables<Record>,
) -> Result<Vec<BreakRow>, StoreError> {
    let of_side = Filter::all(Table::Break)
        .and(Term::Is("window", value(&window)))
        .and(Term::Is("province", value(&province)));
    let rows = tables.scan(&Scan { filter: of_side, after: None, limit: usize::MAX })?;
    Ok(rows.iter().filter_map(BreakRow::of).cloned().collect())
}

fn not_read(province: ProvinceCode) -> ProvinceReconciliation {
    let mut result = ProvinceReconciliation { province_code: province.to_string(), ..Default::default() };
    result.set_state(ReconciliationState::NotRead);
    result
}

/// What is told of a comparison, but for what is kept of it.
fn shown(kept: &ComparisonRow, compared: &Compared) -> ProvinceReconciliation {
    let differences = compared.differences.iter();
    ProvinceReconciliation {
        province_code: kept.province.to_string(),
        state: standing_to_proto(kept.state).into(),
        pending_count: kept.pending_count,
        differences: differences.map(|it: &(Group, _, _)| difference_to_proto(it)).collect(),
        commits: compared.found.iter().map(found_to_proto).collect(),
        incomplete: kept.incomplete,
        compare_time: Some(timestamp(kept.compare_time)),
        late_count: kept.late_count,
        reconciled: false,
    }
}

impl Shared {
    /// Compares a province's side of a closed window with what its node has counted, and keeps what it has led to.
    ///
    /// # Errors
    /// `RECOVERING`, `OVERLOADED`; those of the store. A node that cannot be read is no error.
    pub(super) async fn reconcile(
        &self,
        (province, window): (ProvinceCode, Window),
        at_hub: &AtHub,
    ) -> Result<ProvinceReconciliation, Problem> {
        let pending_count = at_hub.pending.get(&province).copied().unwrap_or(0);
        let compared = match pending_count {
            0 => match self.compare((province, window), &at_hub.totals).await {
                Ok(compared) => compared,
                Err(error) => {
                    tracing::warn!(%province, %window, %error, "a window cannot be compared with its node");
                    return Ok(not_read(province));
                }
            },
            _ => Compared::default(),
        };
        let state = match (pending_count, compared.differences.is_empty()) {
            (0, true) => Standing::Agrees,
            (0, false) => Standing::Differs,
            _ => Standing::Pending,
        };
        let comparison = Comparison {
            window,
            province,
            state,
            found: compared.found.clone(),
            incomplete: compared.incomplete,
            counted: commits_of(province, &at_hub.totals),
            pending_count,
            late_count: at_hub.late.get(&province).copied().unwrap_or(0),
            due_within_ms: self.break_due_ms,
        };
        let input = |ticket| Input::Breaks(BreakInput::Compared { ticket, comparison });
        let kept = self.engine.ask(input).await?;
        let read = move |tables: &mut AnyTables<Record>| breaks_of(province, window, tables);
        let breaks = self.lists.run(read).await?;
        let breaks: Vec<&BreakRow> = breaks.iter().collect();
        let reconciled = is_province_reconciled(&kept, &breaks);
        Ok(ProvinceReconciliation { reconciled, ..shown(&kept, &compared) })
    }
}
