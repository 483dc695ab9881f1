//! What an import says: bad lines as they are found, how far it is on a terminal, a summary.

use super::csv::BadRow;
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::json::unknown;
use crate::cli::output::{OutputArgs, note, say};
use crate::domain::value::Money;
use crate::proto::node::MemberChange;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

/// What became of a file so far.
pub struct Report {
    output: OutputArgs,
    /// Size of the file in bytes, where a terminal is told how much of it was read.
    shown_of: Option<u64>,
    percent: Cell<u64>,
    /// Rows that were read.
    rows: u64,
    accepted: u64,
    unchanged: u64,
    rejected: u64,
    /// Allotments that stand in rows that could be read.
    credits: u64,
    credited: u64,
    credited_sum: Money,
    /// Rows that changed what people should look at.
    changed: BTreeMap<MemberChange, u64>,
    /// The lines whose outcome is not known; what is behind them was not sent.
    stopped: Option<(u64, u64)>,
    /// Only for JSON, which is printed at the end.
    said: Said,
}

/// What is said of single lines.
#[derive(Default)]
struct Said {
    bad: Vec<BadRow>,
    bad_credits: Vec<BadRow>,
    changes: Vec<(u64, MemberChange)>,
}

impl Report {
    /// Of a file of `size` bytes.
    pub fn new(output: OutputArgs, size: u64) -> Report {
        let shown = !output.json && std::io::stderr().is_terminal();
        Report {
            output,
            shown_of: shown.then_some(size.max(1)),
            percent: Cell::new(0),
            rows: 0,
            accepted: 0,
            unchanged: 0,
            rejected: 0,
            credits: 0,
            credited: 0,
            credited_sum: Money::ZERO,
            changed: BTreeMap::new(),
            stopped: None,
            said: Said::default(),
        }
    }

    /// A row was read.
    pub fn row(&mut self) {
        self.rows += 1;
    }

    /// A row that was not taken.
    pub fn bad(&mut self, bad: BadRow) {
        self.rejected += 1;
        if self.output.json {
            self.said.bad.push(bad);
        } else {
            self.line(&bad.text());
        }
    }

    /// An allotment that was not booked, of a row that was taken.
    pub fn bad_credit(&mut self, bad: BadRow) {
        if self.output.json {
            self.said.bad_credits.push(bad);
        } else {
            self.line(&bad.text());
            // One is enough for the exit code.
            self.said.bad_credits = vec![bad];
        }
    }

    /// Rows that the node took.
    pub fn count(&mut self, accepted: u64, unchanged: u64) {
        self.accepted += accepted;
        self.unchanged += unchanged;
    }

    /// A row that was taken and changed what people should look at.
    pub fn changed(&mut self, line: u64, change: MemberChange) {
        *self.changed.entry(change).or_default() += 1;
        if self.output.json {
            self.said.changes.push((line, change));
        } else {
            self.line(&format!("line {line}: {}", words(change)));
        }
    }

    /// A row that could be read has an allotment.
    pub fn credit(&mut self) {
        self.credits += 1;
    }

    /// An allotment that is booked, now or before.
    pub fn credited(&mut self, amount: Money) {
        self.credited += 1;
        self.credited_sum = self.credited_sum.checked_add(amount).unwrap_or(self.credited_sum);
    }

    fn line(&self, text: &str) {
        self.clear();
        say(text);
    }

    /// Something that is no line's.
    pub fn note(&self, text: &str) {
        self.clear();
        note(format!("gongji: {text}"));
    }

    /// The outcome of these lines is not known, and what is behind them was not sent.
    pub fn stopped(&mut self, first: u64, last: u64) {
        self.stopped = Some((first, last));
        self.note(&format!(
            "stopped at lines {first} to {last}, whose outcome is not known; run the same file again"
        ));
    }

    /// How much of the file was read.
    pub fn progress(&self, bytes: u64) {
        let Some(size) = self.shown_of else { return };
        let percent = bytes.saturating_mul(100) / size;
        if self.percent.replace(percent) != percent {
            self.clear();
            let rows = self.accepted + self.unchanged;
            // As with every note: who does not read is no reason to fail.
            let _ = write!(std::io::stderr().lock(), "{percent} %: {rows} rows, {} bad", self.rejected);
        }
    }

    /// Clears the terminal's line for whatever comes next.
    fn clear(&self) {
        if self.shown_of.is_some() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }

    /// Prints the summary, and why the import ended early if it did; gives the exit code.
    pub fn finish(&self, failure: Option<&Failure>) -> Exit {
        self.clear();
        if self.output.json {
            say(self.to_json(failure));
        } else {
            if let Some(failure) = failure {
                note(format!("gongji: {failure}"));
            }
            say(self.summary());
        }
        failure.map_or_else(|| self.exit(), Failure::exit)
    }

    /// Rows of which it is not known what became of them.
    fn not_known(&self) -> u64 {
        self.rows.saturating_sub(self.accepted + self.unchanged + self.rejected)
    }

    /// Rows in = accepted + unchanged + bad: always, unless it ended early.
    fn adds_up(&self) -> bool {
        self.rows == self.accepted + self.unchanged + self.rejected
    }

    fn summary(&self) -> String {
        let (rows, accepted, unchanged, rejected) = (self.rows, self.accepted, self.unchanged, self.rejected);
        let mut text = format!("{rows} rows = {accepted} accepted + {unchanged} unchanged + {rejected} bad");
        match self.not_known() {
            0 => {}
            not_known => text.push_str(&format!(" + {not_known} not known")),
        }
        for (change, count) in &self.changed {
            text.push_str(&format!("; {count} {}", name(*change)));
        }
        if self.credits > 0 {
            let (count, of, sum) = (self.credited, self.credits, self.credited_sum);
            text.push_str(&format!("; {count} of {of} allotments, {sum} yuan, booked now or before"));
        }
        text
    }

    pub fn to_json(&self, failure: Option<&Failure>) -> Value {
        let changes = self.said.changes.iter();
        let changes: Vec<Value> =
            changes.map(|(line, change)| json!({ "line": line, "change": name(*change) })).collect();
        let document = json!({
            "row_count": self.rows,
            "accepted_count": self.accepted,
            "unchanged_count": self.unchanged,
            "rejected_count": self.rejected,
            "rejected": self.said.bad,
            "changed": changes,
            "credit_count": self.credits,
            "credited_count": self.credited,
            "credited_amount": self.credited_sum.to_string(),
            "rejected_credits": self.said.bad_credits,
            "complete": self.stopped.is_none() && failure.is_none(),
            "error": failure.map(Failure::to_json),
        });
        let Some((first, last)) = self.stopped else { return document };
        let mut document = unknown(document, None);
        document["unknown_lines"] = json!({ "first": first, "last": last });
        document
    }

    /// 0 all taken, 1 some lines were bad, 2 not known.
    fn exit(&self) -> Exit {
        if self.stopped.is_some() {
            return Exit::Unknown;
        }
        if !self.adds_up() {
            self.note("the node's counts do not add up to the rows: what became of some is not known");
            return Exit::Unknown;
        }
        let taken = self.rejected == 0 && self.said.bad_credits.is_empty();
        if taken { Exit::Done } else { Exit::Refused }
    }
}

/// A change in a word, for summaries and programs.
fn name(change: MemberChange) -> &'static str {
    match change {
        MemberChange::Unspecified => "changed",
        MemberChange::Renamed => "renamed",
        MemberChange::Moved => "moved",
        MemberChange::Reactivated => "reactivated",
        MemberChange::ClosedWithMoney => "closed_with_money",
    }
}

/// A change for people.
fn words(change: MemberChange) -> &'static str {
    match change {
        MemberChange::Unspecified => "changed 有变动",
        MemberChange::Renamed => "renamed: the number has another name now 姓名变更",
        MemberChange::Moved => "moved: insured in another pooling area now 参保地变更",
        MemberChange::Reactivated => "reactivated: suspended, ended or in arrears before 恢复正常参保",
        MemberChange::ClosedWithMoney => "closed_with_money: ended, and there is money left 终止时尚有余额",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;

    #[test]
    fn an_allotment_that_is_not_booked_makes_no_bad_row_and_is_no_success() {
        for json in [true, false] {
            let mut report = Report::new(OutputArgs { json }, 10);
            report.row();
            report.count(1, 0);
            report.bad_credit(BadRow::new(2, "credit", Reason::AccountAbsent, ""));
            assert_eq!((report.exit(), report.adds_up()), (Exit::Refused, true));
        }
    }

    #[test]
    fn the_report_names_line_column_and_reason() {
        let bad = BadRow::new(17, "id_number", Reason::IdNumberCheckDigit, "");
        assert_eq!(
            bad.text(),
            "line 17: id_number: ID_NUMBER_CHECK_DIGIT: the check digit of the identity number is wrong \
             公民身份号码校验码不正确"
        );
        let mut report = Report::new(OutputArgs { json: true }, 10);
        assert_eq!(report.exit(), Exit::Done);
        (0..5).for_each(|_| report.row());
        report.count(3, 1);
        assert_eq!(report.exit(), Exit::Unknown, "one row is lost");
        assert_eq!(report.summary(), "5 rows = 3 accepted + 1 unchanged + 0 bad + 1 not known");
        report.credit();
        report.credited(Money::from_fen(15_000));
        report.credit();
        report.bad(bad);
        assert_eq!(report.exit(), Exit::Refused);
        report.changed(3, MemberChange::Moved);
        assert_eq!(
            report.summary(),
            "5 rows = 3 accepted + 1 unchanged + 1 bad; 1 moved; 1 of 2 allotments, 150.00 yuan, booked now or before"
        );
        let value = report.to_json(None);
        assert_eq!(value["rejected"][0]["line"], 17);
        assert_eq!(value["changed"], json!([{ "line": 3, "change": "moved" }]));
        assert_eq!((&value["complete"], &value["credited_amount"]), (&json!(true), &json!("150.00")));
        let failure = Failure::Local("x".to_owned());
        assert_eq!(report.finish(Some(&failure)), Exit::Refused);
        let value = report.to_json(Some(&failure));
        assert_eq!((&value["complete"], &value["error"]["message"]), (&json!(false), &json!("x")));
        report.stopped(1, 2);
        assert_eq!(report.exit(), Exit::Unknown);
        let value = report.to_json(None);
        assert_eq!((&value["outcome"], &value["unknown_lines"]["last"]), (&json!("unknown"), &json!(2)));
    }
}
