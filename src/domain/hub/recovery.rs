//! Recovery of a hub that was restored from an older state of its store: what it decided since is adopted back from the
//! nodes, before anything new is decided and before anything is presumed to be aborted.
//!
//! Every node is heard: its committed legs with a number that this hub has not given, and its legs in doubt. A commit
//! that a node has recorded is adopted as it was, number and window included. Of a transfer that both sides still
//! hold in doubt nobody knows the decision. A hub commits in the very step in which the second yes comes, so a commit
//! is by far the likelier, and no commit may be lost: it is committed, and noted as an incident for people to compare
//! with what the client was told. Everything else can only have been aborted.

use super::clearing::HeardNotice;
use super::{HubMachine, TransferRow};
use crate::domain::kinds::{self, Form};
use crate::domain::protocol::{HeardLeg, Kind, LegId};
use crate::domain::value::{
    BySide, Civil, NumberRanges, ProvinceCode, RegionCode, RegionDirectory, Side, StartId, TransferId, Window,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is heard while the hub recovers.
#[derive(Clone, Debug, Hash)]
pub struct Recovery {
    /// Nodes that have not told everything yet, with the start that announced itself, if one has.
    pub(super) unheard: BTreeMap<ProvinceCode, Option<StartId>>,
    /// What was told of each leg. Of several provinces that tell the same one at most one is right.
    pub(super) legs: BTreeMap<LegId, Vec<(ProvinceCode, HeardLeg)>>,
    /// What was told of clearing, by its number.
    pub(super) notices: BTreeMap<u64, Vec<(ProvinceCode, HeardNotice)>>,
    /// What this store left undecided, or not recorded by both.
    pub(super) unfinished: Vec<TransferRow>,
    /// The highest of its own lives that a node has seen.
    pub(super) incarnation: u64,
    /// Nodes whose stores were restored too: what they do not tell they may have lost.
    pub(super) restored: BTreeSet<ProvinceCode>,
    /// How far the clock of this hub had been, as far as it knows: see [`Recovery::clock_had_been`].
    pub(super) latest: Civil,
    /// Every province that is asked, heard or not.
    pub(super) asked: BTreeSet<ProvinceCode>,
    /// Those of them that two operators have left out.
    pub(super) left: BTreeSet<ProvinceCode>,
}

/// Both legs of a transfer, and the provinces that told them; they say the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both<'a> {
    pub(super) legs: BySide<&'a HeardLeg>,
    pub(super) provinces: BySide<ProvinceCode>,
}

/// Window, number and time of a commit.
pub(super) type Commit = (Window, u64, Civil);

impl Recovery {
    /// A recovery that ends once all of these were heard.
    pub fn new(provinces: &[ProvinceCode], unfinished: Vec<TransferRow>) -> Recovery {
        let unheard = provinces.iter().map(|province| (*province, None)).collect();
        let (restored, asked) = (BTreeSet::new(), provinces.iter().copied().collect());
        let (legs, left, latest) = (BTreeMap::new(), BTreeSet::new(), Civil(0));
        let notices = BTreeMap::new();
        Recovery { unheard, legs, notices, unfinished, incarnation: 0, restored, latest, asked, left }
    }

    /// Of what one province tells twice the last counts.
    pub(super) fn hear(&mut self, province: ProvinceCode, leg: HeardLeg) {
        let tellers = self.legs.entry(LegId { transfer_id: leg.transfer_id, side: leg.side }).or_default();
        tellers.retain(|(teller, _)| *teller != province);
        tellers.push((province, leg));
    }

    /// The postings that were told, each by the transfer that backs it and its number, as whoever tells it says. What
    /// two nodes tell alike of a prepared kind is none, whatever a third one says.
    pub(super) fn postings(&self, places: &RegionDirectory) -> BTreeSet<(TransferId, u64, TransferId)> {
        let is_prepared = |id: TransferId| {
            let kind = self.both(id, places).map(|both| both.kind().0);
            kind.is_some_and(|kind| matches!(kinds::of(kind).form, Form::Prepared(_)))
        };
        let legs = self.legs.iter().filter(|(leg, _)| leg.side == Side::Payee);
        let told = legs.flat_map(|(leg, told)| told.iter().map(|(_, it)| (leg.transfer_id, it)));
        let places = told.filter_map(|(id, it)| Some((it.returns?, it.number?, id)));
        places.filter(|(.., id)| !is_prepared(*id)).collect()
    }

    /// How far the clock of this hub had been before its loss: as far as it is now, or further where two provinces say
    /// the same of a transfer that it had received then. A clock that was accepted and lowered again was ahead.
    pub(super) fn clock_had_been(&self, now: Civil, places: &RegionDirectory) -> Civil {
        let ids: BTreeSet<TransferId> = self.legs.keys().map(|leg| leg.transfer_id).collect();
        let pairs = ids.into_iter().filter_map(|id| self.both(id, places));
        let received = pairs.map(|Both { legs, .. }| legs.payer.receipt_time.min(legs.payee.receipt_time));
        received.fold(now, Civil::max)
    }

    /// What this province tells of a leg.
    pub(super) fn told_by(&self, province: ProvinceCode, leg: LegId) -> Option<&HeardLeg> {
        let told = self.told(leg.transfer_id, leg.side).iter();
        told.filter(|(teller, _)| *teller == province).map(|(_, leg)| leg).next()
    }

    /// The numbers of all commits that are told.
    pub(super) fn committed(&self) -> impl Iterator<Item = u64> {
        let told = self.legs.values().flatten();
        told.filter_map(|(_, leg)| leg.committed.map(|(_, hub_seq, _)| hub_seq))
    }

    /// The one commit of a transfer that its parties tell, as it is known here: its window, its number, and when it had
    /// begun.
    pub(super) fn commit_of(&self, row: &TransferRow) -> Option<(Window, u64, Civil)> {
        let told = Side::BOTH.into_iter().filter_map(|side| {
            let leg = LegId { transfer_id: row.transfer_id, side };
            self.told_by(row.provinces()[side], leg)
        });
        let its = told.filter(|leg| (leg.terms_digest, leg.amount) == (row.terms_digest, row.amount));
        let mut commits = its.filter_map(|leg| {
            let begun = leg.receipt_time.max(row.receipt_time);
            leg.committed.map(|(window, hub_seq, _)| (window, hub_seq, begun))
        });
        let first = commits.next()?;
        commits.all(|it| (it.0, it.1) == (first.0, first.1)).then_some(first)
    }

    /// The one leg that is told of a transfer, by one province.
    pub(super) fn told_once(&self, transfer_id: TransferId) -> Option<(ProvinceCode, &HeardLeg)> {
        let mut told = Side::ALL.iter().flat_map(|side| self.told(transfer_id, *side));
        told.next().filter(|_| told.next().is_none()).map(|(teller, leg)| (*teller, leg))
    }

    fn told(&self, transfer_id: TransferId, side: Side) -> &[(ProvinceCode, HeardLeg)] {
        self.legs.get(&LegId { transfer_id, side }).map_or(&[], Vec::as_slice)
    }

    /// The commit that one of the sides has recorded: of those that agree, if there are such.
    pub(super) fn recorded(&self, transfer_id: TransferId, places: &RegionDirectory) -> Option<Commit> {
        let pair = self.both(transfer_id, places);
        let of_pair = pair.and_then(|both| both.legs.payer.committed.or(both.legs.payee.committed));
        let all = Side::ALL.iter().flat_map(|side| self.told(transfer_id, *side));
        if pair.is_some() { of_pair } else { all.into_iter().find_map(|(_, leg)| leg.committed) }
    }

    /// Both legs, if there is just one pair of them that say the same: terms, amount, whose side is where, and the
    /// commit where both have it. What a third province tells of the transfer then counts for nothing.
    pub(super) fn both(&self, transfer_id: TransferId, places: &RegionDirectory) -> Option<Both<'_>> {
        self.pair(transfer_id, places).filter(Both::is_of_one_commit)
    }

    /// The same, though the two sides may have recorded two commits.
    pub(super) fn pair(&self, transfer_id: TransferId, places: &RegionDirectory) -> Option<Both<'_>> {
        let is_of = |region, province| province_of(region, places) == Some(province);
        let sound = |both: &Both<'_>| {
            let Both { legs: BySide { payer, payee }, provinces } = both;
            let here = is_of(payer.counter_region, provinces.payee)
                && is_of(payee.counter_region, provinces.payer)
                && provinces.payer != provinces.payee;
            let says = |leg: &HeardLeg| (leg.terms_digest, leg.amount);
            // A node of an earlier program says neither what it carries back nor its kind.
            let one_original = payer.returns.zip(payee.returns).is_none_or(|(one, other)| one == other);
            let silent = |leg: &HeardLeg| leg.returns.is_none() && leg.kind == Kind::TRANSFER;
            let one_kind = payer.kind == payee.kind || silent(payer) || silent(payee);
            here && one_original && one_kind && says(payer) == says(payee)
        };
        let payees = self.told(transfer_id, Side::Payee);
        let pairs = self.told(transfer_id, Side::Payer).iter().flat_map(|(here, payer)| {
            payees.iter().map(|(there, payee)| Both {
                legs: BySide { payer, payee },
                provinces: BySide { payer: *here, payee: *there },
            })
        });
        let mut pairs = pairs.filter(sound);
        pairs.next().filter(|_| pairs.next().is_none())
    }
}

impl Recovery {
    /// The one leg that is told of a transfer, committed, whose other side was lost by a node that was restored too; if
    /// this store still knows the transfer, undecided and the same. Gives whose the sides are. A commit is recorded
    /// nowhere before the hub has made it, and it makes none without two votes: so the other side had voted yes, and a
    /// node that still has its leg tells it.
    pub(super) fn half(
        &self,
        transfer_id: TransferId,
        known: Option<&TransferRow>,
        places: &RegionDirectory,
    ) -> Option<(BySide<ProvinceCode>, &HeardLeg)> {
        let (teller, leg) = self.told_once(transfer_id)?;
        let other = province_of(leg.counter_region, places)?;
        let provinces = BySide::new(|side| if side == leg.side { teller } else { other });
        let is_known = |row: &TransferRow| {
            !row.state.is_decided()
                && (row.terms_digest, row.amount) == (leg.terms_digest, leg.amount)
                && row.provinces() == provinces
        };
        let was_lost = self.restored.contains(&other) && known.is_none_or(is_known);
        let is_prepared = matches!(kinds::of(leg.kind).form, Form::Prepared(_));
        (other != teller && leg.committed.is_some() && was_lost && is_prepared).then_some((provinces, leg))
    }
}

/// The code that stands for all areas of a province: of a leg that nobody told where it was insured.
pub(super) fn whole_province(province: ProvinceCode) -> Option<RegionCode> {
    RegionCode::new(u32::from(province.number()) * 10_000)
}

/// The province of an area, or of a code that stands for all areas of one.
pub(super) fn province_of(region: RegionCode, places: &RegionDirectory) -> Option<ProvinceCode> {
    places.province_of(region)
}

impl HubMachine {
    /// Whether it was restored and has not heard yet what it lost.
    pub fn is_recovering(&self) -> bool {
        self.recovery.is_some()
    }

    /// The provinces for which it waits before it has recovered.
    pub fn unheard(&self) -> Vec<ProvinceCode> {
        self.recovery.iter().flat_map(|recovery| recovery.unheard.keys().copied()).collect()
    }
}

impl Both<'_> {
    /// Whether no two commits of it are recorded. Each side has the time at which it recorded the commit itself.
    fn is_of_one_commit(&self) -> bool {
        let says_commit = |(window, hub_seq, _): Commit| (window, hub_seq);
        let BySide { payer, payee } = self.legs.map(|leg| leg.committed.map(says_commit));
        payer.zip(payee).is_none_or(|(one, other)| one == other)
    }

    /// What the transfer does, and whose money it carries back, if it does.
    pub(super) fn kind(&self) -> (Kind, Option<TransferId>) {
        let BySide { payer, payee } = self.legs;
        let told = if payer.returns.is_some() { payer } else { payee };
        (told.kind, told.returns)
    }

    /// Whether a transfer that is here is the one that they tell.
    pub(super) fn is_of(&self, row: &TransferRow) -> bool {
        let told = self.legs.payer;
        (row.terms_digest, row.amount) == (told.terms_digest, told.amount)
            && row.provinces() == self.provinces
    }
}

/// Numbers of commits since the store's own last one.
pub(super) struct Numbers {
    last: u64,
    /// As many as there are transfers that were heard of, and were lost by everybody: each number stands for one.
    most: u64,
    pub(super) recorded: BTreeMap<u64, Vec<TransferId>>,
    taken: BTreeSet<u64>,
    /// Those of them that stand for no commit yet: people may finish with them what was told so.
    parked: BTreeSet<u64>,
    /// All up to here are taken.
    full_to: u64,
    /// Up to here none is given: provinces that are left out may have recorded those that nobody tells.
    kept_to: u64,
}

impl Numbers {
    pub(super) fn after(last: u64, transfers: u64, commits: &BTreeMap<TransferId, Commit>) -> Numbers {
        let mut recorded: BTreeMap<u64, Vec<TransferId>> = BTreeMap::new();
        for (id, (_, hub_seq, _)) in commits {
            recorded.entry(*hub_seq).or_default().push(*id);
        }
        let most = last.saturating_add(transfers);
        let mut numbers = Numbers {
            last,
            most,
            recorded,
            taken: BTreeSet::new(),
            parked: BTreeSet::new(),
            full_to: last,
            kept_to: last,
        };
        numbers.taken = numbers.recorded.keys().copied().filter(|it| numbers.can_be(*it)).collect();
        numbers
    }

    /// Gives a number to no other commit, whoever has told it.
    pub(super) fn reserve(&mut self, hub_seq: u64) {
        if self.can_be(hub_seq) {
            self.taken.insert(hub_seq);
        }
    }

    /// Keeps the number of what is left to people for it. False: it cannot be its own.
    pub(super) fn park(&mut self, transfer_id: TransferId, hub_seq: u64) -> bool {
        let is_its = self.recorded.get(&hub_seq).is_none_or(|ids| *ids == [transfer_id]);
        let parks = self.can_be(hub_seq) && is_its;
        if parks {
            self.taken.insert(hub_seq);
            self.parked.insert(hub_seq);
        }
        parks
    }

    /// Whether a number can be a commit's, and is told of one transfer alone: of two that have it nobody can say which.
    pub(super) fn stands_for_one(&self, hub_seq: u64) -> bool {
        self.can_be(hub_seq) && self.recorded.get(&hub_seq).is_none_or(|ids| ids.len() == 1)
    }

    pub(super) fn can_be(&self, hub_seq: u64) -> bool {
        (self.last + 1..=self.most).contains(&hub_seq)
    }

    /// The lowest that no node has recorded: first those between the recorded ones.
    pub(super) fn next_free(&mut self) -> u64 {
        while self.taken.contains(&(self.full_to + 1)) {
            self.full_to += 1;
        }
        self.full_to + 1
    }

    pub(super) fn take(&mut self, hub_seq: u64) {
        self.taken.insert(hub_seq);
    }

    /// The highest that stands for a transfer, adopted or parked: it is not given again.
    pub(super) fn highest(&self) -> u64 {
        self.taken.last().copied().unwrap_or(self.last).max(self.kept_to)
    }

    /// Gives none of those that provinces which are left out may have recorded. Each stands for one of the transfers
    /// that are told, or for one that is told by nobody: so many more are kept for them.
    pub(super) fn keep(&mut self, told: usize, more: u64) {
        self.kept_to = self.highest().max(self.last.saturating_add(told as u64)).saturating_add(more);
        self.full_to = self.kept_to;
    }

    /// Those that are not given, and stand for nothing that is told, or for what is left to people, added to others.
    pub(super) fn skipped(&self, mut before: NumberRanges) -> NumberRanges {
        let mut next = self.last + 1;
        for given in self.taken.difference(&self.parked).copied().chain([self.highest() + 1]) {
            before.push_range(next, given - 1);
            next = given + 1;
        }
        before
    }

    /// Those alone that stand for what is left to people, added to others.
    pub(super) fn left_to_people(&self, mut before: NumberRanges) -> NumberRanges {
        self.parked.iter().for_each(|it| before.push(*it));
        before
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
