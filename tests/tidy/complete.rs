//! What must exist because something else does.

use super::source::{files, project, read};
use gongji::domain::reason::TABLE;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_kind_of_record_has_a_golden_vector() {
    let source = read("src/domain/record/mod.rs");
    let (_, declared) = source.rsplit_once("\nrecords! {").expect("the declaration");
    let kind = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, kind, v, version) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let fits = v == "v" && words.next() == Some("{");
        fits.then(|| format!("{kind} {version} {name}"))
    };
    let declared: BTreeSet<String> = declared.lines().filter_map(kind).collect();
    assert!(declared.len() >= 16, "the declarations were found: {declared:?}");
    let golden = read("tests/golden/records.txt");
    let vector = |line: &str| line.rsplit_once(' ').map(|(head, _)| head.to_owned());
    let vectors: BTreeSet<String> = golden.lines().filter_map(vector).collect();
    let missing: Vec<_> = declared.difference(&vectors).collect();
    assert!(missing.is_empty(), "no vector in tests/golden/records.txt: {missing:?}");
}

#[test]
fn every_reason_is_documented() {
    let page = "docs/reference/reasons.md";
    if !project().join(page).exists() {
        // Written by the documentation's own generator; until then there is nothing to compare.
        return;
    }
    let text = read(page);
    let missing: Vec<&str> = TABLE.iter().map(|row| row.code).filter(|code| !text.contains(code)).collect();
    assert!(missing.is_empty(), "{page} lacks {missing:?}");
}

#[test]
fn the_contract_s_comments_name_only_reasons_that_exist() {
    let known: BTreeSet<&str> = TABLE.iter().map(|row| row.code).collect();
    let mut wrong = Vec::new();
    for path in files("proto/gongji", "proto") {
        let text = read(&path);
        for line in text.lines().filter(|line| line.trim_start().starts_with("// Errors:")) {
            let words = line.split(|one: char| !one.is_ascii_uppercase() && one != '_');
            let codes = words.filter(|word| word.contains('_') && word.len() > 8);
            wrong.extend(
                codes
                    .filter(|code| !known.contains(code) && !GRPC.contains(code))
                    .map(|it| format!("{path}: {it}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes of gRPC itself, which comments name beside ours.
const GRPC: &[&str] = &[
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
    let readmes = ["README.md", "README.zh-CN.md"].into_iter().filter(|it| project().join(it).exists());
    let pages: Vec<String> = readmes.map(str::to_owned).chain(files("docs", "md")).collect();
    let mut wrong = Vec::new();
    for page in pages {
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
