//! What an import looks at in identity numbers before it sends a line: what spreadsheets and old files make of them.

use super::csv::{BadRow, Row};
use crate::domain::reason::Reason;
use crate::domain::value::{Day, IdNumber};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// What is taken that is refused otherwise.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "What is refused unless it is said")]
pub struct Accept {
    /// A known number with another name: the name is replaced
    #[arg(long)]
    pub accept_new_names: bool,
    /// A number that stands in the file again: the later line counts
    #[arg(long)]
    pub accept_repeated_numbers: bool,
    /// A number with a birth date later than today
    #[arg(long)]
    pub accept_future_births: bool,
    /// A number that ends with 000, as spreadsheets round it
    #[arg(long)]
    pub accept_rounded_numbers: bool,
    /// A number of 15 places: the century and the check digit are added
    #[arg(long)]
    pub accept_15_places: bool,
}

/// The numbers of a file so far.
pub struct Numbers {
    accept: Accept,
    today: Day,
    /// The line on which each stood first, by its hash.
    lines: HashMap<[u8; 32], u64>,
}

impl Numbers {
    /// Of a file that is imported on this day.
    pub fn new(accept: Accept, today: Day) -> Numbers {
        Numbers { accept, today, lines: HashMap::new() }
    }

    /// Looks at the number of a line; gives the line with a number of 18 places.
    ///
    /// # Errors
    /// The line is not to be sent. What else is wrong with a number is the server's to judge.
    pub fn check(&mut self, mut row: Row) -> Result<Row, BadRow> {
        let bad = |reason, note: &str| Err(BadRow::new(row.line, "id_number", reason, note));
        let Some(person) = row.member.party.as_mut().and_then(|party| party.person.as_mut()) else {
            return Ok(row);
        };
        if let Some(long) = IdNumber::of_15_places(&person.id_number) {
            if !self.accept.accept_15_places {
                return bad(
                    Reason::IdNumberMalformed,
                    "it has 15 places; --accept-15-places adds the others",
                );
            }
            person.id_number = long.reveal().to_owned();
        }
        if let Ok(number) = IdNumber::parse(&person.id_number) {
            if !self.accept.accept_rounded_numbers && number.reveal().ends_with("000") {
                return bad(Reason::IdNumberRounded, "--accept-rounded-numbers takes it");
            }
            if !self.accept.accept_future_births && number.birth() > self.today.number() {
                return bad(Reason::IdNumberFutureBirth, "--accept-future-births takes it");
            }
        }
        let hash = Sha256::digest(person.id_number.to_ascii_uppercase()).into();
        let first = *self.lines.entry(hash).or_insert(row.line);
        if first != row.line && !self.accept.accept_repeated_numbers {
            let note = format!("line {first}; --accept-repeated-numbers lets the later line count");
            return bad(Reason::NumberRepeated, &note);
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devkit::cast;
    use crate::proto::node::Member;

    fn row(line: u64, number: &str) -> Row {
        let member = Member { party: Some(cast::party(number, "张三", "130100")), ..Member::default() };
        Row { line, member, phone: String::new(), credit: None }
    }

    /// What becomes of these numbers, one a line: sent as this number, or refused for this reason.
    fn judged(accept: Accept, numbers: &[&str]) -> Vec<Result<String, String>> {
        let mut file = Numbers::new(accept, Day::parse("2026-11-21").unwrap());
        let number = |row: Row| row.member.party.unwrap().person.unwrap().id_number;
        let rows = (2..).zip(numbers).map(|(line, number)| row(line, number));
        rows.map(|row| file.check(row).map(number).map_err(|bad| bad.reason)).collect()
    }

    fn sent(number: &str) -> Result<String, String> {
        Ok(number.to_owned())
    }

    fn refused(reason: &str) -> Result<String, String> {
        Err(reason.to_owned())
    }

    const ODD: [&str; 5] = [
        "139999209901010018",
        "139999199901028000",
        "139999900101001",
        "11010519491231002X",
        "11010519491231002x",
    ];

    #[test]
    fn numbers_that_files_spoil_are_refused() {
        let reasons = ["ID_NUMBER_FUTURE_BIRTH", "ID_NUMBER_ROUNDED", "ID_NUMBER_MALFORMED"].map(refused);
        let expected = [&reasons[..], &[sent(ODD[3]), refused("NUMBER_REPEATED")]].concat();
        assert_eq!(judged(Accept::default(), &ODD), expected);
    }

    #[test]
    fn each_is_taken_where_its_switch_says_so() {
        let accept = Accept {
            accept_new_names: false,
            accept_repeated_numbers: true,
            accept_future_births: true,
            accept_rounded_numbers: true,
            accept_15_places: true,
        };
        let long = "139999199001010016";
        assert_eq!(judged(accept, &ODD), [ODD[0], ODD[1], long, ODD[3], ODD[4]].map(sent));
    }

    #[test]
    fn what_is_no_number_is_the_servers_to_judge_and_repeats_are_named_by_line() {
        assert_eq!(judged(Accept::default(), &["1", "2"]), ["1", "2"].map(sent));
        let mut file = Numbers::new(Accept::default(), Day::parse("2026-11-21").unwrap());
        assert!(file.check(row(7, ODD[3])).is_ok());
        let bad = file.check(row(9, ODD[3])).err().unwrap();
        assert!(bad.message.contains("line 7") && !bad.message.contains(ODD[3]), "{}", bad.message);
        // Born today, not tomorrow.
        let born = |day: u8| IdNumber::generate(139_999, (2026, 11, day), 1).unwrap().reveal().to_owned();
        assert_eq!(judged(Accept::default(), &[&born(21)]), [sent(&born(21))]);
        assert_eq!(judged(Accept::default(), &[&born(22)]), [refused("ID_NUMBER_FUTURE_BIRTH")]);
    }
}
