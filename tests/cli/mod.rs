//! The command line as a process: what it does with its standard input and output.

mod demo;

use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// A command that calls nobody: nothing listens there.
const NOWHERE: [&str; 6] = ["--hub", "127.0.0.1:1", "--plaintext-as", "urn:gongji:app:x", "--timeout", "1s"];

const PEOPLE: &str = "\
    [payer]\nid_number = \"139999198811010531\"\nname = \"陈晓东\"\nregion_code = \"130100\"\n\
    [payee]\nid_number = \"11010519491231002X\"\nname = \"李秀兰\"\nregion_code = \"510100\"\n";

fn gongji(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gongji"));
    command.args(arguments);
    command
}

/// A command that needs no server.
fn check_rules() -> Command {
    gongji(&["rulebook", "check", "--json", concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rulebooks")])
}

/// Runs it with this text as its standard input.
fn fed(mut command: Command, text: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn transfer(more: &[&str], people: &str) -> (Option<i32>, String, String) {
    let line = ["transfer", "--people", "-", "--kinship", "parent", "--amount", "400.00", "--json"];
    let output = fed(gongji(&[&line[..], &NOWHERE, more].concat()), people);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn output_that_cannot_be_written_is_exit_1() {
    let full = || File::options().write(true).open("/dev/full").expect("a full disk");
    for mut command in [gongji(&["--help"]), check_rules()] {
        let output = command.stdout(full()).stderr(Stdio::piped()).spawn().expect("it starts");
        let output = output.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("gongji: the output could not be written: "), "{said}");
    }
}

#[test]
fn a_reader_who_has_gone_away_is_no_mistake() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = check_rules().stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}

#[test]
fn persons_come_from_standard_input() {
    let (code, said, _) = transfer(&[], PEOPLE);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot be reached"), "it was understood, and nobody was there: {said}");
    let (code, said, _) = transfer(&[], &PEOPLE.replace("\"139999198811010531\"", "139999198811010531"));
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("standard input: line 2"), "{said}");
    assert!(!said.contains("139999198811010531"), "what is wrong with a person is said without him: {said}");
}

#[test]
fn an_outcome_that_is_not_known_is_a_document_with_its_id() {
    let id = "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a";
    let (code, said, notes) = transfer(&["--id", id], PEOPLE);
    assert_eq!(code, Some(2), "an earlier command may have done it: {notes}");
    let said: Value = serde_json::from_str(&said).expect("one document");
    assert_eq!((&said["outcome"], &said["transfer_id"]), (&"unknown".into(), &id.into()));
    assert!(said["error"]["message"].is_string(), "{said}");
}
