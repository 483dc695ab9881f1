//! Recovery of a hub that was restored from an older state of its store: what it decided since is adopted back from the
//! nodes, before anything new is decided and before anything is presumed to be aborted.
//!
//! Every node is heard: its committed legs with a number that this hub has not given, and its legs in doubt. A commit
//! that a node has recorded is adopted as it was, number and window included. Of a transfer that both sides still
//! hold in doubt nobody knows the decision. A hub commits in the very step in which the second yes comes, so a commit
//! is by far the likelier, and no commit may be lost: it is committed, and noted as an incident for people to compare
//! with what the client was told. Everything else can only have been aborted.

use super::decide::HUB;
use super::{Effect, HubMachine, Step};
use crate::domain::hub::record::{
    CommitDetail, HubRecovered, ReturnAdopted, TransferAdopted, TransferDecided,
};
use crate::domain::hub::tables::{Key, TombstoneRow, TransferRow};
use crate::domain::machine::own::{IncidentRaised, IncidentRow, own};
use crate::domain::machine::step::Ticket;
use crate::domain::protocol::call::{Announced, Announcement, PeerMark};
use crate::domain::protocol::leg::HeardLeg;
use crate::domain::protocol::transfer::Outcome;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::calendar::{Civil, Day, Now};
use crate::domain::value::id::{StartId, TransferId};
use crate::domain::value::region::{ProvinceCode, RegionDirectory};
use crate::domain::value::side::Side;
use std::collections::{BTreeMap, BTreeSet};

/// What is heard while the hub recovers.
#[derive(Clone, Debug, Hash)]
pub struct Recovery {
    /// Nodes that have not told everything yet, with the start that announced itself, if one has.
    unheard: BTreeMap<ProvinceCode, Option<StartId>>,
    /// What was told of each leg. Of several provinces that tell the same one at most one is right.
    legs: BTreeMap<(TransferId, Side), Vec<(ProvinceCode, HeardLeg)>>,
    /// What this store left undecided, or not recorded by both.
    unsettled: Vec<TransferRow>,
    /// The highest of its own lives that a node has seen.
    incarnation: u64,
}

/// Both legs of a transfer, each with the province that told it; they say the same.
#[derive(Clone, Copy, Debug)]
struct Both<'a> {
    payer: &'a HeardLeg,
    payer_province: ProvinceCode,
    payee: &'a HeardLeg,
    payee_province: ProvinceCode,
}

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// Window, number and time of a commit.
type Commit = (Day, u64, Civil);

impl Recovery {
    /// A recovery that ends once all of these were heard.
    pub fn new(provinces: &[ProvinceCode], unsettled: Vec<TransferRow>) -> Recovery {
        let unheard = provinces.iter().map(|province| (*province, None)).collect();
        Recovery { unheard, legs: BTreeMap::new(), unsettled, incarnation: 0 }
    }

    /// The rows that the end of the recovery needs, once only this province has not been heard.
    pub fn needs(&self, now: Now, (province, more): (ProvinceCode, &[HeardLeg]), keys: &mut Vec<Key>) {
        if self.unheard.keys().any(|unheard| *unheard != province) {
            return;
        }
        let heard = self.legs.values().flatten().map(|(_, leg)| leg).chain(more);
        let mut windows = BTreeSet::from([Day::of(now.civil)]);
        for leg in heard {
            keys.extend([Key::Transfer(leg.transfer_id), Key::Tombstone(leg.transfer_id)]);
            keys.push(Key::Incident(leg.transfer_id, Side::Payer));
            windows.extend(leg.committed.map(|(window, ..)| window));
        }
        let told = self.legs.values().flatten().map(|(province, _)| *province);
        let provinces: BTreeSet<ProvinceCode> = self.unheard.keys().copied().chain(told).collect();
        for window in windows {
            keys.extend(provinces.iter().map(|province| Key::Position(window, *province)));
        }
        for transfer in &self.unsettled {
            keys.push(Key::Transfer(transfer.transfer_id));
            keys.push(Key::Incident(transfer.transfer_id, Side::Payer));
        }
        keys.sort_unstable();
        keys.dedup();
    }

    /// Of what one province tells twice the last counts.
    fn hear(&mut self, province: ProvinceCode, leg: HeardLeg) {
        let tellers = self.legs.entry((leg.transfer_id, leg.side)).or_default();
        tellers.retain(|(teller, _)| *teller != province);
        tellers.push((province, leg));
    }

    fn told(&self, transfer_id: TransferId, side: Side) -> &[(ProvinceCode, HeardLeg)] {
        self.legs.get(&(transfer_id, side)).map_or(&[], Vec::as_slice)
    }

    /// The commit that one of the sides has recorded: of those that agree, if there are such.
    fn recorded(&self, transfer_id: TransferId, places: &RegionDirectory) -> Option<Commit> {
        let pair = self.both(transfer_id, places);
        let of_pair = pair.and_then(|both| both.payer.committed.or(both.payee.committed));
        let all = Side::ALL.iter().flat_map(|side| self.told(transfer_id, *side));
        if pair.is_some() { of_pair } else { all.into_iter().find_map(|(_, leg)| leg.committed) }
    }

    /// Both legs, if there is just one pair of them that say the same: terms, amount, whose side is where, and the
    /// commit where both have it. What a third province tells of the transfer then counts for nothing.
    fn both(&self, transfer_id: TransferId, places: &RegionDirectory) -> Option<Both<'_>> {
        let is_of = |region, province| places.locate(region).is_some_and(|area| area.province == province);
        let sound = |both: &Both<'_>| {
            let Both { payer, payee, .. } = both;
            let here = is_of(payer.counter_region, both.payee_province)
                && is_of(payee.counter_region, both.payer_province)
                && both.payer_province != both.payee_province;
            let one_commit = match (payer.committed, payee.committed) {
                // Each has the time at which it recorded the commit itself.
                (Some((window, hub_seq, _)), Some((other, number, _))) => {
                    (window, hub_seq) == (other, number)
                }
                (None, _) | (_, None) => true,
            };
            let says = |leg: &HeardLeg| (leg.terms_digest, leg.amount);
            // A node of an earlier program does not say what it carries back.
            let one_original = payer.returns.zip(payee.returns).is_none_or(|(one, other)| one == other);
            here && one_commit && one_original && says(payer) == says(payee)
        };
        let payees = self.told(transfer_id, Side::Payee);
        let pairs = self.told(transfer_id, Side::Payer).iter().flat_map(|(payer_province, payer)| {
            payees.iter().map(|(payee_province, payee)| Both {
                payer,
                payer_province: *payer_province,
                payee,
                payee_province: *payee_province,
            })
        });
        let mut pairs = pairs.filter(sound);
        pairs.next().filter(|_| pairs.next().is_none())
    }
}

impl HubMachine {
    /// Whether it was restored and has not heard yet what it lost.
    pub fn is_recovering(&self) -> bool {
        self.recovery.is_some()
    }

    /// A node announces itself to a hub that recovers. Once it knows that (its second announcement), it is asked: from
    /// then on nothing that an earlier life of this hub has sent can change what it tells.
    pub(super) fn announce_while_recovering(
        &mut self,
        ticket: Ticket<Announced>,
        (province, node): (ProvinceCode, PeerMark),
        announcement: &Announcement,
        step: &mut Step<'_>,
    ) {
        step.refuse(ticket, RefusalRecord::new(Reason::Recovering, HUB));
        let Some(recovery) = &mut self.recovery else { return };
        let seen = announcement.hub_seen.map_or(0, |seen| seen.incarnation);
        recovery.incarnation = recovery.incarnation.max(seen);
        if let Some(start) = recovery.unheard.get_mut(&province) {
            let knows = start.replace(node.start_id) == Some(node.start_id);
            if knows {
                step.effect(Effect::AskWhatWasLost(province, own(step.rows()).hub_seq));
            }
        }
    }

    /// A node has told all that this hub may have lost.
    pub(super) fn heard(&mut self, province: ProvinceCode, legs: Vec<HeardLeg>, step: &mut Step<'_>) {
        let Some(recovery) = &mut self.recovery else { return };
        if recovery.unheard.remove(&province).is_none() {
            return;
        }
        legs.into_iter().for_each(|leg| recovery.hear(province, leg));
        if recovery.unheard.is_empty()
            && let Some(recovery) = self.recovery.take()
        {
            self.recover(recovery, step);
        }
    }

    fn recover(&mut self, recovery: Recovery, step: &mut Step<'_>) {
        let ids: BTreeSet<TransferId> = recovery.legs.keys().map(|(id, _)| *id).collect();
        let recorded: BTreeMap<TransferId, Commit> = ids
            .iter()
            .filter_map(|id| recovery.recorded(*id, &self.places).map(|commit| (*id, commit)))
            .collect();
        let mut numbers = Numbers::after(own(step.rows()).hub_seq, ids.len() as u64, &recorded);
        for (hub_seq, transfer_ids) in numbers.recorded.clone() {
            // A number stands for one transfer; of two that have it nobody can say which.
            let alone = transfer_ids.len() == 1 && numbers.can_be(hub_seq);
            for transfer_id in transfer_ids {
                let commit = recorded.get(&transfer_id).copied().filter(|_| alone);
                if !self.adopt(&recovery, transfer_id, commit, step) {
                    self.note(transfer_id, Reason::ContraryOrder, step);
                }
            }
        }
        let in_doubt = ids.iter().filter(|id| !recorded.contains_key(*id));
        for transfer_id in
            in_doubt.filter(|id| recovery.both(**id, &self.places).is_some()).copied().collect::<Vec<_>>()
        {
            let commit = (Day::of(step.now.civil), numbers.next_free(), step.now.civil);
            if self.adopt(&recovery, transfer_id, Some(commit), step) {
                numbers.take(commit.1);
                self.note(transfer_id, Reason::DecidedAtRecovery, step);
            }
        }
        let incarnation = own(step.rows()).incarnation.max(recovery.incarnation) + 1;
        let (hub_seq, start_id) = (numbers.highest(), self.start_id);
        step.record(HubRecovered { incarnation, start_id, hub_seq, time: step.now.civil });
        self.take_up(recovery.unsettled, step);
        step.effect(Effect::Recovered(incarnation));
    }

    /// Brings a commit back, or finds it here. False: what the nodes tell cannot be, by each other or by what is here.
    fn adopt(
        &mut self,
        recovery: &Recovery,
        transfer_id: TransferId,
        commit: Option<Commit>,
        step: &mut Step<'_>,
    ) -> bool {
        let (Some((window, hub_seq, decide_time)), Some(both)) =
            (commit, recovery.both(transfer_id, &self.places))
        else {
            return false;
        };
        let known = step.rows().get::<TransferRow>(&Key::Transfer(transfer_id)).cloned();
        let tombstone: Option<&TombstoneRow> = step.rows().get(&Key::Tombstone(transfer_id));
        let position = |province| super::apply::position(step.rows(), window, province).owed;
        let fits = position(both.payer_province).checked_add(both.payer.amount).is_some()
            && position(both.payee_province).checked_sub(both.payer.amount).is_some();
        let open = known.as_ref().is_none_or(|row| !row.state.is_decided() && both.is_of(row));
        // A window is the day of a decision by a hub's clock; the clock of a node that is far off must not become ours.
        let (now, receipt_time) = (step.now.civil, both.payer.receipt_time);
        let tomorrow = Day::of(Civil(now.0.saturating_add(DAY_MS)));
        let timely = (Day::of(receipt_time)..=tomorrow).contains(&window);
        if tombstone.is_some() || !open || !fits || !timely {
            return false;
        }
        // From here on nothing may fail.
        let Both { payer, payer_province, payee, payee_province } = both;
        if known.is_none() {
            step.record(TransferAdopted {
                transfer_id,
                payer_region: payee.counter_region,
                payer_province,
                payee_region: payer.counter_region,
                payee_province,
                amount: payer.amount,
                terms_digest: payer.terms_digest,
                receipt_time: receipt_time.min(now),
            });
            if let Some(returns) = payer.returns.or(payee.returns) {
                step.record(ReturnAdopted { transfer_id, returns });
            }
        }
        step.record(TransferDecided {
            transfer_id,
            outcome: Outcome::Commit,
            refusal: None,
            decide_time: decide_time.min(now),
            commit: Some(CommitDetail {
                window,
                hub_seq,
                payer_leg: payer.leg_record.clone(),
                payee_leg: payee.leg_record.clone(),
            }),
            payer_rulebook: payer.rulebook,
            payee_rulebook: payee.rulebook,
            payer_owed: payer.committed.is_none(),
            payee_owed: payee.committed.is_none(),
        });
        self.tell(transfer_id, step);
        true
    }

    /// An incident for people, once. What was noted about the transfer before hides nothing.
    fn note(&mut self, transfer_id: TransferId, reason: Reason, step: &mut Step<'_>) {
        let side = Side::Payer;
        let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, side));
        if noted.is_none_or(|noted| noted.refusal.reason != reason) {
            let refusal = RefusalRecord::new(reason, HUB);
            step.record(IncidentRaised { transfer_id, side, refusal, time: step.now.civil });
            step.effect(Effect::Alarm(transfer_id, side));
        }
    }
}

impl Both<'_> {
    /// Whether a transfer that is here is the one that they tell.
    fn is_of(&self, row: &TransferRow) -> bool {
        (row.terms_digest, row.amount) == (self.payer.terms_digest, self.payer.amount)
            && (row.payer_province, row.payee_province) == (self.payer_province, self.payee_province)
    }
}

/// Numbers of commits since the store's own last one.
struct Numbers {
    last: u64,
    /// As many as there are transfers that were heard of: each number stands for one of them, without gaps.
    most: u64,
    recorded: BTreeMap<u64, Vec<TransferId>>,
    taken: BTreeSet<u64>,
    /// All up to here are taken.
    full_to: u64,
}

impl Numbers {
    fn after(last: u64, transfers: u64, commits: &BTreeMap<TransferId, Commit>) -> Numbers {
        let mut recorded: BTreeMap<u64, Vec<TransferId>> = BTreeMap::new();
        for (id, (_, hub_seq, _)) in commits {
            recorded.entry(*hub_seq).or_default().push(*id);
        }
        let most = last.saturating_add(transfers);
        let mut numbers = Numbers { last, most, recorded, taken: BTreeSet::new(), full_to: last };
        numbers.taken = numbers.recorded.keys().copied().filter(|it| numbers.can_be(*it)).collect();
        numbers
    }

    fn can_be(&self, hub_seq: u64) -> bool {
        (self.last + 1..=self.most).contains(&hub_seq)
    }

    /// The lowest that no node has recorded: first those between the recorded ones.
    fn next_free(&mut self) -> u64 {
        while self.taken.contains(&(self.full_to + 1)) {
            self.full_to += 1;
        }
        self.full_to + 1
    }

    fn take(&mut self, hub_seq: u64) {
        self.taken.insert(hub_seq);
    }

    /// The highest that stands for a transfer, adopted or parked: it is not given again.
    fn highest(&self) -> u64 {
        self.taken.last().copied().unwrap_or(self.last)
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
