//! The forms of finance offices, made from what the commits of a statement add up to.

use super::detail::span;
use super::iso20022::owed_by;
use super::paper::Paper;
pub(super) use crate::cli::settle::forms::Kind;
use crate::cli::settle::forms::{
    ClearingRow, Form, Issue, NoticeRow, clearing_table, collection_notice, payment_notice, write,
};
use crate::cli::time::local_time;
use crate::proto::hub::{StatementHeader, StatementRow};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter};

/// A form that is filled from the header alone.
pub(super) struct FormPaper {
    kind: Kind,
    to: File,
    form: Form,
}

impl FormPaper {
    pub(super) fn new(kind: Kind, to: File) -> FormPaper {
        FormPaper { kind, to, form: Form::default() }
    }
}

/// What every form made here says: it is for checking. The ones that count are those of a published period.
fn issue(header: &StatementHeader) -> Issue {
    let day = local_time(header.close_time.as_ref()).get(..10).unwrap_or_default().to_owned();
    let facts = vec![("性质".to_owned(), "核对稿，未经签署".to_owned()), ("数据截止".to_owned(), day)];
    Issue { span: span(header), facts, ..Issue::default() }
}

/// Every province that owes or is owed something, ascending.
fn provinces(header: &StatementHeader) -> BTreeSet<&str> {
    let totals = header.totals.iter().filter(|it| !it.debtor_province_code.is_empty());
    totals.flat_map(|it| [it.payer_province_code.as_str(), it.payee_province_code.as_str()]).collect()
}

fn table(header: &StatementHeader) -> Form {
    let owed =
        |debtor: &str, creditor: &str| owed_by(debtor, header).get(creditor).map_or(0, |(_, sum)| *sum);
    let all = provinces(header);
    let row = |province: &str| ClearingRow {
        province_code: province.to_owned(),
        payable: owed_by(province, header).values().map(|(_, sum)| sum).sum(),
        receivable: all.iter().map(|debtor| owed(debtor, province)).sum(),
    };
    let rows: Vec<ClearingRow> = all.iter().map(|province| row(province)).collect();
    clearing_table(&issue(header), &rows)
}

fn notice(kind: Kind, header: &StatementHeader) -> io::Result<Form> {
    let own = header.province_code.as_str();
    if own.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a notice is of one province: name it with --province",
        ));
    }
    let line = |other: &str, (count, amount): (u64, i128)| NoticeRow {
        province_code: other.to_owned(),
        count,
        amount,
    };
    Ok(match kind {
        Kind::Payment => {
            let rows: Vec<NoticeRow> =
                owed_by(own, header).iter().map(|(other, sum)| line(other, *sum)).collect();
            payment_notice(&issue(header), own, &rows)
        }
        Kind::Collection | Kind::Table => {
            let of = |other: &&str| Some(line(other, *owed_by(other, header).get(own)?));
            let rows: Vec<NoticeRow> = provinces(header).iter().filter_map(of).collect();
            collection_notice(&issue(header), own, &rows)
        }
    })
}

/// The form of this kind.
///
/// # Errors
/// `InvalidInput` where what was asked for is not what the form is about.
pub(super) fn filled(kind: Kind, header: &StatementHeader) -> io::Result<Form> {
    if !header.region_code.is_empty() {
        let what = "totals of pooling areas are not kept: leave out --area";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    match kind {
        Kind::Table => Ok(table(header)),
        Kind::Payment | Kind::Collection => notice(kind, header),
    }
}

impl Paper for FormPaper {
    fn begin(&mut self, header: &StatementHeader, _: bool) -> io::Result<()> {
        self.form = filled(self.kind, header)?;
        Ok(())
    }

    fn rows(&mut self, _: &[StatementRow]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        write(&self.form, BufWriter::new(&self.to))
    }
}
