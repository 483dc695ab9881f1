//! What must exist because something else does.

use super::source::{files, pages, project, read};
use gongji::domain::reason::TABLE;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_reason_is_documented() {
    let page = "docs/reference/reasons.md";
    let text = read(page);
    let missing: Vec<&str> = TABLE.iter().map(|row| row.code).filter(|code| !text.contains(code)).collect();
    assert!(missing.is_empty(), "{page} lacks {missing:?}");
}

/// Sections ("§2.2") and rows ("R12") in a text.
fn places(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|one: char| !one.is_alphanumeric() && one != '§' && one != '.');
    let words = words.map(|word| word.trim_end_matches('.'));
    words.filter(|word| {
        let number = word.trim_start_matches(|one: char| one == '§' || one.is_ascii_uppercase());
        let marks = word.chars().count() - number.chars().count();
        marks == 1 && !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit() || it == b'.')
    })
}

#[test]
fn what_is_cited_of_the_policy_facts_is_there() {
    let page = read("docs/reference/policy_facts.md");
    let (mut cited, mut wrong) = (0, Vec::new());
    for path in files("src", "rs").into_iter().chain(files("tests", "rs")).chain(files("docs", "md")) {
        let text = read(&path);
        for (at, _) in text.match_indices("(policy_facts ") {
            let end = text[at..].find(')').map_or(text.len(), |end| at + end);
            for place in places(&text[at..end]) {
                cited += 1;
                let found = match place.strip_prefix('§') {
                    Some(number) => {
                        page.contains(&format!("## {number} ")) || page.contains(&format!("## {number}. "))
                    }
                    None => page.contains(&format!("| {place} |")),
                };
                if !found {
                    wrong.push(format!("{path}: {place}"));
                }
            }
        }
    }
    assert!(cited >= 20 && wrong.is_empty(), "{cited} cited, not there: {wrong:?}");
}

/// The comments of a proto file, each as one text.
fn comments(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for line in text.lines() {
        match (line.trim().strip_prefix("//"), found.last_mut()) {
            (Some(more), Some(last)) => last.extend([more.trim(), " "]),
            (_, _) => found.push(String::new()),
        }
    }
    found.retain(|comment| !comment.is_empty());
    found
}

/// Names in capitals of a comment that it takes for codes: with an underline anywhere, and single words where it tells
/// errors ("Errors:", "Error:", "Errors of every method:", "Errors, INVALID_ARGUMENT:" and what follows, to its end).
fn codes(comment: &str) -> BTreeSet<&str> {
    let told = comment.find("Error").filter(|at| {
        let rest = comment[*at..].trim_start_matches("Error").trim_start_matches('s');
        rest.starts_with([':', ',']) || rest.starts_with(" of ")
    });
    let words = |text| -> Vec<&str> {
        let all = str::split(text, |one: char| !one.is_ascii_alphanumeric() && one != '_');
        all.filter(|it| it.bytes().all(|one| one.is_ascii_uppercase() || one == b'_')).collect()
    };
    let alone = told.map_or(Vec::new(), |at| words(&comment[at..]));
    let alone = alone.into_iter().filter(|word| word.len() > 4 && !word.contains('_'));
    let joined = words(comment).into_iter().filter(|word| word.contains('_') && !word.starts_with('_'));
    joined.chain(alone).collect()
}

/// Values of enums and fields in capitals that proto files declare: "NAME = 1;".
fn declared(text: &str) -> impl Iterator<Item = &str> {
    let name = |line: &'_ str| line.trim().split_once(" = ").map(|(name, _)| name.len());
    text.lines().filter_map(move |line| name(line).map(|length| &line.trim()[..length]))
}

#[test]
fn a_comment_s_codes_are_found_on_every_line() {
    let text = "  // A.\n  // Errors, NOT_FOUND: NO_SUCH,\n  // OVERLOADED.\n  rpc A;\n// Error: ONE_MORE\n// LATER, I";
    let found: Vec<String> = comments(text);
    let all: Vec<Vec<&str>> = found.iter().map(|comment| codes(comment).into_iter().collect()).collect();
    assert_eq!(all, [vec!["NOT_FOUND", "NO_SUCH", "OVERLOADED"], vec!["LATER", "ONE_MORE"]]);
    assert!(codes("Not an Errorneous WORD, nor `_PART`; but SOME_CODE").eq(&BTreeSet::from(["SOME_CODE"])));
    assert_eq!(declared("  A_B = 1;\n  // c\n").collect::<Vec<_>>(), ["A_B"]);
}

#[test]
fn the_contract_s_comments_name_only_reasons_that_exist() {
    let texts: Vec<(String, String)> =
        files("proto/gongji", "proto").into_iter().map(|path| (read(&path), path)).collect();
    let mut known: BTreeSet<&str> = TABLE.iter().map(|row| row.code).chain(OTHERS.iter().copied()).collect();
    texts.iter().for_each(|(text, _)| known.extend(declared(text)));
    let mut wrong = Vec::new();
    for (text, path) in &texts {
        for comment in comments(text) {
            let unknown = codes(&comment).into_iter().filter(|code| !known.contains(code));
            wrong.extend(unknown.map(|code| format!("{path}: {code}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes of gRPC itself, which comments name beside ours, the words of `retry`, and what is no code.
const OTHERS: &[&str] = &[
    "CORRECT_REQUEST",
    "NEW_ID",
    "SAME_ID",
    "ASCII",
    "INTERNAL",
    "UNAVAILABLE",
    "UNIMPLEMENTED",
    "INVALID_ARGUMENT",
    "ALREADY_EXISTS",
    "NOT_FOUND",
    "FAILED_PRECONDITION",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "DEADLINE_EXCEEDED",
    "OUT_OF_RANGE",
];

/// Targets of the links in a page: what stands between `](` and `)`.
fn links(text: &str) -> Vec<String> {
    let after = text.split("](").skip(1);
    let target =
        |rest: &str| rest.split(')').next().unwrap_or("").split_whitespace().next().unwrap_or("").to_owned();
    after.map(target).collect()
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let folder = Path::new(&page).parent().unwrap_or(Path::new(""));
        for link in links(&read(&page)) {
            let target = link.split('#').next().unwrap_or("");
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !elsewhere && !project().join(folder).join(target).exists() {
                wrong.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
