//! Persons and what a transfer is about: from options, or from a file. What is malformed is left to the server to say,
//! so that command line and programs are told the same. All of it is personal data: nothing here has `Debug`.

use super::failure::Failure;
use crate::domain::rules::verification::Verification;
use crate::domain::value::{Kinship, ProvinceCode, RegionCode};
use crate::proto::hub::CreateTransferRequest;
use crate::proto::node::WalletRelative;
use crate::proto::types;
use serde::Deserialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Who pays whom how much.
#[derive(clap::Args)]
#[command(next_help_heading = "Transfer")]
pub struct ContentArgs {
    /// TOML file with [payer] and [payee]: id_number, name, region_code; - is standard input. Better than the six
    /// options, which every list of processes shows
    #[arg(long, value_name = "FILE", conflicts_with_all = SIDES)]
    people: Option<PathBuf>,
    /// Payer's identity number (公民身份号码)
    #[arg(long, value_name = "ID_NUMBER", required_unless_present = "people")]
    payer: Option<String>,
    /// Payer's name
    #[arg(long, value_name = "NAME", required_unless_present = "people")]
    payer_name: Option<String>,
    /// Payer's place of insurance, six digits
    #[arg(long, value_name = "CODE", required_unless_present = "people")]
    payer_region: Option<String>,
    /// Payee's identity number
    #[arg(long, value_name = "ID_NUMBER", required_unless_present = "people")]
    payee: Option<String>,
    /// Payee's name
    #[arg(long, value_name = "NAME", required_unless_present = "people")]
    payee_name: Option<String>,
    /// Payee's place of insurance, six digits
    #[arg(long, value_name = "CODE", required_unless_present = "people")]
    payee_region: Option<String>,
    /// What the payee is to the payer
    #[arg(long, value_parser = kinship_parser())]
    kinship: String,
    /// Amount in yuan, 400.00
    #[arg(long, value_name = "YUAN", allow_hyphen_values = true)]
    amount: String,
    /// Remark of at most 100 characters
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    remark: String,
    /// How the payer proved himself to you, where his place asks for it
    #[arg(long, value_name = "KIND", value_parser = verification_parser())]
    verification: Option<String>,
}

/// The options in whose place a file stands.
const SIDES: [&str; 6] = ["payer", "payer_name", "payer_region", "payee", "payee_name", "payee_region"];

fn verification_parser() -> clap::builder::PossibleValuesParser {
    Verification::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().into()
}

pub(super) fn kinship_parser() -> clap::builder::PossibleValuesParser {
    Kinship::ALL.iter().map(|kinship| kinship.name()).collect::<Vec<_>>().into()
}

/// The wire's number of a kinship, which is that of the store.
pub(super) fn kinship_number(name: &str) -> i32 {
    Kinship::from_name(name).and_then(|it| i32::try_from(it.number()).ok()).unwrap_or_default()
}

fn party(id_number: Option<&String>, name: Option<&String>, region_code: String) -> types::Party {
    let (id_number, name) = (id_number.cloned().unwrap_or_default(), name.cloned().unwrap_or_default());
    types::Party { person: Some(types::Person { id_number, name }), region_code }
}

impl ContentArgs {
    /// All of it as a request without id, with the persons of the file if one is named.
    ///
    /// # Errors
    /// [`Failure::Usage`]: the file cannot be read, or does not say who they are.
    pub fn read(&self) -> Result<CreateTransferRequest, Failure> {
        let side = |id: &Option<String>, name: &Option<String>, region: &Option<String>| {
            party(id.as_ref(), name.as_ref(), region.clone().unwrap_or_default())
        };
        let (payer, payee) = match &self.people {
            Some(path) => {
                let people = People::read(path)?;
                (people.party("payer", &people.tables.payer)?, people.party("payee", &people.tables.payee)?)
            }
            None => (
                side(&self.payer, &self.payer_name, &self.payer_region),
                side(&self.payee, &self.payee_name, &self.payee_region),
            ),
        };
        let stated = self.verification.as_deref().and_then(Verification::from_name);
        Ok(CreateTransferRequest {
            payer: Some(payer),
            payee: Some(payee),
            kinship: kinship_number(&self.kinship),
            amount: self.amount.clone(),
            remark: self.remark.clone(),
            // The store's numbers are the wire's.
            verification: stated.and_then(|it| i32::try_from(it.number()).ok()).unwrap_or_default(),
            ..CreateTransferRequest::default()
        })
    }
}

/// One person and where he is insured.
#[derive(clap::Args)]
#[command(next_help_heading = "Person")]
pub struct PersonArgs {
    /// TOML file with [person]: id_number, name, region_code; - is standard input. Better than the three options, which
    /// every list of processes shows
    #[arg(long, value_name = "FILE", conflicts_with_all = ["person", "name", "region"])]
    people: Option<PathBuf>,
    /// Identity number (公民身份号码)
    #[arg(long, value_name = "ID_NUMBER", required_unless_present = "people")]
    person: Option<String>,
    /// Name
    #[arg(long, value_name = "NAME", required_unless_present = "people")]
    name: Option<String>,
    /// Place of insurance, six digits; says which province's node is asked
    #[arg(long, value_name = "CODE", required_unless_present = "people", value_parser = region)]
    region: Option<RegionCode>,
}

fn region(text: &str) -> Result<RegionCode, String> {
    RegionCode::parse(text).ok_or_else(|| "a region code has six digits".to_owned())
}

/// One person, with what only a file says.
pub struct Person {
    /// As the wire has him.
    pub party: types::Party,
    /// The province whose node serves him.
    pub province: ProvinceCode,
    /// His phone number.
    pub phone: Option<String>,
    /// Who opens his wallet for him.
    pub relative: Option<WalletRelative>,
}

impl PersonArgs {
    /// The person, from the file if one is named.
    ///
    /// # Errors
    /// As of [`ContentArgs::read`].
    pub fn read(&self) -> Result<Person, Failure> {
        let Some(path) = &self.people else {
            let code = self.region.map(|it| it.to_string()).unwrap_or_default();
            let party = party(self.person.as_ref(), self.name.as_ref(), code);
            let province = self.region.map(province_of).unwrap_or(ProvinceCode::HUB);
            return Ok(Person { party, province, phone: None, relative: None });
        };
        let people = People::read(path)?;
        let party = people.party("person", &people.tables.person)?;
        let code = region(&party.region_code).map_err(|what| people.wrong("person", &what))?;
        let phone = people.tables.person.as_ref().and_then(|it| it.phone.clone());
        Ok(Person { party, province: province_of(code), phone, relative: people.relative()? })
    }
}

/// A file of persons.
struct People {
    from: String,
    tables: Tables,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    payer: Option<Entry>,
    payee: Option<Entry>,
    person: Option<Entry>,
    relative: Option<Relative>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id_number: String,
    name: String,
    region_code: String,
    phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Relative {
    id_number: String,
    name: String,
    kinship: String,
    statement: String,
}

impl People {
    fn read(path: &Path) -> Result<People, Failure> {
        let (from, text) = if path == Path::new("-") {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text).map(|_| text);
            ("standard input".to_owned(), read)
        } else {
            (path.display().to_string(), std::fs::read_to_string(path))
        };
        let text = text.map_err(|error| Failure::Usage(format!("{from}: {error}")))?;
        let tables = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            // Some errors quote what stands there, which is somebody's.
            let what = match (error.message(), error.message().split_once(", expected")) {
                (what, _) if what.starts_with("invalid type") => {
                    "a value is no text: put it in quotation marks".to_owned()
                }
                (what, Some((_, known))) if what.starts_with("unknown field") => {
                    format!("a name that is not known here, expected{known}")
                }
                (what, _) => what.to_owned(),
            };
            Failure::Usage(format!("{from}: line {}: {what}", before.matches('\n').count() + 1))
        })?;
        Ok(People { from, tables })
    }

    fn wrong(&self, table: &str, what: &str) -> Failure {
        Failure::Usage(format!("{}: [{table}]: {what}", self.from))
    }

    fn party(&self, table: &str, entry: &Option<Entry>) -> Result<types::Party, Failure> {
        let missing = || Failure::Usage(format!("{}: there is no [{table}]", self.from));
        let it = entry.as_ref().ok_or_else(missing)?;
        Ok(party(Some(&it.id_number), Some(&it.name), it.region_code.clone()))
    }

    fn relative(&self) -> Result<Option<WalletRelative>, Failure> {
        let Some(Relative { id_number, name, kinship, statement }) = &self.tables.relative else {
            return Ok(None);
        };
        if Kinship::from_name(kinship).is_none() {
            let all: Vec<&str> = Kinship::ALL.iter().map(|it| it.name()).collect();
            return Err(self.wrong("relative", &format!("kinship is one of {}", all.join(", "))));
        }
        let person = types::Person { id_number: id_number.clone(), name: name.clone() };
        let kinship = kinship_number(kinship);
        Ok(Some(WalletRelative { person: Some(person), kinship, statement: statement.clone() }))
    }
}

/// The province that a code belongs to: its first two digits, but the cities of 兵团 (659xxx) are served by 66.
pub fn province_of(region: RegionCode) -> ProvinceCode {
    let number = region.number();
    if number / 1_000 == 659 {
        return ProvinceCode::new(66);
    }
    // Six digits: the first two always fit.
    ProvinceCode::new(u8::try_from(number / 10_000).unwrap_or_default())
}

#[cfg(test)]
#[path = "person_tests.rs"]
mod tests;
