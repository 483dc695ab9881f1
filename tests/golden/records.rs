//! One vector for each kind and version of record that was ever written. The bytes of a kind and version never change:
//! a new content is a new version with a vector of its own, and the old one must still be read.

use super::{holds, path, samples};
use gongji::domain::machine::record::{DecodeError, Record};
use gongji::domain::value::id::hex;
use gongji::domain::{hub, node};
use std::collections::BTreeSet;
use std::fs;

const FILE: &str = "records.txt";
const HEAD: &str = "# kind version name bytes";

/// Each kind with its line.
fn lines<R: Record>(samples: &[R]) -> BTreeSet<(u16, String)> {
    let kinds: BTreeSet<u16> = samples.iter().map(R::kind).collect();
    assert_eq!(kinds.len(), samples.len(), "one sample a kind");
    let line = |record: &R| {
        format!("{} {} {} {}", record.kind(), record.version(), record.name(), hex(&record.encode()))
    };
    samples.iter().map(|record| (record.kind(), line(record))).collect()
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
    // What both machines journal has one line: its bytes are the same whoever wrote it.
    let mut all = lines(&samples::of_hub());
    all.extend(lines(&samples::of_node()));
    holds(FILE, HEAD, &all.into_iter().map(|(_, line)| line).collect::<Vec<_>>());
}

/// Whether a machine reads a vector back; it does not know the kinds of which it has no sample.
fn is_read_back<R: Record>(samples: &[R], (kind, version, bytes): &(u16, u8, Vec<u8>)) -> bool {
    let (kind, version) = (*kind, *version);
    let read = R::decode(kind, version, bytes);
    let Some(sample) = samples.iter().find(|sample| sample.kind() == kind) else {
        assert_eq!(read, Err(DecodeError::Unknown { kind, version }), "a sample of each kind");
        return false;
    };
    let record = read.expect("a vector that this program can read");
    if record.version() == version {
        assert_eq!((&record, &record.encode()), (sample, bytes));
    }
    true
}

#[test]
fn every_vector_is_read_back() {
    let (of_hub, of_node) = (samples::of_hub(), samples::of_node());
    for vector in vectors() {
        let readers = [is_read_back(&of_hub, &vector), is_read_back(&of_node, &vector)];
        assert!(readers.contains(&true), "kind {}: nobody's", vector.0);
    }
}

#[test]
fn bytes_too_many_too_few_or_of_an_unknown_version_are_no_record() {
    for (kind, version, bytes) in vectors() {
        is_no_record::<hub::Record>(kind, version, &bytes);
        is_no_record::<node::Record>(kind, version, &bytes);
    }
}

fn is_no_record<R: Record>(kind: u16, version: u8, bytes: &[u8]) {
    let longer = [bytes, &[0]].concat();
    assert!(R::decode(kind, version, &longer).is_err(), "kind {kind}: one byte more");
    assert!(R::decode(kind, version, &bytes[..bytes.len() - 1]).is_err(), "kind {kind}: one byte less");
    assert!(R::decode(kind, 255, bytes).is_err(), "kind {kind}: a later version");
}
