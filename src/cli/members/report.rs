//! What an import says: bad lines as they are found, how far it is on a terminal, a summary.

use super::csv::BadRow;
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::json::unknown;
use crate::cli::output::{OutputArgs, note, say};
use crate::domain::value::Money;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// What became of a file so far.
pub struct Report {
    output: OutputArgs,
    /// Size of the file in bytes, where a terminal is told how much of it was read.
    shown_of: Option<u64>,
    percent: Cell<u64>,
    accepted: u64,
    unchanged: u64,
    rejected: u64,
    credited: u64,
    credited_sum: Money,
    /// The lines whose outcome is not known; what is behind them was not sent.
    stopped: Option<(u64, u64)>,
    /// Only for JSON, which is printed at the end.
    bad: Vec<BadRow>,
}

impl Report {
    /// Of a file of `size` bytes.
    pub fn new(output: OutputArgs, size: u64) -> Report {
        let shown = !output.json && std::io::stderr().is_terminal();
        Report {
            output,
            shown_of: shown.then_some(size.max(1)),
            percent: Cell::new(0),
            accepted: 0,
            unchanged: 0,
            rejected: 0,
            credited: 0,
            credited_sum: Money::ZERO,
            stopped: None,
            bad: Vec::new(),
        }
    }

    /// A line that was not taken.
    pub fn bad(&mut self, bad: BadRow) {
        self.rejected += 1;
        if self.output.json {
            self.bad.push(bad);
        } else {
            self.clear();
            say(text(&bad));
        }
    }

    /// Rows that the node took.
    pub fn count(&mut self, accepted: u64, unchanged: u64) {
        self.accepted += accepted;
        self.unchanged += unchanged;
    }

    /// An allotment that is booked, now or before.
    pub fn credited(&mut self, amount: Money) {
        self.credited += 1;
        self.credited_sum = self.credited_sum.checked_add(amount).unwrap_or(self.credited_sum);
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

    fn summary(&self) -> String {
        let (accepted, unchanged, rejected) = (self.accepted, self.unchanged, self.rejected);
        let mut text = format!("{accepted} accepted, {unchanged} unchanged, {rejected} bad lines");
        if self.credited > 0 {
            let (count, sum) = (self.credited, self.credited_sum);
            text.push_str(&format!("; {count} allotments of {sum} yuan booked, now or before"));
        }
        text
    }

    pub fn to_json(&self, failure: Option<&Failure>) -> Value {
        let document = json!({
            "accepted_count": self.accepted,
            "unchanged_count": self.unchanged,
            "rejected_count": self.rejected,
            "rejected": self.bad,
            "credited_count": self.credited,
            "credited_amount": self.credited_sum.to_string(),
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
        match (self.stopped, self.rejected) {
            (Some(_), _) => Exit::Unknown,
            (None, 0) => Exit::Done,
            (None, _) => Exit::Refused,
        }
    }
}

fn text(bad: &BadRow) -> String {
    let field = if bad.field.is_empty() { String::new() } else { format!("{}: ", bad.field) };
    format!("line {}: {field}{} {}", bad.line, bad.message, bad.message_zh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;

    #[test]
    fn the_report_names_line_column_and_reason() {
        let bad = BadRow::new(17, "id_number", Reason::IdNumberCheckDigit, "");
        assert_eq!(
            text(&bad),
            "line 17: id_number: ID_NUMBER_CHECK_DIGIT: the check digit of the identity number is wrong \
             公民身份号码校验码不正确"
        );
        let mut report = Report::new(OutputArgs { json: true }, 10);
        assert_eq!(report.exit(), Exit::Done);
        report.count(3, 1);
        report.credited(Money::from_fen(15_000));
        report.bad(bad);
        assert_eq!(report.exit(), Exit::Refused);
        assert_eq!(
            report.summary(),
            "3 accepted, 1 unchanged, 1 bad lines; 1 allotments of 150.00 yuan booked, now or before"
        );
        let value = report.to_json(None);
        assert_eq!(value["rejected"][0]["line"], 17);
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
