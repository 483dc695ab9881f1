//! One vector for each kind and version of record that was ever written. The bytes of a kind and version never change:
//! a new content is a new version with a vector of its own, and the old one must still be read.

use super::samples::samples;
use super::{holds, path};
use gongji::domain::machine::record::Record;
use gongji::domain::value::id::hex;
use std::collections::BTreeSet;
use std::fs;

const FILE: &str = "records.txt";
const HEAD: &str = "# kind version name bytes";

fn line(record: &Record) -> String {
    format!("{} {} {} {}", record.kind(), record.version(), record.name(), hex(&record.encode()))
}

/// The vectors of the file: kind, version, bytes.
fn vectors() -> Vec<(u16, u8, Vec<u8>)> {
    let text = fs::read_to_string(path(FILE)).expect("the golden file; BLESS=1 makes it");
    let parse = |line: &str| {
        let mut parts = line.split(' ');
        let mut part = || parts.next().expect("kind version name bytes").to_owned();
        let (kind, version, _, bytes) = (part(), part(), part(), part());
        let byte = |at: usize| u8::from_str_radix(&bytes[at..at + 2], 16).expect("hexadecimal");
        let bytes = (0..bytes.len()).step_by(2).map(byte).collect();
        (kind.parse().expect("a kind"), version.parse().expect("a version"), bytes)
    };
    text.lines().filter(|line| !line.starts_with('#')).map(parse).collect()
}

#[test]
fn the_bytes_of_every_kind_are_as_they_were() {
    let samples = samples();
    let kinds: BTreeSet<u16> = samples.iter().map(Record::kind).collect();
    assert_eq!(kinds.len(), samples.len(), "one sample a kind");
    holds(FILE, HEAD, &samples.iter().map(line).collect::<Vec<_>>());
}

#[test]
fn every_vector_is_read_back() {
    let samples = samples();
    for (kind, version, bytes) in vectors() {
        let record = Record::decode(kind, version, &bytes).expect("a vector that this program can read");
        if record.version() == version {
            let sample = samples.iter().find(|sample| sample.kind() == kind).expect("a sample of each kind");
            assert_eq!((&record, record.encode()), (sample, bytes));
        }
    }
}

#[test]
fn bytes_too_many_too_few_or_of_an_unknown_version_are_no_record() {
    for (kind, version, bytes) in vectors() {
        let longer = [&bytes[..], &[0]].concat();
        assert!(Record::decode(kind, version, &longer).is_err(), "kind {kind}: one byte more");
        assert!(
            Record::decode(kind, version, &bytes[..bytes.len() - 1]).is_err(),
            "kind {kind}: one byte less"
        );
        assert!(Record::decode(kind, 255, &bytes).is_err(), "kind {kind}: a later version");
    }
}
