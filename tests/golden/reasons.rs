//! Codes, numbers, gRPC classes and retry advice of all reasons: others' programs go by them.

use super::holds;
use gongji::domain::reason::TABLE;

#[test]
fn reasons_keep_number_code_class_and_advice() {
    let line = |row: &gongji::domain::reason::ReasonRow| {
        format!("{} {} {:?} {}", row.reason.number(), row.code, row.class, row.retry.name())
    };
    let lines: Vec<String> = TABLE.iter().map(line).collect();
    holds("reasons.txt", "# number code class retry", &lines);
}
