//! What the hub's machine asks to read back from its own journal.

use crate::domain::coordinator::{Input, decisions_of};
use crate::domain::id::Digest;
use crate::domain::record::Record;
use crate::domain::region::ProvinceCode;
use crate::domain::row::{Key, TableRow, TransferRow};
use crate::store::{StoreError, Tables};

/// Records of one page.
const PAGE: usize = 1_000;

/// The journal's page after a sequence, with its decisions on legs of a province.
///
/// # Errors
/// Those of the store.
pub fn read_back(tables: &mut dyn Tables, province: ProvinceCode, after: u64) -> Result<Input, StoreError> {
    let entries = tables.journal(after, PAGE)?;
    let (upto, end) = (entries.last().map_or(after, |entry| entry.sequence), entries.len() < PAGE);
    let decided = entries.iter().filter_map(|entry| match &entry.record {
        Record::TransferDecided(decided) => Some(decided),
        _ => None,
    });
    let decided: Vec<_> = decided.collect();
    let keys: Vec<Key> = decided.iter().map(|it| Key::TransferRow(it.transfer_id)).collect();
    let rows = tables.load(&keys)?;
    let told = |(record, row): (_, &Option<_>)| {
        let transfer: Option<&TransferRow> = row.as_ref().and_then(TableRow::of);
        transfer.map(|transfer| decisions_of(province, record, transfer))
    };
    let decisions = decided.into_iter().zip(&rows).filter_map(told).flatten().collect();
    Ok(Input::ReadBack { province, after, upto, end, decisions })
}

/// Whether a store is an older state of itself: it was made from a backup at the journal sequence `restored`, and
/// nothing that it recorded since says that it is whole again.
///
/// # Errors
/// Those of the store.
pub fn is_put_back(
    tables: &mut dyn Tables,
    restored: Option<u64>,
    is_whole: impl Fn(&Record) -> bool,
) -> Result<bool, StoreError> {
    let Some(mut after) = restored else { return Ok(false) };
    loop {
        let page = tables.journal(after, PAGE)?;
        if page.iter().any(|entry| is_whole(&entry.record)) {
            return Ok(false);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.sequence,
            Some(_) | None => return Ok(true),
        }
    }
}

/// The chain hash of a journal at a sequence; nothing where it does not reach so far.
///
/// # Errors
/// Those of the store.
pub fn hash_at(tables: &mut dyn Tables, sequence: u64) -> Result<Option<Digest>, StoreError> {
    let Some(before) = sequence.checked_sub(1) else { return Ok(None) };
    Ok(tables.journal(before, 1)?.first().filter(|entry| entry.sequence == sequence).map(|entry| entry.hash))
}
