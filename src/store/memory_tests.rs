use super::*;
use crate::domain::node;
use crate::store::samples::Sample;

fn one(n: u8) -> Commit<node::Record> {
    Commit { records: vec![Sample::sample(n)], ..Commit::default() }
}

#[test]
fn a_fault_before_the_write_leaves_nothing_and_one_after_leaves_all() {
    for (fault, kept) in [(Fault::Before, 1), (Fault::After, 2)] {
        let mut store = MemoryStore::new();
        let disk = store.disk();
        disk.fail_append(2, fault);
        let head = store.append(&one(1)).unwrap();
        assert!(store.append(&one(2)).is_err());
        assert_eq!(store.head(), head, "the caller knows only what he was told");
        assert!(store.append(&one(3)).is_err(), "it is not used any more");
        let mut again = disk.open();
        assert_eq!(again.head().sequence, kept);
        assert_eq!(again.append(&one(4)).unwrap().sequence, kept + 1);
    }
}

#[test]
fn a_store_that_was_opened_again_elsewhere_writes_no_more() {
    let mut old = MemoryStore::new();
    let mut new = old.disk().open();
    assert!(matches!(old.append(&one(1)), Err(StoreError::Locked(_))));
    assert_eq!(new.append(&one(1)).unwrap().sequence, 1);
}
