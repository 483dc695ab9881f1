//! What the hub's machine asks to read back from its own journal.

use crate::domain::coordinator::{Input, Page, decisions_of, late_decisions_of};
use crate::domain::id::Digest;
use crate::domain::protocol::Decision;
use crate::domain::record::Record;
use crate::domain::region::ProvinceCode;
use crate::domain::row::{Key, Row, TableRow, TransferRow};
use crate::domain::scan::{Filter, Scan};
use crate::store::{StoreError, Tables};
use std::collections::{BTreeMap, BTreeSet};

/// Records of one page.
const PAGE: usize = 1_000;

/// A page for a province that is told again what it lost.
///
/// # Errors
/// Those of the store.
pub fn read_back(tables: &mut dyn Tables, province: ProvinceCode, page: Page) -> Result<Input, StoreError> {
    match page {
        Page::Late(upto) => {
            let decisions = late(tables, province, upto)?;
            Ok(Input::ReadBack { province, page, upto, end: false, decisions })
        }
        Page::After(after) => {
            let (upto, end, decisions) = decided_after(tables, province, after)?;
            Ok(Input::ReadBack { province, page, upto, end, decisions })
        }
    }
}

/// What was decided up to a sequence and recorded by a province later, or not yet: the journal after it says who
/// recorded what.
fn late(tables: &mut dyn Tables, province: ProvinceCode, upto: u64) -> Result<Vec<Decision>, StoreError> {
    let mut found = BTreeMap::new();
    let mut note = |rows: &[Row]| {
        for transfer in rows.iter().filter_map(TransferRow::of) {
            let decisions = late_decisions_of(province, upto, transfer);
            if !decisions.is_empty() {
                found.insert((transfer.decided_seq, transfer.transfer_id), decisions);
            }
        }
    };
    let mut after = upto;
    loop {
        let entries = tables.journal(after, PAGE)?;
        let recorded = entries.iter().filter_map(|entry| match &entry.record {
            Record::DecisionsRecorded(recorded) if recorded.province == province => Some(&recorded.legs),
            _ => None,
        });
        let keys: BTreeSet<Key> = recorded.flatten().map(|(id, _)| Key::TransferRow(*id)).collect();
        let rows = tables.load(&keys.into_iter().collect::<Vec<_>>())?;
        note(&rows.into_iter().flatten().collect::<Vec<_>>());
        match entries.last() {
            Some(last) if entries.len() == PAGE => after = last.sequence,
            Some(_) | None => break,
        }
    }
    let mut last = None;
    loop {
        let rows = tables.scan(&Scan { filter: Filter::UnsettledTransfers, after: last, limit: PAGE })?;
        note(&rows);
        last = rows.last().map(Row::key);
        if rows.len() < PAGE {
            break;
        }
    }
    Ok(found.into_values().flatten().collect())
}

/// The journal's page after a sequence: where it ends, whether it is the last, and its decisions on legs of a province.
fn decided_after(
    tables: &mut dyn Tables,
    province: ProvinceCode,
    after: u64,
) -> Result<(u64, bool, Vec<Decision>), StoreError> {
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
    Ok((upto, end, decisions))
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
