use super::*;
use crate::config::regions;
use clap::Parser;
use std::path::Path;

#[derive(Parser)]
struct Shell {
    #[command(flatten)]
    content: ContentArgs,
}

const LINE: &str =
    "x --payer 1 --payer-name 张三 --payer-region 130100 --payee 2 --payee-name 李四 --payee-region 510100";

fn read(rest: &[&str]) -> Option<CreateTransferRequest> {
    Shell::try_parse_from(LINE.split(' ').chain(rest.iter().copied())).ok()?.content.read().ok()
}

#[test]
fn kinship_has_the_wires_numbers_and_only_eight_names() {
    for kinship in Kinship::ALL {
        let content = read(&["--kinship", kinship.name(), "--amount", "1"]).unwrap();
        let wire = types::Kinship::try_from(content.kinship).unwrap();
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
        assert_eq!(content.amount, amount);
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

const PEOPLE: &str = "[payer]\nid_number = \"1\"\nname = \"张三\"\nregion_code = \"130100\"\n\
    [payee]\nid_number = \"2\"\nname = \"李四\"\nregion_code = \"510100\"\n\
    [person]\nid_number = \"3\"\nname = \"王五\"\nregion_code = \"659001\"\nphone = \"13800000000\"\n\
    [relative]\nid_number = \"4\"\nname = \"赵六\"\nkinship = \"child\"\nstatement = \"seen\"\n";

#[derive(Parser)]
struct One {
    #[command(flatten)]
    person: PersonArgs,
}

/// Reads a file of this text as a transfer's people and as one person; else what is said of it.
fn file(text: &str) -> Result<(CreateTransferRequest, Person), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    std::fs::write(&path, text).unwrap();
    let people = ["--people", path.to_str().unwrap()];
    let line = ["x", "--kinship", "parent", "--amount", "1"].iter().chain(&people);
    let content = Shell::try_parse_from(line).map_err(|error| error.to_string())?.content;
    let person = One::try_parse_from(["x"].iter().chain(&people)).map_err(|error| error.to_string())?.person;
    let said = |failure: Failure| {
        assert_eq!(failure.exit(), crate::cli::Exit::Usage);
        failure.to_string()
    };
    Ok((content.read().map_err(said)?, person.read().map_err(said)?))
}

#[test]
fn a_file_says_the_same_as_the_options() {
    let (content, person) = file(PEOPLE).unwrap();
    let options = read(&["--kinship", "parent", "--amount", "1"]).unwrap();
    assert_eq!((content.payer, content.payee), (options.payer, options.payee));
    let party = person.party.person.unwrap();
    assert_eq!((party.id_number.as_str(), party.name.as_str()), ("3", "王五"));
    assert_eq!((person.province, person.phone.as_deref()), (ProvinceCode::new(66), Some("13800000000")));
    let relative = person.relative.unwrap();
    assert_eq!((relative.kinship, relative.statement.as_str()), (types::Kinship::Child.into(), "seen"));
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_the_person() {
    for (from, to, what) in [
        (
            "[payer]",
            "[payr]",
            "line 1: a name that is not known here, expected one of `payer`, `payee`, `person`, `relative`",
        ),
        (
            "[payee]\nid_number",
            "[payee]\nid",
            "line 6: a name that is not known here, expected one of `id_number`",
        ),
        ("name = \"张三\"\n", "", "missing field `name`"),
        ("\"1\"", "1", "line 2: a value is no text: put it in quotation marks"),
        ("\"李四\"", "李四", "line 7: "),
        ("\"659001\"", "\"65900\"", "[person]: a region code has six digits"),
        ("\"child\"", "\"son\"", "[relative]: kinship is one of spouse, parent, child"),
        ("[payee]\n", "[payee]\n3 = \"x\"\n", "line 6: a name that is not known here"),
        ("[person]\n", "[person]\n12345 = \"x\"\n", "line 10: a name that is not known here"),
    ] {
        let said = file(&PEOPLE.replacen(from, to, 1)).err().unwrap();
        assert!(said.contains("people.toml: ") && said.contains(what), "{to}: {said}");
        assert!(!["张三", "李四", "王五", "赵六", "12345"].iter().any(|it| said.contains(it)), "{said}");
    }
    let (first, _) = PEOPLE.split_once("[payee]").unwrap();
    let said = file(first).err().unwrap();
    assert!(said.ends_with("people.toml: there is no [payee]"), "{said}");
    let missing =
        Shell::try_parse_from(["x", "--kinship", "parent", "--amount", "1", "--people", "/nowhere/p"]);
    assert!(missing.ok().unwrap().content.read().is_err());
}

#[test]
fn persons_come_from_one_place() {
    let both = LINE.split(' ').chain(["--kinship", "parent", "--amount", "1", "--people", "-"]);
    assert!(Shell::try_parse_from(both).is_err());
    assert!(Shell::try_parse_from(["x", "--kinship", "parent", "--amount", "1"]).is_err());
    assert!(One::try_parse_from(["x", "--person", "1", "--people", "-"]).is_err());
    assert!(One::try_parse_from(["x", "--person", "1"]).is_err());
}

#[test]
fn the_example_is_read() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/people.toml"));
    assert!(file(&text.unwrap()).is_ok());
}
