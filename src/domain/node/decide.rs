//! Decisions: carried out once, confirmed again, and never turned round.

use super::account::{CLEARING, Line, PROVINCE, account, account_of, can_move, post};
use super::name_leg::{await_person, is_nobodys, named_leg};
use super::posting::NotBooked;
use super::prepared::{LegRecord, effect_of, freed, original_key, released};
use super::suspense::{self, suspense_of};
use super::{Life, NodeMachine, Step, daily, name_leg, needs_of_hub, posting, total};
use crate::domain::kinds;
use crate::domain::machine::own::own;
use crate::domain::machine::{IncidentRow, SelfRow, Ticket, WorkingSet};
use crate::domain::node::record::{LegBound, LegDecided, LegPrepared, LegReplayed, LegTombstoned};
use crate::domain::node::tables::{AccountRow, Key, LegRow, Row};
use crate::domain::protocol::{Ack, AckResult, Decision, Kind, LegState, Outcome, PeerMark};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, Civil, Day, Digest, MemberRef, Money, Side, TransferId};
use std::collections::BTreeSet;

/// What several orders need. Of two about one leg the second may contradict what the first has just made of it.
pub(super) fn needs<'a>(
    decisions: impl Iterator<Item = &'a Decision>,
    rows: &WorkingSet<Row>,
    keys: &mut Vec<Key>,
) {
    needs_of_hub(keys);
    keys.push(CLEARING);
    let mut legs = BTreeSet::new();
    for decision in decisions {
        needs_of_one(decision, rows, keys);
        if !legs.insert((decision.transfer_id, decision.side)) {
            keys.push(Key::Incident(decision.transfer_id, decision.side));
        }
    }
}

/// First the leg; once it is known, what its decision moves, or the incident that it may have raised before.
fn needs_of_one(decision: &Decision, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let (transfer_id, side) = (decision.transfer_id, decision.side);
    let key = Key::Leg(transfer_id, side);
    if !rows.knows(&key) {
        return keys.push(key);
    }
    let leg = rows.get::<LegRow>(&key);
    let differs = leg.is_some_and(|leg| leg.terms_digest != decision.terms_digest);
    let lost = LegRecord::of(decision);
    match reaction(leg.map(|leg| leg.state), decision.outcome, brings(decision, lost.as_ref())) {
        Reaction::Book => {
            decision
                .posting
                .iter()
                .for_each(|terms| posting::needs(terms, (side, decision.window), rows, keys));
            keys.push(Key::Incident(transfer_id, side));
        }
        Reaction::Replay => {
            if let Some(lost) = &lost {
                name_leg::needs(lost, rows, keys);
                let LegBound { leg, kind, .. } = &lost.bound;
                total::needs(decision.window, Some(leg.counter_region), (side, *kind), keys);
            }
            keys.push(Key::Incident(transfer_id, side));
        }
        Reaction::Confirm if !differs && leg.is_some_and(is_nobodys) => {
            keys.push(Key::Incident(transfer_id, side));
            lost.iter().for_each(|lost| name_leg::needs(lost, rows, keys));
        }
        Reaction::Reject => keys.push(Key::Incident(transfer_id, side)),
        Reaction::CarryOut | Reaction::Confirm if differs => keys.push(Key::Incident(transfer_id, side)),
        Reaction::CarryOut | Reaction::Tombstone | Reaction::Confirm => {}
    }
    if leg.is_some_and(|leg| leg.state == LegState::Posted) {
        keys.push(Key::Incident(transfer_id, side));
    }
    if let Some(leg) = leg {
        total::needs(decision.window, leg.counter_region, (side, leg.kind), keys);
    }
    if let Some(leg) = leg.filter(|leg| leg.account.beside().is_some()) {
        suspense::needs(leg.member_ref, keys);
    }
    if let Some(leg) = leg.filter(|leg| leg.state == LegState::Prepared) {
        keys.push(leg.account_key());
        keys.extend(leg.returns.map(|original| original_key(original, (leg.kind, side))));
    }
}

/// What a decision brings for a node that does not know the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brings {
    /// Nothing.
    Nothing,
    /// The leg's own record.
    Leg,
    /// What another node has decided by itself.
    Posting,
}

/// What a node does about a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Book the prepared leg, or let go what it holds.
    CarryOut,
    /// Bring the leg back from its own record, and book it: it was lost with the store.
    Replay,
    /// Book what another node has decided.
    Book,
    /// Write a tombstone: the id may never be prepared.
    Tombstone,
    /// Nothing to do: it is so already.
    Confirm,
    /// It contradicts what is recorded: park it for people.
    Reject,
}

/// The table leg state × outcome × what the decision brings, total. `None` is an id never seen.
pub fn reaction(state: Option<LegState>, outcome: Outcome, brings: Brings) -> Reaction {
    match (state, outcome) {
        (None | Some(LegState::Awaiting), _) if brings == Brings::Leg => Reaction::Replay,
        (None, Outcome::Commit) if brings == Brings::Posting => Reaction::Book,
        (Some(LegState::Prepared | LegState::Posted), Outcome::Commit | Outcome::Abort) => Reaction::CarryOut,
        // A leg that waits for acceptance has reserved nothing: there is nothing to return.
        (None | Some(LegState::Awaiting), Outcome::Abort) => Reaction::Tombstone,
        (Some(LegState::Committed), Outcome::Commit) => Reaction::Confirm,
        (
            Some(LegState::Refused | LegState::Tombstone | LegState::Aborted | LegState::Parked),
            Outcome::Abort,
        ) => Reaction::Confirm,
        (
            None
            | Some(
                LegState::Awaiting
                | LegState::Refused
                | LegState::Tombstone
                | LegState::Aborted
                | LegState::Parked,
            ),
            Outcome::Commit,
        ) => Reaction::Reject,
        (Some(LegState::Committed), Outcome::Abort) => Reaction::Reject,
    }
}

/// What a decision brings for a node that does not know the leg.
fn brings(decision: &Decision, lost: Option<&LegRecord>) -> Brings {
    match (lost, decision.posting) {
        (Some(_), _) => Brings::Leg,
        (None, Some(_)) => Brings::Posting,
        (None, None) => Brings::Nothing,
    }
}

impl NodeMachine {
    /// A receipt for each decision, in order.
    pub(super) fn decide(
        &mut self,
        ticket: Ticket<Vec<Ack>>,
        hub: PeerMark,
        decisions: &[Decision],
        step: &mut Step<'_>,
    ) {
        let admitted = self.admitted(Life::Behind).and_then(|()| self.meet_admitting_hub(hub, step));
        if let Err(refusal) = admitted {
            return step.refuse(ticket, refusal);
        }
        let acks = decisions.iter().map(|decision| self.take(decision, step)).collect();
        step.answer(ticket, acks);
    }

    pub(super) fn take(&mut self, decision: &Decision, step: &mut Step<'_>) -> Ack {
        let key = Key::Leg(decision.transfer_id, decision.side);
        let leg = step.rows().share::<LegRow>(&key);
        // A node that was never restored has every leg that it voted for: it books nothing that it does not know. One
        // that was may still lack what a province knew that was heard later.
        let told = LegRecord::of(decision);
        let may_lack = !self.is_whole() || own(step.rows()).recovered > 0;
        let lost = told.clone().filter(|_| !decision.leg_record.is_empty() || may_lack);
        let brings = brings(decision, lost.as_ref());
        let reaction = reaction(leg.as_ref().map(|leg| leg.state), decision.outcome, brings);
        // A tombstone may have been made for a question's terms; every other state binds the digest too.
        let differs = leg.as_ref().is_some_and(|leg| leg.terms_digest != decision.terms_digest);
        let (result, refusal) = match reaction {
            // Nothing of those terms is held here. What is held, the hub is asked about by its own.
            Reaction::CarryOut if differs && decision.outcome == Outcome::Abort => {
                self.ask_at_once((decision.transfer_id, decision.side), step);
                (AckResult::Rejected, Some(RefusalRecord::new(Reason::TermsDiffer, decision.side)))
            }
            Reaction::CarryOut | Reaction::Replay if differs => {
                self.reject(decision, Reason::TermsDiffer, step)
            }
            Reaction::Confirm if differs && decision.outcome == Outcome::Commit => {
                self.reject(decision, Reason::TermsDiffer, step)
            }
            Reaction::CarryOut => {
                self.carry_out(decision, step);
                (AckResult::Recorded, None)
            }
            Reaction::Book => match self.book_posting(decision, step) {
                Ok(()) => (AckResult::Recorded, None),
                Err(NotBooked::Early) => (AckResult::NotYet, None),
                Err(NotBooked::Contrary(reason)) => self.reject(decision, reason, step),
            },
            Reaction::Replay => {
                let lost = lost.map(|lost| lost.of_known(step.rows()));
                match lost.filter(|lost| books_take_lost(&lost.bound, step)) {
                    Some(lost) => {
                        self.replay(decision, lost, step);
                        (AckResult::Recorded, None)
                    }
                    None => self.reject(decision, Reason::Overflow, step),
                }
            }
            Reaction::Tombstone => {
                step.record(LegTombstoned {
                    transfer_id: decision.transfer_id,
                    side: decision.side,
                    terms_digest: decision.terms_digest,
                    time: step.now.civil,
                });
                (AckResult::Recorded, None)
            }
            Reaction::Confirm if told.is_some_and(|told| self.tie(decision, told, step)) => {
                (AckResult::Recorded, None)
            }
            Reaction::Confirm => (AckResult::Already, None),
            // Sent before the hub knew that this store had come back from a backup. It tells all that was lost, with
            // what it can be brought back from; this comes again then.
            Reaction::Reject if leg.is_none() && !self.is_whole() => (AckResult::NotYet, None),
            Reaction::Reject => self.reject(decision, Reason::ContraryOrder, step),
        };
        Ack {
            transfer_id: decision.transfer_id,
            side: decision.side,
            terms_digest: decision.terms_digest,
            result,
            refusal,
            leg_record: named_leg(decision, step).unwrap_or_default(),
        }
    }

    pub(super) fn carry_out(&mut self, decision: &Decision, step: &mut Step<'_>) {
        let (transfer_id, side) = (decision.transfer_id, decision.side);
        self.in_doubt.remove((transfer_id, side));
        let leg: Option<&LegRow> = step.rows().get(&Key::Leg(transfer_id, side));
        let moves = leg.map(|leg| (leg.member_ref, leg.account));
        let parks =
            decision.outcome == Outcome::Abort && leg.is_some_and(|leg| leg.state == LegState::Posted);
        step.record(LegDecided {
            transfer_id: decision.transfer_id,
            side: decision.side,
            outcome: decision.outcome,
            window: decision.window,
            hub_seq: decision.hub_seq,
            time: step.now.civil,
        });
        if parks {
            // What was paid here stays paid: whose it is to bear, people say.
            self.raise(transfer_id, side, RefusalRecord::new(Reason::PostingParked, side), step);
        }
        if let Some(moves) = moves {
            self.booked(moves, transfer_id, step);
        }
    }

    /// Books a leg that was lost. What the member's account cannot take, or no account of his is there to take, stands
    /// in suspense of him, until it is set off, or people end it. A member who is lost too has his reference kept for
    /// him: with it he is owed or owes again what stands there as soon as he is reported.
    fn replay(&mut self, decision: &Decision, lost: LegRecord, step: &mut Step<'_>) {
        let LegBound { leg, kind, original, account, number } = lost.bound;
        lost.id_hash.into_iter().for_each(|id_hash| await_person(id_hash, leg.member_ref, step));
        let (side, direction) = (leg.side, kinds::of(kind).legs[leg.side].direction);
        let is_known = leg.member_ref != PROVINCE;
        let takes = account.is_suspense()
            || can_move(step.rows(), (leg.member_ref, account), direction, leg.amount).is_ok();
        match (kind, decision.window.zip(decision.hub_seq)) {
            // As it was journaled before there was another kind.
            (Kind::TRANSFER, Some((window, hub_seq))) if takes && is_known => {
                let (moves, id) = ((leg.member_ref, account), leg.transfer_id);
                step.record(LegReplayed { leg, window, hub_seq, time: step.now.civil, suspense: false });
                self.booked(moves, id, step);
            }
            _ => {
                let account = if takes { account } else { suspense_of(leg.member_ref, account) };
                let bound = LegBound { leg, kind, original, account, number };
                // What a transfer's own record says is the member's account.
                let waits = account.is_suspense() && kind == Kind::TRANSFER;
                step.record(if waits { bound.into() } else { bound.into_record() });
                self.carry_out(decision, step);
            }
        }
        if !takes || !is_known {
            let refusal = RefusalRecord::new(Reason::ReplayedToSuspense, side);
            self.raise(decision.transfer_id, side, refusal, step);
        }
    }

    /// Parks a contrary order. It is told again and again by the hub, but raised once.
    fn reject(
        &mut self,
        decision: &Decision,
        reason: Reason,
        step: &mut Step<'_>,
    ) -> (AckResult, Option<RefusalRecord>) {
        let refusal = RefusalRecord::new(reason, decision.side).with("outcome", decision.outcome.name());
        let noted = step.rows().get::<IncidentRow>(&Key::Incident(decision.transfer_id, decision.side));
        // What a replay noted about the leg hides no contrary order.
        if noted.is_none_or(|noted| noted.refusal.reason != reason) {
            self.raise(decision.transfer_id, decision.side, refusal.clone(), step);
        }
        (AckResult::Rejected, Some(refusal))
    }
}

fn books_take_lost(lost: &LegBound, step: &Step<'_>) -> bool {
    books_take(lost.leg.amount, (lost.leg.member_ref, lost.account), step)
}

/// Whether the clearing can take an amount that was lost, and the account where it waits if this one does not take it.
pub(super) fn books_take(
    amount: Money,
    (member_ref, kind): (MemberRef, AccountKind),
    step: &Step<'_>,
) -> bool {
    let waits = suspense_of(member_ref, kind);
    let owner = if waits == AccountKind::Suspense { PROVINCE } else { member_ref };
    [(PROVINCE, AccountKind::Clearing), (owner, waits)].into_iter().all(|(owner, kind)| {
        let posted = account(step.rows(), owner, kind).posted;
        posted.checked_add(amount).is_some() && posted.checked_sub(amount).is_some()
    })
}

/// An abort came for an id never seen.
pub fn tombstone(record: &LegTombstoned, rows: &mut WorkingSet<Row>) {
    rows.put(blank(record.transfer_id, record.side, LegState::Tombstone, record.terms_digest, record.time));
}

/// A leg of which no more is known than this.
pub(super) fn blank(
    transfer_id: TransferId,
    side: Side,
    state: LegState,
    terms_digest: Digest,
    time: Civil,
) -> LegRow {
    LegRow {
        transfer_id,
        side,
        state,
        terms_digest,
        member_ref: PROVINCE,
        amount: Money::ZERO,
        counter_region: None,
        day: Day::of(time),
        receipt_time: time,
        refusal: None,
        prepare_time: time,
        decide_time: None,
        window: None,
        hub_seq: None,
        rulebook: None,
        incarnation: 0,
        account: account_of(Kind::TRANSFER, side),
        returns: None,
        returned: Money::ZERO,
        kind: Kind::TRANSFER,
        number: None,
        last_posting: 0,
    }
}

/// The decision on a leg that had voted yes: booked, or let go.
pub fn decided(record: &LegDecided, rows: &mut WorkingSet<Row>) {
    let leg: &LegRow =
        rows.get(&Key::Leg(record.transfer_id, record.side)).expect("only a prepared leg is decided");
    let leg = leg.clone();
    let state = match record.outcome {
        // Posted: booked already.
        Outcome::Commit if leg.state == LegState::Posted => LegState::Committed,
        Outcome::Abort if leg.state == LegState::Posted => LegState::Parked,
        Outcome::Commit => {
            book_leg(rows, freed(&leg, rows), &leg, record.time);
            LegState::Committed
        }
        Outcome::Abort => {
            released(&leg, rows);
            LegState::Aborted
        }
    };
    let leg = LegRow {
        state,
        decide_time: Some(record.time),
        window: record.window,
        hub_seq: record.hub_seq,
        ..leg
    };
    if state == LegState::Committed {
        total::count(&leg, rows);
    }
    rows.put(leg);
    reached(rows, record.hub_seq);
}

/// Books a committed leg: the account that it moves against the clearing.
pub(super) fn book_leg(rows: &mut WorkingSet<Row>, row: AccountRow, leg: &LegRow, time: Civil) {
    let effect = effect_of(leg);
    let line = Line {
        kind: effect.entry,
        transfer_id: Some(leg.transfer_id),
        counter_region: leg.counter_region,
        period: None,
        time,
    };
    post(rows, row, effect.direction.signed(leg.amount), AccountKind::Clearing, line);
}

/// The highest number of a commit that is applied here.
pub(super) fn reached(rows: &mut WorkingSet<Row>, hub_seq: Option<u64>) {
    let own = own(rows);
    if let Some(hub_seq) = hub_seq.filter(|hub_seq| *hub_seq > own.hub_seq) {
        rows.put(SelfRow { hub_seq, ..own });
    }
}

/// A committed leg that was lost with the store came back.
pub fn replayed(record: &LegReplayed, rows: &mut WorkingSet<Row>) {
    let mut leg = LegBound::from(LegPrepared { leg: record.leg.clone() }).into_row();
    if effect_of(&leg).counts_in_day {
        // Wherever the money is booked, the transfer counts against the member's day.
        let row = account(rows, leg.member_ref, leg.account);
        rows.put(daily::reserve(row, leg.day));
    }
    if record.suspense {
        leg.account = AccountKind::Suspense;
    }
    let row = account(rows, leg.account_owner(), leg.account);
    book_leg(rows, row, &leg, record.time);
    let leg = LegRow {
        state: LegState::Committed,
        decide_time: Some(record.time),
        window: Some(record.window),
        hub_seq: Some(record.hub_seq),
        ..leg
    };
    total::count(&leg, rows);
    rows.put(leg);
    reached(rows, Some(record.hub_seq));
}
