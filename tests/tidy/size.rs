//! Sizes that keep files readable, and words that must not stay.

use super::source::{Source, block_end, files, read, sources};
use std::collections::BTreeSet;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 120;

/// Everything that people read as text here.
fn texts() -> Vec<String> {
    let rust = ["src", "tests"].into_iter().flat_map(|folder| files(folder, "rs"));
    let proto = files("proto/gongji", "proto");
    rust.chain(proto).chain(["build.rs".to_owned()]).collect()
}

#[test]
fn lines_are_short() {
    let mut wrong = Vec::new();
    for path in texts() {
        for (number, line) in read(&path).lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                wrong.push(format!("{path}:{}: {columns} columns", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines that are neither blank nor comment, nor a sentence of a table of texts. Of tests inside the file nothing
/// counts.
fn lines_of_code(source: &Source) -> usize {
    // A line of text in a string is blank in `code`, but a line of the file all the same.
    let text: Vec<&str> = source.text.lines().collect();
    let kept = source.code_without_tests();
    let tests: usize = source.code.lines().zip(kept.lines()).filter(|(all, kept)| all != kept).count();
    let is_sentence = |line: &str| line.starts_with('"') && line.ends_with('"') && line.len() > 1;
    let is_code = |line: &&&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//") && !is_sentence(line)
    };
    text.iter().filter(is_code).count().saturating_sub(tests)
}

#[test]
fn files_are_short() {
    let all = sources(&["src"]);
    let long =
        all.iter().filter(|source| !source.is_test()).map(|source| (lines_of_code(source), &source.path));
    let wrong: Vec<_> = long.filter(|(lines, _)| *lines > FILE_LINES_MAX).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn functions_are_short() {
    let mut wrong = Vec::new();
    for source in sources(&["src", "tests"]) {
        for (at, _) in source.code.match_indices("fn ") {
            let is_word =
                source.code[..at].chars().next_back().is_none_or(|one| !one.is_alphanumeric() && one != '_');
            let rest = &source.code[at..];
            let Some(open) = rest.find('{').filter(|_| is_word) else { continue };
            if rest[..open].contains(';') && !rest[..open].contains('[') {
                continue;
            }
            let lines = rest[open..open + block_end(&rest[open..])].lines().count();
            if lines > FUNCTION_LINES_MAX {
                let line = source.code[..at].matches('\n').count() + 1;
                wrong.push(format!("{}:{line}: {lines} lines", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tests that wait for time to pass, and why they must.
const SLEEPS: &[(&str, &str)] = &[("tests/crash/random.rs", "the moment of a kill is what is random there")];

#[test]
fn no_test_waits_for_time_to_pass() {
    let mut found = BTreeSet::new();
    for source in sources(&["src", "tests"]) {
        let kept = if source.is_test() { String::new() } else { source.code_without_tests() };
        let mut lines = source.code.lines().zip(kept.lines().chain(std::iter::repeat("")));
        // Of a file of the product only what stands in its tests is looked at.
        if lines.any(|(all, kept)| all != kept && (all.contains("sleep(") || all.contains("sleep_until("))) {
            found.insert(source.path.clone());
        }
    }
    let allowed: BTreeSet<String> = SLEEPS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(found, allowed, "on the left: what sleeps; on the right: what may");
}

/// What is only for the time of working on it, and what only one machine has. In two parts, so that this list does
/// not find itself.
const BANNED: &[(&str, &str)] = &[
    ("todo", "!("),
    ("unimplemented", "!("),
    ("dbg", "!("),
    ("TO", "DO"),
    ("FIX", "ME"),
    ("X", "XX"),
    ("/wo", "rk/"),
    ("/ho", "me/"),
    ("/ro", "ot/"),
    ("/tm", "p/"),
    ("thread::", "sleep"),
];

#[test]
fn nothing_is_left_over() {
    let docs = files("docs", "md");
    let deploy = ["toml", "service", "csv"].into_iter().flat_map(|ending| files("deploy", ending));
    let mut wrong = Vec::new();
    for path in texts().into_iter().chain(docs).chain(deploy) {
        for (number, line) in read(&path).lines().enumerate() {
            let banned = BANNED.iter().map(|(one, two)| format!("{one}{two}"));
            let found = banned.filter(|word| line.contains(word.as_str()));
            wrong.extend(found.map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
