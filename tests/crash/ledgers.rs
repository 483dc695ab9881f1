//! What stores say after a run, read from their own files by the auditor of servers that have stopped.

use super::process::Servers;
use crate::e2e::kit::audit::final_answer;
use crate::e2e::kit::site::{HEBEI, Site};
use gongji::devkit::auditor::{AtHub, Ledgers};
use gongji::domain::protocol::TransferState;
use gongji::domain::value::TransferId;
use gongji::proto::hub::Transfer;
use std::collections::BTreeMap;

fn read(site: &Site) -> Ledgers {
    Ledgers::read(site.layout(), &site.options().known()).expect("whole stores")
}

/// Demands that every journal is whole, that every invariant holds over the books in the stores, that nothing is open,
/// and that the payers' province, 13, has credited `funded`, in fen, as its system asked for: no more and no less, and
/// no other has. Gives the hub's transfers.
pub fn agree(site: &Site, funded: i64) -> BTreeMap<TransferId, AtHub> {
    let mut ledgers = read(site);
    for (province, credited) in &ledgers.credited {
        assert_eq!(*credited, if *province == HEBEI { funded } else { 0 }, "{province}");
    }
    let transfers = std::mem::take(&mut ledgers.transfers);
    assert_eq!(ledgers.check([]), vec![]);
    transfers
}

/// Demands that the auditor contradicts a caller who was told of a committed transfer that it was aborted.
pub fn contradicts(servers: &Servers, answers: &[Transfer]) {
    let mut told = answers.iter().filter_map(final_answer);
    let (id, _) = told.find(|(_, state)| *state == TransferState::Committed).expect("a commit");
    let found = read(servers.site()).check([(id, TransferState::Aborted)]);
    assert_eq!(found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ["INV-10"]);
}
