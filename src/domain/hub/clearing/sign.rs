//! The two provinces of a table sign it, each by a maker and a checker.

use super::centre;
use super::event::{ClearingEvent, TableSigned};
use super::pair::Pair;
use super::publish::{oblige, pair_key};
use crate::domain::hub::tables::{Key, PairRow};
use crate::domain::hub::{Rows, refusal};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Digest, Period, ProvinceCode};

/// A person signs a table for his province.
#[derive(Clone, Debug, PartialEq, Eq, Hash, borsh::BorshSerialize)]
pub struct Signature {
    /// The month.
    pub period: Period,
    /// The table's pair.
    pub pair: Pair,
    /// The digest of the version that he has read.
    pub digest: Digest,
    /// His province; 00: he signs for the national centre.
    pub province: ProvinceCode,
}

/// The table, and what its last signature obliges to.
pub(super) fn needs(period: Period, pair: Pair, keys: &mut Vec<Key>) {
    keys.extend([pair_key(period, pair), Key::Period(period)]);
    keys.push(Key::Obligation(period, pair.first, pair.second));
    keys.push(Key::Obligation(period, pair.second, pair.first));
}

impl PairRow {
    /// Whose table it is.
    pub fn pair(&self) -> Pair {
        Pair { first: self.first, second: self.second }
    }
}

/// Maker and checker of a side, as far as they have signed.
fn signers(row: &PairRow, province: ProvinceCode) -> (&Option<String>, &Option<String>) {
    if row.first == province {
        (&row.first_maker, &row.first_checker)
    } else {
        (&row.second_maker, &row.second_checker)
    }
}

/// The table of a pair.
///
/// # Errors
/// It is not published.
pub(super) fn published_table(period: Period, pair: Pair, rows: &Rows) -> Result<&PairRow, RefusalRecord> {
    let not_yet = || refusal(Reason::TableNotPublished).with("period", period).with("pair", pair);
    rows.get::<PairRow>(&pair_key(period, pair)).ok_or_else(not_yet)
}

/// Signs. None: this person has signed this version already.
pub(super) fn sign(
    signature: &Signature,
    person: &str,
    rows: &Rows,
) -> Result<Option<ClearingEvent>, RefusalRecord> {
    let Signature { period, pair, digest, province } = *signature;
    let with = |reason| refusal(reason).with("period", period).with("pair", pair);
    if !pair.has(province) {
        return Err(with(Reason::TableOfOthers));
    }
    let row = published_table(period, pair, rows)?;
    if centre::is_net(period, rows) != pair.is_net() {
        return Err(with(Reason::OtherScheme));
    }
    if row.digest != digest {
        return Err(with(Reason::VersionSuperseded).with("version", row.version));
    }
    let (maker, checker) = signers(row, province);
    let is_his = |signer: &Option<String>| signer.as_deref() == Some(person);
    if is_his(checker) {
        return Ok(None);
    }
    let checks = maker.is_some();
    match (row.final_time, maker, checker) {
        (Some(_), None, _) => return Err(with(Reason::NothingToSign)),
        (_, _, Some(_)) if is_his(maker) => return Ok(None),
        (_, _, Some(_)) => return Err(with(Reason::TableSigned)),
        (_, Some(_), None) if is_his(maker) => return Err(with(Reason::SecondPersonNeeded)),
        (..) => {}
    }
    let (version, person) = (row.version, person.to_owned());
    let signed = TableSigned { period, pair, version, digest, province, person, checks };
    Ok(Some(ClearingEvent::TableSigned(signed)))
}

/// Whether a signature that is told can follow.
pub(super) fn can_adopt(it: &TableSigned, rows: &Rows) -> bool {
    let TableSigned { period, pair, digest, province, ref person, checks, .. } = *it;
    let signature = Signature { period, pair, digest, province };
    let expected = sign(&signature, person, rows).ok().flatten();
    matches!(expected, Some(ClearingEvent::TableSigned(expected)) if expected.checks == checks)
}

/// A person has signed; the last signature makes the table final.
pub(super) fn signed(event: &TableSigned, time: Civil, rows: &mut Rows) {
    let Some(row) = rows.get::<PairRow>(&pair_key(event.period, event.pair)) else { return };
    let (mut row, person) = (row.clone(), Some(event.person.clone()));
    match (row.first == event.province, event.checks) {
        (true, false) => row.first_maker = person,
        (true, true) => row.first_checker = person,
        (false, false) => row.second_maker = person,
        (false, true) => row.second_checker = person,
    }
    if row.first_checker.is_some() && row.second_checker.is_some() {
        row.final_time = Some(time);
        oblige(&row, time, rows);
    }
    rows.put(row);
}
