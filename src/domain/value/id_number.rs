//! Resident identity numbers (公民身份号码, GB 11643-1999) and the persons who hold them.
//! These are the only types that carry personal data; they print masked, so that no log can leak it.

use std::fmt;
use time::{Date, Month};

/// A well-formed resident identity number: 18 places, a real birth date, a correct check digit, `X` upper case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdNumber(String);

/// What is wrong with an identity number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdNumberError {
    /// Not 17 digits and a digit or X, or its birth date does not exist.
    #[error("an identity number has 17 digits, with a real birth date, and a check digit or X")]
    Malformed,
    /// The last place does not fit the first seventeen.
    #[error("the check digit of the identity number is wrong")]
    CheckDigit,
}

/// ISO 7064 MOD 11-2 weights of places 1 to 17 (policy_facts §4.1).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [u8; 11] = *b"10X98765432";

fn check_digit(first_seventeen: &[u8]) -> u8 {
    let sum: u32 =
        first_seventeen.iter().zip(WEIGHTS).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    CHECKS[(sum % 11) as usize]
}

impl IdNumber {
    /// Reads a number and verifies its date and check digit; a lower-case `x` is taken as `X`.
    pub fn parse(text: &str) -> Result<IdNumber, IdNumberError> {
        let bytes = text.as_bytes();
        if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
            return Err(IdNumberError::Malformed);
        }
        let last = bytes[17].to_ascii_uppercase();
        if !(last.is_ascii_digit() || last == b'X') || !is_real_date(&text[6..14]) {
            return Err(IdNumberError::Malformed);
        }
        if check_digit(&bytes[..17]) != last {
            return Err(IdNumberError::CheckDigit);
        }
        Ok(IdNumber(text.to_ascii_uppercase()))
    }

    /// Of a number of 15 places, as it was before 1999: with the century and the check digit. Nothing when it is none.
    pub fn of_15_places(text: &str) -> Option<IdNumber> {
        let digits = text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_digit());
        let body = digits.then(|| format!("{}19{}", &text[..6], &text[6..]))?;
        IdNumber::parse(&format!("{body}{}", char::from(check_digit(body.as_bytes())))).ok()
    }

    /// The birth date, as the number YYYYMMDD.
    pub fn birth(&self) -> u32 {
        // Eight digits, as `parse` has seen.
        self.0[6..14].parse().unwrap_or(0)
    }

    /// Makes a number out of its parts and gives it the right check digit. For generated (never real) people.
    pub fn generate(address: u32, birth: (u16, u8, u8), sequence: u16) -> Result<IdNumber, IdNumberError> {
        let body = format!("{address:06}{:04}{:02}{:02}{sequence:03}", birth.0, birth.1, birth.2);
        if body.len() != 17 {
            return Err(IdNumberError::Malformed);
        }
        IdNumber::parse(&format!("{body}{}", char::from(check_digit(body.as_bytes()))))
    }

    /// The number in clear. Only for the vault, keyed hashes and an answer that the contract allows.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// First four and last four places, eight stars between, whatever was there: 1301\*\*\*\*\*\*\*\*1234.
    pub fn masked(&self) -> String {
        format!("{}********{}", &self.0[..4], &self.0[14..])
    }
}

fn is_real_date(yyyymmdd: &str) -> bool {
    let part = |range: std::ops::Range<usize>| yyyymmdd[range].parse::<u16>().unwrap_or(0);
    let month = u8::try_from(part(4..6)).ok().and_then(|month| Month::try_from(month).ok());
    let day = u8::try_from(part(6..8)).unwrap_or(0);
    part(0..4) >= 1800
        && month.is_some_and(|month| Date::from_calendar_date(i32::from(part(0..4)), month, day).is_ok())
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdNumber(****)")
    }
}

/// A person's name as it is compared: already normalised by `privacy`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonName(String);

impl PersonName {
    /// Longest name accepted, in characters.
    pub const CHARS_MAX: usize = 50;

    /// Takes a normalised name: 1 to 50 characters, no control characters.
    pub fn new(normalised: &str) -> Option<PersonName> {
        let count = normalised.chars().count();
        let fits = (1..=Self::CHARS_MAX).contains(&count) && !normalised.chars().any(char::is_control);
        fits.then(|| PersonName(normalised.to_owned()))
    }

    /// The name in clear. Only for the vault and comparing.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// First character, a star and, from three characters on, the last one: 张\*三.
    pub fn masked(&self) -> String {
        let chars: Vec<char> = self.0.chars().collect();
        match chars.as_slice() {
            [first, _, .., last] => format!("{first}*{last}"),
            [first, ..] => format!("{first}*"),
            [] => "*".to_owned(),
        }
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(****)")
    }
}

/// A natural person: identity number and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Resident identity number.
    pub id_number: IdNumber,
    /// Normalised name.
    pub name: PersonName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_published_specimens() {
        for good in ["11010519491231002X", "440524188001010014", "34052419800101001X", "34052419800101001x"] {
            assert!(IdNumber::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn tells_malformed_from_a_wrong_check_digit() {
        for bad in [
            "",
            "1101051949123100",
            "11010519491331002X",
            "1101051949123100２X",
            "A1010519491231002X",
            "110105194912310021X",
        ] {
            assert_eq!(IdNumber::parse(bad), Err(IdNumberError::Malformed), "{bad}");
        }
        assert_eq!(IdNumber::parse("110105194912310021"), Err(IdNumberError::CheckDigit));
    }

    #[test]
    fn generated_numbers_are_valid_and_print_masked() {
        let id = IdNumber::generate(130_102, (1985, 2, 28), 7).expect("a real date");
        assert_eq!(IdNumber::parse(id.reveal()), Ok(id.clone()));
        assert_eq!(format!("{id:?}"), "IdNumber(****)");
        assert_eq!(id.masked().len(), 16);
        assert!(IdNumber::generate(130_102, (1985, 2, 30), 7).is_err());
    }

    #[test]
    fn a_number_of_15_places_gets_its_century_and_check_digit() {
        let long = |text| IdNumber::of_15_places(text).map(|id| (id.reveal().to_owned(), id.birth()));
        assert_eq!(long("139999900101001"), Some(("139999199001010016".to_owned(), 19_900_101)));
        for bad in ["", "13999990010100", "13999990010100X", "139999901301001", "1399999001010012"] {
            assert_eq!(long(bad), None, "{bad}");
        }
    }

    #[test]
    fn masks_names_of_any_length() {
        let masked = |name: &str| PersonName::new(name).map(|name| name.masked());
        assert_eq!(masked("张小三").as_deref(), Some("张*三"));
        assert_eq!(masked("张三").as_deref(), Some("张*"));
        assert_eq!(masked("张").as_deref(), Some("张*"));
        assert_eq!(masked(""), None);
    }
}
