//! Records of which an earlier version was written.

use super::{DecodeError, Kind, Record as _, ToldBackBy, replay};
use crate::domain::machine::describe::Detail;
use crate::domain::machine::own::IncidentRaised;
use crate::domain::machine::samples::{ItemCounted, ItemRow, Key, Record, Started};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Side, StartId, TransferId, hex};

/// The golden bytes of both versions: shop 1, shelf 2, item 3, of which there are 4; in version 2 it is settled.
const VERSION_1: &str = "0100000000000000020000000000000003000000000000000400000000000000";
const VERSION_2: &str = "010000000000000002000000000000000300000000000000040000000000000001";

fn bytes(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn counted(is_settled: bool) -> Record {
    ItemCounted { shop: 1, shelf: 2, item: 3, count: 4, is_settled }.into()
}

#[test]
fn bytes_of_an_earlier_version_are_read_as_a_record_of_today() {
    let read = Record::decode(2, 1, &bytes(VERSION_1)).unwrap();
    assert_eq!((&read, read.version()), (&counted(false), 2));
    assert_eq!(Record::decode(2, 2, &bytes(VERSION_2)).unwrap(), counted(true));
    assert_eq!(hex(&counted(true).encode()), VERSION_2, "only today's version is written");
    let rows = replay([&read]);
    assert_eq!(
        rows.get(&Key::Item(1, 2, 3)).map(|row: &ItemRow| (row.count, row.is_settled)),
        Some((4, false))
    );
}

#[test]
fn a_version_or_kind_that_was_never_written_is_unknown() {
    for (kind, version) in [(2, 0), (2, 3), (1, 2), (3, 1)] {
        let unknown = Err(DecodeError::Unknown { kind, version });
        assert_eq!(Record::decode(kind, version, &bytes(VERSION_2)), unknown);
    }
}

#[test]
fn bytes_of_one_version_are_not_those_of_another() {
    for (version, text) in [(1, VERSION_2), (2, VERSION_1)] {
        let refused = Err(DecodeError::Content { kind: 2, version });
        assert_eq!(Record::decode(2, version, &bytes(text)), refused);
    }
}

#[test]
fn a_record_says_what_it_was_declared_with() {
    let started: Record = Started { incarnation: 1, start_id: StartId::default(), time: Civil(5) }.into();
    let transfer_id = TransferId([9; 16]);
    let refusal = RefusalRecord::new(Reason::ContraryOrder, RefusalSide::Hub);
    let raised: Record = IncidentRaised { transfer_id, side: Side::Payer, refusal, time: Civil(5) }.into();
    let said = |it: &Record| (it.kind(), it.name(), it.version(), it.transfer_id());
    assert_eq!(said(&started), (1, "Started", 1, None));
    assert_eq!(said(&counted(true)), (2, "ItemCounted", 2, None));
    assert_eq!(said(&raised), (8, "IncidentRaised", 1, Some(transfer_id)));
    let kind = |number, name, about, told_back_by| Kind {
        number,
        name,
        version: 1,
        earlier: &[],
        about,
        told_back_by,
    };
    let expected = [
        kind(1, "Started", None, ToldBackBy::Nobody),
        Kind { version: 2, earlier: &[1], ..kind(2, "ItemCounted", None, ToldBackBy::Platform) },
        kind(7, "PeerSeen", None, ToldBackBy::Node),
        kind(8, "IncidentRaised", Some("transfer_id"), ToldBackBy::Node),
        kind(18, "TimeNoted", None, ToldBackBy::Nobody),
        kind(19, "TimeLowered", None, ToldBackBy::Nobody),
    ];
    assert_eq!(Record::KINDS, expected);
    assert_eq!(counted(true).details().last(), Some(&("is_settled", Detail::Flag(true))));
}
