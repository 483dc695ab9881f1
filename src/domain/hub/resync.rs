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

use super::decide::decision_for;
use super::{Effect, HubMachine, Step};
use crate::domain::hub::record::{ResyncMoved, TransferDecided};
use crate::domain::hub::tables::{Key, TransferRow};
use crate::domain::kinds;
use crate::domain::machine::own::PeerRow;
use crate::domain::protocol::message::Decision;
use crate::domain::protocol::transfer::Outcome;
use crate::domain::value::id::TransferId;
use crate::domain::value::region::ProvinceCode;
use crate::domain::value::side::Side;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A node that is told again. A crash may take it: the peer's row says how far it had come.
#[derive(Clone, Debug, Default, Hash)]
pub struct Resync {
    /// Whether it was told what was decided earlier than that, and recorded by it later.
    has_late: bool,
    /// The page that is asked for.
    asked: Option<Page>,
    /// The page that is being told: where it ends, whether it is the last, and who has not answered yet.
    page: Option<(u64, bool)>,
    waiting: BTreeSet<(TransferId, Side)>,
    /// What of the page comes after that, in this order; what is of one turn is told at once.
    later: VecDeque<(Decision, Turn)>,
    /// What it was to be told anyway: it knows the legs of those that no page holds.
    put_off: BTreeMap<(TransferId, Side), Decision>,
}

/// What a decision that is told again does at the node. Transfers may come back in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Turn {
    /// It aborts, and may end a hold: before the transfers of the page, of which some were made of what was held.
    Release,
    /// It takes from a member's account, or brings to a wallet.
    Transfer,
    /// It carries money back: moves what transfers before it brought, and brings what transfers after it may take.
    Return,
}

/// A page of what a node is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    /// What was decided up to this sequence of the journal, and not recorded by the province then. The node has these
    /// legs: they come without.
    Late(u64),
    /// What was decided after this sequence, commits with their leg.
    After(u64),
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

/// The decisions of a record for a province's legs, commits with the leg that its node sealed.
pub fn decisions_of(
    province: ProvinceCode,
    record: &TransferDecided,
    transfer: &TransferRow,
) -> Vec<Decision> {
    let told = |side: Side| {
        let decision = decision_for(transfer, side).filter(|_| transfer.provinces()[side] == province)?;
        let leg = record.commit.as_ref().map(|commit| match side {
            Side::Payer => commit.payer_leg.clone(),
            Side::Payee => commit.payee_leg.clone(),
        });
        Some(Decision { leg_record: leg.unwrap_or_default(), ..decision })
    };
    Side::BOTH.into_iter().filter_map(told).collect()
}

impl HubMachine {
    /// A node was restored: what waits for it is put off until it has been told what it lost.
    pub(super) fn tell_again(&mut self, province: ProvinceCode) {
        let mut put_off = self.resyncs.remove(&province).map(|resync| resync.put_off).unwrap_or_default();
        let waiting = self.outbox.take(province);
        put_off.extend(waiting.into_iter().map(|it| ((it.transfer_id, it.side), it)));
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
        match self.resyncs.get_mut(&province) {
            Some(resync) => {
                resync.put_off.insert((decision.transfer_id, decision.side), decision);
                None
            }
            None => Some(decision),
        }
    }

    /// A page of the journal came: its decisions are told.
    pub(super) fn read_back(
        &mut self,
        province: ProvinceCode,
        (page, upto, end): (Page, u64, bool),
        decisions: Vec<Decision>,
        step: &mut Step<'_>,
    ) {
        let Some(resync) = self.resyncs.get_mut(&province) else { return };
        if resync.asked != Some(page) || resync.page.is_some() {
            return;
        }
        resync.page = Some((upto, end));
        for decision in decisions {
            resync.put_off.remove(&(decision.transfer_id, decision.side));
            let transfer: Option<&TransferRow> = step.rows().get(&Key::Transfer(decision.transfer_id));
            let turn = match decision.outcome {
                Outcome::Abort => Turn::Release,
                Outcome::Commit if transfer.is_some_and(|it| kinds::of(it.kind).corrects()) => Turn::Return,
                Outcome::Commit => Turn::Transfer,
            };
            resync.later.push_back((decision, turn));
        }
        resync.later.make_contiguous().sort_by_key(|(_, kind)| *kind != Turn::Release);
        self.tell_next(province, step);
        self.end_page(province, step);
    }

    /// Tells what comes next of a page, once the node has all that was told before: calls overtake each other.
    fn tell_next(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(resync) = self.resyncs.get_mut(&province).filter(|resync| resync.waiting.is_empty()) else {
            return;
        };
        let Some((_, first)) = resync.later.front() else { return };
        let first = *first;
        let alike = resync.later.iter().take_while(|(_, kind)| *kind == first).count();
        for (decision, _) in resync.later.drain(..alike).collect::<Vec<_>>() {
            resync.waiting.insert((decision.transfer_id, decision.side));
            for decision in self.outbox.push(province, decision) {
                step.effect(Effect::Decide(province, decision));
            }
        }
    }

    /// The node answered a decision of the page.
    pub(super) fn told_again(
        &mut self,
        leg: (TransferId, Side),
        province: ProvinceCode,
        step: &mut Step<'_>,
    ) {
        if self.resyncs.get_mut(&province).is_some_and(|resync| resync.waiting.remove(&leg)) {
            self.tell_next(province, step);
            self.end_page(province, step);
        }
    }

    /// Once all of a page are answered: the next one, or the end.
    fn end_page(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(resync) = self.resyncs.get_mut(&province) else { return };
        let Some((upto, end)) = resync.page.filter(|_| resync.waiting.is_empty()) else { return };
        resync.page = None;
        if !std::mem::replace(&mut resync.has_late, true) {
            return self.go_on_telling(province, step);
        }
        // How far the node has come goes with it: as far as that, its store may be restored once more.
        self.note_seen(step);
        step.record(ResyncMoved { province, told: (!end).then_some(upto) });
        if !end {
            return self.go_on_telling(province, step);
        }
        let put_off = self.resyncs.remove(&province).map(|resync| resync.put_off).unwrap_or_default();
        for decision in
            put_off.into_values().flat_map(|it| self.outbox.push(province, it)).collect::<Vec<_>>()
        {
            step.effect(Effect::Decide(province, decision));
        }
    }

    /// Whether nothing new may be asked of a province.
    pub(super) fn is_out_of_reach(&self, province: ProvinceCode) -> bool {
        self.outbox.is_dark(province) || self.resyncs.contains_key(&province)
    }
}

#[cfg(test)]
#[path = "resync_tests.rs"]
mod tests;
