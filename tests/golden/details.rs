//! What is shown of each kind of record: names and values, every field.

use super::{holds, samples};
use gongji::domain::machine::Record;
use std::collections::BTreeMap;

/// The lines of each kind, by its number.
fn lines<R: Record>(samples: &[R]) -> BTreeMap<u16, Vec<String>> {
    let of = |record: &R| {
        let mut names: Vec<&str> = record.details().iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}: {names:?}", record.name());
        let details = record.details().into_iter();
        details.map(|(field, detail)| format!("{} {field} {detail:?}", record.name())).collect()
    };
    samples.iter().map(|record| (record.kind(), of(record))).collect()
}

#[test]
fn every_field_is_shown_under_a_name_of_its_own() {
    // What both machines journal is shown alike.
    let mut all = lines(&samples::of_hub());
    all.extend(lines(&samples::of_node()));
    holds("details.txt", "# record field value", &all.into_values().flatten().collect::<Vec<_>>());
}
