//! What comparing a window has led to.

use crate::cli::Exit;
use crate::cli::show::side_name;
use crate::cli::table;
use crate::proto::hub::{
    ProvinceReconciliation, ReconcileWindowResponse, ReconciliationState, TotalDifference,
};
use crate::proto::types::TransferKind;

/// What people read.
pub(super) fn text(it: &ReconcileWindowResponse) -> String {
    let window = it.window.clone().unwrap_or_default().window_id;
    let header = ["province", "state", "where", "hub", "node"];
    let rows = it.provinces.iter().flat_map(rows);
    format!("window 清算窗口 {window}\n{}", table::list(header, rows, &[3, 4]))
}

fn rows(it: &ProvinceReconciliation) -> Vec<[String; 5]> {
    let state = match it.state() {
        ReconciliationState::Unspecified => "?".to_owned(),
        ReconciliationState::Agrees => "AGREES 一致".to_owned(),
        ReconciliationState::Differs => "DIFFERS 不一致".to_owned(),
        ReconciliationState::Pending => format!("PENDING 待记账 {}", it.pending_count),
        ReconciliationState::NotRead => "NOT_READ 未能读取".to_owned(),
    };
    let first = [it.province_code.clone(), state, String::new(), String::new(), String::new()];
    let differing = it.differences.iter().map(|it| {
        let counted = |count: u64, amount: &str| format!("{count} × {amount}");
        let (hub, node) = (counted(it.hub_count, &it.hub_amount), counted(it.node_count, &it.node_amount));
        [String::new(), String::new(), place(it), hub, node]
    });
    [first].into_iter().chain(differing).collect()
}

fn place(it: &TotalDifference) -> String {
    let kind = match it.kind() {
        TransferKind::Unspecified => "?",
        TransferKind::Transfer => "transfer 转账",
        TransferKind::Compensation => "compensation 退回",
    };
    format!("{} with {} {kind}", side_name(it.side()), it.counter_province_code)
}

/// A difference is the worst; what could not be compared is not known.
pub(super) fn exit(it: &ReconcileWindowResponse) -> Exit {
    let is = |state| it.provinces.iter().any(|it| it.state() == state);
    match (is(ReconciliationState::Differs), is(ReconciliationState::Pending)) {
        (true, _) => Exit::Refused,
        (false, true) => Exit::Unknown,
        (false, false) if is(ReconciliationState::NotRead) || it.provinces.is_empty() => Exit::Unknown,
        (false, false) => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::types::RefusalSide;

    fn response(states: &[ReconciliationState]) -> ReconcileWindowResponse {
        let province = |state: &ReconciliationState| ProvinceReconciliation {
            province_code: "51".to_owned(),
            state: (*state).into(),
            ..Default::default()
        };
        ReconcileWindowResponse { window: None, provinces: states.iter().map(province).collect() }
    }

    #[test]
    fn the_exit_code_says_the_worst() {
        use ReconciliationState::{Agrees, Differs, NotRead, Pending};
        assert_eq!(exit(&response(&[Agrees, Agrees])), Exit::Done);
        assert_eq!(exit(&response(&[Agrees, NotRead])), Exit::Unknown);
        assert_eq!(exit(&response(&[Pending, Agrees])), Exit::Unknown);
        assert_eq!(exit(&response(&[NotRead, Differs])), Exit::Refused);
        assert_eq!(exit(&response(&[])), Exit::Unknown, "nothing was compared");
    }

    #[test]
    fn a_difference_says_where_it_is() {
        let mut found = response(&[ReconciliationState::Differs]);
        found.provinces[0].differences.push(TotalDifference {
            counter_province_code: "13".to_owned(),
            side: RefusalSide::Payee.into(),
            kind: TransferKind::Transfer.into(),
            hub_count: 2,
            hub_amount: "401.05".to_owned(),
            node_count: 1,
            node_amount: "400.00".to_owned(),
        });
        let shown = text(&found);
        for part in ["DIFFERS 不一致", "with 13 transfer 转账", "2 × 401.05", "1 × 400.00"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
