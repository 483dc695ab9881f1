//! Resync: a node that was restored from an older state of its store is told again, page by page of this hub's journal,
//! every decision that it may have lost, commits with the leg that it sealed itself. Until it has them all it is out of
//! reach for new transfers.
//!
//! Where to begin: the node names the last that it knows of this hub's journal. A decision up to there was made after
//! the node's yes had come here, and the node heard of it after it had made that yes durable; so its store knows the
//! leg. Only legs that were decided later can be missing.
//!
//! First it is told what was decided up to there and recorded by it later: those legs it has in doubt again. What was
//! paid afterwards may have come out of money that they hold, or out of what they brought.

use super::{Effect, HubMachine, Key, Page, Rows, Step, refusal};
use crate::domain::hub::record::ResyncMoved;
use crate::domain::machine::PeerRow;
use crate::domain::protocol::{Decision, LegId};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, ProvinceCode};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A node that is told again. A crash may take it: the peer's row says how far it had come.
#[derive(Clone, Debug, Default, Hash)]
pub struct Resync {
    /// Whether it was told what was decided earlier than that, and recorded by it later.
    pub(super) has_late: bool,
    /// The page that is asked for.
    pub(super) asked: Option<Page>,
    /// The page that is being told: where it ends, whether it is the last, and who has not answered yet.
    pub(super) page: Option<(u64, bool)>,
    pub(super) waiting: BTreeSet<LegId>,
    /// What of the page comes after that, in this order; what is of one turn is told at once.
    pub(super) later: VecDeque<(Decision, Turn)>,
    /// What it was to be told anyway: it knows the legs of those that no page holds.
    pub(super) put_off: BTreeMap<LegId, Decision>,
}

/// What a decision that is told again does at the node. Transfers may come back in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Turn {
    /// It aborts, and may end a hold: before the transfers of the page, of which some were made of what was held.
    Release,
    /// It takes from a member's account, or brings to a wallet.
    Transfer,
    /// It carries money back: moves what transfers before it brought, and brings what transfers after it may take.
    Return,
}

impl HubMachine {
    /// A node was restored: what waits for it is put off until it has been told what it lost.
    pub(super) fn tell_again(&mut self, province: ProvinceCode) {
        let mut put_off = self.resyncs.remove(&province).map(|resync| resync.put_off).unwrap_or_default();
        let waiting = self.outbox.take(province);
        put_off.extend(waiting.into_iter().map(|it| (it.leg(), it)));
        self.resyncs.insert(province, Resync { put_off, ..Resync::default() });
    }

    /// After a restart of the hub: who was being told goes on being told.
    pub(super) fn resume_telling(&mut self, step: &Step<'_>) {
        let provinces = self.places.provinces().map(|province| province.code);
        let told = |province: &ProvinceCode| {
            step.rows().get::<PeerRow>(&Key::Peer(*province)).is_some_and(|peer| peer.resync.is_some())
        };
        self.resyncs = provinces.filter(told).map(|province| (province, Resync::default())).collect();
    }

    /// Asks for the next page, unless one is being told. A page that was asked for twice is told once.
    pub(super) fn go_on_telling(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let peer: Option<&PeerRow> = step.rows().get(&Key::Peer(province));
        let Some(told) = peer.and_then(|peer| peer.resync) else { return };
        let Some(resync) = self.resyncs.get_mut(&province).filter(|resync| resync.page.is_none()) else {
            return;
        };
        let page = if resync.has_late { Page::After(told) } else { Page::Late(told) };
        resync.asked = Some(page);
        step.effect(Effect::ReadBack(province, page));
    }

    /// Holds a decision back while its province is told again what it lost; gives it back when it is not.
    pub(super) fn put_off(&mut self, province: ProvinceCode, decision: Decision) -> Option<Decision> {
        let Some(resync) = self.resyncs.get_mut(&province) else { return Some(decision) };
        resync.put_off.insert(decision.leg(), decision);
        None
    }

    /// Whether nothing new may be asked of a province.
    pub(super) fn is_out_of_reach(&self, province: ProvinceCode) -> bool {
        self.outbox.is_dark(province) || self.resyncs.contains_key(&province)
    }

    /// The refusal of a new transfer of which one side cannot be asked.
    pub(super) fn unreachable(&self, provinces: BySide<ProvinceCode>) -> Option<RefusalRecord> {
        let dark = provinces.into_array().into_iter().find(|it| self.is_out_of_reach(*it))?;
        Some(refusal(Reason::ProvinceUnreachable).with("province", dark))
    }
}

/// How far a node that was restored has been told again what it lost.
pub(super) fn moved(record: &ResyncMoved, rows: &mut Rows) {
    if let Some(peer) = rows.get::<PeerRow>(&Key::Peer(record.province)).cloned() {
        rows.put(PeerRow { resync: record.told, ..peer });
    }
}

#[cfg(test)]
#[path = "resync_tests.rs"]
mod tests;
