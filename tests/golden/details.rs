//! What is shown of each kind of record: names and values, every field.

use super::holds;
use super::samples::samples;

#[test]
fn what_a_record_says_is_as_it_was() {
    let lines = samples().into_iter().flat_map(|record| {
        let name = record.name();
        record.details().into_iter().map(move |(field, detail)| format!("{name} {field} {detail:?}"))
    });
    holds("details.txt", "# record field value", &lines.collect::<Vec<_>>());
}

#[test]
fn no_two_fields_of_a_record_have_one_name() {
    for record in samples() {
        let mut names: Vec<&str> = record.details().iter().map(|(name, _)| *name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{}", record.name());
    }
}
