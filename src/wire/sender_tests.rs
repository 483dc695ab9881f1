use super::*;
use crate::domain::reason::Reason::*;
use crate::wire::test_kit::*;

#[test]
fn a_mark_comes_back_and_a_broken_one_does_not() {
    assert_eq!(sender_from_proto(Some(&sender_to_proto(&mark()))), Ok(mark()));
    assert_eq!(found(sender_from_proto(None)), one("sender", FieldRequired));
    let with = |change: fn(&mut types::Sender)| {
        let mut wire = sender_to_proto(&mark());
        change(&mut wire);
        found(sender_from_proto(Some(&wire)))
    };
    assert_eq!(with(|sender| sender.start_id.clear()), one("sender.start_id", FieldRequired));
    assert_eq!(with(|sender| sender.start_id.push(1)), one("sender.start_id", RequestMalformed));
    assert_eq!(with(|sender| sender.head_hash.truncate(31)), one("sender.head_hash", RequestMalformed));
    assert_eq!(with(|sender| sender.lineage.push(1)), one("sender.lineage", RequestMalformed));
}

#[test]
fn a_sender_may_tell_which_store_it_has() {
    let lineage = Some(Digest([7; 32]));
    let told = with_lineage(sender_to_proto(&mark()), lineage);
    assert_eq!((lineage_of(Some(&told)), sender_from_proto(Some(&told))), (lineage, Ok(mark())));
    assert_eq!(lineage_of(Some(&sender_to_proto(&mark()))), None);
}
