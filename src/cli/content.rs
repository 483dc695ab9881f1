//! What a transfer is about, and one person, as arguments. What is malformed is left to the server to say, so that
//! command line and programs are told the same.

use crate::domain::rules::verification::Verification;
use crate::domain::value::kinship::Kinship;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::proto::types;

/// Who pays whom how much. The arguments hold personal data, so they have no `Debug`.
#[derive(clap::Args)]
#[command(next_help_heading = "Transfer")]
pub struct ContentArgs {
    /// Payer's identity number (公民身份号码)
    #[arg(long, value_name = "ID_NUMBER")]
    payer: String,
    /// Payer's name
    #[arg(long, value_name = "NAME")]
    payer_name: String,
    /// Payer's place of insurance, six digits
    #[arg(long, value_name = "CODE")]
    payer_region: String,
    /// Payee's identity number
    #[arg(long, value_name = "ID_NUMBER")]
    payee: String,
    /// Payee's name
    #[arg(long, value_name = "NAME")]
    payee_name: String,
    /// Payee's place of insurance, six digits
    #[arg(long, value_name = "CODE")]
    payee_region: String,
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

fn verification_parser() -> clap::builder::PossibleValuesParser {
    Verification::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().into()
}

pub(super) fn kinship_parser() -> clap::builder::PossibleValuesParser {
    Kinship::ALL.iter().map(|kinship| kinship.name()).collect::<Vec<_>>().into()
}

/// The number of the wire's enum for a name, which is that of the store.
pub(super) fn kinship_number(name: &str) -> i32 {
    Kinship::from_name(name).and_then(|it| i32::try_from(it.number()).ok()).unwrap_or_default()
}

fn party(id_number: &str, name: &str, region_code: &str) -> types::Party {
    let person = types::Person { id_number: id_number.to_owned(), name: name.to_owned() };
    types::Party { person: Some(person), region_code: region_code.to_owned() }
}

impl ContentArgs {
    /// The payer.
    pub fn payer(&self) -> types::Party {
        party(&self.payer, &self.payer_name, &self.payer_region)
    }

    /// The payee.
    pub fn payee(&self) -> types::Party {
        party(&self.payee, &self.payee_name, &self.payee_region)
    }

    /// The number of the wire's enum, which is that of the store.
    pub fn kinship(&self) -> i32 {
        kinship_number(&self.kinship)
    }

    /// The number of the wire's enum, which is that of the core; 0 when nothing is stated.
    pub fn verification(&self) -> i32 {
        let stated = self.verification.as_deref().and_then(Verification::from_name);
        stated.and_then(|it| i32::try_from(it.number()).ok()).unwrap_or_default()
    }

    /// As it was written.
    pub fn amount(&self) -> String {
        self.amount.clone()
    }

    /// As it was written.
    pub fn remark(&self) -> String {
        self.remark.clone()
    }
}

/// One person and where he is insured.
#[derive(clap::Args)]
#[command(next_help_heading = "Person")]
pub struct PersonArgs {
    /// Identity number (公民身份号码)
    #[arg(long, value_name = "ID_NUMBER")]
    person: String,
    /// Name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Place of insurance, six digits; says which province's node is asked
    #[arg(long, value_name = "CODE", value_parser = region)]
    region: RegionCode,
}

fn region(text: &str) -> Result<RegionCode, String> {
    RegionCode::parse(text).ok_or_else(|| "a region code has six digits".to_owned())
}

impl PersonArgs {
    /// The person as the wire has him.
    pub fn party(&self) -> types::Party {
        party(&self.person, &self.name, &self.region.to_string())
    }

    /// The province whose node serves him.
    pub fn province(&self) -> ProvinceCode {
        province_of(self.region)
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
mod tests {
    use super::*;
    use crate::config::regions;
    use clap::Parser;
    use std::path::Path;

    #[derive(Parser)]
    struct Shell {
        #[command(flatten)]
        content: ContentArgs,
    }

    const LINE: &[&str] = &[
        "x",
        "--payer",
        "1",
        "--payer-name",
        "张三",
        "--payer-region",
        "130100",
        "--payee",
        "2",
        "--payee-name",
        "李四",
        "--payee-region",
        "510100",
    ];

    fn read(rest: &[&str]) -> Option<ContentArgs> {
        Shell::try_parse_from(LINE.iter().chain(rest)).ok().map(|shell| shell.content)
    }

    #[test]
    fn kinship_has_the_wires_numbers_and_only_eight_names() {
        for kinship in Kinship::ALL {
            let content = read(&["--kinship", kinship.name(), "--amount", "1"]).unwrap();
            let wire = types::Kinship::try_from(content.kinship()).unwrap();
            assert_eq!(wire.as_str_name(), format!("KINSHIP_{}", kinship.name().to_uppercase()));
        }
        for bad in ["", "mother_in_law", "PARENT", "2"] {
            assert!(read(&["--kinship", bad, "--amount", "1"]).is_none(), "{bad}");
        }
    }

    #[test]
    fn amounts_reach_the_server_as_they_were_written() {
        for amount in ["-1", "+1", "1e3", " 1", "٣", "", "1.005"] {
            let content = read(&["--kinship", "parent", "--amount", amount]).unwrap();
            assert_eq!(content.amount(), amount);
        }
    }

    #[test]
    fn every_place_goes_to_the_province_that_serves_it() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/regions.toml");
        let places = regions::load(&file).unwrap().directory;
        for area in places.areas() {
            assert_eq!(province_of(area.code), area.province, "{}", area.code);
        }
        let shihezi = RegionCode::parse("659001").unwrap();
        assert_eq!(Some(province_of(shihezi)), places.locate(shihezi).map(|area| area.province));
    }
}
