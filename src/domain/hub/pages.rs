//! Pages of this hub's journal, for a node that is told again what it lost, and how they are read.

use super::record::Record;
use super::{Input, Key, Row, TransferRow, decision_for, unfinished_transfers};
use crate::domain::machine::reading::Tables;
use crate::domain::machine::{Scan, TableRow};
use crate::domain::protocol::Decision;
use crate::domain::value::{BySide, ProvinceCode, Side, TransferId};
use std::collections::{BTreeMap, BTreeSet};

/// Records of one page.
const PAGE: usize = 1_000;

/// A page of what a node is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    /// What was decided up to this sequence of the journal, and not recorded by the province then. The node has these
    /// legs: they come without.
    Late(u64),
    /// What was decided after this sequence, commits with their leg.
    After(u64),
}

/// A page for a province that is told again what it lost, read a stretch of the journal at a time: others who read the
/// same tables come between.
#[derive(Debug)]
pub struct ReadBack {
    province: ProvinceCode,
    page: Page,
    /// Where the next stretch begins; nothing before the first.
    after: Option<u64>,
    late: BTreeMap<(Option<u64>, TransferId), Vec<Decision>>,
}

impl ReadBack {
    /// Before anything is read.
    pub fn new(province: ProvinceCode, page: Page) -> ReadBack {
        ReadBack { province, page, after: None, late: BTreeMap::new() }
    }

    /// Reads on; gives the page once it is whole.
    ///
    /// # Errors
    /// Those of the store.
    pub fn go_on<T: Tables<Record> + ?Sized>(&mut self, tables: &mut T) -> Result<Option<Input>, T::Error> {
        let (province, page) = (self.province, self.page);
        match page {
            Page::Late(upto) => {
                if !self.late(tables, upto)? {
                    return Ok(None);
                }
                let decisions = std::mem::take(&mut self.late).into_values().flatten().collect();
                Ok(Some(Input::ReadBack { province, page, upto, end: false, decisions }))
            }
            Page::After(after) => {
                let (upto, end, decisions) = decided_after(tables, province, after)?;
                Ok(Some(Input::ReadBack { province, page, upto, end, decisions }))
            }
        }
    }

    /// Reads the page to its end.
    ///
    /// # Errors
    /// Those of the store.
    pub fn whole<T: Tables<Record> + ?Sized>(mut self, tables: &mut T) -> Result<Input, T::Error> {
        loop {
            if let Some(page) = self.go_on(tables)? {
                return Ok(page);
            }
        }
    }

    /// A stretch of what was decided up to a sequence and recorded later, or not yet: the journal after it says who
    /// recorded what. What has no receipt comes first, since it may get one meanwhile. Gives whether that was all.
    fn late<T: Tables<Record> + ?Sized>(&mut self, tables: &mut T, upto: u64) -> Result<bool, T::Error> {
        let Some(after) = self.after.replace(upto) else {
            // Nothing was decided before the first record.
            if upto > 0 {
                let scan = Scan { filter: unfinished_transfers(), after: None, limit: usize::MAX };
                self.note(&tables.scan(&scan)?, upto);
            }
            return Ok(upto == 0);
        };
        let entries = tables.journal(after, PAGE)?;
        let recorded = entries.iter().filter_map(|entry| match &entry.record {
            Record::DecisionsRecorded(recorded) if recorded.province == self.province => Some(&recorded.legs),
            _ => None,
        });
        let keys: BTreeSet<Key> = recorded.flatten().map(|(id, _)| Key::Transfer(*id)).collect();
        let rows = tables.load(&keys.into_iter().collect::<Vec<_>>())?;
        self.note(&rows.into_iter().flatten().collect::<Vec<_>>(), upto);
        self.after = entries.last().map(|last| last.sequence);
        Ok(entries.len() < PAGE)
    }

    fn note(&mut self, rows: &[Row], upto: u64) {
        for transfer in rows.iter().filter_map(TransferRow::of) {
            let decisions = late_decisions_of(self.province, upto, transfer);
            if !decisions.is_empty() {
                self.late.insert((transfer.decided_seq, transfer.transfer_id), decisions);
            }
        }
    }
}

/// The journal's page after a sequence: where it ends, whether it is the last, and its decisions on legs of a province.
fn decided_after<T: Tables<Record> + ?Sized>(
    tables: &mut T,
    province: ProvinceCode,
    after: u64,
) -> Result<(u64, bool, Vec<Decision>), T::Error> {
    let entries = tables.journal(after, PAGE)?;
    let (upto, end) = (entries.last().map_or(after, |entry| entry.sequence), entries.len() < PAGE);
    let about = |record: &Record| match record {
        Record::TransferDecided(decided) => Some(decided.transfer_id),
        Record::TransferPosted(posted) => Some(posted.transfer_id),
        Record::LegNamed(named) => Some(named.transfer_id),
        _ => None,
    };
    let decided = entries.iter().filter_map(|entry| Some((&entry.record, about(&entry.record)?)));
    let (decided, keys): (Vec<_>, Vec<_>) = decided.map(|(record, id)| (record, Key::Transfer(id))).unzip();
    let rows = tables.load(&keys)?;
    let told = |(record, row): (_, &Option<_>)| {
        let transfer: Option<&TransferRow> = row.as_ref().and_then(TableRow::of);
        transfer.map(|transfer| decisions_of(province, record, transfer))
    };
    let mut decisions: Vec<Decision> = Vec::new();
    for decision in decided.into_iter().zip(&rows).filter_map(told).flatten() {
        // A leg that was named since is told once, as it is now.
        match decisions.iter_mut().find(|it| decision.lost.is_some() && it.leg() == decision.leg()) {
            Some(earlier) => *earlier = decision,
            None => decisions.push(decision),
        }
    }
    Ok((upto, end, decisions))
}

/// The decisions on a province's legs of a transfer that was decided up to a sequence, and recorded there later or not
/// yet.
pub fn late_decisions_of(province: ProvinceCode, upto: u64, transfer: &TransferRow) -> Vec<Decision> {
    let late = |side: &Side| {
        transfer.provinces()[*side] == province
            && transfer.recorded()[*side].is_none_or(|recorded| recorded > upto)
    };
    let decided = transfer.decided_seq.is_some_and(|decided| decided <= upto);
    let sides = Side::BOTH.into_iter().filter(|side| decided && late(side));
    sides.filter_map(|side| decision_for(transfer, side)).collect()
}

/// The decisions of a record for a province's legs, with the leg that its node sealed: a commit's, and that of whatever
/// its node has posted.
pub fn decisions_of(province: ProvinceCode, record: &Record, transfer: &TransferRow) -> Vec<Decision> {
    let told = |side: Side| {
        let decision = decision_for(transfer, side).filter(|_| transfer.provinces()[side] == province)?;
        let is_posted_here = transfer.number.is_some() && side == Side::Payee;
        let leg_record = match record {
            Record::TransferPosted(posted) if is_posted_here => posted.leg_record.clone(),
            Record::LegNamed(named) if named.side == side => named.leg_record.clone(),
            Record::TransferDecided(decided) if !is_posted_here => {
                let legs =
                    decided.commit.as_ref().map(|it| BySide { payer: &it.payer_leg, payee: &it.payee_leg });
                legs.map(|legs| legs[side].clone()).unwrap_or_default()
            }
            _ => return None,
        };
        Some(Decision { leg_record, ..decision })
    };
    Side::BOTH.into_iter().filter_map(told).collect()
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
