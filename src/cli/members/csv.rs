//! The header of an import file, and what its lines say.

use crate::cli::show::one_line;
use crate::domain::reason::Reason;
use crate::domain::value::{AccountState, InsuranceStatus, InsuranceType, Money};
use crate::proto::{node, types};
use crate::wire::account::{account_state_to_proto, insurance_status_to_proto, insurance_type_to_proto};
use serde::Serialize;

/// Every column; the first five must be there.
pub const COLUMNS: [&str; 10] = [
    "id_number",
    "name",
    "region_code",
    "insurance",
    "status",
    "in_arrears",
    "public_medical",
    "account_state",
    "phone",
    "credit",
];
const REQUIRED: usize = 5;

/// A line that is not taken. Holds no number and no name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// Line of the file; the header is 1.
    pub line: u64,
    /// The column, as the header names it; empty when it is about the whole line.
    pub field: String,
    /// Reason code.
    pub reason: String,
    /// English, beginning with the code.
    pub message: String,
    /// 中文.
    pub message_zh: String,
}

impl BadRow {
    /// A line that this program itself refuses; `note` is added to the reason's own words.
    pub fn new(line: u64, field: &str, reason: Reason, note: &str) -> BadRow {
        let row = reason.row();
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        BadRow {
            line,
            field: field.to_owned(),
            reason: row.code.to_owned(),
            message: format!("{}: {}{note}", row.code, row.english),
            message_zh: row.chinese.to_owned(),
        }
    }

    /// In English and 中文, with the line and the column.
    pub fn text(&self) -> String {
        let field = if self.field.is_empty() { String::new() } else { format!("{}: ", self.field) };
        one_line(&format!("line {}: {field}{} {}", self.line, self.message, self.message_zh))
    }
}

/// A line that could be read. Holds personal data, so it has no `Debug`.
#[derive(Clone)]
pub struct Row {
    /// Line of the file.
    pub line: u64,
    /// What is said of the member.
    pub member: node::Member,
    /// Empty when there is none.
    pub phone: String,
    /// An allotment for his personal account, if there is one.
    pub credit: Option<Money>,
}

/// Which column stands where.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

impl Header {
    /// Reads the first line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(line: &str) -> Result<Header, String> {
        let names = split(line).ok_or("the header cannot be read")?;
        let mut places = [None; COLUMNS.len()];
        for (at, name) in names.iter().enumerate() {
            let column = COLUMNS.iter().position(|column| *column == name.trim());
            let Some(column) = column else {
                return Err(format!("column {} of the header is none of {}", at + 1, COLUMNS.join(",")));
            };
            if places[column].replace(at).is_some() {
                return Err(format!("column `{}` stands twice in the header", COLUMNS[column]));
            }
        }
        match (0..REQUIRED).find(|column| places[*column].is_none()) {
            Some(column) => Err(format!("column `{}` is missing in the header", COLUMNS[column])),
            None => Ok(Header { places, count: names.len() }),
        }
    }

    /// Whether the file may hold allotments.
    pub fn has_credit(&self) -> bool {
        self.places[COLUMNS.len() - 1].is_some()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// The first thing wrong that only this program can see; the rest is the server's to judge.
    pub fn row(&self, line: u64, text: &str) -> Result<Row, BadRow> {
        let shape = |note: &str| BadRow::new(line, "", Reason::RequestMalformed, note);
        let cells = split(text).ok_or_else(|| shape("not a line of CSV"))?;
        if cells.len() != self.count {
            return Err(shape(&format!("{} columns where the header has {}", cells.len(), self.count)));
        }
        let cell = |column: &str| -> &str {
            let place = COLUMNS.iter().position(|it| *it == column).and_then(|at| self.places[at]);
            place.and_then(|at| cells.get(at)).map_or("", String::as_str)
        };
        let bad = |column: &str, reason, note: &str| BadRow::new(line, column, reason, note);
        let word = |column: &str, read: fn(&str) -> Option<i32>, note: &str| {
            let text = cell(column).trim();
            read(text).ok_or_else(|| bad(column, Reason::ValueUnsupported, note))
        };
        let flag =
            |column: &str| word(column, flag_word, "true, false, 1, 0 or nothing").map(|number| number == 1);
        let member = node::Member {
            party: Some(types::Party {
                person: Some(types::Person {
                    id_number: cell("id_number").to_owned(),
                    name: cell("name").to_owned(),
                }),
                region_code: cell("region_code").to_owned(),
            }),
            insurance_type: word("insurance", insurance_word, "employee, resident, 310 or 390")?,
            insurance_status: word("status", status_word, "active, suspended, ended, none, or 0 to 3")?,
            in_arrears: flag("in_arrears")?,
            public_medical: flag("public_medical")?,
            account_state: word("account_state", account_word, "normal, frozen, none or nothing")?,
            ..node::Member::default()
        };
        let credit = match cell("credit") {
            "" => None,
            text => Some(Money::parse(text).map_err(|_| bad("credit", Reason::AmountMalformed, ""))?),
        };
        if credit.is_some_and(|amount| !amount.is_positive()) {
            return Err(bad("credit", Reason::AmountNotPositive, ""));
        }
        Ok(Row { line, member, phone: cell("phone").to_owned(), credit })
    }
}

fn split(line: &str) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(512)
        .from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}

fn flag_word(text: &str) -> Option<i32> {
    match text {
        "" | "0" | "false" | "no" => Some(0),
        "1" | "true" | "yes" => Some(1),
        _ => None,
    }
}

/// Nothing is left to the server, which asks for it unless the member is not insured.
fn insurance_word(text: &str) -> Option<i32> {
    let kind = match text {
        "" => return Some(types::InsuranceType::Unspecified.into()),
        "310" => InsuranceType::Employee,
        "390" => InsuranceType::Resident,
        name => InsuranceType::from_name(name)?,
    };
    Some(insurance_type_to_proto(kind))
}

/// Names, or the numbers of the national dictionary `psn_insu_stas`.
fn status_word(text: &str) -> Option<i32> {
    let status = match text {
        "" => return Some(types::InsuranceStatus::Unspecified.into()),
        "0" => InsuranceStatus::None,
        "1" => InsuranceStatus::Active,
        "2" => InsuranceStatus::Suspended,
        "3" => InsuranceStatus::Ended,
        name => InsuranceStatus::from_name(name)?,
    };
    Some(insurance_status_to_proto(status))
}

fn account_word(text: &str) -> Option<i32> {
    let state = match text {
        "" => return Some(node::AccountState::Unspecified.into()),
        "none" => AccountState::Absent,
        name => AccountState::from_name(name)?,
    };
    Some(account_state_to_proto(state))
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
