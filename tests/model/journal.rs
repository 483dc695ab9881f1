//! Journals in worlds where stores are restored: each side tells an older store of the other by its journal's hash.

use super::server::{Server, Sort, Told, print};
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::hub::{self, HubMachine, Page, decisions_of};
use gongji::domain::machine::{Machine, Record};
use gongji::domain::protocol::{Decision, PeerMark};
use gongji::domain::value::{Digest, ProvinceCode};
use std::sync::Arc;

/// The journal as others know it. How far a peer was seen is not counted: two who tell each other that would never come
/// to an end. A store that has lost nothing else has lost nothing.
#[derive(Clone, Debug)]
pub struct Journal<M: Machine> {
    /// The chain's hash at each sequence, from the first on.
    hashes: Vec<Digest>,
    /// The sequence of each decision.
    decided_at: Vec<u64>,
    /// Whether the store was restored, is marked so, and has not heard yet what it lost.
    marked: bool,
    /// The server as it was before each of its batches; nothing where it cannot be restored any more.
    past: Option<Vec<Arc<Server<M>>>>,
}

impl<M: Told> Journal<M> {
    /// An empty one. `past`: whether the store may be restored.
    pub fn new(past: bool) -> Journal<M> {
        Journal { hashes: Vec::new(), decided_at: Vec::new(), marked: false, past: past.then(Vec::new) }
    }

    /// Counts a record.
    pub fn append(&mut self, record: &M::Record, mark: &mut PeerMark) {
        let sort = M::sort(record);
        if sort == Sort::PeerSeen {
            return;
        }
        if sort == Sort::Restored {
            self.marked = false;
        }
        mark.sequence += 1;
        let link = print(&(mark.head_hash, record.encode()));
        mark.head_hash.0[..8].copy_from_slice(&link.to_be_bytes());
        self.hashes.push(mark.head_hash);
        if sort == Sort::Decided {
            self.decided_at.push(mark.sequence);
        }
    }

    /// Stands for it, beside its head.
    pub fn print(&self) -> u64 {
        let past: Option<Vec<u64>> = self.past.as_ref().map(|past| past.iter().map(|it| it.print).collect());
        print(&(past, self.marked))
    }
}

impl<M: Told> Journal<M> {
    /// Remembers the server as it was before its last batch.
    pub fn remember(&mut self, before: &Server<M>) {
        if let Some(past) = &mut self.past {
            let mut before = before.clone();
            before.forget_past();
            past.push(Arc::new(before));
        }
    }
}

impl<M: Told> Server<M> {
    /// It cannot be restored any more.
    pub fn forget_past(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.past = None;
        }
        self.seal();
    }

    /// What it was before each of its batches.
    pub fn past(&self) -> &[Arc<Server<M>>] {
        self.journal.as_ref().and_then(|it| it.past.as_deref()).unwrap_or_default()
    }

    /// Whether it was restored, is marked so, and has not heard yet what it lost.
    pub fn is_marked(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.marked)
    }

    /// The store as it was then, restored.
    pub fn restored(&self, to: usize, marked: bool) -> Server<M> {
        let mut old = (*self.past()[to]).clone();
        if let Some(journal) = &mut old.journal {
            journal.marked = marked;
        }
        old
    }

    /// The journal's hash at a sequence, if it reaches so far.
    pub fn hash_at(&self, sequence: u64) -> Option<Digest> {
        let at = usize::try_from(sequence.checked_sub(1)?).ok()?;
        self.journal.as_ref()?.hashes.get(at).copied()
    }
}

impl Server<HubMachine> {
    /// A page of the journal, as the hub asks to have it read back. What was recorded late is here all that was decided
    /// up to there, since rows count no sequences here; what is told needlessly is confirmed.
    pub fn page(&self, province: ProvinceCode, page: Page) -> hub::Input {
        let decided_at = self.journal.as_ref().map(|it| it.decided_at.as_slice()).unwrap_or_default();
        let is_of_it = |at: u64| match page {
            Page::Late(upto) => at <= upto,
            Page::After(after) => at > after,
        };
        let records = self.decisions().iter().zip(decided_at).filter(|(_, at)| is_of_it(**at));
        let told = |(record, _): (&hub::Record, _)| {
            let hub::Record::TransferDecided(decided) = record else { return Vec::new() };
            let transfer: Option<&TransferRow> = self.get(&hub::Key::Transfer(decided.transfer_id));
            transfer.map(|transfer| decisions_of(province, record, transfer)).unwrap_or_default()
        };
        let told = records.flat_map(told);
        let (upto, end, decisions) = match page {
            Page::Late(upto) => {
                (upto, false, told.map(|it| Decision { leg_record: Vec::new(), ..it }).collect())
            }
            Page::After(_) => (self.mark.sequence, true, told.collect()),
        };
        hub::Input::ReadBack { province, page, upto, end, decisions }
    }
}
