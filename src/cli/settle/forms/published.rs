//! The forms that count: made from tables that both provinces have signed.

use super::{
    ClearingRow, Form, Issue, Kind, NoticeRow, clearing_table, collection_notice, payment_notice,
    province_name,
};
use crate::cli::time::local_time;
use crate::domain::kinds;
use crate::domain::protocol;
use crate::domain::value::{ProvinceCode, Side};
use crate::proto::hub::{ClearingTable, PeriodLine, Signatures};
use crate::wire::settlement::statement::fen;
use std::collections::{BTreeMap, BTreeSet};

/// The form of this kind from the published tables of a month: a notice from those that are final, naming the provinces
/// whose tables are not; a 清算表 only from tables that are all final. `province` is whose notice it is. None: nothing
/// can be issued yet.
pub fn published(kind: Kind, period: &str, province: &str, tables: &[ClearingTable]) -> Option<Form> {
    let is_its = |it: &&ClearingTable| kind == Kind::Table || other(it, province).is_some();
    let (is_final, open): (Vec<_>, Vec<_>) =
        tables.iter().filter(is_its).partition(|it| it.final_time.is_some());
    let signed: Vec<&ClearingTable> = is_final.into_iter().filter(|it| it.count > 0).collect();
    if signed.is_empty() || (kind == Kind::Table && !open.is_empty()) {
        return None;
    }
    let own = (kind != Kind::Table).then_some(province);
    let unsigned = open.iter().filter_map(|it| other(it, province)).map(province_name);
    let issue = issue(period, own, &signed, &unsigned.collect::<Vec<_>>());
    let rows = |owes: fn(&ClearingTable, &str, &str) -> (u64, i128)| -> Vec<NoticeRow> {
        let row = |table: &&ClearingTable| {
            let other = other(table, province)?;
            let (count, amount) = owes(table, province, other);
            let province_code = other.to_owned();
            (amount > 0).then_some(NoticeRow { province_code, count, amount })
        };
        signed.iter().filter_map(row).collect()
    };
    Some(match kind {
        Kind::Table => clearing_table(&issue, &clearing_rows(&signed)),
        Kind::Payment => payment_notice(&issue, province, &rows(|table, own, _| owed_by(table, own))),
        Kind::Collection => {
            collection_notice(&issue, province, &rows(|table, _, other| owed_by(table, other)))
        }
    })
}

/// The other province of a table; none when this one is not in it.
fn other<'a>(table: &'a ClearingTable, province: &str) -> Option<&'a str> {
    let pair = [&table.first_province_code, &table.second_province_code];
    let own = pair.iter().position(|it| *it == province)?;
    pair.get(1 - own).map(|it| it.as_str())
}

/// What a province owes by a table, in fen, and of how many commits.
fn owed_by(table: &ClearingTable, province: &str) -> (u64, i128) {
    let is_first = table.first_province_code == province;
    let amount = fen(if is_first { &table.first_owes } else { &table.second_owes }).unwrap_or(0);
    // What the national centre pays, or is paid, is what is left of all commits.
    let is_net = table.first_province_code == ProvinceCode::HUB.to_string();
    let count = table.lines.iter().filter(|line| is_net || debtor(line) == Some(province));
    (count.map(|line| line.count).sum(), amount)
}

/// The province that owes by a line.
fn debtor(line: &PeriodLine) -> Option<&str> {
    let kind = protocol::Kind::ALL.iter().find(|it| i32::from(it.number()) == line.kind)?;
    Some(match kinds::of(*kind).debtor? {
        Side::Payer => &line.payer_province_code,
        Side::Payee => &line.payee_province_code,
    })
}

fn clearing_rows(tables: &[&ClearingTable]) -> Vec<ClearingRow> {
    let mut rows: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
    for table in tables {
        let (first, second) = (table.first_province_code.as_str(), table.second_province_code.as_str());
        for (debtor, creditor) in [(first, second), (second, first)] {
            let (_, amount) = owed_by(table, debtor);
            rows.entry(debtor).or_default().0 += amount;
            rows.entry(creditor).or_default().1 += amount;
        }
    }
    let row = |(code, (payable, receivable)): (&str, (i128, i128))| ClearingRow {
        province_code: code.to_owned(),
        payable,
        receivable,
    };
    rows.into_iter().map(row).collect()
}

/// Who has signed, and when the last signature came. `own`: only those of this province.
fn issue(period: &str, own: Option<&str>, signed: &[&ClearingTable], unsigned: &[&str]) -> Issue {
    let sides = signed.iter().flat_map(|table| {
        let first = (&table.first_province_code, table.first_signatures.as_ref());
        [first, (&table.second_province_code, table.second_signatures.as_ref())]
    });
    let sides: Vec<_> = sides.filter(|(code, _)| own.is_none_or(|own| *code == own)).collect();
    let names = |of: fn(&Signatures) -> &str| {
        let name = |(code, signatures): &(&String, Option<&Signatures>)| {
            let name = of((*signatures)?).rsplit(':').next().filter(|name| !name.is_empty())?;
            Some(if own.is_some() { name.to_owned() } else { format!("{} {name}", province_name(code)) })
        };
        let names: BTreeSet<String> = sides.iter().filter_map(name).collect();
        names.into_iter().collect::<Vec<_>>().join("、")
    };
    let day = |table: &&ClearingTable| local_time(table.final_time.as_ref()).get(..10).map(ToOwned::to_owned);
    let mut facts = vec![("性质".to_owned(), "依据双方已签署的清算表".to_owned())];
    if !unsigned.is_empty() {
        facts.push(("尚未签署，未列入".to_owned(), unsigned.join("、")));
    }
    Issue {
        span: period.to_owned(),
        facts,
        maker: names(|it| &it.maker),
        rechecker: names(|it| &it.checker),
        issued: signed.iter().filter_map(day).max().unwrap_or_default(),
        ..Issue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::*;
    use prost_types::Timestamp;

    fn table(second: &str, owes: (&str, &str), is_final: bool) -> ClearingTable {
        let line = |payer: &str, payee: &str, kind, count| PeriodLine {
            payer_province_code: payer.to_owned(),
            payee_province_code: payee.to_owned(),
            kind,
            count,
            ..PeriodLine::default()
        };
        let signatures = |code: &str| Signatures {
            maker: format!("urn:gongji:finance:{code}:wang"),
            checker: format!("urn:gongji:finance:{code}:li"),
        };
        ClearingTable {
            first_province_code: "13".to_owned(),
            second_province_code: second.to_owned(),
            count: 6,
            first_owes: owes.0.to_owned(),
            second_owes: owes.1.to_owned(),
            first_signatures: Some(signatures("13")),
            second_signatures: Some(signatures(second)),
            // 2026-12-21 00:00 in Shanghai.
            final_time: is_final.then_some(Timestamp { seconds: 1_797_782_400, nanos: 0 }),
            // A compensation carries money back: it is owed by its own payer, who had received.
            lines: vec![line("13", second, 1, 3), line(second, "13", 1, 1), line(second, "13", 2, 2)],
            ..ClearingTable::default()
        }
    }

    #[test]
    fn a_notice_has_what_is_signed_and_names_what_is_not() {
        let tables = [table("35", ("9.00", "0.00"), false), table("51", ("400.01", "0.05"), true)];
        let form = published(Kind::Payment, "202611", "13", &tables).expect("one table is final");
        let own = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(
            form.rows,
            [vec![Cell::Count(1), own("51"), own("四川省"), Cell::Count(3), Cell::Fen(40_001)]]
        );
        assert_eq!((&*form.maker, &*form.rechecker, &*form.checker), ("wang", "li", ""));
        assert_eq!(form.issued, "2026-12-21");
        assert!(form.facts.contains(&("尚未签署，未列入".to_owned(), "福建省".to_owned())), "{form:?}");
        let other = published(Kind::Collection, "202611", "13", &tables).expect("a form");
        assert_eq!(other.total[3..], [Cell::Count(3), Cell::Fen(5)]);
        assert_eq!(published(Kind::Payment, "202611", "35", &tables), None, "nothing of it is signed");
        assert_eq!(published(Kind::Payment, "202611", "14", &tables), None);
    }

    #[test]
    fn a_table_of_all_waits_for_the_last_signature() {
        let mut tables = [table("35", ("9.00", "0.00"), false), table("51", ("400.01", "0.05"), true)];
        assert_eq!(published(Kind::Table, "202611", "", &tables), None);
        tables[0] = table("35", ("9.00", "0.00"), true);
        let form = published(Kind::Table, "202611", "", &tables).expect("all are final");
        let sums: Vec<&[Cell]> = form.rows.iter().map(|row| &row[3..]).collect();
        let fen = |payable, receivable| [Cell::Fen(payable), Cell::Fen(receivable)];
        assert_eq!(sums, [fen(40_901, 5), fen(0, 900), fen(5, 40_001)]);
        assert_eq!(form.maker, "四川省 wang、河北省 wang、福建省 wang");
    }
}
