//! A node has told a hub that was restored what it may have lost. Once every node was heard, the hub recovers.

use super::decide::decision;
use super::recovery::{Both, Commit, Numbers, Recovery};
use super::{
    Effect, HubMachine, Key, Rows, Step, TransferRow, begun, incident, position, post, refusal, stored,
    tombstone,
};
use crate::domain::hub::record::{CommitDetail, HubRecovered, KindAdopted, ReturnAdopted, TransferAdopted};
use crate::domain::machine::SelfRow;
use crate::domain::machine::own::own;
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::{HeardLeg, LegId, LegRef};
use crate::domain::protocol::message::Posted;
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Civil, Day, Now, ProvinceCode, Side, TransferId};
use std::collections::{BTreeMap, BTreeSet};

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// What the end of the recovery needs, once only this province has not been heard.
pub(super) fn needs(
    hub: &HubMachine,
    now: Now,
    (province, more): (ProvinceCode, &[HeardLeg]),
    keys: &mut Vec<Key>,
) {
    let Some(recovery) = &hub.recovery else { return };
    if recovery.unheard.keys().any(|unheard| *unheard != province) {
        return;
    }
    let heard = recovery.legs.values().flatten().map(|(_, leg)| leg).chain(more);
    let mut windows = BTreeSet::from([Day::of(now.civil)]);
    let mut provinces = BTreeSet::new();
    for leg in heard {
        keys.extend([Key::Transfer(leg.transfer_id), Key::Tombstone(leg.transfer_id)]);
        keys.push(Key::Incident(leg.transfer_id, Side::Payer));
        windows.extend(leg.committed.map(|(window, ..)| window));
        // What backs a posting, and whose money it is, though that place may have nothing to tell.
        keys.extend(leg.returns.map(Key::Transfer));
        provinces.extend(hub.places.locate(leg.counter_region).map(|area| area.province));
    }
    let told = recovery.legs.values().flatten().map(|(province, _)| *province);
    provinces.extend(recovery.unheard.keys().copied().chain(told));
    for window in windows {
        keys.extend(provinces.iter().map(|province| Key::Position(window, *province)));
    }
    for transfer in &recovery.unsettled {
        keys.push(Key::Transfer(transfer.transfer_id));
        keys.push(Key::Incident(transfer.transfer_id, Side::Payer));
    }
    keys.sort_unstable();
    keys.dedup();
}

impl HubMachine {
    /// Once every node was heard, the hub recovers.
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
        let ids: BTreeSet<TransferId> = recovery.legs.keys().map(|leg| leg.transfer_id).collect();
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
                    note(transfer_id, Reason::ContraryOrder, step);
                }
            }
        }
        let in_doubt = ids.into_iter().filter(|id| !recorded.contains_key(id));
        let promised = in_doubt.filter(|id| recovery.both(*id, &self.places).is_some());
        for transfer_id in promised.collect::<Vec<_>>() {
            let commit = (Day::of(step.now.civil), numbers.next_free(), step.now.civil);
            if self.adopt(&recovery, transfer_id, Some(commit), step) {
                numbers.take(commit.1);
                note(transfer_id, Reason::DecidedAtRecovery, step);
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
        if recovery.posting(transfer_id).is_some() {
            return self.adopt_posting(recovery, transfer_id, commit, step).is_some();
        }
        let (Some((window, hub_seq, decide_time)), Some(both)) =
            (commit, recovery.both(transfer_id, &self.places))
        else {
            return false;
        };
        let known = step.rows().get::<TransferRow>(&Key::Transfer(transfer_id)).cloned();
        let Both { legs: BySide { payer, payee }, provinces } = both;
        let (kind, original) = both.kind();
        let fits = position::can_hold((kind, payer.amount), provinces, window, step.rows());
        let open = known.as_ref().is_none_or(|row| !row.state.is_decided() && both.is_of(row));
        // A window is the day of a decision by a hub's clock; the clock of a node that is far off must not become ours.
        let (now, receipt_time) = (step.now.civil, payer.receipt_time);
        let tomorrow = Day::of(Civil(now.0.saturating_add(DAY_MS)));
        let timely = (Day::of(receipt_time)..=tomorrow).contains(&window);
        if tombstone(transfer_id, step).is_some() || !open || !fits || !timely {
            return false;
        }
        // From here on nothing may fail.
        if known.is_none() {
            step.record(TransferAdopted {
                transfer_id,
                payer_region: payee.counter_region,
                payer_province: provinces.payer,
                payee_region: payer.counter_region,
                payee_province: provinces.payee,
                amount: payer.amount,
                terms_digest: payer.terms_digest,
                receipt_time: receipt_time.min(now),
            });
            match (kind, original) {
                (Kind::TRANSFER, None) => {}
                (Kind::COMPENSATION, Some(returns)) => step.record(ReturnAdopted { transfer_id, returns }),
                _ => step.record(KindAdopted { transfer_id, kind, original }),
            }
        }
        let sealed = both.legs.map(|leg| leg.leg_record.clone());
        let commit = CommitDetail { window, hub_seq, payer_leg: sealed.payer, payee_leg: sealed.payee };
        let rulebooks = both.legs.map(|leg| leg.rulebook);
        let owed = both.legs.map(|leg| leg.committed.is_none());
        step.record(decision(transfer_id, decide_time.min(now), Ok(commit), rulebooks, owed));
        self.tell(transfer_id, step);
        true
    }
}

impl HubMachine {
    /// Brings a posting back: the node that decided it has all of it. None: it cannot be.
    fn adopt_posting(
        &mut self,
        recovery: &Recovery,
        transfer_id: TransferId,
        commit: Option<Commit>,
        step: &mut Step<'_>,
    ) -> Option<()> {
        let (window, hub_seq, decide_time) = commit?;
        let (province, leg) = recovery.posting(transfer_id)?;
        let (number, after) = (leg.number?, 0);
        let (kind, original, amount, post_time) = (leg.kind, leg.returns?, leg.amount, leg.receipt_time);
        let posted = Posted { kind, original, number, after, amount, post_time };
        let unknown = step.rows().get::<TransferRow>(&Key::Transfer(transfer_id)).is_none()
            && tombstone(transfer_id, step).is_none();
        // A number that is missing before it was parked, or is adopted later.
        let fits = matches!(
            post::booking(&posted, (*province, Side::Payee), window, step.rows()),
            post::Booking::Book | post::Booking::Gap
        );
        if !unknown || !fits {
            return None;
        }
        // From here on nothing may fail.
        let now = step.now.civil;
        step.record(post::record_of(LegRef::new(transfer_id, leg.side, leg.terms_digest), posted));
        let payee_leg = leg.leg_record.clone();
        let commit = CommitDetail { window, hub_seq, payer_leg: Vec::new(), payee_leg };
        let owed = BySide::new(|side| !recovery.has_recorded(transfer_id, side));
        step.record(decision(transfer_id, decide_time.min(now), Ok(commit), BySide::default(), owed));
        self.tell(transfer_id, step);
        Some(())
    }
}

/// An incident for people, of the transfer as a whole.
fn note(transfer_id: TransferId, reason: Reason, step: &mut Step<'_>) {
    incident::raise(LegId { transfer_id, side: Side::Payer }, refusal(reason), step);
}

/// A transfer that the hub had lost. What only its client and its own journal knew is gone.
pub(super) fn adopted(record: &TransferAdopted, sequence: u64, rows: &mut Rows) {
    let payer = (record.payer_region, record.payer_province);
    let payee = (record.payee_region, record.payee_province);
    rows.put(TransferRow {
        terms_digest: record.terms_digest,
        ..begun(
            Kind::TRANSFER,
            (record.transfer_id, record.amount),
            BySide { payer, payee },
            (record.receipt_time, sequence),
        )
    });
}

/// What was adopted carries money of another transfer back.
pub(super) fn return_adopted(record: &ReturnAdopted, rows: &mut Rows) {
    let (kind, returns) = (Kind::COMPENSATION, Some(record.returns));
    rows.put(TransferRow { kind, returns, ..stored(record.transfer_id, rows) });
}

/// What was adopted is of a kind that has no record of its own.
pub(super) fn kind_adopted(record: &KindAdopted, rows: &mut Rows) {
    let (kind, returns) = (record.kind, record.original);
    rows.put(TransferRow { kind, returns, ..stored(record.transfer_id, rows) });
}

/// The hub is back, as a life that no node has seen.
pub(super) fn recovered(record: &HubRecovered, rows: &mut Rows) {
    let own = own(rows);
    rows.put(SelfRow {
        incarnation: record.incarnation,
        start_id: record.start_id,
        civil: own.civil.max(record.time),
        recovered: record.incarnation,
        hub_seq: own.hub_seq.max(record.hub_seq),
        ..own
    });
}
