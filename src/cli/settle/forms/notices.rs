//! The forms of clearing: 清算表, 付款通知书, 收款通知书, and the table of prefunds.

use super::{Cell, Column, Form, Unit, province_name};

/// What every form of a period says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issue {
    /// Its number in the books; empty: it has none.
    pub number: String,
    /// 清算期 or 清算窗口, in words: "202611", "20261121".
    pub span: String,
    /// More facts, as name and value: what it may be used for, when it is due.
    pub facts: Vec<(String, String)>,
    /// 制表.
    pub maker: String,
    /// 复核.
    pub rechecker: String,
    /// 审核.
    pub checker: String,
    /// The day on which it was issued, "YYYY-MM-DD".
    pub issued: String,
}

/// What one province owes and is owed, in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingRow {
    /// Two digits.
    pub province_code: String,
    /// What it owes to all others.
    pub payable: i128,
    /// What all others owe to it.
    pub receivable: i128,
}

/// What is paid to one province, or by one, in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRow {
    /// Two digits.
    pub province_code: String,
    /// Of how many commits.
    pub count: u64,
    /// Their sum.
    pub amount: i128,
}

/// What one province has placed with another, in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefundRow {
    /// Who has placed it, two digits.
    pub payer_code: String,
    /// With whom, two digits.
    pub payee_code: String,
    /// The figure of the year (年度额度).
    pub yearly: i128,
    /// What was carried over from the year before (上年结余).
    pub carried: i128,
    /// What was added during the year (追加).
    pub added: i128,
    /// How much of all of it is used, in parts of ten thousand.
    pub used: u64,
}

fn columns(columns: &[(&str, u16)]) -> Vec<Column> {
    columns.iter().map(|(heading, width)| Column { heading: (*heading).to_owned(), width: *width }).collect()
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

/// Number of the row, code and name of a province.
fn province(at: usize, code: &str) -> [Cell; 3] {
    [Cell::Count(at as u64 + 1), text(code), text(province_name(code))]
}

fn form(title: &str, issue: &Issue, about: &[(&str, String)]) -> Form {
    let about = about.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let number = [("编号".to_owned(), issue.number.clone())].into_iter().filter(|(_, it)| !it.is_empty());
    let span = ("清算期".to_owned(), issue.span.clone());
    Form {
        title: title.to_owned(),
        facts: number.chain([span]).chain(about).chain(issue.facts.iter().cloned()).collect(),
        maker: issue.maker.clone(),
        rechecker: issue.rechecker.clone(),
        checker: issue.checker.clone(),
        issued: issue.issued.clone(),
        ..Form::default()
    }
}

/// 清算表: a row a province, what it owes and what it is owed. Gross: nothing is set off.
pub fn clearing_table(issue: &Issue, rows: &[ClearingRow]) -> Form {
    let cells = |(at, row): (usize, &ClearingRow)| {
        let sums = [Cell::Fen(row.payable), Cell::Fen(row.receivable)];
        province(at, &row.province_code).into_iter().chain(sums).collect()
    };
    let sum = |of: fn(&ClearingRow) -> i128| Cell::Fen(rows.iter().map(of).sum());
    Form {
        columns: columns(&[("序号", 6), ("省份代码", 10), ("省份", 22), ("应付金额", 20), ("应收金额", 20)]),
        rows: rows.iter().enumerate().map(cells).collect(),
        total: vec![text("合计"), text(""), text(""), sum(|it| it.payable), sum(|it| it.receivable)],
        ..form("医保钱包跨省共济资金清算表", issue, &[])
    }
}

fn notice(title: &str, issue: &Issue, (own, code): (&str, &str), other: &str, rows: &[NoticeRow]) -> Form {
    let cells = |(at, row): (usize, &NoticeRow)| {
        let what = [Cell::Count(row.count), Cell::Fen(row.amount)];
        province(at, &row.province_code).into_iter().chain(what).collect()
    };
    let (count, amount) = (rows.iter().map(|it| it.count).sum(), rows.iter().map(|it| it.amount).sum());
    Form {
        columns: columns(&[("序号", 6), ("省份代码", 10), (other, 22), ("笔数", 12), ("金额", 20)]),
        rows: rows.iter().enumerate().map(cells).collect(),
        total: vec![text("合计"), text(""), text(""), Cell::Count(count), Cell::Fen(amount)],
        ..form(title, issue, &[(own, province_name(code).to_owned())])
    }
}

/// 付款通知书: what a province pays to each other one.
pub fn payment_notice(issue: &Issue, payer_code: &str, rows: &[NoticeRow]) -> Form {
    notice("医保钱包跨省共济资金付款通知书", issue, ("付款省", payer_code), "收款省", rows)
}

/// 收款通知书: what each other province pays to one.
pub fn collection_notice(issue: &Issue, payee_code: &str, rows: &[NoticeRow]) -> Form {
    notice("医保钱包跨省共济资金收款通知书", issue, ("收款省", payee_code), "付款省", rows)
}

/// 预付金额度表: what each province has placed with each other one, in 万元.
pub fn prefund_table(issue: &Issue, rows: &[PrefundRow]) -> Form {
    let cells = |(at, row): (usize, &PrefundRow)| {
        let all = row.yearly + row.carried + row.added;
        let who = [text(province_name(&row.payer_code)), text(province_name(&row.payee_code))];
        let what = [row.yearly, row.carried, row.added, all].map(Cell::Fen);
        let number = [Cell::Count(at as u64 + 1)];
        number.into_iter().chain(who).chain(what).chain([Cell::Ratio(row.used)]).collect()
    };
    let sum = |of: fn(&PrefundRow) -> i128| Cell::Fen(rows.iter().map(of).sum());
    let total = [sum(|it| it.yearly), sum(|it| it.carried), sum(|it| it.added)];
    let all = sum(|it| it.yearly + it.carried + it.added);
    Form {
        unit: Unit::TenThousandYuan,
        columns: columns(&[
            ("序号", 6),
            ("付款省", 22),
            ("收款省", 22),
            ("年度额度", 14),
            ("上年结余", 14),
            ("追加", 14),
            ("合计", 14),
            ("使用率", 10),
        ]),
        rows: rows.iter().enumerate().map(cells).collect(),
        total: [text("合计"), text(""), text("")].into_iter().chain(total).chain([all, text("")]).collect(),
        ..form("医保钱包跨省共济预付金额度表", issue, &[])
    }
}
