//! Nodes: who they are, whether they can be reached, and what they ask. And the hub's own start.

use super::decide::{HUB, decision_for};
use super::recovery::Recovery;
use super::{Effect, HubMachine, Live, Step};
use crate::domain::hub::record::{HubStarted, NodeAdmitted, ResyncMoved, TransferTombstoned};
use crate::domain::hub::tables::{Key, Row, TombstoneRow, TransferRow};
use crate::domain::machine::own::{IncidentRow, PeerRow, PeerSeen, own};
use crate::domain::machine::step::Ticket;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::call::{Announced, Announcement, PeerMark};
use crate::domain::protocol::message::{Decision, Question, Ruling};
use crate::domain::protocol::transfer::{Outcome, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::id::TransferId;
use crate::domain::value::region::ProvinceCode;
use crate::domain::value::side::Side;
use std::cmp::Ordering;

/// A node is told to ask again so long after the transfer's own time is up.
const ASK_MARGIN_MS: u64 = 500;
/// And about one that people must look at after so long.
const PARKED_ASK_MS: u64 = 600_000;

impl HubMachine {
    /// Takes up where the last life stopped; a hub that was restored first hears from these provinces what it lost.
    pub(super) fn start(
        &mut self,
        unsettled: Vec<TransferRow>,
        restored: Option<&[ProvinceCode]>,
        step: &mut Step<'_>,
    ) {
        let incarnation = own(step.rows()).incarnation + 1;
        step.record(HubStarted { incarnation, start_id: self.start_id, time: step.now.civil });
        self.resume_telling(step);
        match restored {
            Some(provinces) if !provinces.is_empty() => {
                self.recovery = Some(Recovery::new(provinces, unsettled));
            }
            Some(_) | None => self.take_up(unsettled, step),
        }
    }

    /// Decides what the last life left undecided (it kept no persons, so it cannot ask again), and takes up
    /// delivery where it stopped.
    pub(super) fn take_up(&mut self, unsettled: Vec<TransferRow>, step: &mut Step<'_>) {
        for stored in unsettled {
            let key = Key::Transfer(stored.transfer_id);
            let transfer = step.rows().get::<TransferRow>(&key).cloned().unwrap_or_else(|| stored.clone());
            if is_parked(transfer.transfer_id, step) {
                continue;
            }
            match transfer.state {
                TransferState::Pending => {
                    let refusal = RefusalRecord::new(Reason::HubRestarted, HUB);
                    self.abort(transfer.transfer_id, refusal, step);
                }
                // What was decided just now is queued already.
                TransferState::Committed | TransferState::Aborted if stored.state.is_decided() => {
                    self.queue(&transfer, step);
                }
                TransferState::Committed | TransferState::Aborted => {}
                TransferState::AwaitingAcceptance | TransferState::Accepted => {
                    self.resume(transfer.transfer_id, step);
                }
            }
        }
    }

    /// Takes note of a node as it spoke. False: it has not announced this start, or is older than what was seen.
    pub(super) fn meet_node(&mut self, province: ProvinceCode, node: PeerMark, step: &mut Step<'_>) -> bool {
        let seen = step.rows().get::<PeerRow>(&Key::Peer(province)).cloned();
        let Some(seen) = seen else { return false };
        if seen.incarnation != node.incarnation || seen.start_id != node.start_id {
            return false;
        }
        let latest = self.seen.get(&province).map_or(seen.sequence, |mark| mark.sequence);
        if node.sequence > latest {
            self.seen.insert(province, node);
        }
        true
    }

    /// Journals how far nodes were seen to have come, with the record that their words have led to.
    pub(super) fn note_seen(&mut self, step: &mut Step<'_>) {
        for (province, mark) in std::mem::take(&mut self.seen) {
            step.record(PeerSeen { province, mark });
        }
    }

    /// A province can, or cannot, be reached.
    pub(super) fn link(&mut self, province: ProvinceCode, up: bool, step: &mut Step<'_>) {
        if up {
            for decision in self.outbox.set_reachable(province) {
                step.effect(Effect::Decide(province, decision));
            }
        } else {
            self.outbox.set_unreachable(province);
            // Callers of an aborted transfer need not wait for a province that cannot be told now.
            for transfer_id in self.waits.transfers().collect::<Vec<_>>() {
                self.answer_ready(transfer_id, step);
            }
        }
    }

    /// Gives a node's new start its incarnation. The node has to prove that its journal holds what was last seen of it;
    /// one that does not was restored, and is told again what it lost before it may vote.
    pub(super) fn announce(
        &mut self,
        ticket: Ticket<Announced>,
        (province, mark): (ProvinceCode, PeerMark),
        (announcement, knows_us_to): (&Announcement, Option<u64>),
        step: &mut Step<'_>,
    ) {
        self.note_seen(step);
        let hub_recovered = own(step.rows()).recovered;
        // What it knows of a life since the last recovery must be in this journal.
        let hub_incarnation = announcement.hub_seen.map_or(0, |seen| seen.incarnation);
        let known_since = hub_incarnation > 0 && hub_incarnation >= hub_recovered;
        if known_since && knows_us_to.is_none() {
            let refusal = RefusalRecord::new(Reason::HubBehind, HUB);
            return step.refuse(ticket, refusal);
        }
        let seen = step.rows().get::<PeerRow>(&Key::Peer(province)).cloned();
        let standing = seen.as_ref().map_or(Standing::Whole, |seen| standing(seen, &mark, announcement));
        match (&seen, standing) {
            (Some(seen), Standing::SameStart) => {
                let resync = seen.resync.is_some();
                step.answer(
                    ticket,
                    Announced::Admitted { incarnation: seen.incarnation, resync, hub_recovered },
                );
                return self.go_on_telling(province, step);
            }
            (Some(seen), Standing::Unproven) => {
                return step.answer(ticket, Announced::Prove { sequence: seen.sequence });
            }
            (_, Standing::Superseded) => {
                let refusal = RefusalRecord::new(Reason::SenderRefused, HUB);
                return step.refuse(ticket, refusal);
            }
            (_, Standing::Whole | Standing::Restored | Standing::SameStart | Standing::Unproven) => {}
        }
        // A hub that was restored itself may have given higher ones.
        let incarnation = seen.as_ref().map_or(0, |seen| seen.incarnation).max(mark.incarnation) + 1;
        step.record(NodeAdmitted { province, mark: PeerMark { incarnation, ..mark } });
        if standing == Standing::Restored {
            let told = seen.as_ref().and_then(|seen| seen.resync).unwrap_or(u64::MAX);
            let told = Some(told.min(knows_us_to.unwrap_or(0)));
            step.record(ResyncMoved { province, told });
            self.tell_again(province);
        }
        let resync = standing == Standing::Restored || seen.is_some_and(|seen| seen.resync.is_some());
        step.answer(ticket, Announced::Admitted { incarnation, resync, hub_recovered });
        // Receipts of its last life that are still under way will not count: tell it again.
        for decision in self.outbox.again(province) {
            step.effect(Effect::Decide(province, decision));
        }
        self.drop_votes_of(province, step);
        self.go_on_telling(province, step);
    }

    /// Only yes votes of a node's present life may commit: transfers that hold one of an earlier life are aborted, or,
    /// if they were accepted, asked for again.
    fn drop_votes_of(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let voted = |(transfer_id, live): (&TransferId, &Live)| {
            let transfer: Option<&TransferRow> = step.rows().get(&Key::Transfer(*transfer_id));
            transfer.is_some_and(|transfer| {
                live.votes.iter().any(|(side, vote)| vote.is_some() && transfer.provinces()[side] == province)
            })
        };
        let stale: Vec<TransferId> =
            self.live.iter().filter(|it| voted((it.0, it.1))).map(|(id, _)| *id).collect();
        for transfer_id in stale {
            self.lose_vote(transfer_id, province, step);
        }
    }

    /// Answers a node's questions. An unknown id is first written as aborted, then answered: "not found" never means
    /// aborted, and what was answered stays true.
    pub(super) fn resolve(
        &mut self,
        ticket: Ticket<Vec<Ruling>>,
        province: ProvinceCode,
        node: PeerMark,
        questions: &[Question],
        step: &mut Step<'_>,
    ) {
        if !self.meet_node(province, node, step) {
            let refusal = RefusalRecord::new(Reason::SenderRefused, HUB);
            return step.refuse(ticket, refusal);
        }
        let is_party = |question: &Question| {
            let transfer: Option<&TransferRow> = step.rows().get(&Key::Transfer(question.transfer_id));
            transfer.is_none_or(|transfer| transfer.provinces()[question.side] == province)
        };
        if !questions.iter().all(is_party) {
            return step.refuse(ticket, RefusalRecord::new(Reason::NotAParty, HUB));
        }
        let rulings = questions.iter().map(|question| self.rule(province, question, step)).collect();
        step.answer(ticket, rulings);
    }

    fn rule(&mut self, province: ProvinceCode, question: &Question, step: &mut Step<'_>) -> Ruling {
        let left = is_left_to_people(question.transfer_id, step);
        let transfer: Option<&TransferRow> = step.rows().get(&Key::Transfer(question.transfer_id));
        // What a node has recorded may be a commit of these terms, whatever the id is used for here.
        let says = |it: &TransferRow| it.state.is_decided() && it.terms_digest == question.terms_digest;
        if left && !transfer.is_some_and(says) {
            return Ruling::Pending { question: question.clone(), ask_after_ms: PARKED_ASK_MS };
        }
        // Terms that were never this id's can only be aborted, whatever becomes of the id.
        let others = transfer.filter(|it| it.terms_digest != question.terms_digest).map(|it| it.receipt_time);
        if let Some(transfer) = transfer.filter(|_| others.is_none()) {
            return match decision_for(transfer, question.side) {
                Some(decision) => Ruling::Decided(decision),
                None => {
                    let left = self.undecided_for(transfer, step.now);
                    Ruling::Pending {
                        question: question.clone(),
                        ask_after_ms: left.saturating_add(ASK_MARGIN_MS),
                    }
                }
            };
        }
        let tombstone: Option<&TombstoneRow> = step.rows().get(&Key::Tombstone(question.transfer_id));
        let decide_time = tombstone.map(|row| row.bury_time).or(others).unwrap_or(step.now.civil);
        if tombstone.is_none() && others.is_none() {
            step.record(TransferTombstoned {
                transfer_id: question.transfer_id,
                province,
                time: step.now.civil,
            });
        }
        Ruling::Decided(Decision {
            transfer_id: question.transfer_id,
            side: question.side,
            terms_digest: question.terms_digest,
            outcome: Outcome::Abort,
            window: None,
            hub_seq: None,
            decide_time,
            leg_record: Vec::new(),
        })
    }
}

/// Whether a recovery has left a transfer to people: a node has recorded a commit of it that cannot be adopted, so it
/// may neither be committed nor be aborted here, whether the hub still knows it or not.
pub(super) fn is_parked(transfer_id: TransferId, step: &Step<'_>) -> bool {
    let decided = |transfer: &TransferRow| transfer.state.is_decided();
    is_left_to_people(transfer_id, step) && !step.rows().get(&Key::Transfer(transfer_id)).is_some_and(decided)
}

/// Whether people must look at an id, since a recovery could not adopt what a node has recorded of it.
fn is_left_to_people(transfer_id: TransferId, step: &Step<'_>) -> bool {
    if own(step.rows()).recovered == 0 {
        return false;
    }
    let incident: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    incident.is_some_and(|incident| incident.refusal.reason == Reason::ContraryOrder)
}

/// What [`is_parked`] needs: nothing at a hub that was never restored.
pub(super) fn needs_if_parked(transfer_id: TransferId, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    if rows.knows(&Key::OWN) && own(rows).recovered > 0 {
        keys.push(Key::Incident(transfer_id, Side::Payer));
    }
}

/// What an announcing node is, by what was last seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The life that is admitted already.
    SameStart,
    /// A life that was admitted, and is not the last any more: a copy of its store has taken its place.
    Superseded,
    /// It says that it has more than was seen of it, and has to prove that it has that too.
    Unproven,
    /// Its journal holds what was seen of it.
    Whole,
    /// Its journal does not hold what was seen of it: an older state of its store was restored.
    Restored,
}

fn standing(seen: &PeerRow, mark: &PeerMark, announcement: &Announcement) -> Standing {
    if seen.start_id == mark.start_id {
        return Standing::SameStart;
    }
    if announcement.again {
        return Standing::Superseded;
    }
    let hash = match mark.sequence.cmp(&seen.sequence) {
        Ordering::Less => return Standing::Restored,
        Ordering::Equal => Some(mark.head_hash),
        Ordering::Greater => announcement.proof.filter(|(at, _)| *at == seen.sequence).map(|(_, hash)| hash),
    };
    match hash {
        // Before its first record there is nothing to prove.
        _ if seen.sequence == 0 => Standing::Whole,
        None => Standing::Unproven,
        Some(hash) if hash == seen.head_hash => Standing::Whole,
        Some(_) => Standing::Restored,
    }
}
