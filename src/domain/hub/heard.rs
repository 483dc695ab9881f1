//! A node has told a hub that was restored what it may have lost. Once every node was heard, the hub recovers.

use super::clearing::{self, HeardNotice, LOST_EVENTS_MAX, last_number};
use super::decide::decision;
use super::left_out::{KEPT_NUMBERS, kept_numbers};
use super::recovery::{Both, Commit, Numbers, Recovery, province_of, whole_province};
use super::windows::{window_at, window_now};
use super::{
    Effect, HubMachine, Key, Rows, Step, TransferRow, begun, incident, left_out, position, post, refusal,
    row, stored, tombstone,
};
use crate::domain::hub::record::{
    CommitDetail, HubRecovered, KindAdopted, LegLost, NumbersSkipped, ReturnAdopted, TransferAdopted,
};
use crate::domain::kinds::{self, Form};
use crate::domain::machine::SelfRow;
use crate::domain::machine::own::own;
use crate::domain::protocol::message::PostingTerms;
use crate::domain::protocol::{HeardLeg, Kind, LegId, LegRef, Posting};
use crate::domain::reason::Reason;
use crate::domain::value::{
    BySide, Civil, Day, Now, NumberRanges, ProvinceCode, RegionCode, Side, TransferId, Window,
};
use std::collections::{BTreeMap, BTreeSet};

/// Most commits that a hub can have lost together with nodes: days of the whole nation's transfers.
const LOST_NUMBERS_MAX: u64 = 1_000_000;
/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// What the end of the recovery needs, once only this province has not been heard, which tells this.
pub(super) fn needs(
    hub: &HubMachine,
    now: Now,
    (province, more, notices): (ProvinceCode, &[HeardLeg], &[HeardNotice]),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    let Some(recovery) = &hub.recovery else {
        return left_out::needs(hub, now, (province, more, notices), rows, keys);
    };
    if recovery.unheard.keys().any(|unheard| *unheard != province) {
        return;
    }
    let heard = recovery.legs.values().flatten().map(|(_, leg)| leg).chain(more);
    let mut windows = window_at(now.civil, rows).into_iter().collect::<BTreeSet<_>>();
    let mut provinces = BTreeSet::new();
    for leg in heard {
        keys.extend([Key::Transfer(leg.transfer_id), Key::Tombstone(leg.transfer_id)]);
        keys.push(Key::Incident(leg.transfer_id, Side::Payer));
        windows.extend(leg.committed.map(|(window, ..)| window));
        // The other side may have nothing to tell, since it has lost it.
        provinces.extend(province_of(leg.counter_region, &hub.places));
        // What backs a posting, and whose money it is, though that place may have nothing to tell.
        if let Some(original) = leg.returns.map(Key::Transfer) {
            let known = rows.knows(&original).then(|| rows.get::<TransferRow>(&original)).flatten();
            provinces.extend(known.iter().flat_map(|it| it.provinces().into_array()));
            keys.push(original);
        }
    }
    let told = recovery.legs.values().flatten().map(|(province, _)| *province);
    provinces.extend(recovery.unheard.keys().copied().chain(told));
    position::keys_among(&windows, &provinces, (now, rows), keys);
    let told = recovery.notices.values().flatten().map(|(_, notice)| notice).chain(notices);
    clearing::needs_of_notices(told, &provinces, (now, rows), keys);
    for transfer in &recovery.unfinished {
        keys.push(Key::Transfer(transfer.transfer_id));
        keys.push(Key::Incident(transfer.transfer_id, Side::Payer));
    }
    keys.sort_unstable();
    keys.dedup();
}

impl HubMachine {
    /// Once every node was heard, the hub recovers.
    pub(super) fn heard(
        &mut self,
        province: ProvinceCode,
        (legs, notices): (Vec<HeardLeg>, Vec<HeardNotice>),
        step: &mut Step<'_>,
    ) {
        let Some(recovery) = &mut self.recovery else { return };
        if recovery.unheard.remove(&province).is_none() {
            return;
        }
        legs.into_iter().for_each(|leg| recovery.hear(province, leg));
        for notice in notices {
            recovery.notices.entry(notice.number).or_default().push((province, notice));
        }
        self.recover_if_heard(step);
    }

    /// Ends the recovery once nobody is waited for.
    pub(super) fn recover_if_heard(&mut self, step: &mut Step<'_>) {
        if let Some(recovery) = self.recovery.take_if(|recovery| recovery.unheard.is_empty()) {
            self.recover(recovery, step);
        }
    }

    fn recover(&mut self, mut recovery: Recovery, step: &mut Step<'_>) {
        recovery.latest = recovery.clock_had_been(step.now.civil, &self.places);
        let left = self.left_out_of(&recovery);
        // Before anything is decided: what was closed stays closed, and no number of an event is given twice.
        let last = last_number(step.rows());
        let can_be = |number| number > last && number <= last.saturating_add(LOST_EVENTS_MAX);
        self.adopt_notices(&recovery.notices, (can_be, true), step);
        self.keep_events(&recovery.notices, !left.is_empty(), step);
        // What they would tell is not known, as if they had lost it.
        recovery.restored.extend(left.iter().copied());
        let ids: BTreeSet<TransferId> = recovery.legs.keys().map(|leg| leg.transfer_id).collect();
        let recorded: BTreeMap<TransferId, Commit> = ids
            .iter()
            .filter_map(|id| recovery.recorded(*id, &self.places).map(|commit| (*id, commit)))
            .collect();
        let today = Day::of(step.now.civil);
        let windows = recorded.values().map(|(window, ..)| *window).filter(|it| it.day() <= today).collect();
        self.close_before(&windows, step);
        // Numbers of commits that hub and node have lost together, now or before, are told by nobody.
        let most = LOST_NUMBERS_MAX + ids.len() as u64;
        let mut numbers = Numbers::after(own(step.rows()).hub_seq, most, &recorded);
        if !left.is_empty() {
            numbers.keep(ids.len(), kept_numbers(own(step.rows()).incarnation, recovery.incarnation));
        }
        recovery.committed().for_each(|hub_seq| numbers.reserve(hub_seq));
        let postings = recovery.postings(&self.places);
        let mut posted: BTreeSet<TransferId> = postings.iter().map(|(.., id)| *id).collect();
        let ids: BTreeSet<TransferId> = ids.difference(&posted).copied().collect();
        for (hub_seq, transfer_ids) in numbers.recorded.clone() {
            let alone = numbers.stands_for_one(hub_seq);
            for transfer_id in transfer_ids.into_iter().filter(|id| ids.contains(id)) {
                let commit = recorded.get(&transfer_id).copied().filter(|_| alone);
                if self.adopt(&recovery, transfer_id, commit, step) {
                    continue;
                }
                match commit.and_then(|it| self.adopt_half((&recovery, &left), transfer_id, it, step)) {
                    Some(reason) => note(transfer_id, reason, step),
                    None => self.leave_to_people((&recovery, &mut numbers), transfer_id, step),
                }
            }
        }
        let in_doubt = ids.into_iter().filter(|id| !recorded.contains_key(id));
        let promised = in_doubt.filter(|id| recovery.both(*id, &self.places).is_some());
        for transfer_id in promised.collect::<Vec<_>>() {
            let commit = (window_now(step), numbers.next_free(), step.now.civil);
            if self.adopt(&recovery, transfer_id, Some(commit), step) {
                numbers.take(commit.1);
                note(transfer_id, Reason::DecidedAtRecovery, step);
            }
        }
        // What backs them is there now. In the order of their numbers, as they were posted.
        for (original, _, transfer_id) in postings {
            if self.adopt_posting(&recovery, (original, transfer_id), &mut numbers, step).is_some() {
                posted.remove(&transfer_id);
            }
        }
        posted.into_iter().for_each(|transfer_id| note(transfer_id, Reason::ContraryOrder, step));
        self.leave_undecided(&recovery, &left, step);
        // The commits are there of which tables and objections speak.
        self.adopt_notices(&recovery.notices, (can_be, false), step);
        let SelfRow { incarnation, skipped, .. } = own(step.rows());
        let incarnation = incarnation.max(recovery.incarnation) + 1;
        let (hub_seq, start_id) = (numbers.highest(), self.start_id);
        skip(&numbers, skipped, !left.is_empty(), step);
        step.record(HubRecovered { incarnation, start_id, hub_seq, time: step.now.civil });
        self.take_up(recovery.unfinished, step);
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
        let Both { legs: BySide { payer, payee }, provinces } = both;
        let kind = known.as_ref().map_or(both.kind().0, |row| row.kind);
        let fits = position::can_hold((kind, payer.amount), provinces, window, step.rows());
        let open = known.as_ref().is_none_or(|row| !row.state.is_decided() && both.is_of(row));
        let now = step.now.civil;
        // The hub's time stands in both legs; what one province alone says of it, or of the commit, moves nothing.
        let received = BySide { payer: payer.receipt_time, payee: payee.receipt_time };
        let earliest = received.payer.max(received.payee);
        let both_recorded = payer.committed.is_some() && payee.committed.is_some();
        let received = now.max(received.payer.min(received.payee));
        let timely = is_timely(window, earliest, if both_recorded { recovery.latest } else { received });
        let votes = matches!(kinds::of(kind).form, Form::Prepared(_));
        if tombstone(transfer_id, step).is_some() || !open || !fits || !timely || !votes {
            return false;
        }
        // From here on nothing may fail.
        if known.is_none() {
            record_both(transfer_id, both, step);
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
    /// Brings a commit back of which one side alone is left, as that side has recorded it. The other node has lost its
    /// leg: it is told to book the amount, whoever it was, and people see to the rest; one that is left out may have
    /// it. Gives why people look at it. None: what is told cannot be.
    fn adopt_half(
        &mut self,
        (recovery, left): (&Recovery, &BTreeSet<ProvinceCode>),
        transfer_id: TransferId,
        (window, hub_seq, decide_time): Commit,
        step: &mut Step<'_>,
    ) -> Option<Reason> {
        let known = step.rows().get::<TransferRow>(&Key::Transfer(transfer_id)).cloned();
        let (provinces, leg) = recovery.half(transfer_id, known.as_ref(), &self.places)?;
        let (kind, now) = (known.as_ref().map_or(leg.kind, |row| row.kind), step.now.civil);
        let fits = position::can_hold((kind, leg.amount), provinces, window, step.rows());
        if tombstone(transfer_id, step).is_some()
            || !fits
            || !is_timely(window, leg.receipt_time, recovery.latest.min(leg.receipt_time).max(now))
        {
            return None;
        }
        // From here on nothing may fail.
        if known.is_none() {
            record_told(leg, provinces, step)?;
        }
        step.record(LegLost { transfer_id, side: leg.side.other() });
        let mut sealed = BySide { payer: Vec::new(), payee: Vec::new() };
        sealed[leg.side] = leg.leg_record.clone();
        let commit = CommitDetail { window, hub_seq, payer_leg: sealed.payer, payee_leg: sealed.payee };
        let rulebooks = BySide::new(|side| leg.rulebook.filter(|_| side == leg.side));
        let owed = BySide::new(|side| side != leg.side);
        step.record(decision(transfer_id, decide_time.min(now), Ok(commit), rulebooks, owed));
        self.tell(transfer_id, step);
        let is_left = left.contains(&provinces[leg.side.other()]);
        Some(if is_left { Reason::LeftOutUnconfirmed } else { Reason::AdoptedFromOneSide })
    }
}

impl HubMachine {
    /// A node has recorded a commit that cannot be adopted: two operators may finish the transfer, as far as its terms
    /// are known; with the window and the number that a party of it tells, where they can be its own.
    fn leave_to_people(
        &self,
        (recovery, numbers): (&Recovery, &mut Numbers),
        transfer_id: TransferId,
        step: &mut Step<'_>,
    ) {
        let is_known = row(transfer_id, step).is_some() || tombstone(transfer_id, step).is_some();
        if let Some(both) = recovery.pair(transfer_id, &self.places).filter(|_| !is_known) {
            if matches!(kinds::of(both.kind().0).form, Form::Prepared(_)) {
                record_both(transfer_id, both, step);
            }
        } else if let Some((teller, leg)) = recovery.told_once(transfer_id).filter(|_| !is_known) {
            self.keep_terms(teller, leg, step);
        }
        let undecided = row(transfer_id, step).filter(|row| !row.state.is_decided());
        let commit = undecided.and_then(|row| recovery.commit_of(&row));
        let commit = commit.filter(|(window, hub_seq, begun)| {
            is_timely(*window, *begun, step.now.civil) && numbers.park(transfer_id, *hub_seq)
        });
        incident::leave_to_people(transfer_id, commit.map(|(window, hub_seq, _)| (window, hub_seq)), step);
    }

    /// Keeps what one province tells of a transfer that the hub has lost, for people to finish it.
    pub(super) fn keep_terms(&self, teller: ProvinceCode, leg: &HeardLeg, step: &mut Step<'_>) {
        let other = province_of(leg.counter_region, &self.places).filter(|other| *other != teller);
        let is_prepared = matches!(kinds::of(leg.kind).form, Form::Prepared(_));
        if let Some(other) = other.filter(|_| is_prepared) {
            record_told(leg, BySide::new(|side| if side == leg.side { teller } else { other }), step);
        }
    }
}

/// Brings a transfer back as both sides tell it.
fn record_both(transfer_id: TransferId, both: Both<'_>, step: &mut Step<'_>) {
    let BySide { payer, payee } = both.legs;
    let regions = BySide { payer: payee.counter_region, payee: payer.counter_region };
    record_terms(payer, regions, both.provinces, step);
    record_kind(transfer_id, both.kind(), step);
}

/// Brings a transfer back as one side alone tells it. Where that side is insured, nobody says: a province's own code
/// stands for its areas. None: it has no such code, and nothing was recorded.
pub(super) fn record_told(
    leg: &HeardLeg,
    provinces: BySide<ProvinceCode>,
    step: &mut Step<'_>,
) -> Option<()> {
    let (transfer_id, whole) = (leg.transfer_id, whole_province(provinces[leg.side])?);
    let regions = BySide::new(|side| if side == leg.side { whole } else { leg.counter_region });
    record_terms(leg, regions, provinces, step);
    record_kind(transfer_id, (leg.kind, leg.returns), step);
    Some(())
}

fn record_terms(
    leg: &HeardLeg,
    regions: BySide<RegionCode>,
    provinces: BySide<ProvinceCode>,
    step: &mut Step<'_>,
) {
    step.record(TransferAdopted {
        transfer_id: leg.transfer_id,
        payer_region: regions.payer,
        payer_province: provinces.payer,
        payee_region: regions.payee,
        payee_province: provinces.payee,
        amount: leg.amount,
        terms_digest: leg.terms_digest,
        receipt_time: leg.receipt_time.min(step.now.civil),
    });
}

fn record_kind(transfer_id: TransferId, told: (Kind, Option<TransferId>), step: &mut Step<'_>) {
    match told {
        (Kind::TRANSFER, None) => {}
        (Kind::COMPENSATION, Some(returns)) => step.record(ReturnAdopted { transfer_id, returns }),
        (kind, original) => step.record(KindAdopted { transfer_id, kind, original }),
    }
}

impl HubMachine {
    /// Brings a posting back, as the two nodes of its original tell it: with the commit that one of them has recorded;
    /// as parked; or, where its node has heard no ruling, with a ruling that is made now. None: what they tell cannot
    /// be, by each other or by what is here.
    fn adopt_posting(
        &mut self,
        recovery: &Recovery,
        (original, transfer_id): (TransferId, TransferId),
        numbers: &mut Numbers,
        step: &mut Step<'_>,
    ) -> Option<()> {
        let now = step.now.civil;
        let provinces = row(original, step)?.provinces();
        let told = |side| recovery.told_by(provinces[side], LegId { transfer_id, side });
        let leg = told(Side::Payee)?;
        let booked = told(Side::Payer).and_then(|it| Some((it, it.committed?)));
        let (kind, number, amount) = (leg.kind, leg.number?, leg.amount);
        let terms =
            PostingTerms { kind, original, number, after: 0, amount, post_time: leg.receipt_time.min(now) };
        let reference = LegRef::new(transfer_id, leg.side, leg.terms_digest);
        let posting = Posting { reference, terms, leg_record: leg.leg_record.clone() };
        let backing = post::backing(&terms, (provinces.payee, leg.side), step.rows())?;
        let says = |it: &HeardLeg| (it.terms_digest, it.amount, it.kind, it.returns);
        let alike = booked.is_none_or(|(payer, (window, hub_seq, _))| {
            let same = leg.committed.is_none_or(|(other, number, _)| (other, number) == (window, hub_seq));
            same && !leg.parked && says(payer) == says(leg)
        });
        let unknown = row(transfer_id, step).is_none() && tombstone(transfer_id, step).is_none();
        if !unknown || !alike {
            return None;
        }
        let commit = leg.committed.or(booked.map(|(_, commit)| commit));
        let covered = |window| post::is_covered(&terms, backing, window, step.rows());
        let ruling = match commit {
            Some((window, hub_seq, time)) => {
                let fits = numbers.stands_for_one(hub_seq)
                    && is_timely(window, terms.post_time, recovery.latest.min(terms.post_time).max(now));
                Some((fits && covered(window)).then_some((window, hub_seq, time.min(now)))?)
            }
            None if leg.parked => None,
            None => covered(window_now(step)).then(|| (window_now(step), numbers.next_free(), now)),
        };
        // From here on nothing may fail.
        ruling.iter().for_each(|(_, hub_seq, _)| numbers.take(*hub_seq));
        let has_recorded = BySide { payer: booked.is_some(), payee: leg.committed.is_some() || leg.parked };
        self.record_posting(&posting, ruling, has_recorded, step);
        Some(())
    }
}

/// Whether a window can be that of a commit of something that began then. A window is the day of a decision by the
/// hub's clock, which had been no further than `latest`; the clock of a node that is far off must not become ours.
pub(super) fn is_timely(window: Window, begun: Civil, latest: Civil) -> bool {
    (Day::of(begun)..=Day::of(Civil(latest.0.saturating_add(DAY_MS)))).contains(&window.day())
}

/// An incident for people, of the transfer as a whole.
pub(super) fn note(transfer_id: TransferId, reason: Reason, step: &mut Step<'_>) {
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

/// A node has lost its leg of what is adopted.
pub(super) fn leg_lost(record: &LegLost, rows: &mut Rows) {
    let row = stored(record.transfer_id, rows);
    let lost = row.lost_side.map_or(record.side.into(), |lost| lost.and(record.side));
    rows.put(TransferRow { lost_side: Some(lost), ..row });
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

/// Notes the numbers that are not given again.
fn skip(numbers: &Numbers, skipped: NumberRanges, has_left: bool, step: &mut Step<'_>) {
    let hub_seq = numbers.highest();
    let all = numbers.skipped(skipped.clone());
    // So many together were kept by a life that is lost, and had left somebody out; fewer are lost commits.
    let has_kept = has_left || all.longest() > KEPT_NUMBERS / 2;
    let kept = if has_kept { all } else { numbers.left_to_people(skipped.clone()) };
    if has_kept || kept != skipped {
        step.record(NumbersSkipped { numbers: kept, hub_seq });
    }
}
