//! Whether the hub's store was put back from a backup and has not yet heard what it lost.

use crate::domain::record::Record;
use crate::store::sqlite::SqliteStore;
use crate::store::{StoreError, Tables};

/// Records read at a time.
const PAGE: usize = 1_000;

/// Whether the hub must hear every node before it serves: its store is marked as restored, and its journal has no end
/// of a recovery since then.
pub(super) fn is_to_recover(store: &mut SqliteStore) -> Result<bool, StoreError> {
    let Some(mut after) = store.restored()? else { return Ok(false) };
    loop {
        // A hub that has to recover does little before, so the end of it is found on the first page.
        let page = store.journal(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(true) };
        if page.iter().any(|entry| matches!(entry.record, Record::HubRecovered(_))) {
            return Ok(false);
        }
        after = last.sequence;
    }
}
