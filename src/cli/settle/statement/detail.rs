//! A statement as a workbook (清算明细): a row a commit, a new sheet after a million of them. Rows are written as they
//! come; none is kept in memory.

use super::line::COLUMNS;
use super::paper::Paper;
use crate::cli::settle::forms::{Styles, amount, book, styles, unfit};
use crate::cli::settle::forms::{Unit, province_name};
use crate::cli::time::local_time;
use crate::domain::value::Money;
use crate::proto::hub::{StatementHeader, StatementRow};
use crate::proto::types::TransferKind;
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Rows of one sheet; a sheet can have 1,048,576.
const SHEET_ROWS: u32 = 1_000_000;
/// Rows above the first one: title, facts, names of the columns.
const ABOVE: u32 = 3;

/// A workbook that is filled.
pub(super) struct DetailPaper {
    book: Workbook,
    styles: Styles,
    to: File,
    facts: String,
    /// Rows of the last sheet.
    rows: u32,
    sheets: u32,
    sum: i128,
    sheet_rows: u32,
}

impl DetailPaper {
    /// `folder`: where rows wait until all have come.
    pub(super) fn new(to: File, folder: &Path) -> io::Result<DetailPaper> {
        let mut book = book()?;
        book.set_tempdir(folder).map_err(unfit)?;
        let (facts, styles) = (String::new(), styles());
        Ok(DetailPaper { book, styles, to, facts, rows: 0, sheets: 0, sum: 0, sheet_rows: SHEET_ROWS })
    }

    /// The same with sheets of so many rows.
    #[cfg(test)]
    pub(super) fn with_sheets_of(self, rows: u32) -> DetailPaper {
        DetailPaper { sheet_rows: rows, ..self }
    }

    fn next_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        self.rows = 0;
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(format!("明细{}", self.sheets))?;
        sheet.set_freeze_panes(ABOVE, 0)?;
        for (at, width) in (0u16..).zip([13, 12, 38, 12, 18, 12, 18, 12, 18, 18, 20]) {
            sheet.set_column_width(at, width)?;
        }
        let last = u16::try_from(COLUMNS.len() - 1).unwrap_or(0);
        sheet.merge_range(0, 0, 0, last, "医保钱包跨省共济资金清算明细", &self.styles.title)?;
        sheet.write_string_with_format(1, 0, &self.facts, &self.styles.fact)?;
        sheet.write_string_with_format(1, last, "单位：元", &self.styles.unit)?;
        for (at, (chinese, _)) in (0u16..).zip(COLUMNS) {
            sheet.write_string_with_format(2, at, chinese, &self.styles.heading)?;
        }
        Ok(())
    }

    fn row(&mut self, row: &StatementRow) -> Result<(), XlsxError> {
        if self.rows == self.sheet_rows {
            self.next_sheet()?;
        }
        let (styles, number) = (&self.styles, ABOVE + self.rows);
        let sheet = last(&mut self.book)?;
        let mut text =
            |at, text: &str| sheet.write_string_with_format(number, at, text, &styles.text).map(drop);
        text(0, &row.window_id)?;
        text(1, &row.hub_seq.to_string())?;
        text(2, &row.transfer_id)?;
        text(3, kind(row.kind()))?;
        text(4, province_name(&row.payer_province_code))?;
        text(5, &row.payer_region_code)?;
        text(6, province_name(&row.payee_province_code))?;
        text(7, &row.payee_region_code)?;
        text(9, province_name(&row.debtor_province_code))?;
        text(10, &local_time(row.decide_time.as_ref()))?;
        let fen = Money::parse(&row.amount).map_or(0, Money::fen).into();
        put(sheet, number, fen, styles)?;
        self.sum += fen;
        self.rows += 1;
        Ok(())
    }

    fn total(&mut self) -> Result<(), XlsxError> {
        let (styles, number) = (&self.styles, ABOVE + self.rows);
        let sheet = last(&mut self.book)?;
        sheet.write_string_with_format(number, 0, "合计", &styles.text)?;
        put(sheet, number, self.sum, styles)
    }
}

fn last(book: &mut Workbook) -> Result<&mut Worksheet, XlsxError> {
    let at = book.worksheets().len().saturating_sub(1);
    book.worksheet_from_index(at)
}

fn put(sheet: &mut Worksheet, row: u32, fen: i128, styles: &Styles) -> Result<(), XlsxError> {
    const AMOUNT: u16 = 8;
    match amount(fen, Unit::Yuan) {
        Ok(number) => sheet.write_number_with_format(row, AMOUNT, number, &styles.yuan)?,
        Err(text) => sheet.write_string_with_format(row, AMOUNT, text, &styles.text)?,
    };
    Ok(())
}

fn kind(kind: TransferKind) -> &'static str {
    match kind {
        TransferKind::Unspecified => "?",
        TransferKind::Transfer => "转账",
        TransferKind::Compensation => "退回",
    }
}

/// What a statement is of, in words.
pub(super) fn span(header: &StatementHeader) -> String {
    match (header.period_id.as_str(), &header.window_ids[..]) {
        ("", windows) => windows.join("、"),
        (period, _) => period.to_owned(),
    }
}

impl Paper for DetailPaper {
    fn begin(&mut self, header: &StatementHeader, _: bool) -> io::Result<()> {
        let mut facts = vec![format!("清算期：{}", span(header))];
        let more = [("省份", &header.province_code), ("对方省份", &header.counter_province_code)];
        let more = more.into_iter().filter(|(_, code)| !code.is_empty());
        facts.extend(more.map(|(name, code)| format!("{name}：{}", province_name(code))));
        if !header.region_code.is_empty() {
            facts.push(format!("统筹区：{}", header.region_code));
        }
        self.facts = facts.join("　");
        self.next_sheet().map_err(unfit)
    }

    fn rows(&mut self, rows: &[StatementRow]) -> io::Result<()> {
        rows.iter().try_for_each(|row| self.row(row)).map_err(unfit)
    }

    fn end(&mut self) -> io::Result<()> {
        self.total().map_err(unfit)?;
        self.book.save_to_writer(BufWriter::new(&self.to)).map_err(unfit)
    }
}
