//! A province that was left out of a recovery is back: what it tells is held against what the hub has made of it since.

use super::clearing::{HeardNotice, last_number};
use super::decide::decision;
use super::heard::{is_timely, note};
use super::incident::is_undecided_here;
use super::left_out::{close, has_promised, is_noted_as, is_open, is_prepared};
use super::recovery::{Commit, province_of};
use super::windows::window_now;
use super::{
    Effect, HubMachine, Key, Step, TransferRow, incident, is_parked, position, refusal, row, send, tombstone,
};
use crate::domain::hub::record::{CommitDetail, HubRecovered, LegLost, NumbersSkipped, ProvinceHeard};
use crate::domain::hub::tables::ToldRow;
use crate::domain::machine::own::own;
use crate::domain::machine::{PeerRow, SelfRow, Ticket};
use crate::domain::protocol::{Announced, Announcement, HeardLeg, LegId, PeerMark, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Civil, Digest, NumberRanges, ProvinceCode, Side, Window};
use std::collections::{BTreeMap, BTreeSet};

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
            let told = step.rows().get::<ToldRow>(&Key::Told(province)).map_or(0, |row| row.number);
            step.effect(Effect::AskWhatWasLost(province, (above, told)));
        }
    }

    /// A province that was left out has told what it has recorded: what fits is adopted, what waited for it is ended,
    /// and from now on its node may be admitted.
    pub(super) fn hear_left_out(
        &mut self,
        province: ProvinceCode,
        (legs, notices): (Vec<HeardLeg>, Vec<HeardNotice>),
        step: &mut Step<'_>,
    ) {
        if !self.left_out.get(&province).is_some_and(|left| left.is_asked) {
            return;
        }
        let Some(left) = self.left_out.remove(&province) else { return };
        let notices = notices.into_iter().map(|it| (it.number, vec![(province, it)])).collect();
        // What it was told above what this hub has told it: of a life that is lost.
        let last = last_number(step.rows());
        self.adopt_notices(&notices, (|number| number <= last, true), step);
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
        self.adopt_notices(&notices, (|number| number <= last, false), step);
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
        // What is noted by what follows waits for the other side.
        let waits_for_it = is_noted_as(transfer_id, Reason::LeftOutUnconfirmed, step);
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
        } else if fits && waits_for_it {
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
            None => (window_now(step), own(step.rows()).hub_seq + 1, now),
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
    let may_be = |(window, number): &(Window, u64)| {
        free.contains(*number) && is_timely(*window, begun, step.now.civil)
    };
    let commit = commit.filter(may_be);
    incident::leave_to_people(leg.transfer_id, commit, step);
}
