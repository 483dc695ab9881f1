//! A row of a statement as a line of a file: CSV for people, JSON for programs. Each is read back, so that a file that
//! was left half goes on.

use crate::cli::time::rfc3339;
use crate::proto::hub::StatementRow;
use crate::proto::types::TransferKind;
use crate::wire::time::civil;
use serde::{Deserialize, Serialize};
use std::io;

/// The columns of a row in Chinese; behind each stands the field's name in the contract.
pub(super) const COLUMNS: [(&str, &str); 11] = [
    ("清算窗口", "window_id"),
    ("清算序号", "hub_seq"),
    ("交易编号", "transfer_id"),
    ("交易类型", "kind"),
    ("转出省", "payer_province_code"),
    ("转出统筹区", "payer_region_code"),
    ("接收省", "payee_province_code"),
    ("接收统筹区", "payee_region_code"),
    ("金额(元)", "amount"),
    ("应付省", "debtor_province_code"),
    ("提交时间", "decide_time"),
];

/// How rows become lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// UTF-8 with a byte order mark, as spreadsheets expect it, and a line of column names.
    Csv,
    /// One JSON object a line, with the field names of the contract.
    Json,
}

/// A row by the names of the contract.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    window_id: String,
    hub_seq: u64,
    transfer_id: String,
    kind: String,
    payer_province_code: String,
    payer_region_code: String,
    payee_province_code: String,
    payee_region_code: String,
    amount: String,
    debtor_province_code: String,
    /// RFC 3339 in UTC. Not read back: nothing is added up by it.
    decide_time: String,
}

impl From<&StatementRow> for Line {
    fn from(row: &StatementRow) -> Line {
        let row_time = row.decide_time.as_ref().and_then(civil);
        Line {
            window_id: row.window_id.clone(),
            hub_seq: row.hub_seq,
            transfer_id: row.transfer_id.clone(),
            kind: row.kind().as_str_name().to_owned(),
            payer_province_code: row.payer_province_code.clone(),
            payer_region_code: row.payer_region_code.clone(),
            payee_province_code: row.payee_province_code.clone(),
            payee_region_code: row.payee_region_code.clone(),
            amount: row.amount.clone(),
            debtor_province_code: row.debtor_province_code.clone(),
            decide_time: row_time.map(rfc3339).unwrap_or_default(),
        }
    }
}

impl From<Line> for StatementRow {
    fn from(line: Line) -> StatementRow {
        StatementRow {
            window_id: line.window_id,
            hub_seq: line.hub_seq,
            transfer_id: line.transfer_id,
            kind: TransferKind::from_str_name(&line.kind).unwrap_or_default().into(),
            payer_province_code: line.payer_province_code,
            payer_region_code: line.payer_region_code,
            payee_province_code: line.payee_province_code,
            payee_region_code: line.payee_region_code,
            amount: line.amount,
            debtor_province_code: line.debtor_province_code,
            decide_time: None,
        }
    }
}

impl Lines {
    /// What a file begins with.
    pub(super) fn head(self) -> Vec<u8> {
        match self {
            Lines::Csv => {
                let names = COLUMNS.map(|(chinese, name)| format!("{chinese} {name}"));
                format!("\u{feff}{}\r\n", names.join(",")).into_bytes()
            }
            Lines::Json => Vec::new(),
        }
    }

    /// A row, with the end of its line.
    pub(super) fn line(self, row: &StatementRow) -> io::Result<Vec<u8>> {
        let line = Line::from(row);
        match self {
            Lines::Csv => {
                let mut writer = csv::WriterBuilder::new()
                    .has_headers(false)
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(Vec::with_capacity(192));
                writer.serialize(line).map_err(io::Error::other)?;
                writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
            }
            Lines::Json => {
                let mut bytes = serde_json::to_vec(&line)?;
                bytes.push(b'\n');
                Ok(bytes)
            }
        }
    }

    /// The row of a whole line; nothing when it is none.
    pub(super) fn row(self, line: &[u8]) -> Option<StatementRow> {
        let line = line.strip_suffix(b"\n")?;
        let line: Line = match self {
            Lines::Csv => {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
                reader.deserialize().next()?.ok()?
            }
            Lines::Json => serde_json::from_slice(line).ok()?,
        };
        Some(line.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp;

    fn row() -> StatementRow {
        StatementRow {
            window_id: "20261121-2".to_owned(),
            hub_seq: u64::MAX,
            transfer_id: "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a".to_owned(),
            kind: TransferKind::Compensation.into(),
            payer_province_code: "13".to_owned(),
            payer_region_code: "130100".to_owned(),
            payee_province_code: "51".to_owned(),
            payee_region_code: "510100".to_owned(),
            amount: "400.00".to_owned(),
            debtor_province_code: "13".to_owned(),
            decide_time: Some(Timestamp { seconds: 1_795_190_400, nanos: 250_000_000 }),
        }
    }

    #[test]
    fn a_row_is_a_line_and_is_read_back_from_it() {
        let id = "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a";
        let csv = format!(
            "20261121-2,18446744073709551615,{id},TRANSFER_KIND_COMPENSATION,13,130100,51,510100,400.00,13,\
             2026-11-20T16:00:00.250Z\r\n"
        );
        for lines in [Lines::Csv, Lines::Json] {
            let line = lines.line(&row()).expect("a line");
            let read = lines.row(&line).expect("a row");
            assert_eq!(read, StatementRow { decide_time: None, ..row() });
            assert_eq!(lines.row(&line[..line.len() - 1]), None, "half a line");
            assert_eq!(lines.row(b"\n"), None);
            let text = String::from_utf8(line).expect("text");
            match lines {
                Lines::Csv => assert_eq!(text, csv),
                Lines::Json => assert!(
                    text.starts_with("{\"window_id\":\"20261121-2\",\"hub_seq\":18446744073709551615,")
                ),
            }
        }
    }

    #[test]
    fn a_table_begins_with_what_its_columns_are_in_both_languages() {
        let head = String::from_utf8(Lines::Csv.head()).expect("text");
        assert!(head.starts_with("\u{feff}清算窗口 window_id,清算序号 hub_seq,"), "{head}");
        assert_eq!(head.trim_end().split(',').count(), COLUMNS.len());
        let first = Lines::Csv.line(&row()).expect("a line");
        assert_eq!(first.iter().filter(|byte| **byte == b',').count() + 1, COLUMNS.len());
    }
}
