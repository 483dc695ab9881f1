//! ISO 20022: camt.053 (a province's statement, an entry a commit) and pacs.009 (what a province pays to others), for
//! the fields that are used here, in the order of the schemas. A province is a member of a clearing system by its two
//! digits, a pooling area by its six.

use super::paper::Paper;
use super::xml::Xml;
use crate::cli::settle::forms::province_name;
use crate::domain::value::{Civil, Day, Window};
use crate::proto::hub::{StatementHeader, StatementRow, StatementTotal};
use crate::wire::settlement::statement::fen;
use crate::wire::settlement::yuan;
use crate::wire::time::civil;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;

const CAMT_053: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";
const PACS_009: &str = "urn:iso:std:iso:20022:tech:xsd:pacs.009.001.08";

/// What the windows of a statement are together: "20261121", or a month.
fn span(header: &StatementHeader) -> &str {
    let first = || header.window_ids.first().map_or("", String::as_str);
    Some(header.period_id.as_str()).filter(|it| !it.is_empty()).unwrap_or_else(first)
}

/// The days from the first window to the last.
fn days(header: &StatementHeader) -> Option<(Day, Day)> {
    let day = |window: Option<&String>| window.and_then(|it| Window::parse(it)).map(Window::day);
    Some((day(header.window_ids.first())?, day(header.window_ids.last())?))
}

/// When the last window was closed, in Asia/Shanghai.
fn close_time(header: &StatementHeader) -> String {
    let at = header.close_time.as_ref().and_then(civil).unwrap_or(Civil(0));
    format!("{}+08:00", crate::cli::time::local(at).replace(' ', "T"))
}

/// What cannot be said without one province whose totals are told.
fn needs_province(header: &StatementHeader) -> io::Result<()> {
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what.to_owned()));
    match (header.province_code.is_empty(), header.region_code.is_empty()) {
        (true, _) => wrong("this format is of one province: name it with --province"),
        (false, false) => {
            wrong("this format tells balances, which are not kept of pooling areas: leave out --area")
        }
        (false, true) => Ok(()),
    }
}

/// What the province of a statement owes, and is owed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sides {
    debits: (u64, i128),
    credits: (u64, i128),
}

fn sides(header: &StatementHeader) -> Sides {
    let mut sides = Sides::default();
    for total in header.totals.iter().filter(|it| !it.debtor_province_code.is_empty()) {
        let is_debit = total.debtor_province_code == header.province_code;
        let side = if is_debit { &mut sides.debits } else { &mut sides.credits };
        *side = (side.0.saturating_add(total.count), side.1 + fen(&total.amount).unwrap_or(0));
    }
    sides
}

fn indicator(owed_to_it: i128) -> &'static str {
    if owed_to_it < 0 { "DBIT" } else { "CRDT" }
}

/// A camt.053.001.08 of one province.
pub(super) struct Camt053 {
    to: Option<File>,
    xml: Option<Xml<File>>,
    province: String,
}

impl Camt053 {
    pub(super) fn new(to: File) -> Camt053 {
        Camt053 { to: Some(to), xml: None, province: String::new() }
    }

    fn xml(&mut self) -> io::Result<&mut Xml<File>> {
        self.xml.as_mut().ok_or_else(|| io::Error::other("the statement has not begun"))
    }
}

/// What stands before the entries.
fn statement_head(xml: &mut Xml<File>, header: &StatementHeader) -> io::Result<()> {
    let (sides, made) = (sides(header), close_time(header));
    let id = format!("{}-{}", span(header), header.province_code);
    xml.open("BkToCstmrStmt")?;
    xml.within("GrpHdr", |xml| {
        xml.text("MsgId", &id)?;
        xml.text("CreDtTm", &made)
    })?;
    xml.open("Stmt")?;
    xml.text("Id", &id)?;
    xml.text("CreDtTm", &made)?;
    let (first, last) = days(header).unwrap_or_default();
    xml.within("FrToDt", |xml| {
        xml.text("FrDtTm", &format!("{first}T00:00:00+08:00"))?;
        xml.text("ToDtTm", &format!("{last}T23:59:59+08:00"))
    })?;
    xml.within("Acct", |xml| {
        xml.path(&["Id", "Othr", "Id"], &header.province_code)?;
        xml.text("Ccy", "CNY")?;
        xml.text("Nm", province_name(&header.province_code))
    })?;
    let net = sides.credits.1 - sides.debits.1;
    for (code, owed, day) in [("OPBD", 0, first), ("CLBD", net, last)] {
        xml.within("Bal", |xml| {
            xml.path(&["Tp", "CdOrPrtry", "Cd"], code)?;
            xml.amount("Amt", &yuan(owed.abs()))?;
            xml.text("CdtDbtInd", indicator(owed))?;
            xml.path(&["Dt", "Dt"], &day.to_string())
        })?;
    }
    xml.within("TxsSummry", |xml| {
        xml.within("TtlNtries", |xml| {
            xml.text("NbOfNtries", &sides.credits.0.saturating_add(sides.debits.0).to_string())?;
            xml.text("Sum", &yuan(sides.credits.1 + sides.debits.1))?;
            xml.within("TtlNetNtry", |xml| {
                xml.text("Amt", &yuan(net.abs()))?;
                xml.text("CdtDbtInd", indicator(net))
            })
        })?;
        for (name, (count, sum)) in [("TtlCdtNtries", sides.credits), ("TtlDbtNtries", sides.debits)] {
            xml.within(name, |xml| {
                xml.text("NbOfNtries", &count.to_string())?;
                xml.text("Sum", &yuan(sum))
            })?;
        }
        Ok(())
    })
}

/// An entry: what the province owes is a debit.
fn entry(xml: &mut Xml<File>, row: &StatementRow, province: &str) -> io::Result<()> {
    let is_debit = row.debtor_province_code == province;
    let day = Window::parse(&row.window_id).map(Window::day).unwrap_or_default();
    xml.within("Ntry", |xml| {
        xml.text("NtryRef", &row.hub_seq.to_string())?;
        xml.amount("Amt", &row.amount)?;
        xml.text("CdtDbtInd", if is_debit { "DBIT" } else { "CRDT" })?;
        xml.path(&["Sts", "Cd"], "BOOK")?;
        xml.path(&["BookgDt", "Dt"], &day.to_string())?;
        xml.within("BkTxCd", |xml| {
            xml.within("Prtry", |xml| {
                let name = row.kind().as_str_name();
                xml.text("Cd", name.strip_prefix("TRANSFER_KIND_").unwrap_or(name))?;
                xml.text("Issr", "gongji")
            })
        })?;
        xml.within("NtryDtls", |xml| {
            xml.within("TxDtls", |xml| {
                // A reference has 35 characters: the id goes without its hyphens.
                xml.path(&["Refs", "TxId"], &row.transfer_id.replace('-', ""))?;
                xml.within("RltdAgts", |xml| {
                    let member = ["FinInstnId", "ClrSysMmbId", "MmbId"];
                    let agent = |name| [&[name][..], &member].concat();
                    xml.path(&agent("DbtrAgt"), &row.payer_region_code)?;
                    xml.path(&agent("CdtrAgt"), &row.payee_region_code)
                })
            })
        })
    })
}

impl Paper for Camt053 {
    fn begin(&mut self, header: &StatementHeader, _: bool) -> io::Result<()> {
        needs_province(header)?;
        self.province = header.province_code.clone();
        let to = self.to.take().ok_or_else(|| io::Error::other("the statement has begun"))?;
        let mut xml = Xml::begin(to, CAMT_053)?;
        statement_head(&mut xml, header)?;
        self.xml = Some(xml);
        Ok(())
    }

    fn rows(&mut self, rows: &[StatementRow]) -> io::Result<()> {
        let province = self.province.clone();
        let xml = self.xml()?;
        rows.iter()
            .filter(|row| !row.debtor_province_code.is_empty())
            .try_for_each(|row| entry(xml, row, &province))
    }

    fn end(&mut self) -> io::Result<()> {
        self.xml()?.end()
    }
}

/// A pacs.009.001.08: what one province pays to each other one. Nothing is set off.
pub(super) struct Pacs009 {
    to: Option<File>,
    header: StatementHeader,
}

impl Pacs009 {
    pub(super) fn new(to: File) -> Pacs009 {
        Pacs009 { to: Some(to), header: StatementHeader::default() }
    }
}

/// The other province of a total.
fn creditor(total: &StatementTotal) -> &str {
    let is_payer = total.debtor_province_code == total.payer_province_code;
    if is_payer { &total.payee_province_code } else { &total.payer_province_code }
}

/// What a province owes to each other one, in fen, and of how many commits.
pub(super) fn owed_by(province: &str, header: &StatementHeader) -> BTreeMap<String, (u64, i128)> {
    let mut owed: BTreeMap<String, (u64, i128)> = BTreeMap::new();
    for total in header.totals.iter().filter(|it| it.debtor_province_code == province) {
        let sum = owed.entry(creditor(total).to_owned()).or_default();
        *sum = (sum.0.saturating_add(total.count), sum.1 + fen(&total.amount).unwrap_or(0));
    }
    owed
}

fn office(xml: &mut Xml<File>, name: &'static str, province: &str) -> io::Result<()> {
    xml.within(name, |xml| {
        xml.within("FinInstnId", |xml| {
            xml.path(&["ClrSysMmbId", "MmbId"], province)?;
            xml.text("Nm", province_name(province))
        })
    })
}

impl Paper for Pacs009 {
    fn begin(&mut self, header: &StatementHeader, _: bool) -> io::Result<()> {
        needs_province(header)?;
        self.header = header.clone();
        if owed_by(&header.province_code, header).is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the province owes nothing: a message without a payment is none",
            ));
        }
        Ok(())
    }

    fn rows(&mut self, _: &[StatementRow]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let (header, to) = (&self.header, self.to.take());
        let to = to.ok_or_else(|| io::Error::other("the message has ended"))?;
        let (own, owed) = (&header.province_code, owed_by(&header.province_code, header));
        let id = format!("{}-{own}", span(header));
        let mut xml = Xml::begin(to, PACS_009)?;
        xml.open("FICdtTrf")?;
        xml.within("GrpHdr", |xml| {
            xml.text("MsgId", &id)?;
            xml.text("CreDtTm", &close_time(header))?;
            xml.text("NbOfTxs", &owed.len().to_string())?;
            xml.amount("TtlIntrBkSttlmAmt", &yuan(owed.values().map(|(_, sum)| sum).sum()))?;
            let day = days(header).map(|(_, last)| last).unwrap_or_default();
            xml.text("IntrBkSttlmDt", &day.to_string())?;
            xml.path(&["SttlmInf", "SttlmMtd"], "CLRG")
        })?;
        for (other, (_, sum)) in &owed {
            xml.within("CdtTrfTxInf", |xml| {
                xml.within("PmtId", |xml| {
                    xml.text("EndToEndId", &format!("{id}-{other}"))?;
                    xml.text("TxId", &format!("{id}-{other}"))
                })?;
                xml.amount("IntrBkSttlmAmt", &yuan(*sum))?;
                office(xml, "Dbtr", own)?;
                office(xml, "Cdtr", other)?;
                xml.path(&["RmtInf", "Ustrd"], &format!("医保钱包跨省共济清算 {}", span(header)))
            })?;
        }
        xml.end()
    }
}
