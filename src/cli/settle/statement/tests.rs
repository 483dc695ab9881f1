use super::*;
use crate::cli::settle::forms::{Cell, Form};
use crate::proto::hub::{StatementRow, StatementTotal};
use prost_types::Timestamp;
use std::fs::File;
use std::io::{Read, Seek};

/// The end of 2026-11-21 in Asia/Shanghai.
const CLOSED: Timestamp = Timestamp { seconds: 1_795_276_800, nanos: 0 };

fn total(payer: &str, payee: &str, count: u64, amount: &str) -> StatementTotal {
    StatementTotal {
        payer_province_code: payer.to_owned(),
        payee_province_code: payee.to_owned(),
        kind: 1,
        debtor_province_code: payer.to_owned(),
        count,
        amount: amount.to_owned(),
        payer_digest: vec![0; 32],
        payee_digest: vec![0; 32],
    }
}

/// What 13 has in a window: it owes 401.05 to 51 and 7.00 to 14, and is owed 0.05 by 51.
fn header() -> StatementHeader {
    StatementHeader {
        window_ids: vec!["20261121".to_owned()],
        province_code: "13".to_owned(),
        close_time: Some(CLOSED),
        totals: vec![
            total("13", "14", 1, "7.00"),
            total("13", "51", 2, "401.05"),
            total("51", "13", 1, "0.05"),
        ],
        ..StatementHeader::default()
    }
}

fn row(hub_seq: u64, payer: &str, payee: &str, amount: &str) -> StatementRow {
    StatementRow {
        window_id: "20261121".to_owned(),
        hub_seq,
        transfer_id: "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a".to_owned(),
        kind: 1,
        payer_province_code: payer.to_owned(),
        payer_region_code: format!("{payer}0100"),
        payee_province_code: payee.to_owned(),
        payee_region_code: format!("{payee}0100"),
        amount: amount.to_owned(),
        debtor_province_code: payer.to_owned(),
        decide_time: Some(CLOSED),
    }
}

fn rows() -> Vec<StatementRow> {
    vec![
        row(1, "13", "51", "400.00"),
        row(2, "51", "13", "0.05"),
        row(3, "13", "14", "7.00"),
        row(4, "13", "51", "1.05"),
    ]
}

/// The bytes of a file that these papers write.
fn written(paper: impl FnOnce(File) -> Box<dyn Paper>, header: &StatementHeader) -> io::Result<Vec<u8>> {
    let mut file = tempfile::tempfile()?;
    let mut paper = paper(file.try_clone()?);
    paper.begin(header, false)?;
    paper.rows(&rows())?;
    paper.end()?;
    drop(paper);
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(paper: impl FnOnce(File) -> Box<dyn Paper>, header: &StatementHeader) -> String {
    String::from_utf8(written(paper, header).expect("written")).expect("text")
}

fn camt(to: File) -> Box<dyn Paper> {
    Box::new(iso20022::Camt053::new(to))
}

fn pacs(to: File) -> Box<dyn Paper> {
    Box::new(iso20022::Pacs009::new(to))
}

/// All that stands in the elements of a name, in order.
fn all<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("<{name}");
    let parts = text.split(begin.as_str()).skip(1);
    parts.filter_map(|part| Some(part.split_once('>')?.1.split_once("</")?.0)).collect()
}

#[test]
fn a_camt_053_has_an_entry_a_commit_and_balances_that_follow_from_them() {
    let text = text(camt, &header());
    assert_eq!(all(&text, "Amt "), ["0.00", "408.00", "400.00", "0.05", "7.00", "1.05"]);
    assert_eq!(all(&text, "CdtDbtInd"), ["CRDT", "DBIT", "DBIT", "DBIT", "CRDT", "DBIT", "DBIT"]);
    assert_eq!(all(&text, "NbOfNtries"), ["4", "1", "3"]);
    assert_eq!(all(&text, "Sum"), ["408.10", "0.05", "408.05"]);
    assert_eq!(all(&text, "CreDtTm")[0], "2026-11-22T00:00:00+08:00");
    assert_eq!(all(&text, "TxId")[0].len(), 32);
    assert_eq!(text, self::text(camt, &header()), "the same bytes whenever it is written");
}

#[test]
fn a_pacs_009_pays_each_creditor_in_full() {
    let text = text(pacs, &header());
    assert_eq!(all(&text, "IntrBkSttlmAmt "), ["7.00", "401.05"]);
    assert_eq!(all(&text, "TtlIntrBkSttlmAmt "), ["408.05"], "nothing is set off");
    assert_eq!(all(&text, "MmbId"), ["13", "14", "13", "51"]);
    assert_eq!(all(&text, "EndToEndId"), ["20261121-13-14", "20261121-13-51"]);
}

#[test]
fn what_a_format_cannot_say_is_wrong_use() {
    let refused = |paper: fn(File) -> Box<dyn Paper>, header| {
        written(paper, &header).map(|_| ()).map_err(|error| error.kind())
    };
    let wrong = Err(io::ErrorKind::InvalidInput);
    let of_all = StatementHeader { province_code: String::new(), ..header() };
    let of_area = StatementHeader { region_code: "130100".to_owned(), totals: Vec::new(), ..header() };
    let of_creditor = StatementHeader { province_code: "14".to_owned(), ..header() };
    assert_eq!([refused(camt, of_all.clone()), refused(pacs, of_all.clone())], [wrong, wrong]);
    assert_eq!([refused(camt, of_area.clone()), refused(pacs, of_creditor)], [wrong, wrong]);
    let notice = |to| Box::new(form::FormPaper::new(form::Kind::Payment, to)) as Box<dyn Paper>;
    assert_eq!([refused(notice, of_all), refused(notice, of_area)], [wrong, wrong]);
}

#[test]
fn forms_are_filled_from_what_commits_add_up_to() {
    let rows =
        |form: Form| -> Vec<Vec<Cell>> { form.rows.into_iter().map(|row| row[3..].to_vec()).collect() };
    let table = form::filled(form::Kind::Table, &header()).expect("a table");
    assert_eq!(table.total[3..], [Cell::Fen(40_810), Cell::Fen(40_810)]);
    let fen = |payable, receivable| vec![Cell::Fen(payable), Cell::Fen(receivable)];
    assert_eq!(rows(table), [fen(40_805, 5), fen(0, 700), fen(5, 40_105)], "13, 14, 51");
    let line = |count, fen| vec![Cell::Count(count), Cell::Fen(fen)];
    let payment = form::filled(form::Kind::Payment, &header()).expect("a notice");
    assert!(
        payment.title.contains("付款通知书") && payment.facts.iter().any(|(_, it)| it.contains("未经签署"))
    );
    assert_eq!(rows(payment), [line(1, 700), line(2, 40_105)]);
    let collection = form::filled(form::Kind::Collection, &header()).expect("a notice");
    assert_eq!(rows(collection), [line(1, 5)]);
}

#[test]
fn a_workbook_is_the_same_bytes_and_begins_a_sheet_when_one_is_full() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = |sheet_rows: u32| {
        let paper = |to| {
            let paper = detail::DetailPaper::new(to, folder.path()).expect("a workbook");
            Box::new(paper.with_sheets_of(sheet_rows)) as Box<dyn Paper>
        };
        written(paper, &header()).expect("written")
    };
    assert_eq!(book(4), book(4));
    let names = |bytes: &[u8]| {
        let has = |number: u32| {
            let name = format!("xl/worksheets/sheet{number}.xml");
            bytes.windows(name.len()).any(|part| part == name.as_bytes())
        };
        (1..).take_while(|number| has(*number)).count()
    };
    assert_eq!([names(&book(4)), names(&book(3)), names(&book(1))], [1, 2, 4]);
}
