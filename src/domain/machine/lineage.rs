//! Which store a peer has: its lineage is the chain hash of its journal's first record, which every copy and backup of
//! it shares. What is told first is taken up; afterwards a store of another lineage is refused, until two operators
//! accept it.

use crate::domain::machine::own::{PeerRow, peer};
use crate::domain::machine::record::{Record, contents};
use crate::domain::machine::step::Step;
use crate::domain::machine::table::Row;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Digest, ProvinceCode, hex};
use borsh::{BorshDeserialize, BorshSerialize};

/// The lineage of a store that holds nothing yet. Where it is known of a peer, two operators have accepted that it
/// begins from nothing: the lineage that it tells next is taken up.
pub const FROM_NOTHING: Digest = Digest([0; 32]);

contents! {
    /// Which store a peer has, as it first told, or as two operators have accepted.
    PeerLineage {
        /// The peer; 0 is the hub.
        province: ProvinceCode,
        /// Chain hash of its journal's first record; zeros: it begins from nothing.
        lineage: Digest,
        /// Whether two operators have accepted it.
        accepted: bool,
    }
}

/// A peer's role, as stores and operators name it: "hub", "node:51".
pub fn role_of(peer: ProvinceCode) -> String {
    if peer == ProvinceCode::HUB { "hub".to_owned() } else { format!("node:{peer}") }
}

/// A peer's store is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherLineage {
    /// Whose store it is; 0 is the hub.
    pub peer: ProvinceCode,
    /// The lineage that was known; none: it had not told any.
    pub known: Option<Digest>,
    /// The lineage that it has now.
    pub found: Digest,
}

impl From<OtherLineage> for RefusalRecord {
    fn from(other: OtherLineage) -> RefusalRecord {
        let known = other.known.map_or_else(|| "not told".to_owned(), |it| hex(&it.0));
        let refusal = RefusalRecord::new(Reason::OtherLineage, RefusalSide::Hub);
        refusal.with("peer", role_of(other.peer)).with("known", known).with("found", hex(&other.found.0))
    }
}

/// Compares what is known of a peer's store with what it tells. What is not known, or not told, contradicts nothing.
///
/// # Errors
/// It is another store.
pub fn same_lineage(
    peer: ProvinceCode,
    known: Option<Digest>,
    told: Option<Digest>,
) -> Result<(), OtherLineage> {
    match known.filter(|it| *it != FROM_NOTHING).zip(told) {
        Some((known, found)) if known != found => Err(OtherLineage { peer, known: Some(known), found }),
        Some(_) | None => Ok(()),
    }
}

/// The lineage that is known of a peer.
pub fn lineage_of<R: Row>(province: ProvinceCode, rows: &WorkingSet<R>) -> Option<Digest> {
    peer(rows, province).and_then(|row| row.lineage)
}

/// Takes up the lineage that a peer tells first.
pub fn take_up<R, A, E>(province: ProvinceCode, told: Option<Digest>, step: &mut Step<'_, R, A, E>)
where
    R: Record + From<PeerLineage>,
{
    let known = lineage_of(province, step.rows());
    if let Some(lineage) = told.filter(|_| known.is_none_or(|it| it == FROM_NOTHING))
        && known != told
    {
        step.record(PeerLineage { province, lineage, accepted: false });
    }
}

/// A peer's lineage is known from here on. Of another hub's journal nothing was seen; what was seen of a node stays,
/// since it shows that the node's new store lacks that.
pub fn told<R: Row>(record: &PeerLineage, rows: &mut WorkingSet<R>) {
    let province = record.province;
    let known = peer(rows, province).cloned().unwrap_or_else(|| PeerRow::unseen(province));
    let is_another = record.accepted && known.lineage != Some(record.lineage);
    let known = if is_another && province == ProvinceCode::HUB { PeerRow::unseen(province) } else { known };
    rows.put(PeerRow { lineage: Some(record.lineage), ..known });
}

#[cfg(test)]
#[path = "lineage_tests.rs"]
mod tests;
