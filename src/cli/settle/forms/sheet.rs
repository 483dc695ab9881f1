//! A form as a worksheet.

use super::{Cell, Form, Unit};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};
use std::io::{self, Write};

/// Fen of a yuan, and of ten thousand.
const YUAN: i128 = 100;
const TEN_THOUSAND_YUAN: i128 = 1_000_000;

/// Why a sheet could not be made.
pub(in crate::cli) fn unfit(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// A workbook whose bytes do not depend on when it is made.
pub(in crate::cli) fn book() -> io::Result<Workbook> {
    let made = ExcelDateTime::from_ymd(2000, 1, 1).map_err(unfit)?;
    let mut book = Workbook::new();
    book.set_properties(&DocProperties::new().set_author("gongji").set_creation_datetime(&made));
    Ok(book)
}

/// An amount as a cell holds it: a cell keeps 15 digits, so one that has more is a text.
pub(in crate::cli) fn amount(fen: i128, unit: Unit) -> Result<f64, String> {
    const EXACT: i128 = 1_000_000_000_000_000;
    let (whole, per) = match unit {
        Unit::Yuan => (fen, YUAN),
        Unit::TenThousandYuan => (fen, TEN_THOUSAND_YUAN),
    };
    match i64::try_from(whole) {
        // Both are exact, and the quotient is the number nearest to the amount.
        #[allow(clippy::cast_precision_loss)]
        Ok(whole) if i128::from(whole).abs() < EXACT => Ok(whole as f64 / per as f64),
        _ => Err(crate::wire::settlement::yuan(fen)),
    }
}

/// How cells look.
pub(in crate::cli) struct Styles {
    pub(in crate::cli) title: Format,
    pub(in crate::cli) fact: Format,
    pub(in crate::cli) unit: Format,
    pub(in crate::cli) heading: Format,
    pub(in crate::cli) text: Format,
    pub(in crate::cli) number: Format,
    pub(in crate::cli) yuan: Format,
    ten_thousand: Format,
    ratio: Format,
}

/// Those of every sheet.
pub(in crate::cli) fn styles() -> Styles {
    let cell = Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter);
    let number = |shown: &str| cell.clone().set_num_format(shown);
    Styles {
        title: Format::new().set_bold().set_font_size(16).set_align(FormatAlign::Center),
        fact: Format::new().set_align(FormatAlign::Left),
        unit: Format::new().set_align(FormatAlign::Right),
        heading: cell.clone().set_bold().set_text_wrap().set_align(FormatAlign::Center),
        text: cell.clone(),
        number: number("#,##0"),
        yuan: number("#,##0.00"),
        ten_thousand: number("#,##0"),
        ratio: number("0.00%"),
    }
}

impl Styles {
    fn amount(&self, unit: Unit) -> &Format {
        match unit {
            Unit::Yuan => &self.yuan,
            Unit::TenThousandYuan => &self.ten_thousand,
        }
    }
}

impl Unit {
    fn words(self) -> &'static str {
        match self {
            Unit::Yuan => "单位：元",
            Unit::TenThousandYuan => "单位：万元",
        }
    }
}

/// See [`super::write`].
pub(super) fn write(form: &Form, to: impl Write + Send) -> io::Result<()> {
    let mut book = book()?;
    fill(form, book.add_worksheet()).map_err(unfit)?;
    book.save_to_writer(to).map_err(unfit)
}

fn fill(form: &Form, sheet: &mut Worksheet) -> Result<(), XlsxError> {
    let styles = styles();
    let columns = || (0u16..).zip(&form.columns);
    let last = columns().last().map_or(0, |(at, _)| at);
    sheet.set_name("Sheet1")?.set_paper_size(9).set_print_fit_to_pages(1, 0);
    for (at, column) in columns() {
        sheet.set_column_width(at, column.width)?;
    }
    sheet.merge_range(0, 0, 0, last, &form.title, &styles.title)?;
    let mut row = 1;
    for (name, value) in &form.facts {
        sheet.write_string_with_format(row, 0, format!("{name}：{value}"), &styles.fact)?;
        row += 1;
    }
    sheet.write_string_with_format(row, last, form.unit.words(), &styles.unit)?;
    row += 1;
    for (at, column) in columns() {
        sheet.write_string_with_format(row, at, &column.heading, &styles.heading)?;
    }
    for cells in form.rows.iter().chain([&form.total]) {
        row += 1;
        for (at, cell) in (0u16..).zip(cells) {
            put(sheet, (row, at), (cell, form.unit), &styles)?;
        }
    }
    row += 2;
    let signed =
        [("制表", &form.maker), ("复核", &form.rechecker), ("审核", &form.checker), ("日期", &form.issued)];
    for (at, (name, who)) in (0u16..).zip(signed) {
        // Spread over the table, in whatever columns it has.
        let column = u16::try_from(usize::from(at) * form.columns.len() / signed.len()).unwrap_or(at);
        sheet.write_string_with_format(row, column, format!("{name}：{who}"), &styles.fact)?;
    }
    Ok(())
}

fn put(
    sheet: &mut Worksheet,
    (row, at): (u32, u16),
    (cell, unit): (&Cell, Unit),
    styles: &Styles,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => sheet.write_string_with_format(row, at, text, &styles.text)?,
        Cell::Count(count) => match amount(i128::from(*count) * YUAN, Unit::Yuan) {
            Ok(number) => sheet.write_number_with_format(row, at, number, &styles.number)?,
            Err(_) => sheet.write_string_with_format(row, at, count.to_string(), &styles.number)?,
        },
        Cell::Fen(fen) => match amount(*fen, unit) {
            Ok(number) => sheet.write_number_with_format(row, at, number, styles.amount(unit))?,
            Err(text) => sheet.write_string_with_format(row, at, text, styles.amount(unit))?,
        },
        Cell::Ratio(parts) => {
            let parts = u32::try_from(*parts).unwrap_or(u32::MAX);
            sheet.write_number_with_format(row, at, f64::from(parts) / 10_000.0, &styles.ratio)?
        }
    };
    Ok(())
}
