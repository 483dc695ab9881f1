//! Recovery of a hub that was put back from an older state of its store: what it decided since is adopted back from the
//! nodes, before anything new is decided and before anything is presumed to be aborted.
//!
//! Every node is heard: its committed legs with a number that this hub has not given, and its legs in doubt. A commit
//! that a node has recorded is adopted as it was, number and window included. Of a transfer that both sides still
//! hold in doubt nobody knows the decision. A hub commits in the very step in which the second yes comes, so a commit
//! is by far the likelier, and no commit may be lost: it is committed, and noted as an incident for people to compare
//! with what the client was told. Everything else can only have been aborted.

use super::decide::HUB;
use super::{Announcement, Answer, Coordinator, Effect, Step};
use crate::domain::apply::own;
use crate::domain::calendar::{Civil, Day, Now};
use crate::domain::id::{Digest, StartId, TransferId};
use crate::domain::money::Money;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::record::{CommitDetail, HubRecovered, IncidentRaised, TransferAdopted, TransferDecided};
use crate::domain::region::{ProvinceCode, RegionCode};
use crate::domain::row::{IncidentRow, Key, TransferRow};
use crate::domain::step::Ticket;
use crate::domain::transfer::{Outcome, Side, TransferState};
use std::collections::{BTreeMap, BTreeSet};

/// A leg as its node tells it to a hub that was put back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeardLeg {
    /// The transfer.
    pub transfer_id: TransferId,
    /// Whose leg.
    pub side: Side,
    /// Digest of the whole terms.
    pub terms_digest: Digest,
    /// Amount.
    pub amount: Money,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// When the hub received the transfer.
    pub receipt_time: Civil,
    /// Window, number and time of the commit; nothing while in doubt.
    pub committed: Option<(Day, u64, Civil)>,
    /// The leg, sealed by its node.
    pub leg_record: Vec<u8>,
    /// Rulebook that judged it.
    pub rulebook: Option<Digest>,
}

/// What is heard while the hub recovers.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// Nodes that have not told everything yet, with the start that announced itself, if one has.
    unheard: BTreeMap<ProvinceCode, Option<StartId>>,
    legs: BTreeMap<(TransferId, Side), (ProvinceCode, HeardLeg)>,
    /// What this store left undecided, or not recorded by both.
    unsettled: Vec<TransferRow>,
    /// The highest of its own lives that a node has seen.
    incarnation: u64,
}

/// Both legs of a transfer.
type Legs<'a> = (&'a HeardLeg, &'a HeardLeg);

impl Recovery {
    /// A recovery that ends once all of these were heard.
    pub fn new(provinces: &[ProvinceCode], unsettled: Vec<TransferRow>) -> Recovery {
        let unheard = provinces.iter().map(|province| (*province, None)).collect();
        Recovery { unheard, legs: BTreeMap::new(), unsettled, incarnation: 0 }
    }

    /// The rows that the end of the recovery needs.
    pub fn needs(&self, now: Now, more: &[HeardLeg], keys: &mut Vec<Key>) {
        let heard = self.legs.values().map(|(_, leg)| leg).chain(more);
        let mut windows = BTreeSet::from([Day::of(now.civil)]);
        for leg in heard {
            keys.extend([Key::TransferRow(leg.transfer_id), Key::BuriedRow(leg.transfer_id)]);
            keys.push(Key::IncidentRow(leg.transfer_id, Side::Payer));
            windows.extend(leg.committed.map(|(window, ..)| window));
        }
        let told = self.legs.values().map(|(province, _)| *province);
        let provinces: BTreeSet<ProvinceCode> = self.unheard.keys().copied().chain(told).collect();
        for window in windows {
            keys.extend(provinces.iter().map(|province| Key::PositionRow(window, *province)));
        }
        keys.extend(self.unsettled.iter().map(|transfer| Key::TransferRow(transfer.transfer_id)));
        keys.sort_unstable();
        keys.dedup();
    }

    fn both(&self, transfer_id: TransferId) -> Option<Legs<'_>> {
        let leg = |side| self.legs.get(&(transfer_id, side)).map(|(_, leg)| leg);
        let (payer, payee) = leg(Side::Payer).zip(leg(Side::Payee))?;
        (payer.terms_digest == payee.terms_digest && payer.amount == payee.amount).then_some((payer, payee))
    }

    fn province(&self, leg: &HeardLeg) -> Option<ProvinceCode> {
        self.legs.get(&(leg.transfer_id, leg.side)).map(|(province, _)| *province)
    }
}

impl Coordinator {
    /// A node announces itself to a hub that recovers. Once it knows that (its second announcement), it is asked: from
    /// then on nothing that an earlier life of this hub has sent can change what it tells.
    pub(super) fn announce_while_recovering(
        &mut self,
        ticket: Ticket,
        node: &Announcement,
        step: &mut Step<'_>,
    ) {
        step.answer(ticket, Answer::Refused(RefusalRecord::new(Reason::Recovering, HUB)));
        let Some(recovery) = &mut self.recovery else { return };
        recovery.incarnation = recovery.incarnation.max(node.hub_incarnation);
        if let Some(start) = recovery.unheard.get_mut(&node.province) {
            let knows = start.replace(node.mark.start_id) == Some(node.mark.start_id);
            if knows {
                step.effect(Effect::AskWhatWasLost(node.province, own(step.rows()).hub_seq));
            }
        }
    }

    /// A node has told all that this hub may have lost.
    pub(super) fn heard(&mut self, province: ProvinceCode, legs: Vec<HeardLeg>, step: &mut Step<'_>) {
        let Some(recovery) = &mut self.recovery else { return };
        if recovery.unheard.remove(&province).is_none() {
            return;
        }
        recovery.legs.extend(legs.into_iter().map(|leg| ((leg.transfer_id, leg.side), (province, leg))));
        if recovery.unheard.is_empty()
            && let Some(recovery) = self.recovery.take()
        {
            self.recover(recovery, step);
        }
    }

    fn recover(&mut self, recovery: Recovery, step: &mut Step<'_>) {
        let ids: BTreeSet<TransferId> = recovery.legs.keys().map(|(id, _)| *id).collect();
        let number = |id: &TransferId| {
            let leg = |side: &Side| recovery.legs.get(&(*id, *side)).and_then(|(_, leg)| leg.committed);
            Side::ALL.iter().find_map(leg)
        };
        let mut committed: Vec<_> = ids.iter().filter_map(|id| number(id).map(|it| (it, *id))).collect();
        committed.sort_unstable_by_key(|((_, hub_seq, _), _)| *hub_seq);
        let mut free =
            FreeNumbers::after(own(step.rows()).hub_seq, committed.iter().map(|((_, it, _), _)| *it));
        for (number, transfer_id) in committed {
            self.adopt(&recovery, transfer_id, number, step);
        }
        let in_doubt = ids.iter().filter(|id| number(id).is_none() && recovery.both(**id).is_some());
        for transfer_id in in_doubt {
            let commit = (Day::of(step.now.civil), free.take(), step.now.civil);
            if self.adopt(&recovery, *transfer_id, commit, step) {
                self.note(*transfer_id, Reason::DecidedAtRecovery, step);
            }
        }
        let incarnation = own(step.rows()).incarnation.max(recovery.incarnation) + 1;
        step.record(HubRecovered { incarnation, start_id: self.start_id, time: step.now.civil });
        self.take_up(recovery.unsettled, step);
        step.effect(Effect::Recovered(incarnation));
    }

    /// Brings a commit back. False: it is here already, or contradicts what is here.
    fn adopt(
        &mut self,
        recovery: &Recovery,
        transfer_id: TransferId,
        (window, hub_seq, decide_time): (Day, u64, Civil),
        step: &mut Step<'_>,
    ) -> bool {
        let known: Option<&TransferRow> = step.rows().get(&Key::TransferRow(transfer_id));
        let state = known.map(|row| row.state);
        let both = recovery.both(transfer_id);
        let legs = both.and_then(|(payer, payee)| {
            Some((payer, recovery.province(payer)?, payee, recovery.province(payee)?))
        });
        let (payer, payer_province, payee, payee_province) = match (state, legs) {
            (Some(TransferState::Committed), _) => return false,
            (Some(TransferState::Aborted), _) | (_, None) => {
                self.note(transfer_id, Reason::ContraryOrder, step);
                return false;
            }
            (
                None
                | Some(TransferState::Pending | TransferState::AwaitingAcceptance | TransferState::Accepted),
                Some(legs),
            ) => legs,
        };
        if state.is_none() {
            step.record(TransferAdopted {
                transfer_id,
                payer_region: payee.counter_region,
                payer_province,
                payee_region: payer.counter_region,
                payee_province,
                amount: payer.amount,
                terms_digest: payer.terms_digest,
                receipt_time: payer.receipt_time,
            });
        }
        step.record(TransferDecided {
            transfer_id,
            outcome: Outcome::Commit,
            refusal: None,
            decide_time,
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

    /// An incident for people, once.
    fn note(&mut self, transfer_id: TransferId, reason: Reason, step: &mut Step<'_>) {
        let side = Side::Payer;
        if step.rows().get::<IncidentRow>(&Key::IncidentRow(transfer_id, side)).is_none() {
            let refusal = RefusalRecord::new(reason, HUB);
            step.record(IncidentRaised { transfer_id, side, refusal, time: step.now.civil });
            step.effect(Effect::Alarm(transfer_id, side));
        }
    }
}

/// Numbers of commits that no node has recorded: first those that lie between the recorded ones.
struct FreeNumbers {
    gaps: std::collections::VecDeque<u64>,
    next: u64,
}

impl FreeNumbers {
    fn after(last: u64, given: impl Iterator<Item = u64>) -> FreeNumbers {
        let given: BTreeSet<u64> = given.filter(|number| *number > last).collect();
        let highest = given.last().copied().unwrap_or(last);
        FreeNumbers {
            gaps: (last + 1..highest).filter(|it| !given.contains(it)).collect(),
            next: highest + 1,
        }
    }

    fn take(&mut self) -> u64 {
        self.gaps.pop_front().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
