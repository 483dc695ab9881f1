//! The matrix of a window: a row for who owes, a column for who is owed.

use super::state;
use crate::cli::table::align_right;
use crate::proto::hub::GetPositionsResponse;
use comfy_table::{Table, presets};
use std::collections::{BTreeMap, BTreeSet};

/// What people read.
pub(super) fn text(it: &GetPositionsResponse, month: Option<&str>) -> String {
    let window = it.window.clone().unwrap_or_default();
    let head = match month {
        Some(month) => format!("period 清算期 {month}"),
        None => format!("window 清算窗口 {} {}", window.window_id, state(&window)),
    };
    if it.pairs.is_empty() {
        return format!("{head}\nnobody owes anything 无应收应付");
    }
    format!("{head}\n{}\na row owes, a column is owed, in yuan 行为应付方，列为应收方，单位：元", matrix(it))
}

fn matrix(it: &GetPositionsResponse) -> Table {
    let debtors: BTreeSet<&str> = it.pairs.iter().map(|pair| pair.debtor_province_code.as_str()).collect();
    let creditors: BTreeSet<&str> =
        it.pairs.iter().map(|pair| pair.creditor_province_code.as_str()).collect();
    let pairs = it.pairs.iter().map(|pair| {
        ((pair.debtor_province_code.as_str(), pair.creditor_province_code.as_str()), pair.amount.as_str())
    });
    let amounts: BTreeMap<(&str, &str), &str> = pairs.collect();
    let positions = it.positions.iter().map(|position| (position.province_code.as_str(), position));
    let positions: BTreeMap<_, _> = positions.collect();
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([""].into_iter().chain(creditors.iter().copied()).chain(["payable 应付", "net 差额"]));
    for debtor in &debtors {
        let cells =
            creditors.iter().map(|creditor| amounts.get(&(*debtor, *creditor)).copied().unwrap_or(""));
        // Of another province than the caller's own only what it has with that is told.
        let sums = positions.get(debtor).map_or(["", ""], |it| [it.payable.as_str(), it.net.as_str()]);
        table.add_row([*debtor].into_iter().chain(cells).chain(sums));
    }
    let sum = |of: fn(&crate::proto::hub::Position) -> &str| {
        let of_creditor = |creditor: &&str| positions.get(creditor).map_or("", |it| of(it));
        creditors.iter().map(of_creditor).collect::<Vec<_>>()
    };
    let receivable = ["receivable 应收"].into_iter().chain(sum(|it| it.receivable.as_str()));
    table.add_row(receivable.chain(["", ""]));
    table.add_row(["net 差额"].into_iter().chain(sum(|it| it.net.as_str())).chain(["", ""]));
    let right: Vec<usize> = (1..creditors.len() + 3).collect();
    align_right(&mut table, &right);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hub::{PairPosition, Position, Window, WindowState};

    fn response() -> GetPositionsResponse {
        let pair = |debtor: &str, creditor: &str, amount: &str| PairPosition {
            debtor_province_code: debtor.to_owned(),
            creditor_province_code: creditor.to_owned(),
            amount: amount.to_owned(),
            count: 1,
        };
        let position = |province: &str, payable: &str, receivable: &str, net: &str| Position {
            province_code: province.to_owned(),
            payable: payable.to_owned(),
            receivable: receivable.to_owned(),
            net: net.to_owned(),
        };
        GetPositionsResponse {
            window: Some(Window {
                window_id: "20261121".to_owned(),
                state: WindowState::Closed.into(),
                ..Window::default()
            }),
            positions: vec![
                position("13", "400.00", "100.05", "299.95"),
                position("51", "100.05", "400.00", "-299.95"),
            ],
            pairs: vec![pair("13", "51", "400.00"), pair("51", "13", "100.05")],
        }
    }

    #[test]
    fn a_row_owes_and_a_column_is_owed() {
        let shown = text(&response(), None);
        let lines: Vec<String> = shown
            .lines()
            .filter(|line| line.starts_with('│'))
            .map(|line| line.split(['│', '┆']).map(str::trim).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines.iter().map(|line| line.trim()).collect::<Vec<_>>(),
            [
                "13 51 payable 应付 net 差额",
                "13  400.00 400.00 299.95",
                "51 100.05  100.05 -299.95",
                "receivable 应收 100.05 400.00",
                "net 差额 299.95 -299.95",
            ]
        );
        assert!(shown.starts_with("window 清算窗口 20261121 CLOSED 已关闭\n"), "{shown}");
    }

    #[test]
    fn a_window_in_which_nobody_owes_says_so() {
        let nothing = GetPositionsResponse { positions: vec![], pairs: vec![], ..response() };
        assert!(text(&nothing, Some("202611")).starts_with("period 清算期 202611\n"));
        assert!(text(&nothing, None).ends_with("nobody owes anything 无应收应付"));
    }
}
