//! What comparing a window has led to.

use crate::cli::Exit;
use crate::cli::show::side_name;
use crate::cli::table;
use crate::proto::hub::{
    BreakBucket, ProvinceReconciliation, ReconcileWindowResponse, ReconciliationState, TotalDifference,
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
        ReconciliationState::Differs if it.reconciled => {
            "DIFFERS 不一致, breaks closed 差错已关闭".to_owned()
        }
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
    let commits = it.commits.iter().map(|it| {
        let id = if it.transfer_id.is_empty() { "–" } else { &it.transfer_id };
        let place = format!("{} {id} #{}", bucket_text(it.bucket()), it.hub_seq);
        let amount = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
        [String::new(), String::new(), place, amount(&it.hub_amount), amount(&it.node_amount)]
    });
    let more = it.incomplete.then(|| {
        let [a, b, c, d] = [(); 4].map(|()| String::new());
        [a, b, "there may be more 可能还有更多".to_owned(), c, d]
    });
    [first].into_iter().chain(differing).chain(commits).chain(more).collect()
}

/// In which way a commit differs.
pub(super) fn bucket_text(bucket: BreakBucket) -> &'static str {
    match bucket {
        BreakBucket::Unspecified => "?",
        BreakBucket::MissingAtHub => "MISSING_AT_HUB 清算中心缺失",
        BreakBucket::MissingAtPayer => "MISSING_AT_PAYER 转出方缺失",
        BreakBucket::MissingAtPayee => "MISSING_AT_PAYEE 转入方缺失",
        BreakBucket::Amount => "AMOUNT 金额不符",
        BreakBucket::State => "STATE 状态不符",
        BreakBucket::InDoubt => "IN_DOUBT 存疑",
        BreakBucket::Late => "LATE 迟到",
        BreakBucket::Contradiction => "CONTRADICTION 节点数据自相矛盾",
    }
}

fn place(it: &TotalDifference) -> String {
    let kind = match it.kind() {
        TransferKind::Unspecified => "?",
        TransferKind::Transfer => "transfer 转账",
        TransferKind::Compensation => "compensation 退回",
    };
    format!("{} with {} {kind}", side_name(it.side()), it.counter_province_code)
}

/// A difference is the worst, unless its breaks are closed; what could not be compared is not known.
pub(super) fn exit(it: &ReconcileWindowResponse) -> Exit {
    let is = |state| it.provinces.iter().any(|it| it.state() == state && !it.reconciled);
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
    use crate::proto::hub::DifferingCommit;
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
        let mut closed = response(&[Agrees, Differs]);
        closed.provinces[1].reconciled = true;
        assert_eq!(exit(&closed), Exit::Done, "its breaks are closed");
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
        found.provinces[0].commits.push(DifferingCommit {
            transfer_id: "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a".to_owned(),
            bucket: BreakBucket::MissingAtPayee.into(),
            hub_seq: 41,
            hub_amount: "1.05".to_owned(),
            ..Default::default()
        });
        found.provinces[0].incomplete = true;
        let shown = text(&found);
        for part in ["01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a #41", "转入方缺失", "1.05", "there may be more"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for part in ["DIFFERS 不一致", "with 13 transfer 转账", "2 × 401.05", "1 × 400.00"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
