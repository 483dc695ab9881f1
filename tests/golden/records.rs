//! One vector for each kind and version of record that was ever written. The bytes of a kind and version never change:
//! a new content is a new version with a vector of its own, and the old one must still be read.

use super::{holds, path, samples};
use gongji::domain::machine::{DecodeError, Kind, Record};
use gongji::domain::value::hex;
use gongji::domain::{hub, node};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const FILE: &str = "records.txt";
const HEAD: &str = "# kind version name bytes";

/// A kind and a version of its content.
type Written = (u16, u8);

/// The vectors of the versions that are written today, as lines: one sample of each kind.
fn lines<R: Record>(samples: &[R]) -> BTreeMap<Written, String> {
    let kinds: BTreeSet<u16> = samples.iter().map(R::kind).collect();
    assert_eq!(kinds, R::KINDS.iter().map(|kind| kind.number).collect(), "one sample a kind");
    let line = |record: &R| {
        format!("{} {} {} {}", record.kind(), record.version(), record.name(), hex(&record.encode()))
    };
    samples.iter().map(|record| ((record.kind(), record.version()), line(record))).collect()
}

/// The lines of the file.
fn vector_lines() -> BTreeMap<Written, String> {
    let text = fs::read_to_string(path(FILE)).expect("the golden file");
    let written = |line: &str| {
        let mut parts = line.split(' ');
        let mut number = || parts.next().and_then(|part| part.parse::<u16>().ok()).expect("kind and version");
        (number(), u8::try_from(number()).expect("a version"))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| (written(line), line.to_owned())).collect()
}

/// The vectors of the file: kind, version, bytes.
fn vectors() -> Vec<(u16, u8, Vec<u8>)> {
    let parse = |((kind, version), line): (Written, String)| {
        let bytes = line.split(' ').nth(3).expect("kind version name bytes");
        let byte = |at: usize| u8::from_str_radix(&bytes[at..at + 2], 16).expect("hexadecimal");
        (kind, version, (0..bytes.len()).step_by(2).map(byte).collect())
    };
    vector_lines().into_iter().map(parse).collect()
}

/// What both machines journal has one line: its bytes are the same whoever wrote it. Nothing can write an earlier
/// version any more: its line stays as it is.
#[test]
fn the_bytes_of_every_kind_are_as_they_were() {
    let mut all = lines(&samples::of_hub());
    all.extend(lines(&samples::of_node()));
    let today: BTreeMap<u16, u8> = all.keys().copied().collect();
    let earlier = |(kind, version): &Written| today.get(kind).is_some_and(|today| version < today);
    all.extend(vector_lines().into_iter().filter(|(written, _)| earlier(written)));
    holds(FILE, HEAD, &all.into_values().collect::<Vec<_>>());
}

/// The versions of a machine's kinds that are declared to be read.
fn declared(kinds: &[Kind]) -> impl Iterator<Item = Written> {
    kinds
        .iter()
        .flat_map(|kind| [kind.earlier, &[kind.version]].concat().into_iter().map(|it| (kind.number, it)))
}

/// The versions of kinds that a machine takes for its own, whatever their bytes.
fn taken<R: Record>() -> BTreeSet<Written> {
    let last = R::KINDS.iter().map(|kind| kind.number).max().expect("kinds");
    let all = (0..last + 100).flat_map(|kind| (0..=u8::MAX).map(move |version| (kind, version)));
    let unknown =
        |(kind, version)| R::decode(kind, version, &[]) == Err(DecodeError::Unknown { kind, version });
    all.filter(|written| !unknown(*written)).collect()
}

#[test]
fn every_version_that_is_read_has_a_vector() {
    let (of_hub, of_node) = (taken::<hub::Record>(), taken::<node::Record>());
    assert_eq!(of_hub, declared(hub::Record::KINDS).collect());
    assert_eq!(of_node, declared(node::Record::KINDS).collect());
    let with_vector: BTreeSet<Written> = vector_lines().into_keys().collect();
    assert_eq!(with_vector, of_hub.union(&of_node).copied().collect(), "a vector of each, and no other");
}

/// The table of kinds for people: what a restored store gets back, and from whom.
#[test]
fn the_kinds_are_declared_as_they_were() {
    let line = |machine: &str, kind: &Kind| {
        let Kind { number, name, version, earlier, about, told_back_by } = kind;
        let versions: Vec<String> = earlier.iter().chain([version]).map(u8::to_string).collect();
        let (versions, about) = (versions.join(","), about.unwrap_or("-"));
        format!("{machine} {number} {name} {versions} {about} {told_back_by:?}")
    };
    let of_hub = hub::Record::KINDS.iter().map(|kind| line("hub", kind));
    let all: Vec<String> = of_hub.chain(node::Record::KINDS.iter().map(|kind| line("node", kind))).collect();
    holds("record_kinds.txt", "# machine kind name versions about told_back_by", &all);
}

/// A number stands for one kind, whichever machine writes it.
#[test]
fn no_number_is_given_twice() {
    let mut names = BTreeMap::new();
    for kind in hub::Record::KINDS.iter().chain(node::Record::KINDS) {
        let declared = (kind.name, kind.version, kind.earlier);
        assert_eq!(*names.entry(kind.number).or_insert(declared), declared);
    }
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
