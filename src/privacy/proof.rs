//! Proof that a key file is the one of a store, before anything is found, compared or sealed by it.
//!
//! A key that is well formed and wrong finds nobody: whoever is there would be taken for unknown, be reported again,
//! and be paid twice.

use crate::domain::machine::{Filter, Row, Scan, Table, TableRow, VaultChange, VaultKeyRow, VaultKeyState};
use crate::domain::value::Civil;
use crate::privacy::key::{KeyId, VaultKey};
use crate::privacy::seal::{SealError, key_of};
use crate::privacy::sealed_row::SealedRow;
use std::collections::BTreeMap;

/// Rows read at a time.
const PAGE: usize = 1_000;
/// A store of before check values is proven by one row that opens. So many are tried: one may be damaged.
const TRIED: usize = 64;

/// Why a key file is not that of a store.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongKey {
    /// Its digests or seals are of another store.
    #[error(
        "this is not the vault key of this store: nobody in it would be found. Nothing was changed; bring the right \
         key file. 密钥文件不是本库的保险库密钥：用它将找不到任何人。未作任何更改，请换回正确的密钥文件"
    )]
    Other,
    /// It lacks keys under which something is sealed.
    #[error(
        "the key file lacks sealing key {id}, under which {rows} rows of the vault are sealed: bring the file that has \
         it. 密钥文件缺少封存密钥 {id}，保险库中仍有 {rows} 行由它封存，请换回含有该密钥的文件"
    )]
    Lacks {
        /// The first that is missing.
        id: String,
        /// How many rows need it.
        rows: u64,
    },
    /// It lacks the key that seals at this moment.
    #[error(
        "the key file lacks sealing key {0}, which seals now: add a new one first, and delete this one when nothing \
         needs it. 密钥文件缺少正在使用的封存密钥 {0}：请先增加新密钥，确认无数据需要后再删除旧密钥"
    )]
    LacksCurrent(String),
}

/// What a store says of its keys, as far as this file is right.
#[derive(Debug)]
pub struct Proof {
    /// The keys that the store keeps check values of.
    pub known: Vec<VaultKeyRow>,
    /// Those among them that the file does not have, and that the store has not seen go.
    pub missing: Vec<VaultKeyRow>,
}

/// Reads a page of rows of some store.
pub type ReadPage<'a, R, E> = &'a mut dyn FnMut(&Scan<R>) -> Result<Vec<R>, E>;

fn vault_tables<R: Row>() -> impl Iterator<Item = R::Table> {
    R::Table::ALL.iter().copied().filter(|table| table.is_vault())
}

/// The check values that a store keeps.
///
/// # Errors
/// Of the reading.
pub fn known_keys<R: Row, E>(scan: ReadPage<'_, R, E>) -> Result<Vec<VaultKeyRow>, E>
where
    VaultKeyRow: TableRow<R>,
{
    let named = vault_tables::<R>().filter(|table| table.name() == "vault_key");
    let mut known = Vec::new();
    for table in named {
        let rows = scan(&Scan { filter: Filter::all(table), after: None, limit: usize::MAX })?;
        known.extend(rows.iter().filter_map(VaultKeyRow::of).cloned());
    }
    Ok(known)
}

/// Compares a key file with what a store keeps of its keys. A store of before keys had check values is proven by rows:
/// one must open, and be found by its digest. A store with neither takes the key that it is given.
///
/// # Errors
/// Of the reading; inside, that it is another key.
pub fn prove<R: SealedRow, E>(key: &VaultKey, scan: ReadPage<'_, R, E>) -> Result<Result<Proof, WrongKey>, E>
where
    VaultKeyRow: TableRow<R>,
{
    let known = known_keys(scan)?;
    if known.is_empty() {
        return Ok(if proven_by_rows(key, scan)? {
            Ok(Proof { known, missing: Vec::new() })
        } else {
            Err(WrongKey::Other)
        });
    }
    let mut missing = Vec::new();
    for row in &known {
        match key.fits(row) {
            Some(true) => {}
            Some(false) => return Ok(Err(WrongKey::Other)),
            None if row.state == VaultKeyState::Deleted => {}
            None => missing.push(row.clone()),
        }
    }
    Ok(Ok(Proof { known, missing }))
}

fn proven_by_rows<R: SealedRow, E>(key: &VaultKey, scan: ReadPage<'_, R, E>) -> Result<bool, E> {
    for table in vault_tables::<R>() {
        let rows = scan(&Scan { filter: Filter::all(table), after: None, limit: TRIED })?;
        let mut sealed = rows.iter().filter(|row| row.sealed().is_some()).peekable();
        // People come first, and alone prove the digests: a later table must not speak for them.
        if sealed.peek().is_some() {
            return Ok(sealed.any(|row| row.opens(key).is_ok()));
        }
    }
    Ok(true)
}

/// What stands in a vault, by the key that it is sealed under; of values that name none, under nothing.
pub type RowsByKey = BTreeMap<Option<KeyId>, u64>;

/// Reads the whole vault, and says of each row to `seen` what it is.
///
/// # Errors
/// Of the reading.
pub fn each_sealed<R: SealedRow, E>(scan: ReadPage<'_, R, E>, mut seen: impl FnMut(&R)) -> Result<(), E> {
    for table in vault_tables::<R>() {
        let mut page = Scan { filter: Filter::all(table), after: None, limit: PAGE };
        loop {
            let rows = scan(&page)?;
            rows.iter().filter(|row| row.sealed().is_some()).for_each(&mut seen);
            if rows.len() < PAGE {
                break;
            }
            page.after = rows.last().map(Row::key);
        }
    }
    Ok(())
}

/// How many rows of the vault are sealed under each key.
///
/// # Errors
/// Of the reading.
pub fn rows_by_key<R: SealedRow, E>(scan: ReadPage<'_, R, E>) -> Result<RowsByKey, E> {
    let mut counts = RowsByKey::new();
    each_sealed(scan, |row: &R| {
        if let Some(sealed) = row.sealed() {
            *counts.entry(key_of(sealed)).or_default() += 1;
        }
    })?;
    Ok(counts)
}

/// How many rows of the vault do not open, of how many.
///
/// # Errors
/// Of the reading.
pub fn unopened<R: SealedRow, E>(key: &VaultKey, scan: ReadPage<'_, R, E>) -> Result<(u64, u64), E> {
    let (mut shut, mut all) = (0, 0);
    each_sealed(scan, |row: &R| {
        all += 1;
        shut += u64::from(row.opens(key).is_err());
    })?;
    Ok((shut, all))
}

/// The first key that rows of the vault need and that a file lacks.
pub fn lacked(key: &VaultKey, rows: &RowsByKey) -> Result<(), WrongKey> {
    match rows.iter().find(|(id, count)| **count > 0 && !key.has(**id)) {
        Some((id, rows)) => {
            let id = id.map_or_else(|| "(the first)".to_owned(), |id| id.to_string());
            Err(WrongKey::Lacks { id, rows: *rows })
        }
        None => Ok(()),
    }
}

/// The same, and that the file has all keys under which something in the vault is sealed.
///
/// # Errors
/// Of the reading; inside, that it is another key, or lacks one.
pub fn prove_all<R: SealedRow, E>(
    key: &VaultKey,
    scan: ReadPage<'_, R, E>,
) -> Result<Result<Proof, WrongKey>, E>
where
    VaultKeyRow: TableRow<R>,
{
    match prove(key, scan)? {
        Ok(proof) if !proof.missing.is_empty() => Ok(lacked(key, &rows_by_key(scan)?).map(|()| proof)),
        proven => Ok(proven),
    }
}

/// What a store must note when a server begins with these keys; `at`: see [`noted`].
///
/// # Errors
/// Of the reading; inside, that they are not this store's: then nothing may be found or noted by them.
pub fn begun<R, E>(
    key: &VaultKey,
    scan: ReadPage<'_, R, E>,
    at: (Civil, Option<u64>),
) -> Result<Result<Vec<R>, WrongKey>, E>
where
    R: SealedRow + From<VaultKeyRow>,
    VaultKeyRow: TableRow<R>,
{
    let changes = |proof: Proof| noted(key, &proof.known, &proof.missing, at);
    let rows = |proof| changes(proof).into_iter().map(|change: VaultChange<R>| change.row).collect();
    Ok(prove_all(key, scan)?.map(rows))
}

/// What a store must note when these keys come into force: `head` is the journal's sequence now, if what stands behind
/// it is known; `gone` the keys that are not in the file any more and that no row needs.
pub fn noted<R: SealedRow + From<VaultKeyRow>>(
    key: &VaultKey,
    known: &[VaultKeyRow],
    gone: &[VaultKeyRow],
    (now, head): (Civil, Option<u64>),
) -> Vec<VaultChange<R>> {
    let change = |seen: Option<&VaultKeyRow>, row: VaultKeyRow| {
        (seen != Some(&row)).then(|| VaultChange { seen: seen.cloned().map(R::from), row: row.into() })
    };
    let ended = |row: VaultKeyRow| match row.state {
        VaultKeyState::Retired => VaultKeyRow { until_seq: head, ..row },
        _ => row,
    };
    let wanted = key.check_rows(now).into_iter().filter_map(|wanted| {
        let Some(seen) = known.iter().find(|row| row.key_id == wanted.key_id) else {
            return change(None, ended(wanted));
        };
        let row = match (seen.state, wanted.state) {
            (VaultKeyState::Retired | VaultKeyState::Unused, VaultKeyState::Retired) => {
                VaultKeyRow { until_seq: seen.until_seq.or(head), ..seen.clone() }
            }
            (now, then) if now == then => seen.clone(),
            (_, VaultKeyState::Seals) => VaultKeyRow { state: wanted.state, until_seq: None, ..seen.clone() },
            (_, _) => ended(VaultKeyRow { state: wanted.state, ..seen.clone() }),
        };
        change(Some(seen), row)
    });
    let gone = gone.iter().filter_map(|seen| {
        let until_seq = seen.until_seq.or(head);
        change(Some(seen), VaultKeyRow { state: VaultKeyState::Deleted, until_seq, ..seen.clone() })
    });
    wanted.chain(gone).collect()
}

/// Rows of a page that are sealed under an older key, sealed anew; and how many of them do not open.
pub fn sealed_anew<R: SealedRow>(key: &VaultKey, rows: &[R]) -> (Vec<VaultChange<R>>, u64) {
    let (mut changes, mut shut) = (Vec::new(), 0);
    for row in rows.iter().filter(|row| row.is_sealed_before(key)) {
        match row.sealed_anew(key) {
            Ok(anew) => changes.push(VaultChange { seen: Some(row.clone()), row: anew }),
            Err(SealError::NoKey | SealError::NotAuthentic | SealError::Content) => shut += 1,
        }
    }
    (changes, shut)
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
