//! What stores say after a run, read from their own files: what the audit over the wire cannot know. That the books
//! agree is the audit's to say, while the servers still work.

use crate::e2e::kit::site::{HEBEI, Site};
use gongji::devkit::auditor::{AtHub, Ledgers};
use gongji::domain::id::TransferId;
use gongji::domain::transfer::TransferState;
use std::collections::BTreeMap;

/// Demands that every journal is whole and that the givers' province, 13, has credited `funded`, in fen, as its system
/// asked for: no more and no less, and no other has.
fn read(site: &Site, funded: i64) -> Ledgers {
    let ledgers = Ledgers::read(site.servers(), &site.options().known()).expect("whole stores");
    for (province, credited) in &ledgers.credited {
        assert_eq!(*credited, if *province == HEBEI { funded } else { 0 }, "{province}");
    }
    ledgers
}

/// Demands what [`read`] demands, and that the auditor contradicts a caller who was told that something committed was
/// aborted; gives the hub's transfers.
pub fn stored(site: &Site, funded: i64) -> BTreeMap<TransferId, AtHub> {
    let mut ledgers = read(site, funded);
    let transfers = std::mem::take(&mut ledgers.transfers);
    let committed = transfers.iter().find(|(_, it)| it.state == TransferState::Committed);
    let (id, _) = committed.expect("something was committed");
    let found: Vec<&str> =
        ledgers.check([(*id, TransferState::Aborted)]).iter().map(|(kind, _)| *kind).collect();
    assert_eq!(found, ["INV-10"]);
    transfers
}

/// Demands besides that every invariant holds over the books in the stores and that nothing is open: for runs whose
/// servers no audit could read at the end.
pub fn agree(site: &Site, funded: i64) -> BTreeMap<TransferId, AtHub> {
    let mut ledgers = read(site, funded);
    let transfers = std::mem::take(&mut ledgers.transfers);
    assert_eq!(ledgers.check([]), vec![]);
    transfers
}
