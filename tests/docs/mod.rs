//! Reference pages that are generated: they say what the code says, or this fails. `BLESS=1 cargo test docs` rewrites
//! them.

mod protocol;
mod worked;

use gongji::domain::reason::{Class, ReasonRow, Retry, TABLE};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "\
# Reasons

Generated from the table in `src/domain/reason/mod.rs` by `BLESS=1 cargo test docs`; do not edit.

Every refusal and every error of the service carries one of these codes. As a **refusal** (`Transfer.refusal`,
`CheckTransferResponse.refusals`, `Vote.refusal`) the call itself is answered OK. As an **error** the call ends with the
gRPC code given here, the message begins with the reason code, and `google.rpc.ErrorInfo` holds it as `reason` with
domain `gongji`. [errors.md](../integrate/errors.md) says how to read both.

The number is what journals store; it never changes and is never given twice.

`facts` are the names that the metadata of a **refusal** may have for this reason. Whatever else a node sends, the hub
drops: no balance and nothing of a person goes through.
";

/// What a group of numbers is about.
const GROUPS: &[(std::ops::Range<u16>, &str)] = &[
    (100..200, "The request's content"),
    (200..300, "What is there already, or is not"),
    (300..400, "Who may"),
    (400..500, "The server's state"),
    (500..510, "Places and persons"),
    (510..530, "The payer"),
    (530..540, "The payee"),
    (540..600, "Accounts and wallets"),
    (600..670, "The course of a transfer"),
    (670..800, "Clearing"),
];

fn grpc_code(class: Class) -> &'static str {
    match class {
        Class::InvalidArgument => "INVALID_ARGUMENT",
        Class::AlreadyExists => "ALREADY_EXISTS",
        Class::NotFound => "NOT_FOUND",
        Class::FailedPrecondition => "FAILED_PRECONDITION",
        Class::Unauthenticated => "UNAUTHENTICATED",
        Class::PermissionDenied => "PERMISSION_DENIED",
        Class::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Class::Unavailable => "UNAVAILABLE",
        Class::Internal => "INTERNAL",
    }
}

fn advice(retry: Retry) -> &'static str {
    match retry {
        Retry::No => "do not repeat: the answer stays the same",
        Retry::Correct => "correct the request and send it again; the id is still free",
        Retry::SameId => "ask again with the **same** id",
        Retry::NewId => "once the cause is gone, try again with a **new** id; this one stays refused",
        Retry::Later => "send the same request again later",
    }
}

fn row(page: &mut String, row: &ReasonRow) {
    let (number, code, retry) = (row.reason.number(), row.code, row.retry.name());
    let (class, english, chinese) = (grpc_code(row.class), row.english, row.chinese);
    let mut facts: Vec<&str> = row.facts.to_vec();
    if row.class == Class::InvalidArgument {
        facts.push("field");
    }
    let facts: Vec<String> = facts.into_iter().map(|name| format!("`{name}`")).collect();
    let facts = facts.join(" ");
    writeln!(page, "| {number} | `{code}` | {class} | `{retry}` | {english} | {chinese} | {facts} |")
        .expect("a string");
}

fn reasons() -> String {
    let mut page =
        format!("{HEAD}\n## What to do\n\nErrors carry this word as `retry` in their metadata.\n\n");
    page += "| retry | what to do |\n|---|---|\n";
    for retry in [Retry::No, Retry::Correct, Retry::SameId, Retry::NewId, Retry::Later] {
        writeln!(page, "| `{}` | {} |", retry.name(), advice(retry)).expect("a string");
    }
    for (numbers, title) in GROUPS {
        write!(page, "\n## {title}\n\n").expect("a string");
        page +=
            "| number | code | gRPC code | retry | English | 中文 | facts |\n|---|---|---|---|---|---|---|\n";
        let group = TABLE.iter().filter(|row| numbers.contains(&row.reason.number()));
        group.for_each(|it| row(&mut page, it));
    }
    page
}

/// Compares a page with what it should say, or rewrites it.
fn check(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, expected).expect("the page is written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    let first = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(found == expected, "{path} is out of date (BLESS=1 cargo test docs): {first:?}");
}

#[test]
fn the_page_of_reasons_is_the_table_of_reasons() {
    check("docs/reference/reasons.md", &reasons());
}

#[test]
fn every_reason_stands_on_the_page_once() {
    let page = reasons();
    for row in TABLE {
        let cell = format!("| `{}` |", row.code);
        assert_eq!(page.matches(&cell).count(), 1, "{} is in no group, or in two", row.code);
    }
}
