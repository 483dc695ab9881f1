//! Provinces that two operators have left out of a recovery, since their nodes stay dark. The hub serves the others.
//! What only such a province can tell stays undecided, each with an incident; nothing that it may have recorded is
//! called aborted, and nothing new is begun with it. When its node is back it is heard by itself, before it is
//! admitted: what fits is adopted, what contradicts is left to people.

use super::decide::decision;
use super::heard::{is_timely, note, record_told};
use super::incident::is_undecided_here;
use super::recovery::{Commit, Recovery, province_of};
use super::{
    Effect, HubMachine, Key, Rows, Step, TransferRow, incident, is_parked, position, refusal, row, send,
    tombstone,
};
use crate::domain::hub::record::{
    CommitDetail, HubRecovered, LegLost, NumbersSkipped, ProvinceHeard, ProvinceLeftOut,
};
use crate::domain::kinds::{self, Form};
use crate::domain::machine::own::own;
use crate::domain::machine::{IncidentClosed, IncidentRow, PeerRow, SelfRow, Ticket};
use crate::domain::protocol::{Announced, Announcement, HeardLeg, LegId, PeerMark, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{
    BySide, Civil, Day, Digest, Now, NumberRanges, ProvinceCode, Side, StartId, TransferId,
};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers that are kept for commits between provinces that nobody has heard, for each life of the hub that is lost.
pub(super) const KEPT_NUMBERS: u64 = 10_000;
/// More than so many times that is never kept: it stays small against what a recovery takes for possible.
const KEPT_TIMES: u64 = 20;
/// Why an incident is closed without operators: the province that it waited for was heard.
const HEARD_CODE: &str = "PROVINCE_HEARD";
/// Of an incident: the side whose province has told that it holds its leg.
const PROMISED: &str = "promised";

/// A province that is left out. Its row says from where on it must be heard; a crash takes the rest.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct LeftOut {
    /// The start that announced itself, if one has.
    start: Option<StartId>,
    /// Whether it was asked what it has recorded.
    is_asked: bool,
    /// The highest of this hub's lives that it has seen.
    incarnation: u64,
    /// Whether it can be reached.
    pub(super) is_up: bool,
    /// Transfers that stay undecided until it is heard.
    waiting: BTreeSet<TransferId>,
}

/// How many numbers are kept. A life that is lost may have left out a province itself, and have given higher numbers
/// than it kept; found by the simulator, with a hub that was restored twice from one backup.
pub(super) fn kept_numbers(own: u64, seen: u64) -> u64 {
    let lost = seen.max(own).saturating_sub(own).saturating_add(1);
    KEPT_NUMBERS.saturating_mul(lost.min(KEPT_TIMES))
}

/// What hearing a province by itself needs: what it tells, what waits for it, and the positions that its commits move.
pub(super) fn needs(
    hub: &HubMachine,
    now: Now,
    (province, legs): (ProvinceCode, &[HeardLeg]),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    let Some(left) = hub.left_out.get(&province) else { return };
    keys.push(Key::Peer(province));
    let ids = legs.iter().map(|leg| leg.transfer_id).chain(left.waiting.iter().copied());
    let (mut provinces, mut windows) = (BTreeSet::from([province]), BTreeSet::from([Day::of(now.civil)]));
    for id in ids {
        keys.extend([Key::Transfer(id), Key::Tombstone(id)]);
        keys.extend(Side::BOTH.map(|side| Key::Incident(id, side)));
        let known = rows.knows(&Key::Transfer(id)).then(|| rows.get::<TransferRow>(&Key::Transfer(id)));
        provinces.extend(known.flatten().iter().flat_map(|it| it.provinces().into_array()));
    }
    provinces.extend(legs.iter().filter_map(|leg| province_of(leg.counter_region, &hub.places)));
    windows.extend(legs.iter().filter_map(|leg| leg.committed.map(|(window, ..)| window)));
    for window in windows {
        keys.extend(provinces.iter().map(|province| Key::Position(window, *province)));
    }
    keys.sort_unstable();
    keys.dedup();
}

impl HubMachine {
    /// After a start: who was left out, and what waits for them.
    pub(super) fn resume_left_out(&mut self, unfinished: &[TransferRow], step: &Step<'_>) {
        let provinces: Vec<ProvinceCode> = self.places.provinces().map(|province| province.code).collect();
        for province in provinces {
            let peer: Option<&PeerRow> = step.rows().get(&Key::Peer(province));
            if peer.is_some_and(|peer| peer.left_out.is_some()) {
                self.set_left_out(province);
            }
        }
        let waiting = unfinished.iter().filter(|it| is_undecided_here(it.transfer_id, step));
        waiting.for_each(|it| self.wait_for(it.transfer_id, it.provinces()));
    }

    fn set_left_out(&mut self, province: ProvinceCode) {
        self.left_out.entry(province).or_default();
        self.outbox.set_unreachable(province);
    }

    fn wait_for(&mut self, transfer_id: TransferId, provinces: BySide<ProvinceCode>) {
        for province in provinces.into_array() {
            if let Some(left) = self.left_out.get_mut(&province) {
                left.waiting.insert(transfer_id);
            }
        }
    }

    /// The refusal of what may not begin, since one side's province has not told yet what became of the same id.
    pub(super) fn not_heard(&self, provinces: BySide<ProvinceCode>) -> Option<RefusalRecord> {
        let left = provinces.into_array().into_iter().find(|it| self.left_out.contains_key(it))?;
        Some(refusal(Reason::ProvinceLeftOut).with("province", left))
    }

    /// Whether a province may be left out: the hub recovers, and waits for it.
    pub(super) fn may_leave_out(&self, province: ProvinceCode) -> Result<(), RefusalRecord> {
        let with = |reason| refusal(reason).with("province", province);
        match &self.recovery {
            None => Err(refusal(Reason::NotRecovering)),
            Some(recovery) if recovery.unheard.contains_key(&province) => Ok(()),
            Some(recovery) if recovery.asked.contains(&province) || self.left_out.contains_key(&province) => {
                Err(with(Reason::AlreadyHeard))
            }
            Some(_) => Err(with(Reason::NotAsked)),
        }
    }

    /// The recovery waits for this province no longer.
    pub(super) fn leave_out(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let above = own(step.rows()).hub_seq;
        step.record(ProvinceLeftOut { province, above, time: step.now.civil });
        let was_up = !self.outbox.is_dark(province);
        self.set_left_out(province);
        if let Some(left) = self.left_out.get_mut(&province) {
            left.is_up = was_up;
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.unheard.remove(&province);
            recovery.left.insert(province);
        }
        self.recover_if_heard(step);
    }

    /// Those that are left out of this recovery.
    pub(super) fn left_out_of(&self, recovery: &Recovery) -> BTreeSet<ProvinceCode> {
        let is_left = |it: &&ProvinceCode| recovery.left.contains(it) || !recovery.asked.contains(it);
        self.left_out.keys().filter(is_left).copied().collect()
    }

    /// At the end of a recovery: what may have been committed, for all that anybody can say who was heard, stays
    /// undecided. A commit is recorded nowhere without both promises; so it is only where each side has promised, is
    /// left out, or may have lost it.
    pub(super) fn leave_undecided(
        &mut self,
        recovery: &Recovery,
        left: &BTreeSet<ProvinceCode>,
        step: &mut Step<'_>,
    ) {
        if left.is_empty() {
            return;
        }
        for (LegId { transfer_id, .. }, told) in &recovery.legs {
            for (teller, leg) in told.iter().filter(|(_, leg)| leg.committed.is_none()) {
                let other = province_of(leg.counter_region, &self.places).filter(|it| left.contains(it));
                let Some(other) = other.filter(|_| is_open(*transfer_id, step)) else { continue };
                match recovery.told_once(*transfer_id).is_some() && is_prepared(leg) {
                    true => self.adopt_undecided((*teller, other), leg, step),
                    // Whose it is nobody can say.
                    false => note(*transfer_id, Reason::ContraryOrder, step),
                }
            }
        }
        for stored in &recovery.unfinished {
            let transfer_id = stored.transfer_id;
            let Some(transfer) = row(transfer_id, step).filter(|it| !it.state.is_decided()) else { continue };
            let provinces = transfer.provinces();
            let has_promised = |side: &Side| {
                let told = recovery.told_by(provinces[*side], LegId { transfer_id, side: *side });
                told.is_some_and(|leg| {
                    (leg.terms_digest, leg.amount) == (transfer.terms_digest, transfer.amount)
                })
            };
            let may_have_promised =
                |side: Side| recovery.restored.contains(&provinces[side]) || has_promised(&side);
            let is_left = provinces.into_array().iter().any(|it| left.contains(it));
            if is_left && Side::BOTH.into_iter().all(may_have_promised) && !is_noted(transfer_id, step) {
                let promised = Side::BOTH.into_iter().find(has_promised);
                self.hold_undecided(&transfer, promised, step);
            }
        }
    }

    /// A transfer that this store has lost, of which one side has promised and the other one is not heard.
    fn adopt_undecided(
        &mut self,
        (teller, other): (ProvinceCode, ProvinceCode),
        leg: &HeardLeg,
        step: &mut Step<'_>,
    ) {
        let provinces = BySide::new(|side| if side == leg.side { teller } else { other });
        if provinces.payer == provinces.payee || record_told(leg, provinces, step).is_none() {
            return note(leg.transfer_id, Reason::ContraryOrder, step);
        }
        if let Some(transfer) = row(leg.transfer_id, step) {
            self.hold_undecided(&transfer, Some(leg.side), step);
        }
    }

    /// `promised`: the side whose province has told that it holds its leg.
    fn hold_undecided(&mut self, transfer: &TransferRow, promised: Option<Side>, step: &mut Step<'_>) {
        let undecided = refusal(Reason::LeftOutUndecided);
        let undecided = match promised {
            Some(side) => undecided.with(PROMISED, side.name()),
            None => undecided,
        };
        incident::raise_again(transfer.transfer_id, undecided, step);
        self.wait_for(transfer.transfer_id, transfer.provinces());
    }
}

impl HubMachine {
    /// A node that was left out announces itself. As in a recovery it is asked once it knows that (its second
    /// announcement), and is not admitted before it was heard.
    pub(super) fn announce_left_out(
        &mut self,
        ticket: Ticket<Announced>,
        (province, node): (ProvinceCode, PeerMark),
        announcement: &Announcement,
        step: &mut Step<'_>,
    ) {
        step.refuse(ticket, refusal(Reason::Recovering));
        let peer: Option<&PeerRow> = step.rows().get(&Key::Peer(province));
        let above = peer.and_then(|peer| peer.left_out).unwrap_or(0);
        let Some(left) = self.left_out.get_mut(&province) else { return };
        left.incarnation = left.incarnation.max(announcement.hub_seen.map_or(0, |seen| seen.incarnation));
        left.is_asked = left.start.replace(node.start_id) == Some(node.start_id);
        if left.is_asked {
            step.effect(Effect::AskWhatWasLost(province, above));
        }
    }

    /// A province that was left out has told what it has recorded: what fits is adopted, what waited for it is ended,
    /// and from now on its node may be admitted.
    pub(super) fn hear_left_out(&mut self, province: ProvinceCode, legs: Vec<HeardLeg>, step: &mut Step<'_>) {
        if !self.left_out.get(&province).is_some_and(|left| left.is_asked) {
            return;
        }
        let Some(left) = self.left_out.remove(&province) else { return };
        let mut free = own(step.rows()).skipped;
        let before = free.count();
        let legs: BTreeMap<LegId, HeardLeg> = legs
            .into_iter()
            .map(|leg| (LegId { transfer_id: leg.transfer_id, side: leg.side }, leg))
            .collect();
        let mut told = BTreeSet::new();
        for leg in legs.values() {
            if self.hear_leg(province, leg, &mut free, step) {
                told.insert(leg.transfer_id);
            }
        }
        if free.count() != before {
            let hub_seq = own(step.rows()).hub_seq;
            step.record(NumbersSkipped { numbers: free, hub_seq });
        }
        step.record(ProvinceHeard { province, time: step.now.civil });
        // What it has not promised was never committed.
        for transfer_id in left.waiting.into_iter().filter(|id| !told.contains(id)) {
            if is_undecided_here(transfer_id, step) {
                close(transfer_id, step);
                let transfer = row(transfer_id, step).map(|it| it.as_ref().clone());
                self.take_up(transfer.into_iter().collect(), step);
            }
        }
        if left.is_up {
            send(province, self.outbox.set_reachable(province), step);
        }
        self.outlive(left.incarnation, step);
    }

    /// A node that has seen a later life of a hub that lost it takes nothing from an earlier one: this hub becomes a
    /// life that nobody has seen.
    fn outlive(&mut self, seen: u64, step: &mut Step<'_>) {
        let SelfRow { incarnation, recovered, hub_seq, .. } = own(step.rows());
        if seen >= recovered {
            let (incarnation, start_id) = (incarnation.max(seen) + 1, self.start_id);
            step.record(HubRecovered { incarnation, start_id, hub_seq, time: step.now.civil });
            step.effect(Effect::Recovered(incarnation));
        }
    }

    /// Holds what a province tells of one leg against what is here. True: it is that transfer's leg, with its terms.
    fn hear_leg(
        &mut self,
        province: ProvinceCode,
        leg: &HeardLeg,
        free: &mut NumberRanges,
        step: &mut Step<'_>,
    ) -> bool {
        let transfer_id = leg.transfer_id;
        let known = row(transfer_id, step);
        let Some(transfer) = known else { return self.hear_unknown(province, leg, free, step) };
        // What a third province tells of a transfer counts for nothing, or it could end what waits for a party. But
        // where the terms here are one province's word alone, theirs may be the false one.
        if transfer.provinces()[leg.side] != province {
            if leg.committed.is_some() && transfer.is_adopted() && is_parked(transfer_id, step) {
                let other = LegId { transfer_id, side: Side::Payee };
                incident::raise(other, refusal(Reason::ContraryOrder), step);
            }
            return false;
        }
        let is_its = (leg.terms_digest, leg.amount) == (transfer.terms_digest, transfer.amount);
        let says = leg.committed.map(|(window, number, _)| (Some(window), Some(number)));
        let fits = is_its
            && match transfer.state {
                TransferState::Committed => {
                    says.is_none_or(|says| says == (transfer.window, transfer.hub_seq))
                }
                TransferState::Aborted => says.is_none(),
                _ if is_undecided_here(transfer_id, step) => self.end_undecided(&transfer, leg, free, step),
                _ => says.is_none(),
            };
        if !fits && says.is_some() {
            match is_its && !transfer.state.is_decided() {
                true => leave_to_people(leg, transfer.receipt_time.max(leg.receipt_time), free, step),
                false => note(transfer_id, Reason::ContraryOrder, step),
            }
            self.awaiting.forget(&transfer);
        } else if fits && is_noted_as(transfer_id, Reason::LeftOutUnconfirmed, step) {
            close(transfer_id, step);
        }
        is_its
    }

    /// A leg of a transfer that the hub does not know. Its other side was heard, and has not promised; or it was left
    /// out, too.
    fn hear_unknown(
        &mut self,
        province: ProvinceCode,
        leg: &HeardLeg,
        free: &mut NumberRanges,
        step: &mut Step<'_>,
    ) -> bool {
        let other = province_of(leg.counter_region, &self.places);
        let other = other.filter(|it| self.left_out.contains_key(it) && is_prepared(leg));
        if let Some(other) = other.filter(|_| is_open(leg.transfer_id, step)) {
            self.adopt_undecided((province, other), leg, step);
            let Some(transfer) = row(leg.transfer_id, step) else { return false };
            if leg.committed.is_none() || self.end_undecided(&transfer, leg, free, step) {
                return true;
            }
        }
        if leg.committed.is_some() {
            if tombstone(leg.transfer_id, step).is_none() {
                self.keep_terms(province, leg, step);
            }
            leave_to_people(leg, leg.receipt_time, free, step);
        }
        false
    }

    /// A transfer stayed undecided, and this side was not heard until now. False: what it has recorded cannot be.
    fn end_undecided(
        &mut self,
        transfer: &TransferRow,
        leg: &HeardLeg,
        free: &mut NumberRanges,
        step: &mut Step<'_>,
    ) -> bool {
        let (now, provinces) = (step.now.civil, transfer.provinces());
        let other_is_left = self.left_out.contains_key(&provinces[leg.side.other()]);
        let commit: Commit = match leg.committed {
            Some((window, number, time)) => {
                // The hub's time stands in both: what one province alone says moves no window of before.
                let received = transfer.receipt_time.max(leg.receipt_time);
                if !free.contains(number) || !is_timely(window, received, now) {
                    return false;
                }
                (window, number, time.min(now))
            }
            // Both sides are left out: it waits for the other one, too.
            None if other_is_left => {
                self.hold_undecided(transfer, Some(leg.side), step);
                return true;
            }
            // The other side was heard, and has not promised, or has lost that with its store: as in a recovery.
            None if !has_promised(transfer.transfer_id, leg.side.other(), step) => {
                close(transfer.transfer_id, step);
                self.take_up(vec![transfer.clone()], step);
                return true;
            }
            None => (Day::of(now), own(step.rows()).hub_seq + 1, now),
        };
        if !position::can_hold((transfer.kind, transfer.amount), provinces, commit.0, step.rows()) {
            return false;
        }
        // From here on nothing may fail.
        free.take(commit.1);
        self.commit_as_told(transfer, leg, commit, step);
        match leg.committed {
            Some(_) if other_is_left => note(transfer.transfer_id, Reason::LeftOutUnconfirmed, step),
            Some(_) => close(transfer.transfer_id, step),
            // As in a recovery: both have promised, and nobody knows the decision.
            None => note(transfer.transfer_id, Reason::DecidedAtRecovery, step),
        }
        true
    }

    fn commit_as_told(
        &mut self,
        transfer: &TransferRow,
        leg: &HeardLeg,
        (window, hub_seq, time): Commit,
        step: &mut Step<'_>,
    ) {
        let (transfer_id, side) = (transfer.transfer_id, leg.side);
        // The other side's sealed record was lost with the hub, whether its node has the leg or not.
        step.record(LegLost { transfer_id, side: side.other() });
        let mut sealed = BySide { payer: Vec::new(), payee: Vec::new() };
        sealed[side] = leg.leg_record.clone();
        let commit = CommitDetail { window, hub_seq, payer_leg: sealed.payer, payee_leg: sealed.payee };
        let rulebooks: BySide<Option<Digest>> = BySide::new(|it| leg.rulebook.filter(|_| it == side));
        let owed = BySide::new(|it| it != side || leg.committed.is_none());
        step.record(decision(transfer_id, time, Ok(commit), rulebooks, owed));
        self.tell(transfer_id, step);
    }
}

/// A commit that a province tells later, and that cannot be adopted: with its number, if that was skipped.
fn leave_to_people(leg: &HeardLeg, begun: Civil, free: &NumberRanges, step: &mut Step<'_>) {
    let commit = leg.committed.map(|(window, number, _)| (window, number));
    let may_be =
        |(window, number): &(Day, u64)| free.contains(*number) && is_timely(*window, begun, step.now.civil);
    let commit = commit.filter(may_be);
    incident::leave_to_people(leg.transfer_id, commit, step);
}

fn is_prepared(leg: &HeardLeg) -> bool {
    matches!(kinds::of(leg.kind).form, Form::Prepared(_))
}

/// Whether nothing is said of an id here.
fn is_open(transfer_id: TransferId, step: &Step<'_>) -> bool {
    row(transfer_id, step).is_none() && tombstone(transfer_id, step).is_none() && !is_noted(transfer_id, step)
}

/// Whether the province of a side has told that it holds its leg of what stays undecided.
pub(super) fn has_promised(transfer_id: TransferId, side: Side, step: &Step<'_>) -> bool {
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    let told = noted.into_iter().flat_map(|it| &it.refusal.metadata);
    told.into_iter().any(|(key, value)| key == PROMISED && value == side.name())
}

fn is_noted_as(transfer_id: TransferId, reason: Reason, step: &Step<'_>) -> bool {
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    noted.is_some_and(|it| it.refusal.reason == reason && it.close_time.is_none())
}

fn is_noted(transfer_id: TransferId, step: &Step<'_>) -> bool {
    [Reason::ContraryOrder, Reason::LeftOutUndecided].into_iter().any(|it| is_noted_as(transfer_id, it, step))
}

/// What an incident waited for has come.
fn close(transfer_id: TransferId, step: &mut Step<'_>) {
    let (side, code) = (Side::Payer, HEARD_CODE.to_owned());
    if incident::is_open(LegId { transfer_id, side }, step) {
        step.record(IncidentClosed { transfer_id, side, code, time: step.now.civil });
    }
}

/// A province is left out. What an earlier recovery has lost of it is not forgotten.
pub(super) fn left_out(record: &ProvinceLeftOut, rows: &mut Rows) {
    let known = rows.get::<PeerRow>(&Key::Peer(record.province)).cloned();
    let peer = known.unwrap_or_else(|| PeerRow::unseen(record.province));
    let above = peer.left_out.map_or(record.above, |before| before.min(record.above));
    rows.put(PeerRow { left_out: Some(above), ..peer });
}

/// It was heard.
pub(super) fn heard(record: &ProvinceHeard, rows: &mut Rows) {
    if let Some(peer) = rows.get::<PeerRow>(&Key::Peer(record.province)).cloned() {
        rows.put(PeerRow { left_out: None, ..peer });
    }
}

/// Numbers are kept apart.
pub(super) fn skipped(record: &NumbersSkipped, rows: &mut Rows) {
    let own = own(rows);
    let hub_seq = own.hub_seq.max(record.hub_seq);
    rows.put(SelfRow { skipped: record.numbers.clone(), hub_seq, ..own });
}

#[cfg(test)]
#[path = "left_out_tests.rs"]
mod tests;
