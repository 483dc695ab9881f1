//! The forms that finance offices know, as XLSX: a title, the unit, a row a province, the total, and who signs. Written
//! from plain values, so that the same values give the same bytes.

mod notices;
mod provinces;
mod published;
mod sheet;

pub use notices::{
    ClearingRow, Issue, NoticeRow, PrefundRow, clearing_table, collection_notice, payment_notice,
    prefund_table,
};
pub(in crate::cli) use provinces::province_name;
pub use published::published;
pub(in crate::cli) use sheet::{Styles, amount, book, styles, unfit};

use std::io::{self, Write};

/// Which form of clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// 清算表: what each province owes and is owed
    Table,
    /// 付款通知书: what --province pays to each other one
    Payment,
    /// 收款通知书: what each other one pays to --province
    Collection,
}

/// A form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What it is.
    pub title: String,
    /// Facts above the table, as name and value: number, period, payer or payee.
    pub facts: Vec<(String, String)>,
    /// In what amounts are told.
    pub unit: Unit,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// The last row, which sums up the others.
    pub total: Vec<Cell>,
    /// 制表: who made it; empty: a line for a name.
    pub maker: String,
    /// 复核: who checked it again.
    pub rechecker: String,
    /// 审核: who answers for it.
    pub checker: String,
    /// The day on which it was issued, "YYYY-MM-DD"; empty: a line for a date.
    pub issued: String,
}

/// In what amounts are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// 元, with two places.
    #[default]
    Yuan,
    /// 万元, without places: prefunds.
    TenThousandYuan,
}

/// A column of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub heading: String,
    /// Its width in characters.
    pub width: u16,
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Words or a code.
    Text(String),
    /// How many.
    Count(u64),
    /// An amount in fen.
    Fen(i128),
    /// Parts of ten thousand, shown as per cent: 9000 is 90.00 %.
    Ratio(u64),
}

/// Writes a form.
///
/// # Errors
/// Of the file system.
pub fn write(form: &Form, to: impl Write + Send) -> io::Result<()> {
    sheet::write(form, to)
}

#[cfg(test)]
mod tests;
