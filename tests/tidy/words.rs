//! The words of `docs/reference/glossary.md`: what they name exists, and what they replace is gone.

use super::source::{files, pages, read, sources};
use std::collections::BTreeSet;

const PAGE: &str = "docs/reference/glossary.md";

/// Names that stored bytes, stores or the contract hold: they stay.
const KEPT: &[&str] = &["\"buried\"", "buried_transfer_ids"];

/// The rows of the page whose first cell begins like this, as cells.
fn rows(page: &str, first: &str) -> Vec<Vec<String>> {
    let rows = page.lines().filter(|line| line.starts_with(first));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn the_glossary_names_what_there_is() {
    let words = rows(&read(PAGE), "| **");
    assert!(words.len() >= 40, "{} words", words.len());
    let paths = files("src", "rs").into_iter().chain(files("proto/gongji", "proto"));
    let all: String = paths.map(|path| read(&path)).collect();
    let mut wrong = Vec::new();
    for row in words {
        assert!(row.len() == 4 && row.iter().all(|cell| !cell.is_empty()), "four cells: {row:?}");
        let names = row[3].split('`').skip(1).step_by(2);
        wrong.extend(names.filter(|name| !all.contains(*name)).map(str::to_owned));
    }
    assert!(wrong.is_empty(), "in neither src nor proto: {wrong:?}");
}

/// A text as its words in small letters, with a space before and after each: `put_back` and `PutBack` are "put back".
fn spaced(text: &str) -> String {
    let mut words = String::from(" ");
    let mut was_small = false;
    for one in text.chars() {
        if !one.is_alphabetic() || one.is_uppercase() && was_small {
            words.push(' ');
        }
        was_small = one.is_lowercase();
        words.extend(one.is_alphabetic().then(|| one.to_ascii_lowercase()));
    }
    words.push(' ');
    words
}

#[test]
fn words_that_are_not_used_are_not() {
    let banned = rows(&read(PAGE), "| ~~");
    assert!(banned.len() >= 10, "{} words", banned.len());
    let words = |found: &str| -> BTreeSet<String> {
        let rows = banned.iter().filter(|row| row[2] == found);
        rows.map(|row| row[0].replace('~', "")).collect()
    };
    let (everywhere, in_names) = (words("everywhere"), words("in names"));
    let mut wrong = Vec::new();
    let mut look = |path: &str, text: &str, words: &BTreeSet<String>| {
        for (number, line) in text.lines().enumerate() {
            let line = spaced(&KEPT.iter().fold(line.to_owned(), |line, kept| line.replace(kept, "")));
            let found = words
                .iter()
                .filter(|word| [" ", "s "].iter().any(|end| line.contains(&format!(" {word}{end}"))));
            wrong.extend(found.map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    };
    for source in sources(&["src", "tests"]) {
        look(&source.path, &source.code, &in_names);
    }
    let pages = pages().into_iter().filter(|path| path != PAGE);
    let code = ["src", "tests"].into_iter().flat_map(|folder| files(folder, "rs"));
    let code = code.filter(|path| path != "tests/tidy/words.rs");
    for path in code.chain(files("proto/gongji", "proto")).chain(pages) {
        look(&path, &read(&path), &everywhere);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Comments of items that only repeat what the name says.
const EMPTY: &[&str] = &[
    "When.",
    "Where.",
    "Who.",
    "Whose.",
    "Which.",
    "Why.",
    "What.",
    "How.",
    "How much.",
    "Amount.",
    "Who waits.",
    "The id.",
    "The file.",
    "The member.",
    "The transfer.",
    "The province.",
    "What it says.",
    "Where it stands.",
];

#[test]
fn a_comment_of_an_item_says_something() {
    let mut wrong = Vec::new();
    for source in sources(&["src"]) {
        let lines = source.text.lines().map(str::trim_start).enumerate();
        let mut before = "";
        for (number, line) in lines {
            let said =
                line.strip_prefix("/// ").filter(|it| EMPTY.contains(it) && !before.starts_with("///"));
            wrong.extend(said.map(|said| format!("{}:{}: {said}", source.path, number + 1)));
            before = line;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_word_is_found_in_every_form() {
    for text in ["put back", "put_back", "PutBack", "self.put_back()", "PUT_BACK"] {
        assert!(spaced(text).contains(" put back "), "{text}");
    }
    assert!(!spaced("input_back").contains(" put back ") && !spaced("backput").contains(" put back "));
}
